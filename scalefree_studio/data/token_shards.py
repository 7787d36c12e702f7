"""Pictures as tokens that are made once and kept on disk, so that learning reads no picture and fills no memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from ..errors import UserError
from ..files import write_atomically, write_errors
from .batches import Indices
from .download import Progress
from .examples import Batch, Examples
from .gather import NAMED, PictureFiles, broken_note
from .shards import MadeOf, Shards, ShardWriter, StaleError
from .sources import Dataset
from .tokens import Tokens

AT_ONCE = 2**19  # pixels that are made tokens of
BROKEN = "broken.json"  # beside the tokens: the files that could not be read


@dataclass(frozen=True, eq=False)
class Encoded:
    """Examples that are pictures (H, W, 1 or 3), as tokens (H, W, C) whenever some are taken."""

    pictures: Examples
    tokens: Tokens

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.pictures.shape[:2], self.tokens.channels)

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, indices: Indices) -> Batch:
        batch = self.pictures.take(indices)
        return Batch(self.tokens.encode(batch.values).astype(_dtype(self.tokens)), batch.labels)


@dataclass(frozen=True, eq=False)
class _Part:
    shards: Shards
    broken: list[str]  # files that could not be read
    anew: bool  # whether there had been others


def cached_tokens(
    dataset: Dataset, tokens: Tokens, folder: Path, progress: Progress | None = None
) -> Dataset:
    """The data set with tokens (H, W, C) for pictures, which are on disk in that folder.

    Tokens of the same pictures with the same settings are used again, a writer that was ended is gone on from, and what
    was made of anything else is made anew, which is said. Of several processes one writes, and the others wait for it.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, _Part] = {}
    with FileLock(folder / ".lock"):
        for name, pictures in (("train", dataset.train), ("held", dataset.held)):
            made_of = _made_of(dataset, pictures, tokens)
            classes = len(dataset.classes)
            parts[name] = _cached(Encoded(pictures, tokens), folder / name, made_of, classes, progress)
    broken = [file for part in parts.values() for file in part.broken]
    notes = list(dataset.notes)
    if broken:
        notes.append(broken_note(broken[:NAMED], len(broken), len(dataset.train) + len(dataset.held)))
    if any(part.anew for part in parts.values()):
        notes.append(f"The tokens in {folder} were of other data or settings and have been made anew.")
    return replace(
        dataset, train=parts["train"].shards, held=parts["held"].shards, notes=tuple(notes),
        skipped=dataset.skipped + len(broken), skipped_names=(*dataset.skipped_names, *broken)[:NAMED],
    )  # fmt: skip


def _cached(
    encoded: Encoded, folder: Path, made_of: MadeOf, classes: int, progress: Progress | None
) -> _Part:
    anew = False
    try:
        return _Part(Shards(folder, made_of), _broken(folder), anew)
    except StaleError:
        anew = True
    except UserError:  # nothing is there, or not all of it, or it is damaged: it is written now
        pass
    at_once = max(1, AT_ONCE // (encoded.shape[0] * encoded.shape[1]))
    with ShardWriter(
        folder, encoded.shape, _dtype(encoded.tokens), made_of, encoded.tokens.count, classes
    ) as writer:
        broken = dict.fromkeys(_broken(folder) if len(writer) else ())
        while len(writer) < len(encoded):
            batch = encoded.take(np.arange(len(writer), min(len(writer) + at_once, len(encoded))))
            if isinstance(encoded.pictures, PictureFiles):
                broken |= encoded.pictures.broken
                with write_errors(folder):
                    write_atomically(folder / BROKEN, json.dumps(list(broken)).encode())
            writer.add(batch.values, batch.labels)
            if progress:
                progress("Making tokens", len(writer), len(encoded))
        return _Part(writer.finish(), list(broken), anew)


def _broken(folder: Path) -> list[str]:
    try:
        return [str(file) for file in json.loads((folder / BROKEN).read_bytes())]
    except (OSError, TypeError, ValueError):  # there were none
        return []


def _made_of(dataset: Dataset, pictures: Examples, tokens: Tokens) -> MadeOf:
    every = np.arange(tokens.count)[:, None].repeat(tokens.channels, 1)
    return {
        "data": dataset.spec,
        "pictures": identity(pictures),
        "size": list(pictures.shape),
        "tokens": tokens.spec,
        "colours": hashlib.blake2b(tokens.decode(every).tobytes(), digest_size=16).hexdigest(),
    }


def identity(examples: Examples) -> str:
    """Other pictures or labels, another text: of files by their names, sizes and times, of all else by every byte."""
    if isinstance(examples, PictureFiles):
        return examples.identity()
    found = hashlib.blake2b(repr((len(examples), examples.shape)).encode(), digest_size=16)
    at_once = max(1, AT_ONCE // int(np.prod(examples.shape)))
    for start in range(0, len(examples), at_once):
        batch = examples.take(np.arange(start, min(start + at_once, len(examples))))
        found.update(batch.values.tobytes())
        found.update(batch.labels.tobytes())
    return found.hexdigest()


def _dtype(tokens: Tokens) -> str:
    return "uint8" if tokens.count <= 256 else "uint16"
