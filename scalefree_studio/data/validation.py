"""A data set that is judged by another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import at_home
from .datasets import load_dataset
from .download import Progress
from .examples import Joined
from .gather import NAMED
from .sources import Dataset, Size, Validation


def load_validation(
    dataset: Dataset,
    name_or_path: str | Path,
    data_root: str | Path | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Dataset:
    """The data set, of which nothing needs to be split off any more, with all examples of another held out; pictures
    are brought to the same size and channels. Classes are the same where they are called the same."""
    channels, size = _format(dataset)
    other = load_dataset(name_or_path, data_root, channels, size, download, progress)
    if other.shape != dataset.shape:
        raise UserError(f"{other.name} cannot judge {dataset.name}: its examples are of another shape.")
    if (other.made_by and other.made_by.fingerprint) != (dataset.made_by and dataset.made_by.fingerprint):
        raise UserError(f"{other.name} cannot judge {dataset.name}: it was encoded by another model.")
    if _place(other) == _place(dataset):
        raise UserError(
            f"{dataset.name} would be judged by the pictures it learns from; name other pictures."
        )
    known = {name: n for n, name in enumerate(dataset.classes)}
    numbers = np.array([known.get(name, 0) for name in other.classes] or [0], np.int64)
    unknown = tuple(name for name in other.classes if name not in known)
    train = dataset.train
    if dataset.split:
        train = Joined((dataset.train, dataset.held), np.arange(max(1, len(dataset.classes))))
    return replace(
        dataset,
        train=train,
        held=Joined((other.train, other.held), numbers),
        skipped=dataset.skipped + other.skipped,
        skipped_names=(*dataset.skipped_names, *other.skipped_names)[:NAMED],
        notes=(*dataset.notes, *other.notes),
        split=False,
        validation=Validation(other.name, other.spec, unknown),
    )


def all_held(dataset: Dataset) -> Dataset:
    """The same data set with all its examples held out: what has never been learnt from may judge as a whole."""
    if dataset.validation:
        return dataset
    every = Joined((dataset.train, dataset.held), np.arange(max(1, len(dataset.classes))))
    return replace(dataset, held=every, split=False, validation=Validation(dataset.name, dataset.spec))


def _format(dataset: Dataset) -> tuple[int | None, Size | None]:
    """Channels and size of its pictures; of other examples, nothing can be brought to anything."""
    if len(dataset.shape) != 3:
        return None, None
    height, width, channels = dataset.shape
    return channels, (height, width)


def _place(dataset: Dataset) -> str:
    """The same for the same data, however they are called."""
    path = at_home(dataset.spec)
    return str(path.resolve()) if path.exists() else dataset.name
