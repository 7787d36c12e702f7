"""Pictures as colour tokens and back."""

from __future__ import annotations

import colorsys
import itertools

import numpy as np
import pytest
from PIL import Image

from scalefree_studio.controls import ControlError
from scalefree_studio.data.colours import bytes_of_oklab, hsv_of, oklab_of, rgb_of
from scalefree_studio.data.palettes import Nearest, colours_of, learn_palette
from scalefree_studio.data.quantise import dequantise, quantise
from scalefree_studio.data.tokens import Hsv, Rgb, tokens_of
from scalefree_studio.snapshot import Bytes

EVERY_GREY = np.arange(256, dtype=np.uint8)[:, None]  # (256, 1)


def pictures(*shape: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def every_colour(step: int = 1) -> Bytes:
    """Red by red, (65,536, 3) each: all that bytes can be, or every so many reds."""
    green_blue = np.stack(np.divmod(np.arange(2**16), 256), -1)
    for red in range(0, 256, step):
        yield np.concatenate([np.full((2**16, 1), red), green_blue], 1).astype(np.uint8)


# --- Colours ------------------------------------------------------------------------------------------


def test_hue_saturation_and_value_are_what_the_standard_library_says() -> None:
    colours = np.concatenate(
        [pictures(500, 3), EVERY_GREY[::5].repeat(3, 1), 255 * np.eye(3, dtype=np.uint8)]
    )
    expected = [colorsys.rgb_to_hsv(*(colour / 255)) for colour in colours]
    np.testing.assert_allclose(hsv_of(colours), expected, atol=1e-12)
    hsv = np.random.default_rng(1).random((500, 3))
    np.testing.assert_allclose(rgb_of(hsv), [colorsys.hsv_to_rgb(*one) for one in hsv], atol=1e-12)


def test_oklab_has_the_published_values_and_an_inverse() -> None:
    known = np.array([[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]], np.uint8)
    expected = [
        [1, 0, 0],
        [0.628, 0.2249, 0.1258],
        [0.8664, -0.2339, 0.1795],
        [0.452, -0.0325, -0.3115],
        [0, 0, 0],
    ]
    np.testing.assert_allclose(oklab_of(known), expected, atol=1e-4)
    colours = pictures(2000, 3)
    assert (bytes_of_oklab(oklab_of(colours)) == colours).all()


# --- Packed channels ----------------------------------------------------------------------------------


def test_a_colour_is_packed_with_its_hue_in_the_low_bits() -> None:
    tokens = tokens_of("hsv:5,4,4")
    assert (tokens.spec, tokens.count, tokens.channels) == ("hsv:5,4,4", 8192, 1)
    for colour in pictures(300, 3):
        h, s, v = colorsys.rgb_to_hsv(*(colour / 255))
        expected = round(h * 31) | round(s * 15) << 5 | round(v * 15) << 9
        assert tokens.encode(colour).tolist() == [expected]
    assert tokens.encode(np.array([0, 0, 255], np.uint8)).tolist() == [21 | 15 << 5 | 15 << 9]


@pytest.mark.parametrize(
    "spec", ["hsv:5,4,4", "hsv:1,8,7", "hsv:8,1,1", "rgb:3,3,2", "rgb:1,2,8", "rgb:5,6,5"]
)
def test_levels_and_values_come_back_from_every_token(spec: str) -> None:
    tokens = tokens_of(spec)
    assert isinstance(tokens, Hsv | Rgb)
    every = np.arange(tokens.count)
    assert (tokens.pack(tokens.unpack(every)) == every).all()
    assert (tokens.quantised(tokens.values(every)) == every).all()
    values = tokens.values(every)
    assert values.min() == 0 and values.max() == 1 and len(np.unique(values, axis=0)) == tokens.count


def test_every_rgb_token_comes_back_from_its_colour() -> None:
    for bits in itertools.product(range(1, 9), repeat=3):
        if sum(bits) <= 10:
            tokens = Rgb(bits)
            every = np.arange(tokens.count)[:, None]
            assert (tokens.encode(tokens.decode(every)) == every).all()


def test_every_hsv_token_that_some_colour_has_comes_back() -> None:
    """Looked for among all 16,777,216 colours: what cannot come back is no token of any picture."""
    tokens = Hsv((5, 4, 4))
    some = np.zeros(tokens.count, bool)
    for colours in every_colour():
        some[tokens.encode(colours)] = True
    every = np.arange(tokens.count)
    back = tokens.encode(tokens.decode(every[:, None]))[:, 0] == every
    assert (back == some).all()
    assert some.sum() == 7763
    own = np.rint(rgb_of(tokens.values(every)) * 255)
    assert np.abs(tokens.decode(every[:, None]) - own).max() <= 8  # no further than half a level of value


@pytest.mark.parametrize("bits", [(1, 1, 1), (2, 2, 2), (4, 3, 3), (3, 5, 2)])
def test_a_picture_in_hsv_tokens_stays_as_it_is(bits: tuple[int, ...]) -> None:
    tokens = Hsv(bits)
    for colours in every_colour(step=51):
        once = tokens.encode(colours)
        assert (tokens.encode(tokens.decode(once)) == once).all()


# --- Greys, bytes, palettes ---------------------------------------------------------------------------


@pytest.mark.parametrize("bits", range(1, 9))
def test_greys_are_those_of_quantise(bits: int) -> None:
    tokens = tokens_of(f"grey:{bits}")
    numbers = tokens.encode(EVERY_GREY)
    assert (numbers == quantise(EVERY_GREY, 2**bits)).all()
    assert (tokens.decode(numbers) == dequantise(numbers, 2**bits)).all()
    assert (tokens.encode(tokens.decode(numbers)) == numbers).all()


def test_colours_become_grey_as_pillow_makes_them() -> None:
    picture = pictures(40, 50, 3)
    expected = np.array(Image.fromarray(picture).convert("L"))[..., None]
    assert (tokens_of("grey:8").encode(picture) == expected).all()
    assert (tokens_of("exact", channels=1).encode(picture) == expected).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_exact_tokens_are_the_bytes(channels: int) -> None:
    tokens, given = tokens_of("exact", channels=channels), pictures(2, 5, 6, channels)
    assert (tokens.count, tokens.channels) == (256, channels)
    assert (tokens.encode(given) == given).all()
    assert (tokens.decode(tokens.encode(given)) == given).all()


def test_a_palette_is_learned_again_from_the_same_seed() -> None:
    given = pictures(2, 30, 30, 3)
    palette = learn_palette(given, 20, seed=3)
    assert palette == learn_palette(given, 20, seed=3) != learn_palette(given, 20, seed=4)
    colours = colours_of(palette)
    assert len(np.unique(colours, axis=0)) == len(colours) == 20
    assert (np.diff(oklab_of(colours)[:, 0]) >= 0).all()  # from dark to light


def test_a_palette_has_as_many_colours_as_were_asked_for_where_there_are_so_many() -> None:
    dark = pictures(4000, 3) // 64  # 64 colours so alike that centres round to the same one
    assert len(colours_of(learn_palette(dark, 60))) == 60
    few = np.array([[1, 2, 3], [4, 5, 6], [1, 2, 3]], np.uint8)
    assert colours_of(learn_palette(few, 16)).tolist() == [[1, 2, 3], [4, 5, 6]]
    rare = np.zeros((2**17, 3), np.uint8)  # more than are drawn, and nearly all black
    rare[:8] = np.arange(8)[:, None] * 30
    assert len(colours_of(learn_palette(rare, 8))) == 8
    assert len(colours_of(learn_palette(EVERY_GREY, 7))) == 7


def test_tokens_of_a_palette_are_the_nearest_colours() -> None:
    given = pictures(3, 9, 9, 3)
    tokens = tokens_of("palette:32", learn_palette(given, 32))
    numbers = tokens.encode(given)
    palette = tokens.decode(np.arange(tokens.count)[:, None])
    distances = np.linalg.norm(oklab_of(given)[..., None, :] - oklab_of(palette), axis=-1)
    assert (numbers[..., 0] == distances.argmin(-1)).all()
    assert (tokens.encode(palette)[:, 0] == np.arange(32)).all()
    others = pictures(3, 9, 9, 3, seed=1)
    both = np.concatenate([given, others])  # known colours and new ones
    distances = np.linalg.norm(oklab_of(both)[..., None, :] - oklab_of(palette), axis=-1)
    assert (tokens.encode(both)[..., 0] == distances.argmin(-1)).all()
    assert Nearest(palette)(np.zeros((0, 3), np.uint8)).shape == (0,)


def test_a_learned_palette_is_better_than_a_fixed_one() -> None:
    ramp = np.stack([np.linspace(0, 255, 4096), np.linspace(100, 60, 4096), np.linspace(0, 120, 4096)], -1)
    picture = ramp.astype(np.uint8)
    errors = []
    for tokens in (tokens_of("palette:64", learn_palette(picture, 64)), tokens_of("rgb:2,2,2")):
        back = tokens.decode(tokens.encode(picture))
        errors.append(np.square(oklab_of(back) - oklab_of(picture)).mean())
    assert errors[0] < errors[1] / 100


# --- All kinds ----------------------------------------------------------------------------------------

ALL = ("hsv:5,4,4", "rgb:3,3,2", "grey:4", "palette:8", "exact")


@pytest.mark.parametrize("spec", ALL)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(spec: str, channels: int) -> None:
    given = pictures(2, 4, 5, channels)
    tokens = tokens_of(spec, learn_palette(given, 8))
    numbers = tokens.encode(given)
    assert tokens.spec == spec and numbers.dtype == np.int64
    assert numbers.shape == (2, 4, 5, tokens.channels)
    assert numbers.min() >= 0 and numbers.max() < tokens.count
    back = tokens.decode(numbers.astype(np.uint16))
    assert back.dtype == np.uint8 and back.shape == (2, 4, 5, 1 if spec == "grey:4" else 3)
    assert (tokens.encode(back) == numbers).all()


@pytest.mark.parametrize("spec", ALL)
def test_what_is_no_token_and_no_picture_is_refused(spec: str) -> None:
    tokens = tokens_of(spec, "000000ffffff")
    for wrong in (-1, tokens.count):
        with pytest.raises(ValueError, match="tokens go from 0"):
            tokens.decode(np.full((1, tokens.channels), wrong))
    for picture in (np.zeros((2, 3)), np.zeros((2, 2), np.uint8)):
        with pytest.raises(ValueError, match="pictures are bytes"):
            tokens.encode(picture)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spec",
    ["", "hsv", "hsv:5", "hsv:5,4", "hsv:5,4,4,4", "hsv:0,4,4", "hsv:9,3,3", "hsv:6,6,5", "rgb:a,b,c", "grey:0",
     "grey:9", "grey:4,4", "palette:1", "palette:4097", "palette:x", "exact:3", "cmyk:2,2,2", "hsv:-5,4,4"],
)  # fmt: skip
def test_wrong_kinds_are_told_in_a_sentence(spec: str) -> None:
    with pytest.raises(ControlError, match=r"^[A-Z].*\.$"):
        tokens_of(spec, "000000ffffff")


@pytest.mark.parametrize("palette", ["", "00000", "gggggg", "000000" * 17, "é00000"])
def test_wrong_palettes_are_told_in_a_sentence(palette: str) -> None:
    with pytest.raises(ControlError, match=r"^[A-Z].*\.$"):
        tokens_of("palette:16", palette)


def test_spaces_and_capitals_do_not_matter() -> None:
    assert tokens_of(" HSV:05,4,4 ").spec == "hsv:5,4,4"
    assert tokens_of("Palette:0512", "000000ffffff").spec == "palette:512"
