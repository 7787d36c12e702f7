"""Pictures of many files as a data set: read at once where they fit in memory, otherwise as they are needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import JobError, UserError
from .batches import Indices, split
from .examples import Arrays, Batch, Examples, Labels
from .films import is_film, read_film
from .pictures import Pixels
from .prepare import depth_of, read_prepared
from .sources import DataRequest, Dataset, Size

FILES_SIZE = (32, 32)  # of pictures in files, where nobody says otherwise
MOST_BYTES = 2**31  # of prepared pictures in memory
MOST_KEPT = 2**29  # bytes of those that are read as they are needed
TRIES = 100  # broken pictures in a row
NAMED = 3  # of the pictures that could not be read


@dataclass(frozen=True)
class Entry:
    """A picture, or a film, that is wanted."""

    name: str  # as it is called where it cannot be read
    label: str  # its class
    file: Path | bytes  # bytes come out of an archive


Picture = Pixels | str  # prepared, or the path of what is prepared when it is needed


@dataclass
class Gathered:
    """Pictures that can be read, in order, and what a person should know of the others."""

    size: Size
    channels: int | None  # as asked for
    depth: int = 1  # channels in fact
    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    entries: int = 0
    skipped: int = 0
    skipped_names: list[str] = field(default_factory=list)  # the first few
    films: list[str] = field(default_factory=list)
    frames: int = 0  # of the films, learnt from
    all_frames: int = 0

    def __len__(self) -> int:
        return len(self.pictures)

    def add(self, entry: Entry, pictures: Sequence[Picture], depth: int) -> None:
        """What was read of an entry; of a film more than one picture, of what is broken none."""
        self.entries += 1
        if not pictures:
            self.skipped += 1
            if self.skipped <= NAMED:
                self.skipped_names.append(entry.name)
            return
        self.depth = max(self.depth, depth)
        self.pictures += pictures
        self.names += [entry.name] * len(pictures)
        self.labels += [entry.label] * len(pictures)

    def add_film(self, entry: Entry, frames: Sequence[Pixels], of: int) -> None:
        self.films.append(entry.name)
        self.frames += len(frames)
        self.all_frames += of
        self.add(entry, frames, max((frame.shape[2] for frame in frames), default=1))

    def sort(self) -> None:
        """By name; an archive has its files in any order."""
        order = sorted(range(len(self)), key=self.names.__getitem__)
        self.names = [self.names[n] for n in order]
        self.labels = [self.labels[n] for n in order]
        self.pictures = [self.pictures[n] for n in order]

    def examples(self, classes: Sequence[str], indices: Indices | None = None) -> Examples:
        """These of the pictures, or all of them."""
        number = {name: n for n, name in enumerate(classes)}
        chosen = range(len(self)) if indices is None else indices.tolist()
        pictures = [self.pictures[n] for n in chosen]
        labels = np.array([number[self.labels[n]] for n in chosen], np.int64)
        if any(isinstance(picture, str) for picture in pictures):
            return PictureFiles(pictures, labels, self.size, self.channels, self.depth)
        shape = (*self.size, self.depth)
        values = np.empty((len(pictures), *shape), np.uint8)
        for n, picture in enumerate(pictures):
            values[n] = picture  # a grey one among colours has three equal channels
        return Arrays(values, labels)

    def notes(self) -> list[str]:
        """What a person should know, in sentences."""
        notes = []
        if self.skipped:
            notes.append(broken_note(self.skipped_names, self.skipped, self.entries))
        if self.frames < self.all_frames:
            films = self.films[0] if len(self.films) == 1 else f"{len(self.films)} films"
            notes.append(f"Learning from {self.frames:,} of {self.all_frames:,} frames of {films}.")
        return notes


class PictureFiles:
    """Pictures that are read and prepared as they are needed: (H, W, C) bytes, the same as if all were read at once.

    As many as fit stay in memory: the first that come, for good. Every epoch has an order of its own, so the picture
    that was longest not asked for may well be the next one.
    """

    def __init__(
        self, pictures: Sequence[Picture], labels: Labels, size: Size, channels: int | None, depth: int
    ) -> None:
        self._pictures, self._labels = list(pictures), labels
        self._kept: dict[int, Pixels] = {}
        self.broken: dict[
            str, None
        ] = {}  # the files that could not be read after all, in the order of their finding
        self._size, self._channels = size, channels
        self.shape = (*size, depth)
        self._room = MOST_KEPT

    def __len__(self) -> int:
        return len(self._pictures)

    def take(self, indices: Indices) -> Batch:
        values = np.empty((len(indices), *self.shape), np.uint8)
        labels = np.empty(len(indices), np.int64)
        for n, index in enumerate(indices.tolist()):
            values[n], labels[n] = self._readable(index)
        return Batch(values, labels)

    def _readable(self, index: int) -> tuple[Pixels, int]:
        """The picture and its label; of one that is broken after all, the next one's."""
        for n in range(index, index + min(TRIES, len(self))):
            picture = self._read(n % len(self))
            if picture is not None:
                return picture, int(self._labels[n % len(self)])
        raise JobError(f"{self._pictures[index]} and later pictures can no longer be read.")

    def _read(self, index: int) -> Pixels | None:
        file = self._kept.get(index, self._pictures[index])
        if not isinstance(file, str):
            return file
        picture = read_prepared(file, self._size, self._channels)
        if picture is None:
            self.broken[file] = None
        elif self._room >= picture.nbytes:
            self._room -= picture.nbytes
            self._kept[index] = picture
        return picture

    def identity(self) -> str:
        """Other files, another text: as their names, sizes and times say, without reading them. (Grey pictures are the
        same among colours, whether their channels were asked for or found.)"""
        found = hashlib.blake2b(repr(self.shape).encode(), digest_size=16)
        for picture in self._pictures:
            found.update(os.fsencode(_said_of(picture)) if isinstance(picture, str) else picture.tobytes())
        found.update(self._labels.tobytes())
        return found.hexdigest()


