"""Where the heads of a transformer looked, and what is drawn without some of them: by definition, and in a drawing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import small_drawings
import torch
from small_pixels import H, W, drawing, network, sampler
from torch import Tensor

from scalefree_studio.controls import ControlError
from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.drawing import heads
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import (
    GoTo,
    SetPrompt,
    SetValue,
    SetWay,
    ShowLooked,
    SwitchHeads,
    Watch,
)
from scalefree_studio.jobs.drawing.sampler import Way
from scalefree_studio.jobs.job import Edit, SetControls, Undo
from scalefree_studio.models.ordered.request import Request, uniforms
from scalefree_studio.models.pixels.looked import PixelsLooked
from scalefree_studio.models.pixels.network import PixelTransformer
from scalefree_studio.models.pixels.shape import ATTENTIONS, RESERVED
from scalefree_studio.models.transformer.looked import attentions, without_heads
from scalefree_studio.runner import Mailbox, Runner
from scalefree_studio.snapshot import Change, Snapshot

N = H * W
SHAPES: list[dict[str, Any]] = [
    *({"attention": attention, "radius": 1, "chunk": 2, "buckets": 4} for attention in ATTENTIONS),
    {"attention": "lsh", "chunk": 3, "buckets": 2, "rounds": 3, "channels": 2, "reversible": True},
    {"order": "spiral", "channels": 3},
    {"order": "columns", "attention": "local", "radius": 2, "channels": 2, "classes": 3},
]


def tokens_of(net: PixelTransformer, seed: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    T = N * net.shape.channels
    return torch.randint(net.shape.colours, (1, T), generator=generator) + RESERVED


def looked_at(net: PixelTransformer, tokens: Tensor) -> PixelsLooked:
    labels = torch.tensor([1]) if net.shape.classes else None
    return PixelsLooked(net, tokens, labels, net.places(H, W, tokens.device))


def carried(net: PixelTransformer, tokens: Tensor) -> Tensor:
    """What each layer itself takes from each key, (layers, H, T, T): its values are replaced by marks, one a key."""
    found: list[Tensor] = []
    for layer in attentions(net):
        project, gather = layer.project, layer.gather

        def marked(x: Tensor, *rest: Any, project: Any = project) -> tuple[Tensor, Tensor, Tensor, Any]:
            q, k, v, buckets = project(x, *rest)
            return q, k, torch.cat([v, torch.eye(v.shape[2]).expand(*v.shape[:2], -1, -1)], dim=-1), buckets

        def kept(seen: Tensor, gather: Any = gather, d: int = net.shape.head) -> Tensor:
            found.append(seen[0, ..., d:])
            out: Tensor = gather(seen[..., :d])
            return out

        layer.project, layer.gather = marked, kept  # type: ignore[method-assign]
    labels = torch.tensor([1]) if net.shape.classes else None
    with torch.inference_mode():
        net.logits(tokens, labels, net.places(H, W, tokens.device))
    for layer in attentions(net):
        del layer.project, layer.gather
    return torch.stack(found)


# -- by definition ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_what_the_layers_themselves_take(shape: dict[str, Any]) -> None:
    net = network(**shape)
    tokens = tokens_of(net)
    truth, looked = carried(net, tokens), looked_at(net, tokens)
    for t in range(tokens.shape[1]):
        torch.testing.assert_close(looked.of_token(t), truth[:, :, t], atol=1e-6, rtol=1e-5)
    assert truth.flatten(0, 1).std(0).max() > 0.01, "heads differ"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_place_has_what_its_tokens_took_from_those_before(shape: dict[str, Any]) -> None:
    net = network(**shape)
    tokens = tokens_of(net)
    truth, looked, C = carried(net, tokens), looked_at(net, tokens), net.shape.channels
    for n in range(N):
        by_place = torch.zeros(net.shape.layers, net.shape.heads, N)
        for t in range(n * C, (n + 1) * C):
            for key in range(1, t + 1):  # which holds the token before; key 0 is the start
                by_place[..., (key - 1) // C] += truth[:, :, t, key] / C
        torch.testing.assert_close(looked.at(n), by_place, atol=1e-6, rtol=1e-5)
        start = truth[:, :, n * C : (n + 1) * C, 0].mean(-1)
        torch.testing.assert_close(1 - looked.at(n).sum(-1), start, atol=1e-5, rtol=1e-4)
        assert not looked.at(n)[..., n + 1 :].any()
        assert C > 1 or not looked.at(n)[..., n].any(), "of its own place, its earlier channels at most"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_is_not_drawn_yet_does_not_matter(shape: dict[str, Any]) -> None:
    net = network(**shape)
    one, other, C = tokens_of(net), tokens_of(net, 3), net.shape.channels
    for n in (0, 7, N - 1):
        mixed = torch.cat([one[:, : n * C], other[:, n * C :]], dim=1)
        # A place with several tokens sees its own first ones.
        token, there = looked_at(net, one).of_token(n * C), looked_at(net, mixed).of_token(n * C)
        torch.testing.assert_close(token, there)


def test_a_head_that_is_off_adds_nothing() -> None:
    net = network(classes=3)
    off = torch.tensor([[True, False], [False, True]])
    other, cut = without_heads(net, off), network(classes=3)
    with torch.no_grad():
        for layer, heads_off in zip(attentions(cut), off, strict=True):
            layer.out.weight.view(12, 2, 6)[:, heads_off] = 0
    values, labels = torch.randint(8, (2, H, W, 1)), torch.tensor([0, 2])
    with torch.inference_mode():
        torch.testing.assert_close(other(values, labels), cut(values, labels))
        assert not torch.allclose(other(values, labels), net(values, labels), atol=1e-3)
        torch.testing.assert_close(net(values, labels), network(classes=3)(values, labels))
    ours, theirs = dict(net.named_parameters()), dict(other.named_parameters())
    assert all(ours[name] is theirs[name] for name in ours) and len(ours) == len(theirs)


@pytest.mark.parametrize("order", ["raster", "columns", "spiral"])
def test_a_sampler_speaks_of_positions_of_its_order(order: str) -> None:
    made = sampler(order=order)
    request = Request(uniforms(1, N, 1, 0), torch.tensor([2]))
    values = torch.randint(8, (1, N, 1), generator=torch.Generator().manual_seed(4))
    picture = torch.zeros(1, N, 1, dtype=torch.long)
    picture[:, made.order] = values
    net = made.network
    tokens = net.sequence(picture.view(1, H, W, 1), net.places(H, W, values.device))
    assert (tokens[0] - RESERVED == values[0, :, 0]).all()
    with torch.inference_mode():
        direct = net(picture.view(1, H, W, 1), torch.tensor([2]))[0].view(N, 1, -1)[made.order].softmax(-1)
    torch.testing.assert_close(made.chances(request, values)[0], direct)
    truth = carried(net, tokens)  # of the label 1
    looked = made.looked(Request(uniforms(1, N, 1, 0), torch.tensor([1])), values)
    torch.testing.assert_close(looked.at(9)[..., :9], truth[:, :, 9, 1:10], atol=1e-6, rtol=1e-5)


# -- in a drawing -------------------------------------------------------------------------------------------------


def frame(job: DrawPictures) -> Any:
    return job.snapshot().frame


def play(job: DrawPictures) -> DrawPictures:
    while not math.isinf(job.rest):
        job.step()
    return job


def shares(job: DrawPictures, picture: int, position: int) -> npt.NDArray[Any]:
    """Asked for directly."""
    request = job.request_of(picture, Way(1.0, 0, 1.0))
    looked = job.sampler.looked(request, job.values_of(picture))
    found = looked.at(position).view(2, 2, H, W)  # the order is raster
    return np.asarray(found.numpy().astype(np.float16))


def test_it_is_said_of_the_place_drawn_last_while_it_draws(monkeypatch: Any) -> None:
    monkeypatch.setattr(heads, "REST", 0)
    job, plain = drawing(), drawing()
    job.apply(Watch(1))
    assert "looked" not in frame(job)
    job.apply(ShowLooked())
    assert "looked" not in frame(job), "nothing is drawn"
    for _ in range(5):
        job.step()
        plain.step()
        now = frame(job)
        assert now["looked_from"] == now["position"][1] - 1
        np.testing.assert_array_equal(now["looked"], shares(job, 1, int(now["looked_from"])))
        np.testing.assert_array_equal(now["values"], frame(plain)["values"])
    assert now["looked"].dtype == np.float16 and now["looked"].shape == (2, 2, H, W)
    job.apply(Watch(2))
    np.testing.assert_array_equal(frame(job)["looked"], shares(job, 2, int(frame(job)["looked_from"])))
    job.apply(ShowLooked(on=False))
    assert "looked" not in frame(job) and "looked_from" not in frame(job)


def test_it_is_said_of_the_place_that_is_asked_for() -> None:
    job = play(drawing())
    for y, x in ((0, 0), (2, 3), (3, 4)):
        job.apply(ShowLooked(place=(y, x)))
        assert frame(job)["looked_from"] == y * W + x
        np.testing.assert_array_equal(frame(job)["looked"], shares(job, 0, y * W + x))
    job.apply(SetValue(0, 1, 1, (7,)))
    assert "looked" not in frame(job), "it is not drawn any more"
    play(job)
    np.testing.assert_array_equal(frame(job)["looked"], shares(job, 0, N - 1))
    job.apply(ShowLooked())
    assert frame(job)["looked_from"] == N - 1
    job.apply(GoTo(6))
    assert frame(job)["looked_from"] == 5
    np.testing.assert_array_equal(frame(job)["looked"], shares(job, 0, 5))


def test_asking_again_and_again_asks_the_network_once(monkeypatch: Any) -> None:
    job, asked = play(drawing()), []
    looked = job.sampler.looked
    monkeypatch.setattr(job.sampler, "looked", lambda *about: asked.append(1) or looked(*about))
    play(job)
    assert not asked, "nobody wanted to know"
    for n in range(N):
        job.apply(ShowLooked(place=divmod(n, W)))
    assert len(asked) == 1


def test_while_it_draws_it_is_asked_only_now_and_then(monkeypatch: Any) -> None:
    monkeypatch.setattr(heads, "REST", 1e9)
    job, asked = drawing(), []
    looked = job.sampler.looked
    monkeypatch.setattr(job.sampler, "looked", lambda *about: asked.append(1) or looked(*about))
    job.apply(ShowLooked())
    play(job)
    assert len(asked) == 2, "at the first step and at the end"
    assert frame(job)["looked_from"] == N - 1


EDITS: dict[str, tuple[Edit, ...]] = {
    "nothing": (),
    "a prompt": (SetPrompt(values=np.full((H, W, 1), 3), keep=np.arange(N).reshape(H, W) % 3 == 0),),
    "a value": (GoTo(8), SetValue(1, 2, 2, (1,))),
    "a way": (SetWay((1,), {"temperature": 2.0, "label": 0}), GoTo(7), SetWay((1,), {"top_k": 4})),
    "controls": (GoTo(9), SetControls({"temperature": 3.0})),
    "undone": (SetControls({"seed": 9}), Undo()),
}
OFF = ((0, 1), (1, 0))


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS.keys())
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_without_heads_a_picture_is_what_the_other_network_draws(
    edits: tuple[Edit, ...], first: bool
) -> None:
    job, plain = drawing(), drawing()
    off = np.array([[False, True], [True, False]])
    other = DrawPictures(job.sampler.without_heads(off), job.controls)
    if first:
        job.apply(SwitchHeads(OFF, 1))
        job.step()
        job.apply(GoTo(0))
    for edit in edits:
        for each in (job, plain, other):
            each.apply(edit)
    if not first:
        job.apply(SwitchHeads(OFF, 1))
    for each in (job, plain, other):
        play(each)
    now = frame(job)
    np.testing.assert_array_equal(now["values"], frame(plain)["values"])
    np.testing.assert_array_equal(now["twin_values"], frame(other)["values"][1])
    assert (now["twin_values"] != now["values"][1]).any()
    assert now["twin"] == 1 and now["twin_position"] == N
    np.testing.assert_array_equal(now["heads_off"], off)
    values = job.values_of(1)
    for bits, network_ in zip(now["twin_bits"], (job.sampler, other.sampler), strict=True):
        chances = network_.chances(
            Request(uniforms(1, N, 1, 0), torch.from_numpy(job.state.labels[1:2])), values
        )
        truth = -chances[0, :, 0].gather(1, values[0])[:, 0].log2().view(H, W)
        np.testing.assert_allclose(bits, truth.numpy(), rtol=1e-5)


def test_a_twin_is_drawn_piece_by_piece_and_no_further_than_its_picture() -> None:
    job = drawing(speed=60.0)
    for _ in range(3):
        job.step()
    job.apply(SwitchHeads(OFF, 2))
    assert frame(job)["twin_position"] == 0
    before = job.step_count
    job.step()
    assert frame(job)["twin_position"] == 1 and frame(job)["position"][2] == 4
    assert job.step_count == before + 2, "what is new is shown"
    job.apply(Watch(0))
    assert frame(job)["twin_position"] == 1, "it stays"
    job.apply(SetControls({"speed": 1e5}))
    while not math.isinf(job.rest):
        before = int(frame(job)["twin_position"])
        job.step()
        after = int(frame(job)["twin_position"])
        assert after - before <= W and after <= frame(job)["position"][2]
    assert frame(job)["twin_position"] == N and np.isfinite(frame(job)["twin_bits"]).all()
    job.apply(SwitchHeads(OFF, 0))
    assert frame(job)["twin_position"] == 0 and not math.isinf(job.rest)
    job.apply(SwitchHeads())
    assert not frame(job).keys() & {"twin", "heads_off", "twin_values", "twin_position", "twin_bits"}
    assert math.isinf(job.rest)


def test_what_is_not_measured_yet_is_no_number() -> None:
    job = drawing(speed=60.0)
    job.apply(SwitchHeads(OFF, 0))
    for _ in range(6):
        job.step()
        bits = frame(job)["twin_bits"].reshape(2, N)
        known = int(np.isfinite(bits[0]).sum())
        position = int(frame(job)["position"][0])
        assert position / 2 < known <= position and np.isnan(bits[:, known:]).all()


def test_a_twin_goes_with_its_picture() -> None:
    job = play(drawing())
    job.apply(SwitchHeads(OFF, 2))
    job.apply(SetControls({"count": 2}))
    play(job)
    assert "twin" not in frame(job)


def test_what_cannot_be_is_refused_and_leaves_everything() -> None:
    job = drawing()
    job.apply(ShowLooked(place=(1, 1)))
    before = play(job).snapshot()
    for edit in (
        ShowLooked(place=(H, 0)), ShowLooked(place=(0, -1)), ShowLooked(place=(0, 0), stage=1),
        SwitchHeads(((2, 0),)), SwitchHeads(((0, -1),)), SwitchHeads(OFF, 3),
    ):  # fmt: skip
        with pytest.raises(ControlError, match=r"\.$"):
            job.apply(edit)
    assert frame(job)["looked_from"] == before.frame["looked_from"] and "twin" not in frame(job)
    for edit in (ShowLooked(), SwitchHeads(OFF)):
        with pytest.raises(ControlError, match="no heads"):
            small_drawings.make().apply(edit)


def test_looking_is_news_to_the_window_and_not_recorded() -> None:
    class Kept:
        def __init__(self) -> None:
            self.changes: list[str] = []

        def wants(self, step: int) -> bool:
            return False

        def show(self, snapshot: Snapshot) -> None: ...

        def changed(self, change: Change) -> None:
            self.changes.append(change.what)

        def close(self, last: Snapshot) -> None: ...

    kept, mailbox = Kept(), Mailbox()
    job = play(drawing())
    runner = Runner(job, [kept, mailbox], playing=False)
    runner._show()
    assert mailbox.take() is not None
    runner.edit(ShowLooked())
    runner._apply_edits()
    runner._show()
    news = mailbox.take()
    assert news is not None and "looked" in news.frame and not kept.changes
    runner.edit(Watch(1))
    runner._apply_edits()
    assert kept.changes == ["watch"]


# -- of several stages --------------------------------------------------------------------------------------------


def test_of_several_stages_each_has_its_part() -> None:
    share = np.arange(2 * 2 * 10, dtype=np.float16).reshape(2, 2, 10)
    shown = {
        "values": np.zeros((1, 10, 1), int), "position": np.array([7]), "given": np.zeros((1, 10), bool),
        "looked": share, "looked_from": np.array(6), "twin": np.array(0), "twin_position": np.array(5),
        "twin_values": np.arange(10)[:, None], "twin_bits": np.arange(20.0).reshape(2, 10),
    }  # fmt: skip
    still = {"order": np.arange(10), "labels": np.array([-1]), "stages": np.array([[2, 2], [2, 3]])}
    later = Drawing(shown, still).current
    assert later.number == 1 and later.frame["looked_from"] == 2 and later.frame["twin_position"] == 1
    np.testing.assert_array_equal(later.frame["looked"], share[..., 4:].reshape(2, 2, 2, 3))
    np.testing.assert_array_equal(later.frame["twin_bits"][1], np.arange(14.0, 20).reshape(2, 3))
    np.testing.assert_array_equal(later.frame["twin_values"][..., 0], np.arange(4, 10).reshape(2, 3))
