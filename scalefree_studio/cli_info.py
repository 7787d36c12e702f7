"""`scalefree-studio info` and `pictures`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .data.datasets import DATASETS
from .data.datasets import PREFIX as DATASET
from .data.pictures import gallery
from .drawings import KIND as DRAWING
from .errors import UserError
from .jobs.drawing.draw import DrawPictures
from .jobs.instruments import info_of, network_of
from .recipes.found import PREFIX as RECIPE
from .recipes.found import find_recipe, shipped_recipes
from .snapshot import Checkpoint
from .storage.history import History
from .storage.run_folder import HISTORY, load_checkpoint
from .storage.shipped import PREFIX, named_models, title_of
from .terminal import MODEL_HELP, add_json_flag, report

LONGEST = 120  # letters of a value


def fill_info(parser: argparse.ArgumentParser) -> Any:
    parser.add_argument("file", type=Path, metavar="MODEL", help=MODEL_HELP)
    add_json_flag(parser)
    return info


def info(arguments: argparse.Namespace) -> int:
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
    report(found, arguments.json, _as_text(found), person=sys.stdout)
    return 0


def _model_info(checkpoint: Checkpoint) -> dict[str, Any]:
    """What is said of a model of each kind."""
    if checkpoint.kind != DRAWING:
        return info_of(checkpoint)
    network = network_of(checkpoint)
    return {**DrawPictures.info(checkpoint), "network": {"kind": network.kind, **info_of(network)}}


def _history_info(path: Path) -> dict[str, Any]:
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
            lines.append(f"{indent}{label}: {_value_as_text(value)}")
    return "\n".join(line for line in lines if line)


def _value_as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"  # a palette, say; --json has all of it


def fill_pictures(parser: argparse.ArgumentParser) -> Any:
    add_json_flag(parser)
    return pictures


def pictures(arguments: argparse.Namespace) -> int:
    """All that can be opened or learnt from by its name, in groups."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for item in gallery():
        groups.setdefault(item.group, []).append((item.spec, item.title))
    models = [(f"{PREFIX}{name}", title_of(path)) for name, path in named_models().items()]
    groups["Models"] = models
    groups["Data sets"] = [(f"{DATASET}{name}", title) for name, title in DATASETS.items()]
    groups["Recipes"] = [
        (f"{RECIPE}{name}", find_recipe(path)[0].title) for name, path in shipped_recipes().items()
    ]
    found = {
        group: [{"name": name, "title": title} for name, title in items] for group, items in groups.items()
    }
    lines = [
        f"{group}\n" + "".join(f"  {name:<32}{title}".rstrip() + "\n" for name, title in items)
        for group, items in groups.items()
        if items
    ]
    report(found, arguments.json, "\n".join(lines).rstrip(), person=sys.stdout)
    return 0
