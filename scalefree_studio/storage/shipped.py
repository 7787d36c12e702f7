"""`model:NAME` wherever a model file is wanted: the models that come with the studio, and those that were fetched."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..assets import fetched_models, model_folders
from ..errors import UserError
from .tensors import read_tensors

PREFIX = "model:"


def shipped() -> dict[str, Path]:
    """Name → file of those that come with the studio or an instrument, ours first."""
    return _found(model_folders())


def named_models() -> dict[str, Path]:
    """Name → file of all that answer to `model:NAME`: those that come along, then those that a person has fetched."""
    return _found([*model_folders(), fetched_models()])


def title_of(path: Path) -> str:
    """What a model calls itself."""
    try:
        title = str(read_tensors(path, arrays=False)[1].get("title", ""))
    except UserError:
        return "damaged, or not a model"
    return title if title.isprintable() else ""


def _found(folders: Iterable[Path]) -> dict[str, Path]:
    """Of two of one name the first."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.safetensors")):
            found.setdefault(path.stem, path)
    return found


def resolved(path: Path | str) -> Path:
    """The file that is meant by a path, or by the name of a model."""
    text = str(path)
    if not text.startswith(PREFIX):
        return Path(path)
    models = named_models()
    name = text.removeprefix(PREFIX)
    if name not in models:
        raise UserError(
            f"There is no model {name!r} here; there are {', '.join(models) or 'none'}, and "
            "`scalefree-studio fetch --list` lists what can be fetched."
        )
    return models[name]
