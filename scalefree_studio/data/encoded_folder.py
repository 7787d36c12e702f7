"""A data set that was encoded once for all, in a folder that needs nothing else:

encoded.json         what it is, and of what
model.safetensors    the model that encoded it, and that knows how to go back
train/ held/         its examples, as shards
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import is_empty, read_file, write_atomically, write_errors
from .download import Progress
from .encoded import Encoder, cached
from .shards import MadeOf, Shards
from .sources import DataRequest, Dataset, MadeBy

ABOUT, MODEL = "encoded.json", "model.safetensors"
VERSION = 1
MOST_ABOUT = 2**24  # bytes
WORDS = {  # what a folder holds instead, in an error
    "what": "something else",
    "data": "another data set",
    "validation": "other held-out examples",
    "pictures": "pictures of another size",
    "fingerprint": "what another model made",
    "encoder": "other settings",
}


def is_encoded(path: Path) -> bool:
    return path.is_dir() and (path / ABOUT).is_file()


def write_encoded(
    dataset: Dataset, encoder: Encoder, made_by: MadeBy, folder: Path, progress: Progress | None = None
) -> Dataset:
    """Fill such a folder, all but its model, and open it. What was begun is gone on with; a folder of anything else is
    refused."""
    about = {
        "version": VERSION,
        "name": dataset.name,
        "data": dataset.spec,
        "validation": dataset.validation.spec if dataset.validation else "",
        "what": made_by.what,
        "pictures": list(made_by.pictures),
        "fingerprint": made_by.fingerprint,
        "encoder": dict(encoder.made_of),
        "classes": list(dataset.classes),
        "split": dataset.split,
    }
    check_free(folder, about)
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / ABOUT, json.dumps(about, indent=1).encode())
    return replace(cached(dataset, encoder, folder, progress), made_by=replace(made_by, model=folder / MODEL))


def check_free(folder: Path, about: Mapping[str, Any]) -> None:
    """A UserError where the folder holds anything but what is to be written there."""
    if not folder.exists():
        return
    if not folder.is_dir() or (not is_empty(folder) and not is_encoded(folder)):
        raise UserError(f"{folder} holds something else; name another --out.")
    there = _read(folder) if is_encoded(folder) else about
    for key, words in WORDS.items():
        if there.get(key) != about.get(key):
            raise UserError(f"{folder} holds {words}; name another --out.")


def load_encoded(request: DataRequest) -> Dataset:
    folder = request.path
    about = _read(folder)
    try:
        name, fingerprint, what = (str(about[key]) for key in ("name", "fingerprint", "what"))
        height, width, channels = (int(n) for n in about["pictures"])
        classes, made_of = tuple(str(name) for name in about["classes"]), dict(about["encoder"])
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{folder} cannot be read: its {ABOUT} does not say what it holds.") from None
    made_by = MadeBy(fingerprint, what, (height, width, channels), folder / MODEL)
    train, held = (_part(folder / part, made_of) for part in ("train", "held"))
    if train.shape != held.shape:
        raise UserError(f"{folder} cannot be read: its examples are of two shapes.")
    return Dataset(name, request.spec, train, held, classes, split=bool(about.get("split")), made_by=made_by)


def _part(folder: Path, made_of: MadeOf) -> Shards:
    shards = Shards(folder)
    if any(shards.header.made_of.get(key) != value for key, value in made_of.items()):
        raise UserError(
            f"{folder} was made by a different model from the one that its folder names: encode it again."
        )
    return shards


def _read(folder: Path) -> dict[str, Any]:
    path = folder / ABOUT
    try:
        about = json.loads(read_file(path, MOST_ABOUT))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path} is damaged.") from None
    if not isinstance(about, dict) or about.get("version") != VERSION:
        raise UserError(f"{path} was written by another version of this studio, or is damaged.")
    return about
