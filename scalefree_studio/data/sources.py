"""What a data set is, what can be asked of one, and where one comes from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..assets import data_root
from .download import Progress
from .examples import Examples

Size = tuple[int, int]  # height, width


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples to learn from and examples held out; a label is an index into the classes."""

    name: str
    spec: str  # what finds it again: a name or a path, as a person wrote it
    train: Examples
    held: Examples
    classes: tuple[str, ...]
    skipped: int = 0  # pictures that could not be read
    skipped_names: tuple[str, ...] = ()  # the first of them
    notes: tuple[str, ...] = ()  # sentences that a person should read once

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example; of a picture: height, width, channels."""
        return self.train.shape


@dataclass(frozen=True)
class DataRequest:
    """Which data set is wanted, and how. What is None stays as it is in the source."""

    spec: str
    root: Path | None = None  # where official files are looked for and downloaded to
    size: Size | None = None
    channels: int | None = None  # 1 or 3
    download: bool = True
    progress: Progress | None = None

    @property
    def path(self) -> Path:
        return Path(os.path.expanduser(self.spec))

    @property
    def data_root(self) -> Path:
        return data_root(self.root)


@dataclass(frozen=True)
class Source:
    """A data set of this name, or, where it says which paths it opens, any that a path leads to."""

    name: str  # lower case, without hyphens
    title: str
    load: Callable[[DataRequest], Dataset]
    opens: Callable[[Path], bool] | None = None
    download_bytes: int = 0
