"""What may be asked of a picture or a movie, declared once: flags and dialogs are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ..controls import control
from ..sizes import shape_of, size_of
from .picture import LONGEST
from .video import COLOURS, FASTEST, LARGEST, SLOWEST

option = partial(control, live=True)  # nothing of it starts anything over
MOST_PLACES = 1024  # along a side of a picture in tokens
MOST = 1e12  # of what is multiplied with itself
# What a movie asks of its scene, and may ask only where that understands it.
SCENE_OPTIONS = {"border", "samples", "overlay", "sharpness", "crisp", "zoom"}

# fmt: off
SIZE: dict[str, Any] = dict(
    label="Size", low=1, read=size_of, wants="a size such as 1920x1080 or 1080", metavar="WxH",
)


@dataclass(frozen=True)
class PictureOptions:
    """How a divider network becomes a picture, and how a movie shows what it is of."""

    size: tuple[int, int] | None = option(
        None, **SIZE, high=LONGEST, unset="as learned",
        help="In pixels: 4096x2048, or 4096 for a square; a different shape shows more around the "
             "picture.")
    border: float = option(
        1.0, label="Border", above=0, high=MOST, metavar="N",
        help="Show N times the extent: 3 also shows what lies around it.")
    samples: int = option(
        1, label="Samples", low=1, high=8, advanced=True,
        help="Samples along each side of a pixel: more give smoother edges.")
    overlay: bool = option(
        False, label="Overlay",
        help="Draw the lines, circles and cells over it, or how uncertain each choice was.")
    sharpness: float | None = option(
        None, label="Sharpness", above=0, high=MOST, unset="the model's", advanced=True,
        help="How hard edges are.")
    crisp: bool = option(
        False, label="Crisp", advanced=True,
        help="Keep edges as sharp, in pixels, as when it was learned.")


@dataclass(frozen=True)
class TokenOptions:
    """A picture in colour tokens."""

    tokens: str = option(
        "hsv:5,4,4", label="Tokens", metavar="KIND",
        help="Bits of hue, saturation and value (hsv:5,4,4), of red, green and blue (rgb:3,3,2) or of grey (grey:4); a "
             "palette learned from the picture (palette:512); or every byte (exact).")
    size: tuple[int, int] | int = option(
        32, **{**SIZE, "wants": "a size such as 32 or 48x32"}, high=MOST_PLACES,
        help="In pixels: 32 for a square, or width and height: 48x32; the middle of the picture is cut to that shape.")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return shape_of(self.size)


@dataclass(frozen=True)
class SeenOptions:
    """How what is on the screen becomes a picture."""

    width: int = option(
        3840, label="Width", low=1, high=LONGEST, scale="log", unit="px",
        help="In pixels. Everything is laid out as on the screen and redrawn at this size: nothing is "
        "enlarged.")


@dataclass(frozen=True)
class TableOptions:
    """How a table of pictures, or a wall of them, becomes one picture."""

    scale: int | None = option(
        None, label="Scale", low=1, high=4096, unset="about 1000 pixels wide", metavar="N",
        help="Show each pixel as N x N, so that the picture may be as large as you like.")


@dataclass(frozen=True)
class WallOptions(TableOptions):
    """How a wall of pictures becomes one picture."""

    overlay: bool = option(
        False, label="Overlay", help="Shade each place by how uncertain its choice was.")


@dataclass(frozen=True)
class SheetOptions:
    """How codes, and what becomes of pictures, become one picture."""

    size: tuple[int, int] | None = option(
        None, **SIZE, high=LARGEST, unset="1080 high",
        help="In pixels: 2160x1080, or 2160 for a square.")
    overlay: bool = option(
        False, label="Overlay", help="Show over the codes how often each is used.")


@dataclass(frozen=True)
class MovieTime:
    """How long a movie lasts, and how smoothly it runs."""

    seconds: float | None = option(
        None, label="Seconds", above=0, high=86_400, unset="every frame once", metavar="S",
        help="How long it lasts; frames are left out or added in between to fit.")
    fps: float = option(
        30.0, label="Frames a second", low=SLOWEST, high=FASTEST, metavar="N",
        help="Frames shown each second; at most 50 in a gif.")


@dataclass(frozen=True)
class DrawnMovieOptions(MovieTime):
    """What may be asked of the movie of a drawing while it is drawn."""

    movie_size: tuple[int, int] | None = option(
        None, **SIZE, high=LARGEST, unset="longer side about 1080, 480 for a gif",
        help="Size of the movie in pixels: 1920x1080, or 1080 for a square.")


@dataclass(frozen=True)
class MovieOptions(MovieTime, PictureOptions):
    """What a movie may be asked for: how it shows a run, how long, and what is written on it."""

    size: tuple[int, int] | None = option(
        None, **SIZE, high=LARGEST, unset="longer side 1080, 480 for a gif",
        help="In pixels: 1920x1080, or 1080 for a square; a different shape shows more around the "
             "picture.")
    pause: float = option(
        0.0, label="Pause", low=0, high=86_400, slides=(0, 10), unit="s", metavar="S",
        help="Hold the last picture for this many more seconds.")
    caption: str | None = option(
        None, label="Caption", unset="none", letters=200,
        help='Text on the movie, such as "step {step}: {psnr:.1f} dB, {seconds:.0f} s".')
    zoom: tuple[float, float, float] | None = option(
        None, label="Zoom", unset="none", advanced=True, wants="three numbers: x, y and a factor",
        flag_name="zoom_to", metavar=("X", "Y", "FACTOR"),
        help="Zoom in smoothly to a point; x and y lie between -1 and 1, (0, 0) is the middle, y points down.")
    colours: str = option(
        "yuv420p", label="Colours", choices=tuple(COLOURS), advanced=True,
        help="For an mp4: yuv420p plays everywhere, yuv444p keeps thin lines, lossless keeps every byte.")
# fmt: on
