"""The official data sets: their files, where they may lie, and where they can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from .download import DownloadError, Progress, RemoteFile, fetch


@dataclass(frozen=True)
class Official:
    """The first of the folders, below the data root, is the one that downloads go to."""

    title: str
    classes: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    mirrors: tuple[str, ...]
    folders: tuple[str, ...]
    hint: str = ""


# Sizes and check sums of the files as their authors published them.
OFFICIAL = {
    "mnist": Official(
        "MNIST",
        tuple("0123456789"),
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        ("mnist", "mnist/raw", "MNIST/raw", "MNIST"),
    ),
    "fashionmnist": Official(
        "Fashion-MNIST",
        ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # https is not to be had there
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        ("fashionmnist", "FashionMNIST/raw", "FashionMNIST", "fashion-mnist", "fashion"),
    ),
    "cifar10": Official(
        "CIFAR-10",
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        (
            RemoteFile(
                "cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        (
            "https://www.cs.toronto.edu/~kriz/",
            "https://cave.cs.toronto.edu/kriz/",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
        ),
        ("cifar10", "cifar-10", "CIFAR10"),
        hint=" (the binary version: the Python version is pickled, and no pickle is ever opened)",
    ),
}


def places(official: Official, root: Path) -> Iterator[Path]:
    """Where the files may lie, the data root itself last: there they may be another set's of the same names."""
    yield from (root / folder for folder in official.folders if (root / folder).is_dir())
    yield root


def obtain(official: Official, root: Path, download: bool, progress: Progress | None) -> Path:
    """The folder below the root with all the files, after downloading; or one sentence that says what to put where."""
    folder = root / official.folders[0]
    why = "is not in"
    if download:
        try:
            for file in official.files:
                fetch(file, [mirror + file.name for mirror in official.mirrors], folder, progress)
            return folder
        except DownloadError as error:
            why = f"could not be downloaded ({error}) and is not in"
    missing = [file.name for file in official.files if not (folder / file.name).is_file()]
    *most, last = missing
    names = f"{', '.join(most)} and {last}" if most else last
    raise UserError(f"{official.title} {why} {root}: put {names} into {folder}{official.hint}.")
