"""What a next-scale network shows of itself while it learns: samples that come to be scale by scale.

M samples, K held-out pictures, of h × w pixels; T tokens of all scales.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch

from ...data.examples import Batch
from ...data.sources import Dataset
from ...models.cascades.next_scale import NextScale
from ...models.cascades.next_scale_draw import draw_scales
from ...models.ordered.request import Drawn, Request, uniforms
from ...snapshot import Array
from ..codec import Codec
from ..encoding import parted
from ..training.sample_wall import SAMPLES, SampleWall

Surprise = Callable[[NextScale, Batch], torch.Tensor]  # of held-out pictures, nats (K, T)


class NextScaleWall(SampleWall[NextScale]):
    """A piece is a scale: all pictures become finer."""

    def __init__(
        self,
        dataset: Dataset,
        codec: Codec,
        size: tuple[int, int],
        classes: int,
        seed: int,
        surprise: Surprise,
    ):
        super().__init__((*size, codec.channels), len(dataset.held))
        self._dataset, self._codec, self._surprise_of = dataset, codec, surprise
        self._grids = codec.grids(size)
        self._ends = list(itertools.accumulate(grid.count for grid in self._grids))
        labels = torch.arange(SAMPLES) % classes if classes else None
        every = max(grid.columns for grid in self._grids)
        self._request = Request(uniforms(SAMPLES, self._ends[-1], 1, seed), labels, every=every)
        self._tokens = np.zeros((SAMPLES, self._ends[-1]), np.int64)

    @property
    def pieces(self) -> int:
        return len(self._grids)

    def steps(self, network: NextScale) -> Iterator[Drawn]:
        rows = draw_scales(network, self._request)
        for grid in self._grids:
            scale = list(itertools.islice(rows, grid.rows))
            yield Drawn(scale[0].start, scale[-1].stop, torch.cat([row.values for row in scale], dim=1))

    def take(self, drawn: Drawn) -> int:
        self._tokens[:, drawn.start : drawn.stop] = drawn.values[..., 0].cpu().numpy()
        scales = self._ends.index(drawn.stop) + 1
        self.pictures[:] = self._codec.decode(parted(self._tokens, self._grids)[:scales])
        return len(self.pictures[0]) * scales // len(self._grids)

    def surprised(self, network: NextScale) -> npt.NDArray[np.floating]:
        """The mean over all scales, each token as large as it is in the picture."""
        nats = self._surprise_of(network, self._held()).cpu().numpy()  # (K, T)
        height, width = self.pictures.shape[1:3]
        ends, found = [0, *self._ends], np.zeros((len(nats), height, width))
        for (start, stop), grid in zip(itertools.pairwise(ends), self._grids, strict=True):
            rows, columns = np.arange(height) * grid.rows // height, np.arange(width) * grid.columns // width
            found += nats[:, start:stop].reshape(-1, grid.rows, grid.columns)[:, rows[:, None], columns]
        return found / len(self._grids)

    def _held(self) -> Batch:
        return self._dataset.held.take(self.held)

    def still(self) -> Mapping[str, Array]:
        """Held-out pictures as far as their tokens know them."""
        batch = self._held()
        tokens = parted(batch.values, self._grids) if batch.tokens else self._codec.encode(batch.values)
        return {"held": self._codec.decode(tokens), "most_bits": np.array(np.log2(self._grids[-1].codes))}
