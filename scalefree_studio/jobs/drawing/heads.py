"""What a drawing shows of its network's heads: where they looked, and what it would be without some of them.

All of it is made only when a person asks for it, and changes no picture.

N places in their order.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ...controls import ControlError
from ...models.ordered.looked import Looked
from ...models.ordered.request import Request, measure
from ...snapshot import Change
from ..job import Edit
from ..memory import OutOfMemoryError
from .controls import DrawControls
from .edits import ShowLooked, SwitchHeads
from .layout import Layout
from .sampler import PLAIN, Sampler, Way
from .state import State

Bools = npt.NDArray[np.bool_]

REST = 3  # while it is drawn, so many times as long as it takes to see where it looked, it is not asked again


class Drawn(Protocol):
    """What is needed of the job whose heads they are."""

    sampler: Sampler
    layout: Layout
    state: State
    watched: int

    @property
    def controls(self) -> DrawControls: ...

    @property
    def step_count(self) -> int: ...

    def alone(self, picture: int, sampler: Sampler) -> Drawn: ...

    def draw_piece(self, to: int) -> int: ...

    def request_of(self, picture: int, way: Way) -> Request: ...

    def values_of(self, picture: int) -> Tensor: ...

    def within_memory(self, work: Callable[[], None]) -> None: ...


class Heads:
    """Of one job."""

    def __init__(self, job: Drawn):
        self._job = job
        self._looked = LookedAt(job)
        self._twin: Twin | None = None

    @property
    def behind(self) -> bool:
        """Whether a twin is still to be drawn."""
        return self._twin is not None and self._twin.behind

    def apply(self, edit: Edit) -> Change:
        """Take the edit, or raise a ControlError and leave everything as it was."""
        job = self._job
        layers, heads = job.sampler.heads
        if not layers:
            raise ControlError("This network has no heads that could say where they looked.")
        match edit:
            case ShowLooked():
                self._looked.asked, self._looked.on = self._position(edit), edit.on
            case SwitchHeads():
                off = np.zeros((layers, heads), bool)
                for layer, head in edit.off:
                    if not (0 <= layer < layers and 0 <= head < heads):
                        raise ControlError(
                            f"There are {layers} layers of {heads} heads; {(layer, head)} is none."
                        )
                    off[layer, head] = True
                if not 0 <= edit.picture < len(job.state.position):
                    raise ControlError(f"There are {len(job.state.position)} pictures, counted from 0.")
                if job.sampler.beams:
                    raise ControlError("In a search with beams, no picture is drawn by itself.")
                self._switch(off, edit.picture)
        return Change(job.step_count, "heads", passing=True)

    def _position(self, edit: ShowLooked) -> int | None:
        if edit.place is None:
            return None
        layout, (y, x) = self._job.layout, edit.place
        if not 0 <= edit.stage < len(layout.stages):
            raise ControlError(f"There are {len(layout.stages)} stages here, counted from 0.")
        height, width = layout.stages[edit.stage].size
        if not (0 <= y < height and 0 <= x < width):
            raise ControlError(f"There are {height} rows of {width} places here, counted from 0.")
        return int(layout.positions_of(edit.stage)[y * width + x])

    def _switch(self, off: Bools, picture: int) -> None:
        twin = self._twin
        if twin is None or twin.picture != picture or (twin.off != off).any():
            self._twin = Twin(self._job, off, picture) if off.any() else None

    def forget(self) -> None:
        """The drawing has changed."""
        self._looked.forget()
        if self._twin is not None:
            there = self._twin.picture < len(self._job.state.position)
            self._twin = Twin(self._job, self._twin.off, self._twin.picture) if there else None

    def follow(self, at_once: bool = False) -> None:
        """Find what is to be seen of the drawing as it is now: all of it, or as much as does not hold it up."""
        with contextlib.suppress(OutOfMemoryError):  # then it is not seen
            self._job.within_memory(lambda: self._looked.follow(at_once))
            if self._twin is not None:
                self._job.within_memory(self._twin.measure)

    def draw_twin(self) -> int:
        """A piece of the twin, if it is behind; how many places that were."""
        return 0 if self._twin is None else self._twin.draw_piece()

    def frame(self) -> dict[str, npt.ArrayLike]:
        frame = self._looked.frame()
        return frame if self._twin is None else frame | self._twin.frame()


class LookedAt:
    """Where the heads looked when they drew one place of the watched picture."""

    def __init__(self, job: Drawn):
        self._job = job
        self.on = False
        self.asked: int | None = None  # a position; None: the last one
        self.forget()

    def forget(self) -> None:
        self._looked: Looked | None = None
        self._of, self._known = -1, 0  # of which picture, and of how many of its positions it knows
        self._found: tuple[int, Tensor] | None = None  # a position, and the shares there: (layers, heads, N)
        self._not_before = 0.0

    def follow(self, at_once: bool) -> None:
        job = self._job
        if self._of != job.watched:
            self.forget()
        drawn = int(job.state.position[job.watched])
        at = drawn - 1 if self.asked is None else self.asked
        if not self.on or not 0 <= at < drawn:
            self._found = None
        elif self._found is None or self._found[0] != at:
            if at >= self._known and not self._ask(drawn, at_once or drawn == job.state.places):
                return
            assert self._looked is not None
            self._found = at, self._looked.at(at).cpu()

    def _ask(self, drawn: int, at_once: bool) -> bool:
        """Ask about all that is drawn, unless it was asked a moment ago; whether it was."""
        began, job = time.perf_counter(), self._job
        if not at_once and began < self._not_before:
            return False
        self._looked = job.sampler.looked(job.request_of(job.watched, PLAIN), job.values_of(job.watched))
        self._of, self._known = job.watched, drawn
        now = time.perf_counter()
        self._not_before = now + REST * (now - began)
        return True

    def frame(self) -> dict[str, npt.ArrayLike]:
        if self._found is None:
            return {}
        (at, shares), layout = self._found, self._job.layout
        by_place = layout.by_place(shares.flatten(0, 1).numpy().astype(np.float16))
        frame = {
            "looked": by_place.reshape(*shares.shape[:2], *layout.shape),
            "looked_from": layout.order[at],
        }
        buckets = None if self._looked is None else self._looked.buckets()
        if buckets is None:
            return frame
        hashed = buckets.flatten(0, 1).cpu().numpy().astype(np.int16)
        hashed[:, self._known :] = -1  # what is not drawn yet
        of_places = layout.by_place(hashed)
        return frame | {"buckets": of_places.reshape(*buckets.shape[:2], *layout.shape)}


class Twin:
    """One of the pictures, drawn once more without some heads, with the same random numbers; and how unlikely the one
    that was drawn is for the network with all its heads, and without those."""

    def __init__(self, job: Drawn, off: Bools, picture: int):
        self.off, self.picture = off, picture
        self._job = job
        self._made: Drawn | None = None  # what draws it
        self._bits = np.full((2, job.layout.count), np.nan, np.float32)
        self._known = 0  # positions of which there are bits

    @property
    def _twin(self) -> Drawn:
        if self._made is None:
            self._made = self._job.alone(self.picture, self._job.sampler.without_heads(self.off))
        return self._made

    @property
    def _drawn(self) -> int:
        return int(self._job.state.position[self.picture])

    @property
    def behind(self) -> bool:
        return self._twin.state.behind < self._drawn

    def draw_piece(self) -> int:
        twin = self._twin
        if not self.behind:
            return 0
        before = twin.state.behind
        twin.state.controls = replace(twin.controls, speed=self._job.controls.speed)
        twin.draw_piece(self._drawn)
        return twin.state.behind - before

    def measure(self) -> None:
        """When all is drawn, or as much again as is known."""
        drawn, job = self._drawn, self._job
        if drawn == self._known or not (drawn == job.state.places or drawn >= 2 * self._known):
            return
        request, values = job.request_of(self.picture, PLAIN), job.values_of(self.picture)
        for bits, sampler in zip(self._bits, (job.sampler, self._twin.sampler), strict=True):
            found = measure(sampler.chances(request, values), values)[1][0]  # (N,)
            bits[:drawn] = found[:drawn].cpu().numpy()
        self._known = drawn

    def frame(self) -> dict[str, npt.ArrayLike]:
        layout, state = self._job.layout, self._twin.state
        return {
            "heads_off": self.off,
            "twin": self.picture,
            "twin_values": layout.by_place(state.values)[0],
            "twin_position": state.position[0],
            "twin_bits": layout.by_place(self._bits),
        }
