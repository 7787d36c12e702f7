"""Weights & Biases: into the run folder, to be sent with `wandb sync`, unless WANDB_MODE or WANDB_API_KEY say that it
is to be sent at once."""

from __future__ import annotations

import os
from typing import Any

from ..snapshot import Bytes, Change
from .history import Measured
from .tracker import PROJECT, SAMPLES, Begin, numbers_of, prefer, text_of

prefer(WANDB_ERROR_REPORTING="false")

import wandb  # noqa: E402


class WeightsAndBiases:
    name = "wandb"

    def __init__(self, begin: Begin):
        told = "WANDB_MODE" in os.environ or "WANDB_API_KEY" in os.environ
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=os.environ.get("WANDB_NAME", begin.name),
            id=begin.called(self.name),
            resume="allow" if told else None,  # offline it is one by its id
            dir=str(begin.folder.resolve()),
            mode=None if told else "offline",
            settings=wandb.Settings(silent=True, console="off"),  # the terminal is ours
        )
        begin.call(self.name, self._run.id)
        self._run.config.update(dict(begin.controls), allow_val_change=True)
        # Its own step only rises, and ours may go back: after a resume, after a start over.
        self._run.define_metric("*", step_metric="step")

    def measured(self, measured: Measured) -> None:
        self._run.log({"step": measured.step, **measured.metrics})

    def changed(self, change: Change) -> None:
        self._run.log({"step": change.step, "changed": text_of(change), **numbers_of(change)})

    def pictured(self, step: int, picture: Bytes) -> None:
        self._run.log({"step": step, SAMPLES: wandb.Image(picture)})

    def flush(self) -> None: ...

    def close(self) -> None:
        self._run.finish()


Service = WeightsAndBiases
