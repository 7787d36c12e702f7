"""A PixelCNN that is asked for one channel after another, and computes nothing twice.

When a row is complete, the vertical stack goes one row on, with as many rows kept of every layer as its kernel is
high. What all layers see left of a pixel in its row is one matrix product a channel. What remains is the inside of the
pixel, and there the network is short: between two gates everything is linear. So every gate's answer goes straight, by
one matrix, to all gates that come after it, and what is known of a pixel stands in one row of numbers:

    known (B, Z) = [group 0: layer 0, layer 1, … | its level] [group 1: … | its level] …

For each map of a layer it holds value · door and then door, the two sigmoids of its gate, of which the gate's answer
tanh · sigmoid = 2 (value · door) - door is a linear function like all else. Before a gate has answered, its place holds
what has been added up for it. So a layer of a channel is: two sigmoids, a product, one small matrix product.

B pictures, W columns, C channels, p hidden maps, N layers, P numbers predicted about a channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .network import PixelCNN, gate, groups


@dataclass(frozen=True)
class Weights:
    """What works for one channel, whose group has q maps."""

    past: Tensor  # (N, reach · p, 2q): from what every layer read left of the pixel to its gates
    before: Tensor  # (…, N · 2q): from the groups before to all gates
    onward: list[Tensor]  # (2q, …) each: from a layer to all later ones
    skips: Tensor  # (…, q): from this group and those before
    late: tuple[Tensor, Tensor]  # bias and weight of the output maps
    head: tuple[Tensor, Tensor]  # bias and weight of what is predicted


class Packed:
    """All weights as they are now: the vertical stack's as they are, the others as matrices for `known`, multiplied in
    double precision. A picture that is being drawn does not change its mind when the network goes on learning."""

    def __init__(self, model: PixelCNN):
        shape = model.shape
        p, C = shape.hidden_maps, shape.channels
        layers = model.gated
        N = len(layers)
        self.reach = max(layer.reach for layer in layers)
        self.down = [layer.down.weight.clone() for layer in layers]
        self.across = [layer.across.weight.clone() for layer in layers]
        like = model.head.weight

        def zeros(*size: int) -> Tensor:
            return torch.zeros(*size, dtype=torch.float64)  # on the CPU: not every device has them

        def double(weight: Tensor) -> Tensor:
            return weight.to("cpu", torch.float64)

        # One place a number in `known`. Natural order: gates by layer and map, then the C levels.
        own = groups(p, C)
        self.members = [(int((own < c).sum()), int((own <= c).sum())) for c in range(C)]  # maps of group c
        self.starts = [c + 2 * N * low for c, (low, _) in enumerate(self.members)] + [C + 2 * N * p]
        self.size = self.starts[-1]
        reads = torch.zeros(self.size, dtype=torch.long)  # which of a layer's N · 2p inputs a place adds up
        factor = zeros(self.size)  # tanh(x) is 2 σ(2x) - 1
        natural = zeros(self.size, N * p + C)  # `known` @ this: the gates' answers, and the levels
        for c, (low, high) in enumerate(self.members):
            place, q = self.starts[c], high - low
            for n in range(N):
                for i in range(q):
                    gate_at, value, door = n * p + low + i, place + i, place + q + i
                    reads[value], reads[door] = 2 * n * p + low + i, (2 * n + 1) * p + low + i
                    factor[value], factor[door] = 2, 1
                    natural[value, gate_at], natural[door, gate_at] = 2, -1
                place += 2 * q
            natural[place, N * p + c] = 1
        self.reads, self.factor = reads.to(like.device), factor.to(like)

        # Natural matrices: from all gates and levels of a pixel to …
        to_gates = zeros(N * p + C, N * 2 * p)  # … the gates after them, through the stack of h
        to_next = zeros(N * p + C, N * p)  # … what every layer reads, for the pixels to come
        to_skips = zeros(N * p + C, p)
        past = zeros(N, self.reach, p, 2 * p)  # from what a layer read left of a pixel to its gates
        # Layer 0 reads the picture, and leaves p - C of its p columns empty.
        to_next[N * p :, :C] = torch.eye(C)
        for n, layer in enumerate(layers):
            out = double(layer.out.masked())[:, :, 0, 0].T  # (p, 2p): into the stack, into the skips
            along = double(layer.along.masked())[:, :, 0].permute(2, 1, 0)  # (reach + 1, p or C, 2p)
            rows = slice(n * p, (n + 1) * p)
            for later in range(n + 1, N):  # layers add to the stack; what they add is read by every later one
                to_next[rows, later * p : (later + 1) * p] = out[:, :p]
            to_skips[rows] = out[:, p:]
            past[n, self.reach - layer.reach :, : along.shape[1]] = along[:-1]
            read = to_next[:, n * p : n * p + along.shape[1]]
            to_gates[:, 2 * n * p : 2 * (n + 1) * p] = read @ along[-1]

        def cast(matrix: Tensor) -> Tensor:
            return matrix.to(like).contiguous()

        inside = (natural @ to_gates)[:, reads] * factor  # (Z, Z): to what comes later only
        skips = natural @ to_skips
        late, head = (double(last.masked())[:, :, 0, 0].T for last in (model.late, model.head))
        late_own = groups(shape.output_maps, C)
        assert model.late.bias is not None and model.head.bias is not None
        self.to_next = cast(natural @ to_next)
        self.late_members = [(int((late_own < c).sum()), int((late_own <= c).sum())) for c in range(C)]
        self.channels = []
        for c, (low, high) in enumerate(self.members):
            start, stop, q = self.starts[c], self.starts[c + 1] - 1, high - low
            ends = range(start + 2 * q, stop, 2 * q)
            columns = torch.cat([2 * past[..., low:high], past[..., p + low : p + high]], dim=-1)
            o = slice(*self.late_members[c])
            P = slice(c * shape.per_channel, (c + 1) * shape.per_channel)
            self.channels.append(
                Weights(
                    past=cast(columns.reshape(N, self.reach * p, 2 * q)),
                    before=cast(inside[:start, start:stop]),
                    onward=[cast(inside[end - 2 * q : end, end:stop]) for end in ends],
                    skips=cast(skips[:stop, low:high]),
                    late=(model.late.bias[o].clone(), cast(late[:high, o])),
                    head=(model.head.bias[P].clone(), cast(head[: o.stop, P])),
                )
            )


@dataclass(frozen=True)
class Places:
    """Where one channel, whose group has q maps, finds and leaves what it needs: views of the buffers below."""

    above: tuple[Tensor, ...]  # (N, B, 2q) for every x
    layers: Tensor  # (N, B, 2q): its gates in `known`, by layers …
    gates: Tensor  # (B, N · 2q): … and in one
    steps: list[tuple[Tensor, Tensor, Tensor, Tensor]]  # by layers: both, value, door, and all later ones
    before: Tensor  # the groups before in `known`
    known: Tensor  # this group and those before
    level: Tensor  # (B, 1): its level in `known`
    end: Tensor  # (B, q): what labels add to the skips
    skips: Tensor  # (B, q)
    skipped: Tensor  # the skips of this group and those before
    late: Tensor  # output maps of this group
    lates: Tensor  # those before, too


class CachedPixelCNN:
    """Predicts what the network does, for pictures that come to be row by row, pixel by pixel, channel by channel."""

    @torch.inference_mode()
    def __init__(self, model: PixelCNN, count: int, width: int, labels: Tensor | None = None):
        self.model, self.packed = model, Packed(model)
        k, B, W = self.packed, count, width
        p, N = model.shape.hidden_maps, len(k.down)
        like = model.head.weight

        def zeros(*size: int) -> Tensor:
            return torch.zeros(*size, dtype=like.dtype, device=like.device)

        # Rows: what every layer of the vertical stack read in the last ones, and what is added for labels.
        self.rows = [zeros(B, weight.shape[1], weight.shape[2], W) for weight in k.down]
        self.added = [tuple(added.clone() for added in layer.told(labels)) for layer in model.gated]
        end = model.end(labels)
        end = zeros(B, p) if end is None else end.expand(B, p)
        # This row: what the rows above add to `known` at each pixel; what every layer read in it, after as many empty
        # columns as a layer looks back.
        self.above = zeros(W, B, k.size)
        past = zeros(N, B, (W + k.reach) * p)
        self.windows = [past[:, :, x * p : (x + k.reach) * p] for x in range(W)]  # (N, B, reach · p)
        self.read = [past.view(N, B, -1, p)[:, :, x + k.reach] for x in range(W)]  # (N, B, p)
        # This pixel.
        self.known, self.next = zeros(B, k.size), zeros(B, N * p)
        self.next_read = self.next.view(B, N, p).transpose(0, 1)
        self.minus_one = zeros(1) - 1
        skips, late = zeros(B, p), zeros(B, model.shape.output_maps)
        self.places = []
        for c, (low, high) in enumerate(k.members):
            start, stop, q = k.starts[c], k.starts[c + 1] - 1, high - low
            o = slice(*k.late_members[c])
            gates = self.known[:, start:stop]
            layers = gates.unflatten(1, (N, 2 * q)).transpose(0, 1)
            self.places.append(
                Places(
                    above=self.above[:, :, start:stop].unflatten(2, (N, 2 * q)).transpose(1, 2).unbind(0),
                    layers=layers,
                    gates=gates,
                    steps=[
                        (both, both[:, :q], both[:, q:], gates[:, 2 * q * (n + 1) :])
                        for n, both in enumerate(layers.unbind(0))
                    ],
                    before=self.known[:, :start],
                    known=self.known[:, :stop],
                    level=self.known[:, stop, None],
                    end=end[:, low:high].clone(),
                    skips=skips[:, low:high],
                    skipped=skips[:, :high],
                    late=late[:, o],
                    lates=late[:, : o.stop],
                )
            )

    @torch.inference_mode()
    def begin_row(self, above: Tensor | None, given: bool = False) -> None:
        """Go one row on; `above` is the row that is complete now, levels (B, W, C), or None before the first. What is
        given counts like what is drawn."""
        k = self.packed
        v = None if above is None else self.model.scaled(above).permute(0, 2, 1)[:, :, None]
        to_gates = []
        for n, (to_v, to_h) in enumerate(self.added):
            if v is None:  # nothing is above the first row
                to_gates.append(to_h.expand(len(self.known), -1, 1, len(self.above)))
                continue
            self.rows[n] = torch.cat([self.rows[n][:, :, 1:], v], dim=2)
            down = F.conv2d(self.rows[n], k.down[n], padding=(0, k.down[n].shape[3] // 2))  # (B, 2p, 1, W)
            to_gates.append(F.conv2d(down, k.across[n]) + to_h)
            v = v + gate(to_v, down) if n else gate(to_v, down)
        together = torch.cat(to_gates, dim=1)[:, :, 0].permute(2, 0, 1)  # (W, B, N · 2p)
        torch.mul(together[:, :, k.reads], k.factor, out=self.above)

    def predict(self, x: int, c: int) -> Tensor:
        """The logits of channel c of pixel x of this row, (B, L), when all before it have been taken."""
        w, at = self.packed.channels[c], self.places[c]
        torch.baddbmm(at.above[x], self.windows[x], w.past, out=at.layers)
        if c:
            at.gates.addmm_(at.before, w.before)
        for (both, value, door, later), onward in zip(at.steps, w.onward, strict=False):
            both.sigmoid_()
            value.mul_(door)
            later.addmm_(both, onward)
        both, value, door, _ = at.steps[-1]  # nothing comes after the last layer
        both.sigmoid_()
        value.mul_(door)
        torch.addmm(at.end, at.known, w.skips, out=at.skips).relu_()
        torch.addmm(w.late[0], at.skipped, w.late[1], out=at.late).relu_()
        return self.model.logits(torch.addmm(w.head[0], at.lates, w.head[1]))

    def take(self, x: int, c: int, levels: Tensor) -> None:
        """The levels (B, 1) of channel c of pixel x, now that they are known."""
        torch.add(self.minus_one, levels, alpha=2 / (self.model.shape.levels - 1), out=self.places[c].level)
        if c == len(self.places) - 1:
            torch.mm(self.known, self.packed.to_next, out=self.next)
            self.read[x].copy_(self.next_read)
