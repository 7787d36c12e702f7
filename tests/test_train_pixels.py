"""Training pixel transformers: tokens on disk, palettes, networks of some steps, what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import last_json
from PIL import Image
from small_pixel_training import FLAGS, make, write_pictures
from small_training import FLAGS as PIXELCNN_FLAGS
from small_training import run, same, stripes, weights

from scalefree_studio import terminal
from scalefree_studio.cli import main
from scalefree_studio.controls import ControlError, controls_of
from scalefree_studio.data import encoded, gather, palettes
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.gather import PictureFiles
from scalefree_studio.data.shards import Shards
from scalefree_studio.errors import JobError
from scalefree_studio.jobs.instruments import lessons
from scalefree_studio.jobs.job import SetControls, Undo
from scalefree_studio.jobs.pixels import lesson as pixels_lesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.runs import resumed
from scalefree_studio.storage.run_folder import RunFolder, load_checkpoint
from scalefree_studio.window.work.opening import open_subject

pytestmark = pytest.mark.usefixtures("one_thread")
TRAIN = ["train", "pixels", *FLAGS, "--dataset", "pictures", "--size", "6x4"]
PROGRESS = ("Reading pictures", "Making tokens", "Learning a palette")
HSV = {"tokens": "hsv:3,2,2"}


@pytest.fixture
def large(one_thread: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder too large for the memory, whose tokens are kept on disk."""
    monkeypatch.setattr(gather, "MOST_BYTES", 100)
    monkeypatch.setattr(encoded, "MOST_AGAIN", 0)
    return write_pictures(tmp_path / "pictures", "ab")


