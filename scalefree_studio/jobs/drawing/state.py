"""How far a drawing is: everything that drawing and a person's edits change, as arrays.

B pictures of N places in their order, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...controls import ControlError
from ...models.ordered.request import Drawn
from ...snapshot import FIRST, Array, Segment
from .branches import Branches
from .controls import DrawControls
from .sampler import Way

Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Prompt:
    """One for each picture, or the same for all of them (P = 1)."""

    values: Ints  # (P, N, C): also of what is not kept, as far as it is known
    keep: Bools  # (P, N): where they stay
    labels: npt.NDArray[np.int64]  # (P,): the classes of what they show; -1: not known
    name: str = ""  # of the file that they are, if they come from one


@dataclass(frozen=True)
class Turn:
    """Pictures that are drawn together, from one place to another, each in its own way."""

    who: npt.NDArray[np.int64]
    start: int
    stop: int
    ways: tuple[Way, ...]  # one a picture

    def one_or_each(self) -> Iterator[Any]:
        """Temperature, top k and top p: a number if it is the same for all pictures, else one for each."""
        for numbers in zip(*self.ways, strict=True):
            yield numbers[0] if len(set(numbers)) == 1 else torch.tensor(numbers)


@dataclass
class Generator:
    """One that draws a turn, and how far it is."""

    turn: Turn
    at: int
    steps: Iterator[Drawn]


@dataclass
class State:
    controls: DrawControls
    prompt: Prompt | None
    ways: tuple[Way, ...]  # in which places were drawn or will be
    labels: npt.NDArray[np.int64]  # (B,): the classes asked for; -1: none
    values: Ints  # (B, N, C): 0 where nothing is drawn or given
    position: npt.NDArray[np.int64]  # (B,): so many places are done
    given: Bools  # (B, N): not drawn, now or when their turn comes
    way: npt.NDArray[np.int32]  # (B, N): which of the ways
    entropy: npt.NDArray[np.float16]  # (B, N): bits; 0 where given
    surprise: npt.NDArray[np.float32]  # (B, N): bits; 0 where given, not-a-number where forgotten
    # Which random numbers: those of so manieth a picture of a seed.
    seed: npt.NDArray[np.int64]  # (B,)
    number: npt.NDArray[np.int64]  # (B,)
    temperatures: tuple[float, ...] = ()  # of a table: one a column; its pictures stand row by row
    # Of a search with beams: which picture each one goes on from, how likely it is, which are not given up.
    parent: npt.NDArray[np.int64] | None = None  # (B,)
    score: npt.NDArray[np.float32] | None = None  # (B,): nats
    alive: Bools | None = None  # (B,)
    branches: Branches | None = None  # how it came there
    step: int = 0  # places drawn since the start, those drawn again counted again
    segment: Segment = FIRST

    @classmethod
    def begin(
        cls,
        controls: DrawControls,
        prompt: Prompt | None,
        labels: npt.NDArray[np.int64],
        size: tuple[int, int],
        levels: int,
        beams: int = 0,
        temperatures: tuple[float, ...] = (),
    ) -> State:
        """Nothing is drawn yet of so many places and channels, (N, C). With temperatures, a table."""
        B, N, C = controls.count, *size
        if prompt is not None and len(prompt.values) not in (1, B):
            raise ControlError(f"{len(prompt.values)} prompts are not one for each of {B} pictures.")
        columns = temperatures or (controls.temperature,)
        state = cls(
            controls,
            prompt,
            ways=tuple(Way(t, controls.top_k, controls.top_p) for t in columns),
            labels=labels,
            values=np.zeros((B, N, C), np.min_scalar_type(levels - 1)),
            position=np.zeros(B, np.int64),
            given=np.zeros((B, N), bool),
            way=np.tile(np.arange(B, dtype=np.int32)[:, None] % len(columns), (1, N)),
            entropy=np.zeros((B, N), np.float16),
            surprise=np.zeros((B, N), np.float32),
            seed=np.full(B, controls.seed, np.int64),
            number=numbers_of(B, prompt, max(beams, len(columns))),
            temperatures=temperatures,
        )
        if beams:
            state.parent, state.alive = np.arange(B), np.ones(B, bool)
            state.score = np.zeros(B, np.float32)
            state.branches = Branches.none(B)
        if prompt is not None:
            state.given[:] = prompt.keep
            state.values[:] = np.where(prompt.keep[..., None], prompt.values, 0)
        return state

    def arrays(self) -> dict[str, Array]:
        """All arrays but the prompt's, by name."""
        return {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), np.ndarray)}

    def copy(self) -> State:
        twin = replace(self)
        for name, array in self.arrays().items():
            setattr(twin, name, array.copy())
        return twin

    def only(self, picture: int) -> State:
        """A copy with one of the pictures, for which what is given is all that is known of a prompt."""
        alone = replace(self, controls=replace(self.controls, count=1), prompt=None, temperatures=())
        for name, array in self.arrays().items():
            setattr(alone, name, array[picture : picture + 1].copy())
        return alone

    @property
    def places(self) -> int:
        return int(self.given.shape[1])

    @property
    def living(self) -> Bools:
        """The pictures that are not given up: (B,)."""
        return np.ones(len(self.position), bool) if self.alive is None else self.alive

    @property
    def behind(self) -> int:
        """The position of the pictures that are furthest behind."""
        if self.alive is None:
            return int(self.position.min())
        return int(self.position.min(where=self.alive, initial=self.places))

    @property
    def done(self) -> bool:
        return self.behind == self.places

    @property
    def share(self) -> float:
        """How much of all that is to be drawn is done."""
        reached = self.position[self.living]
        return float(reached.sum() / max(1, len(reached) * self.places))

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

    def steer(self, way: Way, pictures: Any = slice(None)) -> None:
        """What is not drawn yet, of all pictures or some, will be drawn in this way."""
        if way not in self.ways:
            self.ways = (*self.ways, way)
        ahead = ~self.reached()
        self.way[pictures] = np.where(ahead[pictures], self.ways.index(way), self.way[pictures])

    def steer_all(self, controls: DrawControls, names: Iterable[str]) -> None:
        """What is not drawn yet will be drawn as before, but for the controls that are named."""
        names, last = tuple(names), self.way[:, -1].copy()  # (B,): the way that each was given last
        unfinished = self.position < self.places
        for number in np.unique(last[unfinished]).tolist():
            self.steer(
                changed(self.ways[number], controls, names), np.flatnonzero(unfinished & (last == number))
            )

    def way_of(self, picture: int) -> Way:
        """In which a picture will be drawn on, or was drawn last."""
        return self.ways[int(self.way[picture, min(self.position[picture], self.places - 1)])]

    def turn(self) -> Turn:
        """Who draws next, and how far: those furthest behind, until they have caught up with the next ones, or one of
        them is to be drawn in another way."""
        start, living = self.behind, self.living
        who = np.flatnonzero((self.position == start) & living)
        stop = int(self.position[(self.position > start) & living].min(initial=self.places))
        ways = self.way[who, start]
        changes = (self.way[who, start:stop] != ways[:, None]).any(0)
        if changes.any():
            stop = start + int(changes.argmax())
        return Turn(who, start, stop, tuple(self.ways[n] for n in ways))

    def follow(self, who: npt.NDArray[np.int64], parents: npt.NDArray[np.int64], start: int) -> None:
        """Up to a position, some pictures become what others were."""
        assert self.parent is not None and self.branches is not None
        self.branches = self.branches.follow(who, parents)
        for array in (self.values, self.given, self.way, self.entropy, self.surprise):
            array[who, :start] = array[parents, :start]
        self.parent[who] = parents

    def metrics(self) -> dict[str, float]:
        """How far the drawing is; how open and how surprising its choices were, in bits per dimension."""
        C = self.values.shape[2]
        found = {"places": float(self.behind), "share": self.share}
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
        """(about, arrays) from which it can be read again, with the labels, which a drawing shows anyway."""
        plain = not self.temperatures and (self.seed == self.controls.seed).all()
        known = {"labels", "seed", "number"} if plain else {"labels"}  # without them
        arrays = {name: array for name, array in self.arrays().items() if name not in known}
        if self.prompt is not None:
            arrays |= {"prompt_values": self.prompt.values, "prompt_keep": self.prompt.keep}
            if (self.prompt.labels >= 0).any():
                arrays["prompt_labels"] = self.prompt.labels
        if self.branches is not None:
            arrays |= self.branches.arrays()
        ways, temperatures = [list(way) for way in self.ways], list(self.temperatures)
        name = {"prompt": self.prompt.name} if self.prompt is not None and self.prompt.name else {}
        return {"ways": ways, "temperatures": temperatures, "step": self.step, **name}, arrays

    @classmethod
    def read(cls, about: Mapping[str, Any], arrays: Mapping[str, Array], like: State) -> State:
        """What was saved, checked against a state that has begun with the same controls; or a ValueError."""
        # `k` is not always there.
        ways = tuple(Way(float(t), int(k[0]) if k else 0, float(p)) for t, *k, p in about["ways"])
        temperatures = tuple(float(t) for t in about.get("temperatures", ()))
        if temperatures and len(like.values) % len(temperatures):
            raise ValueError("its pictures fill no table")
        prompt = _prompt(arrays, like, str(about.get("prompt", ""))) if "prompt_keep" in arrays else None
        state = replace(like, prompt=prompt, ways=ways, temperatures=temperatures, step=int(about["step"]))
        for name, array in like.arrays().items():
            plain = name in ("seed", "number") and name not in arrays
            setattr(state, name, _like(array if plain else arrays[name], array))
        if min(state.seed.min(), state.number.min()) < 0 or state.number.max() >= len(state.number):
            raise ValueError("it was drawn with no random numbers")
        if like.branches is not None:
            state.branches = Branches.read(arrays, len(like.values))
        if state.position.min() < 0 or state.position.max() > state.places:
            raise ValueError("it is further than its places go")
        if state.way.min() < 0 or state.way.max() >= len(ways) or min(min(t, p) for t, _, p in ways) <= 0:
            raise ValueError("it was drawn in no way")
        if min(temperatures, default=1.0) <= 0:
            raise ValueError("its columns have no temperatures")
        return state

    def check(self, levels: Ints, classes: int) -> None:
        """A ValueError where a network with so many levels at each place (N,), and classes, cannot draw it."""
        given = () if self.prompt is None else (self.prompt.values,)
        if any((values >= levels[:, None]).any() for values in (self.values, *given)):
            raise ValueError("it holds levels that there are not")
        if not (0 if classes else -1) <= self.labels.min() <= self.labels.max() < max(0, classes):
            raise ValueError("it asks for classes that there are not")


