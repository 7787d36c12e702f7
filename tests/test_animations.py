"""Movies as GIF and TIFF: what they show, how long, and in how much memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence
from recordings import frames_of, gradients, recording, snapshot

from scalefree_studio.controls import ControlError
from scalefree_studio.errors import UserError
from scalefree_studio.export.movie import movie_of_run
from scalefree_studio.export.movie_file import GIF_SIDE, frames_into


def shown_by_pillow(path: Path) -> tuple[np.ndarray, list[int]]:
    """All frames of an animation, (N, H, W, 3), and how many milliseconds each stays."""
    with Image.open(path) as image:
        frames, durations = [], []
        for frame in ImageSequence.Iterator(image):
            frames.append(np.asarray(frame.convert("RGB")))
            durations.append(int(frame.info.get("duration", 0)))
    return np.stack(frames), durations


def moving(**more: Any) -> dict[str, Any]:
    """What a small movie of a moving line is asked for."""
    return {"size": (60, 40), "seconds": 1.0, "fps": 20, **more}


def test_a_tiff_keeps_every_frame_as_it_is(tmp_path: Path) -> None:
    run = recording([snapshot(step) for step in range(0, 101, 5)])
    movie_of_run(run, tmp_path / "a.mp4", **moving(colours="lossless"))
    for name in ("a.tif", "b.TIFF"):
        assert movie_of_run(run, tmp_path / name, **moving()).frames == 20
        frames, _ = shown_by_pillow(tmp_path / name)
        np.testing.assert_array_equal(frames, frames_of(tmp_path / "a.mp4"))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_gif_shows_what_the_scene_draws_and_lasts_as_long(tmp_path: Path) -> None:
    run = recording([snapshot(step) for step in range(0, 101, 5)])
    movie_of_run(run, tmp_path / "a.mp4", **moving(colours="lossless", fps=30))
    assert movie_of_run(run, tmp_path / "a.gif", **moving(fps=30)).frames == 30
    frames, durations = shown_by_pillow(tmp_path / "a.gif")
    truth = frames_of(tmp_path / "a.mp4")
    assert frames.shape == truth.shape
    assert abs(frames.astype(int) - truth).mean() < 3
    assert sum(durations) == 1000 and {*durations} == {30, 40}  # hundredths of a second, evenly spread
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["loop"] == 0  # for ever


def test_a_gif_keeps_few_colours_exactly_and_a_pause_costs_no_frame(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (256, 3), dtype=np.uint8)
    wanted = [colours[rng.integers(0, 256, (9, 8))] for _ in range(5)]
    with frames_into(tmp_path / "a.gif", (8, 9), 20, fps=10) as write:
        for frame in wanted:
            for _ in range(4):
                write(frame)
    frames, durations = shown_by_pillow(tmp_path / "a.gif")
    np.testing.assert_array_equal(frames, np.stack(wanted))
    assert durations == [400] * 5


def test_a_gif_of_many_colours_stays_near_them(tmp_path: Path) -> None:
    with frames_into(tmp_path / "a.gif", (64, 48), 3) as write:
        for frame in gradients(3):
            write(frame)
    frames, _ = shown_by_pillow(tmp_path / "a.gif")
    assert abs(frames.astype(int) - np.stack(list(gradients(3)))).mean() < 4


def test_a_gif_of_one_picture_is_one(tmp_path: Path) -> None:
    movie_of_run(recording([snapshot(0)]), tmp_path / "a.gif")
    frames, _ = shown_by_pillow(tmp_path / "a.gif")
    assert frames.shape == (1, 320, GIF_SIDE, 3)  # smaller than an mp4, where nobody says how large


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 1080, "seconds": 60, "fps": 30}, "1,800 frames of 1080x1080 is too large"),
        ({"fps": 60, "seconds": 1}, "at most 50 frames a second"),
        ({"fps": 1e-320, "seconds": 1}, "must be between 0.01 and 1000"),
    ],
)
def test_a_gif_that_would_be_out_of_reason_is_told_before_it_is_begun(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises((UserError, ControlError), match=told):
        movie_of_run(recording([snapshot(0), snapshot(9)]), tmp_path / "a.gif", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.gif", "a.tif"])
@pytest.mark.parametrize("old", [b"old", None])
def test_an_animation_that_is_cut_short_leaves_what_was_there(
    name: str, old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    if old is not None:
        path.write_bytes(old)
    frames = 0

    def progress(done: int) -> None:
        nonlocal frames
        frames += done
        if frames == 5:
            raise UserError("The export was cancelled.")

    with pytest.raises(UserError, match="cancelled"):
        movie_of_run(
            recording([snapshot(0), snapshot(99)]), path, progress=lambda count: progress, **moving()
        )
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([old] if old is not None else [])


def test_a_tiff_needs_memory_for_a_few_frames_only(tmp_path: Path) -> None:
    frame = np.zeros((500, 500, 3), np.uint8)
    tracemalloc.start()
    try:
        with frames_into(tmp_path / "a.tif", (500, 500), 40) as write:
            for n in range(40):
                frame[:, n] = n
                write(frame)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * frame.nbytes
    assert shown_by_pillow(tmp_path / "a.tif")[0].shape == (40, 500, 500, 3)


def test_a_gif_whose_last_picture_would_stay_for_longer_than_it_can_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot hold a picture for more than 655 s"):
        movie_of_run(recording([snapshot(0)]), tmp_path / "a.gif", size=8, pause=700.0, fps=1.0)
    assert list(tmp_path.iterdir()) == []
