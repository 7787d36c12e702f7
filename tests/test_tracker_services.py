"""TensorBoard, MLflow and wandb: what each has at last.

Against stand-ins always, and against the real packages where these are installed."""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import fake_trackers
import numpy as np
import pytest
from PIL import Image
from small_trackers import read_fake_tensorboard

from scalefree_studio.snapshot import Change
from scalefree_studio.storage.history import Measured
from scalefree_studio.storage.tracker import RUNS, Begin

pytestmark = pytest.mark.usefixtures("untold")

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


# -- TensorBoard -------------------------------------------------------------------------------------------------------


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


# -- MLflow ------------------------------------------------------------------------------------------------------------


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


# -- wandb -------------------------------------------------------------------------------------------------------------


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
    code = "import sys, pathlib, test_tracker_services as t; t.tell('wandb', pathlib.Path(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=here, check=True
    )  # all is on disk at its end
    [path] = (folder / "wandb").glob("offline-run-*/*.wandb")
    for said in (b"held_out", b"controls/learning_rate", b"a r\xc3\xbcn #1"):
        assert said in path.read_bytes()
    [picture] = (folder / "wandb").glob("offline-run-*/files/media/images/samples_*.png")
    with Image.open(picture) as image:
        assert (np.array(image) == PICTURE).all()
