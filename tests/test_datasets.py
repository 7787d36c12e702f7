"""Data sets by name and by folder: found, and read with suspicion."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from official_files import cifar_files, idx, mnist_files, put, tar
from PIL import Image

from scalefree_studio.data import archive, gather, official, prepare
from scalefree_studio.data.cifar import RECORD
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.folder import read_pictures
from scalefree_studio.data.idx import read_idx
from scalefree_studio.data.quantise import quantise
from scalefree_studio.data.sources import DataRequest
from scalefree_studio.errors import UserError


def one_sentence(told: pytest.ExceptionInfo[UserError]) -> str:
    text = str(told.value)
    assert "\n" not in text and text.endswith(".") and ". " not in text
    return text


# --- Files made here, in the official forms -----------------------------------------------------------------


def png(
    colour: int | tuple[int, ...] = (200, 10, 10), size: tuple[int, int] = (6, 4), form: str = "PNG"
) -> bytes:
    out = io.BytesIO()
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(out, form)
    return out.getvalue()


# --- Names --------------------------------------------------------------------------------------------------


def test_digits_are_embedded_frozen_and_always_the_same() -> None:
    digits = load_dataset("digits")
    assert digits.shape == (8, 8, 1) and digits.classes == tuple("0123456789")
    assert len(digits.train.values) + len(digits.held.values) == 1797
    for array in (digits.train.values, digits.train.labels, digits.held.values, digits.held.labels):
        with pytest.raises(ValueError):
            array[0] = 0
    assert digits.train.values.dtype == np.uint8 and digits.train.labels.dtype == np.int64
    assert digits.train.values.min() == 0 and digits.train.values.max() == 255
    assert len(np.unique(quantise(digits.train.values, 17))) == 17  # nothing of what they were is lost
    shares = np.bincount(digits.held.labels) / np.bincount(np.r_[digits.train.labels, digits.held.labels])
    assert shares.min() > 0.16 and shares.max() < 0.173
    again = load_dataset("digits")
    assert again.held.values.tobytes() == digits.held.values.tobytes()


def test_some_classes_of_a_data_set() -> None:
    """In the order in which they are named, as a data set of their own."""
    whole, some = load_dataset("digits"), load_dataset("digits:7, 3")
    assert (some.classes, some.name, some.spec) == (("7", "3"), "digits-7-3", "digits:7, 3")
    for part, all_of_them in ((some.train, whole.train), (some.held, whole.held)):
        for number, label in enumerate((7, 3)):
            mine = part.values[part.labels == number]
            assert mine.tobytes() == all_of_them.values[all_of_them.labels == label].tobytes() and len(mine)
    assert load_dataset("Digits:0", channels=3, size=4).shape == (4, 4, 3)
    with pytest.raises(UserError, match="digits has no class 'ten'; it has 0, 1"):
        load_dataset("digits:ten")
    with pytest.raises(UserError, match="names a class twice"):
        load_dataset("digits:1,1")


def test_channels_and_size_convert() -> None:
    plain = load_dataset("digits")
    colour = load_dataset("digits", channels=3)
    assert colour.shape == (8, 8, 3) and (colour.train.values == plain.train.values).all()
    larger = load_dataset("digits", size=12)
    assert larger.shape == (12, 12, 1) and larger.held.values.shape[0] == plain.held.values.shape[0]
    assert not larger.train.values.flags.writeable and (larger.train.labels == plain.train.labels).all()
    with pytest.raises(UserError, match="channels"):
        load_dataset("digits", channels=2)
    with pytest.raises(UserError, match="1 to 1024"):
        load_dataset("digits", size=0)


def test_what_is_no_data_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mnist, fashionmnist, cifar10") as told:
        load_dataset(tmp_path / "nothing")
    one_sentence(told)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="neither a list of pictures"):
        load_dataset(tmp_path / "file")


@pytest.mark.parametrize("where", ["", "mnist", "MNIST/raw", "mnist/raw"])
@pytest.mark.parametrize("unpacked", [False, True])
def test_mnist_is_found_in_the_usual_places(tmp_path: Path, where: str, unpacked: bool) -> None:
    files = mnist_files()
    raw = {name.removesuffix(".gz"): gzip.decompress(data) for name, data in files.items()}
    put(raw if unpacked else files, tmp_path / where)
    mnist = load_dataset("mnist", tmp_path, download=False)
    assert (
        mnist.shape == (28, 28, 1) and mnist.train.values.shape[0] == 30 and mnist.held.values.shape[0] == 12
    )
    assert mnist.train.values.tobytes() == raw["train-images-idx3-ubyte"][16:]
    assert mnist.train.labels.tolist() == list(raw["train-labels-idx1-ubyte"][8:])


def test_the_environment_or_the_working_directory_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(mnist_files(1), tmp_path / "here" / "data" / "mnist")
    put(mnist_files(2), tmp_path / "there")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("SCALEFREE_DATA", raising=False)
    here = load_dataset("mnist", download=False)
    monkeypatch.setenv("SCALEFREE_DATA", str(tmp_path / "there"))
    there = load_dataset("MNIST", download=False)
    assert (here.train.values[0] != there.train.values[0]).any()


def test_mnist_is_not_taken_for_fashion(tmp_path: Path) -> None:
    put(mnist_files(first=(5, 0, 4, 1, 9, 2, 1, 3)), tmp_path)
    assert load_dataset("mnist", tmp_path, download=False).name == "mnist"
    with pytest.raises(UserError, match="fashionmnist") as told:
        load_dataset("fashion-mnist", tmp_path, download=False)
    one_sentence(told)
    put(mnist_files(first=(9, 0, 0, 3, 0, 2, 7, 2)), tmp_path / "fashionmnist")
    assert load_dataset("fashion-mnist", tmp_path, download=False).classes[9] == "boot"


@pytest.mark.parametrize("name", ["mnist", "fashionmnist", "cifar10"])
def test_what_is_missing_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as told:
        load_dataset(name, tmp_path, download=False)
    text = one_sentence(told)
    assert str(tmp_path / name) in text
    assert all(file.name in text for file in official.OFFICIAL[name].files)
    assert os.listdir(tmp_path) == []


# --- idx files that lie -------------------------------------------------------------------------------------


def test_idx_files_that_lie_or_are_damaged_get_one_sentence(tmp_path: Path) -> None:
    good = idx(np.zeros((3, 4, 4), np.uint8))
    packed = gzip.compress(good)
    huge = b"\0\0\x08\x03" + b"\xff" * 12
    bad = {
        "empty": b"", "text": b"hello", "short header": good[:9], "cut": good[:-1], "long": good + b"x",
        "two dimensions": idx(np.zeros((3, 4), np.uint8)), "floats": b"\0\0\x0d\x03" + good[4:],
        "huge": huge, "nothing in it": idx(np.zeros((0, 4, 4), np.uint8)),
        "a gigabyte promised": b"\0\0\x08\x03" + np.array([2**10, 2**10, 2**10], ">u4").tobytes() + b"\0" * 50,
        "cut.gz": packed[:-9], "not packed.gz": good, "huge.gz": gzip.compress(huge), "empty.gz": b"",
        "flipped.gz": packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:], "long.gz": gzip.compress(good + b"x"),
        "rubbish after.gz": packed + b"rubbish",
    }  # fmt: skip
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError) as told:
            read_idx(tmp_path / name, 3)
        assert str(tmp_path / name) in one_sentence(told)
    (tmp_path / "good.gz").write_bytes(packed)
    assert read_idx(tmp_path / "good.gz", 3).shape == (3, 4, 4)


def test_labels_that_do_not_fit_are_told(tmp_path: Path) -> None:
    files = mnist_files()
    labels = "t10k-labels-idx1-ubyte.gz"
    for wrong, word in ((np.zeros(5, np.uint8), "5 labels"), (np.full(12, 10, np.uint8), "a class 10")):
        put({**files, labels: gzip.compress(idx(wrong))}, tmp_path)
        with pytest.raises(UserError, match=word) as told:
            load_dataset("mnist", tmp_path, download=False)
        one_sentence(told)


# --- CIFAR-10 and archives ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["archive", "archive below", "unpacked", "the files themselves"])
def test_cifar_is_read_from_its_binary_version(tmp_path: Path, form: str) -> None:
    files = cifar_files()
    if form.startswith("archive"):
        packed = tar({f"cifar-10-batches-bin/{name}": data for name, data in files.items()})
        put({"cifar-10-binary.tar.gz": packed}, tmp_path / ("cifar10" if form == "archive below" else ""))
    else:
        put(files, tmp_path / ("cifar-10-batches-bin" if form == "unpacked" else ""))
    cifar = load_dataset("CIFAR-10", tmp_path, download=False)
    assert (
        cifar.shape == (32, 32, 3) and cifar.train.values.shape[0] == 15 and cifar.held.values.shape[0] == 3
    )
    record = np.frombuffer(files["data_batch_2.bin"], np.uint8)[:RECORD]
    assert cifar.train.labels[3] == record[0]
    assert cifar.train.values[3, 5, 7].tolist() == record[1:].reshape(3, 32, 32)[:, 5, 7].tolist()
    assert load_dataset("cifar10", tmp_path, channels=1, size=8, download=False).shape == (8, 8, 1)


def test_damaged_cifar_is_told(tmp_path: Path) -> None:
    files = cifar_files()
    cases = {
        "lacks data_batch_3": {k: v for k, v in files.items() if "3" not in k},
        "whole number": {**files, "data_batch_1.bin": b"\0" * 10},
        "a class 77": {**files, "test_batch.bin": bytes([77]) * RECORD},
    }
    for number, (word, wrong) in enumerate(cases.items()):
        put(wrong, tmp_path / str(number))
        with pytest.raises(UserError, match=word) as told:
            load_dataset("cifar10", tmp_path / str(number), download=False)
        one_sentence(told)


def test_cifar_as_packed_pictures_and_never_as_pickles(tmp_path: Path) -> None:
    names = official.OFFICIAL["cifar10"].classes
    pictures = {
        f"{name}/{i}.png": png((10 * k, i, 0), (32, 32)) for k, name in enumerate(names) for i in (0, 1)
    }
    for part in ("train", "test"):
        put({f"{part}.tar.gz": tar({f"{part}/{name}": data for name, data in pictures.items()})}, tmp_path)
    cifar = load_dataset("cifar10", tmp_path, download=False)
    assert cifar.classes == names and cifar.train.values.shape == (20, 32, 32, 3)
    assert (cifar.train.values[:, 0, 0, 0] == 10 * cifar.train.labels).all()
    other = put(
        {"cifar-10-python.tar.gz": tar({"cifar-10-batches-py/data_batch_1": b"\x80\x04."})}, tmp_path / "py"
    )
    with pytest.raises(UserError, match="pickle"):
        load_dataset("cifar10", other, download=False)


def test_archives_never_write_and_bombs_end_early(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name in ("../../evil.png", "/evil.png", "class/../../evil.png"):
            member = tarfile.TarInfo(name)
            member.size = len(png())
            packed.addfile(member, io.BytesIO(png()))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    path = tmp_path / "inner" / "a.tar.gz"
    put({"a.tar.gz": out.getvalue()}, path.parent)
    assert [data for _, data in archive.members(path)] == [png()] * 3
    assert os.listdir(tmp_path) == ["inner"] and os.listdir(path.parent) == ["a.tar.gz"]
    assert not Path("/evil.png").exists()

    path.write_bytes(tar({"zeros.bin": b"\0" * 2**24}))  # 16 MiB from 16 KiB
    tracemalloc.start()
    for limits in ({"most": 2**20}, {"most_each": 2**20}):
        with pytest.raises(UserError, match="too large") as told:
            list(archive.members(path, **limits))
        one_sentence(told)
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()

    whole = tar({f"{i}.bin": os.urandom(3000) for i in range(20)})
    for damaged in (
        whole[:-500],
        b"",
        b"hello",
        gzip.compress(b"hello" * 500),
        whole[:20000] + b"x" + whole[20001:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(UserError) as told:
            list(archive.members(path))
        one_sentence(told)


# --- Folders of pictures ------------------------------------------------------------------------------------


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        put({f"{i}.png": png(colour) for i in range(6)}, tmp_path / name)
    put({"deep.JPG": png((0, 0, 255), (40, 30), "JPEG")}, tmp_path / "blue" / "more")
    put(
        {"bad.png": b"no picture", "cut.jpg": png(form="JPEG")[:300], "notes.txt": b"hello"}, tmp_path / "red"
    )
    put({"._0.png": b"", ".hidden.png": png()}, tmp_path / "red")
    (tmp_path / "red" / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    seen: list[tuple[str, int, int]] = []
    pictures = load_dataset(tmp_path, size=8, progress=lambda *what: seen.append(what))
    assert pictures.classes == ("blue", "red") and pictures.shape == (8, 8, 3) and pictures.skipped == 3
    assert len(pictures.train.values) == 11 and len(pictures.held.values) == 2
    assert (pictures.train.values[pictures.train.labels == 1] == (255, 0, 0)).all()
    assert seen[-1] == ("Reading pictures", 16, 16)
    assert load_dataset(tmp_path).shape == (32, 32, 3)
    assert load_dataset(tmp_path, channels=1).shape == (32, 32, 1)


def test_pictures_are_upright_centred_and_over_white(tmp_path: Path) -> None:
    wide = Image.new("RGB", (12, 4), (0, 0, 0))
    wide.paste((250, 250, 250), (4, 0, 8, 4))  # the middle square is light
    wide.save(tmp_path / "1.png")
    turned = Image.new("RGB", (4, 4), (0, 0, 0))
    turned.paste((250, 250, 250), (0, 0, 4, 2))  # light above, which the camera says is on its right
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "2.png", exif=exif)
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "3.png")
    images = read_pictures(tmp_path, DataRequest(str(tmp_path), size=(4, 4))).pictures
    assert (images[0] == 250).all()
    assert (images[1][:, 2:] == 250).all() and (images[1][:, :2] == 0).all()
    assert (images[2] == 255).all()


def test_a_folder_of_grey_pictures_stays_grey(tmp_path: Path) -> None:
    put({"a.png": png(7), "b.png": png(9), "c.png": png(11)}, tmp_path)
    grey = load_dataset(tmp_path, size=4)
    assert grey.shape == (4, 4, 1) and grey.classes == (tmp_path.name,)
    assert sorted([*grey.train.values[:, 0, 0, 0], *grey.held.values[:, 0, 0, 0]]) == [7, 9, 11]
    put({"d.png": png((1, 2, 3))}, tmp_path)
    assert load_dataset(tmp_path, size=4).shape == (4, 4, 3)


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_that_somebody_has_parted(tmp_path: Path, packed: bool) -> None:
    for part, count in (("train", 3), ("val", 2)):
        files = {f"{name}/{i}.png": png((20 * i, k, 0)) for k, name in enumerate("ab") for i in range(count)}
        if packed:  # in any order
            members = {f"{part}/{name}": files[name] for name in reversed(files)}
            put({f"{part}.tar.gz": tar(members)}, tmp_path)
        else:
            for name, data in files.items():
                put({Path(name).name: data}, tmp_path / part / Path(name).parent)
    parted = load_dataset(tmp_path, size=4)
    assert parted.classes == ("a", "b") and len(parted.train.values) == 6 and len(parted.held.values) == 4
    assert parted.train.values[:, 0, 0, 0].tolist() == [0, 20, 40, 0, 20, 40]
    assert (parted.held.values[:, 0, 0, 1] == parted.held.labels).all()


def test_folders_that_cannot_be_learnt_from_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, files, word in (
        ("empty", {}, "no picture"),
        ("damaged", {"a.png": b"x", "b.png": b""}, "none of its 2"),
        ("lonely", {"a.png": png()}, "one picture"),
        (
            "vast",
            {f"{i}.tar.gz": tar({f"{n}.png": png() for n in range(9)}) for i in ("train", "test")},
            "more pict",
        ),
    ):
        if name == "vast":  # what is packed must be read at once
            monkeypatch.setattr(gather, "MOST_BYTES", 8 * 32 * 32 * 3)
        put(files, tmp_path / name)
        with pytest.raises(UserError, match=word) as told:
            load_dataset(tmp_path / name)
        assert str(tmp_path / name) in one_sentence(told)
    monkeypatch.undo()
    alone = load_dataset(put({"b.png": png()}, tmp_path / "lonely"))  # two are enough
    assert len(alone.train.values) == len(alone.held.values) == 1


def test_a_picture_of_absurd_size_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = bytearray(png())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # its header's width and height
    put({"a.png": png(), "b.png": png(), "bomb.png": bytes(bomb)}, tmp_path)
    assert load_dataset(tmp_path).skipped == 1
    monkeypatch.setattr(prepare, "MOST_PIXELS", 100)
    put({"large.png": png(size=(11, 10)), "large.jpg": png(size=(80, 80), form="JPEG")}, tmp_path)
    assert load_dataset(tmp_path, size=5).skipped == 2  # a JPEG need not be decoded at its full size
