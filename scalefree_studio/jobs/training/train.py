"""Train any network on any data set. A step is one batch, and a little of what the training shows of itself: a row of
samples, a batch of held-out examples."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

import torch

from ...controls import ControlError, differing, edited, named_in_words, values_of
from ...data.batches import Batches
from ...data.download import Progress
from ...data.sources import Dataset
from ...errors import JobError, UserError
from ...snapshot import Array, Change, Checkpoint, Segment, Snapshot, frozen_all
from ..job import Edit, GoOn, Limit, Redo, SetControls, StartOver, Told, Undo
from ..memory import OutOfMemoryError, within_memory
from ..undo import Reverse, Step, UndoStack
from .foresight import BYTES, fitted
from .lesson import C, Display, Lesson, Moment, N
from .ranks import Ranks
from .trainer import Trainer
from .weights import arrays_of

# Steps until and between passes over held-out examples, if an epoch has more.
FIRST_PASS, PASS_EVERY = 20, 200
WARMING = 0.2  # of a run of few steps, at most
SMOOTH = 0.1  # of the speed
SHOW_LESS = "samples are drawn from this network too; draw them less often, or not at all"


@dataclass
class Attempt(Generic[C, N]):
    """All that begins anew when a training starts over."""

    trainer: Trainer[C, N]
    batches: Batches
    display: Display[N] | None
    segment: Segment
    step: int = 0
    seconds: float = 0.0
    rate: float = 0.0  # steps a second
    stopped_early: bool = False
    origin: object = field(default_factory=object)  # shared with those that it replaced before they learnt


class Train(Told, Generic[C, N]):
    """The job. A lesson says what is learnt."""

    def __init__(
        self,
        lesson: Lesson[C, N],
        controls: C | None = None,
        limit: Limit | None = None,
        device: str = "cpu",
        ranks: Ranks | None = None,
        progress: Progress | None = None,
    ):
        """`progress` is told of what takes long until it can begin; when it starts over, nobody is."""
        self.lesson, self.kind = lesson, lesson.kind
        self._limit = limit or Limit()
        self.device, self.ranks = torch.device(device), ranks or Ranks()
        self.past, self._segments = UndoStack(), itertools.count()
        lesson.progress = progress
        try:
            self._controls: C = fitted(lesson, controls or lesson.suited(), self.device)
            self.start()
        finally:
            lesson.progress = None

    def start(self) -> None:
        """Forget everything learnt and begin."""
        try:
            self.now = within_memory(self._begun, self.lesson.advice)
            return
        except OutOfMemoryError:
            self.past.forget()  # it keeps earlier attempts where there is no room for them
        self.now = within_memory(self._begun, self.lesson.advice)

    def _begun(self) -> Attempt[C, N]:
        c, lesson = self._controls, self.lesson
        trainer = Trainer(lesson, c, self.device, self.ranks)
        batches = Batches(len(lesson.dataset.train), c.batch_size, c.seed)
        return Attempt(trainer, batches, lesson.display(c, self.device), Segment(next(self._segments)))

    @property
    def trainer(self) -> Trainer[C, N]:
        return self.now.trainer

    @property
    def dataset(self) -> Dataset:
        """What it learns from, as it has been prepared."""
        return self.trainer.dataset

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.lesson.title} on {self.lesson.dataset.name}"

    @property
    def controls(self) -> C:
        return self._controls

    @property
    def step_count(self) -> int:
        return self.now.step

    @property
    def size(self) -> tuple[int, int]:
        numbers = self.lesson.count_numbers(self.trainer.network)
        return numbers, BYTES * numbers

    @property
    def seconds(self) -> float:
        return self.now.seconds

    @property
    def segment(self) -> Segment:
        return self.now.segment

    @property
    def epoch(self) -> int:
        return self.now.batches.epoch

    @property
    def epochs(self) -> int | None:
        """How many it learns; None where something else ends it."""
        return self._controls.epochs if self._limit == Limit() else None

    @property
    def limit(self) -> Limit:
        """As asked for, or the end of the last epoch; or here, where more epochs have stopped helping."""
        if self.now.stopped_early:
            return Limit(steps=self.step_count)
        c = self._controls
        epochs = Limit(steps=math.ceil(c.epochs * len(self.lesson.dataset.train) / c.batch_size))
        return epochs if self._limit == Limit() else self._limit

    @property
    def rest(self) -> float:
        return math.inf if self.limit.reached(self.step_count, self.seconds) else 0.0

    @property
    def progress(self) -> float:
        """How much of the way has been gone, in [0, 1]."""
        return min(1.0, self.limit.progress(self.step_count, self.seconds))

    def learning_rate(self) -> float:
        c = self._controls
        steps = self.limit.steps
        warm_up = c.warm_up if steps is None else min(c.warm_up, steps * WARMING)
        warm = min(1.0, (self.step_count + 1) / max(1, warm_up))
        falling = c.final_rate + (1 - c.final_rate) * (1 + math.cos(math.pi * self.progress)) / 2
        return c.learning_rate * warm * falling

    # One step.

    def step(self) -> None:
        began = time.perf_counter()
        now, epoch = self.now, self.epoch
        self._learn()
        now.step += 1  # made, whatever else fails
        within_memory(lambda: self.lesson.end_step(now.trainer.network, self._controls), self.lesson.advice)
        now.trainer.check_finite(now.step)
        every = FIRST_PASS if math.isnan(now.trainer.held_out) else PASS_EVERY
        if self.epoch > epoch or now.step % every == 0:
            within_memory(now.trainer.begin_held_out_pass, self.lesson.advice)
        within_memory(self._judge, self.lesson.advice)
        if now.display is not None:
            with self.ranks.together():  # where the first cannot show it, the others do not wait
                if self.ranks.first:
                    self._show_on(now.display)
        took = self.ranks.as_first(time.perf_counter() - began)
        now.seconds += took
        now.rate += (1 / took - now.rate) * (SMOOTH if now.rate else 1.0)
        if self.limit.reached(now.step, now.seconds) and not now.stopped_early:
            within_memory(self._judge_the_last, self.lesson.advice)

    def _learn(self) -> None:
        now, place = self.now, self.now.batches.state()
        moment = Moment(now.step, self.epoch, self.progress)

        def learn() -> None:
            self.lesson.begin_step(now.trainer.network, self._controls, moment)
            now.trainer.learn(next(now.batches), now.step, self.learning_rate())

        try:
            within_memory(learn, self.lesson.advice)
        except JobError:
            now.batches.restore(place)  # these are still to be learnt from
            raise

    def _judge(self) -> None:
        if self.trainer.judge(self.epoch):
            self._check_patience()

    def _check_patience(self) -> None:
        """Whether more epochs have stopped helping, as far as the networks judged so far say."""
        unhelpful = self.epoch - self.trainer.best_epoch
        self.now.stopped_early = 0 < self._controls.patience <= unhelpful

    def _follow_patience(self) -> None:
        """After a change of controls; while a network is being judged, what comes of that decides."""
        if self.trainer.held_out_pass is None:
            self._check_patience()

    def _judge_the_last(self) -> None:
        """The network at the end of the run, at one go."""
        self.trainer.begin_held_out_pass()
        while self.trainer.held_out_pass is not None:
            self._judge()

    def _show_on(self, display: Display[N]) -> None:
        """A piece more of what is shown, or the first of something new."""
        every = self._controls.wall_every
        if display.busy:
            within_memory(display.advance, SHOW_LESS)
        elif every and self.step_count % every == 0:
            within_memory(lambda: display.begin(self.trainer.used_network()), SHOW_LESS)

    @property
    def pieces(self) -> int:
        """Of which a wall of samples is made, one a step; 0 where nothing is shown."""
        return 0 if self.now.display is None else self.now.display.pieces

    def show_all(
        self, network: N | None = None, progress: Progress | None = None, seconds: float = math.inf
    ) -> Mapping[str, Array]:
        """What is to be seen of the network as it is now, or of another, at one go; nothing where that takes longer."""
        display, done, began = self.now.display, 0, time.monotonic()
        if display is None:
            return {}
        display.begin(network or self.trainer.used_network())
        while display.busy:
            if time.monotonic() - began > seconds:
                return {}
            display.advance()
            done += 1
            if progress:
                progress("Drawing samples", done, max(done + 1, display.pieces))
        if progress:
            whole = max(done, display.pieces)
            progress("Drawing samples", whole, whole)
        return frozen_all(display.frame())

    # What a person sees.

    def snapshot(self) -> Snapshot:
        now, measured = self.now, (float(self.trainer.loss), self.trainer.held_out)
        loss, held_out = (number if math.isfinite(number) else None for number in measured)
        metrics = {"learning_rate": self.learning_rate(), "epoch": float(self.epoch)}
        metrics |= self.lesson.metrics(loss, held_out, self._controls)
        metrics |= self.lesson.counted(now.trainer.network, self._controls)
        if now.rate:
            metrics["steps_per_second"] = now.rate
        frame = {} if now.display is None else now.display.frame()
        return Snapshot(self.kind, now.step, now.seconds, frozen_all(frame), metrics, now.segment)

    def still(self) -> Mapping[str, Array]:
        return {} if self.now.display is None else frozen_all(self.now.display.still())

    # What a person changes.

    def apply(self, edit: Edit) -> Change:
        back = self._way_back()
        values: Mapping[str, Any] = {}
        match edit:
            case SetControls():
                what, values = "controls", dict(edit.values)
                named, now = f"change {named_in_words(self._controls, values)}", self.now
                self._set_controls(values)
                begun = self.now is not now
                if begun and not now.step:
                    self.now.origin = now.origin
                # Moves of a slider are one gesture, but never so that undo passes over what was learnt in between.
                gesture = (tuple(sorted(values)), begun, self.now.origin)
                self.past.add(Step(named, back, gesture, now.trainer.size if begun else 0))
            case StartOver():
                what, size = "start over", self.trainer.size
                self.start()
                self.past.add(Step(what, back, size=size))
            case GoOn():
                what = "keep learning"
                self._go_on()
                self.past.add(Step(what, back))
            case Undo() | Redo():
                what = self.past.take(edit)
            case _:
                raise ControlError(f"Training has no edit {type(edit).__name__}.")
        return Change(self.step_count, what, values)

    def _way_back(self) -> Reverse:
        """To the controls and the network of now, which goes on learning as it is until it is replaced."""
        controls, now, limit = self._controls, self.now, self._limit

        def reverse() -> Reverse:
            again = self._way_back()
            self._controls, self.now, self._limit = controls, now, limit
            now.trainer.set_controls(controls)
            self._follow_patience()
            return again

        return reverse

    def _set_controls(self, values: Mapping[str, Any]) -> None:
        new: C = fitted(self.lesson, edited(self._controls, values), self.device)
        if all(c.live for c, _ in differing(self._controls, new)):
            self.trainer.set_controls(new)
            self._controls = new
            self._follow_patience()
        else:
            before, self._controls = self._controls, new
            try:
                self.start()
            except (ControlError, JobError):
                self._controls = before
                raise
            except UserError as error:  # there is no room on the disk for what is made of the data set
                self._controls = before
                raise JobError(str(error)) from None

    def _go_on(self) -> None:
        """After the end, for as long again; or to the end, where more epochs had stopped helping."""
        if not self.rest:
            raise ControlError("It has not finished yet.")
        if self.now.stopped_early:
            self._set_controls({"patience": 0})
        if not self.rest:
            return
        c, steps, seconds = self._controls, self._limit.steps, self._limit.seconds
        if self._limit == Limit():
            learnt = self.step_count * c.batch_size // len(self.lesson.dataset.train)
            self._set_controls({"epochs": learnt + c.epochs})
        else:
            self._limit = Limit(steps and self.step_count + steps, seconds and self.seconds + seconds)

    # What is kept.

    def _said(self) -> dict[str, Any]:
        return {**self.lesson.about(), **self.lesson.about_beside(self._controls)}

    def network_now(self) -> Checkpoint:
        """The network of this step, which need not be the best one: for use, not to go on from."""
        about = {"controls": values_of(self._controls), **self._said(), "seconds": self.seconds}
        model = arrays_of(self.trainer.weights()) | self.lesson.beside(self._controls)
        return Checkpoint(self.kind, self.step_count, about, frozen_all(model), {})

    def checkpoint(self) -> Checkpoint:
        now = self.now
        learnt, arrays = now.trainer.state()
        about = {
            "controls": values_of(self._controls),
            **self._said(),
            "limit": {"steps": self._limit.steps, "seconds": self._limit.seconds},
            "seconds": now.seconds,
            "batches": now.batches.state(),
            **learnt,
        }
        if now.display is not None:
            arrays = {**now.display.saved(), **arrays}  # whatever it calls its own, the trainer's stay
        model = now.trainer.kept_weights() | self.lesson.beside(self._controls)
        return Checkpoint(self.kind, now.step, about, frozen_all(model), frozen_all(arrays))

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        lesson: Lesson[C, N],
        device: str = "cpu",
        limit: Limit | None = None,
        edits: Mapping[str, Any] | None = None,
        ranks: Ranks | None = None,
        progress: Progress | None = None,
    ) -> Train[C, N]:
        """Go on from a checkpoint: exactly, if its trainer part is there. `edits` are new values for live controls."""
        about, arrays = checkpoint.about, checkpoint.trainer
        network = lesson.read_network(checkpoint)
        lesson.restore(checkpoint)
        try:
            limit = limit or Limit(**about.get("limit", {}))
            controls: C = edited(lesson.controls_of(checkpoint), edits or {})
            job = cls(lesson, controls, limit, device, ranks, progress)
            job.now.trainer.begin_from(network)
            job.now.step, job.now.seconds = checkpoint.step, float(about["seconds"])
            if arrays:
                job.now.batches.restore(about["batches"])
                job.now.trainer.restore(about, arrays)
                if job.now.display is not None:
                    job.now.display.restore(arrays)
        except ControlError as error:
            raise UserError(str(error)) from None
        except (KeyError, ValueError, RuntimeError, TypeError) as error:
            wrong = str(error).splitlines()[0]
            raise UserError(f"What was saved with the model does not fit it ({wrong}).") from None
        return job
