"""MNIST and its family: four idx files, found or downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import UserError
from .examples import Arrays
from .idx import read_idx
from .official import OFFICIAL, Official, obtain, places
from .sources import DataRequest, Dataset

# MNIST and Fashion-MNIST call their files alike; how their training labels begin tells them apart.
FIRST_LABELS = {"mnist": [5, 0, 4, 1, 9, 2, 1, 3], "fashionmnist": [9, 0, 0, 3, 0, 2, 7, 2]}


def load_mnist(name: str, request: DataRequest) -> Dataset:
    official, root = OFFICIAL[name], request.data_root
    for place in places(official, root):
        files = _idx_files(place, official)
        if files and not (place == root and _of_another(name, files[1])):
            break
    else:
        files = _idx_files(obtain(official, root, request.download, request.progress), official)
    assert files, "what was obtained is there"
    images, labels, held_images, held_labels = files
    train, held = _labelled(images, labels, official), _labelled(held_images, held_labels, official)
    return Dataset(name, request.spec, train, held, official.classes)


def _of_another(name: str, labels: Path) -> bool:
    begin = read_idx(labels, 1)[:8].tolist()
    return any(begin == first for other, first in FIRST_LABELS.items() if other != name)


def _idx_files(place: Path, official: Official) -> list[Path] | None:
    """The four files, packed or not, if all of them are here."""
    found = []
    for file in official.files:
        plain = file.name.removesuffix(".gz")
        names = (plain, file.name, plain.replace("-idx", ".idx"))  # the last as some old programs unpack it
        path = next((place / name for name in names if (place / name).is_file()), None)
        if path is None:
            return None
        found.append(path)
    return found


def _labelled(images: Path, labels: Path, official: Official) -> Arrays:
    numbers = read_idx(labels, 1)  # they are few: where they are no good, the pictures are not read at all
    pictures = read_idx(images, 3)
    if len(pictures) != len(numbers):
        raise UserError(f"{images} holds {len(pictures):,} pictures, but {labels} {len(numbers):,} labels.")
    if numbers.max() >= len(official.classes):
        raise UserError(f"{labels} is damaged: it has a class {numbers.max()}.")
    return Arrays(pictures[..., None], numbers.astype(np.int64))
