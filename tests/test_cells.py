"""Cells: where they begin, how they are moved by hand, and how those that matter least are revived."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from job_cases import run
from small_dividers import frame_of

from scalefree_studio.controls import values_of
from scalefree_studio.jobs.dividers.controls import FitControls, best_division
from scalefree_studio.jobs.dividers.edits import AddUnit, MoveUnit, RemoveUnit
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.jobs.dividers.saved import read_model
from scalefree_studio.jobs.dividers.start_cells import ENOUGH, colours_needed, one_cell, start_cells
from scalefree_studio.jobs.job import Limit, Undo
from scalefree_studio.models.dividers import network as dividers
from scalefree_studio.models.dividers.cell_revival import _Shared, least_useful, revive_cells
from scalefree_studio.models.dividers.edit import reader_of_units, without_unit
from scalefree_studio.models.dividers.network import Params, pixel_grid, predict, units, weighted_error
from scalefree_studio.models.dividers.revival import rest_of_network
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.window.views.units import in_words, unit_of

XY = pixel_grid(16, 20)  # (B, 2)
WEIGHT = torch.linspace(0.5, 4.0, len(XY))


def picture(grey: bool = False) -> np.ndarray:
    """Two discs over a shading: (48, 64, 3) bytes."""
    y, x = np.mgrid[:48, :64]
    made = np.stack([x * 3.5, y * 4.0, 200 - x * 2.0], -1)
    made[np.hypot(x - 20, y - 20) < 12] = (230, 40, 60)
    made[np.hypot(x - 50, y - 30) < 7] = (20, 90, 220)
    return (made[..., :1].repeat(3, -1) if grey else made).astype(np.uint8)


def fitted(steps: int = 60, **controls: Any) -> FitDividers:
    job = FitDividers(
        picture(), FitControls(**{"lines": 0, "cells": 30, "hidden": 0} | controls), Limit(steps=300)
    )
    for _ in range(steps):
        job.step()
    return job


# -- where they begin -------------------------------------------------------------------------------------------------


def test_cells_are_closer_together_where_the_picture_changes() -> None:
    scene = np.zeros((40, 40, 3))
    scene[:, 30:] = 1.0
    p, colours = start_cells(scene, 60, np.random.default_rng(0), anywhere=False)
    at_edge = (p["cell_centre"][:, 0] - 0.5).abs() < 0.25  # a quarter of the picture
    assert at_edge.float().mean() > 0.4
    far = (p["cell_centre"][:, 0] - 0.5).abs() > 0.15
    expected = (p["cell_centre"][:, 0] > 0.5).float()
    torch.testing.assert_close(colours[far], expected[far, None].expand(-1, 3), atol=0.2, rtol=0)
    even, _ = start_cells(scene, 60, np.random.default_rng(0), anywhere=True)
    assert ((even["cell_centre"][:, 0] - 0.5).abs() < 0.25).float().mean() < 0.4


@pytest.mark.parametrize("count", [1, 2, 7, 300])
def test_any_number_of_cells_begins_on_any_picture(count: int) -> None:
    for scene in (np.full((6, 9, 3), 0.5), np.random.default_rng(1).random((9, 5, 3)), np.zeros((1, 1, 3))):
        p, colours = start_cells(scene, count, np.random.default_rng(0), anywhere=False)
        assert p["cell_log_radius"].shape == p["cell_centre"].shape == (count, 2)
        assert all(torch.isfinite(tensor).all() for tensor in (*p.values(), colours))


@pytest.mark.parametrize("hidden", [0, 1, 2, 6])
def test_the_first_picture_has_the_colours_of_the_cells(hidden: int) -> None:
    job = FitDividers(
        picture(grey=hidden == 1), FitControls(lines=0, cells=80, hidden=hidden), Limit(steps=9)
    )
    blank = FitDividers(picture(grey=hidden == 1), FitControls(lines=1, hidden=3), Limit(steps=9))
    assert job.psnr() > blank.psnr() + 4  # of which nobody has learnt anything


def test_grey_and_tinted_pictures_need_fewer_colours() -> None:
    grey = np.linspace(0, 1, 600).reshape(20, 30, 1).repeat(3, 2)
    assert colours_needed(grey) == colours_needed((grey > 0.5).astype(float)) == 1
    tint = 1 / (1 + np.exp(-(np.linspace(-3, 3, 600).reshape(20, 30, 1) * (1.0, 0.8, 0.3) + (0.2, 0, -0.5))))
    assert colours_needed(tint) == 1
    two = tint.copy()
    two[:, ::3, 2] += 0.1
    assert colours_needed(np.clip(two, 0, 1)) >= 2
    assert colours_needed(np.random.default_rng(0).random((20, 30, 3))) == 3
    assert ENOUGH < 1e-4


def test_a_budget_is_divided_as_the_picture_needs_it_and_never_exceeded() -> None:
    for grey in (False, True):
        job = FitDividers(picture(grey), FitControls(numbers=400), Limit(steps=9))
        used = dividers.count_numbers(job.params)
        assert 392 < used <= 400 == job.controls.numbers
        assert (job.controls.hidden, job.controls.cells) == ((1, 65) if grey else (0, 49))
        job.step()


@pytest.mark.parametrize("numbers", [21, 399, 2371, 32_771, 40_000, 57_347, 57_400, 90_000, 1_000_000])
@pytest.mark.parametrize("colours", [1, 2, 3])
def test_no_division_has_more_numbers_than_it_was_given(numbers: int, colours: int) -> None:
    shape = replace(FitControls(), **best_division(numbers, colours))
    assert shape.numbers <= numbers and shape.cells <= dividers.MOST_UNITS
    assert shape.circles <= dividers.MOST_UNITS


# -- in a job ---------------------------------------------------------------------------------------------------------


def test_cells_learn() -> None:
    few, many = fitted(5), fitted(150)
    assert many.psnr() > few.psnr() + 2 and many.psnr() > 26


def test_a_new_cell_goes_where_most_is_wrong_and_changes_little_at_first() -> None:
    wrong = np.zeros((40, 60, 3))
    wrong[28:33, 9:14] = 0.5
    p = one_cell(wrong, None, np.random.default_rng(0))
    assert p["cell_centre"][0].tolist() == pytest.approx([(11 - 29.5) / 30, (30 - 19.5) / 30], abs=0.04)
    job = fitted()
    before = job.psnr()
    job.apply(AddUnit("cell"))
    assert dividers.unit_counts(job.params)["cell"] == 31
    assert job.psnr() == pytest.approx(before, abs=1.5)
    job.step()
    job.apply(Undo())
    assert dividers.unit_counts(job.params)["cell"] == 30


def test_a_cell_can_be_added_to_lines_alone() -> None:
    job = FitDividers(picture(), FitControls(lines=3, hidden=4), Limit(steps=30))
    job.apply(AddUnit("cell"))
    job.step()
    assert dividers.unit_counts(job.params)["cell"] == 1


def test_removing_a_cell_leaves_its_place_to_the_others() -> None:
    job = fitted()
    p, unit = {name: tensor.clone() for name, tensor in job.params.items()}, int(job.unit_ids[4])
    job.apply(RemoveUnit(unit))
    expected = without_unit(p, 4)
    for name, tensor in job.params.items():
        torch.testing.assert_close(tensor, expected[name], msg=name)
    job.apply(Undo())
    for name, tensor in job.params.items():
        torch.testing.assert_close(tensor, p[name])


def test_the_last_cell_leaves_what_it_says_behind() -> None:
    """By itself it has all of every pixel: the picture stays as it is."""
    job = FitDividers(picture(), FitControls(lines=3, cells=1, hidden=4), Limit(steps=300))
    run(job, 100)
    before = predict(job.params, XY)
    job.apply(RemoveUnit(int(job.unit_ids[-1])))
    torch.testing.assert_close(predict(job.params, XY), before)
    job.apply(Undo())
    torch.testing.assert_close(predict(job.params, XY), before)


def test_a_cell_is_moved_by_its_own_numbers() -> None:
    job = fitted()
    job.apply(MoveUnit(int(job.unit_ids[2]), {"cell_centre": np.array([0.3, -0.2]), "cell_angle": 0.7}))
    assert job.params["cell_centre"][2].tolist() == pytest.approx([0.3, -0.2])
    assert float(job.params["cell_angle"][2]) == pytest.approx(0.7)


def test_a_budget_divided_in_the_old_way_opens_as_that_division() -> None:
    job = FitDividers(picture(), FitControls(lines=0, circles=12, hidden=4), Limit(steps=30))
    saved = job.checkpoint()
    old = values_of(job.controls) | {"numbers": 103}
    del old["cells"]  # of which nobody had heard
    opened = read_model(Checkpoint(saved.kind, saved.step, {**saved.about, "controls": old}, saved.model, {}))
    assert opened.controls.numbers == 0
    assert (opened.controls.circles, opened.controls.hidden, opened.controls.cells) == (12, 4, 0)


@pytest.mark.parametrize("grey", [False, True])
def test_a_budget_of_today_opens_as_a_budget(grey: bool) -> None:
    job = FitDividers(picture(grey), FitControls(numbers=300), Limit(steps=30))
    job.step()
    again = FitDividers.from_checkpoint(job.checkpoint())
    assert again.controls == job.controls and again.controls.numbers == 300


# -- revival ----------------------------------------------------------------------------------------------------------


def network(hidden: int = 0, cells: int = 9, lines: int = 2, seed: int = 0) -> Params:
    gen = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=gen)

    p = {"line_angle": some(lines), "line_centre": 0.3 * some(lines, 2)} if lines else {}
    p |= {
        "cell_centre": 0.6 * some(cells, 2),
        "cell_log_radius": 0.3 * some(cells, 2) - 1.2,
        "cell_angle": some(cells),
    }
    width = lines + cells
    for layer, size in (("colour", hidden), ("out", 3)):
        if size:
            p |= {f"{layer}_weight": some(size, width), f"{layer}_bias": some(size)}
            width = size
    return p


def error(p: Params, target: torch.Tensor) -> float:
    return float(weighted_error(predict(p, XY), target, WEIGHT))


@pytest.mark.parametrize("hidden", [0, 4])
def test_how_much_a_cell_matters_is_the_error_without_it(hidden: int) -> None:
    p, target = network(hidden), predict(network(hidden, seed=1), XY)
    shared = _Shared(p, XY, 1000.0)
    loss = rest_of_network(p, target, WEIGHT)
    assert float(loss(shared.told)) == pytest.approx(error(p, target), rel=1e-5)
    expected = [error(without_unit(p, 2 + cell), target) for cell in range(9)]
    assert [float(loss(shared.without(cell)[0])) for cell in range(9)] == pytest.approx(expected, rel=2e-3)
    assert least_useful(shared, loss, 3) == np.argsort(expected)[:3].tolist()


@pytest.mark.parametrize("hidden", [0, 1, 4])
def test_revived_cells_lessen_the_error_and_are_forgotten_by_the_optimizer(hidden: int) -> None:
    p, target = network(hidden), predict(network(hidden, seed=1), XY)
    before = {name: tensor.clone() for name, tensor in p.items()}
    memory = [{name: torch.ones_like(tensor) for name, tensor in p.items()} for _ in range(2)]
    moved = revive_cells(p, memory, XY, target, WEIGHT, 3, 1000.0, torch.Generator().manual_seed(0))
    assert moved and error(p, target) < error(before, target)
    reader = f"{reader_of_units(p)}_weight"
    for cell in range(9):
        names = ("cell_centre", "cell_log_radius", "cell_angle")
        same = all(torch.equal(p[name][cell], before[name][cell]) for name in names)
        forgotten = all((moments[name][cell] == 0).all() for moments in memory for name in names)
        forgotten &= all((moments[reader][:, 2 + cell] == 0).all() for moments in memory)
        assert (cell in moved) == (not same) == forgotten
        assert cell in moved or torch.equal(p[reader][:, 2 + cell], before[reader][:, 2 + cell])


def test_what_is_told_after_a_revival_is_what_the_network_says() -> None:
    """Several cells after one another, each from what the one before has left."""
    p, target = network(cells=12), predict(network(cells=12, seed=1), XY)
    loss, shared = rest_of_network(p, target, WEIGHT), _Shared(p, XY, 1000.0)
    assert len(least_useful(shared, loss, 99)) == 12
    moved = revive_cells(p, [], XY, target, WEIGHT, 12, 1000.0, torch.Generator().manual_seed(0))
    assert len(moved) > 2
    said = units(p, XY, 1000.0, 5.0)
    torch.testing.assert_close(_Shared(p, XY, 1000.0).told, (said @ p["out_weight"].T + p["out_bias"]).T)


# -- in words ---------------------------------------------------------------------------------------------------------


def test_what_a_person_reads_of_a_cell_and_what_typing_makes_of_it() -> None:
    frame = frame_of(2, 1, cells=3, seed=8)
    assert in_words(frame) == "2 lines, 1 circle, 3 cells"
    cell = unit_of(frame, 104)
    assert cell is not None and (cell.kind, cell.title) == ("cell", "Cell 2")
    said = {number.label: number for number in cell.numbers}
    assert said["Radius, across"].value == pytest.approx(np.exp(frame["cell_log_radius"][1, 1]))
    radii = said["Radius, along"].edit(0.25)["cell_log_radius"]
    assert np.exp(radii) == pytest.approx([0.25, said["Radius, across"].value], rel=1e-5)
    assert said["Angle"].edit(90)["cell_angle"] == pytest.approx(np.pi / 2)
    assert said["Centre, down"].edit(0.5)["cell_centre"] == pytest.approx([frame["cell_centre"][1, 0], 0.5])
    assert unit_of(frame, 99) is None
