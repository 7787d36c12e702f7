"""Movies: of frames, and of recorded runs; what is left of them when somebody is killed."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, ImageSequence
from recordings import Recording

from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.export import scene, video
from scalefree_studio.export.caption import draw_caption, filled
from scalefree_studio.export.dividers.scene import DividerScene, Zoom
from scalefree_studio.export.movie import moments, movie_of_run
from scalefree_studio.export.movie_file import GIF_SIDE, frames_into
from scalefree_studio.export.scene import register_scene
from scalefree_studio.export.video import VideoWriter
from scalefree_studio.models.dividers.render import Region
from scalefree_studio.snapshot import Checkpoint, Snapshot
from scalefree_studio.storage.run_folder import RunFolder


def frames_of(path: Path, pixels: str = "rgb24") -> np.ndarray:
    """All frames of a movie: (N, H, W, 3)."""
    reader = imageio_ffmpeg.read_frames(str(path), pix_fmt=pixels)
    width, height = next(reader)["size"]
    return np.stack([np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader])


def gradients(count: int, height: int = 48, width: int = 64) -> Iterator[np.ndarray]:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    for n in range(count):
        yield np.stack([x, y, np.full_like(x, 255 * n / max(1, count - 1))], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("colours", "error"), [("yuv420p", 4), ("yuv444p", 4), ("lossless", 0)])
def test_frames_come_back(colours: str, error: float, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 64, 48, fps=25, colours=colours) as movie:
        for frame in gradients(30):
            movie.write(frame)
    back = frames_of(path)
    assert back.shape == (30, 48, 64, 3)
    assert abs(back.astype(float) - np.stack(list(gradients(30)))).mean() <= error


def test_an_odd_size_becomes_even_and_is_not_rescaled(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 51, 33, colours="lossless") as movie:
        for frame in gradients(3, 33, 51):
            movie.write(frame)
    back = frames_of(path)
    assert back.shape == (3, 34, 52, 3)
    np.testing.assert_array_equal(back[:, :33, :51], np.stack(list(gradients(3, 33, 51))))


@pytest.mark.parametrize("name", ["a:b.mp4", "-y.mp4", "file:c.mp4", "100% #?.mp4"])
def test_odd_names_are_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with VideoWriter(name, 64, 48) as movie:
        movie.write(next(gradients(1)))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_whoever_writes_faster_than_ffmpeg_waits(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 64, 48) as movie:
        os.kill(movie.process.pid, signal.SIGSTOP)
        waited = 0
        pipe = 70_000 // (64 * 48 * 3)  # frames that fit into the pipe besides
        try:
            for frame in gradients(video.WAITING + pipe):
                movie.write(frame)
            waited = movie._frames.qsize()
        finally:
            os.kill(movie.process.pid, signal.SIGCONT)
    assert waited <= video.WAITING
    assert len(frames_of(tmp_path / "a.mp4")) == video.WAITING + pipe


def test_an_ffmpeg_that_dies_is_told_in_a_sentence(tmp_path: Path) -> None:
    movie = VideoWriter(tmp_path / "a.mp4", 64, 48)
    os.kill(movie.process.pid, signal.SIGKILL)
    movie.process.wait()

    def write_on() -> None:
        for frame in gradients(100):
            movie.write(frame)

    with pytest.raises(UserError, match="cannot be written"):
        write_on()
    movie.close()


def test_a_movie_without_frames_leaves_nothing(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 64, 48):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt, UserError, "ffmpeg", None])
@pytest.mark.parametrize("frames", [0, 30])
def test_an_old_movie_stays_until_the_new_one_is_whole(
    stopped_by: type[BaseException] | str | None, frames: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")

    def overwrite() -> None:
        with VideoWriter(path, 64, 48) as movie:
            for frame in gradients(frames):
                movie.write(frame)
            assert path.read_bytes() == b"old"
            if stopped_by == "ffmpeg":
                os.kill(movie.process.pid, signal.SIGKILL)
            elif isinstance(stopped_by, type):
                raise stopped_by

    if stopped_by is None:
        overwrite()
    else:
        with pytest.raises(stopped_by if isinstance(stopped_by, type) else UserError):
            overwrite()
    if frames and stopped_by is None:
        assert len(frames_of(path)) == frames
    else:
        assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_movie_can_be_played_where_there_was_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"

    def interrupted() -> None:
        with VideoWriter(path, 64, 48) as movie:
            for frame in gradients(30):
                movie.write(frame)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(frames_of(path)) == 30
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("a.avi", {}, "ends otherwise"),
        ("no/a.mp4", {}, "no such folder"),
        ("a.mp4", {"colours": "pink"}, "one of"),
        ("a.mp4", {"fps": 0}, "frames a second"),
        ("a.mp4", {"size": (20_000, 48)}, "along a side"),
    ],
)
def test_what_makes_no_movie_is_told(
    name: str, options: dict[str, object], told: str, tmp_path: Path
) -> None:
    wanted: dict[str, Any] = {"size": (64, 48), "count": 3, **options}
    with pytest.raises(UserError, match=told), frames_into(tmp_path / name, **wanted):
        pass


SENDER = """
import sys, time
import numpy as np
from scalefree_studio.export.movie_file import GIF_SIDE, frames_into
from scalefree_studio.export.scene import register_scene
from scalefree_studio.export.video import VideoWriter
movie = VideoWriter(sys.argv[1], 64, 48)
print(movie.process.pid, flush=True)
for n in range(10**6):
    movie.write(np.full((48, 64, 3), n % 256, np.uint8))
    print(n, flush=True)
    time.sleep(0.004)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("victim", ["us", "both"])
