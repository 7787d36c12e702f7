"""The autoencoder, the VQ-VAE, and its opponent."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from scalefree_studio.controls import ControlError
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.codebooks.lesson import AutoencoderLesson, VQVAELesson, psnr
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.training.lesson import Moment
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.codebooks.adversarial import (
    PatchOpponent,
    adaptive_weight,
    deceiving_loss,
    opponent_loss,
)
from scalefree_studio.models.codebooks.autoencoder import (
    ACTIVATIONS,
    Autoencoder,
    AutoencoderShape,
    suitable_layers,
)
from scalefree_studio.models.codebooks.network import VQVAE, as_bytes, scaled
from scalefree_studio.models.codebooks.quantiser import QuantiserShape

SMALL = AutoencoderShape(channels=3, layers=2, least_channels=4, most_channels=8, latent=5)
TINY = {"least_channels": 4, "most_channels": 4, "latent": 3, "codes": 8, "batch_size": 8, "wall_every": 0}


def pictures(count: int = 24, size: tuple[int, int] = (8, 8), channels: int = 1) -> Dataset:
    values = np.random.default_rng(3).integers(256, size=(count, *size, channels), dtype=np.uint8)
    labels = np.zeros(count, np.int64)
    half = count // 2
    return Dataset(
        "noise", "noise", Arrays(values[half:], labels[half:]), Arrays(values[:half], labels[:half]), ("",)
    )


# ---- The network ----


@pytest.mark.parametrize("size", [(8, 8), (4, 12), (20, 8)])
def test_pictures_of_any_size_that_the_stride_divides(size: tuple[int, int]) -> None:
    network = Autoencoder(SMALL)
    x = torch.rand(2, 3, *size)
    z = network.encode(x)
    assert z.shape == (2, 5, size[0] // 4, size[1] // 4)
    assert network.decode(z).shape == x.shape == network(x).shape


def test_other_pictures_are_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"Pictures of 10×8 do not fit: both sides must be multiples of 4\."):
        Autoencoder(SMALL).encode(torch.rand(1, 3, 8, 10))


def test_channels_double_between_the_least_and_the_most() -> None:
    shape = AutoencoderShape(layers=5, least_channels=8, most_channels=50)
    assert shape.widths == [8, 16, 32, 50, 50] and shape.stride == 32


@pytest.mark.parametrize("end", ["tanh", "none"])
def test_both_ends_have_their_activations(end: str) -> None:
    shape = AutoencoderShape(layers=1, least_channels=4, latent_activation=end, picture_activation=end)
    network = Autoencoder(shape)
    with torch.no_grad():
        network.into.bias += 9.0
        network.up[-1].bias += 9.0  # type: ignore[operator]
    bounded = end == "tanh"
    assert (network.encode(torch.rand(1, 1, 4, 4)).abs().max() <= 1) == bounded
    assert (network(torch.rand(1, 1, 4, 4)).abs().max() <= 1) == bounded


def test_tanh_is_tanh() -> None:
    x = torch.linspace(-9, 9, 101, dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS["tanh"](x), torch.tanh(x))


def test_how_often_pictures_are_halved_if_nobody_says_it() -> None:
    sizes = {
        (8, 8): 1,
        (28, 28): 2,
        (32, 32): 2,
        (64, 64): 3,
        (256, 256): 3,
        (48, 64): 3,
        (7, 8): 0,
        (4, 2): 1,
    }
    assert {size: suitable_layers(*size) for size in sizes} == sizes


def test_bytes_come_back() -> None:
    values = torch.arange(256, dtype=torch.uint8).view(1, 8, 32, 1).expand(2, 8, 32, 3)
    assert torch.equal(as_bytes(scaled(values)), values)
    assert scaled(values).min() == -1 and scaled(values).max() == 1


# ---- The opponent ----


def gradients(loss: torch.Tensor, module: nn.Module) -> list[torch.Tensor | None]:
    return list(torch.autograd.grad(loss, list(module.parameters()), allow_unused=True))


def test_one_backward_pass_equals_two_done_separately() -> None:
    torch.manual_seed(0)
    network, opponent = Autoencoder(SMALL), PatchOpponent(3, 2, 8)
    x = torch.rand(4, 3, 8, 8)
    made = network(x)
    error = (made - x).square().mean()
    deceiving = deceiving_loss(opponent, made)
    weight = adaptive_weight(error, deceiving, network.last_weight)
    (error + weight * deceiving + opponent_loss(opponent, x, made)).backward()

    # The same, step by step, as it is usually written: first one of the two, then the other.
    again, rival = copy.deepcopy(network), copy.deepcopy(opponent)
    made = again(x)
    parts = [(made - x).square().mean(), -rival(made).mean()]
    pulls = [torch.autograd.grad(p, again.last_weight, retain_graph=True)[0].norm() for p in parts]
    torch.testing.assert_close(weight, pulls[0] / (pulls[1] + 1e-4))
    for mine, theirs in zip(
        network.parameters(), gradients(parts[0] + weight * parts[1], again), strict=True
    ):
        torch.testing.assert_close(mine.grad, theirs)
    hinge = (torch.relu(1 - rival(x)).mean() + torch.relu(1 + rival(again(x).detach())).mean()) / 2
    for mine, theirs in zip(opponent.parameters(), gradients(hinge, rival), strict=True):
        torch.testing.assert_close(mine.grad, theirs)


def test_the_opponent_begins_after_its_share_of_the_run() -> None:
    job = Train(
        VQVAELesson(pictures()),
        VQVAELesson.controls(**TINY, adversarial=0.5, adversarial_from=0.5),
        Limit(10),
    )
    begun = [p.detach().clone() for p in job.trainer.network.opponent.parameters()]
    same = []
    for _ in range(10):
        job.step()
        now = job.trainer.network.opponent.parameters()
        same.append(all(torch.equal(a, b) for a, b in zip(begun, now, strict=True)))
    assert same == [True] * 5 + [False] * 5


# ---- What is learnt ----


def test_held_out_pictures_are_judged_by_what_is_seen_of_them() -> None:
    lesson = VQVAELesson(pictures())
    job = Train(lesson, lesson.controls(**TINY), Limit(6))
    for _ in range(6):
        job.step()
    network, held = job.trainer.used_network(), lesson.dataset.held.take(np.arange(12)).values
    with torch.no_grad():
        made, found = network(scaled(torch.from_numpy(held)))
    shown = as_bytes(made).numpy().astype(float)
    error = np.square((shown - held) / 255).mean()
    assert job.trainer.evaluate(network) == pytest.approx(error, rel=1e-2)
    assert lesson.results(0.01, job.controls)["psnr"] == pytest.approx(20) == psnr(0.01)
    counts = np.bincount(found.codes[0].numpy().ravel(), minlength=8)
    share = counts[counts > 0] / counts.sum()
    measured = lesson.measured(network, job.controls)
    assert measured["perplexity"] == pytest.approx(np.exp(-(share * np.log(share)).sum()))
    assert measured["usage"] == np.count_nonzero(counts) / 8


def test_a_run_begins_without_codes() -> None:
    lesson = VQVAELesson(pictures())
    controls = lesson.controls(**TINY, codes_from=3)
    network = lesson.network(lesson.fitted(controls)).train()
    for step, progress, coded in ((0, 0.0, False), (2, 0.05, False), (3, 0.05, True), (1, 0.1, True)):
        lesson.begin_step(network, controls, Moment(step, 0, progress))
        made, found = network(torch.rand(2, 1, 8, 8))
        assert bool(found.codes) == coded and made.shape == (2, 1, 8, 8)


def test_usage_of_whole_epochs_and_of_a_batch_are_both_measured() -> None:
    lesson = VQVAELesson(pictures())
    job = Train(lesson, lesson.controls(**TINY, codes_from=0), Limit(9))
    for _ in range(9):  # an epoch has 1.5 batches
        job.step()
    metrics, usage = job.snapshot().metrics, job.trainer.network.quantiser.usage
    assert usage.whole and int(usage.batch.sum()) == 8 * 16
    assert {c.metric for c in lesson.curves} | {"batch_perplexity", "batch_usage"} <= metrics.keys()


@pytest.mark.parametrize("kind", [AutoencoderLesson, VQVAELesson])
def test_pictures_that_cannot_be_halved_are_refused_in_a_sentence(kind: type[VQVAELesson]) -> None:
    with pytest.raises(ControlError, match=r"Pictures of 7×9 cannot be halved; make them another size\."):
        Train(kind(pictures(size=(9, 7))))
    with pytest.raises(ControlError, match="Pictures of 8×12 cannot be halved 3 times"):
        Train(kind(pictures(size=(12, 8))), kind.controls(layers=3))
    tokens = Arrays(np.zeros((4, 9), np.int64), np.zeros(4, np.int64))
    with pytest.raises(ControlError, match="has no pictures"):
        Train(kind(Dataset("tokens", "tokens", tokens, tokens, ("",))))


def test_layers_that_suit_the_pictures() -> None:
    assert VQVAELesson(pictures()).fitted(VQVAELesson.controls()).layers == 1
    assert VQVAELesson(pictures(size=(24, 32))).fitted(VQVAELesson.controls()).layers == 2
    assert VQVAELesson(pictures()).fitted(VQVAELesson.controls(layers=3)).layers == 3


def test_a_codebook_of_latents_that_are_alike_learns_to_make_pictures_again() -> None:
    """Four different pictures: four codes suffice."""
    values = np.zeros((16, 4, 4, 1), np.uint8)
    values[::4, :2] = 255
    values[1::4, :, :2] = 255
    values[2::4] = 200
    data = Arrays(values, np.zeros(16, np.int64))
    lesson = VQVAELesson(Dataset("four", "four", data, data, ("",)))
    controls = lesson.controls(
        **{**TINY, "layers": 2, "least_channels": 16, "most_channels": 16, "learning_rate": 0.01}
    )
    job = Train(lesson, controls, Limit(100))
    while not job.limit.reached(job.step_count, job.seconds):
        job.step()
    assert job.trainer.evaluate() < 1e-3


def test_a_vqvae_without_an_opponent_has_none() -> None:
    assert VQVAE(SMALL, QuantiserShape(codes=4)).opponent is None
