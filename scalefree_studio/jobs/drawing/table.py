"""A drawing as a table: a row for each picture that is gone on from, a column for each temperature.

The cells of a row draw with the same random numbers, so that they differ by their temperature alone, and each is the
picture that would be drawn by itself with that prompt, seed and temperature.

B cells in R rows and T columns; N places, C channels, L values.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...models.ordered.request import Request, measure
from ...snapshot import Array
from .sampler import Sampler
from .state import Bools, Prompt, State


class Bits(NamedTuple):
    """How unlikely parts of a picture are to the network itself, at temperature 1 and with nothing left out, so that
    they can be compared."""

    drawn: float  # of what was drawn
    hidden: float  # of what was there instead; not-a-number where nothing was


def table_prompt(prompts: list[Prompt], columns: int) -> Prompt | None:
    """One prompt for all cells of each row."""
    if not prompts:
        return None
    values = np.concatenate([prompt.values for prompt in prompts])
    keep = np.concatenate([prompt.keep for prompt in prompts])
    labels = np.concatenate([prompt.labels for prompt in prompts])
    values, keep, labels = (array.repeat(columns, axis=0) for array in (values, keep, labels))
    return Prompt(values, keep, labels)


def table_rows(state: State) -> list[Prompt]:
    """The prompts of the rows of a table."""
    prompt, columns = state.prompt, len(state.temperatures)
    if prompt is None or not columns:
        return []
    rows = np.arange(0, len(state.values), columns) % len(prompt.values)
    return [Prompt(prompt.values[n : n + 1], prompt.keep[n : n + 1], prompt.labels[n : n + 1]) for n in rows]


def shown_table(state: State) -> dict[str, Array]:
    """What each row of a table goes on from: the prompts' values (R, N, C), and what of them is kept (R, N)."""
    prompts = table_rows(state)
    if not prompts:
        return {}
    values, kept = ([getattr(prompt, name) for prompt in prompts] for name in ("values", "keep"))
    return {"prompts": np.concatenate(values), "kept": np.concatenate(kept)}


def class_that_fits(sampler: Sampler, prompt: Prompt) -> int:
    """The class under which what is kept of a picture is the least surprising; -1 where there are no classes."""
    classes = range(len(sampler.classes))
    return min(
        classes,
        key=lambda label: _bits(sampler, prompt.values[0], prompt.keep[0], np.int64(label)),
        default=-1,
    )


def bits_of(sampler: Sampler, state: State, picture: int) -> Bits:
    """Of a picture that is done."""
    label = state.labels[picture]
    drawn = _bits(sampler, state.values[picture], ~state.given[picture], label)
    prompt = state.prompt
    if prompt is None:
        return Bits(drawn, np.nan)
    row = picture % len(prompt.values)
    return Bits(drawn, _bits(sampler, prompt.values[row], ~prompt.keep[row], label))


@torch.inference_mode()
def _bits(sampler: Sampler, values: Array, part: Bools, label: np.int64) -> float:
    """How unlikely a part (N,) of a picture (N, C) is."""

    def sent(array: Any) -> Tensor:
        return torch.as_tensor(array.astype(np.int64), device=sampler.device)[None]

    labels = sent(label) if sampler.classes else None
    chances = sampler.chances(Request(torch.zeros(1, *values.shape), labels), sent(values))  # (1, N, C, L)
    surprise = measure(chances, sent(values))[1][0]  # (N,)
    return float(surprise[torch.from_numpy(part).to(surprise.device)].sum())
