"""A pixel transformer that is asked for one token after another, and computes nothing twice.

What later tokens may attend to of a position are its keys and values in every layer: they are kept where they lie, for
all positions of the picture, and a new token adds one position to them. What comes in a row, like a prompt, is passed
through the layers together.

On a GPU the work of a token is captured once and replayed: so there a position is a number in memory instead of one in
Python, and queries look at all positions under a mask instead of at those that are filled.

B pictures, n positions that are passed together, T positions, D numbers a token, H heads of d numbers, L colours.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from .attention import unit
from .local import near
from .network import Block, PixelTransformer
from .places import Places
from .products import product_with
from .rotary import rotate
from .shape import PADDING, RESERVED, START, PixelsShape

AT_ONCE = 2048  # so many tokens of all pictures are passed together, at most
At = slice | Tensor  # positions: start … stop - 1, or those in (n,)


class Layer:
    """What one block does, with the keys and values of all positions that have passed."""

    def __init__(self, block: Block, shape: PixelsShape, count: int, positions: int):
        self.shape, self.attention, self.hidden = shape, block.attention, block.hidden
        a, like, d = block.attention, block.attention.query.weight, shape.width // shape.heads
        self.seen = a.seen.weight * a.share if shape.value_embeddings else None  # (vocabulary, D)
        gathered = a.out.weight * a.heads_on.to(like.dtype).repeat_interleave(d)
        self.project = product_with(torch.cat([a.query.weight, a.key.weight, a.value.weight]), count)
        self.gather = product_with(gathered, count)
        self.into = product_with(block.hidden.into.weight, count)
        self.out = product_with(block.hidden.out.weight, count)
        size = (count, shape.heads, positions, d)
        self.keys = torch.zeros(size, dtype=like.dtype, device=like.device)  # (B, H, T, d)
        self.values = torch.zeros_like(self.keys)

    def __call__(self, x: Tensor, before: Tensor, here: Here) -> Tensor:
        """Positions (B · n, D), whose inputs were these tokens (B, n)."""
        x = x + self.gather(self._attend(unit(x), before, here))
        return x + self.out(self.hidden.act(self.into(unit(x))))

    def _attend(self, x: Tensor, before: Tensor, here: Here) -> Tensor:
        """(B · n, D) → (B · n, D)."""
        B, n = before.shape
        found = self.project(x).view(B, n, 3, self.shape.heads, -1).permute(2, 0, 3, 1, 4)
        qk, v = found[:2], found[2]  # (2, B, H, n, d), (B, H, n, d)
        if self.seen is not None:
            v = v + self.seen[before].unflatten(-1, (self.shape.heads, -1)).transpose(1, 2)
        if self.shape.qk_norm:
            qk = unit(qk)
        if here.turn is not None:
            qk = rotate(qk, here.turn)
        q, k = qk
        self.keys[:, :, here.at], self.values[:, :, here.at] = k, v
        keys, values = self.keys[:, :, : here.stop], self.values[:, :, : here.stop]
        seen = F.scaled_dot_product_attention(q, keys, values, attn_mask=here.mask)
        return seen.transpose(1, 2).reshape(B * n, -1)


class Here:
    """What all layers need to know of the positions that pass."""

    def __init__(self, places: Places, at: At, stop: int, turn: Tensor | None):
        """Positions `at` look at those before `stop`."""
        self.at, self.stop = at, stop
        self.turn = None if turn is None else turn[:, :, None, None, at]  # (2, 2, 1, 1, n, d // 2)
        self.mask = None  # (n, stop): whom each sees, where it is not all of them
        if places.shape.attention == "local":
            self.mask = near(places, at, slice(0, stop))
        elif not isinstance(at, slice) or at.stop - at.start > 1:
            seen = torch.arange(stop, device=places.device)
            self.mask = seen <= torch.arange(places.count, device=places.device)[at, None]


def moves(device: torch.device) -> bool:
    """Whether the position is a number in memory, as it must be where work is captured."""
    return device.type == "cuda"


class CachedPixels:
    """Predicts what the network does, for pictures that come to be token by token in the network's order."""

    @torch.inference_mode()
    def __init__(
        self,
        network: PixelTransformer,
        count: int,
        places: Places,
        labels: Tensor | None = None,
        moving: bool | None = None,
    ):
        """`moving`: as `moves` says, where it is not said."""
        shape, like = network.shape, network.embedding.colour.weight
        self.network, self.places = network, places
        self.moving = moves(like.device) if moving is None else moving
        self.layers = [Layer(cast(Block, block), shape, count, places.count) for block in network.blocks]
        self.head = product_with(network.head_weight, count)
        # The tokens: those not known yet are padding, as is the one at T.
        self.tokens = torch.full((count, places.count + 1), PADDING, device=like.device)
        self.before = self.tokens.roll(1, 1)  # the inputs: the same, one later
        self.before[:, 0] = START
        e = network.embedding
        self.place = e.place(places, None)  # (1, T, D)
        self.label = e.label(labels)[:, None] if shape.classes and labels is not None else None  # (B, 1, D)
        self.turn = None  # how queries and keys are turned: (2, 2, T, d // 2)
        if shape.positions != "learned":
            self.turn = torch.stack([places.query_turn, places.key_turn], dim=1)
        self.passed = 0  # positions
        self.start = 0  # where the row begins
        self.next = torch.zeros(1, dtype=torch.long, device=like.device)  # the next position, where it moves

    @torch.inference_mode()
    def begin_row(self, above: Tensor | None, given: bool = False) -> None:
        """Go one row on; `above` is the row that is complete now, (B, W, C), or None before the first. If this one is
        not given, all that was passes through the layers as far as it has not."""
        if above is not None:
            tokens = above.flatten(1) + RESERVED
            stop = self.start + tokens.shape[1]
            self.tokens[:, self.start : stop] = tokens
            self.before[:, self.start + 1 : stop + 1] = tokens
            self.start = stop
        if not given:
            self.fill(self.start)
            self.passed = self.start + self.places.columns * self.places.channels  # by the end of it

    def fill(self, stop: int) -> None:
        """Let all positions before `stop` pass, whose tokens are known."""
        step = max(1, AT_ONCE // len(self.tokens))
        for start in range(self.passed, stop, step):
            self.step(slice(start, min(start + step, stop)), min(start + step, stop))
        self.next.fill_(stop)

    def step(self, at: At, stop: int) -> Tensor:
        """Let positions pass, that look at those before `stop`: (B · n, D)."""
        e, here = self.network.embedding, Here(self.places, at, stop, self.turn)
        before = self.before[:, at]
        known = None
        if self.places.shape.neighbours:
            known = self.tokens[:, self.places.neighbours[at]]  # (B, n, K)
        x = e.seen(before, known) + self.place[:, at]
        if self.label is not None:
            x = x + self.label
        x = x.flatten(0, 1)
        for layer in self.layers:
            x = layer(x, before, here)
        return x

    @torch.inference_mode()
    def predict(self, x: int, c: int) -> Tensor:
        """The logits of channel c of place x of this row, (B, L), when all before it have been taken."""
        if self.moving:
            last = self.step(self.next, self.places.count)
        else:
            t = self.start + x * self.places.channels + c
            last = self.step(slice(t, t + 1), t + 1)
        return self.network.capped(self.head(unit(last)))

    @torch.inference_mode()
    def take(self, x: int, c: int, values: Tensor) -> None:
        """The values (B, 1) of channel c of place x, now that they are known."""
        if self.moving:
            at: At = self.next
            later: At = self.next + 1
        else:
            t = self.start + x * self.places.channels + c
            at, later = slice(t, t + 1), slice(t + 1, t + 2)
        tokens = values + RESERVED
        self.tokens[:, at] = self.before[:, later] = tokens
        if self.moving:
            self.next += 1
