"""The file of a movie: frames go into the format that its suffix names, and take its place once they are all there.

An mp4 alone can be played while it is being made, and after a kill. A GIF has few colours and is small; a TIFF keeps
every frame as it is, a page each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from imageio.plugins.pillow import PillowPlugin
from imageio.plugins.tifffile_v3 import TifffilePlugin
from imageio.v3 import imopen
from PIL import Image

from ..errors import UserError
from ..files import check_folder, clear_parts, replacing, write_errors
from ..snapshot import Bytes
from .video import VideoWriter

Write = Callable[[Bytes], object]  # adds a frame (height, width, 3)

SUFFIXES = (".mp4", ".gif", ".tif", ".tiff")
MOST_FRAMES = 1_000_000  # nine hours at 30 a second
GIF_SIDE = 480  # pixels of the longer side, where nobody asks for a size
GIF_PIXELS = 1 << 27  # of all frames: they wait in memory, a byte each, until the last one is there
GIF_FPS = 50  # what is faster, browsers show ten times as slowly
GIF_STILL = 655_000  # milliseconds that a picture may stay: the format has no larger number
SMALL_TIFF = 1 << 32  # bytes, beyond which a TIFF needs the larger kind of itself
COLOURS = 256


def check_movie(path: Path, size: tuple[int, int], count: int, fps: float) -> None:
    """A UserError where no movie of so many frames could be written."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"A movie file ends in one of {', '.join(SUFFIXES)}; {path.name!r} does not.")
    check_folder(path)
    if count > MOST_FRAMES:
        raise UserError(
            f"A movie of {count:,} frames is far too long: make it shorter, or show fewer frames a second."
        )
    if path.suffix.lower() != ".gif":
        return
    if fps > GIF_FPS:
        raise UserError(f"A GIF shows at most {GIF_FPS} frames a second, not {fps:g}.")
    width, height = size
    if count * width * height > GIF_PIXELS:
        raise UserError(
            f"A GIF of {count:,} frames of {width}x{height} is too large: make it smaller or shorter, or "
            f"an .mp4."
        )


@contextmanager
def frames_into(
    path: Path, size: tuple[int, int], count: int, fps: float = 30, colours: str = "yuv420p"
) -> Iterator[Write]:
    """Within this, `count` frames of `size` (width, height) are written to a movie."""
    check_movie(path, size, count, fps)
    clear_parts(path.parent)
    suffix = path.suffix.lower()
    if suffix == ".mp4":
        with VideoWriter(path, *size, fps, colours) as video:
            yield video.write
    elif suffix == ".gif":
        with _gif(path, fps) as write:
            yield write
    else:
        with _tiff(path, size, count) as write:
            yield write


@contextmanager
def _gif(path: Path, fps: float) -> Iterator[Write]:
    """Every frame has the 256 colours that serve it best; it stays as it is where it has no more."""
    ends: list[int] = []  # when each frame makes way for the next, in hundredths of a second
    durations: list[int] = []  # of each, in milliseconds; Pillow reads them at the end
    last: list[Bytes] = []

    def write(frame: Bytes) -> None:
        ends.append(round((len(ends) + 1) * 100 / fps))
        lasts = 10 * (ends[-1] - (ends[-2] if len(ends) > 1 else 0))
        if last and np.array_equal(frame, last[0]):  # a pause costs nothing
            durations[-1] += lasts
            if durations[-1] > GIF_STILL:
                raise UserError(
                    f"A GIF cannot hold a picture for more than {GIF_STILL // 1000} s: make it shorter, or an .mp4."
                )
            return
        last[:] = [frame.copy()]
        durations.append(lasts)
        image = Image.fromarray(frame)
        if (
            image.getcolors(COLOURS) is None
        ):  # a hundred times as fast as what Pillow does by itself, and as good
            image = image.quantize(COLOURS, Image.Quantize.FASTOCTREE).convert("RGB")
        gif.write(np.asarray(image), bits=8, duration=durations, loop=0, save_all=True)

    with write_errors(path), replacing(path) as file:
        gif = imopen(file, "w", plugin=PillowPlugin, extension=".gif")
        try:
            yield write
        except BaseException:
            gif.images_to_write.clear()  # else they would be written all the same
            raise
        finally:
            gif.close()


@contextmanager
def _tiff(path: Path, size: tuple[int, int], count: int) -> Iterator[Write]:
    large = count * 3 * size[0] * size[1] > 0.9 * SMALL_TIFF
    with write_errors(path), replacing(path) as file:
        tiff = imopen(file, "w", plugin=TifffilePlugin, extension=".tif", bigtiff=large)
        with tiff:
            yield lambda frame: tiff.write(frame, compression="zlib", predictor=True, metadata=None)
