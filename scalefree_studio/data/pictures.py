"""Pictures by name: a file, a scikit-image photograph, a made one, or one of our own drawings.

picture.png · photo:astronaut · synthetic:lines-5 · synthetic:circles-8:seed · drawing:balloon
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ..assets import assets
from ..errors import UserError
from ..files import at_home, check_file
from .synthetic import random_arrangement

Pixels = npt.NDArray[np.uint8]

AUTOMATIC_SIDE = 512  # the longer side, where nobody says otherwise
MOST_PIXELS = 200_000_000
BAND = 64  # rows of a picture that are decoded at once
ORIENTATION = 0x0112  # of EXIF: how the camera was held

# Only what scikit-image carries in its package: no download.
PHOTOS = {
    "astronaut": "Astronaut", "cat": "Cat", "coffee": "Coffee", "rocket": "Rocket", "retina": "Retina",
    "hubble_deep_field": "Deep field", "camera": "Photographer", "moon": "Moon", "coins": "Coins", "horse": "Horse",
    "immunohistochemistry": "Tissue", "colorwheel": "Colour wheel", "brick": "Bricks", "gravel": "Gravel",
}  # fmt: skip
SYNTHETIC_NAME = re.compile(r"(lines|circles|mixed)-(\d+)(?::(\d+))?")
SYNTHETIC = ("lines-5", "lines-12", "circles-5", "circles-12", "mixed-8")


@dataclass(frozen=True)
class Picture:
    """Pixels (H, W, 3), the name a person calls it by, and the spec that finds it again."""

    pixels: Pixels
    name: str
    spec: str

    def __repr__(self) -> str:
        return f"<Picture {self.name}: {self.pixels.shape[1]}×{self.pixels.shape[0]}>"


@dataclass(frozen=True)
class GalleryItem:
    spec: str
    title: str
    group: str


def gallery() -> list[GalleryItem]:
    """The built-in pictures."""
    return (
        [GalleryItem(f"photo:{name}", title, "Photographs") for name, title in PHOTOS.items()]
        + [
            GalleryItem(f"drawing:{name}", name.replace("-", " ").capitalize(), "Drawings")
            for name in drawings()
        ]
        + [GalleryItem(f"synthetic:{s}", s.replace("-", " ").capitalize(), "Known truth") for s in SYNTHETIC]
    )


def drawings() -> list[str]:
    return sorted(path.stem for path in (assets() / "drawings").glob("*.png"))


def load_picture(spec: str | Path) -> Picture:
    """The picture of that spec, or a UserError in one sentence."""
    spec = str(spec)
    scheme, _, name = spec.partition(":")
    if scheme == "photo":
        return Picture(_photo(name), name, spec)
    if scheme == "synthetic":
        return Picture(_synthetic(name), name.replace(":", "-"), spec)
    if scheme == "drawing":
        if name not in drawings():
            raise UserError(f"There is no drawing {name!r}; there are {', '.join(drawings())}.")
        return Picture(_from_file(assets() / "drawings" / f"{name}.png"), name, spec)
    path = at_home(spec)
    return Picture(_from_file(path), path.stem or "picture", str(path))


def pixels_of(image: Any) -> Pixels:
    """Any picture as (H, W, 3) bytes: a Pillow image, or an array, grey or colour, bytes or floats in [0, 1]."""
    if isinstance(image, Image.Image):
        return _decoded(image)
    array = np.asarray(image)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    if array.ndim != 3 or array.shape[2] < 3 or min(array.shape) == 0:
        raise UserError(f"A picture is an array (height, width, 3), not {array.shape}.")
    array = array[..., :3]
    if array.dtype == np.uint8:
        return array.copy()
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype.kind != "f":
        raise UserError(
            f"A picture is made of bytes (uint8), or of floats from 0 to 1, not of {array.dtype}."
        )
    if not np.isfinite(array).all():
        raise UserError("A picture of floats must be finite, with values from 0 to 1.")
    return np.asarray(np.round(np.clip(array, 0, 1) * 255), np.uint8)


def _decoded(image: Image.Image) -> Pixels:
    """Of a Pillow image, band by band, so that a large one is in memory hardly more than once besides."""
    if image.getexif().get(ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    image.load()
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    is_deep = image.mode.startswith("I") or image.mode == "F"  # more than 8 bits: what is there is spread
    deep = np.asarray(image) if is_deep and not transparent else np.zeros((1, 1))
    low, high = float(deep.min()), float(deep.max())
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, BAND):
        bottom = min(top + BAND, image.height)
        if is_deep and not transparent:
            rows = deep[top:bottom].astype(np.float64)
            pixels[top:bottom] = pixels_of((rows - low) / max(high - low, 1e-12))
            continue
        band = image.crop((0, top, image.width, bottom))
        if transparent:
            band = band.convert("RGBA")
            band = Image.alpha_composite(Image.new("RGBA", band.size, "white"), band)
        pixels[top:bottom] = np.asarray(band.convert("RGB"))
    return pixels


def downscaled(pixels: Pixels, factor: int = 0) -> Pixels:
    """Smaller by a whole factor, averaging; 0 is the least factor that brings the longer side to 512."""
    height, width = pixels.shape[:2]
    factor = factor or -(-max(height, width) // AUTOMATIC_SIDE)
    if factor == 1:
        return pixels
    size = (max(1, width // factor), max(1, height // factor))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def fitted(pixels: npt.ArrayLike, size: tuple[int, int], channels: int) -> Pixels:
    """The middle of a picture (h, w, 3) in the shape and size (H, W), grey if there is to be one channel: (H, W, C)."""
    image = ImageOps.fit(Image.fromarray(pixels_of(pixels)), size[::-1], Image.Resampling.BOX)
    return np.array(image if channels == 3 else image.convert("L")).reshape(*size, channels)


def _photo(name: str) -> Pixels:
    import skimage.data  # slow to import, and needed only here

    if name not in PHOTOS:
        raise UserError(f"There is no photograph {name!r}; there are {', '.join(PHOTOS)}.")
    return pixels_of(getattr(skimage.data, name)())


def _synthetic(name: str) -> Pixels:
    match = SYNTHETIC_NAME.fullmatch(name)
    if not match:
        raise UserError(
            f"A synthetic picture is named like synthetic:lines-5 or synthetic:mixed-8:2, not {name!r}."
        )
    kind, count, seed = match.groups()
    return random_arrangement(kind, int(count), int(seed or 0))[0]


def known_units(spec: str) -> dict[str, int]:
    """What a made picture is made of, as lines and circles; nothing of all others."""
    match = (
        SYNTHETIC_NAME.fullmatch(spec.removeprefix("synthetic:")) if spec.startswith("synthetic:") else None
    )
    if match is None:
        return {}
    kind, count = match[1], int(match[2])
    return {"lines": (count + 1) // 2, "circles": count // 2} if kind == "mixed" else {kind: count}


def _from_file(path: Path) -> Pixels:
    try:
        check_file(path, "picture")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise UserError(
                        f"{path} has {image.width}×{image.height} pixels, more than the studio can open."
                    )
                return pixels_of(image)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except PermissionError:
        raise UserError(f"{path} cannot be read: permission denied.") from None
    except UnidentifiedImageError:  # Pillow only says which file it means
        raise UserError(f"{path} is not a readable picture.") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        what = str(error) or type(error).__name__
        raise UserError(f"{path} is not a readable picture: {what.splitlines()[0].rstrip('.')}.") from None
