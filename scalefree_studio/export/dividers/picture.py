"""A divider network as a picture file of any size, drawn band by band in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ...errors import UserError
from ...models.dividers.render import Region, render_region
from ..png import PngWriter
from .overlay import draw_overlay, stroke_of

S = TypeVar("S")
T = TypeVar("T")
Bytes = npt.NDArray[np.uint8]
Progress = Callable[[int], None]  # told how many more rows (or frames) are done

BAND = 1 << 20  # pixels that are drawn at once
LONGEST = 1 << 18  # pixels along a side
IN_MEMORY = 1 << 26  # pixels of a picture in a format that cannot be written band by band
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_deflate"},
}
LONGEST_OF = {"JPEG": 65_535, "WEBP": 16_383, "TIFF": LONGEST, "BMP": LONGEST}


def draw(
    params: Mapping[str, Tensor],
    region: Region,
    width: int,
    height: int,
    sharpness: float = 1000.0,
    samples: int = 1,
    stroke: float = 0.0,
) -> Bytes:
    """The picture of a region as bytes (height, width, 3); with the dividers over it if `stroke` is above 0."""
    colours = render_region(params, region, width, height, sharpness, samples)
    picture: Bytes = colours.mul_(255).round_().to(torch.uint8).cpu().numpy()
    if stroke:
        draw_overlay(picture, {name: tensor.cpu().numpy() for name, tensor in params.items()}, region, stroke)
    return picture


def write_picture(
    params: Mapping[str, Tensor],
    path: Path | str,
    size: tuple[int, int],
    picture: tuple[int, int],
    sharpness: float = 1000.0,
    *,
    border: float = 1.0,
    samples: int = 1,
    overlay: bool = False,
    progress: Progress | None = None,
) -> None:
    """Draw a network into a file of `size` (width, height), in the format that its suffix names.

    `picture` is the (height, width) of what it learnt. The file is there whole or not at all.
    """
    path = Path(path)
    (width, height), form = size, check_target(path, size)
    region = Region.whole(picture, height, width, border)
    stroke = stroke_of(width, height) if overlay else 0.0
    rows = max(16, BAND // (width * samples**2) // 16 * 16)

    def band(top: int) -> Bytes:
        n = min(rows, height - top)
        part = region.part(height, width, top, 0, n, width)
        return draw(params, part, width, n, sharpness, samples, stroke)

    bands = drawn_ahead(band, range(0, height, rows))
    with replacing(path) as file:
        if form == "PNG":
            png = PngWriter(file, width, height)
            for done in bands:
                png.write(done)
                if progress:
                    progress(len(done))
            png.close()
        else:
            whole, top = np.empty((height, width, 3), np.uint8), 0
            for done in bands:
                whole[top : top + len(done)] = done
                top += len(done)
                if progress:
                    progress(len(done))
            Image.fromarray(whole).save(file, form, **OPTIONS.get(form, {}))


def check_target(path: Path, size: tuple[int, int]) -> str:
    """The format of the file that a picture of this size shall go to, or a UserError why it cannot."""
    suffix, (width, height) = path.suffix.lower(), size
    if min(size) < 1 or max(size) > LONGEST:
        raise UserError(f"A picture has between 1 and {LONGEST} pixels along a side, not {width}x{height}.")
    if suffix == ".png":
        return "PNG"
    if suffix not in FORMATS:
        known = ", ".join([".png", *FORMATS])
        raise UserError(f"A picture is written as one of {known}; {path.name!r} ends otherwise.")
    form = FORMATS[suffix]
    if width * height > IN_MEMORY or max(size) > LONGEST_OF[form]:
        raise UserError(
            f"{width}x{height} is too large for a {suffix} file; a .png may be as large as you like."
        )
    return form


def drawn_ahead(make: Callable[[S], T], items: Iterable[S], ahead: int = 2) -> Iterator[T]:
    """make(item) for every item, in order, made by another thread while the caller uses the ones before."""
    worker = ThreadPoolExecutor(1, thread_name_prefix="draw")
    try:
        waiting: deque[Future[T]] = deque()
        for item in items:
            waiting.append(worker.submit(make, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        worker.shutdown(cancel_futures=True)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only once it is complete and on the disk. Trouble is told in one sentence."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        temporary.unlink(missing_ok=True)
