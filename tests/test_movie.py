"""Movies of recorded runs: every frame once, slow motion, zooms, captions; the command; scenes of others."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import Recording, frames_of, recording, snapshot

from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.export import scene
from scalefree_studio.export.caption import draw_caption, filled
from scalefree_studio.export.dividers.scene import DividerScene, Zoom
from scalefree_studio.export.movie import moments, movie_of_run
from scalefree_studio.export.scene import register_scene
from scalefree_studio.models.dividers.render import Region
from scalefree_studio.snapshot import Checkpoint, Snapshot
from scalefree_studio.storage.run_folder import RunFolder


def edges(frames: np.ndarray) -> np.ndarray:
    """Where the line stands in every frame, as a part of the width."""
    return 1 - (frames[:, frames.shape[1] // 2, :, 0] > 128).mean(1)


def test_every_recorded_frame_is_shown_once(tmp_path: Path) -> None:
    run = recording([snapshot(step) for step in range(0, 101, 5)])
    assert movie_of_run(run, tmp_path / "a.mp4", size=(120, 80)).frames == 21
    frames = frames_of(tmp_path / "a.mp4")
    assert frames.shape == (21, 80, 120, 3)
    np.testing.assert_allclose(edges(frames), np.linspace(0.25, 0.75, 21), atol=0.02)
    assert run.closed


def test_its_size_follows_the_picture(tmp_path: Path) -> None:
    movie_of_run(recording([snapshot(0)]), tmp_path / "a.mp4")
    assert frames_of(tmp_path / "a.mp4").shape == (1, 720, 1080, 3)


@pytest.mark.parametrize("seconds", [0.5, 4])
def test_it_lasts_as_long_as_asked(seconds: float, tmp_path: Path) -> None:
    run = recording([snapshot(step) for step in range(0, 101, 5)])
    count = movie_of_run(run, tmp_path / "a.mp4", size=(120, 80), seconds=seconds, fps=20).frames
    frames = frames_of(tmp_path / "a.mp4")
    assert count == len(frames) == 20 * seconds
    np.testing.assert_allclose(edges(frames), np.linspace(0.25, 0.75, count), atol=0.04)


def test_slow_motion_makes_frames_between_unless_the_units_changed() -> None:
    twice = np.zeros(2, np.float32)
    run = recording([snapshot(0), snapshot(100), snapshot(200, unit_ids=np.array([7]), line_angle=twice)])
    scene = DividerScene(run.checkpoint(), run.snapshots[-1])
    shown = [s for _, s in moments(run, [1, 2, 3], 9, scene.between)]
    offsets = [float(s.frame["line_offset"][0]) for s in shown]
    np.testing.assert_allclose(offsets[:5], np.linspace(-0.5, 0.5, 5), atol=1e-6)
    assert [s.step for s in shown[4:]] == [100, 100, 200, 200, 200]
    assert shown[1].frame["line_angle"].dtype == np.float32


def test_zooming_goes_evenly_and_ends_at_the_point() -> None:
    whole = Region.whole((40, 60), 80, 120, border=2)
    zoom = Zoom(0.3, -0.2, 1e4)
    start, end = zoom.region(whole, 0), zoom.region(whole, 1)
    assert (start.x, start.y, start.pixel) == pytest.approx((whole.x, whole.y, whole.pixel))
    assert (end.x, end.y, end.pixel) == pytest.approx((0.3, -0.2, whole.pixel / 1e4))
    path = [zoom.region(whole, t) for t in np.linspace(0, 1, 101)]
    on_screen = [(0.3 - r.x) / r.pixel for r in path]
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(on_screen))  # never away from the point
    nearer = [a.pixel / b.pixel for a, b in itertools.pairwise(path)]
    assert max(nearer) == pytest.approx(1e4 ** (1.5 / 100), rel=0.01)
    assert Zoom(1, 1, 1).region(whole, 1).x == pytest.approx(1)
    with pytest.raises(UserError):
        Zoom(0, 0, 0)


@pytest.mark.parametrize(
    ("run", "options", "told"),
    [
        (recording([]), {}, "Nothing was recorded"),
        (recording([snapshot(0)]), {"caption": "{x}"}, "A caption cannot show"),
        (recording([snapshot(0)]), {"caption": "{step:>2147483647}"}, "at most 100 letters"),
        (recording([Snapshot("gan", 0, 0, {})]), {}, "this run recorded none"),
        (recording([snapshot(0, line_offset=np.zeros(3, np.float32))]), {}, "damaged"),
    ],
)
def test_what_is_no_movie_of_a_run_is_told(
    run: Recording, options: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told):
        movie_of_run(run, tmp_path / "a.mp4", size=(20, 20), **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from scalefree_studio.storage.history import History

    folder = RunFolder(tmp_path / "run")
    last = snapshot(100)
    model = {**last.frame, "target": np.zeros((40, 60, 3), np.uint8)}
    controls = {"lines": 1, "circles": 0, "hidden": 1, "line_form": "distance"}
    folder.keep(Checkpoint("dividers", 100, {"controls": controls}, model))
    history = History.create(folder.history_path)
    history.write([snapshot(step) for step in range(0, 101, 10)])
    history.close()
    out = tmp_path / "a.mp4"
    view = [
        "--size",
        "90x60",
        "--overlay",
        "--border",
        "1.5",
        "--samples",
        "2",
        "--crisp",
        "--zoom-to",
        "0.1",
        "0",
        "3",
    ]
    more = ["--fps", "10", "--seconds", "2", "--colours", "yuv444p", "--json", "--caption", "{step}"]
    assert main(["movie", str(folder.path), str(out), *view, *more]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report == {"movie": str(out), "frames": 20, "seconds": 2.0, "fps": 10.0, "width": 90, "height": 60}
    assert frames_of(out).shape == (20, 60, 90, 3)
    for wrong in (
        ["--zoom-to", "0", "0", "0"], ["--seconds", "0"], ["--caption", "{x}"], ["--size", "99999"],
    ):  # fmt: skip
        assert main(["movie", str(folder.path), str(out), *wrong]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert len(frames_of(out)) == 20  # and the movie from before is still there


# -- captions ----------------------------------------------------------------------------------------------------------


def test_captions_know_what_was_measured() -> None:
    assert filled("{step}: {psnr} dB, {seconds:.1f} s {loss}", snapshot(50)) == "50: 10.50 dB, 5.0 s –"
    for wrong in ("{nonsense}", "{step.__class__}", "{step[0]}", "{", "{}", "{psnr:q}"):
        with pytest.raises(UserError):
            filled(wrong, snapshot(0))


@pytest.mark.parametrize("text", ["hello", "two\nlines"])
def test_a_caption_is_written_at_the_bottom_left(text: str) -> None:
    picture = np.full((200, 300, 3), 128, np.uint8)
    draw_caption(picture, text)
    changed = (picture != 128).any(-1)
    assert changed[100:, :150].any()
    assert not changed[:100].any()
    assert not changed[:, 200:].any()
    assert not changed[-4:].any()
    assert picture.max() > 230
    assert picture.min() < 40


@pytest.mark.parametrize("width", [200, 700])
def test_a_long_caption_is_not_cut(width: int) -> None:
    picture = np.full((400, width, 3), 128, np.uint8)
    draw_caption(picture, "a long caption that tells of {step} and of much more besides, to its very end")
    assert (picture[:, : width // 10] != 128).any()
    assert (picture[:, -2:] == 128).all()


def test_a_caption_of_any_length_can_be_drawn() -> None:
    draw_caption(np.zeros((4, 3, 3), np.uint8), "x" * 5000)


# -- scenes ------------------------------------------------------------------------------------------------------------


class Plain:
    """A scene of somebody else's: one grey, as bright as the frame says."""

    def __init__(self, checkpoint: Checkpoint, last: Snapshot, size: Any = None, *, border: float = 1.0):
        self.size = (16, 16)
        self._more = round(border)

    def draw(self, time: float, snapshot: Snapshot) -> np.ndarray:
        return np.full((16, 16, 3), int(snapshot.frame["grey"]) + self._more, np.uint8)

    def between(self, a: Snapshot, b: Snapshot, part: float) -> Snapshot:
        return a


