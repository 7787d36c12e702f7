"""A token transformer that is asked for one token after another, and computes nothing twice.

Coarser tokens are read once, and their keys and values kept. Of own tokens, the keys and values are kept of the row
that is drawn and of as many above it as any token sees: when a row begins, those above move up by one, so that whatever
is read and written in a column lies where it did in the row before. So the work of a column can be captured once and
replayed where there is a GPU. What places and conditions do to layers is known before a row begins.

    slots    [ row y - r | … | row y - 1 | row y ]      position (y, x) lies at slot base + x

The first slot in use is always that of the start token, as it is near everything: what lay there is seen no more.

n positions that pass together, B pictures, W columns, D numbers a token, H heads of d numbers, S coarser tokens. Where
something is the same for all pictures, 1 stands for B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ..transformer.hidden import Hidden
from ..transformer.local import near
from ..transformer.products import Product, product_with, small_product
from ..transformer.rotary import factors
from . import lean
from .layers import Block, CoarserAttention, Known, OwnAttention, Thought, TokenAttention, norm
from .network import TokenTransformer
from .places import Size, TokenPlaces
from .shape import TokensShape

SMALL = 1 << 16  # numbers, below which what a product costs is a call


@dataclass(frozen=True)
class Room:
    """For what weights and caches are made ready."""

    shape: TokensShape
    count: int  # B
    columns: int  # W
    above: int  # rows that are kept
    like: Tensor  # all numbers but those of weights, which are in this precision
    precision: torch.dtype

    def product(self, *weights: Tensor) -> Product:
        """With several at once."""
        weight = torch.cat(weights)
        if weight.numel() < SMALL and self.precision == weight.dtype:
            return small_product(weight)
        return product_with(weight, self.count, self.precision)

    @property
    def base(self) -> int:
        return self.above * self.columns


class Row:
    """What is known of the row that is drawn before any of its tokens is."""

    def __init__(self, room: Room, places: TokenPlaces):
        W, d, like = room.columns, room.shape.head, room.like
        self.room, self.places, self.y = room, places, -1
        self.first = room.base  # the first slot that is in use
        self.seen = like.new_zeros(W, room.base + W)  # 0, or -inf where a token sees none of a slot
        self.cos, self.sin = like.new_ones(2, W, 1, 2, 1, d)  # of queries and of keys
        query, key = (factors(turn.to(like.dtype), d) for turn in (places.query_turn, places.key_turn))
        self.every_cos, self.every_sin = (torch.stack([query[i], key[i]], dim=1) for i in (0, 1))  # (T, 2, d)
        self.partner = query[2]
        self.seen_coarser: Tensor | None = None
        if room.shape.read and room.shape.coarser_radius:
            self.seen_coarser = like.new_zeros(W, len(places.coarser_at))
        self.turn = lean.Turn(self.cos, self.sin, room.shape.rotates)

    def next(self) -> None:
        self.y += 1
        W, base, above = self.room.columns, self.room.base, min(self.y, self.room.above)
        positions = slice(self.y * W, (self.y + 1) * W)
        self.first = base - above * W
        seen = near(self.places, positions, slice((self.y - above) * W, (self.y + 1) * W))
        seen[:, 0] = True  # the start token
        self.seen.fill_(-torch.inf)
        self.seen[:, self.first :].masked_fill_(seen, 0)
        self.cos.copy_(self.every_cos[positions, None, :, None])
        self.sin.copy_(self.every_sin[positions, None, :, None])
        if self.seen_coarser is not None:
            self.seen_coarser.zero_().masked_fill_(~self.places.near_coarser(positions), -torch.inf)
        self.turn.next_row()

    def column(self, x: int) -> lean.Column:
        """One that passes by itself."""
        first, stop = self.first, self.room.base + x + 1
        mask = self.seen[x, first:stop].numpy() if self.room.shape.radius else None
        coarser = None if self.seen_coarser is None else self.seen_coarser[x].numpy()
        return lean.Column(x, first, stop, mask, coarser)


class Here:
    """What all layers need to know of the columns x0 … x1 - 1 that pass."""

    def __init__(self, row: Row, x0: int, x1: int, fixed: bool):
        """`fixed`: whether all must be the same in every row."""
        self.x0, self.x1, room = x0, x1, row.room
        self.first, self.stop = 0 if fixed else row.first, room.base + x1
        # One by one, each sees all that are before it.
        one_by_one = x1 - x0 == 1 and not room.shape.radius and not fixed
        self.mask = None if one_by_one else row.seen[x0:x1, self.first : self.stop]
        self.mask_coarser = None if row.seen_coarser is None else row.seen_coarser[x0:x1]
        self.cos, self.sin, self.partner = row.cos[x0:x1], row.sin[x0:x1], row.partner

    def turn(self, x: Tensor) -> Tensor:
        """Queries, or queries and keys, (n, B, 1 or 2, H, d)."""
        cos, sin = self.cos[:, :, : x.shape[2]], self.sin[:, :, : x.shape[2]]
        return torch.addcmul(x * cos, x.index_select(-1, self.partner), sin)


class Own:
    """Attention to own tokens, with the keys and values of those that are near."""

    def __init__(self, part: OwnAttention, room: Room):
        self.shape, self.room = room.shape, room
        self.project = room.product(part.query.weight, part.key.weight, part.value.weight)
        self.gather = gather_of(part, room)
        slots = room.base + room.columns
        self.kept = room.like.new_zeros(2, room.count, room.shape.heads, slots, room.shape.head)
        self.start = torch.zeros_like(self.kept[:, :, :, :1])

    def next_row(self, y: int) -> None:
        W, above = self.room.columns, self.room.above
        if y == 1:
            self.start.copy_(self.kept[:, :, :, self.room.base : self.room.base + 1])
        if above:
            self.kept[:, :, :, :-W] = self.kept[:, :, :, W:].clone()
        if 0 < above < y:
            self.kept[:, :, :, :1] = self.start

    def __call__(self, x: Tensor, here: Here) -> Tensor:
        """(n, B, D) → (n, B, D)."""
        n, B, _ = x.shape
        found = self.project(x.flatten(0, 1)).view(n, B, 3, self.shape.heads, self.shape.head)
        qk = norm(found[:, :, :2])
        if self.shape.rotates:
            qk = here.turn(qk)
        q, k = qk.permute(2, 1, 3, 0, 4)  # (B, H, n, d)
        now = slice(here.stop - n, here.stop)
        self.kept[0, :, :, now], self.kept[1, :, :, now] = k, found[:, :, 2].permute(1, 2, 0, 3)
        keys, values = self.kept[:, :, :, here.first : here.stop]
        seen = F.scaled_dot_product_attention(q, keys, values, attn_mask=here.mask)
        return self.gather(seen.permute(2, 0, 1, 3).reshape(n * B, -1)).view(n, B, -1)

    def lean(self, turn: lean.Turn) -> lean.Own:
        return lean.Own(self.project, self.gather, self.kept, turn)

    def reorder(self, parents: Tensor) -> None:
        self.kept.copy_(self.kept[:, parents])
        self.start.copy_(self.start[:, parents])


class Coarser:
    """Attention to coarser tokens, whose keys and values were there before."""

    def __init__(self, part: CoarserAttention, room: Room, known: Known):
        assert known.coarser is not None
        self.shape = room.shape
        self.project, self.gather = room.product(part.query.weight), gather_of(part, room)
        self.keys = part.keys(known.coarser, known.places.coarser_turn).contiguous()  # (B, H, S, d)
        self.values = part.values(known.coarser).contiguous()

    def __call__(self, x: Tensor, here: Here) -> Tensor:
        """(n, B, D) → (n, B, D)."""
        n, B, _ = x.shape
        q = norm(self.project(x.flatten(0, 1)).view(n, B, 1, self.shape.heads, self.shape.head))
        if self.shape.rotates:
            q = here.turn(q)
        q = q[:, :, 0].permute(1, 2, 0, 3)  # (B, H, n, d)
        keys, values = self.keys.expand(B, -1, -1, -1), self.values.expand(B, -1, -1, -1)
        seen = F.scaled_dot_product_attention(q, keys, values, attn_mask=here.mask_coarser)
        return self.gather(seen.permute(2, 0, 1, 3).reshape(n * B, -1)).view(n, B, -1)

    def lean(self, turn: lean.Turn) -> lean.Coarser:
        return lean.Coarser(self.project, self.gather, self.keys, self.values, turn)

    def reorder(self, parents: Tensor) -> None:
        for kept in (self.keys, self.values):
            if len(kept) > 1:
                kept.copy_(kept[parents])


class Think:
    """The hidden layer."""

    def __init__(self, hidden: Hidden, room: Room):
        self.hidden, self.act = hidden, hidden.act
        self.into, self.out = room.product(hidden.into.weight), room.product(hidden.out.weight)

    def __call__(self, x: Tensor, here: Here) -> Tensor:
        """(n, B, D) → (n, B, D)."""
        return self.out(self.act(self.into(x.flatten(0, 1)))).view_as(x)

    def lean(self, _: lean.Turn) -> lean.Think:
        return lean.Think(self.hidden, self.into, self.out)


def gather_of(part: TokenAttention, room: Room) -> Product:
    return room.product(
        part.out.weight * part.heads_on.to(room.like.dtype).repeat_interleave(room.shape.head)
    )


class Ways:
    """Shift, scale and gate of every part, in the row that is drawn."""

    def __init__(self, network: TokenTransformer, known: Known, room: Room):
        self.blocks = cast("list[Block]", list(network.blocks))
        self.position = known.position  # (1, N, D)
        each = [len(block.parts) for block in self.blocks]
        condition = known.condition
        if bool((condition == condition[:1]).all()):
            condition = condition[:1]
        # (B, 1, all)
        by_condition = torch.cat([block.ways(condition, None) for block in self.blocks], dim=-1)
        by_condition = by_condition.unflatten(-1, (sum(each), 3, -1)).permute(2, 3, 1, 0, 4).contiguous()
        by_condition[:, 1] += 1
        self.by_condition = by_condition  # (parts, 3, 1, B, D)
        W = room.columns if self.position is not None else 1
        self.here: Tensor = by_condition.repeat(1, 1, W, 1, 1)  # in memory of its own

    def row(self, y: int, width: int) -> None:
        if self.position is None:
            return
        position = F.silu(self.position[0, y * width : (y + 1) * width])  # (W, D)
        all_of: Tensor = torch.cat(
            [F.linear(position, block.modulation.weight) for block in self.blocks], dim=-1
        )
        all_of = all_of.unflatten(-1, (len(self.here), 3, -1)).permute(1, 2, 0, 3)  # (parts, 3, W, D)
        torch.add(self.by_condition, all_of[:, :, :, None], out=self.here)

    def at(self, x0: int, x1: int) -> Tensor:
        """(parts, 3, n or 1, B, D)."""
        return self.here if self.position is None else self.here.narrow(2, x0, x1 - x0)

    def reorder(self, parents: Tensor) -> None:
        if self.here.shape[3] > 1:
            self.by_condition.copy_(self.by_condition[:, :, :, parents])
            self.here.copy_(self.here[:, :, :, parents])


def is_captured(device: torch.device) -> bool:
    """Whether the work of a column is captured, so that it must be the same in every row."""
    return device.type == "cuda"


class CachedTokens:
    """Predicts what the network does, for pictures that come to be token by token."""

    @torch.inference_mode()
    def __init__(
        self,
        network: TokenTransformer,
        count: int,
        labels: Tensor | None = None,
        coarser: Sequence[Tensor] = (),
        size: Size | None = None,
        precision: torch.dtype | None = None,
        fixed: bool | None = None,
    ):
        """`precision`: of weights; another one than the network's own, such as bfloat16, is faster and not exact.
        `fixed`: whether work is captured and replayed, where it is not said by the device."""
        shape, like = network.shape, network.head.weight
        self.network, self.fixed = network, is_captured(like.device) if fixed is None else fixed
        alike = all(bool((t == t[:1]).all()) for t in (*coarser, *([] if labels is None else [labels])))
        if alike:  # pictures of one context
            coarser, labels = [t[:1] for t in coarser], None if labels is None else labels[:1]
        self.known = network.known(1 if alike else count, labels, coarser, size)
        places = self.known.places
        W, above = places.columns, min(shape.radius or places.rows, places.rows - 1)
        room = Room(shape, count, W, above, like, precision or like.dtype)
        self.width, self.row = W, Row(room, places)
        self.ways = Ways(network, self.known, room)
        parts = [part for block in network.blocks for part in cast(Block, block).parts]
        self.parts: list[Own | Coarser | Think] = [self._cached(part, room) for part in parts]
        self.head = room.product(network.head.weight)
        self.places = network.place(places.learned)[0] if shape.positions == "learned" else None  # (N, D)
        self.place = like.new_zeros(W, 1, shape.width)  # of this row
        self.inputs = like.new_zeros(W + 1, count, shape.width)  # of this row, and the first of the next one
        self.inputs[W] = self.known.condition[:, 0]
        self.is_given = False  # whether this row is
        self.waiting: list[Tensor] = []  # rows that were given and have not passed, (B, W) each
        self.lean = None if self.fixed or like.device.type != "cpu" else self._lean()

    def _lean(self) -> lean.Lean:
        """The same work, where each row may be done another way than the one before."""
        place = None if self.places is None else self.place
        table = self.network.token.weight
        parts = [part.lean(self.row.turn) for part in self.parts]
        return lean.Lean(parts, self.ways.here, self.inputs, place, self.head, table)

    def _cached(self, part: torch.nn.Module, room: Room) -> Own | Coarser | Think:
        if isinstance(part, OwnAttention):
            return Own(part, room)
        if isinstance(part, CoarserAttention):
            return Coarser(part, room, self.known)
        return Think(cast(Thought, part).hidden, room)

    @torch.inference_mode()
    def begin_row(self, above: Tensor | None, given: bool = False) -> None:
        """Go one row on; `above` is the row that is complete now, (B, W, 1), or None before the first. If this one is
        not given, those that were pass through the layers."""
        if above is not None and self.is_given:
            self.waiting.append(above[..., 0].clone())
        self.is_given = given
        if given:
            return
        for tokens in self.waiting:
            self._next_row()
            self.inputs[1:] = self._embedded(tokens.T)
            self.step(0, self.width)
        self.waiting = []
        self._next_row()

    def _next_row(self) -> None:
        self.row.next()
        y = self.row.y
        self.inputs[0] = self.inputs[self.width]
        for part in self.parts:
            if isinstance(part, Own):
                part.next_row(y)
        self.ways.row(y, self.width)
        if self.places is not None:
            self.place[:, 0] = self.places[y * self.width : (y + 1) * self.width]

    def _embedded(self, tokens: Tensor) -> Tensor:
        # Where chances are no numbers, values are none either: they go on as some code, until it is noticed.
        found: Tensor = self.network.token(tokens.clamp(max=self.network.shape.own.codes - 1))
        return found

    def step(self, x0: int, x1: int) -> Tensor:
        """Let columns x0 … x1 - 1 of this row pass: (n, B, D)."""
        here = Here(self.row, x0, x1, self.fixed)
        x = self.inputs[x0:x1]
        if self.places is not None:
            x = x + self.place[x0:x1]
        for part, (shift, scale, gate) in zip(self.parts, self.ways.at(x0, x1), strict=True):
            x = torch.addcmul(x, gate, part(torch.addcmul(shift, norm(x), scale), here))
        return x

    def predict(self, x: int, c: int = 0) -> Tensor:
        """The logits of place x of this row, (B, K), when all before it have been taken."""
        if self.lean is not None:
            return self.lean.predict(self.row.column(x))
        with torch.inference_mode():
            found: Tensor = self.head(norm(self.step(x, x + 1)[0]))
        return found

    def take(self, x: int, c: int, values: Tensor) -> None:
        """The values (B, 1) of place x, now that they are known."""
        if self.lean is not None:
            self.lean.take(x, values[:, 0])
            return
        with torch.inference_mode():
            self.inputs[x + 1] = self._embedded(values[:, 0])

    @torch.inference_mode()
    def reorder(self, parents: Tensor) -> None:
        """Let each picture go on from another one, (B,): what that one has drawn and knows."""
        self.inputs.copy_(self.inputs[:, parents])
        self.waiting = [tokens[parents] for tokens in self.waiting]
        for part in (*self.parts, self.ways):
            if not isinstance(part, Think):
                part.reorder(parents)
