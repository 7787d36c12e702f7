"""The doors of the studio by which faults come in: each makes one trial, commands as a person would type them."""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fuzz_faults import NUMBERS, WORDS, bytes_of, damage, history, json_of, renamed, special, tensors, text
from PIL import Image

from scalefree_studio.assets import assets
from scalefree_studio.cli import commands

Argv = list[str]
OPEN = "@open"  # in place of a command: as the window opens it
REGISTRY = "@registry"  # … `fetch --list` with another registry
TINY_CNN = (
    "--levels=2", "--hidden-maps=6", "--output-maps=6", "--hidden-layers=1", "--causal-kernel=3", "--hidden-kernel=3",
)  # fmt: skip
TINY_CODES = ("--layers=1", "--least-channels=4", "--most-channels=4", "--latent=3", "--blocks=1")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO", "JPEG2000")


@dataclass(frozen=True)
class Goods:
    """Good files, of which each trial spoils copies."""

    folder: Path

    def model(self, rng: random.Random) -> Path:
        shipped = sorted((assets() / "models").glob("*.safetensors"))
        own = sorted(self.folder.glob("*/model.safetensors"))
        return rng.choice([*shipped, *own, *own])

    def run(self, rng: random.Random, place: Path) -> Path:
        """A copy of one of the run folders."""
        found = sorted(path.parent for path in self.folder.glob("*/history.sqlite"))
        return Path(shutil.copytree(rng.choice(found), place / "run"))


def making(folder: Path) -> list[Argv]:
    """What makes the good files: a run of each instrument, as small as may be."""
    out, steps = lambda name: ["--out", str(folder / name)], ["--dataset", "digits", "--steps", "2"]
    cnn, drawing = str(folder / "pixelcnn"), str(folder / "drawing")
    return [
        ["fit", "synthetic:lines-5", *out("fit"), "--steps=20", "--lines=3", "--circles=2", "--downscale=8"],
        ["train", "pixelcnn", *steps, *out("pixelcnn"), *TINY_CNN, "--wall-every=1"],
        ["sample", cnn, str(folder / "wall.png"), "--count=2", "--run", drawing],
        ["train", "autoencoder", *steps, *out("autoencoder"), *TINY_CODES],
        ["train", "vqvae", *steps, *out("vqvae"), *TINY_CODES, "--codes=8", "--size=8"],
        ["encode", "model:codes-digits", "--dataset=digits", *out("encoded")],
    ]  # fmt: skip


# Doors: (rng, an empty folder, good files) → commands.


