"""CIFAR-10's binary version: records of a label and 3 × 32 × 32 bytes. The pickled version is never opened."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..files import check_file
from .archive import members
from .examples import Arrays
from .folder import find_parts, load_parts
from .official import OFFICIAL, obtain, places
from .sources import DataRequest, Dataset

SIDE, CLASSES = 32, 10
RECORD = 1 + 3 * SIDE * SIDE
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
HELD = "test_batch.bin"
ARCHIVE = "cifar-10-binary.tar.gz"
UNPACKED = "cifar-10-batches-bin"
MOST_RECORDS = 100_000  # in one file; the official ones have a tenth of it
MOST_MEMBERS = 1000  # of the archive; the official one has eight

Labelled = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def load_cifar(request: DataRequest) -> Dataset:
    official, root = OFFICIAL["cifar10"], request.data_root
    for place in places(official, root):
        source = find_cifar(place)
        if source:
            break
        parts = find_parts(place)
        if parts:
            dataset = load_parts("cifar10", parts, replace(request, size=(SIDE, SIDE), channels=None))
            if dataset.classes == official.classes:
                return dataset
    else:
        source = find_cifar(obtain(official, root, request.download, request.progress))
    assert source, "what was obtained is there"
    train, held = read_cifar(source)
    return Dataset("cifar10", request.spec, Arrays(*train), Arrays(*held), official.classes)


def find_cifar(place: Path) -> Path | None:
    """The unpacked folder or the archive, if one of them is here."""
    for folder in (place / UNPACKED, place):
        if (folder / HELD).is_file():
            return folder
    archive = place / ARCHIVE
    return archive if archive.is_file() else None


def read_cifar(source: Path) -> tuple[Labelled, Labelled]:
    """Training and held-out pictures (N, 32, 32, 3) and labels, or a UserError in one sentence."""
    files = _of_folder(source) if source.is_dir() else _of_archive(source)
    for name in (*TRAIN, HELD):
        if name not in files:
            raise UserError(f"{source} lacks {name}.")
    train = [_records(files.pop(name), source / name) for name in TRAIN]
    images, labels = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return (images, labels), _records(files[HELD], source / HELD)


def _of_folder(folder: Path) -> dict[str, bytes]:
    files = {}
    for path in (folder / name for name in (*TRAIN, HELD) if (folder / name).exists()):
        try:
            if check_file(path) > MOST_RECORDS * RECORD:
                raise UserError(f"{path} is too large to be part of CIFAR-10.")
            files[path.name] = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None
    return files


def _of_archive(path: Path) -> dict[str, bytes]:
    wanted = re.compile(rf"(?:\./)?{UNPACKED}/({'|'.join(map(re.escape, (*TRAIN, HELD)))})")
    return {
        match[1]: data
        for name, data in members(path, most_members=MOST_MEMBERS)
        if (match := wanted.fullmatch(name))
    }


def _records(data: bytes, path: Path) -> Labelled:
    if not data or len(data) % RECORD:
        raise UserError(f"{path} is damaged: it does not hold a whole number of pictures.")
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() >= CLASSES:
        raise UserError(f"{path} is damaged: it has a class {records[:, 0].max()}.")
    planes = records[:, 1:].reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64)
