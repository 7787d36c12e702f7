"""The models that come with the studio: `model:NAME` wherever a model file is wanted."""

from __future__ import annotations

from pathlib import Path

from ..assets import model_folders
from ..errors import UserError

PREFIX = "model:"


def shipped() -> dict[str, Path]:
    """Name → file, ours first; of two of one name the first."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.safetensors")):
            found.setdefault(path.stem, path)
    return found


def resolved(path: Path | str) -> Path:
    """The file that is meant by a path, or by the name of a model that comes with the studio."""
    text = str(path)
    if not text.startswith(PREFIX):
        return Path(path)
    models = shipped()
    name = text.removeprefix(PREFIX)
    if name not in models:
        raise UserError(f"No model {name!r} comes with the studio; there are {', '.join(models) or 'none'}.")
    return models[name]
