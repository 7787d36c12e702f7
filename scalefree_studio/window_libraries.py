"""What a window needs of a Linux system. It imports nothing, so that scripts/setup.sh asks it before anything is there:

python3 scalefree_studio/window_libraries.py     prints what is missing, and no more
"""

from __future__ import annotations

import ctypes
import shutil
import sys

# What Qt's xcb platform and OpenGL load, and the packages of Debian and Ubuntu in which it lies.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


def missing_libraries() -> list[str]:
    """Those that cannot be loaded here."""
    return [name for name in LIBRARIES if not _loads(name)] if sys.platform == "linux" else []


def what_to_install(missing: list[str]) -> str:
    """In words to be typed, where the system is known; else the libraries themselves."""
    if shutil.which("apt-get"):
        return f"sudo apt-get install {' '.join(LIBRARIES[name] for name in missing)}"
    return f"{', '.join(missing)} (with the system's own package manager)"


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    print(*missing_libraries())
