"""A pixel transformer that is asked for one token after another, and computes nothing twice.

What later tokens may attend to of a position are its keys and values in every layer: they are kept where they lie, for
all positions of the picture, and a new token adds one position to them. What comes in a row, like a prompt, is passed
through the layers together.

On a GPU the work of a token is captured once and replayed: so there a position is a number in memory instead of one in
Python, and queries look at all positions under a mask instead of at those that are filled.

B pictures, n positions that are passed together, T positions, D numbers a token, H heads of d numbers, L colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ..transformer.hidden import Hidden
from ..transformer.local import near
from ..transformer.products import Product, product_with
from ..transformer.rotary import factors
from .attention import PixelAttention
from .lsh import APART, NOWHERE, buckets_of, next_place, places_of, seen_by_next
from .network import PixelTransformer
from .places import Places
from .shape import PADDING, RESERVED, START, PixelsShape

AT_ONCE = 2048  # so many tokens of all pictures are passed together, at most
At = slice | Tensor  # positions: start … stop - 1, or those in (n,)


class Length:
    """How long vectors of so many numbers are, or a little more, as in `unit`: a vector divided by it is one of `unit`
    divided by √width. What comes after makes up for that, as that costs nothing there."""

    def __init__(self, width: int, like: Tensor):
        least = math.sqrt(width * torch.finfo(like.dtype).eps)
        self.root, self.least = math.sqrt(width), torch.tensor(least, dtype=like.dtype, device=like.device)

    def __call__(self, x: Tensor) -> Tensor:
        """(…, width) → (…, 1)."""
        return torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), self.least)


class Attend:
    """What the attention of one block adds, with the keys and values of all positions that have passed."""

    def __init__(self, attention: PixelAttention, room: Room):
        a, shape, like, D, d = attention, room.shape, room.like, room.shape.width, room.shape.head
        self.shape, self.length, self.head_length = shape, Length(D, like), Length(d, like)
        self.seen = a.seen.weight * a.share if shape.value_embeddings else None  # (vocabulary, H · d)
        self.is_lsh = shape.attention == "lsh"
        parts = [a.query, a.value] if self.is_lsh else [a.query, a.key, a.value]
        project = torch.cat([part.weight for part in parts])  # (2 or 3 · H · d, D)
        gather = a.out.weight * a.heads_on.to(like.dtype).repeat_interleave(d)
        self.project, self.gather = room.product(self.length.root * project), room.product(gather)
        self.scale = d**0.5 if shape.qk_norm else d**-0.5  # of scores
        size = (room.count, shape.heads, room.positions, d)
        # A CPU attends to half of it no faster.
        kept = like.dtype if like.device.type == "cpu" else room.precision
        self.keys = torch.zeros(size, dtype=kept, device=like.device)  # (B, H, T, d)
        self.values = torch.zeros_like(self.keys)
        if self.is_lsh:
            self.scale, self.rotations = d**0.5 if shape.qk_norm else 1.0, a.rotations
            size = (room.count, shape.heads, shape.rounds, room.positions)
            self.found = torch.full(size, NOWHERE, dtype=torch.int32, device=like.device)  # (B, H, R, T)

    def __call__(self, x: Tensor, here: Here) -> Tensor:
        """(B · n, D) → (B · n, D)."""
        B, n = here.before.shape
        found = self.project(x / self.length(x)).view(B, n, -1, self.shape.heads, self.shape.head)
        found = found.permute(2, 0, 3, 1, 4)  # (2 or 3, B, H, n, d)
        qk, v, mask = found[:-1], found[-1], here.mask
        if self.seen is not None:
            v = v + self.seen[here.before].unflatten(-1, (self.shape.heads, -1)).transpose(1, 2)
        if self.shape.qk_norm:
            qk = qk / self.head_length(qk)
        if self.is_lsh:
            mask = self._alike(qk[0], here)
        q, k = qk.expand(2, -1, -1, -1, -1) if here.turn is None else here.turn(qk)
        if self.is_lsh:
            k = F.normalize(k, dim=-1)
        self.keys[:, :, here.at], self.values[:, :, here.at] = k, v
        keys, values = self.keys[:, :, : here.stop], self.values[:, :, : here.stop]
        q = q.to(keys.dtype)
        seen = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, scale=self.scale)
        return self.gather(seen.transpose(1, 2).reshape(B * n, -1))

    def _alike(self, q: Tensor, here: Here) -> Tensor:
        """Whom each of these positions sees by its hash: (B, H, n, d) → (B, H, n, stop)."""
        buckets, earlier = buckets_of(q, self.rotations), self.found[:, :, :, None, : here.stop]
        found = next_place(buckets, earlier)  # (B, H, R, n)
        if q.shape[2] > 1:
            # Those that pass together come after one another.
            found = found + places_of(buckets) - buckets * APART
        self.found[..., here.at] = found
        return seen_by_next(found, earlier, self.shape.chunk)


class Think:
    """What the hidden layer of one block adds."""

    def __init__(self, hidden: Hidden, room: Room):
        self.length, self.act = Length(room.shape.width, room.like), hidden.act
        self.into = room.product(self.length.root * hidden.into.weight)
        self.out = room.product(hidden.out.weight)

    def __call__(self, x: Tensor, here: Here) -> Tensor:
        """(B · n, D) → (B · n, D)."""
        return self.out(self.act(self.into(x / self.length(x))))


class Turn:
    """`rotate` for queries and keys together: each number times a cosine, and its partner times a sine."""

    def __init__(self, places: Places, like: Tensor):
        d = places.shape.head
        query, key = (factors(turn.to(like.dtype), d) for turn in (places.query_turn, places.key_turn))
        self.cos, self.sin = (torch.stack([query[i], key[i]]) for i in (0, 1))  # (2, T, d)
        self.partner = query[2]

    def at(self, at: At) -> Callable[[Tensor], Tensor]:
        """What turns queries and keys (2, B, H, n, d), or what is both (1, …), of these positions: (2, B, H, n, d)."""
        cos, sin = self.cos[:, None, None, at], self.sin[:, None, None, at]  # (2, 1, 1, n, d)
        return lambda qk: torch.addcmul(qk * cos, qk.index_select(-1, self.partner), sin)


class Here:
    """What all layers need to know of the positions that pass."""

    def __init__(self, places: Places, at: At, stop: int, before: Tensor, turn: Turn | None):
        """Positions `at`, whose inputs were the tokens `before` (B, n), look at those before `stop`."""
        self.at, self.stop, self.before = at, stop, before
        self.turn = None if turn is None else turn.at(at)
        self.mask = None  # (n, stop): whom each sees, where it is not all of them
        if places.shape.attention == "local":
            self.mask = near(places, at, slice(0, stop))
        elif not isinstance(at, slice) or before.shape[1] > 1:
            seen = torch.arange(stop, device=places.device)
            self.mask = seen <= torch.arange(places.count, device=places.device)[at, None]


@dataclass(frozen=True)
class Room:
    """For what weights and caches are made ready."""

    shape: PixelsShape
    count: int  # B
    positions: int  # T
    like: Tensor  # all numbers but those of weights and caches …
    precision: torch.dtype  # … which are these

    def product(self, weight: Tensor) -> Product:
        return product_with(weight, self.count, self.precision)


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
        precision: torch.dtype | None = None,
    ):
        """`moving`: as `moves` says, where it is not said. `precision`: of weights, and on a GPU of caches; another one
        than the network's own, such as bfloat16, is faster and not exact."""
        shape, like = network.shape, network.embedding.colour.weight
        self.network, self.places = network, places
        self.moving = moves(like.device) if moving is None else moving
        room = Room(shape, count, places.count, like, precision or like.dtype)
        self.parts: list[Attend | Think] = [
            Attend(part, room) if isinstance(part, PixelAttention) else Think(cast(Hidden, part), room)
            for part in network.parts()
        ]
        self.length = Length(shape.width, like)
        self.head = room.product(self.length.root * network.head_weight)
        # The tokens: those not known yet are padding, as is the one at T.
        self.tokens = torch.full((count, places.count + 1), PADDING, device=like.device)
        self.before = self.tokens.roll(1, 1)  # the inputs: the same, one later
        self.before[:, 0] = START
        e = network.embedding
        self.place = e.place(places, None)  # (1, T, D)
        self.label = e.label(labels)[:, None] if shape.classes and labels is not None else None  # (B, 1, D)
        self.turn = Turn(places, like) if shape.positions != "learned" else None
        self.passed = 0  # positions
        self.start = 0  # where the row begins
        self.next = torch.zeros(1, dtype=torch.long, device=like.device)  # the next position, where it moves

    @torch.inference_mode()
    def begin_row(self, above: Tensor | None, given: bool = False) -> None:
        """Go one row on; `above` is the row that is complete now, (B, W, C), or None before the first. If this one is
        not given, all that was passes through the layers as far as it has not."""
        if above is not None:
            tokens = above.flatten(1).clamp(max=self.places.shape.colours - 1) + RESERVED
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
        e, before = self.network.embedding, self.before[:, at]
        here = Here(self.places, at, stop, before, self.turn)
        known = None
        if self.places.shape.neighbours:
            known = self.tokens[:, self.places.neighbours[at]]  # (B, n, K)
        x = e.seen(before, known) + self.place[:, at]
        if self.label is not None:
            x = x + self.label
        x = x.flatten(0, 1)
        if self.places.shape.reversible:
            a, b = x, x
            for part in self.parts:
                a, b = b, a + part(b, here)
            return a + b
        for part in self.parts:
            x = x + part(x, here)
        return x

    @torch.inference_mode()
    def predict(self, x: int, c: int) -> Tensor:
        """The logits of channel c of place x of this row, (B, L), when all before it have been taken."""
        if self.moving:
            last = self.step(self.next, self.places.count)
        else:
            t = self.start + x * self.places.channels + c
            last = self.step(slice(t, t + 1), t + 1)
        return self.network.capped(self.head(last / self.length(last)))

    @torch.inference_mode()
    def take(self, x: int, c: int, values: Tensor) -> None:
        """The values (B, 1) of channel c of place x, now that they are known."""
        if self.moving:
            at: At = self.next
            later: At = self.next + 1
        else:
            t = self.start + x * self.places.channels + c
            at, later = slice(t, t + 1), slice(t + 1, t + 2)
        # Where chances are no numbers, values are none either: they go on as some colour, until it is noticed.
        tokens = values.clamp(max=self.places.shape.colours - 1) + RESERVED
        self.tokens[:, at] = self.before[:, later] = tokens
        if self.moving:
            self.next += 1
