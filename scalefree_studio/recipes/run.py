"""Runs a recipe step by step. What is up to date is skipped; what was begun is gone on with, exactly."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..controls import ControlError, controls_of, edited, values_of
from ..data.datasets import load_dataset
from ..data.download import Progress
from ..data.shards import HEADER
from ..data.sources import Dataset
from ..data.validation import load_validation
from ..encodings import encode_dataset
from ..errors import UserError
from ..files import write_errors
from ..jobs.instruments import lessons
from ..jobs.recipes.plan import PICTURES, SHARDS, Step, codec_step, place_of
from ..jobs.recipes.recipe import Recipe
from ..jobs.training.train import Train
from ..runs import Recording, choose_device, results_of, run_to_end
from ..storage.run_folder import MODEL, RunFolder, free_folder
from .found import keep_recipe
from .pictures import draw_pictures
from .states import DONE, LEARNING, STALE, Record, StepState, made_of, states

EARLIER = "earlier"  # where runs of other settings go


class Running:
    """A recipe in its folder, with what is needed to go on with it."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        *,
        data_root: Path | None = None,
        device: str = "auto",
        progress: Progress | None = None,
        say: Callable[[str], None] = lambda sentence: None,
        bars: bool = False,
    ):
        self.recipe, self.folder = recipe, folder
        self.data_root, self.device = data_root, choose_device(device)
        self.progress, self.say, self.bars = progress, say, bars
        self._place = RunFolder(folder)
        self._writing = threading.Lock()

    def states(self) -> tuple[StepState, ...]:
        return states(self.recipe, self.folder)

    def state(self, name: str) -> StepState:
        for state in self.states():
            if state.name == name:
                return state
        raise UserError(f"The recipe {self.recipe.name} has no step {name!r}.")

    def run(self) -> tuple[StepState, ...]:
        """All steps that are not done, up to the first that is stopped."""
        for state in self.states():
            if self.run_step(state.name).state != DONE:
                break
        return self.states()

    def run_step(self, name: str) -> StepState:
        """One step, to its end or until it is stopped; how it stands then."""
        with self._place:
            self._keep_recipe()
            state = self._ready(name)
            if state.state == DONE:
                return state
            if state.step.learning is not None:
                self._learn(state)
            else:
                self._clear(state)
                self._begin(state, {})
                (self._make_shards if name == SHARDS else self._draw)(state.step)
            return self.state(name)

    def hold(self) -> None:
        """Keep everybody else from writing in the folder, until `release`."""
        self._place.hold()

    def release(self) -> None:
        self._place.release()

    def _ready(self, name: str) -> StepState:
        """How a step stands whose steps before are done; else a UserError."""
        state = self.state(name)
        missing = [need for need in state.step.needs if self.state(need).state != DONE]
        if missing:
            raise UserError(f"The step {name} needs {' and '.join(missing)}, which is not done.")
        return state

    # Trainings.

    def job_of(
        self, name: str, progress: Progress | None = None, as_is: bool = False
    ) -> tuple[Train[Any, Any], RunFolder]:
        """The training of a step, begun, to go on with, or at its end, and where it is kept. Who runs it to its end
        says so by `finish`. One that was set otherwise by hand begins anew, unless it is wanted as it is."""
        with self._place:
            state = self._ready(name)
            if state.step.learning is None:
                raise UserError(f"The step {name} is not a training.")
            try:
                return self._job(state, progress or self.progress, as_is), RunFolder(state.folder)
            except ControlError as error:
                raise UserError(f"{self.recipe.name}, {name}: {error}") from None

    def _job(self, state: StepState, progress: Progress | None, as_is: bool) -> Train[Any, Any]:
        step, learning = state.step, state.step.learning
        assert learning is not None
        lesson, folder = lessons()[learning.kind], RunFolder(state.folder)
        going_on = state.state in (LEARNING, DONE) or (as_is and state.changed)
        begun = going_on and folder.model_path.exists()
        if not begun:
            self._keep_recipe()
            self._clear(state)
        dataset = self._dataset(step, progress)
        if begun:
            checkpoint = folder.checkpoint()
            lesson.check_kind(checkpoint)
            return Train.from_checkpoint(checkpoint, lesson(dataset), self.device, progress=progress)
        controls = edited(lesson.controls(), {**learning.controls, **self._settled(step)})
        job: Train[Any, Any] = Train(
            lesson(dataset), controls, learning.limit, self.device, progress=progress
        )
        limit = {"steps": job.limit.steps, "seconds": job.limit.seconds}
        self._begin(state, {"limit": limit, "controls": values_of(job.controls)})
        folder.describe(sys.argv, dataset=dataset.spec, seed=controls.seed, controls=values_of(job.controls))
        return job

    def _settled(self, step: Step) -> dict[str, Any]:
        """Controls that the recipe itself decides."""
        if step.stage is not None:
            assert step.learning is not None
            known = {c.name for c in controls_of(lessons()[step.learning.kind].controls)}
            return {"stage_number": step.stage + 1} if "stage_number" in known else {}
        return {"autoencoder": str(self.folder / step.needs[0] / MODEL)} if step.needs else {}

    def _learn(self, state: StepState) -> None:
        job, folder = self.job_of(state.name)
        for note in job.dataset.notes:
            self.say(note)
        run_to_end(job, Recording(folder), state.step.title if self.bars else "")
        self.finish(state.name, job)

    def finish(self, name: str, job: Train[Any, Any]) -> None:
        """A training has ended: it is done, if its limit was reached."""
        if job.limit.reached(job.step_count, job.seconds):
            folder = RunFolder(self.folder / name)
            found = results_of(job, folder, self.progress)
            files = [folder.model_path, *([Path(found.pop("picture"))] if "picture" in found else [])]
            found.pop("model")
            self._end(name, found, files)

    def _dataset(self, step: Step, progress: Progress | None) -> Dataset:
        if step.stage is not None:
            return load_dataset(self.folder / SHARDS, self.data_root, progress=progress)
        data, root = self.recipe.data, self.data_root
        place = place_of(self.recipe, data.dataset)
        dataset = load_dataset(place, root, data.channels, data.size, progress=progress)
        if data.validation:
            other = place_of(self.recipe, data.validation)
            dataset = load_validation(dataset, other, root, progress=progress)
        return dataset

    # Shards and pictures.

    def _make_shards(self, step: Step) -> None:
        checkpoint = RunFolder(self.folder / codec_step(self.recipe)).checkpoint()
        pictures = self._dataset(step, self.progress)
        total = len(pictures.train) + len(pictures.held)
        self._note(step.name, {"total": total})
        found = encode_dataset(
            checkpoint, pictures, self.folder / SHARDS, device=self.device, progress=self.progress
        )
        for note in found.notes:
            self.say(note)
        files = [self.folder / SHARDS / part / HEADER for part in ("train", "held")]
        metrics = {"train": len(found.train), "held_out": len(found.held), "tokens_a_picture": found.shape[0]}
        self._end(step.name, metrics, [*files, self.folder / SHARDS / MODEL])

    def _draw(self, step: Step) -> None:
        metrics, files = draw_pictures(
            self.recipe, self.folder, self.device, "Drawing" if self.bars else "", self.progress
        )
        self._end(step.name, metrics, files)

    # What is written down of each step.

    def _keep_recipe(self) -> None:
        with self._writing:
            keep_recipe(self.recipe, self.folder)

    def _clear(self, state: StepState) -> None:
        """Before a step is begun anew: runs are laid aside, and shards, which are soon made, go."""
        if state.state == STALE:
            self.say(f"{state.step.title}: what is there was made with other settings, so it is made again.")
        if state.step.name == PICTURES or not state.folder.exists() or state.state == LEARNING:
            return
        with RunFolder(state.folder):
            pass  # nobody is at work in it
        with write_errors(state.folder):
            if state.step.learning is None:
                shutil.rmtree(state.folder)
            else:
                earlier = free_folder(self.folder / EARLIER, state.name)
                earlier.parent.mkdir(exist_ok=True)
                state.folder.rename(earlier)

    def _begin(self, state: StepState, more: dict[str, Any]) -> None:
        made = {"made_of": made_of(state.step, self.folder), "whole": False, **more}
        self._note(state.name, made, anew=state.state != LEARNING)

    def _note(self, name: str, more: dict[str, Any], anew: bool = False) -> None:
        with self._writing:
            record = Record.read(self.folder)
            record.steps[name] = ({} if anew else record.steps.get(name, {})) | more
            record.write()

    def _end(self, name: str, metrics: dict[str, Any], files: list[Path]) -> None:
        named = [str(file.relative_to(self.folder)) for file in files]
        self._note(name, {"whole": True, "metrics": metrics, "files": named})
