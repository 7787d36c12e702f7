"""How far a drawing is: everything that drawing and a person's hands change, as arrays.

B pictures of N places in their order, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...snapshot import Array
from .controls import DrawControls

Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]
Way = tuple[float, float]  # temperature and top p


@dataclass(frozen=True)
class Prompt:
    """The same for every picture."""

    values: Ints  # (N, C)
    keep: Bools  # (N,): where they stay


@dataclass(frozen=True)
class Turn:
    """Pictures that are drawn together, from one place to another, in one way."""

    who: npt.NDArray[np.int64]
    start: int
    stop: int
    way: Way


@dataclass
class State:
    controls: DrawControls
    prompt: Prompt | None
    ways: tuple[Way, ...]  # in which places were drawn or will be
    values: Ints  # (B, N, C): 0 where nothing is drawn or given
    position: npt.NDArray[np.int64]  # (B,): so many places are done
    given: Bools  # (B, N): told rather than drawn, now or when their turn comes
    way: npt.NDArray[np.int32]  # (B, N): which of the ways
    entropy: npt.NDArray[np.float16]  # (B, N): bits; 0 where given
    surprise: npt.NDArray[np.float32]  # (B, N): bits; 0 where given, not-a-number where forgotten
    step: int = 0  # places drawn since the start, those drawn again counted again

    @classmethod
    def begin(
        cls, controls: DrawControls, prompt: Prompt | None, places: int, channels: int, levels: int
    ) -> State:
        """Nothing is drawn yet."""
        B, N = controls.count, places
        state = cls(
            controls,
            prompt,
            ways=((controls.temperature, controls.top_p),),
            values=np.zeros((B, N, channels), np.min_scalar_type(levels - 1)),
            position=np.zeros(B, np.int64),
            given=np.zeros((B, N), bool),
            way=np.zeros((B, N), np.int32),
            entropy=np.zeros((B, N), np.float16),
            surprise=np.zeros((B, N), np.float32),
        )
        if prompt is not None:
            state.given[:] = prompt.keep
            state.values[:, prompt.keep] = prompt.values[prompt.keep]
        return state

    def arrays(self) -> dict[str, Array]:
        """All arrays but the prompt's, by name."""
        return {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), np.ndarray)}

    def copy(self) -> State:
        twin = replace(self)
        for name, array in self.arrays().items():
            setattr(twin, name, array.copy())
        return twin

    @property
    def places(self) -> int:
        return int(self.given.shape[1])

    @property
    def behind(self) -> int:
        """The position of the pictures that are furthest behind."""
        return int(self.position.min())

    @property
    def done(self) -> bool:
        return self.behind == self.places

    def reached(self) -> Bools:
        """Which places are done: (B, N)."""
        reached: Bools = np.arange(self.places) < self.position[:, None]
        return reached

    def go_back(self, to: Any) -> None:
        """Forget what was drawn beyond a position, one for all or one for each. What is given stays."""
        self.position = np.minimum(self.position, to)
        beyond = ~self.reached()
        self.values[beyond & ~self.given] = 0
        self.entropy[beyond] = 0
        self.surprise[beyond] = 0

    def steer(self, way: Way) -> None:
        """What is not drawn yet will be drawn in this way."""
        if way not in self.ways:
            self.ways = (*self.ways, way)
        np.copyto(self.way, self.ways.index(way), where=~self.reached())

    def turn(self, width: int) -> Turn:
        """Who draws next, and how far: those furthest behind, until they have caught up with the next ones, as long as
        all of them draw in the same way."""
        start = self.behind
        behind = np.flatnonzero(self.position == start)
        way = self.way[behind[0], start]
        who = behind[self.way[behind, start] == way]
        stop = int(self.position[self.position > start].min(initial=self.places))
        if len(who) < len(behind):  # the others follow row by row
            stop = min(stop, (start // width + 1) * width)
        changes = (self.way[who, start:stop] != way).any(0)
        if changes.any():
            stop = start + int(changes.argmax())
        return Turn(who, start, stop, self.ways[way])

    def metrics(self) -> dict[str, float]:
        """How far the drawing is; how open and how surprising its choices were, in bits per dimension."""
        B, N, C = self.values.shape
        found = {"places": float(self.behind), "share": float(self.position.sum() / (B * N))}
        drawn = self.reached() & ~self.given
        if drawn.any():
            found["bits"] = float(self.entropy[drawn].mean(dtype=float)) / C
            known = self.surprise[drawn]
            known = known[np.isfinite(known)]
            if len(known):
                found["surprise"] = float(known.mean(dtype=float)) / C
        return found

    # What is kept.

    def saved(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """(about, arrays) from which it can be read again."""
        arrays = self.arrays()
        if self.prompt is not None:
            arrays |= {"prompt_values": self.prompt.values, "prompt_keep": self.prompt.keep}
        return {"ways": [list(way) for way in self.ways], "step": self.step}, arrays

    @classmethod
    def read(cls, about: Mapping[str, Any], arrays: Mapping[str, Array], like: State) -> State:
        """What was saved, checked against a state that has begun with the same controls; or a ValueError."""
        ways = tuple((float(t), float(p)) for t, p in about["ways"])
        prompt = None
        if "prompt_keep" in arrays:
            prompt = Prompt(
                _like(arrays["prompt_values"], like.values[0]), _like(arrays["prompt_keep"], like.given[0])
            )
        state = replace(like, prompt=prompt, ways=ways, step=int(about["step"]))
        for name, array in like.arrays().items():
            setattr(state, name, _like(arrays[name], array))
        if state.behind < 0 or state.position.max() > state.places:
            raise ValueError("it is further than its places go")
        if state.way.min() < 0 or state.way.max() >= len(ways) or min(n for way in ways for n in way) <= 0:
            raise ValueError("it was drawn in no way")
        return state


def _like(array: Array, like: Any) -> Any:
    if array.shape != like.shape or array.dtype != like.dtype:
        raise ValueError(f"an array is {array.dtype} {array.shape} instead of {like.dtype} {like.shape}")
    return array.copy()