def test_a_killed_movie_can_be_played(victim: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    sender = subprocess.Popen([sys.executable, "-c", SENDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert sender.stdout is not None
    ffmpeg = int(sender.stdout.readline())
    sent = 0
    while sent < 150:
        sent = int(sender.stdout.readline())
    if victim == "both":
        os.kill(ffmpeg, signal.SIGKILL)
    sender.kill()
    sent = int((sender.stdout.read().split() or [str(sent)])[-1])
    sender.wait()
    sender.stdout.close()
    while _alive(ffmpeg):  # it finishes the file once nobody sends any more
        pass
    kept = len(frames_of(path))
    assert kept >= sent - (video.WAITING + 1 if victim == "us" else 60)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


# --- Of a recorded run --------------------------------------------------------------------------------------


def snapshot(step: int, **changes: np.ndarray) -> Snapshot:
    """A line that moves from left to right, one hundredth a step: dark at one side, light at the other."""
    frame: dict[str, np.ndarray] = {
        "line_angle": np.zeros(1, np.float32),
        "line_offset": np.full(1, -0.5 + step / 100, np.float32),
        "colour_weight": np.ones((1, 1), np.float32),
        "colour_bias": np.ones(1, np.float32),
        "out_weight": np.full((3, 1), 4, np.float32),
        "out_bias": np.full(3, -4, np.float32),
        "unit_ids": np.arange(1),
        **changes,
    }
    return Snapshot("dividers", step, step / 10, frame, {"psnr": 10 + step / 100})


def recording(snapshots: list[Snapshot]) -> Recording:
    """Of a picture of 60 × 40."""
    target = np.zeros((40, 60, 3), np.uint8)
    return Recording(
        Checkpoint("dividers", 0, {"controls": {"sharpness": 1000.0}}, {"target": target}), snapshots
    )


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


@pytest.mark.parametrize(
    ("run", "options", "told"),
    [
        (recording([]), {}, "Nothing was recorded"),
        (recording([snapshot(0)]), {"caption": "{x}"}, "A caption knows"),
        (recording([Snapshot("gan", 0, 0, {})]), {}, "no movies"),
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
        "90",
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


# --- GIF and TIFF -------------------------------------------------------------------------------------------


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
        ({"size": 1080, "seconds": 60, "fps": 30}, "1,800 frames of 1080x720 is out of reason"),
        ({"fps": 60, "seconds": 1}, "at most 50 frames a second"),
    ],
)
def test_a_gif_that_would_be_out_of_reason_is_told_before_it_is_begun(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told):
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


# --- Scenes -------------------------------------------------------------------------------------------------


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
    with pytest.raises(UserError, match="no movies of 'plain'"):
        movie_of_run(run, tmp_path / "a.mp4")
    register_scene("plain", "nowhere.at:all")
    with pytest.raises(
        UserError, match=r"The scene of .plain., nowhere\.at:all, cannot be imported: No module"
    ):
        movie_of_run(run, tmp_path / "a.mp4")
    register_scene("plain", Plain if how == "class" else f"{__name__}:Plain")
    movie_of_run(run, tmp_path / "a.mp4", colours="lossless", border=2)
    assert (frames_of(tmp_path / "a.mp4") == 52).all()
    with pytest.raises(UserError, match="In a movie of 'plain', overlay would mean nothing"):
        movie_of_run(run, tmp_path / "b.mp4", overlay=True)


def test_any_training_that_shows_a_wall_has_movies(tmp_path: Path) -> None:
    walls = [{"wall": np.full((4, 5, 6, 3), grey, np.uint8)} for grey in (60, 200)]
    snapshots = [Snapshot("transformer", n, n, wall) for n, wall in enumerate(walls)]
    run = Recording(Checkpoint("transformer", 2, {}, {}), snapshots)
    movie_of_run(run, tmp_path / "a.mp4", size=(26, 22), colours="lossless")
    assert frames_of(tmp_path / "a.mp4")[:, 6, 6].tolist() == [[60] * 3, [200] * 3]
