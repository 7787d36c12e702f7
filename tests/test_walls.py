"""Walls of pictures: as a picture, and in movies of drawings and of trainings."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import Recording, frames_of
from small_drawings import N, W, make, mask, picture, play

from scalefree_studio.drawings import PAPER, Drawing, still_of
from scalefree_studio.errors import UserError
from scalefree_studio.export.heat import write_beside
from scalefree_studio.export.movie import movie_of_run
from scalefree_studio.export.walls.scene import CURSOR, DrawingScene, TrainingScene
from scalefree_studio.export.walls.table import Table, write_table
from scalefree_studio.export.walls.wall import BEHIND, GAP, fitted_wall, wall_of, wall_size, write_wall
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.edits import GoTo, SetPrompt, SetValue
from scalefree_studio.snapshot import Checkpoint, Snapshot


def recorded(**controls: Any) -> Recording:
    """A drawing of four pictures, row by row."""
    job = make(count=4, speed=AT_ONCE, **controls)
    snapshots = [job.snapshot()]
    while not job.state.done:
        job.step()
        snapshots.append(job.snapshot())
    return Recording(job.checkpoint(), snapshots)


def trained(walls: list[int | None]) -> Recording:
    """A training whose wall of five pictures was of these greys."""
    frames = [{} if grey is None else {"wall": np.full((5, 4, 6, 1), grey, np.uint8)} for grey in walls]
    snapshots = [Snapshot("pixelcnn", n, n, frame, {"loss": 1 / (n + 1)}) for n, frame in enumerate(frames)]
    return Recording(Checkpoint("pixelcnn", len(walls), {}, {}), snapshots)


# ---- Walls ----


@given(st.integers(1, 70), st.integers(1, 9), st.integers(1, 9), st.integers(9, 400), st.integers(9, 400))
def test_a_wall_is_as_large_as_whole_factors_allow_and_its_pixels_stay_pixels(
    count: int, height: int, width: int, across: int, down: int
) -> None:
    pictures = np.random.default_rng(count).integers(100, 256, size=(count, height, width, 3), dtype=np.uint8)
    found = fitted_wall(pictures, (across, down))
    assert found.shape == (down, across, 3)
    sizes = [wall_size(count, height, width, columns) for columns in range(1, count + 1)]
    factor = max(min(across // w, down // h) for w, h in sizes)
    if not factor:
        return
    bright = (found >= 100).all(2)
    assert bright.sum() == count * height * width * factor**2
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    first = found[rows[0] :, columns[0] :][: height * factor, : width * factor]
    np.testing.assert_array_equal(first, pictures[0].repeat(factor, 0).repeat(factor, 1))
    assert abs(rows[0] - (down - 1 - rows[-1])) <= 1 and abs(columns[0] - (across - 1 - columns[-1])) <= 1


def test_what_has_no_room_becomes_smaller() -> None:
    found = fitted_wall(np.full((9, 30, 30, 1), 200, np.uint8), (31, 31))
    assert found.shape == (31, 31, 3) and found.max() == 200 and (found > 150).mean() > 0.7


def test_grey_and_colour_stand_side_by_side_in_a_wall() -> None:
    wall = wall_of(np.stack([np.full((2, 3, 1), n * 50, np.uint8) for n in range(3)]), columns=2)
    assert wall.shape == (2 * 2 + GAP, 2 * 3 + GAP, 3)
    assert (wall[:2, :3] == 0).all() and (wall[:2, 4:] == 50).all() and (wall[3:, :3] == 100).all()
    assert (wall[2] == BEHIND).all() and (wall[3:, 4:] == BEHIND).all()


# ---- Drawings ----


def scene_of(run: Recording, **look: Any) -> DrawingScene:
    return DrawingScene(run.kept, run.snapshots[-1], **look)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_drawing_is_shown_as_far_as_it_is_with_its_cursors(channels: int) -> None:
    run = recorded(channels=channels)
    scene, half = scene_of(run), run.snapshots[2]
    shown = scene.draw(0, half)
    pictures = Drawing(half.frame, still_of(run.kept.model)).pictures()
    pictures[:, 2, 0] = CURSOR
    np.testing.assert_array_equal(shown, fitted_wall(pictures, scene.size))
    assert (pictures[:, 2, 1:] == PAPER).all() and (pictures[:, :2] != PAPER).any()
    assert not (scene.draw(1, run.snapshots[-1]) == CURSOR).all(2).any()


def test_the_veil_lies_where_the_choice_was_open_and_nowhere_else() -> None:
    job = make(count=4)
    job.apply(SetPrompt(keep=mask("left"), pixels=picture(job)[0]))
    run = Recording(play(job, 9).checkpoint(), [job.snapshot()])
    plain, veiled = (scene_of(run, overlay=on).draw(0, run.snapshots[0]).astype(int) for on in (False, True))
    changed = (
        fitted_wall((job.snapshot().frame["entropy"][..., None] > 0).astype(np.uint8), scene_of(run).size)
        == 1
    )
    difference = abs(veiled - plain).sum(2)
    assert (difference[~changed[..., 0]] == 0).all() and (difference[changed[..., 0]] > 0).mean() > 0.95


def test_between_two_frames_a_drawing_is_what_it_was() -> None:
    """Recorded row by row, shown place by place: as if every place had been recorded."""
    run, job = recorded(), make(count=4)
    scene = scene_of(run, overlay=True)
    for place in range(N + 1):
        job.apply(GoTo(place))
        before = run.snapshots[min(place // W, N // W - 1)]
        after = run.snapshots[min(place // W, N // W - 1) + 1]
        moment = scene.between(before, after, (place - before.step) / W)
        assert moment.step == place
        np.testing.assert_array_equal(scene.draw(0, moment), scene.draw(0, job.snapshot()))


def test_between_two_frames_that_do_not_follow_one_another_it_is_the_nearer_one() -> None:
    job = play(make(count=4))
    before = job.snapshot()
    job.apply(SetValue(0, 1, 1, ((int(before.frame["values"][0, 1, 1, 0]) + 1) % 4,)))
    after = job.snapshot()
    job.apply(GoTo(3))
    early = job.snapshot()
    scene = scene_of(Recording(job.checkpoint(), [before]))
    other = dataclasses.replace(early, frame={**early.frame, "values": early.frame["values"][:2]})
    for a, b in ((before, after), (before, early), (after, early), (early, other)):
        assert scene.between(a, b, 0.3) is a and scene.between(a, b, 0.7) is b


def test_a_movie_of_a_drawing_ends_with_a_pause_on_the_finished_wall(tmp_path: Path) -> None:
    run, path = recorded(), tmp_path / "a.mp4"
    made = movie_of_run(run, path, size=(130, 120), fps=10, seconds=4, pause=1.5, colours="lossless")
    frames = frames_of(path)
    assert frames.shape == (55, 120, 130, 3) and (made.frames, made.width, made.height) == (55, 130, 120)
    scene = scene_of(run, size=(130, 120))
    np.testing.assert_array_equal(frames[0], scene.draw(0, run.snapshots[0]))
    for last in frames[39:]:
        np.testing.assert_array_equal(last, scene.draw(1, run.snapshots[-1]))
    shown = [int((frame == CURSOR).all(2).sum()) for frame in frames]
    assert min(shown[:39]) > 0 == max(shown[39:])
    distinct = {frame.tobytes() for frame in frames}
    assert len(distinct) == N + 1  # every place, though only rows were recorded


def test_a_movie_of_a_drawing_is_as_large_as_fits_and_knows_its_metrics(tmp_path: Path) -> None:
    run = recorded()
    made = movie_of_run(
        run, tmp_path / "a.mp4", caption="{step} {bits:.2f} {surprise:.1f} {places:.0f} {share:.0%}"
    )
    across, down = wall_size(4, 5, 6)
    assert (made.width, made.height) == (across * (1080 // across), down * (1080 // across))
    assert len(frames_of(tmp_path / "a.mp4")) == len(run.snapshots)


def test_the_wall_of_a_movie_may_have_fewer_pictures_for_a_while(tmp_path: Path) -> None:
    small, large = make(count=1), recorded()
    run = Recording(large.kept, [play(small, 1).snapshot(), *large.snapshots])
    movie_of_run(run, tmp_path / "a.mp4", size=90, seconds=1)
    assert len(frames_of(tmp_path / "a.mp4")) == 30


# ---- Trainings ----


def test_a_movie_of_a_training_shows_the_wall_as_it_renews_itself(tmp_path: Path) -> None:
    run, path = trained([None, 60, 60, 200]), tmp_path / "a.mp4"
    movie_of_run(run, path, size=(100, 80), colours="lossless", caption="{loss:.2f}")
    frames = frames_of(path)
    assert frames.shape == (4, 80, 100, 3)
    middle = frames[:, 20, 20].tolist()
    assert middle == [list(PAPER), [60] * 3, [60] * 3, [200] * 3]
    scene = TrainingScene(run.kept, run.snapshots[-1], 77)
    assert max(scene.size) == 77 and scene.between(*run.snapshots[2:], 0.4) is run.snapshots[2]


@pytest.mark.parametrize(
    ("run", "look", "told"),
    [
        (recorded(), {"border": 2.0, "zoom": (0, 0, 3)}, "border and zoom would have no effect"),
        (trained([1]), {"overlay": True}, "overlay would have no effect"),
        (trained([1, None]), {}, "No samples"),
        (trained([]), {}, "Nothing was recorded"),
        (trained([1]), {"caption": "{bits}"}, "A caption cannot show"),
        (
            Recording(Checkpoint("drawing", 0, {}, {}), recorded().snapshots),
            {},
            "does not say what it looks like",
        ),
        (Recording(recorded().kept, [Snapshot("drawing", 0, 0, {})]), {}, "step 0 is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_movie_is_told(run: Recording, look: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told) as error:
        movie_of_run(run, tmp_path / "a.mp4", size=(60, 60), **look)
    assert "\n" not in str(error.value) and list(tmp_path.iterdir()) == []


def test_a_damaged_frame_in_the_middle_is_told(tmp_path: Path) -> None:
    for how in (
        {"values": np.full((4, 5, 6, 1), 9)},
        {"position": np.zeros(3, int)},
        {"given": np.zeros(3, bool)},
    ):
        run = recorded()
        run.snapshots[2] = dataclasses.replace(run.snapshots[2], frame={**run.snapshots[2].frame, **how})
        for seconds in (None, 3):
            with pytest.raises(UserError, match="damaged"):
                movie_of_run(run, tmp_path / "a.mp4", size=(60, 60), seconds=seconds)


SMALL = np.zeros((1, 1, 1, 3), np.uint8)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_wall(SMALL, path, scale=4096),
        lambda path: write_table(Table(("One",), SMALL[None]), path, 4096),
        lambda path: write_beside(SMALL[0], np.zeros((1, 1)), path, 4096),
    ],
    ids=["a wall", "a table", "a picture beside its surprise"],
)
def test_however_large_a_pixel_is_shown_it_takes_little_memory(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    """16 million pixels, or more, are 50 million bytes, of which a PNG needs several at once."""
    tracemalloc.start()
    try:
        write(tmp_path / "large.png")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000
