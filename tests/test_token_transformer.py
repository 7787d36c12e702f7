"""Token transformers: what a token may know, windows beside their definition, and what is computed anew."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_tokens import REFINES, SHAPES, SMALL, network, tokens_of
from torch import Tensor

from scalefree_studio.models.cascades.layers import CoarserAttention, OwnAttention
from scalefree_studio.models.cascades.network import TokenTransformer
from scalefree_studio.models.cascades.places import TokenPlaces
from scalefree_studio.models.cascades.shape import POSITIONS, TokensShape, grids_of
from scalefree_studio.models.transformer.local import near
from scalefree_studio.models.transformer.optimizer import optimizer_of

CPU = torch.device("cpu")
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture(autouse=True)
def _double_precision() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


# ---- What it is given ----


def test_grids_are_read_from_a_text() -> None:
    shape = TokensShape(grids="1x1x7 4x5x6")
    assert [(g.rows, g.columns, g.codes) for g in shape.stages] == [(1, 1, 7), (4, 5, 6)]
    assert shape.whole == shape.coarser[0] and not shape.read
    for bad in ("", "4x4", "4x4x", "0x4x4", "axbxc", "4x4x4x4"):
        with pytest.raises((ValueError, TypeError)):
            grids_of(bad)


def test_each_picture_needs_all_of_its_stages() -> None:
    net = network(**REFINES)
    own, labels, coarser = tokens_of(net)
    with pytest.raises(ValueError, match="1 coarser stages, not 2"):
        net(own, labels, coarser[:1])


# ---- What a token may know ----


@shapes
def test_no_logits_depend_on_later_tokens_and_all_do_on_what_they_see(shape: dict[str, Any]) -> None:
    net = network(**shape)
    own, labels, coarser = tokens_of(net, 1)
    embedded: list[Tensor] = []

    def keep(_: Any, __: Any, found: Tensor) -> Tensor:
        embedded.append(found.detach().requires_grad_())
        return embedded[-1]

    hook = net.token.register_forward_hook(keep)
    logits = net(own, labels, coarser)
    hook.remove()
    places = net.places_of(coarser)
    step = (near(places) | torch.eye(places.count, dtype=torch.bool)).double()
    reach = torch.linalg.matrix_power(step, net.shape.layers) > 0  # what those that it sees have seen
    for t in range(own.shape[1]):
        (by,) = torch.autograd.grad(logits[0, t].sum(), embedded[0], retain_graph=True, allow_unused=True)
        felt = by[0].abs().sum(1) > 0  # tokens 0 … N - 2, which are the inputs of positions 1 … N - 1
        assert felt.tolist() == reach[t, 1:].tolist()
        assert not felt[t:].any()
        assert net.shape.radius or felt[:t].all()


@pytest.mark.parametrize("shape", [s for s in SHAPES if " " in s.get("grids", "")], ids=str)
def test_every_logit_depends_on_coarser_tokens(shape: dict[str, Any]) -> None:
    """On all of them through the encoder, even where a window lets only near ones be seen."""
    net = network(**shape)
    own, labels, coarser = tokens_of(net, 1)
    before = net(own, labels, coarser)
    for stage, tokens in enumerate(coarser):
        for at in range(tokens[0].numel()):
            other = [t.clone() for t in coarser]
            other[stage].view(-1)[at] = (other[stage].view(-1)[at] + 1) % net.shape.stages[stage].codes
            changed = (net(own, labels, other) - before).abs().amax(-1)[0] > 1e-12
            assert (
                changed.all() if net.shape.encoder_layers or not net.shape.coarser_radius else changed.any()
            )


def test_without_an_encoder_a_window_shows_only_what_lies_near() -> None:
    net = network(**REFINES, encoder_layers=0, coarser_radius=1, layers=1, radius=1)
    own, labels, coarser = tokens_of(net, 1)
    other = [coarser[0].clone(), coarser[1]]
    other[0][0, 1, 1] = (other[0][0, 1, 1] + 1) % 5
    changed = (net(own, labels, other) - net(own, labels, coarser)).abs().amax(-1).view(4, 5) > 1e-12
    # Of 2 × 2 the last covers rows 2 and 3 and columns 2.5 to 5 of 4 × 5: from column 2 on, half of which it is.
    assert changed.tolist() == [[y >= 1 and x >= 1 for x in range(5)] for y in range(4)]


@pytest.mark.parametrize("changes", [{"classes": 3}, {"grids": "1x1x3 4x5x6"}], ids=str)
def test_the_condition_changes_what_is_expected_from_the_first_token_on(changes: dict[str, Any]) -> None:
    net = network(**changes)
    own, labels, coarser = tokens_of(net, 1)
    found = [
        net(own, torch.tensor([n]) if labels is not None else None, [torch.tensor([[[n]]])][: len(coarser)])
        for n in range(2)
    ]
    assert ((found[0] - found[1]).abs().amax(-1) > 1e-9).all()


@pytest.mark.parametrize("positions", POSITIONS)
def test_positions_matter(positions: str) -> None:
    """Equal tokens everywhere: only places tell them apart."""
    net = network(positions=positions, **REFINES, radius=1)
    _, labels, coarser = tokens_of(net, 1)
    logits = net(torch.zeros(1, 20, dtype=torch.long), labels, [torch.zeros_like(t) for t in coarser])[0]
    apart = (logits[:, None] - logits[None]).abs().amax(-1)[1:, 1:]
    assert (apart + torch.eye(19) > 1e-9).all() if positions != "rotary" else (apart > 1e-9).any()


@pytest.mark.parametrize("positions", POSITIONS)
def test_other_sizes_than_those_learnt(positions: str) -> None:
    net = network(positions=positions, **REFINES, radius=2, coarser_radius=1)
    coarser = [torch.zeros(2, 3, 3, dtype=torch.long), torch.zeros(2, 4, 3, dtype=torch.long)]
    assert net(torch.zeros(2, 7 * 9, dtype=torch.long), None, coarser, (7, 9)).shape == (2, 63, 6)


# ---- Windows ----


def masked(part: Any, x: Tensor, known: Any) -> Tensor:
    """The definition: all scores, under a mask."""
    places = known.places
    q = part.queries(x, places.query_turn)
    if isinstance(part, CoarserAttention):
        k, v, mask = (
            part.keys(known.coarser, places.coarser_turn),
            part.values(known.coarser),
            places.near_coarser(),
        )
    else:
        k, v, mask = part.keys(x, places.key_turn), part.values(x), near(places)
    out: Tensor = part.gather(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
    return out


@pytest.mark.parametrize("kind", [OwnAttention, CoarserAttention])
@pytest.mark.parametrize(("radius", "coarser_radius"), [(1, 1), (2, 1), (1, 3), (9, 9)])
@pytest.mark.parametrize("size", [(4, 5), (7, 3), (1, 6)])
def test_a_window_is_attention_under_a_mask(kind: Any, radius: int, coarser_radius: int, size: Any) -> None:
    net = network(**REFINES, radius=radius, coarser_radius=coarser_radius)
    coarser = [torch.zeros(2, 2, 2, dtype=torch.long), torch.ones(2, 3, 2, dtype=torch.long)]
    known = net.known(2, None, coarser, size)
    part = next(part for part in net.modules() if isinstance(part, kind))
    x = torch.randn(2, size[0] * size[1], 12, requires_grad=True)
    ours, plain = part(x, known), masked(part, x, known)
    torch.testing.assert_close(ours, plain)
    weights = torch.randn_like(plain)
    for a, b in zip(
        torch.autograd.grad((ours * weights).sum(), (x, part.key.weight), retain_graph=True),
        torch.autograd.grad((plain * weights).sum(), (x, part.key.weight)),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_coarser_tokens_lie_over_own_ones() -> None:
    places = TokenPlaces(TokensShape(grids="2x3x5 4x6x5", coarser_radius=1), (4, 6), ((2, 3),), CPU)
    assert places.coarser_at.tolist() == [[y, x] for y in (0.5, 2.5) for x in (0.5, 2.5, 4.5)]
    for (t, at), (s, cell) in itertools.product(
        enumerate(itertools.product(range(4), range(6))), enumerate(itertools.product(range(2), range(3)))
    ):
        covered = itertools.product(*(range(2 * n, 2 * n + 2) for n in cell))
        apart = min(max(abs(a - b) for a, b in zip(at, place, strict=True)) for place in covered)
        assert places.near_coarser()[t, s] == (apart <= 1)


def scores(side: int) -> tuple[int, int]:
    """How many products of queries and keys are computed, of own tokens and of coarser ones."""
    shape = TokensShape(grids="8x8x5 16x16x5", radius=3, coarser_radius=3)
    places = TokenPlaces(shape, (side, side), ((side // 2, side // 2),), CPU)
    return places.tiles.near.numel(), places.coarser_tiles.near.numel()


def test_the_cost_of_windows_grows_with_the_number_of_tokens() -> None:
    for small, large in zip(scores(12), scores(48), strict=True):
        assert large / small < 1.5 * 16  # all to all: 256 times


# ---- Learning ----


@pytest.mark.parametrize("shape", [{}, {**REFINES, "radius": 1, "positions": "both", "classes": 3}], ids=str)
def test_checkpointing_changes_no_gradient(shape: dict[str, Any]) -> None:
    net = network(**shape, dropout=0.2).train()
    own, labels, coarser = tokens_of(net)
    found = []
    for checkpointing in (False, True):
        net.checkpointing = checkpointing
        torch.manual_seed(5)
        net.zero_grad()
        F.cross_entropy(net(own, labels, coarser).flatten(0, 1), own.flatten()).backward()
        found.append({n: p.grad.clone() for n, p in net.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys() == dict(net.named_parameters()).keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)
        assert gradient.any(), name


def test_checkpointing_keeps_less() -> None:
    """Of what blocks make, only what goes into them."""
    kept = []
    for checkpointing in (False, True):
        net, sizes = network(checkpointing=checkpointing, layers=3).train(), []
        own, *_ = tokens_of(net)

        def keep(tensor: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            net(own)
        kept.append(sum(sizes))
    assert kept[1] < kept[0] / 4


def test_blocks_add_nothing_at_first_and_every_code_is_nearly_as_likely() -> None:
    torch.manual_seed(0)
    net = TokenTransformer(TokensShape(**{**SMALL, **REFINES, "grids": "2x2x5 4x5x64"}))
    own, labels, coarser = tokens_of(net)
    known = net.known(2, labels, coarser)
    x = torch.randn(2, 20, 12)
    assert all(torch.equal(block(x, known), x) for block in net.blocks)
    loss = F.cross_entropy(net(own, labels, coarser).flatten(0, 1), own.flatten())
    assert loss.item() == pytest.approx(math.log(64), abs=0.05)


def test_it_learns_what_a_coarser_stage_says() -> None:
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    net = TokenTransformer(TokensShape(**{**SMALL, "grids": "2x2x4 4x4x4", "width": 24}))
    optimizer, generator = optimizer_of(net), torch.Generator().manual_seed(1)
    for group in optimizer.param_groups:
        group["lr"] = 0.01 * group.get("rate", 1.0)
    for _ in range(60):
        coarser = torch.randint(4, (32, 2, 2), generator=generator)
        own = coarser.repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(1)
        loss = F.cross_entropy(net(own, None, [coarser]).flatten(0, 1), own.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3  # without it, no less than a quarter of log 4 = 0.35


def test_muon_has_the_matrices_of_blocks_but_not_their_modulation() -> None:
    net = network(**REFINES)
    muon = {id(p) for p in optimizer_of(net).param_groups[0]["params"]}
    named = {n for n, p in net.named_parameters() if id(p) in muon}
    assert named and all("blocks." in n and "modulation" not in n for n in named)
    assert {n.split(".")[0] for n in named} == {"blocks", "encoder_blocks"}


def test_a_shape_is_what_its_controls_say() -> None:
    assert dataclasses.replace(TokensShape(), width=30, heads=4).head == 8
    assert network(width=15, heads=2)(torch.zeros(1, 20, dtype=torch.long)).shape == (1, 20, 6)
