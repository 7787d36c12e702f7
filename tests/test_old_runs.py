"""Runs as they were written by version 0.1.0 (tests/old) are opened by everything that opens a run, and go on."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from scalefree_studio.cli import main
from scalefree_studio.drawings import Drawing, still_of
from scalefree_studio.export.walls.wall import wall_of
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo
from scalefree_studio.storage.run_folder import RunFolder

OLD = Path(__file__).parent / "old"
KINDS = {"dividers": 11, "pixelcnn": 31, "drawing": 18}  # recorded frames


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside copies of all runs: whoever opens a history leaves files beside it for a while."""
    for kind in KINDS:
        shutil.copytree(OLD / kind, tmp_path / kind)
    monkeypatch.chdir(tmp_path)


def written() -> dict[str, tuple[int, str]]:
    """Every file of the runs: when it was written, and what is in it."""
    files = [path for kind in KINDS for path in sorted(Path(kind).rglob("*"))]
    return {str(f): (f.stat().st_mtime_ns, hashlib.sha256(f.read_bytes()).hexdigest()) for f in files}


def result(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    """What a command has to say."""
    assert main([*command, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def picture(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def test_they_are_small() -> None:
    assert sum(file.stat().st_size for file in OLD.rglob("*")) < 300_000


def test_what_info_says_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    before = written()
    fit, training, drawing = (result(capsys, "info", kind) for kind in KINDS)
    for kind, info in zip(KINDS, (fit, training, drawing), strict=True):
        assert (info["kind"], info["resumable"], info["recorded"]["frames"]) == (kind, True, KINDS[kind])
        saved = json.loads(Path(kind, "run.json").read_text())["controls"]
        assert saved.items() <= info["controls"].items()
    assert (fit["step"], fit["numbers"], fit["units"]) == (40, 61, {"lines": 3, "circles": 3})
    assert fit["psnr"] == pytest.approx(13.164275, abs=1e-4) and fit["target"] == "16x16"
    assert (training["step"], training["numbers"], training["dataset"]["name"]) == (30, 2806, "digits")
    assert training["held_out_nats_per_dimension"] == pytest.approx(1.36077586)
    assert (drawing["step"], drawing["pictures"], drawing["places"], drawing["drawn"]) == (
        64,
        3,
        "8x8",
        "100%",
    )
    assert drawing["bits_per_dimension"] == pytest.approx(1.99902, abs=1e-4)
    assert drawing["network"]["numbers"] == 2806
    assert written() == before


@pytest.mark.parametrize("kind", KINDS)
def test_movies_of_them(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = written()
    made = result(capsys, "movie", kind, "a.mp4", "--size", "64", "--colours", "lossless")
    assert made["frames"] == KINDS[kind]
    reader = imageio_ffmpeg.read_frames("a.mp4", pix_fmt="rgb24")
    next(reader)
    frames = list(reader)
    assert len(frames) == KINDS[kind] and len(set(frames)) >= 10  # the walls of a training come row by row
    assert written() == before


def test_a_fit_is_the_picture_that_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    before = written()
    result(capsys, "render", "dividers", "a.png", "--size", "16")
    assert np.abs(picture("a.png").astype(int) - picture("dividers/picture.png")).max() <= 1
    target = RunFolder("dividers").checkpoint().model["target"]
    error = ((picture("dividers/picture.png").astype(float) - target) ** 2).mean() / 255**2
    assert -10 * np.log10(error) == pytest.approx(13.164, abs=0.02)
    assert written() == before


def test_a_network_judges_draws_and_completes_as_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    before = written()
    judged = result(capsys, "evaluate", "pixelcnn")
    assert judged["nats_per_dimension"] == pytest.approx(1.36077586, rel=1e-5)
    drawing = RunFolder("drawing").checkpoint()
    with RunFolder("drawing").history() as history:
        last = Drawing(list(history.frames())[-1].frame, still_of(drawing.model))
    for network in ("pixelcnn", "drawing"):  # which holds its network
        result(capsys, "sample", network, "a.png", "--count", "3", "--seed", "1")
        wall = wall_of(last.pictures())
        factor = picture("a.png").shape[0] // wall.shape[0]
        np.testing.assert_array_equal(picture("a.png"), wall.repeat(factor, 0).repeat(factor, 1))
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save("white.png")
    result(capsys, "complete", "pixelcnn", "white.png", "b.png", "--keep", "left", "--count", "1")
    done = picture("b.png")
    left = done.shape[1] // 2
    assert (done[:, :left] == 255).all() and (done[:, left:] < 255).any()
    assert written() == before


def test_a_drawing_is_drawn_again_as_it_was() -> None:
    job = DrawPictures.from_checkpoint(RunFolder("drawing").checkpoint())
    assert job.state.done
    done = job.snapshot()
    with RunFolder("drawing").history() as history:
        for recorded in history.frames():
            job.apply(GoTo(recorded.step))
            shown = job.snapshot().frame
            for name in ("values", "position", "given"):
                np.testing.assert_array_equal(shown[name], recorded.frame[name])
            for name in ("entropy", "surprise", "chances"):
                np.testing.assert_allclose(
                    shown[name].astype(float), recorded.frame[name].astype(float), atol=2e-3
                )
    np.testing.assert_array_equal(job.snapshot().frame["values"], done.frame["values"])


@pytest.mark.parametrize(
    ("kind", "command", "steps", "expected"),
    [
        ("dividers", ["fit"], 45, {"psnr": 13.1647}),
        ("pixelcnn", ["train", "pixelcnn"], 33, {"nats_per_dimension": 1.36059185}),
    ],
)
def test_learning_goes_on(
    kind: str, command: list[str], steps: int, expected: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    """To the numbers to which version 0.1.0 came from there."""
    with RunFolder(kind).history() as history:
        recorded = list(history.frames())
    made = result(capsys, *command, "--resume", "--out", kind, "--steps", str(steps))
    assert made["steps"] == steps == RunFolder(kind).checkpoint().step
    for name, value in expected.items():
        assert made[name] == pytest.approx(value, rel=1e-5)
    with RunFolder(kind).history() as history:
        after = list(history.frames())
    assert [s.step for s in after[: len(recorded)]] == [s.step for s in recorded] and after[-1].step == steps
    for old, new in zip(recorded, after, strict=False):
        assert all((old.frame[name] == new.frame[name]).all() for name in old.frame)


@pytest.mark.parametrize("kind", KINDS)
def test_the_window_opens_them(kind: str, tmp_path: Path) -> None:
    from scalefree_studio.window.work.opening import open_subject

    before = written()
    opened = open_subject(str(tmp_path / kind), tmp_path / "new")
    kept = RunFolder(kind).checkpoint()
    assert (opened.job.kind, opened.job.step_count) == (kind, kept.step)
    assert opened.folder.path == tmp_path / kind
    assert len(opened.past) == len({m.step for m in opened.past}) > 1 and opened.past[-1].step <= kept.step
    assert opened.job.checkpoint().model.keys() == kept.model.keys()
    opened.folder.release()  # which is held for the session that comes of it
    assert written() == before
    if not kept.about.get("share"):  # a finished drawing has nothing left to do
        opened.job.step()
        assert opened.job.step_count == kept.step + 1
