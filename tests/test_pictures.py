"""What becomes a picture, and what is told; made pictures are what they say."""

import numpy as np
import pytest
from PIL import Image

from scalefree_studio.data.pictures import downscaled, gallery, load_picture, pixels_of
from scalefree_studio.data.synthetic import random_arrangement
from scalefree_studio.errors import UserError

RAMP = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], -1)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (COLOUR, COLOUR),
        (COLOUR / 255, COLOUR),
        ((COLOUR / 255).astype(np.float32), COLOUR),
        (np.dstack([COLOUR, RAMP]), COLOUR),  # an array's fourth channel is left out
        (RAMP, np.dstack([RAMP] * 3)),
        (RAMP > 100, np.dstack([RAMP > 100] * 3) * 255),
        (Image.fromarray(COLOUR), COLOUR),
        (Image.fromarray(RAMP), np.dstack([RAMP] * 3)),
        (Image.fromarray(RAMP.astype(np.uint16) * 257), np.round(np.dstack([RAMP] * 3) * (255 / 220))),
        (Image.fromarray(np.dstack([COLOUR, RAMP * 0])), COLOUR * 0 + 255),  # transparent: on white
        (Image.fromarray(np.dstack([COLOUR, RAMP * 0 + 255])), COLOUR),
        (Image.fromarray(COLOUR).quantize(16), COLOUR),
    ],
)
def test_pictures_of_every_depth_become_bytes(image, expected):
    pixels = pixels_of(image)
    assert pixels.dtype == np.uint8 and pixels.shape == (3, 4, 3)
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    "image",
    [None, np.zeros(3), np.zeros((3, 4, 2)), np.zeros((0, 4, 3)), COLOUR.astype(np.int64), COLOUR * 1j,
     np.full((2, 2, 3), np.nan), [["a", "b"], ["c", "d"]]],
)  # fmt: skip
def test_what_is_no_picture_is_told(image):
    with pytest.raises(UserError):
        pixels_of(image)


@pytest.mark.parametrize("name", [".", "x" * 300 + ".png", "~nobody-of-this-name/a.png", "a\0b.png", ""])
def test_names_that_are_no_files_get_one_sentence(name):
    with pytest.raises(UserError):
        load_picture(name)


def test_downscaling_averages_and_keeps_a_pixel():
    checks = np.indices((8, 8)).sum(0) % 2 * 255
    assert (downscaled(pixels_of(checks.astype(np.uint8)), 2) == 128).all()
    assert downscaled(np.zeros((1, 2000, 3), np.uint8)).shape == (1, 500, 3)
    assert downscaled(COLOUR) is COLOUR


def test_every_picture_of_the_gallery_can_be_opened():
    for item in gallery():
        assert load_picture(item.spec).pixels.shape[2] == 3


@pytest.mark.parametrize("kind", ["lines", "circles", "mixed"])
def test_a_made_picture_changes_colour_exactly_at_its_units(kind):
    pixels, units = random_arrangement(kind, 6, seed=3, size=64)
    assert len(units) == 6
    y, x = ((np.mgrid[:64, :64] + 0.5) * 2 / 64) - 1
    cells = np.stack([unit.side(x, y) for unit in units], -1)
    for a, b in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        crossed = (cells[a] != cells[b]).any(-1)
        changed = (pixels[a] != pixels[b]).any(-1)
        np.testing.assert_array_equal(changed, crossed)
    np.testing.assert_array_equal(random_arrangement(kind, 6, seed=3, size=64)[0], pixels)
    assert (random_arrangement(kind, 6, seed=4, size=64)[0] != pixels).any()
