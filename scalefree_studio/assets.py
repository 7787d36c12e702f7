"""Where that lies which ships with the studio: drawings, models and their cards."""

from __future__ import annotations

from pathlib import Path


def assets() -> Path:
    """In an installed package inside it; in a source tree, also an editable install, beside it."""
    package = Path(__file__).parent
    inside = package / "assets"
    return inside if inside.is_dir() else package.parent / "assets"


_model_folders = [assets() / "models"]


def model_folders() -> list[Path]:
    """Where models lie that answer to `model:NAME`: ours first."""
    return list(_model_folders)


def add_models(folder: Path) -> None:
    """Another instrument's models come along, too."""
    if folder not in _model_folders:
        _model_folders.append(folder)
