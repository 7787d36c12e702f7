"""LSH attention: what depends on what, by autograd; the parallel form beside a loop over tokens, and drawing."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from scalefree_studio.models.pixels import lsh

B, H, D = 2, 2, 4


@pytest.fixture(autouse=True)
def _double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def some_tokens(T, seed=0):
    """qk and v, (B, H, T, D) each."""
    gen = torch.Generator().manual_seed(seed)
    return (torch.randn(B, H, T, D, generator=gen) for _ in range(2))


def some_rotations(rounds, buckets, seed=9):
    return lsh.random_rotations(H, rounds, D, buckets, torch.Generator().manual_seed(seed))


def attention(qk, v, rotations, chunk):
    return lsh.lsh_attention(qk, F.normalize(qk, dim=-1), v, lsh.buckets_of(qk, rotations), chunk)


def tokens_seen(buckets, t, chunk):
    """By token t, of buckets (R, T): the definition, word by word."""
    seen = set()
    for of_round in buckets.tolist():
        seen.update([s for s in range(t) if of_round[s] == of_round[t]][-chunk:])
    return sorted(seen) or [t]


def slow_attention(qk, v, rotations, chunk):
    buckets = lsh.buckets_of(qk, rotations)
    out = []
    for b, h, t in torch.cartesian_prod(*map(torch.arange, qk.shape[:3])).tolist():
        seen = tokens_seen(buckets[b, h], t, chunk)
        keys = qk[b, h, seen] / qk[b, h, seen].norm(dim=-1, keepdim=True)
        out.append((keys @ qk[b, h, t]).softmax(0) @ v[b, h, seen])
    return torch.stack(out).view(v.shape)


CASES = [  # tokens, rounds, buckets, chunk
    (1, 1, 2, 4),
    (2, 2, 4, 1),
    (17, 1, 2, 3),
    (17, 2, 4, 2),
    (24, 3, 2, 4),
    (24, 2, 8, 1),
    (33, 4, 4, 8),
    (20, 2, 2, 100),
]


# ---- Hashes and places ----


def test_a_bucket_depends_on_the_direction_of_its_token_alone():
    qk, _ = some_tokens(50)
    rotations = some_rotations(rounds=3, buckets=6)
    buckets = lsh.buckets_of(qk, rotations)
    assert buckets.shape == (B, H, 3, 50) and set(buckets.flatten().tolist()) == set(range(6))
    assert torch.equal(buckets, lsh.buckets_of(qk * torch.rand(B, H, 50, 1).add(0.1), rotations))
    one_by_one = [lsh.buckets_of(qk[:, :, t : t + 1], rotations) for t in range(50)]
    assert torch.equal(buckets, torch.cat(one_by_one, dim=-1))
    assert torch.equal((buckets + 3) % 6, lsh.buckets_of(-qk, rotations))  # the opposite direction's


def test_a_bucket_is_the_nearest_of_its_directions():
    qk, _ = some_tokens(20)
    rotations = some_rotations(rounds=2, buckets=6)
    buckets = lsh.buckets_of(qk, rotations)
    for b, h, r, t in torch.cartesian_prod(*map(torch.arange, buckets.shape)).tolist():
        directions = torch.cat([rotations[h, r], -rotations[h, r]], dim=1).T
        assert buckets[b, h, r, t] == (directions @ qk[b, h, t]).argmax()


def test_hashes_are_the_same_within_autocast():
    gen = torch.Generator().manual_seed(0)
    qk = torch.randn(1, H, 400, D, generator=gen, dtype=torch.float32)
    rotations = some_rotations(rounds=2, buckets=16).float()
    with torch.autocast("cpu", torch.bfloat16):
        within = lsh.buckets_of(qk, rotations)
    assert torch.equal(within, lsh.buckets_of(qk, rotations))


def test_buckets_are_even_in_number_and_not_too_many():
    for buckets in (0, 1, 5, 2048):
        with pytest.raises(ValueError, match="even"):
            some_rotations(1, buckets)


def test_a_place_is_a_bucket_and_a_rank_in_it():
    last = 2045
    buckets = torch.tensor([last, 0, last, last, 1, 0], dtype=torch.int32).view(1, 1, 1, 6)
    expected = [last * lsh.APART, 0, last * lsh.APART + 1, last * lsh.APART + 2, lsh.APART, 1]
    assert lsh.places_of(buckets).flatten().tolist() == expected
    cache = torch.full((1, 1, 1, 9), lsh.NOWHERE, dtype=torch.int32)
    for t in range(6):
        cache[..., t] = lsh.next_place(buckets[..., t], cache)
    assert cache.flatten().tolist() == expected + [lsh.NOWHERE] * 3


@pytest.mark.parametrize(("T", "rounds", "count", "chunk"), CASES)
def test_what_is_seen_is_what_the_definition_says(T, rounds, count, chunk):
    buckets = torch.randint(count, (B, H, rounds, T), generator=torch.Generator().manual_seed(1))
    seen = lsh.allowed(buckets, chunk).any(2)
    for b, h, t in torch.cartesian_prod(torch.arange(B), torch.arange(H), torch.arange(T)).tolist():
        assert seen[b, h, t].nonzero().flatten().tolist() == tokens_seen(buckets[b, h], t, chunk)


# ---- What depends on what ----


@pytest.mark.parametrize(("T", "rounds", "buckets", "chunk"), CASES)
def test_no_output_depends_on_a_later_token(T, rounds, buckets, chunk):
    rotations = some_rotations(rounds, buckets)
    qk, v = (x.requires_grad_() for x in some_tokens(T))
    out = attention(qk, v, rotations, chunk)
    for t in range(T):
        gradients = torch.autograd.grad(out[:, :, t].square().sum(), (qk, v), retain_graph=True)
        assert all(torch.equal(g[:, :, t + 1 :], torch.zeros_like(g[:, :, t + 1 :])) for g in gradients)
        assert gradients[1][:, :, : t + 1].any()


@pytest.mark.parametrize(("T", "rounds", "buckets", "chunk"), CASES)
def test_no_output_changes_when_later_tokens_do_so_much_as_to_change_their_buckets(T, rounds, buckets, chunk):
    rotations = some_rotations(rounds, buckets)
    qk, v = some_tokens(T)
    out, seen = attention(qk, v, rotations, chunk), lsh.allowed(lsh.buckets_of(qk, rotations), chunk)
    for t in range(T):
        qk2, v2 = (x.clone() for x in (qk, v))
        for new, old in zip(some_tokens(T, seed=t + 1), (qk2, v2), strict=True):
            old[:, :, t:] = new[:, :, t:] * 1e20  # the least share of one would be seen
        seen2 = lsh.allowed(lsh.buckets_of(qk2, rotations), chunk)
        assert torch.equal(seen[..., :t, :], seen2[..., :t, :])
        # Not to the bit: the same sums, but their terms may stand elsewhere in a chunk.
        torch.testing.assert_close(
            attention(qk2, v2, rotations, chunk)[:, :, :t], out[:, :, :t], rtol=1e-12, atol=1e-14
        )


# ---- Against other forms ----


@pytest.mark.parametrize(("T", "rounds", "buckets", "chunk"), CASES)
def test_it_is_what_the_definition_says(T, rounds, buckets, chunk):
    rotations = some_rotations(rounds, buckets)
    qk, v = some_tokens(T)
    torch.testing.assert_close(attention(qk, v, rotations, chunk), slow_attention(qk, v, rotations, chunk))


@pytest.mark.parametrize(("T", "rounds", "buckets", "chunk"), CASES)
def test_its_gradients_are_those_of_the_definition(T, rounds, buckets, chunk):
    rotations = some_rotations(rounds, buckets)
    qk, v = (x.requires_grad_() for x in some_tokens(T))
    towards = torch.randn(v.shape, generator=torch.Generator().manual_seed(5))
    fast, slow = (
        torch.autograd.grad(form(qk, v, rotations, chunk), (qk, v), towards)
        for form in (attention, slow_attention)
    )
    torch.testing.assert_close(fast, slow)


def test_its_gradients_are_those_of_small_differences():
    gen = torch.Generator().manual_seed(1)
    buckets = torch.randint(3, (1, 1, 2, 7), generator=gen)
    q, k, v = (torch.randn(1, 1, 7, 2, generator=gen).requires_grad_() for _ in range(3))
    assert torch.autograd.gradcheck(lambda *qkv: lsh.lsh_attention(*qkv, buckets, 2), (q, k, v))


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("chunk", [19, 1000])
def test_one_chunk_that_holds_everything_is_full_attention(rounds, chunk):
    T = 19
    qk, v = some_tokens(T)
    qk = F.normalize(torch.rand_like(qk) + 1, dim=-1) * qk.norm(
        dim=-1, keepdim=True
    )  # all in one half of space
    rotations = torch.ones(H, rounds, D, 1)  # so that of two buckets one has all
    assert len(lsh.buckets_of(qk, rotations).unique()) == 1
    others = torch.ones(T, T).tril(-1).bool()
    others[0, 0] = True  # the first has none but itself
    full = F.scaled_dot_product_attention(
        qk, qk / qk.norm(dim=-1, keepdim=True), v, attn_mask=others, scale=1.0
    )
    torch.testing.assert_close(attention(qk, v, rotations, chunk), full)


def test_a_round_that_finds_what_another_found_changes_nothing():
    qk, v = some_tokens(30)
    rotations = some_rotations(rounds=2, buckets=4)
    twice = torch.cat([rotations, rotations], dim=1)
    torch.testing.assert_close(attention(qk, v, twice, 4), attention(qk, v, rotations, 4))


@pytest.mark.parametrize(("T", "rounds", "buckets", "chunk"), CASES)
@pytest.mark.parametrize("beforehand", [0, 11])
def test_token_by_token_it_is_the_same(T, rounds, buckets, chunk, beforehand):
    """From a cache that is longer than what is drawn, of which some may have been seen beforehand at once."""
    rotations, start = some_rotations(rounds, buckets), min(beforehand, T)
    qk, v = some_tokens(T)
    q, k = qk, F.normalize(qk, dim=-1)
    expected = lsh.lsh_attention(q, k, v, lsh.buckets_of(qk, rotations), chunk)
    keys, values = (torch.full((B, H, T + 5, D), 1e3) for _ in range(2))
    places = torch.full((B, H, rounds, T + 5), lsh.NOWHERE, dtype=torch.int32)
    keys[:, :, :start], values[:, :, :start] = k[:, :, :start], v[:, :, :start]
    places[..., :start] = lsh.places_of(lsh.buckets_of(qk[:, :, :start], rotations))
    for t in range(start, T):
        here = slice(t, t + 1)
        place = lsh.next_place(lsh.buckets_of(qk[:, :, here], rotations)[..., 0], places)
        keys[:, :, here], values[:, :, here], places[..., t] = k[:, :, here], v[:, :, here], place
        out = lsh.attend_next(q[:, :, here], keys, values, place, places, chunk)
        torch.testing.assert_close(out, expected[:, :, here])


def test_positions_may_be_turned_into_queries_and_keys_after_hashing():
    qk, v = some_tokens(20)
    buckets = lsh.buckets_of(qk, some_rotations(rounds=2, buckets=4))
    angle = torch.arange(20.0)[:, None]
    x, y = qk.chunk(2, dim=-1)
    turned = torch.cat([x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()], dim=-1)
    q, k = turned, F.normalize(turned, dim=-1)
    mask = lsh.allowed(buckets, 3).any(2)
    slow = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0)
    torch.testing.assert_close(lsh.lsh_attention(q, k, v, buckets, 3), slow)


def test_in_sixteen_bits_it_is_nearly_the_same():
    qk, v = some_tokens(40)
    buckets = lsh.buckets_of(qk, some_rotations(rounds=2, buckets=4))
    q, k = qk, F.normalize(qk, dim=-1)
    half = lsh.lsh_attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), buckets, 8)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), lsh.lsh_attention(q, k, v, buckets, 8), rtol=0.05, atol=0.05)
    with torch.autocast("cpu", torch.bfloat16):
        within = lsh.lsh_attention(q.float(), k.float(), v.float(), buckets, 8)
    torch.testing.assert_close(within.double(), half.double(), rtol=0.05, atol=0.05)


# ---- What it costs ----


def cost(T):
    """FLOPs of learning, and the numbers that it keeps for the gradient."""
    qk, v = (x.requires_grad_() for x in some_tokens(T))
    kept = 0

    def keep(x):
        nonlocal kept
        kept += x.numel()
        return x

    counter = FlopCounterMode(display=False)
    with counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        attention(qk, v, some_rotations(rounds=2, buckets=8), chunk=16).sum().backward()
    return counter.get_total_flops(), kept


def test_the_cost_grows_as_the_number_of_tokens():
    (flops, kept), (twice_flops, twice_kept), (more_flops, more_kept) = (cost(T) for T in (128, 256, 1024))
    assert flops > 0 and twice_flops == 2 * flops and more_flops == 8 * flops
    assert twice_kept < 2.01 * kept and more_kept < 8.01 * kept
