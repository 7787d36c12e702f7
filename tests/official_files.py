"""Files in the forms of the official data sets, of a few made pictures."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np

from scalefree_studio.data.cifar import RECORD


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def mnist_files(seed: int = 0, first: tuple[int, ...] = ()) -> dict[str, bytes]:
    generator = np.random.default_rng(seed)
    files = {}
    for part, count in (("train", 30), ("t10k", 12)):
        labels = generator.integers(0, 10, count, np.uint8)
        labels[: len(first)] = first
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(
            idx(generator.integers(0, 256, (count, 28, 28), np.uint8)), mtime=0
        )
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx(labels), mtime=0)
    return files


def put(files: dict[str, bytes], where: Path) -> Path:
    where.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (where / name).write_bytes(data)
    return where


def cifar_files(each: int = 3) -> dict[str, bytes]:
    generator = np.random.default_rng(0)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    records = generator.integers(0, 256, (6, each, RECORD), np.uint8)
    records[:, :, 0] %= 10
    return {name: batch.tobytes() for name, batch in zip(names, records, strict=True)}


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return out.getvalue()
