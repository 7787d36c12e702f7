"""What is to be seen of a drawing: the record that drawings.py describes, made of its state."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from ...drawings import Drawing
from ...snapshot import Array, Bytes
from .branches import Branches
from .layout import Layout
from .sampler import Sampler
from .state import State
from .table import Bits, shown_table

PROMPTS = -1  # in place of a stage: what a table goes on from


class Seen(Protocol):
    """What is needed of the job that is shown."""

    sampler: Sampler
    layout: Layout
    state: State
    watched: int
    bits: Bits | None


class Shown:
    """Of one job. What the network makes of stages that are done is asked for only when they change."""

    def __init__(self, job: Seen):
        self._job = job
        self._known: dict[
            int, tuple[bytes, Bytes]
        ] = {}  # by stage, or PROMPTS: what pictures are made of, and they

    def frame(self) -> dict[str, Array]:
        """All but what the network thought."""
        job, state, by_place = self._job, self._job.state, self._job.layout.by_place
        frame = {
            **self._drawn(),
            "position": state.position,
            "entropy": by_place(state.entropy),
            "surprise": by_place(state.surprise.astype(np.float16)),
            "watched": np.array(job.watched),
        }
        frame |= {name: by_place(array) for name, array in shown_table(state).items()}
        if "prompts" in frame and "pictures" in frame:
            frame["prompt_pictures"] = self._made_of(PROMPTS, frame["prompts"], np.ones_like(frame["kept"]))
        if state.temperatures:
            frame["columns"] = np.array(state.temperatures)
            frame["bits"] = np.array([math.nan] * 2 if job.bits is None else job.bits)
        if job.sampler.beams:
            frame |= {name: getattr(state, name) for name in ("parent", "score", "alive")}
        return frame if state.branches is None else frame | state.branches.arrays()

    def still(self) -> dict[str, Array]:
        job = self._job
        still: dict[str, Array] = {"order": job.layout.order, "labels": job.state.labels}
        if len(job.layout.stages) == 1:
            return {**job.sampler.looks(), **still}
        for number in range(len(job.layout.stages)):
            still |= {f"{name}.{number}": array for name, array in job.sampler.looks(number).items()}
        return {**still, "stages": job.layout.sizes}

    def keep_branches(self) -> None:
        """A search as it is now, where it has come to a landmark; if what lies further back has changed, anew."""
        state = self._job.state
        if state.branches is None or state.score is None or state.alive is None:
            return
        if state.behind not in self._job.layout.landmarks:
            return
        branches = state.branches
        if branches.last >= state.behind:
            branches = Branches.none(len(state.position))
        pictures = Drawing({**self._drawn(), "position": state.position}, self.still()).pictures()
        state.branches = branches.add(state.behind, state.score, state.alive, pictures)

    def _drawn(self) -> dict[str, Array]:
        """Values, what is given, and what the network makes of them, if they look like nothing by themselves:
        `pictures`, and `pictures.s` of each stage before the newest."""
        job, by_place = self._job, self._job.layout.by_place
        values, given = by_place(job.state.values), by_place(job.state.given)
        drawn = by_place(job.state.reached() | job.state.given)
        found = {"values": values, "given": given}
        pictures = job.sampler.decode(values, drawn)
        if pictures is None:
            return found
        found["pictures"] = pictures
        starts, stages = job.layout.starts, range(len(job.layout.stages))
        begun = [stage for stage in stages if drawn[:, starts[stage] : starts[stage + 1]].any()]
        for stage in range(max(begun, default=0) if len(stages) > 1 else 0):
            found[f"pictures.{stage}"] = self._upto(stage, values, drawn)
        return found

    def _upto(self, stage: int, values: Array, drawn: Array) -> Bytes:
        """What the network makes of the first stages alone, of values (B, N, C)."""
        end = self._job.layout.starts[stage + 1]
        so_far = drawn & (np.arange(drawn.shape[1]) < end)
        return self._made_of(stage, np.where(so_far[..., None], values, 0), so_far)

    def _made_of(self, what: int, values: Array, drawn: Array) -> Bytes:
        """What the network makes of values; asked again only if they have changed since."""
        made_of = values.tobytes() + drawn.tobytes()
        if what not in self._known or self._known[what][0] != made_of:
            pictures = self._job.sampler.decode(values, drawn)
            assert pictures is not None
            self._known[what] = made_of, pictures
        return self._known[what][1]
