"""metrics.jsonl: a line as soon as something is measured or changed, whatever was torn before."""

import math
from pathlib import Path

import fake_trackers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_trackers import lines, read_fake_tensorboard
from small_training import FLAGS

from scalefree_studio.cli import main
from scalefree_studio.snapshot import Change
from scalefree_studio.storage.history import History, Measured
from scalefree_studio.storage.metrics_lines import LINES, MetricsLines

pytestmark = pytest.mark.usefixtures("untold")


def test_a_line_is_there_as_soon_as_it_is_written(tmp_path):
    written = MetricsLines(tmp_path)
    written.measured(Measured(20, 1.5, {"loss": 0.25, "psnr": np.float32(30), "bad": math.inf}))
    assert lines(tmp_path) == [{"step": 20, "seconds": 1.5, "loss": 0.25, "psnr": 30.0, "bad": None}]
    written.changed(Change(21, "controls", {"learning_rate": 0.1}))
    assert lines(tmp_path)[1:] == [{"step": 21, "what": "controls", "changed": {"learning_rate": 0.1}}]


@given(names=st.lists(st.text(max_size=6), max_size=4), long=st.integers(1, 9000), cut=st.integers(0, 40_000))
def test_a_torn_last_line_does_not_spoil_what_follows(tmp_path_factory, names, long, cut):
    folder = tmp_path_factory.mktemp("run")
    before = MetricsLines(folder)
    for step, name in enumerate([*names, "x" * long]):
        before.changed(Change(step, name))
    before.close()
    whole = (folder / LINES).read_bytes()
    torn = whole[: cut % (len(whole) + 1)]
    (folder / LINES).write_bytes(torn)
    after = MetricsLines(folder)
    after.changed(Change(99, "after"))
    after.close()
    kept = whole.splitlines()[: torn.count(b"\n")]
    assert (folder / LINES).read_bytes().splitlines()[:-1] == kept
    assert lines(folder)[-1]["step"] == 99


def test_train_writes_metrics_and_what_a_resume_changes(capsys):
    assert main(["train", "pixelcnn", *FLAGS, "--steps", "30", "--out", "run"]) == 0
    written = lines("run")
    assert [line["step"] for line in written] == [1, 21, 30]
    assert {"loss", "bits_per_dimension", "learning_rate", "seconds"} <= written[1].keys()
    assert "held_out" in written[2]
    with (Path("run") / LINES).open("a") as file:
        file.write('{"step": 4')
    resume = ["train", "pixelcnn", "--resume", "--out", "run", "--steps", "35", "--learning-rate", "0.5"]
    assert main(resume) == 0
    more = lines("run")[3:]
    assert more[0] == {"step": 30, "what": "controls", "changed": {"learning_rate": 0.5}}
    assert [line["step"] for line in more[1:]] == [31, 35]
    with History.open(Path("run") / "history.sqlite") as history:
        assert history.changes() == [(30, "controls", {"learning_rate": 0.5})]


def test_fit_writes_metrics_and_what_a_resume_changes(monkeypatch, capsys):
    writers = fake_trackers.tensorboard(monkeypatch)
    small = ["--lines", "3", "--hidden", "4", "--batch-size", "64", "--start", "random", "--downscale", "8"]
    assert main(["fit", "synthetic:lines-3", *small, "--steps", "30", "--out", "run"]) == 0
    assert [line["step"] for line in lines("run")] == [1, 21, 30] and "psnr" in lines("run")[0]
    resume = ["--resume", "--out", "run", "--steps", "40", "--learning-rate", "0.1", "--track", "tensorboard"]
    assert main(["fit", *resume]) == 0
    assert lines("run")[3] == {"step": 30, "what": "controls", "changed": {"learning_rate": 0.1}}
    assert [step for step, _ in read_fake_tensorboard(writers, Path("run"))["psnr"]] == [31, 40]
