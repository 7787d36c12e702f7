"""Options of pictures and movies, declared once: flags and dialogs refuse the same things with the same sentence."""

from __future__ import annotations

import argparse
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scalefree_studio.cli import main
from scalefree_studio.controls import ControlError, add_flags, control, controls_of, edited, from_flags
from scalefree_studio.errors import UserError
from scalefree_studio.export.movie import movie_of_run
from scalefree_studio.export.options import SCENE_OPTIONS, MovieOptions, PictureOptions
from scalefree_studio.export.scene import SCENES, TRAINING, options_of
from scalefree_studio.export.size import size_for, sized
from scalefree_studio.sizes import shape_of, size_of


def named(name: str) -> Any:
    return next(c for c in controls_of(MovieOptions) if c.name == name)


# What is typed, and the value that it means; the flag and the form must agree.
TYPED = [
    ("size", "1080", (1080, 1080)),
    ("size", "1920x1080", (1920, 1080)),
    ("size", " 640X480 ", (640, 480)),
    ("border", "1.5", 1.5),
    ("samples", "8", 8),
    ("sharpness", "20", 20.0),
    ("seconds", "0.5", 0.5),
    ("caption", "step {step}", "step {step}"),
    ("zoom", "0.1 0 3", (0.1, 0.0, 3.0)),
    ("colours", "lossless", "lossless"),
]
REFUSED = [
    ("size", "big", "Size needs a size such as 1920x1080 or 1080, not 'big'."),
    ("size", "0x4", "Size must be between 1 and 16384, not 0."),
    ("size", "99999", "Size must be between 1 and 16384, not 99999."),
    ("border", "0", "Border must be more than 0 and at most 1e+12, not 0."),
    ("border", "nan", "Border needs a finite number, not nan."),
    ("samples", "9", "Samples must be between 1 and 8, not 9."),
    ("seconds", "-1", "Seconds must be more than 0 and at most 86400, not -1."),
    ("fps", "1001", "Frames a second must be between 0.01 and 1000, not 1001."),
    ("zoom", "0 0 inf", "Zoom needs a finite number, not inf."),
]


def from_command_line(name: str, text: str) -> Any:
    parser = argparse.ArgumentParser()
    add_flags(parser, MovieOptions)
    c = named(name)
    words = text.split() if c.count else [text]
    given = [f"{c.flag}={words[0]}"] if len(words) == 1 else [c.flag, *words]
    return getattr(from_flags(MovieOptions, parser.parse_args(given)), name)


@pytest.mark.parametrize(("name", "text", "value"), TYPED)
def test_a_flag_and_what_is_typed_in_a_form_mean_the_same(name: str, text: str, value: Any) -> None:
    assert named(name).typed(text) == from_command_line(name, text) == value


@pytest.mark.parametrize(("name", "text", "sentence"), REFUSED)
def test_flags_and_forms_refuse_with_the_same_sentence(name: str, text: str, sentence: str) -> None:
    for ask in (named(name).typed, lambda text: from_command_line(name, text)):
        with pytest.raises(ControlError) as found:
            ask(text)
        assert str(found.value) == sentence


def test_what_may_be_left_open_is_none_where_nothing_is_typed() -> None:
    assert [c.name for c in controls_of(MovieOptions) if c.optional] == [
        "size", "sharpness", "seconds", "caption", "zoom",
    ]  # fmt: skip
    assert named("seconds").typed("  ") is None and named("seconds").check(None) is None
    for name in ("border", "samples"):
        with pytest.raises(ControlError):
            named(name).typed("")


@pytest.mark.parametrize("wrong", [3, (1, 2), "0 0 1", ("a", 0, 1), None])
def test_a_tuple_has_its_length(wrong: Any) -> None:
    @dataclass(frozen=True)
    class Box:
        corner: tuple[float, float, float] = control((0.0, 0.0, 0.0), label="Corner", help="Where.")

    with pytest.raises(ControlError, match="Corner needs 3 numbers"):
        edited(Box(), {"corner": wrong})
    assert edited(Box(), {"corner": [1, 2, 3]}).corner == (1.0, 2.0, 3.0)


def test_numbers_are_typed_with_a_comma_or_a_point() -> None:
    assert named("border").typed("2,5") == 2.5
    assert named("samples").typed("3.0") == 3
    assert named("zoom").typed("0,5, -0.25; 3") == (0.5, -0.25, 3.0)


def test_a_size_is_both_sides_or_that_of_a_square() -> None:
    assert size_of("7") == size_of(7) == (7, 7)
    assert size_of([3, 4]) == (3, 4) and size_of("7×8") == (7, 8)
    for wrong in ("", "x", "3x", "-3x4", "1.5", None, (1, 2, 3)):
        with pytest.raises((ValueError, TypeError)):
            size_of(wrong)
    assert size_for((40, 60, 3), 120) == (120, 80)
    assert sized((5, 9), lambda side: (side, side)) == (5, 9)
    assert sized(7, lambda side: (side, 1)) == (7, 1) and sized(None, lambda side: (side, 1)) == (1080, 1)


def test_what_scenes_are_asked_for_are_options_of_a_movie() -> None:
    assert {c.name for c in controls_of(MovieOptions)} >= SCENE_OPTIONS
    assert {c.name for c in controls_of(PictureOptions)} - {"size"} < SCENE_OPTIONS
    for kind in (*SCENES, "any training"):
        assert options_of(kind) <= SCENE_OPTIONS
    assert options_of("dividers") == SCENE_OPTIONS and TRAINING


def test_python_names_the_options_as_the_command_does(tmp_path: Path) -> None:
    assert "options" in inspect.signature(movie_of_run).parameters
    with pytest.raises(ControlError, match="no control named 'speed'"):
        movie_of_run(None, tmp_path / "a.mp4", speed=3)  # type: ignore[arg-type]


def test_a_flag_keeps_its_name_and_a_percent_sign_does_not_break_help(capsys: Any) -> None:
    assert named("zoom").flag == "--zoom-to"
    for command in ("movie", "render"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
    said = capsys.readouterr().out
    assert "--zoom-to X Y FACTOR" in said and "(default: every frame once)" in " ".join(said.split())


@pytest.mark.parametrize(
    ("asked", "shape"),
    [("48x32", (32, 48)), ((48, 32), (32, 48)), ("48×32", (32, 48)), ("24", (24, 24)), (24, (24, 24))],
)
def test_a_size_is_width_by_height_and_one_number_a_square(asked, shape):
    assert shape_of(asked) == shape


@pytest.mark.parametrize("asked", ["big", "3x", "1x2x3", (1, 2, 3), None, [], "-4"])
def test_what_is_no_size_is_told_how_one_is_written(asked):
    with pytest.raises(UserError, match="width x height, as 48x32, or one number"):
        shape_of(asked)
