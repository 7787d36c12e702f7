"""Data sets by name or by path: pictures to learn from and pictures held out.

digits (embedded) · mnist · fashionmnist · cifar10 (found or downloaded) · some classes of one of these, as
cifar10:airplane,ship · a folder of pictures and films · a list of pictures (CSV or JSON) · a film or an animation · a
folder that `encode` has filled
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import UserError
from .batches import split
from .cifar import load_cifar
from .download import Progress
from .encoded_folder import is_encoded, load_encoded
from .examples import Arrays, Examples
from .films import is_animation, is_film, read_film
from .folder import load_folder
from .gather import FILES_SIZE, Entry, Gathered, gather, with_held_out
from .lists import is_list, read_list
from .mnist import load_mnist
from .official import OFFICIAL
from .prepare import prepared
from .quantise import dequantise
from .sources import DataRequest, Dataset, Size, Source

MOST_SIZE = 1024
PREFIX = "dataset:"  # may stand before a name: so data sets are listed beside pictures and models

SOURCES: dict[str, Source] = {}
DATASETS: dict[str, str] = {}  # name → title, of those that are asked for by name


def register(source: Source) -> None:
    """Add a data set; other packages may."""
    if source.name in SOURCES or source.name != _plain(source.name):
        raise ValueError(f"no data set can be called {source.name!r}, or another is")
    SOURCES[source.name] = source
    if source.opens is None:
        DATASETS[source.name] = source.title


def load_dataset(
    name_or_path: str | Path,
    data_root: str | Path | None = None,
    channels: int | None = None,
    size: int | Size | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Dataset:
    """The data set of that name, else of what is at that path, or a UserError in one sentence.

    Official files are looked for under `data_root` ($SCALEFREE_DATA, else ./data), then downloaded to there. `channels`
    (1 or 3) and `size` (of a square, or height and width, in pixels) convert; without them everything stays as it is,
    except that pictures in files become 32×32. A folder of the same name as a data set is meant by ./name.
    """
    if channels not in (None, 1, 3):
        raise UserError(f"Pictures have 1 or 3 channels, not {channels}.")
    sides = (size, size) if isinstance(size, int) else size
    for side in sides or ():
        if not 1 <= side <= MOST_SIZE:
            raise UserError(f"The side of the pictures may be 1 to {MOST_SIZE} pixels, not {side}.")
    root = None if data_root is None else Path(data_root)
    name, classes = _classes_of(str(name_or_path))
    request = DataRequest(name, root, sides, channels, download, progress)
    dataset = _converted(_source_of(request).load(request), request)
    if classes:
        dataset = _of_classes(dataset, classes, str(name_or_path))
    return replace(dataset, root=request.data_root)


def is_dataset_file(path: Path) -> bool:
    """Whether it is a list or a film, as its name says: a file that is learnt from and is no picture itself."""
    return is_list(path) or is_film(path)


def is_dataset_name(spec: str) -> bool:
    """Whether a data set is asked for by name, all of it or some classes."""
    return _plain(_classes_of(spec)[0]) in DATASETS


def _classes_of(spec: str) -> tuple[str, tuple[str, ...]]:
    """'cifar10:airplane,ship' → the data set, and its classes that are wanted; none where all are."""
    spec = spec.removeprefix(PREFIX)
    name, _, classes = spec.partition(":")
    if _plain(name) in DATASETS and classes:
        return name, tuple(word.strip() for word in classes.split(","))
    return spec, ()


def _of_classes(dataset: Dataset, wanted: tuple[str, ...], spec: str) -> Dataset:
    """Only these classes of a data set, in the order in which they are named."""
    known = {name: number for number, name in enumerate(dataset.classes)}
    for name in wanted:
        if name not in known:
            raise UserError(f"{dataset.name} has no class {name!r}; it has {', '.join(dataset.classes)}.")
    numbers = [known[name] for name in wanted]
    if len(set(numbers)) < len(numbers):
        raise UserError(f"{spec} names a class twice.")

    def chosen(examples: Examples) -> Arrays:
        found = examples.take(np.arange(len(examples)))
        here = np.isin(found.labels, numbers)
        new = np.zeros(len(dataset.classes), np.int64)
        new[numbers] = np.arange(len(numbers))
        return Arrays(found.values[here], new[found.labels[here]], found.tokens)

    name = "-".join((dataset.name, *wanted))
    train, held = chosen(dataset.train), chosen(dataset.held)
    return replace(dataset, name=name, spec=spec, train=train, held=held, classes=wanted)


def _plain(name: str) -> str:
    """CIFAR-10, cifar_10 and cifar10 are one."""
    return name.lower().replace("-", "").replace("_", "")


def _source_of(request: DataRequest) -> Source:
    name, path = _plain(request.spec), request.path
    if name in DATASETS:
        return SOURCES[name]
    if path.exists():
        for source in reversed(SOURCES.values()):  # what came last knows more exactly what is its own
            if source.opens is not None and source.opens(path):
                return source
        raise UserError(f"{path} is neither a list of pictures (.csv or .json) nor a film.")
    raise UserError(
        f"There is no data set or folder {request.spec!r}; choose one of {', '.join(DATASETS)}, or a "
        f"folder, list or film of your own."
    )


def _load_digits(request: DataRequest) -> Dataset:
    from sklearn.datasets import load_digits  # slow to import, and needed only here

    values, labels = load_digits(return_X_y=True)
    images = dequantise(values.astype(np.int64), 17).reshape(-1, 8, 8, 1)  # they come as 0 to 16
    labels = labels.astype(np.int64)
    train, held = (Arrays(images[part], labels[part]) for part in split(labels))
    return Dataset("digits", request.spec, train, held, tuple("0123456789"), split=True)


def _load_list(request: DataRequest) -> Dataset:
    path, entries = request.path, read_list(request.path)
    return with_held_out(path.stem, gather(entries, path, request, len(entries)), path, request)


def _load_film(request: DataRequest) -> Dataset:
    path, size = request.path, request.size or FILES_SIZE
    film, found = read_film(path, size, request.channels, request.progress), Gathered(size, request.channels)
    found.add_film(Entry(path.name, path.stem, path), film.frames, film.all_frames)
    return with_held_out(path.stem, found, path, request)


def _converted(dataset: Dataset, request: DataRequest) -> Dataset:
    """In the size and with the channels asked for, where the source has not seen to it."""
    if request.channels is None and request.size is None:
        return dataset
    *size, depth = dataset.shape
    wanted = (*(request.size or size), request.channels or depth)
    if dataset.shape == wanted:
        return dataset
    if dataset.made_by:
        raise UserError(
            f"{request.path} holds {dataset.made_by.what}, but pictures are needed; name the pictures "
            f"themselves."
        )

    def converted(examples: Examples) -> Arrays:
        all_of_them = examples.take(np.arange(len(examples)))
        flat = all_of_them.values[..., 0] if depth == 1 else all_of_them.values
        height, width, channels = wanted
        values = [prepared(Image.fromarray(image), (height, width), channels) for image in flat]
        return Arrays(np.stack(values), all_of_them.labels)

    return replace(dataset, train=converted(dataset.train), held=converted(dataset.held))


def _official(name: str, load: Callable[[DataRequest], Dataset]) -> Source:
    official = OFFICIAL[name]
    return Source(name, official.title, load, download_bytes=sum(file.size for file in official.files))


for _source in (
    Source("digits", "Digits", _load_digits),
    _official("mnist", partial(load_mnist, "mnist")),
    _official("fashionmnist", partial(load_mnist, "fashionmnist")),
    _official("cifar10", load_cifar),
    Source("folder", "A folder of pictures and films", load_folder, opens=Path.is_dir),
    Source("list", "A list of pictures", _load_list, opens=is_list),
    Source("film", "A film", _load_film, opens=lambda path: is_film(path) or is_animation(path)),
    Source("encoded", "An encoded folder", load_encoded, opens=is_encoded),
):
    register(_source)