def refused(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """The one sentence that is said of it."""
    capsys.readouterr()
    assert main(list(command)) == 2
    *before, told = capsys.readouterr().err.strip().splitlines()
    assert told.startswith("scalefree-studio: ")
    assert all(line.startswith(PROGRESS) for line in before if line)
    return told


# ---- Tokens on disk ----


def test_it_learns_the_same_from_tokens_on_disk_as_from_pictures(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = run(make(load_dataset("pictures", size=(4, 6)), **HSV), 12)
    assert isinstance(cached.dataset.train, Shards) and isinstance(cached.dataset.held, Shards)
    monkeypatch.setattr(encoded, "MOST_AGAIN", 10**9)
    plain = run(make(load_dataset("pictures", size=(4, 6)), **HSV), 12)
    assert isinstance(plain.dataset.train, PictureFiles)
    assert same(weights(cached), weights(plain)) and cached.trainer.best == plain.trainer.best
    assert cached.trainer.evaluate() == pytest.approx(plain.trainer.evaluate())


def test_learning_reads_no_picture_again(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make(load_dataset("pictures", size=(4, 6)), **HSV)
    monkeypatch.setattr(PictureFiles, "take", None)
    run(job, 20)
    assert job.trainer.evaluate() > 0


def test_small_data_sets_need_no_tokens_on_disk(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "ab")
    job = make(load_dataset("pictures", size=4))
    assert job.dataset is job.lesson.dataset and not Path("data").exists()


def test_every_way_to_train_finds_the_same_tokens(
    large: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "LOG_SECONDS", -1.0)  # what is soon done is otherwise not said in a log
    monkeypatch.setattr(terminal, "LOG_SHARE", 0.0)
    assert main([*TRAIN, "--steps", "3", "--out", "run"]) == 0
    assert "Making tokens" in capsys.readouterr().err
    (folder,) = Path("data/tokens").iterdir()
    before = (folder / "train" / "values.raw").stat().st_mtime_ns
    assert main(["train", "pixels", "--resume", "--out", "run", "--steps", "5"]) == 0
    assert "Making tokens" not in capsys.readouterr().err
    told: list[str] = []
    job = resumed(load_checkpoint("run"), progress=lambda what, *_: told.append(what))
    opened = open_subject("run", Path("runs")).job
    for again in (job, opened):
        assert isinstance(again, Train) and isinstance(again.dataset.train, Shards)
        assert again.lesson.progress is None, "nobody is told any more of what takes long"
    assert "Making tokens" not in told
    assert [*Path("data/tokens").iterdir()] == [folder]
    assert (folder / "train" / "values.raw").stat().st_mtime_ns == before


def test_other_tokens_while_it_learns(large: Path) -> None:
    job = run(make(load_dataset("pictures", size=(4, 6)), **HSV), 2)
    before = job.dataset
    job.apply(SetControls({"tokens": "palette:5"}))
    assert job.controls.colours == 5 and job.dataset.train.take(np.arange(4)).tokens == 5
    run(job, 2)
    job.apply(Undo())
    assert job.dataset is before and before.train.take(np.arange(4)).tokens == 128
    run(job, 2)
    assert len([*Path("data/tokens").iterdir()]) == 2


def test_pictures_that_are_broken_after_all_are_counted_and_named(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = large / "a" / "1.png"
    broken.write_bytes(broken.read_bytes()[:60])  # it begins as a picture does
    (large / "a" / "2.png").write_text("no picture at all")
    for out in ("one", "two"):
        assert main([*TRAIN, "--steps", "1", "--out", out]) == 0
        told = capsys.readouterr().err
        assert "a/2.png" in told and "1 of 11 pictures could not be read: pictures/a/1.png." in told


def test_a_full_disk_while_tokens_are_made(
    large: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run(make(load_dataset("pictures", size=(4, 6)), **HSV), 2)
    before = job.dataset

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    said = refused(capsys, *TRAIN, "--steps", "1", "--out", "run")
    assert "No space left on device" in said and "tokens" in said and not Path("run").exists()
    with pytest.raises(JobError, match="No space"):
        job.apply(SetControls({"tokens": "grey:3"}))
    assert job.dataset is before and job.controls.tokens == HSV["tokens"]
    run(job, 2)


def test_whoever_reads_old_tokens_keeps_them(large: Path) -> None:
    job = run(make(load_dataset("pictures", size=(4, 6)), **HSV), 1)
    every = np.arange(len(job.dataset.train))
    old = job.dataset.train.take(every).values
    Image.new("RGB", (9, 8), "red").save(large / "a" / "0.png")
    again = make(load_dataset("pictures", size=(4, 6)), **HSV)
    assert "again" in again.dataset.notes[-1]
    assert (job.dataset.train.take(every).values == old).all()
    assert (again.dataset.train.take(every).values != old).any()


# ---- Palettes ----


def test_a_palette_is_learned_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "ab")
    learned: list[int] = []
    found = palettes.palette_of

    def counted(examples: Any, colours: int, seed: int = 0) -> str:
        learned.append(colours)
        return found(examples, colours, seed)

    monkeypatch.setattr(pixels_lesson, "palette_of", counted)
    job = run(make(load_dataset("pictures", size=4), tokens="palette:6"), 2)
    job.apply(SetControls({"seed": 3}))
    job.apply(SetControls({"tokens": "grey:2"}))
    job.apply(SetControls({"tokens": "palette:6"}))
    job.apply(SetControls({"learning_rate": 0.01}))
    RunFolder("run").keep(run(job, 1).checkpoint())
    again = resumed(load_checkpoint("run"))
    assert again.controls.palette == job.controls.palette
    assert learned == [6, 6], "the second one of another seed"


def test_a_palette_has_no_more_colours_than_the_pictures() -> None:
    job = make(stripes(), tokens="palette:300")
    assert (job.controls.tokens, job.controls.colours) == ("palette:2", 2)
    run(job, 2)


# ---- Networks of some steps ----


@pytest.mark.parametrize("kind", ["pixels", "pixelcnn"])
def test_networks_of_some_steps_are_kept_and_usable(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = FLAGS if kind == "pixels" else PIXELCNN_FLAGS
    assert main(["train", kind, *flags, "--steps", "5", "--keep-every", "2", "--out", "run"]) == 0
    assert main(["train", kind, "--steps", "8", "--resume", "--out", "run"]) == 0
    kept = sorted(Path("run/checkpoints").iterdir())
    assert [path.name for path in kept] == [f"step-{n:06}.safetensors" for n in (2, 4, 6, 8)]
    model = str(kept[1])
    assert main(["sample", model, "out.png", "--count", "2"]) == 0 and Path("out.png").exists()
    capsys.readouterr()
    assert main(["evaluate", model, "--json"]) == 0 and main(["info", model, "--json"]) == 0
    said = last_json(capsys.readouterr().out)
    assert said["kind"] == kind and said["step"] == 4 and not said["resumable"]
    assert open_subject(model, Path("runs")).job.kind == "drawing"


def test_what_is_kept_is_the_network_of_that_step() -> None:
    from scalefree_studio.runs import Recording, run_to_end

    job, other = make(steps=6, keep_every=3), run(make(steps=6), 3)
    run_to_end(job, Recording(RunFolder("run")))
    kept = load_checkpoint("run/checkpoints/step-000003.safetensors")
    expected = {name: p.detach() for name, p in other.trainer.network.state_dict().items()}
    assert kept.model.keys() == expected.keys()
    assert all((array == expected[name].numpy()).all() for name, array in kept.model.items())


def test_where_one_cannot_be_kept_it_is_said_and_learning_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    Path("run").mkdir()
    Path("run/checkpoints").write_text("a file where a folder should be")
    assert main(["train", "pixels", *FLAGS, "--steps", "4", "--keep-every", "2", "--out", "run"]) == 0
    assert capsys.readouterr().err.count("could not be saved") == 2
    assert load_checkpoint("run").step == 4


# ---- Flags ----


def test_what_the_examples_decide_is_no_flag(capsys: pytest.CaptureFixture[str]) -> None:
    for kind, lesson in lessons().items():
        with pytest.raises(SystemExit):
            main(["train", kind, "--help"])
        words = capsys.readouterr().out.split()
        for control in controls_of(lesson.controls):
            assert (control.flag in words or f"[{control.flag}" in words) == (
                control.name not in lesson.settled
            )


def test_pictures_of_any_size(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "ab")
    assert main([*TRAIN, "--steps", "1", "--out", "run"]) == 0
    shape = load_checkpoint("run").about["dataset"]["shape"]
    controls = load_checkpoint("run").about["controls"]
    assert shape == [4, 6, 3] and (controls["rows"], controls["columns"]) == (4, 6)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--size", "big"], "width x height"),
        (["--size", "0"], "1 to 1024 pixels"),
        (["--size", "6x4000"], "1 to 1024 pixels"),
        (["--tokens", "hsv:5"], "Tokens are"),
        (["--tokens", "hsv:9,4,4"], "1 to 8 bits"),
        (["--tokens", "palette:1"], "2 to 4096 colours"),
        (["--tokens", ""], "Tokens are"),
        (["--keep-every", "-1"], "Keep must be between"),
        (["--val-dataset", "nowhere"], "or folder 'nowhere'"),
        (["--dataset", "empty"], "no pictures in it"),
        (["--dataset", "broken"], "none of its 2 pictures can be read"),
        (["--dataset", "white", "--tokens", "palette:4"], "has only one colour"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    flags: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path / "pictures", "ab")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "white").mkdir()
    for n in range(2):
        (tmp_path / "broken" / f"{n}.png").write_text("no picture")
        Image.new("RGB", (5, 5), "white").save(tmp_path / "white" / f"{n}.png")
    assert sentence in refused(capsys, *TRAIN, "--steps", "1", "--out", "run", *flags)
    assert not Path("run").exists()


@pytest.mark.parametrize("flags", [["--size", "1"], ["--size", "1x5"], ["--dataset", "pictures/a"]])
def test_what_is_small_is_learnt_all_the_same(flags: list[str], tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "ab")
    assert main([*TRAIN, "--steps", "2", "--out", "run", *flags]) == 0
    assert main(["sample", "run", "out.png", "--count", "2"]) == 0


def test_bad_controls_are_refused_in_python_too() -> None:
    with pytest.raises(ControlError, match="Tokens are"):
        make(stripes(), tokens="colour")
    assert torch.isfinite(run(make(), 1).trainer.loss)
