"""Draw pictures place after place, with any sampler: the job behind every wall of pictures that come to be.

A generator draws for the pictures that are furthest behind, until they have caught up with the next ones. Whatever a
person changes, it is made anew: all that stays is its prompt, and the chance in it are the same random numbers. So a
picture does not depend on how fast it is drawn, on who looks, or on how often one goes back and on again.

B pictures of N places (H × W, row by row), C channels, L levels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...controls import ControlError, checked, controls_of, edited, values_of
from ...drawings import KIND, STILL
from ...errors import JobError, UserError
from ...models.pixelcnn.draw import Drawn, Request, uniforms
from ...models.threads import torch_threads
from ...snapshot import Array, Change, Checkpoint, Snapshot, frozen_all
from ..instruments import PREFIX, sampler_of, with_prefix
from ..job import Edit, Limit
from .controls import AT_ONCE, DrawControls
from .editing import Editing
from .sampler import Sampler
from .state import Prompt, State, Turn

SHOWN = 60  # steps a second, as many as a screen shows
STATE = "state."  # of our arrays in a checkpoint


@dataclass
class Generator:
    """One that draws a turn, and how far it is."""

    turn: Turn
    at: int
    steps: Iterator[Drawn]


class DrawPictures:
    """A step draws some places: one where it is slow, a row at the most. `step_count` counts them since the start, and
    those drawn again once more; only a new start sets it back."""

    kind = KIND

    def __init__(self, sampler: Sampler, controls: DrawControls | None = None):
        self.sampler = sampler
        self.seconds = 0.0
        self.watched = 0
        height, width = sampler.size
        places = height * width
        self._told = np.zeros(places, bool)  # of the watched picture
        self._chances = np.zeros((places, sampler.channels, sampler.levels), np.float16)
        self._fresh = 0  # places drawn in the last step, those given not counted
        self._editing = Editing(self)
        self.start(controls or DrawControls(), None)

    # State, and how it starts.

    def start(self, controls: DrawControls, prompt: Prompt | None) -> None:
        """Begin to draw, or refuse controls that the network cannot follow."""
        controls = checked(controls)
        classes = len(self.sampler.classes)
        if controls.label >= classes:
            has = (
                f"has the classes 0 to {classes - 1}"
                if classes
                else "knows no classes; leave the class at -1"
            )
            raise ControlError(f"This model {has}.")
        sampler = self.sampler
        self.adopt(State.begin(controls, prompt, len(self._told), sampler.channels, sampler.levels))

    def again(self) -> DrawPictures:
        """The same drawing, not yet begun."""
        job = DrawPictures(self.sampler, self.controls)
        job.start(self.controls, self.state.prompt)
        return job

    def adopt(self, state: State) -> None:
        """Go on from there. Nothing is known yet of what was thought on the way."""
        c, (height, width), classes = state.controls, self.sampler.size, len(self.sampler.classes)
        self.state = state
        self._uniforms = uniforms(c.count, height, width, self.sampler.channels, c.seed)
        self._labels = torch.arange(c.count) % classes if classes else torch.full((c.count,), -1)
        if c.label >= 0:
            self._labels[:] = c.label
        self.watch(min(self.watched, c.count - 1))

    def watch(self, picture: int) -> None:
        self.watched = picture
        self._told[:] = False
        self.renew()

    def renew(self) -> None:
        """Something has changed: what is known beyond the watched picture's position is void; so is the generator."""
        self._generator: Generator | None = None
        self._told &= self.state.reached()[self.watched]
        self._chances[~self._told] = 0

    @property
    def controls(self) -> DrawControls:
        return self.state.controls

    @property
    def step_count(self) -> int:
        return self.state.step

    @property
    def limit(self) -> Limit:
        """The end of the drawing."""
        return Limit(steps=self.state.step + self.state.places - self.state.behind)

    @property
    def rest(self) -> float:
        speed = self.controls.speed
        if self.state.done:
            return math.inf
        return 0.0 if speed >= AT_ONCE else self._fresh / speed

    # Drawing.

    def step(self) -> None:
        began = time.perf_counter()
        self.within_memory(self._step)
        self.seconds += time.perf_counter() - began

    def within_memory(self, work: Callable[[], None]) -> None:
        """Work in one thread, as the pieces are small; running out of memory is a JobError."""
        try:
            with torch_threads(1):
                work()
            return
        except torch.OutOfMemoryError:
            pass
        except RuntimeError as error:  # what torch raises on the CPU
            if "alloc" not in str(error).lower():
                raise
        self.renew()  # outside of the handlers, which would keep the tensors alive
        raise JobError("Out of memory: draw fewer pictures at a time.")

    def _step(self) -> None:
        """At least one place that was not given, if there is one."""
        width = self.sampler.size[1]
        stride = min(width, math.ceil(self.controls.speed / SHOWN))
        self._fresh = 0
        while not (self._fresh or self.state.done):
            at = self._generator.at if self._generator else self.state.behind
            x = at % width
            self._fresh = self._draw(at + min(stride - x % stride, width - x), stride)
        self.tell()

    def advance(self, to: int) -> None:
        """Draw until all pictures have come to a position."""
        while self.state.behind < to:
            self._draw(to, min(self.sampler.size[1], to - self.state.behind))
        self.tell()

    def _draw(self, to: int, every: int) -> int:
        """Let those that are furthest behind draw as far as `to`, `every` places at a time; how many were drawn."""
        if self._generator is None or self._generator.at >= to:
            self._generator = self._new_generator(every)
        generator, state = self._generator, self.state
        who, start = generator.turn.who, generator.at
        stop = min(to, generator.turn.stop)
        row = (start // self.sampler.size[1] + 1) * self.sampler.size[1]
        if state.given[who, start:row].all():  # the rest of a row: there is nothing to draw
            stop = min(stop, row)
            self._move(generator, stop)
        while generator.at < stop:
            drawn = next(generator.steps)
            end = min(drawn.stop, stop)
            if generator.at < end:
                self._take(generator, drawn, end)
                self._move(generator, end)
            if end < drawn.stop:
                self._generator = None  # it cannot be told the other half
        return int((~state.given[who, start:stop]).any(0).sum())

    def _new_generator(self, every: int) -> Generator:
        state = self.state
        turn = state.turn(self.sampler.size[1])
        keep = state.given[turn.who] | (np.arange(state.places) < turn.start)  # (b, N)
        prompt = {"given": self._values(turn.who), "keep": self._spread(keep)} if keep.any() else {}
        request = self._request(turn, chances=True, every=every, **prompt)
        return Generator(turn, turn.start, self.sampler.draw(request))

    def _request(self, turn: Turn, **more: Any) -> Request:
        device, labelled = self.sampler.device, bool(self.sampler.classes)
        temperature, top_p = turn.way
        return Request(
            self._uniforms[turn.who].to(device),
            self._labels[turn.who].to(device) if labelled else None,
            temperature,
            top_p,
            **more,
        )

    def _values(self, who: npt.NDArray[np.int64]) -> torch.Tensor:
        """The values of some pictures: (b, H, W, C)."""
        return self._spread(self.state.values[who].astype(np.int64))

    def _spread(self, places: Any) -> torch.Tensor:
        """(b, N, …) → (b, H, W, …), where the network is."""
        shape = (len(places), *self.sampler.size, *places.shape[2:])
        return torch.from_numpy(places).view(shape).to(self.sampler.device)

    def _move(self, generator: Generator, to: int) -> None:
        self.state.position[generator.turn.who] = to
        self.state.step += to - generator.at
        generator.at = to
        if to == generator.turn.stop:
            self._generator = None

    def _take(self, generator: Generator, drawn: Drawn, stop: int) -> None:
        """Keep what was drawn from where the generator is to `stop`, and what was thought of it."""
        who, start, state = generator.turn.who, generator.at, self.state
        assert drawn.chances is not None  # what is given as a whole was passed by
        levels = drawn.levels[:, start - drawn.start : stop - drawn.start]  # (b, k, C)
        chances = drawn.chances[:, start - drawn.start : stop - drawn.start]  # (b, k, C, L)
        bits = -chances.clamp(min=torch.finfo(chances.dtype).tiny).log2()
        entropy = (chances * bits).sum((2, 3)).cpu().numpy()  # (b, k)
        if not np.isfinite(entropy).all():
            self._generator = None
            raise JobError("The model's chances are no numbers: it is damaged, or its training went wrong.")
        surprise = bits.gather(3, levels[..., None]).sum((2, 3)).cpu().numpy()
        given = state.given[who, start:stop]
        state.values[who, start:stop] = levels.cpu().numpy()
        state.entropy[who, start:stop] = np.where(given, 0, entropy)
        state.surprise[who, start:stop] = np.where(given, 0, surprise)
        found = np.flatnonzero(who == self.watched)
        if len(found):
            self._chances[start:stop] = chances[found[0]].cpu().numpy()
            self._told[start:stop] = True

    def tell(self) -> None:
        """Ask at one go what was thought at places of the watched picture of which it is not known."""
        state, who = self.state, np.array([self.watched])
        missing = state.reached()[self.watched] & ~self._told
        for way in np.unique(state.way[self.watched, missing]):
            at = missing & (state.way[self.watched] == way)
            request = self._request(Turn(who, 0, state.places, state.ways[way]))
            said = self.sampler.chances(request, self._values(who))[0].flatten(0, 1)  # (N, C, L)
            self._chances[at] = said.cpu().numpy()[at]
        self._told |= missing

    # What a person sees.

    def snapshot(self) -> Snapshot:
        state, size = self.state, self.sampler.size
        B, _, C = state.values.shape
        frame = {
            "values": state.values.reshape(B, *size, C),
            "position": state.position,
            "given": state.given.reshape(B, *size),
            "entropy": state.entropy.reshape(B, *size),
            "surprise": state.surprise.astype(np.float16).reshape(B, *size),
            "watched": np.array(self.watched),
            "chances": self._chances.reshape(*size, C, -1),
        }
        return Snapshot(KIND, state.step, self.seconds, frozen_all(frame), state.metrics())

    def still(self) -> Mapping[str, Array]:
        order = np.arange(self.state.places)
        return frozen_all({**self.sampler.looks(), "order": order, "labels": self._labels.numpy()})

    # What a person changes.

    def apply(self, edit: Edit) -> Change:
        return self._editing.apply(edit)

    # What is kept: one file from which the drawing, and its network, can be had again.

    def checkpoint(self) -> Checkpoint:
        network, weights = self.sampler.saved()
        state, arrays = self.state.saved()
        about = {
            "controls": values_of(self.controls),
            "sampler": {"kind": self.sampler.kind, "about": dict(network)},
            "state": state,
            "watched": self.watched,
            "seconds": self.seconds,
            **self.state.metrics(),
        }
        parts = {PREFIX: weights, STATE: arrays, STILL: self.still()}
        model = {prefix + name: array for prefix, part in parts.items() for name, array in part.items()}
        return Checkpoint(KIND, self.state.step, about, frozen_all(model))

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str = "cpu") -> DrawPictures:
        """Go on exactly from there."""
        if checkpoint.kind != KIND:
            raise UserError(f"This is a model of kind {checkpoint.kind!r}, not a drawing.")
        about, sampler = checkpoint.about, sampler_of(checkpoint, device)
        try:
            known = {c.name for c in controls_of(DrawControls)}
            saved = {n: v for n, v in dict(about["controls"]).items() if n in known}
            job = cls(sampler, edited(DrawControls(), saved))
            state = State.read(dict(about["state"]), with_prefix(checkpoint.model, STATE), job.state)
            if int(state.values.max(initial=0)) >= sampler.levels:
                raise ValueError("it holds levels that there are not")
            job.watched, job.seconds = max(0, int(about["watched"])), float(about["seconds"])
            job.adopt(state)
        except (KeyError, ValueError, TypeError, IndexError) as error:  # ControlError is a ValueError
            raise UserError(f"The drawing is damaged: {str(error).rstrip('.')}.") from None
        job.within_memory(job.tell)
        return job

    @classmethod
    def info(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        """What `info` says of a checkpoint, apart from its network."""
        job = cls.from_checkpoint(checkpoint)
        (height, width), state, metrics = job.sampler.size, job.state, job.snapshot().metrics
        return {
            "pictures": len(state.position),
            "places": f"{width}x{height}",
            "channels": job.sampler.channels,
            "levels": job.sampler.levels,
            "drawn": f"{metrics['share']:.0%}",
            "given": int(state.given.sum()),
            "bits_per_dimension": metrics.get("bits"),
            "surprise_per_dimension": metrics.get("surprise"),
            "resumable": True,
        }
