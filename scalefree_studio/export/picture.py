"""A picture as a file of any size, in the format that its suffix names: PNG band by band, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import UserError
from ..files import clear_parts, replacing, write_errors
from ..snapshot import Bytes
from .ahead import Progress
from .png import PngWriter

LONGEST = 1 << 18  # pixels along a side
IN_MEMORY = 1 << 26  # pixels of a picture in a format that cannot be written band by band
AT_ONCE = 1 << 21  # pixels that are written at once
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_deflate"},
}
LONGEST_OF = {"JPEG": 65_535, "WEBP": 16_383, "TIFF": LONGEST, "BMP": LONGEST}


def check_target(path: Path, size: tuple[int, int]) -> str:
    """The format of the file that a picture of this size shall go to, or a UserError why it cannot."""
    suffix, (width, height) = path.suffix.lower(), size
    if min(size) < 1 or max(size) > LONGEST:
        raise UserError(f"A picture has between 1 and {LONGEST} pixels along a side, not {width}x{height}.")
    if suffix == ".png":
        return "PNG"
    if suffix not in FORMATS:
        known = ", ".join([".png", *FORMATS])
        raise UserError(f"A picture file ends in one of {known}; {path.name!r} does not.")
    form = FORMATS[suffix]
    if width * height > IN_MEMORY or max(size) > LONGEST_OF[form]:
        raise UserError(
            f"{width}x{height} is too large for a {suffix} file; a .png may be as large as you like."
        )
    return form


def write_bands(
    path: Path, size: tuple[int, int], bands: Iterable[Bytes], progress: Progress | None = None
) -> None:
    """Write a picture of `size` (width, height) that comes in bands (rows, width, 3); whole or not at all."""
    (width, height), form = size, check_target(path, size)
    clear_parts(path.parent)
    with write_errors(path), replacing(path) as file:
        png = PngWriter(file, width, height) if form == "PNG" else None
        whole, top = np.empty((0 if png else height, width, 3), np.uint8), 0
        for band in (lower for higher in bands for lower in _lower(higher)):
            if png:
                png.write(band)
            else:
                whole[top : top + len(band)] = band
                top += len(band)
            if progress:
                progress(len(band))
        if png:
            png.close()
        else:
            Image.fromarray(whole).save(file, form, **OPTIONS.get(form, {}))


def thick(line: Bytes, scale: int) -> Bytes:
    """A line of pixels (width, 3) so many times: (scale, width, 3). However many they are, they take no memory."""
    return np.broadcast_to(line, (scale, *line.shape))


def _lower(band: Bytes) -> Iterator[Bytes]:
    rows = max(1, AT_ONCE // band.shape[1])
    for top in range(0, len(band), rows):
        yield band[top : top + rows]
