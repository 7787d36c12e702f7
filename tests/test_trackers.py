"""What is written down while a run goes on: metrics.jsonl, and TensorBoard, MLflow and wandb where they are asked for.

The three are tested against stand-ins always, and against the real packages where these are installed."""

import importlib
import io
import itertools
import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import fake_trackers
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_train_pixelcnn import FLAGS, TINY, stripes

from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.job import Limit, SetControls
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.runner import Runner
from scalefree_studio.snapshot import Change, Snapshot
from scalefree_studio.storage import trackers
from scalefree_studio.storage.history import History, Measured
from scalefree_studio.storage.metrics_lines import LINES, MetricsLines
from scalefree_studio.storage.tracker import RUNS, Begin
from scalefree_studio.storage.trackers import NAMES, Tracked, Walls, start_trackers, tracker_names
from scalefree_studio.storage.worker import Worker

SETTINGS = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_API_KEY", "WANDB_PROJECT")


@pytest.fixture(autouse=True)
def untold(tmp_path, monkeypatch):
    """In a folder of its own, with a person who has set nothing, and trackers that are imported afresh."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    for name in (*SETTINGS, "WANDB_NAME"):
        monkeypatch.delenv(name, raising=False)
    forget()
    yield
    forget()


def forget():
    for name in NAMES:
        sys.modules.pop(f"scalefree_studio.storage.tracker_{name}", None)


def shot(step, **metrics):
    return Snapshot("counter", step, step / 10, {}, metrics)


def lines(folder):
    return [json.loads(line) for line in (Path(folder) / LINES).read_text().splitlines()]


# --- metrics.jsonl ------------------------------------------------------------------------------------------


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


# --- When a tracker is told what ----------------------------------------------------------------------------


class Heard:
    """A tracker that keeps all it is told."""

    name = "heard"

    def __init__(self, fails=lambda step: False, fails_to_close=False):
        self.steps, self.changes, self.pictures = [], [], []
        self.flushed, self.closed = 0, False
        self._fails, self._fails_to_close = fails, fails_to_close

    def measured(self, measured):
        if self._fails(measured.step):
            raise OSError(f"no answer.\nAt step {measured.step}")
        self.steps.append(measured.step)

    def changed(self, change):
        self.changes.append(change)

    def pictured(self, step, picture):
        self.pictures.append((step, picture))

    def flush(self):
        self.flushed = len(self.steps)

    def close(self):
        if self._fails_to_close:
            raise RuntimeError
        self.closed = True


class EveryFinishedWall:
    """The slow way: looks at every step, and sees each last row being drawn."""

    def __init__(self):
        self.walls, self._before = [], 0

    def wants(self, step):
        return True

    def show(self, snapshot):
        fresh = int(snapshot.frame.get("fresh", 0))
        if fresh == 6 != self._before:
            self.walls.append((snapshot.step, snapshot.frame["wall"]))
        self._before = fresh

    def changed(self, change): ...

    def close(self, last): ...


def train(steps, *consumers, edit_at=None, **controls):
    asked = {**TINY, "batch_size": 8, "warm_up": 5, "learning_rate": 0.02, **controls}
    job = Train(PixelCNNLesson(stripes()), PixelCNNControls(**asked), Limit(steps=steps))
    runner = Runner(job, consumers)
    if edit_at is not None:
        runner.edit(edit_at)
    runner.run(until_limit=True)
    return job


@pytest.mark.parametrize("wall_every", [1, 6, 7, 10, 17, 50])
def test_every_wall_is_shown_once_as_soon_as_it_is_finished(wall_every):
    heard, slow = Heard(), EveryFinishedWall()
    train(120, Tracked(heard, walls=Walls(6, lambda wall: wall)), slow, wall_every=wall_every)
    assert len(slow.walls) > 1
    different = slow.walls[:1] + [
        b for a, b in itertools.pairwise(slow.walls) if not np.array_equal(a[1], b[1])
    ]
    assert [step for step, _ in heard.pictures] == [step for step, _ in different]
    assert all((a == b).all() for (_, a), (_, b) in zip(heard.pictures, different, strict=True))


def test_walls_are_seen_without_many_looks():
    tracked, looks = Tracked(Heard(), walls=Walls(20, lambda wall: wall)), 0
    wall = np.zeros((1, 20, 2, 1), np.uint8)
    for step in range(1, 1001):
        if tracked.wants(step):
            looks += 1
            frame = {"wall": wall + step // 50, "fresh": np.array(min(20, step % 50 + 1))}
            tracked.show(Snapshot("pixelcnn", step, 0.0, frame, {}))
    assert looks < 150


def test_metrics_are_told_at_a_stride_and_at_the_end():
    heard = Heard()
    train(50, Tracked(heard))
    assert heard.steps == [1, 21, 41, 50] and not heard.pictures
    assert heard.flushed == 4 and heard.closed


def test_a_run_that_had_come_to_its_end_already_is_not_measured_again():
    heard = Heard()
    train(0, Tracked(heard))
    assert heard.steps == [] and heard.closed


def test_a_change_is_told_and_its_effect_seen_at_once():
    heard = Heard()
    tracked = Tracked(heard)
    for step in range(1, 40):
        if step == 30:
            tracked.changed(Change(29, "controls", {"clip": 2.0}))
        if tracked.wants(step):
            tracked.show(shot(step))
    tracked.close(shot(39))
    assert heard.steps == [1, 21, 30, 39]
    assert [(c.step, c.values) for c in heard.changes] == [(29, {"clip": 2.0})]


def test_it_goes_on_after_a_step_back():
    heard = Heard()
    tracked = Tracked(heard)
    for step in (*range(1, 30), *range(1, 30)):
        if step == 1:
            tracked.changed(Change(0, "start over"))
        if tracked.wants(step):
            tracked.show(shot(step))
    tracked.close(shot(29))
    assert heard.steps == [1, 21, 1, 21, 29]


def test_a_tracker_that_fails_is_told_once_and_dropped_and_all_else_goes_on():
    failing, sound, told = Heard(fails=lambda step: step > 20), Heard(), []
    first = Tracked(failing, told.append)
    job = train(100, first, Tracked(sound), wall_every=0, edit_at=SetControls({"clip": 2.0}))
    assert job.step_count == 100
    assert sound.steps[-1] == 100 and sound.closed
    assert failing.steps == [1] and not failing.closed and not first.wants(3000)
    assert told == ["heard tracks no longer: no answer. The run goes on without it."]


def test_nobody_waits_for_a_tracker_that_is_gone():
    told = []
    tracked = Tracked(Heard(fails=lambda step: True), told.append)
    for step in range(1, 20_000):
        tracked.show(shot(step))
        tracked.changed(Change(step, "paint"))
    tracked.close(shot(20_000))
    assert len(told) == 1


def test_a_tracker_that_cannot_close_is_told_of():
    told = []
    train(3, Tracked(Heard(fails_to_close=True), told.append))
    assert told == ["heard tracks no longer: RuntimeError. The run goes on without it."]


def test_a_tracker_that_never_ends_is_left_alone(monkeypatch):
    monkeypatch.setattr(trackers, "CLOSE_SECONDS", 0.05)
    answer, told = threading.Event(), []
    heard = Heard(fails=lambda step: not answer.wait(100))
    tracked = Tracked(heard, told.append)
    tracked.show(shot(1))
    tracked.close(shot(1))
    assert len(told) == 1 and "left alone" in told[0] and not heard.closed
    answer.set()


def test_a_worker_that_fails_goes_on_taking_what_it_is_given():
    failed = []

    def work(batches):
        raise ValueError(next(batches))

    worker = Worker("failing", work, failed.append)
    for item in range(2000):  # far more than it holds
        worker.put(item)
    assert worker.close() and len(failed) == 1


def test_a_worker_that_hangs_with_its_hands_full_can_be_left_alone():
    hang, got = threading.Event(), threading.Event()

    def work(batches):
        next(batches)
        got.set()
        hang.wait(100)

    worker = Worker("hanging", work, lambda error: None)
    worker.put(0)
    assert got.wait(100)
    for item in range(256):  # as many as it holds
        worker.put(item)
    assert not worker.close(timeout=0.01)
    hang.set()


# --- Which there are ----------------------------------------------------------------------------------------


def without(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)  # what Python does where a package is not to be had


@pytest.mark.parametrize("wrong", ["tensorbord", "", "wandb,", "mlflow tensorboard"])
def test_an_unknown_tracker_is_told_in_one_sentence(wrong, monkeypatch, capsys):
    fake_trackers.wandb(monkeypatch)
    assert main(["train", "pixelcnn", "--track", wrong]) == 2
    told = capsys.readouterr().err.strip()
    assert "There is no tracker" in told and all(name in told for name in NAMES) and "\n" not in told
    assert not Path("output").exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", [["train", "pixelcnn"], ["fit", "synthetic:lines-3"]], ids=str)
def test_a_missing_package_is_told_with_the_command_that_brings_it(name, command, monkeypatch, capsys):
    without(monkeypatch, name)
    assert main([*command, "--track", name]) == 2
    told = capsys.readouterr().err.strip()
    assert f"pip install 'scalefree-studio[{name}]'" in told and "\n" not in told
    assert not Path("output").exists()


def test_a_package_that_is_not_sound_is_told_in_one_sentence(monkeypatch):
    def broken(name, real=importlib.import_module):
        if name.endswith("tracker_wandb"):
            raise TypeError("Descriptors cannot be created directly.\nPlease do something.")
        return real(name)

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(UserError, match=r"^wandb cannot be used: Descriptors cannot be created directly\.$"):
        tracker_names("wandb")


def test_a_tracker_that_cannot_start_ends_it_before_it_begins(monkeypatch, tmp_path):
    fake_trackers.wandb(monkeypatch)

    def init(**asked):
        raise RuntimeError("api_key not configured (no-tty).\nCall wandb login.")

    monkeypatch.setattr(sys.modules["wandb"], "init", init)
    with pytest.raises(UserError, match=r"^wandb cannot start: api_key not configured \(no-tty\)\.$"):
        start_trackers(["wandb"], Begin(tmp_path, 0, {}))


def test_trackers_are_named_with_commas_or_again_and_each_begins_once(monkeypatch):
    writers, servers = fake_trackers.tensorboard(monkeypatch), fake_trackers.mlflow(monkeypatch)
    asked = ["--track", "mlflow, tensorboard", "--track", "tensorboard"]
    assert main(["train", "pixelcnn", *FLAGS, "--steps", "3", "--out", "run", *asked]) == 0
    assert len(writers) == 1 and len(servers) == 1


# --- Each of them: what it has at last ----------------------------------------------------------------------

CONTROLS = {"levels": 16, "learning_rate": 0.001, "labelled": True}
PICTURE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def tell(name, folder, begin_at=0, steps=(20, 40)):
    """A run of a few steps, with a wall and a change."""
    service = importlib.import_module(f"scalefree_studio.storage.tracker_{name}").Service
    tracker = service(Begin(folder, begin_at, CONTROLS))
    for step in steps:
        tracker.measured(Measured(step, step / 10, {"loss": 1 / step, "held_out": 0.5}))
    tracker.changed(Change(steps[-1], "controls", {"learning_rate": 0.5, "labelled": False}))
    tracker.pictured(steps[-1], PICTURE)
    tracker.flush()
    tracker.close()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "a rün #1"
    path.mkdir()
    return path


def reader(name, read_fake, read_real):
    """A fixture: what reads back what was told, to one that stands for the package and to the package itself."""

    @pytest.fixture(name=name, params=["fake", "real"])
    def read(request, monkeypatch, folder):
        if request.param == "fake":
            told = getattr(fake_trackers, name)(monkeypatch)
            return lambda: read_fake(told, folder)
        pytest.importorskip(name)
        return lambda: read_real(folder)

    return read


def read_fake_tensorboard(writers, folder):
    """Tag → (step, value), in the order in which they were written."""
    read = {}
    for writer in writers:
        assert writer.folder == str(folder / "tensorboard") and writer.closed
        for event in writer.events:
            if hasattr(event, "session_log"):  # purges what was further than this
                read = {tag: [v for v in values if v[0] < event.step] for tag, values in read.items()}
                continue
            for value in event.summary.value:
                said = getattr(value, "simple_value", None)
                if hasattr(value, "image"):
                    said = value.image.encoded_image_string
                elif hasattr(value, "tensor"):
                    assert value.metadata.plugin_data.plugin_name == "text"
                    said = value.tensor.string_val[0]
                read.setdefault(value.tag, []).append((event.step, said))
    return read


def read_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), {"scalars": 0, "images": 0, "tensors": 0}).Reload()
    tags = events.Tags()
    read = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    read |= {tag: [(e.step, e.encoded_image_string) for e in events.Images(tag)] for tag in tags["images"]}
    return read | {
        tag: [(e.step, e.tensor_proto.string_val[0]) for e in events.Tensors(tag)] for tag in tags["tensors"]
    }


tensorboard = reader("tensorboard", read_fake_tensorboard, read_tensorboard)


def test_tensorboard_has_curves_pictures_and_words(tensorboard, folder):
    tell("tensorboard", folder)
    read = tensorboard()
    assert [step for step, _ in read["loss"]] == [20, 40]
    assert [value for _, value in read["loss"]] == pytest.approx([1 / 20, 1 / 40])
    assert read["controls/learning_rate"] == [(40, 0.5)] and read["controls/labelled"] == [(40, 0.0)]
    [(step, png)] = read["samples"]
    with Image.open(io.BytesIO(png)) as image:
        assert step == 40 and (np.array(image) == PICTURE).all()
    [(step, text)] = read["controls/text_summary"]
    assert step == 0 and json.loads(text) == CONTROLS
    [(step, text)] = read["changed/text_summary"]
    assert step == 40 and json.loads(text)["learning_rate"] == 0.5


def test_tensorboard_forgets_what_a_resumed_run_measures_again(tensorboard, folder):
    tell("tensorboard", folder, steps=(20, 40, 60))
    tell("tensorboard", folder, begin_at=45, steps=(46, 66))
    assert [step for step, _ in tensorboard()["loss"]] == [20, 40, 46, 66]


def read_fake_mlflow(servers, folder):
    [(uri, server)] = servers.items()
    assert uri == f"sqlite:///{folder.as_posix()}/mlflow/mlflow.sqlite"
    assert server.experiments == {"scalefree-studio": (folder / "mlflow").as_uri()}
    return [
        {
            "name": run.name, "status": run.status, "params": run.params, "tags": run.tags,
            "loss": [(m.step, m.value) for m in run.metrics if m.key == "loss"],
            "rate": [(m.step, m.value) for m in run.metrics if m.key == "controls/learning_rate"],
            "pictures": [(step, image) for step, key, image in run.images if key == "samples"],
        }
        for run in server.runs.values()
    ]  # fmt: skip


def read_mlflow(folder):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder.as_posix()}/mlflow/mlflow.sqlite")

    def curve(run, name):
        return [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]

    def pictures(run):
        for path in sorted(
            (folder / "mlflow" / run.info.run_id / "artifacts" / "images").glob("samples*.png")
        ):
            with Image.open(path) as image:
                yield int(path.name.replace("%", "+").split("+")[2]), np.array(image)

    [experiment] = [e for e in client.search_experiments() if e.name == "scalefree-studio"]
    return [
        {
            "name": run.info.run_name, "status": run.info.status, "params": run.data.params,
            "tags": run.data.tags, "loss": curve(run, "loss"), "rate": curve(run, "controls/learning_rate"),
            "pictures": list(pictures(run)),
        }
        for run in client.search_runs([experiment.experiment_id])
    ]  # fmt: skip


mlflow = reader("mlflow", read_fake_mlflow, read_mlflow)


def test_mlflow_has_params_curves_pictures_and_changes_in_a_store_of_its_own(mlflow, folder):
    tell("mlflow", folder)
    [run] = mlflow()
    assert run["name"] == "a rün #1" and run["status"] == "FINISHED"
    assert run["params"] == {"levels": "16", "learning_rate": "0.001", "labelled": "True"}
    assert run["loss"] == [(20, 1 / 20), (40, 1 / 40)] and run["rate"] == [(40, 0.5)]
    [(step, picture)] = run["pictures"]
    assert step == 40 and (picture == PICTURE).all()
    assert json.loads(run["tags"]["step 40"])["labelled"] is False
    assert {p.name for p in folder.iterdir()} <= {"mlflow", RUNS} and len(list(folder.parent.iterdir())) == 1


def test_mlflow_goes_on_with_the_run_that_it_knows(mlflow, folder):
    tell("mlflow", folder)
    tell("mlflow", folder, begin_at=40, steps=(60,))
    [run] = mlflow()
    assert [step for step, _ in run["loss"]] == [20, 40, 60] and run["status"] == "FINISHED"


@pytest.mark.parametrize("damaged", ['{"mlflow": "gone"}', '{"mlflow": 3}', "[]", "{"])
def test_mlflow_begins_a_run_where_it_does_not_know_the_one_before(mlflow, folder, damaged):
    (folder / RUNS).write_text(damaged)
    tell("mlflow", folder)
    assert len(mlflow()) == 1
    tell("mlflow", folder, begin_at=40, steps=(60,))
    assert len(mlflow()) == 1


@pytest.mark.parametrize(
    ("set_by_a_person", "expected"), [({}, "true"), ({"MLFLOW_DISABLE_TELEMETRY": "no"}, "no")]
)
def test_mlflow_tells_nobody_else_from_the_moment_it_is_imported(tmp_path, set_by_a_person, expected):
    """A package on disk, which notes how it finds the world."""
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text(
        "import os\nprint(os.environ['MLFLOW_DISABLE_TELEMETRY'])"
    )
    (tmp_path / "mlflow" / "entities.py").write_text("Metric = Param = RunTag = None")
    (tmp_path / "mlflow" / "exceptions.py").write_text("MlflowException = Exception")
    here = {n: v for n, v in os.environ.items() if n != "MLFLOW_DISABLE_TELEMETRY"} | set_by_a_person
    here["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-c", "import scalefree_studio.storage.tracker_mlflow"]
    done = subprocess.run(command, env=here, capture_output=True, text=True)
    assert done.stdout.strip() == expected, done.stderr


def test_mlflow_goes_where_a_person_says(monkeypatch, folder):
    servers = fake_trackers.mlflow(monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    tell("mlflow", folder)
    assert servers["http://tracking.example"].experiments == {"mine": None}
    assert not (folder / "mlflow").exists()


def test_mlflow_is_told_much_at_once(monkeypatch, folder):
    servers = fake_trackers.mlflow(monkeypatch)
    tell("mlflow", folder, steps=range(1, 1501))
    [server] = servers.values()
    assert len(server.runs["run0"].metrics) == 2 * 1500 + 2


def test_wandb_has_config_curves_pictures_and_changes(monkeypatch, folder):
    runs = fake_trackers.wandb(monkeypatch)
    tell("wandb", folder)
    [run] = runs
    assert run.finished and run.values == CONTROLS
    assert run.axes == {"*": "step"}, "its own step cannot go back"
    assert run.logged[:2] == [{"step": s, "loss": 1 / s, "held_out": 0.5} for s in (20, 40)]
    assert run.logged[2]["step"] == 40 and run.logged[2]["controls/learning_rate"] == 0.5
    assert json.loads(run.logged[2]["changed"])["labelled"] is False
    kind, picture = run.logged[3]["samples"]
    assert run.logged[3]["step"] == 40 and kind == "image" and (picture == PICTURE).all()


def test_wandb_stays_in_the_run_folder_and_quiet(monkeypatch, folder):
    runs = fake_trackers.wandb(monkeypatch)
    tell("wandb", folder)
    asked = runs[0].asked
    assert asked["mode"] == "offline" and asked["dir"] == str(folder) and asked["name"] == "a rün #1"
    assert asked["settings"].silent and asked["settings"].console == "off"


@pytest.mark.parametrize("setting", [{"WANDB_MODE": "online"}, {"WANDB_API_KEY": "secret"}], ids=str)
def test_wandb_goes_where_a_person_says(monkeypatch, folder, setting):
    runs = fake_trackers.wandb(monkeypatch)
    for name, value in {**setting, "WANDB_PROJECT": "mine"}.items():
        monkeypatch.setenv(name, value)
    tell("wandb", folder)
    assert runs[0].asked["mode"] is None and runs[0].asked["project"] == "mine"


def test_wandb_goes_on_with_the_run_before(monkeypatch, folder):
    runs = fake_trackers.wandb(monkeypatch)
    tell("wandb", folder)
    tell("wandb", folder, begin_at=40, steps=(60,))
    assert [run.id for run in runs] == ["id0", "id0"]
    assert runs[1].asked["resume"] is None, "wandb would warn that it does not resume offline"
    monkeypatch.setenv("WANDB_MODE", "online")
    tell("wandb", folder, begin_at=60, steps=(80,))
    assert runs[2].id == "id0" and runs[2].asked["resume"] == "allow"


def test_the_real_wandb_leaves_an_offline_run(folder):
    pytest.importorskip("wandb")
    here = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    code = "import sys, pathlib, test_trackers as t; t.tell('wandb', pathlib.Path(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=here, check=True
    )  # all is on disk at its end
    [path] = (folder / "wandb").glob("offline-run-*/*.wandb")
    for said in (b"held_out", b"controls/learning_rate", b"a r\xc3\xbcn #1"):
        assert said in path.read_bytes()
    [picture] = (folder / "wandb").glob("offline-run-*/files/media/images/samples_*.png")
    with Image.open(picture) as image:
        assert (np.array(image) == PICTURE).all()


# --- The commands -------------------------------------------------------------------------------------------


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


def test_train_shows_its_walls(monkeypatch, capsys):
    writers = fake_trackers.tensorboard(monkeypatch)
    asked = [*FLAGS, "--steps", "30", "--wall-every", "12", "--out", "run", "--track", "tensorboard"]
    assert main(["train", "pixelcnn", *asked]) == 0
    pictures = read_fake_tensorboard(writers, Path("run"))["samples"]
    assert [step for step, _ in pictures] == [19]
    with Image.open(io.BytesIO(pictures[0][1])) as image:
        assert image.size == (639, 639), "64 digits, 8 × 8, with a pixel between, nine times as large"


def test_fit_writes_metrics_and_what_a_resume_changes(monkeypatch, capsys):
    writers = fake_trackers.tensorboard(monkeypatch)
    small = ["--lines", "3", "--hidden", "4", "--batch-size", "64", "--start", "random", "--downscale", "8"]
    assert main(["fit", "synthetic:lines-3", *small, "--steps", "30", "--out", "run"]) == 0
    assert [line["step"] for line in lines("run")] == [1, 21, 30] and "psnr" in lines("run")[0]
    resume = ["--resume", "--out", "run", "--steps", "40", "--learning-rate", "0.1", "--track", "tensorboard"]
    assert main(["fit", *resume]) == 0
    assert lines("run")[3] == {"step": 30, "what": "controls", "changed": {"learning_rate": 0.1}}
    assert [step for step, _ in read_fake_tensorboard(writers, Path("run"))["psnr"]] == [31, 40]


def test_the_terminal_stays_clean(tmp_path):
    """With the real ones: nothing but the progress on stderr, nothing but the result on stdout."""
    for name in NAMES:
        pytest.importorskip(name)
    here = {n: v for n, v in os.environ.items() if n not in SETTINGS}
    here |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "scalefree_studio", "train", "pixelcnn", *FLAGS, "--steps", "25"]
    for extra in ([], ["--resume", "--steps", "30", "--learning-rate", "0.1"]):
        asked = ["--out", "run", "--wall-every", "10", "--json", "--track", ",".join(NAMES), *extra]
        done = subprocess.run([*command, *asked], cwd=tmp_path, env=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["steps"] == (30 if extra else 25)
        assert all(part.startswith("digits ") for part in done.stderr.replace("\n", "\r").split("\r") if part)
    assert len(list((tmp_path / "run" / "tensorboard").iterdir())) == 2
