"""Numbers as colours."""

from __future__ import annotations

import numpy as np

from scalefree_studio.window.views.heat import heat, rgb, veil
from scalefree_studio.window.widgets.theme import DARK, LIGHT


def test_heat_goes_from_the_ground_through_the_accent_to_the_text() -> None:
    for palette in (DARK, LIGHT):
        colours = heat([-1, 0, 0.5, 1, 7], palette)
        expected = [palette.window, palette.window, palette.accent, palette.text, palette.text]
        assert colours.tolist() == [rgb(c).tolist() for c in expected]


def test_heat_is_even_between_its_stops() -> None:
    between = heat(0.25, DARK).astype(float)
    np.testing.assert_allclose(between, (rgb(DARK.window) + rgb(DARK.accent)) / 2, atol=0.5)


def test_a_veil_covers_more_where_there_is_more() -> None:
    covered = veil(np.array([[0.0, 0.5], [1.0, 3.0]]), "#102030", most=0.8)
    assert covered.shape == (2, 2, 4)
    assert (covered[..., :3] == (16, 32, 48)).all()
    assert covered[..., 3].tolist() == [[0, 102], [204, 204]]
