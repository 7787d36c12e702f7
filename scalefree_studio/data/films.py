"""Films and animations as pictures: evenly spaced frames, prepared one after the other, so that few are in memory."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from ..errors import UserError
from ..files import check_file
from .download import Progress
from .pictures import Pixels
from .prepare import FORMATS, MOST_PIXELS, prepared
from .sources import Size

FILMS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ogv", ".wmv", ".flv"}
ANIMATIONS = {".gif", ".webp", ".tif", ".tiff"}  # or pictures with a single frame

MOST_FRAMES = 500  # learnt from, of one film
MOST_BYTES = 2**27  # of them, once prepared
MOST_DECODED = 20_000  # frames; of a longer film only key frames are decoded, a few seconds apart

# By content too: a file may be called .mp4 and be a playlist, which would have others opened.
CAUTION = (
    "-protocol_whitelist", "file,pipe", "-max_pixels", str(MOST_PIXELS),
    "-format_whitelist", "mov,matroska,avi,mpeg,mpegvideo,ogg,asf,flv",
)  # fmt: skip


@dataclass(frozen=True)
class Film:
    frames: list[Pixels]  # each (H, W, 1 or 3)
    all_frames: int  # how many it has


def is_film(path: Path) -> bool:
    """As its name says."""
    return path.suffix.lower() in FILMS


def is_animation(path: Path) -> bool:
    """It may be one, as its name says."""
    return path.suffix.lower() in ANIMATIONS


def read_film(path: Path, size: Size, channels: int | None, progress: Progress | None = None) -> Film:
    """Evenly spaced frames of a film or an animation, prepared, or a UserError in one sentence."""
    most = max(2, min(MOST_FRAMES, MOST_BYTES // (size[0] * size[1] * (channels or 3))))
    kept: list[Pixels] = []
    step, total, seen = 1, 0, 0
    with closing(_guarded(path)) as frames:
        for frame, total in frames:
            if seen % step == 0:
                kept.append(prepared(frame, size, channels))
            if len(kept) > 2 * most:  # how many will come is known for certain only at the end
                kept, step = kept[::2], 2 * step
            seen += 1
            if progress:
                progress(f"Reading {path.name}", seen, total and max(seen, total))
            if seen == MOST_DECODED:
                break
    chosen = np.linspace(0, len(kept) - 1, min(len(kept), most)).round().astype(int)
    return Film([kept[n] for n in chosen], max(seen, total))


Frames = Generator[tuple[Image.Image, int], None, None]  # a frame, and how many there are, as far as is known


def _guarded(path: Path) -> Frames:
    """At least one frame, or a UserError."""
    some = False
    try:
        check_file(path, "film")
        with closing(_film_frames(path) if is_film(path) else _animation_frames(path)) as frames:
            for item in frames:
                some = True
                yield item
    except UserError:
        raise
    except Exception:  # decoders raise nearly anything on damaged files
        some = False
    if not some:
        raise UserError(f"{path} is not a readable film.")


def _film_frames(path: Path) -> Frames:
    """All frames; of a long film the key frames, which take little time."""
    import imageio.v3 as iio  # needed only here

    with closing(_decoded(path)) as frames:
        first = next(frames)
        about = iio.immeta(path, plugin="FFMPEG")
        total = round(float(about["fps"]) * float(about["duration"]))
        if total <= MOST_DECODED:
            yield first, total
            for frame in frames:
                yield frame, total
            return
    with closing(_decoded(path, "-skip_frame", "nokey")) as frames:
        for frame in frames:
            yield frame, total


def _decoded(path: Path, *options: str) -> Generator[Image.Image, None, None]:
    import imageio.v3 as iio

    # Without "passthrough", frames would be repeated or left out until they are equally far apart.
    frames = iio.imiter(
        path.resolve(),
        plugin="FFMPEG",
        input_params=[*CAUTION, *options],
        output_params=["-fps_mode", "passthrough"],
    )
    for frame in frames:
        yield Image.fromarray(frame)


def _animation_frames(path: Path) -> Frames:
    with Image.open(path, formats=FORMATS) as image:
        total = getattr(image, "n_frames", 1)
        for frame in ImageSequence.Iterator(image):
            if frame.width * frame.height > MOST_PIXELS:
                raise ValueError
            yield frame, total
