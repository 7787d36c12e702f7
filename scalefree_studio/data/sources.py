"""What a data set is, what can be asked of one, and where one comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..assets import data_root
from ..files import at_home
from .download import Progress
from .examples import Examples

Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Validation:
    """Another data set, all of whose examples are held out."""

    name: str
    spec: str  # as a person wrote it
    unknown: tuple[str, ...] = ()  # its classes that are not learnt from


@dataclass(frozen=True)
class MadeBy:
    """The model that has encoded a data set, whose examples are no pictures any more."""

    fingerprint: str  # another model, another text
    what: str  # "tokens" or "latents"
    pictures: tuple[int, int, int]  # height, width and channels of what they were made of
    model: Path | None = None  # its file; None where the examples were encoded in passing


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
    split: bool = False  # whether the examples held out were taken from the others, for want of any set apart
    validation: Validation | None = None  # the data set that they are of, where that is another
    root: Path | None = None  # where what is made of it is kept
    made_by: MadeBy | None = None  # where its examples are no pictures, but what a model has made of them

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.shape))
        return f"<Dataset {self.name}: {len(self.train):,} to learn from, {len(self.held):,} held out, of {shape}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example; of a picture: height, width, channels."""
        return self.train.shape

    @property
    def held_name(self) -> str:
        """Of what is held out."""
        return self.validation.name if self.validation else self.name

    @property
    def of(self) -> int:
        """How many examples what is held out was taken from."""
        return len(self.held) + len(self.train) if self.split else len(self.held)

    def judging(self) -> str:
        """Which examples a network is measured on, in a sentence."""
        if self.validation:
            return f"Measured on all {len(self.held):,} examples of {self.held_name}."
        some = f"{len(self.held):,} of {self.of:,}" if self.split else f"{len(self.held):,}"
        which = " (about one in six of each class, evenly spaced)" if self.split else ""
        return f"Measured on {some} examples of {self.held_name} that are held out{which}."

    def parts(self) -> str:
        """How many are learnt from, how many are held out, and which ones, in a sentence."""
        what = "pictures" if len(self.shape) == 3 or self.made_by else "examples"
        learnt, held = f"Learning from {len(self.train):,} {what}", f"{len(self.held):,} are held out"
        if self.validation:
            return f"{learnt}; all {len(self.held):,} of {self.held_name} are held out."
        if self.split:
            return f"{learnt}; {held}: about one in six of each class, evenly spaced."
        return f"{learnt}; {held}: those that were set apart."


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
        return at_home(self.spec)

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
