"""A trained VQ-VAE as what turns pictures into tokens and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...models.codebooks.network import VQVAE, as_bytes, scaled
from ...snapshot import Array, Bytes
from ..codec import Bools, Codec, Grid, Tokens
from ..training.lesson import rows_of
from ..training.weights import arrays_of, weights_of

AT_ONCE = 2**21  # pixels that are encoded or decoded at once
AROUND = 5  # a code is seen in the middle of a map of so many places a side …
TILE = 2  # … of which so many are shown
SCALE = 1024  # places of a side of a large map, from which the proportions of all stages can be read


class VQVAECodec(Codec):
    """`size` and `about` are those of the network's checkpoint."""

    kind = "vqvae"

    def __init__(self, network: VQVAE, size: tuple[int, int], about: Mapping[str, Any]):
        self.network, self.size, self._about = network.eval(), size, about
        self.channels = network.autoencoder.shape.channels
        self.device = next(network.parameters()).device
        self.adds = network.quantiser.stages > 1

    def grids(self, size: tuple[int, int] | None = None) -> tuple[Grid, ...]:
        quantiser = self.network.quantiser
        grids = quantiser.grids(*self.network.autoencoder.map_size(*(size or self.size)))
        return tuple(Grid(rows, columns, quantiser.codes) for rows, columns in grids)

    @torch.no_grad()
    def encode(self, pictures: Bytes) -> list[Tokens]:
        parts = []
        for part in self._parts(len(pictures), pictures.shape[1] * pictures.shape[2]):
            x = scaled(torch.from_numpy(np.array(pictures[part])).to(self.device))
            parts.append([codes.cpu().numpy() for codes in self.network.codes(x)])
        return [np.concatenate(stage) for stage in zip(*parts, strict=True)]

    def decode(self, tokens: Sequence[Tokens], drawn: Sequence[Bools] | None = None) -> Bytes:
        size = self._map_of(tokens)
        parts = self._parts(len(tokens[0]), size[0] * size[1] * self.network.autoencoder.stride**2)
        return np.concatenate([self._decoded(tokens, drawn, part, size) for part in parts])

    @torch.no_grad()
    def _decoded(
        self, tokens: Sequence[Tokens], drawn: Sequence[Bools] | None, part: slice, size: tuple[int, int]
    ) -> Bytes:
        def here(arrays: Sequence[Array]) -> list[Tensor]:
            return [torch.from_numpy(np.array(array[part])).to(self.device) for array in arrays]

        seen = None if drawn is None else here(drawn)
        z = self.network.quantiser.lookup(here(tokens), *size, seen)
        return np.asarray(as_bytes(self.network.autoencoder.decode(z)).cpu().numpy(), np.uint8)

    def _map_of(self, tokens: Sequence[Tokens]) -> tuple[int, int]:
        """Rows and columns of the map of which these are the first stages: that of the pictures learned if they fit."""
        learned = self.grids()
        finest = tokens[-1].shape[1:]
        if finest == (learned[len(tokens) - 1].rows, learned[len(tokens) - 1].columns):
            return self.network.autoencoder.map_size(*self.size)
        scales = self.network.quantiser.grids(SCALE, SCALE)
        return tuple(round(n * SCALE / s) for n, s in zip(finest, scales[len(tokens) - 1], strict=True))

    def tiles(self, stage: int = 0) -> Bytes:
        return self.some_tiles(np.arange(self.network.quantiser.codes), stage)

    def some_tiles(self, codes: npt.NDArray[np.int64], stage: int = 0) -> Bytes:
        """Each code alone in the middle of a map of which nothing else is drawn, or, where stages add up, in all places
        of its stage; of its picture, the middle."""
        stride, count = self.network.autoencoder.stride, stage + 1
        grids = self.network.quantiser.grids(AROUND, AROUND)[:count]
        tokens = [np.broadcast_to(codes[:, None, None], (len(codes), *grid)) for grid in grids]
        drawn = [np.full(found.shape, self.adds and s == stage) for s, found in enumerate(tokens)]
        if not self.adds:
            drawn[0][:, AROUND // 2, AROUND // 2] = True
        parts = self._parts(len(codes), self.pixels_of_a_tile())
        pictures = np.concatenate([self._decoded(tokens, drawn, part, (AROUND, AROUND)) for part in parts])
        middle = slice((AROUND - TILE) * stride // 2, (AROUND + TILE) * stride // 2)
        pictures = pictures[:, middle, middle]
        return np.repeat(pictures, 3, axis=3) if pictures.shape[3] == 1 else pictures

    def pixels_of_a_tile(self, stage: int = 0) -> int:
        return int(AROUND * self.network.autoencoder.stride) ** 2

    def vectors(self, stage: int = 0) -> npt.NDArray[np.float32]:
        return self.network.quantiser.vectors().cpu().float().numpy()

    def usage(self, stage: int = 0) -> npt.NDArray[np.float64]:
        counts = self.network.quantiser.counts[stage].cpu().numpy().astype(np.float64)
        return counts / counts.sum() if counts.any() else super().usage(stage)

    def _parts(self, count: int, pixels: int) -> list[slice]:
        return list(rows_of(count, max(1, AT_ONCE // pixels))) or [slice(0, 0)]

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        return self._about, arrays_of(weights_of(self.network))