def models(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    path = Path(shutil.copy(goods.model(rng), place / "m.safetensors"))
    _spoil(rng, path, tensors)
    return [_with_model(rng, str(_found(place, path)), place)]


def runs(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    run = goods.run(rng, place)
    name, fault = rng.choice(
        [("model.safetensors", tensors)] * 3 + [("trainer.safetensors", tensors), ("run.json", text)]
    )
    _spoil(rng, run / name, fault)
    return [_with_run(rng, str(run), place)]


def histories(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    run = goods.run(rng, place)
    _spoil(rng, run / "history.sqlite", history)
    if rng.random() < 0.1:
        special(rng, run / "history.sqlite-wal")
    return [_with_run(rng, str(run), place)]


def drawings(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    run = Path(shutil.copytree(goods.folder / "drawing", place / "run"))
    _spoil(rng, run / "model.safetensors", tensors)
    return [_with_run(rng, str(run), place)]


def pictures(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    path = _picture(rng, place)
    model = rng.choice(("model:digits", "model:photographs", "model:codes-digits", "model:cascade-sea"))
    out, spec = str(place / "o.png"), str(path)
    if rng.random() < 0.1:
        spec = rng.choice(WORDS)
    steps = ["--steps=1", "--lines=2", "--circles=1"]
    return [rng.choice((
        ["fit", spec, "--out", str(place / "f"), *steps], ["tokens", spec, out, "--size=8"], [OPEN, spec],
        ["complete", model, spec, out, "--count=1", "--cut=60"],
        ["complete", "model:digits", "photo:coins", out, "--keep", spec, "--count=1"],
        ["surprise", "model:digits", spec, "--compare=0"],
    ))]  # fmt: skip


def datasets(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    make = rng.choice((_idx, _cifar, _pictures_folder, _list, _animation, _encoded))
    spec, root = make(rng, place, goods)
    size = ["--size", rng.choice(("8", "4x6", "1", "0", "2000"))] if rng.random() < 0.5 else []
    tiny = [*TINY_CNN, "--wall-every=0", "--batch-size=2", "--steps=1"]
    return [rng.choice((
        ["train", "pixelcnn", "--dataset", spec, "--data-root", root, "--out", str(place / "t"), *tiny, *size],
        ["train", "autoencoder", "--dataset", spec, "--data-root", root, "--out", str(place / "t"), "--steps=1", *size,
         *TINY_CODES, "--batch-size=2", "--wall-every=0"],
        ["evaluate", "model:digits", "--dataset", spec, "--data-root", root],
        ["encode", "model:codes-digits", "--dataset", spec, "--data-root", root, "--out", str(place / "e"), *size],
    ))]  # fmt: skip


def recipes(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    source = rng.choice(sorted((assets() / "recipes").glob("*.toml")))
    path = Path(shutil.copy(source, place / "r.toml"))
    _spoil(rng, path, text)
    path = _found(place, path)
    return [rng.choice((["recipe", str(path), "--plan"], [OPEN, str(path)], ["sample", str(path)]))]


def registries(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    own = Path(shutil.copy(assets() / "models" / "registry.toml", place / "registry.toml"))
    _spoil(rng, own, text)
    return [[REGISTRY, str(_found(place, own))]]


def flags(rng: random.Random, place: Path, goods: Goods) -> list[Argv]:
    """A command that works, with one flag, or two, of any value."""
    run, out = str(goods.folder / "fit"), str(place / "o")
    argv = rng.choice((
        ["fit", "synthetic:lines-5", "--out", out, "--steps=2", "--downscale=16", "--lines=3", "--circles=2"],
        ["render", run, out + ".png"], ["movie", run, out + ".mp4", "--size=32", "--seconds=0.2"],
        ["movie", run, out + ".gif", "--size=32", "--seconds=0.2"],
        ["sample", "model:digits", out + ".png", "--count=1"], ["tokens", "photo:coins", out + ".png", "--size=8"],
        ["sample", "model:tokens-digits", out + ".png", "--count=1"],
        ["complete", "model:digits", "photo:coins", out + ".png", "--count=1"],
        ["surprise", "model:digits", "photo:coins", "--compare=0"], ["info", run],
        ["train", "pixelcnn", "--dataset=digits", "--out", out, "--steps=1", *TINY_CNN],
        ["train", "pixels", "--dataset=digits", "--out", out, "--steps=1", "--layers=1", "--width=12", "--heads=1"],
        ["train", "vqvae", "--dataset=digits", "--out", out, "--steps=1", *TINY_CODES, "--size=8"],
        ["evaluate", "model:digits"], ["prune", "model:codes-digits", "--threshold=1", "--dry-run"],
        ["demo", "--out", out, "--seconds=0.1"],
    ))  # fmt: skip
    for _ in range(rng.choice((1, 1, 2))):
        flag = rng.choice(_flags_of(argv))
        value = rng.choice(rng.choice((WORDS, NUMBERS)))
        argv = [*(word for word in argv if not word.startswith(f"{flag}=")), f"{flag}={value}"]
    return [argv]


DOORS: dict[str, tuple[int, Callable[[random.Random, Path, Goods], list[Argv]]]] = {  # with their weights
    "models": (5, models), "runs": (3, runs), "histories": (4, histories), "drawings": (2, drawings),
    "pictures": (4, pictures), "datasets": (4, datasets), "recipes": (3, recipes), "registries": (1, registries),
    "flags": (6, flags),
}  # fmt: skip


# What they share.


def _spoil(rng: random.Random, path: Path, fault: Callable[[random.Random, Path], object]) -> None:
    """Mostly by this fault; now and then the file is none, or has an odd name."""
    kind = rng.random()
    if kind < 0.08:
        special(rng, path)
    elif kind < 0.12:
        renamed(rng, path)
    else:
        fault(rng, path)


def _found(place: Path, path: Path) -> Path:
    """The file, whatever it is called by now."""
    return path if path.is_symlink() or path.exists() else next(place.iterdir())


def _with_model(rng: random.Random, model: str, place: Path) -> Argv:
    out = str(place / "o.png")
    return rng.choice((
        ["info", model], ["info", model, "--json"], ["render", model, out, "--size=16"], [OPEN, model],
        ["sample", model, out, "--count=1", "--size=8"], ["sample", model, out, "--count=1"],
        ["complete", model, "photo:coins", out, "--count=1", "--cut=50"], ["evaluate", model, "--dataset=digits"],
        ["surprise", model, "photo:coins", "--compare=0"], ["prune", model, "--threshold=2", "--dry-run"],
        ["encode", model, "--dataset=digits", "--out", str(place / "e")],
        ["train", "tokens", "--codes", model, "--dataset=digits", "--steps=1", "--out", str(place / "t"), "--layers=1"],
        ["train", "codebook", "--autoencoder", model, "--dataset=digits", "--steps=1", "--out", str(place / "t"),
         "--units=4", "--patches=1"],
    ))  # fmt: skip


def _with_run(rng: random.Random, run: str, place: Path) -> Argv:
    again, movie = ["--resume", "--out", run, "--steps=42"], str(place / "o.mp4")
    return rng.choice((
        ["info", run], ["movie", run, movie, "--size=32", "--seconds=0.2"], [OPEN, run], ["fit", *again],
        ["movie", run, movie, "--size=32", "--seconds=0.2", "--overlay", "--crisp"],
        ["train", "pixelcnn", "--resume", "--out", run, "--steps=4"],
        ["train", "vqvae", "--resume", "--out", run, "--steps=4"], ["render", run, str(place / "o.png"), "--size=16"],
        ["sample", run, str(place / "o.png"), "--count=1"],
    ))  # fmt: skip


def _picture(rng: random.Random, place: Path) -> Path:
    """A picture that is damaged, much too large, or none."""
    form = rng.choice(FORMATS)
    path = place / f"p.{form.lower()}"
    if rng.random() < 0.15:
        path = place / "p.png"
        path.write_bytes(_claimed(rng))
        return path
    pixels = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (24, 32, 3), np.uint8)
    image = Image.fromarray(pixels).convert(rng.choice(("RGB", "L", "RGB", "P")))
    image.convert("RGB" if form in ("JPEG", "JPEG2000", "WEBP", "PPM") else image.mode).save(path, form)
    kind = rng.random()
    if kind < 0.1:
        return special(rng, path)
    if kind < 0.2:
        return renamed(rng, path)
    damage(rng, path)
    return path


def _claimed(rng: random.Random) -> bytes:
    """A small PNG file of as many pixels as may be."""
    side = rng.choice((13_000, 14_000, 20_000, 60_000, 2**31 - 1))
    depth, colour = rng.choice(((16, 0), (8, 2), (8, 6), (16, 6), (1, 0)))
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0)
    rows = zlib.compress(bytes(rng.choice((10, 10_000_000))))
    parts = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def _png(rng: random.Random, side: int = 8) -> bytes:
    pixels = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (side, side, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


Found = tuple[str, str]  # a data set, and its root


def _idx(rng: random.Random, place: Path, goods: Goods) -> Found:
    """MNIST with a fault in one of its files."""
    counts = {"train": 20, "t10k": 10}
    for part, count in counts.items():
        pictures = struct.pack(">IIII", 0x803, count, 4, 4) + rng.randbytes(count * 16)
        labels = struct.pack(">II", 0x801, count) + bytes(n % 10 for n in range(count))
        (place / f"{part}-images-idx3-ubyte").write_bytes(pictures)
        (place / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    path = place / rng.choice(
        [f"{part}-{what}-ubyte" for part in counts for what in ("images-idx3", "labels-idx1")]
    )
    match rng.randrange(4):
        case 0:
            damage(rng, path)
        case 1:
            special(rng, path)
        case 2:
            sizes = [
                rng.choice((0, 1, 20, 32_768, 2**20, 10**9, 2**32 - 1))
                for _ in range(3 if "images" in path.name else 1)
            ]
            path.write_bytes(struct.pack(">I", 0x800 + len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes))
            os_size = min(2**31, path.stat().st_size + int(np.prod(sizes, dtype=object)))
            with path.open("ab") as file:
                file.truncate(os_size)  # sparse
        case 3:
            path.with_name(path.name + ".gz").write_bytes(bytes_of(rng, gzip.compress(path.read_bytes())))
            path.unlink()
    return "mnist", str(place)


def _cifar(rng: random.Random, place: Path, goods: Goods) -> Found:
    """CIFAR-10's archive, damaged, or full of what is no use."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name in [f"data_batch_{n}.bin" for n in range(1, 6)] + ["test_batch.bin"]:
            data = b"".join(bytes([n % 10]) + rng.randbytes(3072) for n in range(3))
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for n in range(rng.choice((0, 0, 30_000))):
            archive.addfile(tarfile.TarInfo(f"x/{n}"))
    data = stream.getvalue()
    (place / "cifar-10-binary.tar.gz").write_bytes(data if rng.random() < 0.3 else bytes_of(rng, data))
    return "cifar10", str(place)


def _pictures_folder(rng: random.Random, place: Path, goods: Goods) -> Found:
    """Folders of pictures, or archives of them, of which some are broken, odd or none."""
    folder = place / rng.choice(("set", "\udcff", "a b"))
    for number in range(8):
        path = folder / f"c{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_png(rng) if rng.random() < 0.7 else bytes_of(rng, _png(rng)))
        if rng.random() < 0.15:
            _spoil(rng, path, damage)
    if rng.random() < 0.2:
        for part in ("train", "test"):
            with tarfile.open(place / f"{part}.tar.gz", "w:gz") as archive:
                archive.add(folder / "c0", "c0", filter=lambda info: info)
        damage(rng, place / "train.tar.gz")
        return str(place), str(place)
    return str(folder), str(place)


def _list(rng: random.Random, place: Path, goods: Goods) -> Found:
    for number in range(4):
        (place / f"{number}.png").write_bytes(_png(rng))
    if rng.random() < 0.5:
        path = place / "l.csv"
        path.write_text("image_path,label\n" + "".join(f"{n}.png,c{n % 2}\n" for n in range(4)))
        _spoil(rng, path, rng.choice((damage, text)))
    else:
        path = place / "l.json"
        items = {str(n): {"image_fpath": f"{n}.png", "labels": [f"c{n % 2}"]} for n in range(4)}
        path.write_text(json.dumps(json_of(rng, {"_default": items})))
    return str(path if path.exists() or path.is_symlink() else place), str(place)


def _animation(rng: random.Random, place: Path, goods: Goods) -> Found:
    frames = [Image.open(io.BytesIO(_png(rng))) for _ in range(5)]
    path = place / rng.choice(("a.gif", "a.webp", "a.tif"))
    frames[0].save(path, save_all=True, append_images=frames[1:])
    _spoil(rng, path, damage)
    path = _found(place, path)
    return str(path.rename(path.with_suffix(".mp4")) if rng.random() < 0.3 else path), str(place)


def _encoded(rng: random.Random, place: Path, goods: Goods) -> Found:
    folder = Path(shutil.copytree(goods.folder / "encoded", place / "set"))
    path = folder / rng.choice(("encoded.json", "train/header.json", "held/header.json", "train/values.raw"))
    _spoil(rng, path, damage if path.suffix == ".raw" else text)
    return str(folder), str(place)


def _flags_of(argv: Argv) -> list[str]:
    """What a command may be given, as its own help says."""
    parser = argparse.ArgumentParser()
    commands()[argv[0]][1](parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parser = action.choices[argv[1]]
    found = [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]
    return [
        flag for flag in found if flag not in ("--help", "--track", "--device", "--out", "--run", "--movie")
    ]
