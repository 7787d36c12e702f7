"""LSH attention that is strictly causal: a token attends to the `chunk` tokens before it whose hash is the same.

Queries and keys are one vector a token, so that vectors which attend to one another point the same way, and fall into
the same bucket of a hash of directions. Each of several rounds hashes anew; a token sees what any round finds.

The published form (Kitaev et al., Reformer, 2020) sorts all tokens by bucket, cuts them into chunks, and lets a token
see its own chunk and the one before. Where the cuts fall depends on later tokens, so that what a token sees does too.
Here it sees what those two chunks hold wherever the cuts may fall: the `chunk` tokens before it in its bucket. Sorting
and cutting are only how these are found, in time linear in the number of tokens.

    tokens        0  1  2  3  4  5  6  7      place = (bucket, rank: how many tokens of this bucket came before)
    buckets       A  B  A  A  B  A  B  A
    sorted        0  2  3  5  7  1  4  6      chunk = 2: token 7 sees 5 and 3, token 4 sees 1,
    chunks of 2   0  2 |3  5 |7  1 |4  6      tokens 0 and 1 see only themselves

B pictures, H heads, R rounds, T tokens, d numbers a head, n buckets, m tokens a chunk, C chunks.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

LN2 = math.log(2)
APART = 1 << 20  # between the places of two buckets: more than there are tokens in a picture, or in a chunk
NOWHERE = -APART  # the place of what is no token: padding, and what is not drawn yet


# ---- Hashes ----


def random_rotations(
    heads: int, rounds: int, d: int, buckets: int, generator: torch.Generator | None = None
) -> Tensor:
    """What hashes are taken with, (H, R, d, n/2): kept with the weights, as drawing must hash as learning did."""
    if buckets % 2 or not 2 <= buckets < 2048:  # 2048 · APART is too much for 32 bits
        raise ValueError("the count of buckets must be even, from 2 to 2046")
    return torch.randn(heads, rounds, d, buckets // 2, generator=generator)


@torch.no_grad()
def buckets_of(qk: Tensor, rotations: Tensor) -> Tensor:
    """The bucket of each token in each round, by its direction alone: (B, H, T, d) → (B, H, R, T), int32.

    Half of the buckets are random directions, the others their opposites; a token is in the one nearest to its own.
    In the rotations' precision even within autocast: where two directions are nearly as near, rounding chooses.
    """
    with torch.autocast(qk.device.type, enabled=False):
        turned = torch.einsum("bhtd,hrdn->bhrtn", qk.to(rotations.dtype), rotations)  # (B, H, R, T, n/2)
    return torch.cat([turned, -turned], dim=-1).argmax(-1).int()


def places_of(buckets: Tensor) -> Tensor:
    """Bucket · APART + rank within the bucket, (B, H, R, T) → (B, H, R, T): it depends on no later token.

    Of two places the difference says everything: from 1 to m if the later token sees the earlier one, 0 of a token and
    itself, and nothing of this kind if their buckets differ.
    """
    T = buckets.shape[-1]
    in_order, order = buckets.sort(dim=-1, stable=True)
    first = torch.searchsorted(in_order, in_order)  # where the token's bucket begins
    ranks = torch.arange(T, device=buckets.device) - first
    places = in_order * APART + ranks
    return torch.empty_like(places).scatter_(-1, order, places).int()


def next_place(bucket: Tensor, places: Tensor) -> Tensor:
    """The place of a token in bucket (B, H, R), after those at places (B, H, R, T): (B, H, R)."""
    rank = (places.div(APART, rounding_mode="floor") == bucket[..., None]).sum(-1)
    return (bucket * APART + rank).int()


# ---- Who sees whom ----


def allowed(buckets: Tensor, chunk: int) -> Tensor:
    """Which tokens (last) each token sees in each round: (B, H, R, T) → (B, H, R, T, T). Itself only if no round finds
    another. T² of memory: for small pictures and for showing."""
    places = places_of(buckets)
    gap = places[..., :, None] - places[..., None, :]
    return (gap >= nearest(places)[:, :, None, :, None]) & (gap <= chunk)


def nearest(places: Tensor) -> Tensor:
    """The least difference of places at which a token sees another, (B, H, R, T) → (B, H, T): 0, which is itself, if it
    is the first of its bucket in every round; else 1."""
    return (places & (APART - 1) > 0).any(2).int()


def seen_by_next(place: Tensor, places: Tensor, chunk: int) -> Tensor:
    """Which tokens at places (B, H, R, T) the token at place (B, H, R) sees, itself among them: (B, H, T)."""
    gap = place[..., None] - places
    others = ((gap >= 1) & (gap <= chunk)).any(2)
    return others | ((gap[:, :, 0] == 0) & ~others.any(-1, keepdim=True))


# ---- Attention ----


def attend_next(q: Tensor, k: Tensor, v: Tensor, place: Tensor, places: Tensor, chunk: int) -> Tensor:
    """What `lsh_attention` says for one token: q (B, H, 1, d) at place (B, H, R), with k, v (B, H, T, d) at places
    (B, H, R, T) of this token and all before it; the rest of a cache is NOWHERE. (B, H, 1, d)."""
    mask = seen_by_next(place, places, chunk)[:, :, None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0)


def lsh_attention(q: Tensor, k: Tensor, v: Tensor, buckets: Tensor, chunk: int) -> Tensor:
    """q, k, v (B, H, T, d) and buckets (B, H, R, T) → (B, H, T, d): softmax(q kᵀ) v over all that any round finds.

    Keys are queries at unit length: so divided already by the √d that ordinary attention divides by. Queries of length
    √d, as QK-norm makes them, give √d · cos, as there. Rotary positions belong into both, but not into the hash.

    The rounds are weighted by the log-sum-exp of their scores. A token that several rounds find counts in the first of
    them only: so the whole is one softmax over a set, the same whether tokens are seen at once or one by one, and not
    sharper for rounds that agree. (The published form counts such a token once for each round.)
    """
    places = places_of(buckets)  # (B, H, R, T)
    m = min(chunk, q.shape[2])
    rounds = [attend_in_round(q, k, v, places, r, m) for r in range(places.shape[2])]
    if len(rounds) == 1:
        return rounds[0][0]
    seen, weight = (torch.stack(part, dim=2) for part in zip(*rounds, strict=True))
    share = (weight * LN2).softmax(dim=2)  # (B, H, R, T)
    return torch.einsum("bhrt,bhrtd->bhtd", share.to(seen.dtype), seen)


def attend_in_round(q: Tensor, k: Tensor, v: Tensor, places: Tensor, r: int, m: int) -> tuple[Tensor, Tensor]:
    """What round r finds that no earlier round found, (B, H, T, d), and the log-sum-exp of its scores, (B, H, T), to
    base 2: exp of what underflows, as all does that is not seen, takes a CPU thirty times as long as exp2."""
    T = q.shape[2]
    order = places[:, :, r].argsort(-1)  # (B, H, T): by bucket, then by position
    back = torch.empty_like(order).scatter_(-1, order, torch.arange(T, device=q.device).expand_as(order))
    q, k, v = (in_chunks(permute(x, order, back), m) for x in (q, k, v))  # (B, H, C, m, d)
    k, v = with_look_back(k), with_look_back(v)  # (B, H, C, 2m, d)
    scores = (q / LN2) @ k.mT  # (B, H, C, m, 2m)
    scores = scores.float() if scores.dtype.itemsize < 4 else scores
    scores = scores.masked_fill(~found_first(places, order, r, m), torch.finfo(scores.dtype).min)
    # Where nothing is found all are the least number, and so low that the round has no share in the whole.
    most = scores.detach().amax(-1, keepdim=True)
    powers = (scores - most).exp2()
    total = powers.sum(-1, keepdim=True)
    seen = (powers.to(v.dtype) @ v / total).to(v.dtype)  # (B, H, C, m, d)
    weight = most + total.log2()
    seen, weight = seen.flatten(2, 3)[:, :, :T], weight.flatten(2, 4)[:, :, :T]
    return permute(seen, back, order), weight.gather(-1, back)


def found_first(places: Tensor, order: Tensor, r: int, m: int) -> Tensor:
    """Whom each token sees among those of its chunk and the one before, in the order of round r, and saw in no earlier
    round: (B, H, C, m, 2m)."""
    least = in_chunks(nearest(places).gather(-1, order)[..., None], m)  # (B, H, C, m, 1)
    before = None
    for earlier in range(r + 1):
        place = in_chunks(places[:, :, earlier].gather(-1, order)[..., None], m, NOWHERE)  # (B, H, C, m, 1)
        gap = place - with_look_back(place, NOWHERE).mT  # (B, H, C, m, 2m)
        sees = (gap >= least) & (gap <= m)
        if earlier < r:
            before = sees if before is None else before | sees
    return sees if before is None else sees & ~before


class Permute(torch.autograd.Function):
    """Tokens in another order, as whole rows of memory; its gradient is the same, where torch would add up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(order, back)
        B, H, T, _ = x.shape
        rows = order + torch.arange(0, B * H * T, T, device=x.device).view(B, H, 1)
        permuted: Tensor = x.flatten(0, 2).index_select(0, rows.flatten()).view(x.shape)
        return permuted

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        order, back = ctx.saved_tensors
        return permute(grad, back, order), None, None


def permute(x: Tensor, order: Tensor, back: Tensor) -> Tensor:
    """x (B, H, T, d) in this order (B, H, T), which `back` undoes."""
    permuted: Tensor = Permute.apply(x, order, back)  # type: ignore[no-untyped-call]
    return permuted


def in_chunks(x: Tensor, m: int, fill: int = 0) -> Tensor:
    """(B, H, T, d) → (B, H, C, m, d), the last chunk filled up."""
    chunks: Tensor = F.pad(x, (0, 0, 0, -x.shape[2] % m), value=fill).unflatten(2, (-1, m))
    return chunks


def with_look_back(x: Tensor, fill: int = 0) -> Tensor:
    """Each chunk after the one before it: (B, H, C, m, d) → (B, H, C, 2m, d)."""
    return torch.cat([F.pad(x, (0, 0, 0, 0, 1, 0), value=fill)[:, :, :-1], x], dim=3)
