"""MLflow: the server that MLFLOW_TRACKING_URI names, or else a store of its own in the run folder."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from ..snapshot import Bytes, Change
from .history import Measured
from .tracker import PROJECT, SAMPLES, Begin, numbers_of, prefer, text_of

prefer(
    MLFLOW_DISABLE_TELEMETRY="true",
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true",
    MLFLOW_HTTP_REQUEST_MAX_RETRIES="3",  # seconds, not minutes, until a server counts as gone
)

import mlflow  # noqa: E402
from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

FOLDER = "mlflow"
AT_ONCE = 500  # metrics; a server takes no more than 1000
LONGEST = 4000  # characters of a text; a server takes no more than 5000


class MLflow:
    name = "mlflow"

    def __init__(self, begin: Begin):
        for logger in ("mlflow", "alembic"):
            logging.getLogger(logger).setLevel(logging.ERROR)
        uri, artifacts = os.environ.get("MLFLOW_TRACKING_URI"), None
        if not uri:
            uri, artifacts = _own_store(begin.folder.resolve() / FOLDER)
        self._client = mlflow.MlflowClient(tracking_uri=uri)
        self._run = self._go_on(begin) or self._start(begin, artifacts)
        self._waiting: list[Metric] = []

    def _go_on(self, begin: Begin) -> str | None:
        """The run that this folder's was before, if the store knows it."""
        run = begin.called(self.name)
        if run is None:
            return None
        try:
            self._client.update_run(run, status="RUNNING")
        except MlflowException:
            return None
        return run

    def _start(self, begin: Begin, artifacts: str | None) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        known = self._client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else self._client.create_experiment(name, artifacts)
        run = str(self._client.create_run(experiment, run_name=begin.name).info.run_id)
        self._client.log_batch(run, params=[Param(n, str(v)) for n, v in begin.controls.items()])
        begin.call(self.name, run)
        return run

    def measured(self, measured: Measured) -> None:
        self._curve(measured.metrics, measured.step)

    def changed(self, change: Change) -> None:
        """Params cannot be changed: numbers become a curve, and the change as it is a tag."""
        self._curve(numbers_of(change), change.step)
        tag = RunTag(f"step {change.step}", text_of(change)[:LONGEST])
        self._client.log_batch(self._run, tags=[tag])

    def pictured(self, step: int, picture: Bytes) -> None:
        self._client.log_image(self._run, picture, key=SAMPLES, step=step, synchronous=True)

    def flush(self) -> None:
        while self._waiting:
            self._client.log_batch(self._run, metrics=self._waiting[:AT_ONCE])
            del self._waiting[:AT_ONCE]

    def close(self) -> None:
        self.flush()
        self._client.set_terminated(self._run)

    def _curve(self, values: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        self._waiting += [Metric(name, float(value), now, step) for name, value in values.items()]


def _own_store(folder: Path) -> tuple[str, str]:
    """Where numbers go, and where pictures."""
    folder.mkdir(exist_ok=True)
    # MLflow also takes the path as it stands, so no more is quoted than must be.
    database = (folder / "mlflow.sqlite").as_posix().replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{database}", folder.as_uri()


Service = MLflow
