"""What is installed here, in words: asked of the packages' own notes, so that nothing is imported."""

from __future__ import annotations

import platform
from importlib import metadata

PACKAGES = (
    "torch", "numpy", "PyQt6", "PyQt6-Qt6", "vispy", "pillow", "imageio", "imageio-ffmpeg", "safetensors",
    "scikit-image", "scikit-learn", "tqdm", "filelock",
)  # fmt: skip
STUDIO = "scalefree-studio"


def version_of(package: str) -> str:
    """Its version; nothing where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def versions() -> dict[str, str]:
    """The studio's, Python's, the system's, and those of all packages that it needs."""
    return {
        STUDIO: version_of(STUDIO) or "from source",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        **{package: version_of(package) for package in PACKAGES},
    }
