"""Draw pictures place after place, with any sampler: the job behind every wall of pictures that come to be.

A generator draws for the pictures that are furthest behind, until they have caught up with the next ones. Whatever a
person changes, it is made anew: all that stays is its prompt, and the chance in it are the same random numbers. So a
picture does not depend on how fast it is drawn, on who looks, or on how often one goes back and on again.

B pictures of N places in their order, C channels, L values, K of which are shown with their chances.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...controls import checked, controls_of, edited, values_of
from ...drawings import KIND, STILL
from ...errors import JobError, UserError
from ...models.ordered.request import Drawn, Request, uniforms_of
from ...models.threads import torch_threads
from ...snapshot import Array, Change, Checkpoint, Segment, Snapshot, frozen_all
from ..instruments import PREFIX, sampler_of, with_prefix
from ..job import Edit, Limit, Past, Told
from ..memory import OutOfMemoryError, within_memory
from .controls import AT_ONCE, DrawControls
from .editing import Editing
from .edits import OfHeads
from .heads import Heads
from .layout import Layout
from .sampler import Sampler, Way
from .shown import Shown
from .state import Generator, Prompt, State, Turn, labels_for, numbers_of
from .table import Bits, bits_of
from .thoughts import Thoughts

SHOWN = 60  # steps a second, as many as a screen shows
DRAW_FEWER = "draw fewer pictures at a time"  # where memory runs out
STATE = "state."  # of our arrays in a checkpoint


class DrawPictures(Told):
    """A step draws some places: one where it is slow, a row at the most. `step_count` counts them since the start, and
    those drawn again once more; only a new start sets it back."""

    kind = KIND

    def __init__(self, sampler: Sampler, controls: DrawControls | None = None):
        self.sampler, self.size = sampler, sampler.amount()
        self.layout = layout = Layout(sampler.stages)
        self.seconds = 0.0
        self.watched = 0
        self._thoughts = Thoughts(layout, sampler.channels)
        self._shown = Shown(self)
        self.bits: Bits | None = None  # of the watched picture of a table, once it is done
        self._fresh = 0  # places drawn in the last step, those given not counted
        self._editing, self._heads = Editing(self), Heads(self)
        self.start(controls or DrawControls(), None)

    # State, and how it starts.

    def start(
        self, controls: DrawControls, prompt: Prompt | None, temperatures: tuple[float, ...] = ()
    ) -> None:
        """Begin to draw, or refuse controls that the network cannot follow."""
        controls = checked(controls)
        self.adopt(within_memory(lambda: self.begin(controls, prompt, temperatures), DRAW_FEWER))

    def begin(
        self, controls: DrawControls, prompt: Prompt | None = None, temperatures: tuple[float, ...] = ()
    ) -> State:
        """How it starts with these controls."""
        sampler, layout = self.sampler, self.layout
        numbers = numbers_of(controls.count, prompt, max(1, len(temperatures), sampler.beams))
        labels = labels_for(controls.label, numbers, len(sampler.classes))
        if prompt is not None and controls.label < 0:
            labels = np.where(prompt.labels >= 0, prompt.labels, labels)
        size, levels = (layout.count, sampler.channels), int(layout.levels.max())
        return State.begin(controls, prompt, labels, size, levels, sampler.beams, temperatures)

    def again(self) -> DrawPictures:
        """The same drawing, not yet begun: what is given, and how each place is drawn, stay."""
        job = DrawPictures(self.sampler, self.controls)
        job.adopt(within_memory(self.not_begun, DRAW_FEWER))
        return job

    def alone(self, picture: int, sampler: Sampler) -> DrawPictures:
        """One of the pictures, not yet begun, drawn by another sampler with the same random numbers."""
        state = self.state.only(picture)
        state.go_back(0)
        job = DrawPictures(sampler, state.controls)
        job.adopt(state)
        return job

    def not_begun(self) -> State:
        """The state with nothing drawn yet."""
        if self.sampler.beams:  # nobody knows any more what pictures were that others took the places of
            state = self.begin(self.controls, self.state.prompt)
            state.labels = self.state.labels.copy()
        else:
            state = self.state.copy()
            state.go_back(0)
            state.step = 0
        return state

    def adopt(self, state: State) -> None:
        """Go on from there. Nothing is known yet of what was thought on the way."""
        which = state.seed.tolist(), state.number.tolist(), self.layout.count, self.sampler.channels
        # First what may lack memory: then nothing has changed.
        self._uniforms = within_memory(lambda: uniforms_of(*which), DRAW_FEWER)
        self.state = state
        self._heads.forget()
        self.watch(min(self.watched, state.controls.count - 1))

    def watch(self, picture: int) -> None:
        self.watched = picture
        self._thoughts.forget()
        self._stop_generator()

    def renew(self) -> None:
        """Something has changed: what is known beyond the watched picture's position is void; so is the generator."""
        self._heads.forget()
        self._stop_generator()

    def _stop_generator(self) -> None:
        self._generator: Generator | None = None
        self.bits = None
        self._thoughts.forget(~self.state.reached()[self.watched])

    @property
    def controls(self) -> DrawControls:
        return self.state.controls

    @property
    def name(self) -> str:  # type: ignore[override]
        count = self.controls.count
        return f"{count} picture{'s' * (count > 1)} of a model of kind {self.sampler.kind!r}"

    @property
    def step_count(self) -> int:
        return self.state.step

    @property
    def past(self) -> Past:
        return self._editing.past

    @property
    def segment(self) -> Segment:
        return self.state.segment

    @property
    def progress(self) -> float:
        return self.state.share

    @property
    def limit(self) -> Limit:
        """The end of the drawing."""
        return Limit(steps=self.state.step + self.state.places - self.state.behind)

    @property
    def rest(self) -> float:
        if self.state.done and not self._heads.behind:
            return math.inf
        return 0.0 if self.controls.speed >= AT_ONCE else self._fresh / self.controls.speed

    # Drawing.

    def step(self) -> None:
        began = time.perf_counter()
        self.within_memory(self._step)
        self.seconds += time.perf_counter() - began

    def within_memory(self, work: Callable[[], None]) -> None:
        """Work in one thread, as the pieces are small; running out of memory is a JobError."""
        try:
            with torch_threads(1):
                within_memory(work, DRAW_FEWER)
        except OutOfMemoryError:
            self.renew()
            raise

    def _step(self) -> None:
        """At least one place that was not given, if there is one; and a piece of what is shown beside it."""
        self._fresh = 0
        while not (self._fresh or self.state.done):
            self._fresh = self.draw_piece(self.layout.count)
        beside = self._heads.draw_twin()
        self.state.step += beside
        self._fresh = max(self._fresh, beside)
        self.recall()
        self._heads.follow()

    def draw_piece(self, to: int) -> int:
        """Draw a row at the most, and no further than to a position; how many places were not given."""
        wanted = math.ceil(self.controls.speed / SHOWN)
        at = self._generator.at if self._generator else self.state.behind
        begin, end = self.layout.row_at(at)
        stride = min(end - begin, wanted)
        return self._draw(min(to, end, at + stride - (at - begin) % stride), wanted)

    def advance(self, to: int) -> None:
        """Draw until all pictures have come to a position."""
        while self.state.behind < to:
            self._draw(to, to - self.state.behind)

    def _draw(self, to: int, every: int) -> int:
        """Let those that are furthest behind draw as far as `to`, `every` places at a time; how many were drawn."""
        if self._generator is None or self._generator.at >= to:
            self._generator = self._new_generator(min(every, self.layout.widest))
        generator, state = self._generator, self.state
        who, start = generator.turn.who, generator.at
        stop, row = min(to, generator.turn.stop), self.layout.row_at(start)[1]
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
                self._generator = None  # the other half of its step is lost
        return int((~state.given[who, start:stop]).any(0).sum())

    def _new_generator(self, every: int) -> Generator:
        state = self.state
        turn = state.turn()
        span = self.layout.span_at(turn.start)
        turn = replace(
            turn, stop=min(turn.stop, span.stop), ways=tuple(w.within(span.way) for w in turn.ways)
        )
        keep = state.given[turn.who] | (np.arange(state.places) < turn.start)  # (b, N)
        prompt = {"given": self.values_of(*turn.who), "keep": self._sent(keep)} if keep.any() else {}
        watched = next(iter(np.flatnonzero(turn.who == self.watched).tolist()), None)
        request = self._request(turn, every=every, measured=True, watched=watched, **prompt)
        return Generator(turn, turn.start, self.sampler.draw(request))

    def _request(self, turn: Turn, **more: Any) -> Request:
        labels = torch.from_numpy(self.state.labels[turn.who]) if self.sampler.classes else None
        searches = torch.from_numpy(self.state.number[turn.who]) if self.sampler.beams else None
        way = dict(zip(Way._fields, turn.one_or_each(), strict=True))
        request = Request(self._uniforms[turn.who], labels, **way, searches=searches, **more)
        return request.to(self.sampler.device)

    def request_of(self, picture: int, way: Way) -> Request:
        """For one of the pictures."""
        return self._request(Turn(np.array([picture]), 0, self.state.places, (way,)))

    def values_of(self, *pictures: int) -> torch.Tensor:
        """The values of some pictures: (b, N, C)."""
        who = np.array(pictures)
        return self._sent(self.state.values[who].astype(np.int64))

    def _sent(self, array: Any) -> torch.Tensor:
        """The same, where the network is."""
        return torch.from_numpy(array).to(self.sampler.device)

    def _move(self, generator: Generator, to: int) -> None:
        who = generator.turn.who
        self.state.position[who[self.state.living[who]]] = to
        self.state.step += to - generator.at
        generator.at = to
        self._shown.keep_branches()
        if to == generator.turn.stop:
            self._generator = None

    def _take(self, generator: Generator, drawn: Drawn, stop: int) -> None:
        """Keep what was drawn from where the generator is to `stop`, and what was thought of it."""
        who, start, state = generator.turn.who, generator.at, self.state
        rows = self._choose(who, drawn, start)  # of the request, as far as they are drawn on
        if drawn.entropy is None or drawn.surprise is None:
            return  # all of it is given
        who, part = who[rows], slice(start - drawn.start, stop - drawn.start)
        entropy = drawn.entropy[:, part].cpu().numpy()[rows]  # (b, k)
        if not np.isfinite(entropy).all():
            self._generator = None
            raise JobError("The model's chances are not numbers: it is damaged, or its training went wrong.")
        surprise = drawn.surprise[:, part].cpu().numpy()[rows]
        given = state.given[who, start:stop]
        state.values[who, start:stop] = drawn.values[:, part].cpu().numpy()[rows]
        state.entropy[who, start:stop] = np.where(given, 0, entropy)
        state.surprise[who, start:stop] = np.where(given, 0, surprise)
        if drawn.likeliest is not None and self.watched in who:
            self._thoughts.keep(np.arange(start, stop), drawn.likeliest, part)

    def _choose(self, who: npt.NDArray[np.int64], drawn: Drawn, start: int) -> Any:
        """Which of a request's pictures go on, after a search with beams has had its say."""
        state = self.state
        if state.alive is None or state.score is None:
            return slice(None)
        rows = state.alive[who]
        if drawn.alive is not None:
            rows &= drawn.alive.cpu().numpy()
            state.alive[who] = rows
        if drawn.parents is not None:
            parents = who[drawn.parents.cpu().numpy()]
            if (parents != who)[rows & (who == self.watched)].any():
                self._thoughts.forget(slice(start))
            state.follow(who[rows], parents[rows], start)
        if drawn.score is not None:
            state.score[who[rows]] = drawn.score.cpu().numpy()[rows]
        return rows

    def recall(self) -> None:
        """Ask at one go what was thought at places of the watched picture of which it is not known."""
        state = self.state
        missing = state.reached()[self.watched] & ~self._thoughts.known
        for start, stop, own in self.layout.spans:
            for way in np.unique(state.way[self.watched, start:stop][missing[start:stop]]):
                at = missing & (state.way[self.watched] == way)
                at[:start] = at[stop:] = False
                request = self.request_of(self.watched, state.ways[way].within(own))
                self._thoughts.keep_all(at, self.sampler.chances(request, self.values_of(self.watched))[0])
        if state.temperatures and self.bits is None and state.position[self.watched] == state.places:
            self.bits = bits_of(self.sampler, state, self.watched)

    # What a person sees.

    def snapshot(self) -> Snapshot:
        frame = {**self._shown.frame(), **self._thoughts.frame(), **self._heads.frame()}
        state = self.state
        return Snapshot(KIND, state.step, self.seconds, frozen_all(frame), state.metrics(), state.segment)

    def still(self) -> Mapping[str, Array]:
        return frozen_all(self._shown.still())

    # What a person changes.

    def apply(self, edit: Edit) -> Change:
        change = (self._heads if isinstance(edit, OfHeads) else self._editing).apply(edit)
        self._heads.follow(at_once=True)
        return change

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
            known, saved = {c.name for c in controls_of(DrawControls)}, dict(about["controls"])
            job = cls(sampler, edited(DrawControls(), {n: v for n, v in saved.items() if n in known}))
            still = with_prefix(checkpoint.model, STILL)
            if not np.array_equal(still["order"], job.layout.order):
                raise ValueError("its places are not in the order in which its model draws")
            arrays = {**with_prefix(checkpoint.model, STATE), "labels": still["labels"]}
            state = State.read(dict(about["state"]), arrays, job.state)
            state.check(job.layout.levels, len(sampler.classes))
            job.watched, job.seconds = max(0, int(about["watched"])), float(about["seconds"])
            job.adopt(state)
        except (KeyError, ValueError, TypeError, IndexError) as error:  # ControlError is a ValueError
            raise UserError(f"The drawing is damaged: {str(error).rstrip('.')}.") from None
        job.within_memory(job.recall)
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
