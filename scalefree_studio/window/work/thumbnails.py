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
from ...export.dividers.picture import draw
from ...export.walls.wall import wall_of
from ...jobs.dividers.saved import KIND as DIVIDERS
from ...jobs.dividers.saved import read_model
from ...jobs.recipes.plan import place_of
from ...models.dividers.render import Region
from ...recipes.found import find_recipe
from ...recipes.states import WALL
from ...snapshot import Array
from ...storage.run_folder import RunFolder, kind_of, load_checkpoint
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
    if kind_of(path) != DIVIDERS:
        raise UserError("This model has no picture.")
    return _of_fit(path)


def _of_fit(path: Path) -> Array:
    """What was learnt of a picture."""
    saved = read_model(load_checkpoint(path))
    height, width = saved.target.shape[:2]
    larger = 2 * THUMBNAIL / min(height, width)
    height, width = round(height * larger), round(width * larger)
    region = Region.whole(saved.target.shape[:2], height, width)
    return thumbnail(draw(saved.params, region, width, height, saved.controls.sharpness))


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
    if kind_of(path) == DIVIDERS:
        return _of_fit(path)
    with RunFolder(path).history() as history:
        index = history.index()
        if not index:
            raise UserError("Nothing was recorded in this run.")
        last = history.frame(index[-1][0])
    if last.kind == DRAWING:
        still = still_of(load_checkpoint(path).model)
        return wall_thumbnail(Drawing(last.frame, still).pictures()[:FEW])
    if "wall" not in last.frame:
        raise UserError("This run has no picture.")
    return wall_thumbnail(np.asarray(last.frame["wall"][:FEW], np.uint8))


def wall_thumbnail(pictures: Array) -> Array:
    """Of the first few of many: (N, H, W, C) bytes."""
    wall = wall_of(np.asarray(pictures, np.uint8))
    larger = -(-2 * THUMBNAIL // min(wall.shape[:2]))  # pixels stay pixels
    return thumbnail(wall.repeat(larger, axis=0).repeat(larger, axis=1))
