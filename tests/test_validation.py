"""What a network is judged by: a part of its data set, or another one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import last_json
from small_pixel_training import FLAGS, make, write_pictures

import scalefree_studio as s
from scalefree_studio.cli import main
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.examples import Arrays, Joined
from scalefree_studio.data.sources import Dataset
from scalefree_studio.data.validation import load_validation
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.training.learnt import dataset_learnt
from scalefree_studio.runs import resumed
from scalefree_studio.storage.run_folder import load_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")
TRAIN = ["train", "pixels", *FLAGS, "--size", "6x4"]


@pytest.fixture(autouse=True)
def pictures(one_thread: None, tmp_path: Path) -> None:
    write_pictures(tmp_path / "learn", "abc")
    write_pictures(tmp_path / "judge", "ac", each=5, size=(20, 10), seed=1)
    write_pictures(tmp_path / "other", "ax", seed=2)


def everything(dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    batch = dataset.held.take(np.arange(len(dataset.held)))
    return batch.values, [dataset.classes[label] for label in batch.labels]


def test_joined_examples_are_those_of_their_sources_in_any_order() -> None:
    values = np.arange(12 * 2).reshape(12, 2)
    labels = np.array([0, 1, 2] * 4)
    joined = Joined((Arrays(values[:5], labels[:5]), Arrays(values[5:], labels[5:])), np.array([7, 8, 9]))
    assert len(joined) == 12 and joined.shape == (2,)
    for chosen in ([11, 0, 5, 4, 4, 7], [3], [9, 10], []):
        batch = joined.take(np.array(chosen, np.int64))
        assert (batch.values == values[chosen]).all() and (batch.labels == labels[chosen] + 7).all()


def test_all_pictures_of_another_data_set_judge_in_the_size_of_the_first() -> None:
    own = load_dataset("learn", size=(4, 6))
    dataset = load_validation(own, "judge")
    assert dataset.shape == dataset.held.shape == (4, 6, 3) and len(dataset.held) == 10
    assert dataset.held_name == "judge"
    values, classes = everything(dataset)
    expected = load_dataset("judge", size=(4, 6))
    assert sorted(classes) == ["a"] * 5 + ["c"] * 5, "counted as the first counts them"
    learnt, held = (p.take(np.arange(len(p))).values for p in (expected.train, expected.held))
    assert (values == np.concatenate([learnt, held])).all()


def test_nothing_needs_to_be_held_out_then() -> None:
    own = load_dataset("learn", size=4)
    assert own.split and len(own.train) < 18
    assert len(load_validation(own, "judge").train) == 18
    apart = load_validation(replace(own, split=False), "judge")
    assert len(apart.train) == len(own.train), "what was set apart is no more learnt from than before"


@pytest.mark.parametrize(("learn", "judge"), [("learn", "./learn"), ("digits", "Digits")])
def test_what_is_learnt_from_does_not_judge(learn: str, judge: str) -> None:
    with pytest.raises(UserError, match="judged by the pictures it learns from"):
        load_validation(load_dataset(learn), judge)


def test_classes_must_agree_where_labels_are_used(capsys: pytest.CaptureFixture[str]) -> None:
    with_others = [*TRAIN, "--dataset", "learn", "--val-dataset", "other", "--steps", "2", "--out", "run"]
    assert main(with_others) == 2
    *_, told = capsys.readouterr().err.strip().splitlines()
    assert told.startswith("scalefree-studio: other has classes that the network does not learn (x)")
    assert not Path("run").exists()
    assert main([*with_others, "--no-labelled"]) == 0


def test_labels_cannot_be_turned_on_where_classes_differ() -> None:
    job = make(load_validation(load_dataset("learn", size=4), "other"), labelled=False)
    from scalefree_studio.controls import ControlError
    from scalefree_studio.jobs.job import SetControls

    with pytest.raises(ControlError, match="does not learn"):
        job.apply(SetControls({"labelled": True}))
    assert not job.controls.labelled
    job.step()


def test_it_is_said_what_is_held_out_and_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--dataset", "learn", "--steps", "1", "--json", "--out", "own"]) == 0
    told = capsys.readouterr()
    sentence = "Learning from 15 pictures; 3 are held out: about one in six of each class, evenly spaced."
    assert sentence in told.err.splitlines() and len(told.out.splitlines()) == 1
    judged = ["--val-dataset", "judge", "--steps", "1", "--json", "--out", "judged"]
    assert main([*TRAIN, "--dataset", "learn", *judged]) == 0
    told = capsys.readouterr()
    assert "Learning from 18 pictures; all 10 of judge are held out." in told.err.splitlines()
    assert len(told.out.splitlines()) == 1
    write_pictures(Path("parts/train"), "ab", each=3)
    write_pictures(Path("parts/test"), "ab", each=2)
    said = load_dataset("parts").parts()
    assert said == "Learning from 6 pictures; 4 are held out: those that were set apart."


def test_a_run_finds_again_what_judged_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    judged = ["--dataset", "learn", "--val-dataset", "judge", "--json", "--out", "run"]
    assert main([*TRAIN, *judged, "--steps", "3"]) == 0
    trained = last_json(capsys.readouterr().out)
    assert main(["evaluate", "run", "--json"]) == 0
    found = last_json(capsys.readouterr().out)
    assert (found["dataset"], found["pictures"]) == ("judge", 10)
    assert found["nats_per_token"] == pytest.approx(trained["nats_per_token"])
    assert main(["info", "run", "--json"]) == 0
    assert last_json(capsys.readouterr().out)["validation"] == {"name": "judge", "spec": "judge"}
    said = json.loads(Path("run/run.json").read_text())
    assert said["val_dataset"] == "judge" and str(tmp_path) not in json.dumps(
        {**said, "command": said["command"][1:]}
    )
    assert str(tmp_path) not in json.dumps(load_checkpoint("run").about)
    job = resumed(load_checkpoint("run"))  # as the window does
    assert len(job.lesson.dataset.held) == 10 and len(job.lesson.dataset.train) == 18  # type: ignore[attr-defined]

    assert main(["train", "pixels", "--resume", "--out", "run", "--steps", "5", "--json"]) == 0
    told = capsys.readouterr()
    assert last_json(told.out)["steps"] == 5 and "all 10 of judge are held out" in told.err
    assert load_checkpoint("run").about["validation"]["spec"] == "judge"
    assert main(["evaluate", "run", "--dataset", "learn", "--json"]) == 0
    assert last_json(capsys.readouterr().out)["pictures"] == 3, "another data set: what it holds out itself"


def test_a_run_goes_on_with_what_has_moved_and_with_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    judged = ["--dataset", "learn", "--val-dataset", "judge", "--out", "run", "--steps", "2"]
    assert main([*TRAIN, *judged]) == 0
    assert main([*TRAIN, "--dataset", "learn", "--out", "own", "--steps", "2"]) == 0
    Path("judge").rename("moved")
    capsys.readouterr()
    resume = ["train", "pixels", "--resume", "--steps", "3", "--out"]
    refused = {
        "folder 'judge'": [*resume, "run"],
        "--val-dataset would start the run over": [*resume, "own", "--val-dataset", "moved"],
        "--size would start the run over": [*resume, "own", "--size", "4x6"],
        "--tokens would start the run over": [*resume, "own", "--tokens", "grey:2"],
    }
    for sentence, command in refused.items():
        assert main(command) == 2
        *_, told = capsys.readouterr().err.strip().splitlines()
        assert told.startswith("scalefree-studio: ") and sentence in told
    assert main([*resume, "run", "--val-dataset", "moved"]) == 0
    assert load_checkpoint("run").about["validation"]["spec"] == "moved"
    assert main([*resume, "own", "--size", "6x4"]) == 0


def test_from_python() -> None:
    network = s.train(
        "pixels", "learn", val_dataset="judge", size=(6, 4), steps=2, out="run", layers=1, width=8
    )
    assert network.evaluate()["pictures"] == 10
    assert s.load("run").evaluate()["pictures"] == 10  # type: ignore[union-attr]
    assert json.loads(Path("run/run.json").read_text())["val_dataset"] == "judge"
    assert dataset_learnt(network.checkpoint).shape == (4, 6, 3)
