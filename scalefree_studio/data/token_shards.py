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
from .examples import Batch, Examples, Joined
from .gather import NAMED, PictureFiles, broken_note
from .shards import MadeOf, Shards, ShardWriter, StaleError
from .sources import Dataset
from .tokens import Tokens

AT_ONCE = 2**19  # pixels that are made tokens of
MOST_AGAIN = (
    2**22
)  # pixels of a data set of which tokens are made whenever some are taken: they are in memory
FOLDER = "tokens"  # beside official files
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
        values = self.tokens.encode(batch.values).astype(_dtype(self.tokens))
        return Batch(values, batch.labels, self.tokens.count)


@dataclass(frozen=True, eq=False)
class _Part:
    shards: Shards
    broken: list[str]  # files that could not be read
    anew: bool  # whether there had been others


def tokens_at_hand(dataset: Dataset, tokens: Tokens, progress: Progress | None = None) -> Dataset:
    """The data set with tokens for pictures, on disk; or, where it is so small that its pictures may be made tokens of
    again and again, as it is."""
    pixels = (len(dataset.train) + len(dataset.held)) * dataset.shape[0] * dataset.shape[1]
    if dataset.root is None or pixels <= MOST_AGAIN:
        return dataset
    return cached_tokens(dataset, tokens, dataset.root / FOLDER / _name(dataset, tokens), progress)


def _name(dataset: Dataset, tokens: Tokens) -> str:
    """Of a folder: other data or settings, another name."""
    specs = [dataset.spec, dataset.validation.spec if dataset.validation else ""]
    paths = [Path(spec).expanduser() for spec in specs]
    places = [str(p.resolve()) if s and p.exists() else s for s, p in zip(specs, paths, strict=True)]
    settings = json.dumps([*places, list(dataset.shape), tokens.spec, _colours(tokens)])
    name = "".join(c if c.isalnum() else "-" for c in f"{dataset.name}-{tokens.spec}")
    return f"{name[:60]}-{hashlib.blake2b(settings.encode(), digest_size=6).hexdigest()}"


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
            if found := _found_broken(encoded.pictures):
                broken |= dict.fromkeys(found)
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


def _found_broken(pictures: Examples) -> list[str]:
    """The files that could not be read so far."""
    if isinstance(pictures, Joined):
        return [file for source in pictures.sources for file in _found_broken(source)]
    return list(pictures.broken) if isinstance(pictures, PictureFiles) else []


def _made_of(dataset: Dataset, pictures: Examples, tokens: Tokens) -> MadeOf:
    return {
        "data": dataset.spec,
        "pictures": identity(pictures),
        "size": list(pictures.shape),
        "tokens": tokens.spec,
        "colours": _colours(tokens),
    }


def _colours(tokens: Tokens) -> str:
    """Other colours, another text."""
    every = np.arange(tokens.count)[:, None].repeat(tokens.channels, 1)
    return hashlib.blake2b(tokens.decode(every).tobytes(), digest_size=16).hexdigest()


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


def _dtype(tokens: Tokens) -> str:
    return "uint8" if tokens.count <= 256 else "uint16"
