"""Pictures made into something else once, tokens or latents, and kept on disk, so that learning reads no picture and
fills no memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from ..errors import UserError
from ..files import at_home, read_file, write_atomically, write_errors
from ..snapshot import Bytes
from .batches import Indices
from .download import Progress
from .examples import Arrays, Batch, Examples, Joined
from .gather import NAMED, PictureFiles, broken_note
from .shards import MadeOf, Shards, ShardWriter, StaleError
from .sources import Dataset
from .tokens import Tokens

AT_ONCE = 2**19  # pixels of which colour tokens are made
MOST_AGAIN = 2**22  # pixels of a data set that stays in memory, whatever is made of it
FOLDER = "tokens"  # beside official files
MOST_BROKEN = 2**26  # bytes of the list of files that could not be read
BROKEN = "broken.json"  # beside what was made: the files that could not be read


class Encoder(Protocol):
    """What makes something else of pictures."""

    @property
    def what(self) -> str:
        """What it makes, in a word: "tokens", "latents"."""

    @property
    def name(self) -> str:
        """Its own, as part of the name of a folder."""

    @property
    def made_of(self) -> MadeOf:
        """Other settings or another model, other values."""

    @property
    def tokens(self) -> int:
        """How many different tokens there are; 0 where it makes none."""

    @property
    def dtype(self) -> str:
        """Of the values, one of those of shards."""

    @property
    def at_once(self) -> int:
        """How many pixels are encoded at once."""

    def shape(self, pictures: tuple[int, ...]) -> tuple[int, ...]:
        """Of what one picture of this shape (H, W, 1 or 3) becomes."""

    def encode(self, pictures: Bytes) -> npt.NDArray[Any]:
        """Pictures (B, H, W, 1 or 3) as values (B, …)."""


@dataclass(frozen=True, eq=False)
class ColourTokens:
    """Every pixel becomes the tokens of its colour: (H, W, C)."""

    colours: Tokens
    what = "tokens"

    @property
    def name(self) -> str:
        return self.colours.spec

    @cached_property
    def made_of(self) -> MadeOf:
        every = np.arange(self.colours.count)[:, None].repeat(self.colours.channels, 1)
        decoded = hashlib.blake2b(self.colours.decode(every).tobytes(), digest_size=16).hexdigest()
        return {"tokens": self.colours.spec, "colours": decoded}

    @property
    def tokens(self) -> int:
        return self.colours.count

    @property
    def dtype(self) -> str:
        return token_type(self.tokens)

    @property
    def at_once(self) -> int:
        return AT_ONCE

    def shape(self, pictures: tuple[int, ...]) -> tuple[int, ...]:
        return (*pictures[:2], self.colours.channels)

    def encode(self, pictures: Bytes) -> npt.NDArray[Any]:
        return self.colours.encode(pictures)


def token_type(tokens: int) -> str:
    """The smallest type that holds so many different ones."""
    return "uint8" if tokens <= 2**8 else "uint16" if tokens <= 2**16 else "int32"


@dataclass(frozen=True, eq=False)
class Encoded:
    """Examples that are pictures, encoded whenever some are taken."""

    pictures: Examples
    encoder: Encoder

    @property
    def shape(self) -> tuple[int, ...]:
        return self.encoder.shape(self.pictures.shape)

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def at_once(self) -> int:
        """How many are encoded at once."""
        return max(1, self.encoder.at_once // (self.pictures.shape[0] * self.pictures.shape[1]))

    def take(self, indices: Indices) -> Batch:
        batch = self.pictures.take(indices)
        values = self.encoder.encode(batch.values).astype(self.encoder.dtype)
        return Batch(values, batch.labels, self.encoder.tokens)


@dataclass(frozen=True, eq=False)
class _Part:
    shards: Shards
    broken: list[str]  # files that could not be read
    anew: bool  # whether there had been others


def tokens_at_hand(dataset: Dataset, tokens: Tokens, progress: Progress | None = None) -> Dataset:
    """The data set with colour tokens for pictures, on disk; or, where it is so small that its pictures may be made
    tokens of again and again, as it is."""
    return dataset if is_small(dataset) else encoded(dataset, ColourTokens(tokens), progress)


def is_small(dataset: Dataset) -> bool:
    """Whether it may stay in memory; without a folder for what is made of it, it must."""
    pixels = (len(dataset.train) + len(dataset.held)) * dataset.shape[0] * dataset.shape[1]
    return dataset.root is None or pixels <= MOST_AGAIN


def encoded(dataset: Dataset, encoder: Encoder, progress: Progress | None = None) -> Dataset:
    """The data set with what an encoder makes of its pictures: made once, in memory where it is small, else on disk."""
    if dataset.root is None or is_small(dataset):
        return _in_memory(dataset, encoder, progress)
    return cached(dataset, encoder, dataset.root / FOLDER / _name(dataset, encoder), progress)


def _in_memory(dataset: Dataset, encoder: Encoder, progress: Progress | None) -> Dataset:
    def of(pictures: Examples) -> Arrays:
        examples = Encoded(pictures, encoder)
        values = np.empty((len(examples), *examples.shape), encoder.dtype)
        labels = np.empty(len(examples), np.int64)
        for start in range(0, len(examples), examples.at_once):
            rows = slice(start, min(start + examples.at_once, len(examples)))
            batch = examples.take(np.arange(rows.start, rows.stop))
            values[rows], labels[rows] = batch.values, batch.labels
            if progress:
                progress(f"Making {encoder.what}", rows.stop, len(examples))
        return Arrays(values, labels, encoder.tokens)

    return replace(dataset, train=of(dataset.train), held=of(dataset.held))


def _name(dataset: Dataset, encoder: Encoder) -> str:
    """Of a folder: other data or settings, another name."""
    specs = [dataset.spec, dataset.validation.spec if dataset.validation else ""]
    paths = [at_home(spec) for spec in specs]
    places = [str(p.resolve()) if s and p.exists() else s for s, p in zip(specs, paths, strict=True)]
    settings = json.dumps([*places, list(dataset.shape), *encoder.made_of.values()])
    name = "".join(c if c.isalnum() else "-" for c in f"{dataset.name}-{encoder.name}")
    return f"{name[:60]}-{hashlib.blake2b(settings.encode(), digest_size=6).hexdigest()}"


def cached(
    dataset: Dataset,
    encoder: Encoder,
    folder: Path,
    progress: Progress | None = None,
) -> Dataset:
    """The data set with what an encoder makes of its pictures, which is on disk in that folder.

    What was made of the same pictures with the same settings is used again, a writer that was ended is gone on from,
    and what was made of anything else is made anew, which is said. Of several processes one writes, and the others
    wait for it.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, _Part] = {}
    with FileLock(folder / ".lock"):
        for name, pictures in (("train", dataset.train), ("held", dataset.held)):
            made_of = _made_of(dataset, pictures, encoder)
            classes = len(dataset.classes)
            parts[name] = _cached(Encoded(pictures, encoder), folder / name, made_of, classes, progress)
    broken = [file for part in parts.values() for file in part.broken]
    notes = list(dataset.notes)
    if broken:
        notes.append(broken_note(broken[:NAMED], len(broken), len(dataset.train) + len(dataset.held)))
    if any(part.anew for part in parts.values()):
        notes.append(
            f"The {encoder.what} in {folder} came from other data or settings, so they were made again."
        )
    return replace(
        dataset, train=parts["train"].shards, held=parts["held"].shards, notes=tuple(notes),
        skipped=dataset.skipped + len(broken), skipped_names=(*dataset.skipped_names, *broken)[:NAMED],
    )  # fmt: skip


