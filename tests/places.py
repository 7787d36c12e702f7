"""Folders for files that many tests share: gone when the tests end."""

from __future__ import annotations

import tempfile
from pathlib import Path

ALL = tempfile.TemporaryDirectory(prefix="shared-")


def place() -> Path:
    """A new one."""
    return Path(tempfile.mkdtemp(dir=ALL.name))
