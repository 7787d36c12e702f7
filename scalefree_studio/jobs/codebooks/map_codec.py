"""Self-organising maps over latents as what turns pictures into tokens and back.

Each stage says the whole picture again, in finer patches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.codebooks.autoencoder import Autoencoder
from ...models.codebooks.maps import Codebooks
from ...models.codebooks.network import as_bytes, scaled
from ...models.codebooks.patches import from_patches
from ...snapshot import Array, Bytes
from ..codec import Bools, Codec, Grid, Tokens
from ..training.lesson import rows_of
from ..training.weights import arrays_of, weights_of
from .latents import carried_arrays

AT_ONCE = 2**19  # pixels that are encoded or decoded at once
AROUND = 2  # places beside a patch, which go on as its edge does, where it is shown alone


class MapCodec(Codec):
    """Codes are the units that are alive, in the order in which they lie on the map; or all of them, though those that
    are not alive are in no picture: as training shows them."""

    kind = "codebook"

    def __init__(
        self,
        network: Codebooks,
        autoencoder: Autoencoder,
        size: tuple[int, int],
        about: Mapping[str, Any],
        all_units: bool = False,
    ):
        self.network, self.autoencoder, self.size, self._about = network.eval(), autoencoder, size, about
        self.channels = autoencoder.shape.channels
        self.device = next(autoencoder.parameters()).device
        kept = [torch.ones_like(som.alive) if all_units else som.alive for som in network]
        self._units = [alive.nonzero()[:, 0] for alive in kept]  # (K,) of each stage: the unit of a code
        self._codes = [alive.cumsum(0) - 1 for alive in kept]  # the code of a unit

    def grids(self, size: tuple[int, int] | None = None) -> tuple[Grid, ...]:
        rows, columns = self.autoencoder.map_size(*(size or self.size))
        sizes = [self.network.grid(stage, rows, columns) for stage in range(len(self._units))]
        return tuple(Grid(*size, len(units)) for size, units in zip(sizes, self._units, strict=True))

    @torch.no_grad()
    def encode(self, pictures: Bytes) -> list[Tokens]:
        found = []
        for part in _parts(len(pictures), pictures.shape[1] * pictures.shape[2]):
            x = scaled(torch.from_numpy(np.ascontiguousarray(pictures[part])).to(self.device))
            units = self.network.codes(self.autoencoder.encode(x))
            found.append([codes[u].cpu().numpy() for codes, u in zip(self._codes, units, strict=True)])
        return [np.concatenate(stage) for stage in zip(*found, strict=True)]

    @torch.no_grad()
    def decode(self, tokens: Sequence[Tokens], drawn: Sequence[Bools] | None = None) -> Bytes:
        down, right = self.network.stages[len(tokens) - 1].sides
        stride = self.autoencoder.stride
        pixels = tokens[-1].shape[1] * down * tokens[-1].shape[2] * right * stride**2
        found = []
        for part in _parts(len(tokens[0]), pixels):
            stages = [self._tensor(stage[part]) for stage in tokens]
            if drawn is None:
                z = self._latents(stages[-1], len(stages) - 1)
            else:
                z = self._drawn(stages, [self._tensor(stage[part]) for stage in drawn])
            found.append(self._pictures(z))
        return np.concatenate(found)

    def _tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _latents(self, tokens: Tensor, stage: int) -> Tensor:
        """(B, Z, H, W) of the tokens of a stage (B, H_s, W_s)."""
        return self.network.lookup(self._units[stage][tokens], stage)

    def _drawn(self, tokens: Sequence[Tensor], drawn: Sequence[Tensor]) -> Tensor:
        """Latents (B, Z, H, W) of what is drawn of each stage; where nothing is, they are the mean of the first map."""
        (down, right), shape = self.network.stages[0].sides, tokens[0].shape
        mean = self.network.map_of(0).units[self._units[0]].mean(0)
        nothing = mean.expand(len(tokens[0]), shape[1] * shape[2], -1)
        z = from_patches(nothing, (down, right), shape[1] * down, shape[2] * right)
        for stage, (own, mask) in enumerate(zip(tokens, drawn, strict=True)):
            down, right = self.network.stages[stage].sides
            places = mask.repeat_interleave(down, 1).repeat_interleave(right, 2)[:, None]
            z = torch.where(places, self._latents(own, stage), z)
        return z

    def _pictures(self, z: Tensor) -> Bytes:
        return np.asarray(as_bytes(self.autoencoder.decode(z)).cpu().numpy(), np.uint8)

    def tiles(self, stage: int = 0) -> Bytes:
        count, each = len(self._units[stage]), self.pixels_of_a_tile(stage)
        return np.concatenate(
            [self.some_tiles(np.arange(count)[part], stage) for part in _parts(count, each)]
        )

    @torch.no_grad()
    def some_tiles(self, codes: npt.NDArray[np.int64], stage: int = 0) -> Bytes:
        stride, around = self.autoencoder.stride, self._around(stage)
        z = self._latents(self._tensor(codes)[:, None, None], stage)
        pictures = self._pictures(F.pad(z, (around,) * 4, mode="replicate") if around else z)
        edge, (down, right) = around * stride, self.network.stages[stage].sides
        shown = pictures[:, edge : edge + down * stride, edge : edge + right * stride]
        return np.repeat(shown, 3, axis=3) if self.channels == 1 else shown

    def _around(self, stage: int) -> int:
        """A patch that is all of the latents has nothing beside it."""
        return 0 if self.network.stages[stage].sides == self.autoencoder.map_size(*self.size) else AROUND

    def pixels_of_a_tile(self, stage: int = 0) -> int:
        (down, right), around = self.network.stages[stage].sides, 2 * self._around(stage)
        return (down + around) * (right + around) * self.autoencoder.stride**2

    def vectors(self, stage: int = 0) -> npt.NDArray[np.float32]:
        units = self.network.map_of(stage).units.detach()[self._units[stage]]
        return np.asarray(units.cpu().numpy(), np.float32)

    def arrangement(self, stage: int = 0) -> tuple[int, int]:
        """A line is shown in rows, one below the other."""
        shape = self.network.stages[stage].shape
        return shape if self._whole_grid(stage) else super().arrangement(stage)

    def is_map(self, stage: int = 0) -> bool:
        """A grid of which units are missing has no neighbours to be seen any more; a line has."""
        return self.network.stages[stage].shape[0] == 1 or self._whole_grid(stage)

    def is_line(self, stage: int = 0) -> bool:
        return self.network.stages[stage].shape[0] == 1

    def usage(self, stage: int = 0) -> npt.NDArray[np.float64]:
        counts = (
            self.network.map_of(stage).usage.counts[0][self._units[stage]].cpu().numpy().astype(np.float64)
        )
        return counts / counts.sum() if counts.any() else super().usage(stage)

    def _whole_grid(self, stage: int) -> bool:
        rows, columns = self.network.stages[stage].shape
        return rows > 1 and len(self._units[stage]) == rows * columns

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        return self._about, arrays_of(weights_of(self.network)) | carried_arrays(self.autoencoder)


def _parts(count: int, pixels: int) -> Iterator[slice]:
    """Parts of so many pictures, as many at once as there is room for; at least one."""
    yield from list(rows_of(count, max(1, AT_ONCE // pixels))) or [slice(0, 0)]
