"""Stand-ins for the packages of the trackers: they take what the real ones take, and keep it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest


class Message:
    """A protocol buffer, as far as one writes it."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


class Fake(ModuleType):
    __path__: list[str] = []


def _installed(monkeypatch: pytest.MonkeyPatch, name: str, **contents) -> None:
    """A module, and the packages it lies in."""
    parts = name.split(".")
    for whole in (".".join(parts[: end + 1]) for end in range(len(parts))):
        if not isinstance(sys.modules.get(whole), Fake):
            monkeypatch.setitem(sys.modules, whole, Fake(whole))
    sys.modules[name].__dict__.update(contents)


def tensorboard(monkeypatch: pytest.MonkeyPatch) -> list[EventFileWriter]:
    """The writers that are opened."""
    writers: list[EventFileWriter] = []

    class Event(Message):
        pass

    class SessionLog(Message):
        START = 1

    class Summary(Message):
        Value = type("Value", (Message,), {})
        Image = type("Image", (Message,), {})

    class SummaryMetadata(Message):
        PluginData = type("PluginData", (Message,), {})

    class TensorShapeProto(Message):
        Dim = type("Dim", (Message,), {})

    def opened(folder):
        writers.append(EventFileWriter(folder))
        return writers[-1]

    proto = "tensorboard.compat.proto"
    _installed(monkeypatch, f"{proto}.event_pb2", Event=Event, SessionLog=SessionLog)
    _installed(monkeypatch, f"{proto}.summary_pb2", Summary=Summary, SummaryMetadata=SummaryMetadata)
    _installed(monkeypatch, f"{proto}.tensor_pb2", TensorProto=Message)
    _installed(monkeypatch, f"{proto}.tensor_shape_pb2", TensorShapeProto=TensorShapeProto)
    _installed(monkeypatch, "tensorboard.summary.writer.event_file_writer", EventFileWriter=opened)
    return writers


class EventFileWriter:
    def __init__(self, folder):
        self.folder, self.events, self.flushed, self.closed = folder, [], 0, False

    def add_event(self, event):
        self.events.append(event)

    def flush(self):
        self.flushed = len(self.events)

    def close(self):
        self.flush()
        self.closed = True


def mlflow(monkeypatch: pytest.MonkeyPatch) -> dict[str, MlflowServer]:
    """The servers that are spoken to, by their address."""
    servers: dict[str, MlflowServer] = {}

    def client(tracking_uri):
        return servers.setdefault(tracking_uri, MlflowServer())

    def metric(key, value, timestamp, step):
        return SimpleNamespace(key=key, value=value, step=step)

    def pair(key, value):
        return SimpleNamespace(key=key, value=value)

    _installed(monkeypatch, "mlflow", MlflowClient=client)
    _installed(monkeypatch, "mlflow.entities", Metric=metric, Param=pair, RunTag=pair)
    _installed(monkeypatch, "mlflow.exceptions", MlflowException=MlflowException)
    return servers


class MlflowException(Exception):  # noqa: N818 – what MLflow calls it
    pass


class MlflowServer:
    def __init__(self):
        self.experiments, self.runs = {}, {}

    def get_experiment_by_name(self, name):
        return SimpleNamespace(experiment_id=name) if name in self.experiments else None

    def create_experiment(self, name, artifact_location):
        self.experiments[name] = artifact_location
        return name

    def create_run(self, experiment, run_name):
        run = f"run{len(self.runs)}"
        self.runs[run] = SimpleNamespace(
            experiment=experiment, name=run_name, status="RUNNING", metrics=[], params={}, tags={}, images=[]
        )
        return SimpleNamespace(info=SimpleNamespace(run_id=run))

    def update_run(self, run, status):
        if run not in self.runs:
            raise MlflowException(f"Run with id={run} not found")
        self.runs[run].status = status

    def log_batch(self, run, metrics=(), params=(), tags=()):
        if len(metrics) > 1000:
            raise MlflowException("A batch logging request can contain at most 1000 metrics.")
        self.runs[run].metrics += metrics
        for param in params:
            if self.runs[run].params.setdefault(param.key, param.value) != param.value:
                raise MlflowException("Changing param values is not allowed.")
        self.runs[run].tags |= {tag.key: tag.value for tag in tags}

    def log_image(self, run, image, key, step, synchronous):
        self.runs[run].images.append((step, key, image))

    def set_terminated(self, run):
        self.runs[run].status = "FINISHED"


def wandb(monkeypatch: pytest.MonkeyPatch) -> list[WandbRun]:
    """The runs that are begun."""
    runs: list[WandbRun] = []

    def init(**asked):
        runs.append(WandbRun(f"id{len(runs)}", asked))
        return runs[-1]

    _installed(monkeypatch, "wandb", init=init, Settings=Message, Image=lambda picture: ("image", picture))
    return runs


class WandbRun:
    def __init__(self, id, asked):
        self.id, self.asked = asked["id"] or id, asked
        self.values, self.logged, self.axes, self.finished = {}, [], {}, False
        self.config = SimpleNamespace(update=self._update)

    def _update(self, values, allow_val_change):
        assert allow_val_change, "a resumed run may have other controls"
        self.values |= values

    def define_metric(self, name, step_metric):
        self.axes[name] = step_metric

    def log(self, values):
        self.logged.append(values)

    def finish(self):
        self.finished = True