def changed(way: Way, controls: DrawControls, names: Iterable[str]) -> Way:
    """The same way, but for what is named: that is taken from the controls."""
    return way._replace(**{name: getattr(controls, name) for name in names if name in Way._fields})


def labels_for(label: int, pictures: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.int64]:
    """The classes of some pictures: the one that is asked for, or (-1) each in turn; -1 if there are none."""
    if label >= classes:
        has = f"has the classes 0 to {classes - 1}" if classes else "knows no classes; leave the class at -1"
        raise ControlError(f"This model {has}.")
    if label >= 0:
        return np.full(len(pictures), label)
    return pictures % classes if classes else np.full(len(pictures), -1)


def numbers_of(count: int, prompt: Prompt | None, columns: int = 1) -> npt.NDArray[np.int64]:
    """The how manieth picture of its seed each one is, (B,). In a table, the pictures of a row draw with the same
    random numbers, and rows with those of the first picture, second, … that goes on from the same prompt."""
    if prompt is None or len(prompt.values) == 1:
        return np.arange(count) // columns
    before: dict[bytes, int] = {}
    rows = []
    for values, keep in zip(prompt.values[::columns], prompt.keep[::columns], strict=True):
        same = values.tobytes() + keep.tobytes()
        rows.append(before.setdefault(same, 0))
        before[same] += 1
    return np.repeat(rows, columns)


def _prompt(arrays: Mapping[str, Array], like: State, name: str) -> Prompt:
    """As it was saved: one for each picture, or one for all, which once had no dimension for that."""
    values, keep = arrays["prompt_values"], arrays["prompt_keep"]
    if keep.ndim == 1:
        values, keep = values[None], keep[None]
    count = len(keep) if len(keep) == len(like.given) else 1
    labels = np.full(count, -1, np.int64)
    return Prompt(
        _like(values, like.values[:count]),
        _like(keep, like.given[:count]),
        _like(arrays.get("prompt_labels", labels), labels),
        name,
    )


def _like(array: Array, like: Any) -> Any:
    if array.shape != like.shape or array.dtype != like.dtype:
        raise ValueError(f"an array is {array.dtype} {array.shape} instead of {like.dtype} {like.shape}")
    return array.copy()
