"""What a picture is made of: the choice, and what follows from it."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from scalefree_studio.assets import assets
from scalefree_studio.controls import ControlError, add_flags, controls_of, from_flags, values_of
from scalefree_studio.data.pictures import SYNTHETIC, known_units, load_picture
from scalefree_studio.data.synthetic import Circle, random_arrangement
from scalefree_studio.jobs.dividers.controls import (
    BEST,
    BUDGET,
    EDGE_CONTROLS,
    SHAPE_CONTROLS,
    WORDS,
    FitControls,
    best_division,
    complete,
    with_values,
)
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.jobs.dividers.saved import read_model
from scalefree_studio.jobs.job import SetControls, Undo
from scalefree_studio.models.dividers.network import count_numbers

PIXELS = np.zeros((8, 8, 3), np.uint8)


def shape(controls: FitControls) -> dict[str, object]:
    return {name: getattr(controls, name) for name in SHAPE_CONTROLS}


def test_nothing_said_is_the_best_for_a_budget():
    controls = complete(FitControls(seed=3))
    assert (controls.made_of, controls.numbers, controls.seed) == (BEST, BUDGET, 3)
    assert best_division(BUDGET).items() <= shape(controls).items()


@pytest.mark.parametrize(
    ("asked", "made_of", "lines", "circles"),
    [
        ({"lines": 64}, "lines", 64, 0),
        ({"circles": 5}, "circles", 0, 5),
        ({"lines": 2, "circles": 3}, "both", 2, 3),
        ({"hidden": 9}, "lines", 64, 0),
        ({"made_of": "both"}, "both", 32, 32),
        ({"made_of": "circles", "circles": 7}, "circles", 0, 7),
    ],
)
def test_units_say_what_it_is_made_of_and_the_other_way_round(asked, made_of, lines, circles):
    for controls in (complete(FitControls(**asked)), with_values(complete(FitControls()), asked)):
        assert (controls.made_of, controls.lines, controls.circles) == (made_of, lines, circles)
        assert controls.numbers == 0


@pytest.mark.parametrize("made_of", ["lines", "circles", "both"])
def test_the_choices_are_of_one_size(made_of):
    job = FitDividers(PIXELS, FitControls(made_of=made_of, start="random"))
    assert job.size == (BUDGET, 2 * BUDGET) and count_numbers(job.params) == BUDGET


def test_a_complete_choice_is_left_as_it_is():
    controls = complete(FitControls(numbers=500))
    assert complete(controls) is controls


@pytest.mark.parametrize(
    "wrong",
    [
        {"made_of": "circles", "lines": 3},
        {"made_of": BEST, "lines": 3},
        {"made_of": "lines", "numbers": 500},
        {"numbers": 5},
    ],
)
def test_what_contradicts_itself_is_told(wrong):
    with pytest.raises(ControlError):
        complete(FitControls(**wrong))


def test_only_what_says_something_is_shown():
    every = {c.name for c in controls_of(FitControls)}
    best, lines, both = (complete(FitControls(made_of=m)) for m in (BEST, "lines", "both"))
    assert {*SHAPE_CONTROLS} <= {*best.idle()} <= {*SHAPE_CONTROLS, *EDGE_CONTROLS}
    assert ("sharpness" in best.idle()) == (not best.lines and not best.circles)
    assert {"numbers", "circles", "cells"} == set(lines.idle()) and set(both.idle()) == {"numbers"}
    assert every.issuperset(best.idle())


def test_a_choice_starts_over_and_undo_brings_all_back():
    job = FitDividers(PIXELS, FitControls(lines=5, hidden=4))
    before = job.controls
    for _ in range(3):
        job.step()
    job.apply(SetControls({"made_of": "circles"}))
    assert job.step_count == 0 and job.controls.circles == 64
    job.apply(Undo())
    assert job.controls == before and job.step_count == 3


def test_older_runs_keep_their_units():
    """Theirs do not say what they are made of, and a budget may have been divided otherwise."""
    job = FitDividers(PIXELS, FitControls(lines=4, circles=3, hidden=5))
    checkpoint = job.checkpoint()
    for numbers in (0, 200):
        old = {n: v for n, v in values_of(job.controls).items() if n != "made_of"} | {"numbers": numbers}
        checkpoint.about["controls"] = old  # type: ignore[index]
        assert read_model(checkpoint).controls.made_of == "both"
        again = FitDividers.from_checkpoint(checkpoint)
        assert (again.controls.lines, again.controls.circles, again.controls.made_of) == (4, 3, "both")


@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_known_truth_opens_with_the_units_of_its_truth(name):
    spec = f"synthetic:{name}"
    kind, count = name.split("-")
    units = random_arrangement(kind, int(count))[1]
    circles = sum(isinstance(unit, Circle) for unit in units)
    job = FitDividers(load_picture(spec).pixels[::8, ::8], FitControls(start="random"), spec=spec)
    assert (job.controls.lines, job.controls.circles) == (len(units) - circles, circles)
    assert FitDividers(PIXELS, FitControls(lines=3), spec=spec).controls.lines == 3  # unless asked otherwise


def test_other_pictures_have_no_known_truth():
    assert known_units("photo:cat") == known_units("lines-5") == known_units("synthetic:nonsense") == {}


def test_a_size_is_a_flag_in_numbers_or_bytes(capsys):
    parser = argparse.ArgumentParser()
    add_flags(parser, FitControls)
    assert from_flags(FitControls, parser.parse_args(["--numbers", "4.7 kB"])).numbers == 2350
    assert from_flags(FitControls, parser.parse_args(["--made-of", "both"])).made_of == "both"
    with pytest.raises(SystemExit):
        parser.parse_args(["--numbers", "many"])
    assert "not 'many'" in capsys.readouterr().err


def test_every_choice_has_a_picture_and_words():
    made_of = next(c for c in controls_of(FitControls) if c.name == "made_of")
    assert made_of.choices == tuple(WORDS) and len(made_of.words) == len(made_of.choices)
    for choice in made_of.choices:
        assert (assets() / made_of.pictures / f"{choice}.png").is_file()
