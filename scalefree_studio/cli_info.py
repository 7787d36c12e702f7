"""`scalefree-studio info` and `pictures`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .drawings import KIND as DRAWING
from .errors import UserError
from .terminal import MODEL_HELP

if TYPE_CHECKING:
    from .snapshot import Checkpoint


def fill_info(parser: argparse.ArgumentParser) -> Any:
    parser.add_argument("file", type=Path, help=MODEL_HELP)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return info


def info(arguments: argparse.Namespace) -> int:
    from .storage.run_folder import HISTORY, load_checkpoint

    path: Path = arguments.file
    checkpoint = load_checkpoint(path)
    about = dict(checkpoint.about)
    found: dict[str, Any] = {
        "kind": checkpoint.kind,
        "step": checkpoint.step,
        "seconds": about.get("seconds"),
        "psnr": about.get("psnr"),
        "picture": about.get("picture"),
        "resumable": bool(checkpoint.trainer),
        **_model_info(checkpoint),
    }
    folder = path if path.is_dir() else path.parent
    if (folder / HISTORY).exists():
        found["recorded"] = _history_info(folder / HISTORY)
    found["controls"] = about.get("controls", {})
    print(json.dumps(found) if arguments.json else _as_text(found))
    return 0


def _model_info(checkpoint: Checkpoint) -> dict[str, Any]:
    """What is said of a model of each kind."""
    kinds = {"dividers": _divider_info, "pixelcnn": _pixelcnn_info, DRAWING: _drawing_info}
    if checkpoint.kind not in kinds:
        raise UserError(f"This studio knows no model of kind {checkpoint.kind!r}; a newer one may.")
    return kinds[checkpoint.kind](checkpoint)


def _pixelcnn_info(checkpoint: Checkpoint) -> dict[str, Any]:
    from .jobs.pixelcnn.saved import read_pixelcnn
    from .models.pixelcnn.network import count_numbers

    about = checkpoint.about
    return {
        "numbers": count_numbers(read_pixelcnn(checkpoint)),
        "dataset": about.get("dataset"),
        "held_out_nats_per_dimension": about.get("best"),
    }


def _drawing_info(checkpoint: Checkpoint) -> dict[str, Any]:
    from .jobs.drawing.draw import DrawPictures
    from .jobs.drawing.samplers import network_of

    job, network = DrawPictures.from_checkpoint(checkpoint), network_of(checkpoint)
    (height, width), state, metrics = job.sampler.size, job.state, job.snapshot().metrics
    return {
        "pictures": len(state.position),
        "places": f"{width}x{height}",
        "channels": job.sampler.channels,
        "levels": job.sampler.levels,
        "drawn": f"{metrics['share']:.0%}",
        "given": int(state.given.sum()),
        "bits_per_dimension": metrics.get("bits"),
        "surprise_per_dimension": metrics.get("surprise"),
        "resumable": True,
        "network": {"kind": network.kind, **_model_info(network)},
    }


def _divider_info(checkpoint: Checkpoint) -> dict[str, Any]:
    from .jobs.dividers.saved import read_model
    from .models.dividers.network import count_numbers, unit_counts

    saved = read_model(checkpoint)
    counts = {
        f"{kind}s" if kind in ("line", "circle") else kind: n
        for kind, n in unit_counts(saved.params).items()
        if n
    }
    height, width = saved.target.shape[:2]
    return {"target": f"{width}x{height}", "units": counts, "numbers": count_numbers(saved.params)}


def _history_info(path: Path) -> dict[str, Any]:
    from .storage.history import History

    try:
        with History.open(path) as history:
            index = history.index()
            steps = [step for _, step in index]
            return {
                "frames": len(index),
                "first_step": min(steps, default=0),
                "last_step": max(steps, default=0),
            }
    except UserError as error:
        return {"trouble": str(error)}


def _as_text(found: dict[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in found.items():
        label = name.replace("_", " ")
        if isinstance(value, dict):
            lines.append(f"{indent}{label}:")
            lines.append(_as_text(value, indent + "  "))
        elif value not in (None, ""):
            shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
            lines.append(
                f"{indent}{label}: {shown:.4g}" if isinstance(value, float) else f"{indent}{label}: {shown}"
            )
    return "\n".join(line for line in lines if line)


def fill_pictures(parser: argparse.ArgumentParser) -> Any:
    return pictures


def pictures(arguments: argparse.Namespace) -> int:
    from .data.pictures import gallery

    for item in gallery():
        print(f"{item.spec:<32}{item.group}: {item.title}")
    return 0