def _said_of(file: str) -> str:
    try:
        about = os.stat(file)
    except OSError:  # it will be found broken
        return file
    return f"{file} {about.st_size} {about.st_mtime_ns}"


def broken_note(names: Sequence[str], broken: int, of: int) -> str:
    """How many of so many pictures could not be read, and which are the first of them."""
    return f"{broken:,} of {of:,} pictures could not be read: {', '.join(names)}{' …' if broken > len(names) else '.'}"


def gather(entries: Iterable[Entry], source: Path, request: DataRequest, total: int = 0) -> Gathered:
    """Every picture that can be read. With a `total` too large for the memory they are files until they are needed."""
    size = request.size or FILES_SIZE
    found, room = Gathered(size, request.channels), MOST_BYTES
    later = total * size[0] * size[1] * (request.channels or 3) > MOST_BYTES
    for entry in entries:
        before = len(found)
        _read(found, entry, request, later)
        room -= sum(p.nbytes for p in found.pictures[before:] if not isinstance(p, str))
        if room < 0:
            raise UserError(f"{source} holds more pictures than can be kept at {size[1]}×{size[0]}.")
        if request.progress:
            request.progress("Reading pictures", found.entries, total)
    if not len(found):
        what = (
            f"none of its {found.skipped:,} pictures can be read"
            if found.skipped
            else "there are no pictures in it"
        )
        raise UserError(f"Nothing can be learned from {source}: {what}.")
    return found


def _read(found: Gathered, entry: Entry, request: DataRequest, later: bool) -> None:
    file, size, channels = entry.file, found.size, request.channels
    if isinstance(file, Path) and not file.is_file():  # what waits for a writer, a pipe, would be waited for
        found.add(entry, [], 1)
    elif isinstance(file, Path) and is_film(file):
        try:
            film = read_film(file, size, channels, request.progress)
        except UserError:
            found.add(entry, [], 1)
        else:
            found.add_film(entry, film.frames, film.all_frames)
    elif isinstance(file, Path) and later:
        depth = depth_of(file, size, channels)
        found.add(entry, [str(file)] if depth else [], depth or 1)
    else:
        picture = read_prepared(file, size, channels)
        found.add(entry, [] if picture is None else [picture], 1 if picture is None else picture.shape[2])


def with_held_out(name: str, gathered: Gathered, source: Path, request: DataRequest) -> Dataset:
    """A data set of these pictures, some of each class held out."""
    if len(gathered) < 2:
        raise UserError(f"{source} holds only one picture; it needs at least two, as one is held out.")
    classes = tuple(sorted(set(gathered.labels)))
    number = {name: n for n, name in enumerate(classes)}
    labels = np.array([number[label] for label in gathered.labels], np.int64)
    train, held = split(labels)
    if not len(held):  # every picture is a class of its own
        train, held = split(np.zeros_like(labels))
    return Dataset(
        name, request.spec, gathered.examples(classes, train), gathered.examples(classes, held), classes,
        gathered.skipped, tuple(gathered.skipped_names), tuple(gathered.notes()), split=True,
    )  # fmt: skip


def of_parts(name: str, train: Gathered, held: Gathered, request: DataRequest) -> Dataset:
    """A data set whose held-out pictures somebody has set apart."""
    classes = tuple(sorted({*train.labels, *held.labels}))
    return Dataset(
        name, request.spec, train.examples(classes), held.examples(classes), classes,
        train.skipped + held.skipped, tuple((train.skipped_names + held.skipped_names)[:NAMED]),
        tuple(train.notes() + held.notes()),
    )  # fmt: skip
