"""Where that lies which ships with the studio (drawings, models and their cards), and what a person has downloaded."""

from __future__ import annotations

import os
from pathlib import Path

ROOT_VARIABLE = "SCALEFREE_DATA"


def assets() -> Path:
    """In an installed package inside it; in a source tree, also an editable install, beside it."""
    package = Path(__file__).parent
    inside = package / "assets"
    return inside if inside.is_dir() else package.parent / "assets"


_model_folders = [assets() / "models"]


def model_folders() -> list[Path]:
    """Where models lie that come along, ours first, each with a registry of more of them or none."""
    return list(_model_folders)


def add_models(folder: Path) -> None:
    """Another instrument's models come along, too."""
    if folder not in _model_folders:
        _model_folders.append(folder)


def data_root(asked: Path | None = None) -> Path:
    """Where downloads go, and are looked for."""
    return Path(os.path.expanduser(asked or os.environ.get(ROOT_VARIABLE) or "data")).absolute()


def fetched_models() -> Path:
    """Where models go that a person fetches."""
    return data_root() / "models"
