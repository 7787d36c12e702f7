"""A picture file as it is learnt from: its upright middle, resized, grey or in colour."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .pictures import Pixels, pixels_of
from .sources import Size

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
# By content too: a file may be called .png and be PostScript, which Pillow hands to another program.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"}
MOST_PIXELS = 2**26  # in one picture, as far as it must be decoded


def prepared(image: Image.Image, size: Size, channels: int | None) -> Pixels:
    """The upright middle of the picture in that shape, resized: (H, W, 1 or 3)."""
    grey = image.mode in GREY if channels is None else channels == 1
    middle = ImageOps.fit(Image.fromarray(pixels_of(image)), size[::-1], Image.Resampling.LANCZOS)
    return np.atleast_3d(np.array(middle.convert("L") if grey else middle))


def read_prepared(file: Path | str | bytes, size: Size, channels: int | None) -> Pixels | None:
    """The picture in a file, prepared; None where it cannot be read."""
    stream = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what is odd in the file: it is read or it is skipped
            with Image.open(stream, formats=FORMATS) as image:
                return prepared(image, size, channels) if _decodable(image, size) else None
    except Exception:  # Pillow's decoders raise nearly anything on damaged files
        return None


def depth_of(path: Path, size: Size, channels: int | None) -> int | None:
    """How many channels it will have once prepared, as its first bytes say; None where they say that it is none."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if not _decodable(image, size):
                return None
            return channels or (1 if image.mode in GREY else 3)
    except Exception:
        return None


def _decodable(image: Image.Image, size: Size) -> bool:
    image.draft(None, (2 * size[1], 2 * size[0]))  # a large JPEG is decoded only as far as will be seen
    return image.width * image.height <= MOST_PIXELS
