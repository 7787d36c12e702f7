"""Movies as files: frames come back, and what is left when somebody is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import frames_of, gradients

from scalefree_studio.errors import UserError
from scalefree_studio.export import video
from scalefree_studio.export.movie_file import frames_into
from scalefree_studio.export.video import VideoWriter
from scalefree_studio.files import new_part


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


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".tif"])
def test_the_next_movie_clears_what_a_killed_one_has_left(suffix: str, tmp_path: Path) -> None:
    left, file = new_part(tmp_path / "another.mp4")
    file.close()
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")
    with frames_into(path, (16, 16), 2) as write:
        assert not left.exists()
        with VideoWriter(tmp_path / "b.mp4", 16, 16) as meanwhile:  # leaves what is being written
            meanwhile.write(np.zeros((16, 16, 3), np.uint8))
        for frame in gradients(2, 16, 16):
            write(frame)
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"a{suffix}", "b.mp4"]
    assert path.read_bytes() != b"old"


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
        ("a.avi", {}, "does not"),
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
from scalefree_studio.export.video import VideoWriter
from scalefree_studio.files import new_part
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
