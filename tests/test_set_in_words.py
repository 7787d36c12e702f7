"""What was set, in words."""

from __future__ import annotations

from typing import Any

import pytest

from scalefree_studio.jobs.codebooks.map_lesson import CodebookLesson
from scalefree_studio.jobs.dividers.controls import FitControls
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.window.views.set_in_words import set_in_words

CLASSES = {"label": {"each in turn": -1, "two": 2}}


@pytest.mark.parametrize(
    ("controls", "values", "words"),
    [
        (FitControls(), {"lines": 401}, "401 lines"),
        (FitControls(), {"lines": 1}, "1 line"),
        (FitControls(), {"numbers": 2371}, "size 2,371 numbers, 4.7 kB"),
        (FitControls(), {"batch_size": 64}, "batch 64 pixels"),
        (FitControls(), {"revive": False}, "revive off"),
        (FitControls(), {"start": "random", "circles": 3}, "3 circles and start random"),
        (FitControls(), {"seed": 3, "lines": 2, "hidden": 8}, "2 lines, 8 colour units and seed 3"),
        (DrawControls(), {"label": 2}, "class two"),
        (DrawControls(), {"label": -1}, "class each in turn"),
        (DrawControls(), {"temperature": 0.5}, "temperature 0.5"),
        (DrawControls(), {}, ""),
    ],
)
def test_values_in_words(controls: Any, values: dict[str, Any], words: str) -> None:
    assert set_in_words(controls, values, CLASSES) == words


def test_every_control_of_a_training_has_words() -> None:
    controls = CodebookLesson.controls()
    for name, value in vars(controls).items():
        assert set_in_words(controls, {name: value}, {}), name
