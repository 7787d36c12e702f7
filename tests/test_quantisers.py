"""Quantisers: what all promise, and each against its formula."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from small_quantisers import KINDS, LONG, WIDTH, latents, quantiser, step, with_codes
from torch import Tensor

from scalefree_studio.controls import ControlError, checked
from scalefree_studio.models.codebooks import nearest as of_nearest
from scalefree_studio.models.codebooks.nearest import nearest, sums_of
from scalefree_studio.models.codebooks.quantiser import QuantiserShape, quantiser_of


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    torch.manual_seed(0)


# --- What all promise ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(7, 7), (8, 8), (9, 5), (1, 1)])
def test_codes_say_all_that_there_is_to_values(kind: str, size: tuple[int, int]) -> None:
    q = quantiser(**KINDS[kind])
    for seed in range(3):
        step(q, latents(seed=seed))
    made = q.eval()(latents(2, WIDTH, *size))
    assert tuple(code.shape[1:] for code in made.codes) == q.grids(*size)
    assert all(int(code.min()) >= 0 and int(code.max()) < q.codes for code in made.codes)
    torch.testing.assert_close(q.lookup(made.codes, *size), made.values)
    assert q.vectors().shape == (q.codes, q.width) and not q.vectors().requires_grad


@pytest.mark.parametrize("kind", KINDS)
def test_only_learn_changes_anything_and_only_what_was_learnt_from(kind: str) -> None:
    q = quantiser(**KINDS[kind])
    for learnt in range(2):  # before k-means, and after it
        before = copy.deepcopy(q.state_dict())
        q.train()(latents())  # a step that may fail
        q.train()(latents(seed=5))
        with torch.no_grad():
            q.train()(latents())
        q.eval()(latents())
        assert all(torch.equal(before[name], tensor) for name, tensor in q.state_dict().items())
        q.learn()
        assert int(q.usage.batch.sum()) == sum(math.prod(grid) for grid in q.grids(7, 7)) * 3
        state = copy.deepcopy(q.state_dict())
        q.learn()  # nothing was seen since
        q.eval()(latents())
        q.learn()
        assert all(torch.equal(state[name], tensor) for name, tensor in q.state_dict().items()), learnt


@pytest.mark.parametrize("kind", KINDS)
def test_state_is_all_that_goes_on(kind: str) -> None:
    one, other = quantiser(**KINDS[kind]), quantiser(seed=9, **KINDS[kind])
    for seed in range(3):
        one.begin_epoch(seed // 2)
        step(one, latents(seed=seed))
    other.load_state_dict(one.state_dict())
    for q in (one, other):
        torch.manual_seed(3)
        q.begin_epoch(1)
        step(q, latents(seed=7))
    assert one.state_dict().keys() == other.state_dict().keys()
    assert all(torch.equal(one.state_dict()[name], tensor) for name, tensor in other.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_with_little_precision(kind: str) -> None:
    q = quantiser(**KINDS[kind])
    exact = copy.deepcopy(q)
    for seed in range(3):
        z = latents(seed=seed).bfloat16()
        torch.manual_seed(seed)
        made = step(q, z, torch.bfloat16)
        torch.manual_seed(seed)
        same = step(exact, z.float())
        assert all(torch.equal(a, b) for a, b in zip(made.codes, same.codes, strict=True))
    assert torch.equal(q.vectors(), exact.vectors())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_number_spoils_no_code(kind: str) -> None:
    q = quantiser(**KINDS[kind])
    z = latents()
    for _ in range(3):
        z[0, :, 2, 3] = math.nan
        z[1, 0, 0, 0] = math.inf
        q.train()(z)
        q.learn()
    assert q.vectors().isfinite().all()
    assert all(tensor.isfinite().all() for tensor in q.state_dict().values())


def test_quantisers_that_cannot_be() -> None:
    with pytest.raises(ControlError, match="Scales add up"):
        quantiser_of(QuantiserShape(scales="1,2", cosine=True), 4)
    for wrong in ({"scales": "4,2"}, {"scales": "0,2"}, {"scales": "a"}, {"levels": ""}, {"levels": "2,5"},
                  {"levels": "100,100,100"}, {"levels": "9" * 40}, {"scales": "9" * 40}):  # fmt: skip
        with pytest.raises(ControlError):
            checked(QuantiserShape(**wrong))
    assert checked(QuantiserShape(scales=" 1, 2 4", levels="8 5")) == QuantiserShape(
        scales="1,2,4", levels="8,5"
    )


# --- The nearest code ---


def test_the_nearest_is_the_nearest_and_of_equals_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    x, codes = torch.randn(101, 5), torch.randn(17, 5)
    slow = torch.tensor([min(range(17), key=lambda k: float((row - codes[k]).square().sum())) for row in x])
    for chunk in (1, 40, 1 << 20):
        monkeypatch.setattr(of_nearest, "CHUNK", chunk)
        assert torch.equal(nearest(x, codes), slow)
    doubled = torch.tensor([[2.0, 0], [1, 0], [1, 0], [-1, 0], [0, 1]])
    assert nearest(torch.tensor([[1.0, 0], [0, 0], [1.5, 0]]), doubled).tolist() == [1, 1, 0]


def test_sums_are_those_of_each_code() -> None:
    x, at = torch.randn(50, 3), torch.randint(0, 4, (50,))
    sums, counts = sums_of(x, at, 6)
    for code in range(6):
        torch.testing.assert_close(sums[code], x[at == code].sum(0))
        assert counts[code] == (at == code).sum()


# --- Gradients ---


def test_straight_through_and_commitment_as_their_formulas_say() -> None:
    codes, z = torch.randn(12, WIDTH), latents()
    q, wish = with_codes(codes, commitment=0.7).train(), torch.randn(3, WIDTH, 7, 7)
    z.requires_grad_()
    made = q(z)
    assert torch.equal(made.values.movedim(1, 3), codes[made.codes[0]])  # to the bit
    (through,) = torch.autograd.grad((made.values * wish).sum(), z, retain_graph=True)
    assert torch.equal(through, wish)
    (kept,) = torch.autograd.grad(made.loss, z)
    torch.testing.assert_close(kept, 0.7 * 2 * (z - made.values).detach() / z.numel())


def test_codes_by_gradient_go_to_their_latents() -> None:
    q = with_codes(torch.randn(12, WIDTH), learning="gradient", commitment=0.0).train()
    z = latents()
    made = q(z)
    (made.loss + made.values.sum()).backward()  # of the values' gradient the codes get nothing
    x, at = z.movedim(1, 3).reshape(-1, WIDTH), made.codes[0].reshape(-1)
    sums, counts = sums_of(x, at, 12)
    expected = 2 * (q.vectors() * counts[:, None] - sums) / x.numel()
    torch.testing.assert_close(q.codebook.vectors.grad, expected)  # type: ignore[union-attr]


@pytest.mark.parametrize("scales", ["", "2,7"])
def test_the_rotation_trick_as_its_formula_says(scales: str) -> None:
    """Against the matrix: R turns z's direction into its value's, and values are λRz with λR constant."""
    q = with_codes(torch.randn(12, WIDTH), rotation=True, scales=scales).train()
    z, wish = latents().requires_grad_(), torch.randn(3, WIDTH, 7, 7)
    made = q(z)
    (gradient,) = torch.autograd.grad((made.values * wish).sum(), z)
    rows = [t.detach().movedim(1, 3).reshape(-1, WIDTH) for t in (z, made.values, wish, gradient)]
    for x, value, wished, found in zip(*rows, strict=True):
        u, v = F.normalize(x, dim=0), F.normalize(value, dim=0)
        r = F.normalize(u + v, dim=0)
        turn = torch.eye(WIDTH) - 2 * torch.outer(r, r) + 2 * torch.outer(v, u)
        scaled = turn * value.norm() / x.norm()
        torch.testing.assert_close(scaled @ x, value)
        torch.testing.assert_close(found, scaled.T @ wished)


def test_the_rotation_trick_where_there_is_no_direction() -> None:
    """Of a latent 0, of one opposite to its code, and of a code 0, nothing is infinite."""
    q = with_codes(torch.tensor([[1.0, 0], [0, 0]]), rotation=True).train()
    z = torch.tensor([[0.0, 0], [-1e-3, 0], [-1, 0], [2, 0]]).T.reshape(1, 2, 4, 1).clone().requires_grad_()
    made = q(z)
    made.values.sum().backward()
    assert z.grad is not None and z.grad.isfinite().all()
    assert made.codes[0].flatten().tolist() == [1, 1, 1, 0]


# --- Moving averages, k-means and revival ---


def test_codes_are_moving_averages_of_their_latents() -> None:
    codes, decay = torch.randn(6, WIDTH), 0.9
    q = with_codes(codes, decay=decay, revive=0.0)
    sums, counts = codes.double().clone(), torch.ones(6, dtype=torch.float64)
    for seed in range(5):
        z = latents(seed=seed)
        made = step(q, z)
        x, at = z.movedim(1, 3).reshape(-1, WIDTH).double(), made.codes[0].reshape(-1)
        for code in range(6):
            mine = x[at == code]
            sums[code] = decay * sums[code] + (1 - decay) * mine.sum(0)
            counts[code] = decay * counts[code] + (1 - decay) * len(mine)
        torch.testing.assert_close(q.vectors(), (sums / counts[:, None]).float())
        torch.testing.assert_close(q.codebook.counts, counts.float())  # type: ignore[union-attr]


def test_at_first_averages_forget_sooner() -> None:
    q = with_codes(torch.zeros(1, WIDTH), decay=0.95)
    z = torch.ones(1, WIDTH, 1, 1)
    for steps, fresh in ((1, 9 / 11), (8, 0.5), (89, 9 / 99), (1000, 0.05)):
        q.codebook.steps.fill_(steps)  # type: ignore[operator, union-attr]
        q.codebook.vectors.zero_()  # type: ignore[operator, union-attr]
        q.codebook.sums.zero_()  # type: ignore[operator, union-attr]
        q.codebook.counts.fill_(1)  # type: ignore[operator, union-attr]
        step(q, z)
        torch.testing.assert_close(q.vectors(), torch.full((1, WIDTH), fresh))


def test_k_means_sets_the_codes_with_their_counts() -> None:
    middles = torch.randn(12, WIDTH) * 10
    x = middles.repeat_interleave(torch.arange(1, 13), 0)  # 78 latents, 12 different ones
    q = quantiser()
    made = step(q, x.T.reshape(1, WIDTH, 78, 1))
    torch.testing.assert_close(made.values.flatten(2)[0].T, x)  # there were no codes yet
    at = nearest(middles, q.vectors())
    torch.testing.assert_close(q.vectors()[at], middles)
    torch.testing.assert_close(q.codebook.counts[at], torch.arange(1.0, 13))  # type: ignore[union-attr]
    step(q, x.T.reshape(1, WIDTH, 78, 1))
    torch.testing.assert_close(q.vectors()[at], middles)  # the averages go on from there
    torch.testing.assert_close(q.codebook.counts[at], torch.arange(1.0, 13))  # type: ignore[union-attr]


@pytest.mark.parametrize("codes", [1, 40])
@pytest.mark.parametrize("kind", ["vq", "gradient", "cosine", "residual"])
def test_fewer_latents_than_codes(codes: int, kind: str) -> None:
    q, z = quantiser(codes=codes, **KINDS[kind]), torch.ones(1, WIDTH, 1, 1)
    for _ in range(5):
        made = step(q, z)
    assert q.vectors().isfinite().all() and len(torch.unique(made.codes[0])) == 1
    assert int(q.usage.batch.sum()) == len(made.codes)


def test_dead_codes_become_latents_and_say_when() -> None:
    codes = torch.tensor([[0.0, 0], [100, 100], [-100, 100]])
    q = with_codes(codes, decay=0.5, revive=0.1)
    assert q.revived is not None and q.revived.tolist() == [-1, -1, -1]
    z = torch.randn(2, 2, 5, 5)
    before = q.train()(z).loss
    for _ in range(6):
        step(q, z)
    rows = z.movedim(1, 3).reshape(-1, 2)
    assert q.revived[0] == -1 and (q.revived[1:] > LONG).all()
    assert len(torch.unique(q(z).codes[0])) == 3 and q(z).loss < before
    assert nearest(q.vectors(), rows).shape == (3,) and q.vectors().abs().max() <= rows.abs().max()


def test_nothing_is_revived_where_nobody_wants_it() -> None:
    q = with_codes(torch.tensor([[0.0, 0], [100, 100]]), decay=0.5, revive=0.0)
    for _ in range(60):
        step(q, torch.randn(2, 2, 5, 5))
    assert q.revived is not None and q.revived.tolist() == [-1, -1]
    torch.testing.assert_close(
        q.vectors()[1], torch.tensor([100.0, 100])
    )  # stays, though its count is next to none


def test_live_controls_act() -> None:
    q = with_codes(torch.randn(6, WIDTH))
    q.follow(QuantiserShape(codes=6, commitment=0.0))
    assert float(q.train()(latents()).loss) == 0


@pytest.mark.parametrize("learning", ["ema", "gradient"])
def test_unit_vectors_stay_so(learning: str) -> None:
    q = quantiser(cosine=True, learning=learning)
    for seed in range(4):
        made = step(q, 5 * latents(seed=seed))
    one = torch.ones(12)
    torch.testing.assert_close(q.vectors().norm(dim=1), one)
    torch.testing.assert_close(made.values.norm(dim=1).flatten()[:12], one)


# --- Finite scalars ---


def levels_of(q: Tensor) -> list[list[float]]:
    return [sorted(set(column.tolist())) for column in q.T]


def test_every_code_of_finite_scalars_is_its_levels() -> None:
    q = quantiser(quantiser="fsq", levels="4,3,5")
    everything = torch.arange(q.codes)
    numbers = q.rounded_of(everything)  # type: ignore[operator]
    assert len(torch.unique(numbers, dim=0)) == q.codes == 60
    assert levels_of(numbers) == [[-1, -0.5, 0, 0.5], [-1, 0, 1], [-1, -0.5, 0, 0.5, 1]]
    with torch.no_grad():  # what lies at a level is rounded to it
        q.inward.weight.copy_(torch.eye(3, WIDTH))  # type: ignore[union-attr]
        q.inward.bias.zero_()  # type: ignore[union-attr]
        wide = torch.linspace(-6, 6, 2000)
    for channel in range(3):
        z = torch.zeros(1, WIDTH, 2000, 1)
        z[0, channel, :, 0] = wide
        found = q.rounded_of(q(z).codes[0].flatten())[:, channel]  # type: ignore[operator]
        assert sorted(set(found.tolist())) == levels_of(numbers)[channel]  # all are reached
        assert (found.diff() >= 0).all()  # in their order
        assert found[1000].abs() <= 0.5


# --- Scales ---


def slowly(codes: Tensor, z: Tensor, grids: tuple[tuple[int, int], ...]) -> tuple[list[Tensor], Tensor]:
    """Averaged, quantised, interpolated, subtracted: scale by scale, for one picture after the other."""
    found, sums = [list[Tensor]() for _ in grids], []
    for picture in z:
        total = torch.zeros_like(picture)
        for stage, grid in enumerate(grids):
            missing = F.adaptive_avg_pool2d(picture - total, grid)
            at = torch.cdist(missing.flatten(1).T.double(), codes.double()).argmin(1)
            values = codes[at].T.reshape(1, -1, *grid)
            total = total + F.interpolate(values, picture.shape[1:], mode="bilinear")[0]
            found[stage].append(at.view(grid))
        sums.append(total)
    return [torch.stack(stage) for stage in found], torch.stack(sums)


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (14, 5), (3, 3)])
def test_scales_add_up_as_the_slow_ones(size: tuple[int, int]) -> None:
    codes, z = torch.randn(12, WIDTH) / 2, latents(3, WIDTH, *size)
    q = with_codes(codes, scales="1,2,4,7").eval()
    made = q(z)
    found, values = slowly(codes, z, q.grids(*size))
    assert all(torch.equal(a, b) for a, b in zip(made.codes, found, strict=True))
    torch.testing.assert_close(made.values, values)
    assert q.grids(*size)[-1] == size
    for stages in range(1, 5):
        first = q.lookup(found[:stages], *size)
        assert first.shape == z.shape
        if stages == 1 and q.grids(*size)[0] == (1, 1):
            torch.testing.assert_close(first[:, :, 0, 0], codes[found[0][:, 0, 0]])


def test_what_is_not_drawn_of_a_scale_adds_nothing() -> None:
    q = with_codes(torch.randn(12, WIDTH), scales="1,2,7").eval()
    for parameter in q.parameters():
        torch.nn.init.normal_(parameter)
    codes = q(latents()).codes
    drawn = [torch.ones_like(code, dtype=torch.bool) for code in codes]
    assert torch.equal(q.lookup(codes, 7, 7, drawn), q.lookup(codes, 7, 7))
    drawn[2][:] = False
    assert torch.equal(q.lookup(codes, 7, 7, drawn), q.lookup(codes[:2], 7, 7))
    drawn[2][:, :, 3:] = True
    found, before = q.lookup(codes, 7, 7, drawn), q.lookup(codes[:2], 7, 7)
    assert torch.equal(found[..., :3], before[..., :3]) and not torch.equal(found[..., 3:], before[..., 3:])


def test_scales_of_other_maps_are_in_proportion() -> None:
    q = quantiser(scales="1,2,4,7")
    assert q.grids(7, 7) == ((1, 1), (2, 2), (4, 4), (7, 7))
    assert q.grids(14, 21) == ((2, 3), (4, 6), (8, 12), (14, 21))
    assert q.grids(1, 1) == ((1, 1),) * 4
    assert q.stages == 4 and q.usage.counts.shape == (4, 12)


def test_all_stages_learn_one_codebook() -> None:
    codes = torch.randn(6, WIDTH)
    q = with_codes(codes, scales="2,3", refine=False, decay=0.9, revive=0.0).train()
    z = latents(rows=3, columns=3)
    made = q(z)
    first = q.lookup(made.codes[:1], 3, 3)
    parts = [F.adaptive_avg_pool2d(z, 2), z - first]
    sums, counts = codes.clone(), torch.ones(6)
    x = torch.cat([part.movedim(1, 3).reshape(-1, WIDTH) for part in parts])
    added, times = sums_of(x, torch.cat([code.flatten() for code in made.codes]), 6)
    sums, counts = 0.9 * sums + 0.1 * added, 0.9 * counts + 0.1 * times
    q.learn()
    torch.testing.assert_close(q.vectors(), sums / counts[:, None])
    assert q.usage.batch.sum(1).tolist() == [12, 27]


def test_scales_keep_to_their_codes_and_what_refines_learns() -> None:
    q = with_codes(torch.randn(12, WIDTH), scales="1,3").train()
    z = latents(rows=3, columns=3).requires_grad_()
    made = q(z)
    (through,) = torch.autograd.grad(made.values.sum(), z, retain_graph=True)
    assert torch.equal(through, torch.ones_like(z))
    (kept,) = torch.autograd.grad(made.loss, z, retain_graph=True)
    first = q.lookup(made.codes[:1], 3, 3)
    coarse = 2 * (z.mean((2, 3), keepdim=True) - first).detach() / z[:, :, 0, 0].numel() / 9
    fine = 2 * (z - made.values).detach() / z.numel()
    torch.testing.assert_close(kept, 0.25 * (coarse + fine) / 2)
    made.loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in q.parameters())
