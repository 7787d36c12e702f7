"""Where that lies which ships with the studio: drawings, models and their cards."""

from __future__ import annotations

from pathlib import Path


def assets() -> Path:
    """In an installed package inside it; in a source tree, also an editable install, beside it."""
    package = Path(__file__).parent
    inside = package / "assets"
    return inside if inside.is_dir() else package.parent / "assets"