@pytest.mark.parametrize("how", ["class", "name"])
def test_another_kind_of_run_may_bring_its_scene(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene, "SCENES", dict(scene.SCENES))
    run = Recording(Checkpoint("plain", 0, {}, {}), [Snapshot("plain", 3, 0, {"grey": np.array(50)})])
    with pytest.raises(
        UserError, match="A movie of 'plain' shows how its samples got better, and this run recorded none"
    ):
        movie_of_run(run, tmp_path / "a.mp4")
    register_scene("plain", "nowhere.at:all")
    with pytest.raises(
        UserError, match=r"The scene of .plain., nowhere\.at:all, cannot be imported: No module"
    ):
        movie_of_run(run, tmp_path / "a.mp4")
    register_scene("plain", Plain if how == "class" else f"{__name__}:Plain")
    movie_of_run(run, tmp_path / "a.mp4", colours="lossless", border=2)
    assert (frames_of(tmp_path / "a.mp4") == 52).all()
    with pytest.raises(UserError, match="In a movie of 'plain', overlay would have no effect"):
        movie_of_run(run, tmp_path / "b.mp4", overlay=True)


def test_any_training_that_shows_a_wall_has_movies(tmp_path: Path) -> None:
    walls = [{"wall": np.full((4, 5, 6, 3), grey, np.uint8)} for grey in (60, 200)]
    snapshots = [Snapshot("transformer", n, n, wall) for n, wall in enumerate(walls)]
    run = Recording(Checkpoint("transformer", 2, {}, {}), snapshots)
    movie_of_run(run, tmp_path / "a.mp4", size=(26, 22), colours="lossless")
    assert frames_of(tmp_path / "a.mp4")[:, 6, 6].tolist() == [[60] * 3, [200] * 3]
