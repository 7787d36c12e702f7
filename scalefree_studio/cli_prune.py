"""`scalefree-studio prune`: a model without the codes that are hardly used."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import same_file, write_errors
from .jobs.codebooks.prune import Pruned, pruned
from .jobs.instruments import codec_of
from .jobs.training.learnt import dataset_learnt
from .runs import choose_device
from .storage.run_folder import MODEL, SUFFIX, RunFolder, check_model_file, is_run, load_checkpoint
from .storage.shipped import PREFIX
from .storage.tensors import write_tensors
from .terminal import MODEL_HELP, add_json_flag, output, progress_bars, report

Handler = Callable[[argparse.Namespace], int]


def fill_prune(parser: argparse.ArgumentParser) -> Handler:
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    add(
        "--threshold", type=_threshold, required=True, metavar="N",
        help="remove codes that the training pictures use less often than this",
    )  # fmt: skip
    add(
        "--dataset", metavar="NAME|PATH",
        help="count over these pictures (default: those that the model learned from)",
    )  # fmt: skip
    add(
        "--out", type=output, metavar=f"FILE{SUFFIX}",
        help="where to write the pruned model (default: a file beside MODEL, or the current folder for "
        "model:NAME)",
    )  # fmt: skip
    add(
        "--dry-run",
        action="store_true",
        help="write nothing; only show what would be removed, and what it would cost",
    )
    add("--data-root", type=Path, metavar="DIR", help="where official files are (default: data)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    add_json_flag(parser)
    return prune


def _threshold(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a threshold is a whole number, 1 or more, not {text!r}")
    return int(text)


def prune(arguments: argparse.Namespace) -> int:
    out: Path | None = None if arguments.dry_run else arguments.out or beside(arguments.model)
    if out is not None:
        check_model_file(out)
        if same_file(out, arguments.model) or same_file(out, arguments.model / MODEL):
            raise UserError(f"{out} is an input; name another file to write to.")
    with ExitStack() as held:
        if out is not None and is_run(out.parent):
            held.enter_context(RunFolder(out.parent))
        return _prune(arguments, out)


def _prune(arguments: argparse.Namespace, out: Path | None) -> int:
    checkpoint = load_checkpoint(arguments.model)
    codec_of(checkpoint)  # or a UserError, before anything is downloaded
    device = choose_device(arguments.device)
    with progress_bars(arguments.json) as progress:
        dataset = dataset_learnt(checkpoint, arguments.dataset, arguments.data_root, progress)
        found = pruned(checkpoint, dataset, arguments.threshold, device, progress)
    if out is not None:
        slimmer = found.checkpoint
        with write_errors(out):
            about = {"kind": slimmer.kind, "step": slimmer.step, **slimmer.about}
            write_tensors(out, slimmer.model, about)
    report(_result(found, out), arguments.json, _words(found, out))
    return 0


def beside(model: Path) -> Path:
    """Where a pruned model goes if nobody says it."""
    if model.is_dir():
        return model / f"pruned{SUFFIX}"
    if str(model).startswith(PREFIX):
        return Path(f"{str(model).removeprefix(PREFIX)}-pruned{SUFFIX}")
    return model.with_name(f"{model.stem}-pruned{SUFFIX}")


def _result(found: Pruned, out: Path | None) -> dict[str, Any]:
    stages = [{"codes": s.codes, "left": s.left, "new": s.new.tolist()} for s in found.stages]
    errors = {"error_before": found.error_before, "error": found.error}
    return {"stages": stages, **errors, "model": None if out is None else str(out)}


def _words(found: Pruned, out: Path | None) -> str:
    lines = [
        f"  stage {number}: {stage.codes - stage.left:,} of {stage.codes:,} codes go"
        for number, stage in enumerate(found.stages, 1)
    ]
    change = found.error / found.error_before - 1 if found.error_before else 0.0
    lines.append(
        f"  squared error of held-out pictures: {found.error_before:.5f}, then {found.error:.5f} ({change:+.1%})"
    )
    lines.append("  nothing is written" if out is None else f"  written to {out}")
    return "\n".join(lines)
