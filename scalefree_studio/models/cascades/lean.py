"""The work of one column on a CPU: what `cached.py` says, in as few calls as can be.

With a narrow network all numbers of a token are computed in microseconds, and time goes into calls: torch needs 2 to 4
of them for what takes numpy one half. So products, norms and large attention are torch's here, and all small things
numpy's, on the same memory. Queries and keys have a known length, so that no score needs to be kept from exploding.

B pictures, W columns, D numbers a token, H heads of d numbers, T slots in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..transformer.hidden import Hidden
from ..transformer.products import Product

Array = npt.NDArray[np.floating[Any]]

MANY = 1 << 13  # numbers of the keys of a head: with more, numpy calls other cores, which may be busy
EPSILON = 1e-5  # of norms, as torch has it


class Attend:
    """Softmax over keys (B, H, T, d), which lie in memory that stays; or (1, H, T, d) for all pictures."""

    def __init__(self, keys: Tensor, values: Tensor):
        self.keys, self.values = keys, values
        self.keys_np, self.values_np = keys.numpy(), values.numpy()
        B, H, T, d = keys.shape
        self.is_large = T * d > MANY or B * H > 64

    def __call__(self, q: Array, first: int, stop: int, mask: Array | None) -> Array:
        """Queries (B, H, d), divided by √d; mask: 0 or -inf, (T,) → (B, H · d)."""
        B, H, d = q.shape
        if self.is_large:
            keys, values = self.keys[:, :, first:stop], self.values[:, :, first:stop]
            allowed = None if mask is None else torch.from_numpy(mask)[None]
            query = torch.from_numpy(q)
            if len(keys) == 1:  # all pictures ask together
                query = query.transpose(0, 1)[None]  # (1, H, B, d)
                seen = F.scaled_dot_product_attention(query, keys, values, attn_mask=allowed, scale=1.0)
                return seen[0].transpose(0, 1).reshape(B, H * d).numpy()
            seen = F.scaled_dot_product_attention(
                query[:, :, None], keys, values, attn_mask=allowed, scale=1.0
            )
            return seen.reshape(B, H * d).numpy()
        scores = np.matmul(self.keys_np[:, :, first:stop], q[..., None])  # (B, H, T, 1)
        if mask is not None:
            scores += mask[:, None]
        np.exp(scores, out=scores)
        total = np.add.reduce(scores, 2)  # (B, H, 1)
        taken: Array = np.matmul(scores.swapaxes(2, 3), self.values_np[:, :, first:stop])[:, :, 0]
        taken /= total
        return taken.reshape(B, H * d)


class Turn:
    """Turns queries and keys in one column, and divides queries by √d."""

    def __init__(self, cos: Tensor, sin: Tensor, rotates: bool):
        """(W, 1, 2, 1, d) of the row."""
        self.cos, self.sin, self.rotates = cos, sin, rotates
        self.scale = cos.new_ones(2, 1, 1)
        self.scale[0] = cos.shape[-1] ** -0.5

    def next_row(self) -> None:
        W, d = len(self.cos), self.cos.shape[-1]
        halves = (W, 1, 2, 1, 2, d // 2)  # the partner of a number is in the other half
        cos = self.cos if self.rotates else torch.ones_like(self.cos)
        self.scaled_cos = (cos * self.scale).view(halves).numpy()
        self.scaled_sin = (self.sin * self.scale).view(halves).numpy()

    def __call__(self, x: Array, column: int) -> Array:
        """Queries, or queries and keys, (B, 1 or 2, H, d)."""
        B, some, H, d = x.shape
        cos, sin = self.scaled_cos[column, :, :some], self.scaled_sin[column, :, :some]
        parts = x.reshape(B, some, H, 2, d // 2)
        turned: Array = parts * cos
        if self.rotates:
            turned += parts[:, :, :, ::-1] * sin
        return turned.reshape(B, some, H, d)


@dataclass(frozen=True)
class Column:
    """Which one, and what it sees: slots first … stop - 1, of which masks, 0 or -inf, may hide some (T,)."""

    x: int
    first: int
    stop: int
    mask: Array | None
    mask_coarser: Array | None


class Own:
    def __init__(self, project: Product, gather: Product, kept: Tensor, turn: Turn):
        self.project, self.gather, self.turn = project, gather, turn
        self.attend = Attend(*kept)
        B, H, _, d = self.attend.keys.shape
        self.size = (B, 3, H, d)

    def __call__(self, x: Tensor, column: Column) -> Array:
        """(B, D) → (B, D)."""
        found = self.project(x).view(self.size)
        qk = torch.layer_norm(found, self.size[3:], None, None, EPSILON, False).numpy()[:, :2]
        qk = self.turn(qk, column.x)
        attend, now = self.attend, column.stop - 1
        attend.keys_np[:, :, now], attend.values_np[:, :, now] = qk[:, 1], found.numpy()[:, 2]
        seen = attend(qk[:, 0], column.first, column.stop, column.mask)
        return self.gather(torch.from_numpy(seen)).numpy()


class Coarser:
    def __init__(self, project: Product, gather: Product, keys: Tensor, values: Tensor, turn: Turn):
        self.project, self.gather, self.turn = project, gather, turn
        self.attend = Attend(keys, values)
        _, H, self.stop, d = keys.shape
        self.size = (-1, 1, H, d)

    def __call__(self, x: Tensor, column: Column) -> Array:
        """(B, D) → (B, D)."""
        found = self.project(x).view(self.size)
        q = torch.layer_norm(found, self.size[3:], None, None, EPSILON, False).numpy()
        q = self.turn(q, column.x)[:, 0]
        seen = self.attend(q, 0, self.stop, column.mask_coarser)
        return self.gather(torch.from_numpy(seen)).numpy()


class Think:
    def __init__(self, hidden: Hidden, into: Product, out: Product):
        self.into, self.out, self.act, self.is_relu2 = into, out, hidden.act, hidden.kind == "relu2"

    def __call__(self, x: Tensor, _: Column) -> Array:
        """(B, D) → (B, D)."""
        inner = self.into(x)
        if self.is_relu2:
            here = inner.numpy()
            np.maximum(here, 0, out=here)
            np.multiply(here, here, out=here)
            return self.out(inner).numpy()
        return self.out(self.act(inner)).numpy()


class Norms:
    """What goes into a part: the norm of a stream, scaled and shifted."""

    def __init__(self, ways: Tensor, stream: Tensor):
        """`ways`: shift, scale and gate of all parts and columns, (parts, 3, W or 1, B or 1, D); `stream` (B, D)."""
        self.ways, self.stream, self.size = ways, stream, stream.shape[1:]
        self.is_one = ways.shape[3] == 1
        self.found: dict[int, list[tuple[Tensor, Tensor, Array]]] = {}

    def of(self, x: int) -> list[tuple[Tensor, Tensor, Array]]:
        """Shift, scale and gate of each part in a column, (D,) or (B, D)."""
        x = min(x, self.ways.shape[2] - 1)
        if x not in self.found:
            of_parts = (self.ways[:, :, x, 0] if self.is_one else self.ways[:, :, x]).unbind()
            self.found[x] = [(shift, scale, gate.numpy()) for shift, scale, gate in of_parts]
        return self.found[x]

    def __call__(self, shift: Tensor, scale: Tensor) -> Tensor:
        if self.is_one:
            return torch.layer_norm(self.stream, self.size, scale, shift, EPSILON, False)
        found = torch.layer_norm(self.stream, self.size, None, None, EPSILON, False)
        return torch.addcmul(shift, found, scale)


class Lean:
    """All that happens in one column."""

    def __init__(
        self,
        parts: list[Own | Coarser | Think],
        ways: Tensor,
        inputs: Tensor,
        place: Tensor | None,
        head: Product,
        table: Tensor,
    ):
        """`ways`, `inputs` (W + 1, B, D) and `place` (W, 1, D) are what the row has in `cached.py`; `table`: what
        tokens go in as (K, D)."""
        self.parts, self.head = parts, head
        self.stream = torch.empty_like(inputs[0])
        self.norms = Norms(ways, self.stream)
        self.stream_np, self.inputs = self.stream.numpy(), inputs.numpy()
        self.place = None if place is None else place.numpy()
        self.table, self.size = table.detach().numpy(), self.stream.shape[1:]

    def predict(self, column: Column) -> Tensor:
        """The logits, (B, K)."""
        stream = self.stream_np
        if self.place is None:
            stream[:] = self.inputs[column.x]
        else:
            np.add(self.inputs[column.x], self.place[column.x], out=stream)
        for part, (shift, scale, gate) in zip(self.parts, self.norms.of(column.x), strict=True):
            added = part(self.norms(shift, scale), column)
            added *= gate
            stream += added
        return self.head(torch.layer_norm(self.stream, self.size, None, None, EPSILON, False))

    def take(self, x: int, values: Tensor) -> None:
        """Values (B,); where chances are no numbers, values are none either, and go on as some code."""
        np.take(self.table, values.numpy(), 0, out=self.inputs[x + 1], mode="clip")
