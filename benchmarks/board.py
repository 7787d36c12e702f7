"""The pictures of the board: photographs, textures, paintings and drawings, at 128 pixels along the longer side.

The first half is for tuning. No default may be chosen on the second half: it is only reported.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import skimage.data
from skimage.filters import gaussian
from skimage.transform import resize

from scalefree_studio.data.pictures import load_picture, pixels_of

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

SIDE = 128
TUNED = ("astronaut", "coffee", "camera", "hubble_deep_field", "brick", "china", "fish", "page", "dusk")
UNTOUCHED = (
    "cat", "rocket", "retina", "immunohistochemistry", "gravel", "moon", "flower", "lighthouse", "strokes"
)  # fmt: skip


def picture(name: str) -> Pixels:
    """A picture of the board: (H, W, 3)."""
    made: dict[str, Callable[[], Floats | Pixels]] = {
        "china": lambda: _sample("china.jpg"),
        "flower": lambda: _sample("flower.jpg"),
        "fish": lambda: load_picture("drawing:fish").pixels,
        "lighthouse": lambda: load_picture("drawing:lighthouse").pixels,
        "page": skimage.data.page,
        "dusk": dusk,
        "strokes": lambda: strokes(small(load_picture("photo:colorwheel").pixels, 256)),
    }
    return small(made[name]() if name in made else load_picture(f"photo:{name}").pixels)


def small(image: Floats | Pixels, side: int = SIDE) -> Pixels:
    """Resized as scikit-image resizes it."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    return pixels_of(resize(image, (round(height * scale), round(width * scale)), anti_aliasing=True))


def _sample(name: str) -> Pixels:
    """One of scikit-learn's two photographs."""
    from sklearn.datasets import load_sample_image

    found: Pixels = load_sample_image(name)
    return found


def dusk() -> Floats:
    """A painted evening: a sky of smooth shades with a sun and clouds, over three chains of hills."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:256, 0:384] / 256.0
    sky = np.stack([0.95 - 0.5 * y, 0.45 + 0.3 * y, 0.5 + 0.1 * np.cos(4 * x) - 0.2 * y], -1)
    glow = np.exp(-((x - 1.0) ** 2 + (y - 0.55) ** 2) / 0.06)[..., None]
    clouds = gaussian(rng.normal(size=x.shape), (6, 28))[..., None]
    painted = (
        sky + 0.4 * glow * np.array([1.0, 0.7, 0.2]) + 0.12 * clouds / clouds.std() * np.array([1, 0.8, 0.9])
    )
    for k in range(3):
        wave = gaussian(rng.normal(size=384), 14 - 3 * k)
        below = y > 0.6 + 0.13 * k + 0.05 * (wave / wave.std())[None]
        shade = np.array([0.42, 0.3, 0.45]) / (1 + k) + 0.1 * gaussian(rng.normal(size=x.shape), 3)[..., None]
        painted = np.where(below[..., None], shade, painted)
    return np.clip(painted, 0, 1)


def strokes(pixels: Pixels) -> Floats:
    """A picture painted over with ever shorter brush strokes of its own colours."""
    rng = np.random.default_rng(2)
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    painted = np.full((height, width, 3), 0.9)
    for length, count in ((40, 150), (20, 500), (10, 1200)):
        for _ in range(count):
            cy, cx, turn = rng.random() * height, rng.random() * width, rng.random() * np.pi
            along = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
            across = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
            inside = (np.abs(along) < length) & (np.abs(across) < length / 4)
            shade = pixels[int(cy), int(cx)] / 255 + rng.normal() * 0.04
            painted[inside] += 0.8 * (shade - painted[inside])
    return np.clip(painted, 0, 1)
