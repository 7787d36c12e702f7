"""Any folder of pictures, or a packed one: classes are sub-folders; squares of one size come out.

A picture that lies beside the sub-folders is of the class of the folder itself.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ..errors import UserError
from .archive import members
from .download import Progress
from .pictures import pixels_of

Pixels = npt.NDArray[np.uint8]

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
# By content too: a file may be called .png and be PostScript, which Pillow hands to another program.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"}
MOST_PIXELS = 2**26  # in one picture, as far as it must be decoded
MOST_BYTES = 2**31  # of prepared pictures: all of them are kept in memory
HELD_NAMES = ("test", "val", "valid", "validation", "held-out")


@dataclass(frozen=True)
class Pictures:
    images: Pixels  # (N, size, size, 1 or 3)
    classes: tuple[str, ...]  # of each picture, by name
    skipped: int  # could not be read


def find_parts(folder: Path) -> tuple[Path, Path] | None:
    """The training part and the held-out part, where somebody has parted them: sub-folders or archives."""
    for held in HELD_NAMES:
        for ending in ("", ".tar.gz", ".tgz"):
            pair = folder / f"train{ending}", folder / f"{held}{ending}"
            if all(p.is_file() if ending else p.is_dir() for p in pair):
                return pair
    return None


def read_pictures(
    source: Path, size: int, channels: int | None = None, progress: Progress | None = None
) -> Pictures:
    """Every picture of a folder or a .tar.gz in order of its name; without `channels`, grey if all of them are."""
    items, total = (_of_archive(source), 0) if source.is_file() else _of_folder(source)
    if max(total, 1) * size * size * (channels or 3) > MOST_BYTES:
        raise UserError(f"{source} holds {total:,} pictures, too many to be kept at {size}×{size}.")
    kept: list[tuple[str, str, Pixels]] = []
    skipped = 0
    room = MOST_BYTES
    for name, label, file in items:
        image = _prepared(file, size, channels)
        if image is None:
            skipped += 1
        else:
            kept.append((name, label, image))
            room -= image.nbytes
        if room < 0:
            raise UserError(f"{source} holds more pictures than can be kept at {size}×{size}.")
        if progress:
            progress("Reading pictures", len(kept) + skipped, total)
    if not kept:
        what = f"none of its {skipped:,} pictures can be read" if skipped else "there is no picture in it"
        raise UserError(f"{source} cannot be learnt from: {what}.")
    kept.sort(key=lambda item: item[0])  # an archive has them in any order
    depth = max(image.shape[2] for *_, image in kept)
    images = np.stack([np.broadcast_to(image, (size, size, depth)) for *_, image in kept])
    return Pictures(images, tuple(label for _, label, _ in kept), skipped)


def prepared(image: Image.Image, size: int, channels: int | None) -> Pixels:
    """The upright middle square of the picture, resized: (size, size, 1 or 3)."""
    grey = image.mode in GREY if channels is None else channels == 1
    square = ImageOps.fit(Image.fromarray(pixels_of(image)), (size, size), Image.Resampling.LANCZOS)
    return np.atleast_3d(np.array(square.convert("L") if grey else square))


def _prepared(file: Path | bytes, size: int, channels: int | None) -> Pixels | None:
    stream = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what is odd in the file: it is read or it is skipped
            with Image.open(stream, formats=FORMATS) as image:
                image.draft(None, (2 * size, 2 * size))  # a large JPEG is decoded only as far as will be seen
                if image.width * image.height > MOST_PIXELS:
                    return None
                return prepared(image, size, channels)
    except Exception:  # Pillow's decoders raise nearly anything on damaged files
        return None


Items = Iterable[tuple[str, str, Path | bytes]]  # name, class, file


def _of_folder(folder: Path) -> tuple[Items, int]:
    try:
        names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror or error}.") from None
    items = [
        (name.as_posix(), name.parts[0] if len(name.parts) > 1 else folder.resolve().name, folder / name)
        for name in sorted(names)
        if _is_picture(name.parts)
    ]
    return items, len(items)


def _of_archive(path: Path) -> Items:
    for name, data in members(path):
        parts = PurePosixPath(name).parts
        if _is_picture(parts):
            yield name, parts[-2] if len(parts) > 1 else path.name, data


def _is_picture(parts: tuple[str, ...]) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) and part not in (".", "..") for part in parts)
    return not hidden and PurePosixPath(parts[-1]).suffix.lower() in SUFFIXES
