"""What is read is an ordinary file of a reasonable size: nothing waits for a pipe, reads a device, takes all memory."""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from scalefree_studio.data import pictures
from scalefree_studio.data.archive import members
from scalefree_studio.data.cifar import read_cifar
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.encoded_folder import ABOUT, load_encoded
from scalefree_studio.data.films import read_film
from scalefree_studio.data.idx import read_idx
from scalefree_studio.data.lists import read_list
from scalefree_studio.data.mnist import load_mnist
from scalefree_studio.data.pictures import load_picture, pixels_of
from scalefree_studio.data.shards import HEADER, Shards
from scalefree_studio.data.sources import DataRequest
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.recipes.parse import read_recipe
from scalefree_studio.recipes.states import STATES, Record
from scalefree_studio.results import kept
from scalefree_studio.storage.history import History
from scalefree_studio.storage.run_folder import RUN, RunFolder, load_checkpoint
from scalefree_studio.storage.tensors import write_tensors
from scalefree_studio.storage.tracker import RUNS, _runs

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes that are files")

READERS: dict[str, tuple[str, Callable[[Path], object]]] = {  # door → (the name of the file, what reads it)
    "picture": ("p.png", load_picture),
    "mask": ("m.png", lambda path: kept(path, (4, 4))),
    "model": ("m.safetensors", load_checkpoint),
    "history": ("history.sqlite", History.open),
    "history to go on with": ("history.sqlite", History.create),
    "log of a history": ("history.sqlite-wal", lambda path: History.open(_history(path))),
    "idx": ("train-labels-idx1-ubyte", lambda path: read_idx(path, 1)),
    "packed idx": ("train-labels-idx1-ubyte.gz", lambda path: read_idx(path, 1)),
    "archive": ("a.tar.gz", lambda path: list(members(path))),
    "cifar": ("test_batch.bin", lambda path: read_cifar(path.parent)),
    "list": ("l.csv", read_list),
    "data set": ("l.json", load_dataset),
    "film": ("f.mp4", lambda path: read_film(path, (4, 4), None)),
    "animation": ("f.gif", lambda path: read_film(path, (4, 4), None)),
    "shards": (HEADER, lambda path: Shards(path.parent)),
    "encoded": (ABOUT, lambda path: load_encoded(DataRequest(str(path.parent)))),
    "recipe": ("r.toml", read_recipe),
    "states": (STATES, lambda path: Record.read(path.parent)),
}


def _history(log: Path) -> Path:
    path = log.with_name("history.sqlite")
    path.touch()
    return path


@posix
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
@pytest.mark.parametrize("door", READERS)
def test_what_is_no_ordinary_file_is_told_at_once(
    door: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, read = READERS[door]
    path = tmp_path / name
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            monkeypatch.chdir(tmp_path)  # a whole path may be longer than a socket's can be
            with socket.socket(socket.AF_UNIX) as end:
                end.bind(name)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
    if kind == "folder" and door in ("model", "data set"):
        pytest.skip("a folder may be one")
    with pytest.raises(UserError) as told:
        read(path)
    assert "\n" not in str(told.value)
    assert kind in str(told.value) or door == "encoded", "a folder without its file is none"


@posix
def test_a_pipe_beside_a_model_is_passed_over(tmp_path: Path) -> None:
    for name in (RUN, RUNS, "trainer.safetensors"):
        os.mkfifo(tmp_path / name)
    write_tensors(tmp_path / "model.safetensors", {}, {"kind": "x", "step": 1})
    assert RunFolder(tmp_path).source() == "" and _runs(tmp_path) == {}
    assert not RunFolder(tmp_path).checkpoint().trainer


# Pictures.


def plainly(image: Image.Image) -> np.ndarray:
    """All at once, as it can be written down."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode.startswith("I") or image.mode == "F":
        deep = np.asarray(image, dtype=np.float64)
        return pixels_of((deep - deep.min()) / max(float(np.ptp(deep)), 1e-12))
    return np.array(image.convert("RGB"))


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F", "turned"]
)
def test_a_picture_that_is_decoded_in_bands_is_the_same(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "BAND", 5)
    values = np.random.default_rng(1).integers(0, 256, (13, 7, 4), np.uint8)
    if mode in ("I", "I;16", "F"):
        kind = {"I": np.int32, "I;16": np.uint16, "F": np.float32}[mode]
        image = Image.fromarray((values[..., 0].astype(np.float64) * 31 + 7).astype(kind))
    elif mode == "turned":
        image = Image.fromarray(values[..., :3])
        image.getexif()[pictures.ORIENTATION] = 6
    else:
        image = Image.fromarray(values).convert("RGB" if mode not in ("RGBA", "LA") else "RGBA").convert(mode)
    np.testing.assert_array_equal(pixels_of(image), plainly(image))


def test_a_palette_with_a_transparent_colour_is_laid_on_white(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "BAND", 3)
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert("P")
    stream = io.BytesIO()
    image.save(stream, "PNG", transparency=9)
    opened = Image.open(io.BytesIO(stream.getvalue()))
    np.testing.assert_array_equal(pixels_of(opened), plainly(Image.open(stream)))
    assert (pixels_of(opened)[1, 1] == 255).all()


def test_a_deep_picture_takes_little_more_memory_than_its_pixels(tmp_path: Path) -> None:
    side = 1500
    Image.fromarray(np.zeros((side, side), np.uint16)).save(tmp_path / "p.png")
    tracemalloc.start()
    load_picture(tmp_path / "p.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * side * side, (
        "of the file 2 bytes a pixel, of the picture 3; of floats it would be 24 and more"
    )


# Data sets.


@pytest.mark.parametrize("shape", [(1, 32_768, 32_768), (10**9,), (2**32 - 1,), (2, 4096, 4)])
def test_an_idx_file_that_promises_too_much_is_not_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "x-idx"
    path.write_bytes(struct.pack(f">I{len(shape)}I", 0x800 + len(shape), *shape))
    os.truncate(path, 2**31)  # sparse
    tracemalloc.start()
    with pytest.raises(UserError, match="claims to hold"):
        read_idx(path, len(shape))
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_labels_that_are_no_good_are_told_before_the_pictures_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(b"")
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(b"?")
    with pytest.raises(UserError, match="labels-idx1"):
        load_mnist("mnist", DataRequest("mnist", tmp_path))


def test_an_archive_of_very_many_files_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(20):
            archive.addfile(tarfile.TarInfo(f"{number}"))
    assert len(list(members(path, most_members=20))) == 20
    with pytest.raises(UserError, match="more than 19 files"):
        list(members(path, most_members=19))
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for number in range(1001):
            archive.addfile(tarfile.TarInfo(f"{number}"))
    with pytest.raises(UserError, match="more than 1,000 files"):
        read_cifar(tmp_path / "cifar-10-binary.tar.gz")


def test_a_model_of_any_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.touch()
    try:
        os.truncate(path, 2**35)  # sparse
    except OSError:
        pytest.skip("no such file fits on this disk")
    with pytest.raises(UserError, match="32 GiB, more than a model may have"):
        load_checkpoint(path)
