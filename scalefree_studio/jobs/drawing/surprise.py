"""How surprising a picture of one's own is to a network that draws: what each of its places had for a chance there.

The picture is shown as if the network had drawn it: as a drawing that is done, with what was thought possible at every
place. So whatever shows drawings can show this.

N places in their order, C channels, L values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...data.examples import Examples
from ...drawings import Drawing
from ...errors import JobError
from ...models.ordered.request import Likeliest, Request, likeliest_of, measure
from ...snapshot import Array, Bytes
from ..memory import within_memory
from ..training.held_out import spread
from .controls import DrawControls
from .draw import DrawPictures
from .sampler import Sampler

ADVICE = "choose a smaller network"  # where memory runs out
COMPARED = 32  # held-out pictures beside which one's own is set, where nobody says how many

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Surprise:
    """What a network makes of a picture."""

    drawing: Drawing  # the picture as the network sees it, and what was thought at each place
    total: float  # bits of the whole picture, all stages together
    label: int  # the class that it was taken for; -1: none
    by_label: tuple[float, ...]  # bits of the whole picture under each class that was tried
    dimensions: int  # numbers that a place stands for; 0: nobody says
    comparable: bool  # whether bits per dimension may stand beside published ones

    @property
    def bits(self) -> Floats:
        """Of each place (H, W), of the last stage if there are several."""
        return np.asarray(self.drawing.current.frame["surprise"][0], np.float64)

    @property
    def per_place(self) -> float:
        return self.total / self.bits.size

    @property
    def per_dimension(self) -> float | None:
        return self.per_place / self.dimensions if self.dimensions else None

    @property
    def place(self) -> str:
        """What a place is called: a token, where it says more than one pixel."""
        return "pixel" if self.picture.shape[:2] == self.bits.shape else "token"

    @property
    def picture(self) -> Bytes:
        """As the network sees it: (h, w, 3)."""
        picture: Bytes = self.drawing.pictures()[0]
        return picture

    @property
    def highest(self) -> float:
        """Bits that take the brightest colour: those of a guess without any knowledge, or more where there are more."""
        return max(self.drawing.current.most_bits, float(self.bits.max()))

    @property
    def most(self) -> tuple[int, int]:
        """Row and column of the place that surprises most …"""
        return self._place(int(self.bits.argmax()))

    @property
    def least(self) -> tuple[int, int]:
        """… and of the one that does least."""
        return self._place(int(self.bits.argmin()))

    def _place(self, place: int) -> tuple[int, int]:
        row, column = divmod(place, self.bits.shape[1])
        return row, column


def surprise_of(sampler: Sampler, pixels: Bytes, label: int = -1) -> Surprise:
    """How surprising a picture (h, w, 3) of any size is, of its class `label`; -1: of the class that makes it the least
    surprising."""
    job, classes = DrawPictures(sampler, DrawControls(count=1)), len(sampler.classes)
    values = _values(job, pixels)
    tried = [label] if label >= 0 or not classes else list(range(classes))
    best, totals = _measured(sampler, values, tried[0]), []
    for other in tried:
        found = best if other == best.label else _measured(sampler, values, other)
        totals.append(found.total)
        best = found if found.total < best.total else best
    return Surprise(
        Drawing(_frame(job, values, best), {**job.still(), "labels": np.array([best.label])}),
        best.total,
        best.label,
        tuple(totals),
        sampler.dimensions,
        sampler.comparable,
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """What a network thought of a picture, place after place in their order."""

    label: int
    chances: Tensor  # (N, C, L)
    surprise: Array  # (N,): bits
    entropy: Array  # (N,): bits

    @property
    def total(self) -> float:
        return float(self.surprise.sum(dtype=np.float64))


def _values(job: DrawPictures, pixels: Bytes) -> npt.NDArray[np.int64]:
    """The values of a picture in all stages: (N, C)."""
    layout, sampler = job.layout, job.sampler
    values = np.zeros((layout.count, sampler.channels), np.int64)
    for number in range(len(layout.stages)):
        found = np.asarray(sampler.values_of(pixels, number))  # (H, W, C)
        values[layout.positions_of(number)] = found.reshape(-1, sampler.channels)
    return values


def _measured(sampler: Sampler, values: npt.NDArray[np.int64], label: int) -> _Measured:
    labels = torch.tensor([label]) if sampler.classes else None
    request = Request(torch.zeros(1, *values.shape), labels).to(sampler.device)
    sent = torch.from_numpy(values[None]).to(sampler.device)

    def measured() -> _Measured:
        with torch.inference_mode():
            chances = sampler.chances(request, sent)
            entropy, surprise = measure(chances, sent)
        return _Measured(label, chances[0], surprise[0].cpu().numpy(), entropy[0].cpu().numpy())

    found = within_memory(measured, ADVICE)
    if not np.isfinite(found.surprise).all():
        raise JobError("The model's chances are not numbers: it is damaged, or its training went wrong.")
    return found


def _frame(job: DrawPictures, values: npt.NDArray[np.int64], found: _Measured) -> dict[str, Array]:
    """The picture as a drawing that is done: see drawings.py."""
    by_place, N = job.layout.by_place, job.layout.count
    frame = {
        "values": by_place(values[None]),
        "position": np.array([N]),
        "given": by_place(np.zeros((1, N), bool)),
        "entropy": by_place(found.entropy[None]),
        "surprise": by_place(found.surprise[None]),
        "watched": np.array(0),
        **{name: by_place(array[None])[0] for name, array in _thought(job, found.chances).items()},
    }
    pictures = job.sampler.decode(frame["values"], by_place(np.ones((1, N), bool)))
    return frame if pictures is None else {**frame, "pictures": pictures}


def _thought(job: DrawPictures, chances: Tensor) -> dict[str, Array]:
    """What was thought possible, of chances (N, C, L): all values, or the likeliest of very many."""
    layout = job.layout
    found = np.zeros((layout.count, job.sampler.channels, layout.kept), np.float32)
    values = np.zeros(found.shape, np.int64)
    some = False
    for levels in np.unique(layout.levels).tolist():  # of one stage or another
        here = np.flatnonzero(layout.levels == levels)
        likeliest: Likeliest = likeliest_of(chances[torch.from_numpy(here).to(chances.device), :, :levels])
        K = likeliest.chances.shape[2]
        found[here, :, :K] = likeliest.chances.cpu().numpy()
        values[here, :, :K] = np.arange(K) if likeliest.values is None else likeliest.values.cpu().numpy()
        some |= likeliest.values is not None
    return {"chances": found, **({"likeliest": values} if some else {})}


# Beside other pictures.


def held_out_bits(
    sampler: Sampler,
    held: Examples,
    count: int = COMPARED,
    measured: Callable[[int], object] = lambda done: None,
) -> Floats:
    """Bits of so many held-out pictures, each of its own class: (K,). `measured` is called after each."""
    job, batch = DrawPictures(sampler, DrawControls(count=1)), held.take(spread(len(held), count))
    found = []
    for pixels, label in zip(batch.values, batch.labels.tolist(), strict=True):
        found.append(_measured(sampler, _values(job, pixels), label).total)
        measured(len(found))
    return np.array(found)


def standing(total: float, held: Floats) -> str:
    """Where a picture of so many bits stands among others, in words."""
    below, count = int((held < total).sum()), len(held)
    if not count:
        return ""
    if below in (0, count):
        word = "more" if below else "less"
        return f"{word} surprising than all {count} held-out pictures that it was compared with"
    of_ten = min(9, max(1, round(10 * below / count)))
    return f"more surprising than {of_ten} of 10 held-out pictures"
