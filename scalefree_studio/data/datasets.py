"""Data sets by name or by folder: pictures to learn from and pictures held out, as frozen arrays of bytes.

digits (embedded) · mnist · fashionmnist · cifar10 (found or downloaded) · any folder of pictures
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import UserError
from .batches import split
from .cifar import Labelled, find_cifar, read_cifar
from .download import Progress
from .examples import Arrays, Examples
from .folder import find_parts, prepared, read_pictures
from .idx import read_idx
from .official import OFFICIAL, Official, obtain, places
from .quantise import dequantise

Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

DATASETS = {"digits": "Digits", **{name: official.title for name, official in OFFICIAL.items()}}
ROOT_VARIABLE = "SCALEFREE_DATA"
FOLDER_SIZE = 32  # of the pictures of a folder, where nobody says otherwise
MOST_SIZE = 1024

# MNIST and Fashion-MNIST call their files alike; how their training labels begin tells them apart.
FIRST_LABELS = {"mnist": [5, 0, 4, 1, 9, 2, 1, 3], "fashionmnist": [9, 0, 0, 3, 0, 2, 7, 2]}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures are (N, H, W, C) bytes with 1 or 3 channels; a label is an index into the classes."""

    name: str
    train_images: Bytes
    train_labels: Labels
    held_images: Bytes
    held_labels: Labels
    classes: tuple[str, ...]
    skipped: int = 0  # pictures that could not be read
    spec: str = ""

    def __post_init__(self) -> None:
        for array in (self.train_images, self.train_labels, self.held_images, self.held_labels):
            array.setflags(write=False)

    @property
    def train(self) -> Examples:
        return Arrays(self.train_images, self.train_labels)

    @property
    def held(self) -> Examples:
        return Arrays(self.held_images, self.held_labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture: height, width, channels."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels


def load_dataset(name_or_folder: str | Path, *more: Any, **options: Any) -> Dataset:
    return replace(_load_dataset(name_or_folder, *more, **options), spec=str(name_or_folder))


def _load_dataset(
    name_or_folder: str | Path,
    data_root: str | Path | None = None,
    channels: int | None = None,
    size: int | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Dataset:
    """The data set of that name, else of the pictures in that folder, or a UserError in one sentence.

    Official files are looked for under `data_root` ($SCALEFREE_DATA, else ./data), then downloaded to there. `channels`
    (1 or 3) and `size` (of a square, in pixels) convert; without them everything stays as it is, except that a folder's
    pictures become 32×32. A folder of the same name as a data set is meant by ./name.
    """
    if channels not in (None, 1, 3):
        raise UserError(f"Pictures have 1 or 3 channels, not {channels}.")
    if size is not None and not 1 <= size <= MOST_SIZE:
        raise UserError(f"The side of the pictures may be 1 to {MOST_SIZE} pixels, not {size}.")
    name = str(name_or_folder).lower().replace("-", "").replace("_", "")
    folder = Path(name_or_folder).expanduser()
    if name == "digits":
        return _converted(_digits(), channels, size)
    if name in OFFICIAL:
        root = Path(data_root or os.environ.get(ROOT_VARIABLE) or "data").expanduser().absolute()
        read = _cifar if name == "cifar10" else _idx
        return _converted(read(name, root, download, progress), channels, size)
    if folder.is_dir():
        return _folder(folder, channels, size or FOLDER_SIZE, progress)
    if folder.exists():
        raise UserError(f"{folder} is a file, not a folder of pictures.")
    raise UserError(
        f"There is no data set and no folder {str(name_or_folder)!r}; there are {', '.join(DATASETS)}, "
        "and any folder of pictures."
    )


def _digits() -> Dataset:
    from sklearn.datasets import load_digits  # slow to import, and needed only here

    values, labels = load_digits(return_X_y=True)
    images = dequantise(values.astype(np.int64), 17).reshape(-1, 8, 8, 1)  # they come as 0 to 16
    labels = labels.astype(np.int64)
    train, held = split(labels)
    classes = tuple("0123456789")
    return Dataset("digits", images[train], labels[train], images[held], labels[held], classes)


def _idx(name: str, root: Path, download: bool, progress: Progress | None) -> Dataset:
    official = OFFICIAL[name]
    for place in places(official, root):
        files = _idx_files(place, official)
        if files and not (place == root and _of_another(name, files[1])):
            break
    else:
        files = _idx_files(obtain(official, root, download, progress), official)
    assert files, "what was obtained is there"
    images, labels, held_images, held_labels = files
    train, held = _labelled(images, labels, official), _labelled(held_images, held_labels, official)
    return Dataset(name, *train, *held, official.classes)


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


def _labelled(images: Path, labels: Path, official: Official) -> Labelled:
    pictures, numbers = read_idx(images, 3), read_idx(labels, 1)
    if len(pictures) != len(numbers):
        raise UserError(f"{images} holds {len(pictures):,} pictures, but {labels} {len(numbers):,} labels.")
    if numbers.max() >= len(official.classes):
        raise UserError(f"{labels} is damaged: it has a class {numbers.max()}.")
    return pictures[..., None], numbers.astype(np.int64)


def _cifar(name: str, root: Path, download: bool, progress: Progress | None) -> Dataset:
    official = OFFICIAL[name]
    for place in places(official, root):
        source = find_cifar(place)
        if source:
            break
        parts = find_parts(place)
        if parts:
            dataset = _parted(name, parts, None, 32, progress)
            if dataset.classes == official.classes:
                return dataset
    else:
        source = find_cifar(obtain(official, root, download, progress))
    assert source
    train, held = read_cifar(source)
    return Dataset(name, *train, *held, official.classes)


def _folder(folder: Path, channels: int | None, size: int, progress: Progress | None) -> Dataset:
    parts = find_parts(folder)
    if parts:
        return _parted(folder.resolve().name, parts, channels, size, progress)
    pictures = read_pictures(folder, size, channels, progress)
    if len(pictures.images) < 2:
        raise UserError(f"{folder} holds one picture; there must be another to hold out.")
    classes = tuple(sorted(set(pictures.classes)))
    labels = np.array([classes.index(c) for c in pictures.classes], np.int64)
    train, held = split(labels)
    if not len(held):  # every picture is a class of its own
        train, held = split(np.zeros_like(labels))
    images = pictures.images
    name = folder.resolve().name
    return Dataset(name, images[train], labels[train], images[held], labels[held], classes, pictures.skipped)


def _parted(
    name: str, parts: tuple[Path, Path], channels: int | None, size: int, progress: Progress | None
) -> Dataset:
    train = read_pictures(parts[0], size, channels, progress)
    held = read_pictures(parts[1], size, train.images.shape[3], progress)
    classes = tuple(sorted({*train.classes, *held.classes}))
    labels = [np.array([classes.index(c) for c in part.classes], np.int64) for part in (train, held)]
    skipped = train.skipped + held.skipped
    return Dataset(name, train.images, labels[0], held.images, labels[1], classes, skipped)


def _converted(dataset: Dataset, channels: int | None, size: int | None) -> Dataset:
    height, width, depth = dataset.shape
    if channels in (None, depth) and (size is None or height == width == size):
        return dataset

    def converted(images: Bytes) -> Bytes:
        flat = images[..., 0] if depth == 1 else images
        side = size or min(height, width)
        return np.stack([prepared(Image.fromarray(image), side, channels or depth) for image in flat])

    return replace(
        dataset, train_images=converted(dataset.train_images), held_images=converted(dataset.held_images)
    )
