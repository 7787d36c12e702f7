"""Small squares that show what can be opened: pictures, runs, models, data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ...data.datasets import load_dataset
from ...data.pictures import load_picture
from ...drawings import KIND as DRAWING
from ...drawings import Drawing, still_of
from ...errors import UserError
from ...export.walls.wall import wall_of
from ...jobs.recipes.plan import place_of
from ...recipes.found import find_recipe
from ...recipes.states import WALL
from ...snapshot import Array
from ...storage.run_folder import RunFolder, load_checkpoint
from ...storage.shipped import resolved
from .subjects import RECIPE, TRAIN, wish_of

THUMBNAIL = 112
FEW = 16  # pictures on the wall of a data set


def thumbnail(pixels: Array) -> Array:
    """A small square from the middle: (S, S, 3) bytes, twice as fine as it is shown."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(np.ascontiguousarray(pixels[top : top + side, left : left + side]))
    return np.asarray(square.resize((2 * THUMBNAIL, 2 * THUMBNAIL), Image.Resampling.LANCZOS))


def thumbnail_of(spec: str) -> Array:
    """Of whatever a gallery offers; a UserError where there is nothing to see."""
    wish = wish_of(spec)
    if wish.is_model:
        return _of_model(resolved(spec))
    if wish.action == TRAIN:
        return _of_data(wish.source)
    if wish.action == RECIPE:
        return _of_recipe(wish.source)
    path = Path(spec)
    return _of_run(path) if path.is_dir() else thumbnail(load_picture(spec).pixels)


def _of_model(path: Path) -> Array:
    """The wall that came along with it; of a fitted picture, what it learnt."""
    wall = path.with_suffix(".png")
    if wall.exists():
        return thumbnail(np.asarray(Image.open(wall).convert("RGB")))
    model = load_checkpoint(path).model
    if "target" not in model:
        raise UserError("This model has no picture.")
    return thumbnail(model["target"])


def _of_data(source: str) -> Array:
    examples = load_dataset(source, download=False).train
    return wall_thumbnail(examples.take(np.arange(min(FEW, len(examples)))).values)


def _of_recipe(source: str) -> Array:
    """What it has drawn, or else what it learns from."""
    recipe, folder = find_recipe(source)
    drawn = folder / WALL
    if drawn.exists():
        return thumbnail(np.asarray(Image.open(drawn).convert("RGB")))
    return _of_data(place_of(recipe, recipe.data.dataset))


def _of_run(path: Path) -> Array:
    checkpoint = load_checkpoint(path)
    if "target" in checkpoint.model:
        return thumbnail(checkpoint.model["target"])
    with RunFolder(path).history() as history:
        index = history.index()
        if not index:
            raise UserError("Nothing of this run was recorded.")
        frame = history.frame(index[-1][0]).frame
    if checkpoint.kind == DRAWING:
        return wall_thumbnail(Drawing(frame, still_of(checkpoint.model)).pictures()[:FEW])
    if "wall" not in frame:
        raise UserError("This run has no picture.")
    return wall_thumbnail(np.asarray(frame["wall"][:FEW], np.uint8))


def wall_thumbnail(pictures: Array) -> Array:
    """Of the first few of many: (N, H, W, C) bytes."""
    wall = wall_of(np.asarray(pictures, np.uint8))
    larger = -(-2 * THUMBNAIL // min(wall.shape[:2]))  # pixels stay pixels
    return thumbnail(wall.repeat(larger, axis=0).repeat(larger, axis=1))