def _cached(
    examples: Encoded, folder: Path, made_of: MadeOf, classes: int, progress: Progress | None
) -> _Part:
    anew = False
    try:
        return _Part(Shards(folder, made_of), _broken(folder), anew)
    except StaleError:
        anew = True
    except UserError:  # nothing is there, or not all of it, or it is damaged: it is written now
        pass
    encoder = examples.encoder
    with ShardWriter(folder, examples.shape, encoder.dtype, made_of, encoder.tokens, classes) as writer:
        broken = dict.fromkeys(_broken(folder) if len(writer) else ())
        while len(writer) < len(examples):
            end = min(len(writer) + examples.at_once, len(examples))
            batch = examples.take(np.arange(len(writer), end))
            if found := _found_broken(examples.pictures):
                broken |= dict.fromkeys(found)
                with write_errors(folder):
                    write_atomically(folder / BROKEN, json.dumps(list(broken)).encode())
            writer.add(batch.values, batch.labels)
            if progress:
                progress(f"Making {encoder.what}", len(writer), len(examples))
        return _Part(writer.finish(), list(broken), anew)


def _broken(folder: Path) -> list[str]:
    try:
        return [str(file) for file in json.loads(read_file(folder / BROKEN, MOST_BROKEN))]
    except (OSError, TypeError, ValueError, UserError):  # there were none
        return []


def _found_broken(pictures: Examples) -> list[str]:
    """The files that could not be read so far."""
    if isinstance(pictures, Joined):
        return [file for source in pictures.sources for file in _found_broken(source)]
    return list(pictures.broken) if isinstance(pictures, PictureFiles) else []


def _made_of(dataset: Dataset, pictures: Examples, encoder: Encoder) -> MadeOf:
    return {
        "data": dataset.spec,
        "pictures": identity(pictures),
        "size": list(pictures.shape),
        **encoder.made_of,
    }


def identity(examples: Examples) -> str:
    """Other pictures or labels, another text: of files by their names, sizes and times, of all else by every byte."""
    if isinstance(examples, PictureFiles):
        return examples.identity()
    if isinstance(examples, Joined):
        return " ".join([*map(identity, examples.sources), *map(str, examples.numbers)])
    found = hashlib.blake2b(repr((len(examples), examples.shape)).encode(), digest_size=16)
    at_once = max(1, AT_ONCE // int(np.prod(examples.shape)))
    for start in range(0, len(examples), at_once):
        batch = examples.take(np.arange(start, min(start + at_once, len(examples))))
        found.update(batch.values.tobytes())
        found.update(batch.labels.tobytes())
    return found.hexdigest()
