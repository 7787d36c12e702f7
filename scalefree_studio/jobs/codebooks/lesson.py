"""What autoencoders and VQ-VAEs learn: to make pictures again, from a small map of numbers or of codes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...controls import ControlError, edited, part_of
from ...data.examples import Batch
from ...models.codebooks.adversarial import (
    PatchOpponent,
    adaptive_weight,
    deceiving_loss,
    opponent_loss,
)
from ...models.codebooks.autoencoder import Autoencoder, AutoencoderShape, suitable_layers
from ...models.codebooks.network import VQVAE, as_bytes, scaled
from ...models.codebooks.quantiser import QuantiserShape
from ...models.codebooks.usage import perplexity, used
from ...snapshot import Array, Bytes
from ..training.held_out import spread
from ..training.lesson import C, Card, Curve, Inputs, Lesson, Moment, N, rows_of
from .codec import VQVAECodec
from .controls import AutoencoderControls, VQVAEControls
from .display import CodesDisplay, Reconstructions, shown_of

ONLY_WHOLE = "Over a whole epoch. A batch alone may use half of the codes while all are in use, so its number misleads."
SAMPLED = 512  # pictures by which it is known how much pictures differ
LEAST_VARIANCE = 1e-3
UNCODED = 0.1  # of a run, at most, is learnt without codes
LEAST_CODES = 64  # unless a person wants fewer
COUNTED = 256  # pictures at a time


def psnr(error: float) -> float:
    """The mean squared error of pixels in [0, 1], in decibels."""
    return -10 * math.log10(max(error, 1e-12))


class ReconstructionLesson(Lesson[C, N]):
    """Learns pictures (h, w, C), and is judged by how well it makes them again: the mean squared error of pixels that
    lie in [0, 1]. Its controls are an AutoencoderShape, too."""

    shelf: ClassVar[str] = "Teach a network to take pictures apart and put them together again"
    settled: ClassVar[tuple[str, ...]] = ("channels",)
    unit: ClassVar[str] = "mean_squared_error"
    curves: ClassVar[tuple[Curve, ...]] = (Curve("error", "Squared error", log=True, beside="held_out"),)
    advice: ClassVar[str] = "use a smaller batch or fewer channels"

    # What it learns from.

    def fitted(self, controls: C) -> C:
        if len(self.dataset.shape) != 3:
            raise ControlError(f"{self.dataset.name} has no pictures to rebuild.")
        rows, columns, channels = self.dataset.shape
        layers = controls.layers or suitable_layers(rows, columns)  # type: ignore[attr-defined]
        if not layers or rows % 2**layers or columns % 2**layers:
            sides = f"of {columns}×{rows}"
            raise ControlError(
                f"Pictures {sides} cannot be halved {layers} times; make them another size, or halve them "
                f"less often."
                if layers
                else f"Pictures {sides} cannot be halved; make them another size."
            )
        return edited(controls, {"channels": channels, "layers": layers})

    def inputs(self, batch: Batch, controls: C) -> Inputs:
        return (torch.from_numpy(np.ascontiguousarray(batch.values)),)  # bytes (B, h, w, C)

    @cached_property
    def variance(self) -> float:
        """Of the pixels that it learns from, in [-1, 1]: what an error is measured by."""
        some = spread(len(self.dataset.train), SAMPLED)
        pixels = np.asarray(self.dataset.train.take(some).values, np.float32) / 127.5
        return max(float(pixels.var()), LEAST_VARIANCE)

    @property
    def held(self) -> Bytes:
        """The held-out pictures that are shown."""
        rows, columns, _ = self.dataset.shape
        some = shown_of(len(self.dataset.held), (rows, columns))
        return np.asarray(self.dataset.held.take(some).values, np.uint8)

    # How good it is.

    @staticmethod
    def judged(made: Tensor, x: Tensor) -> Tensor:
        """The error of pictures made again, as they are seen: both (B, C, h, w), about in [-1, 1]."""
        return F.mse_loss(made.float().clamp(-1, 1), x) / 4

    def results(self, held_out: float, controls: C) -> dict[str, Any]:
        return {self.unit: held_out, "psnr": psnr(held_out)}

    def counted(self, network: N, controls: C) -> dict[str, float]:
        error = getattr(network, "error", None)  # left by the last batch
        return {} if error is None or not torch.isfinite(error) else {"error": float(error)}

    def card(self, results: Mapping[str, Any], controls: C) -> Card:
        return Card("", f"a mean squared error of **{results[self.unit]:.5f}** ({results['psnr']:.2f} dB)")


class AutoencoderLesson(ReconstructionLesson[AutoencoderControls, Autoencoder]):
    kind = "autoencoder"
    title = "Autoencoder"
    summary = "a network that turns pictures into small maps of numbers and back"
    controls = AutoencoderControls

    @classmethod
    def network(cls, controls: AutoencoderControls) -> Autoencoder:
        return Autoencoder(part_of(AutoencoderShape, controls))

    def loss(self, network: Autoencoder, *inputs: Tensor | None) -> Tensor:
        (pictures,) = inputs
        assert pictures is not None
        x = scaled(pictures)
        made = network(x)
        if not network.training:
            return self.judged(made, x)
        network.error = self.judged(made.detach(), x)
        return F.mse_loss(made.float(), x) / self.variance

    def display(
        self, controls: AutoencoderControls, device: torch.device
    ) -> Reconstructions[Autoencoder] | None:
        def again(network: Autoencoder, pictures: Bytes) -> Bytes:
            x = scaled(torch.from_numpy(pictures).to(device))
            return np.asarray(as_bytes(network(x)).cpu().numpy(), np.uint8)

        return Reconstructions(self.held, again)


class VQVAELesson(ReconstructionLesson[VQVAEControls, VQVAE]):
    kind = "vqvae"
    title = "VQ-VAE"
    summary = "a network that turns pictures into small maps of codes and back"
    controls = VQVAEControls
    curves: ClassVar[tuple[Curve, ...]] = (
        Curve("error", "Squared error", log=True, beside="held_out"),
        Curve(
            "perplexity",
            "Perplexity",
            "codes",
            beside="batch_perplexity",
            help=ONLY_WHOLE,
            beside_title="batch",
        ),
        Curve("usage", "Codes in use", "%", beside="batch_usage", help=ONLY_WHOLE, beside_title="batch"),
    )
    advice = "use a smaller batch, fewer channels or fewer codes"

    def suited(self, **asked: Any) -> VQVAEControls:
        """Small pictures have fewer codes: 64 for digits of 8 × 8 pixels."""
        pixels = math.prod(self.dataset.shape[:2])
        codes = min(VQVAEControls.codes, max(LEAST_CODES, 2 ** round(math.log2(pixels))))
        return super().suited(**{"codes": codes, **asked})

    @classmethod
    def network(cls, controls: VQVAEControls) -> VQVAE:
        opponent = PatchOpponent(controls.channels, controls.layers) if controls.adversarial else None
        return VQVAE(part_of(AutoencoderShape, controls), part_of(QuantiserShape, controls), opponent)

    def follow(self, network: VQVAE, controls: VQVAEControls) -> None:
        network.quantiser.follow(part_of(QuantiserShape, controls))

    # Learning.

    def begin_step(self, network: VQVAE, controls: VQVAEControls, moment: Moment) -> None:
        network.coded = moment.step >= controls.codes_from or moment.progress >= UNCODED
        opposed = network.opponent is not None and moment.progress >= controls.adversarial_from
        network.opposed = controls.adversarial if opposed else 0.0
        network.quantiser.begin_epoch(moment.epoch)

    def loss(self, network: VQVAE, *inputs: Tensor | None) -> Tensor:
        (pictures,) = inputs
        assert pictures is not None
        x = scaled(pictures)
        made, quantised = network(x)
        if not network.training:
            return self.judged(made, x)
        network.error = self.judged(made.detach(), x)
        error = F.mse_loss(made.float(), x) / self.variance
        loss: Tensor = error + quantised.loss + self._opposition(network, x, made, error)
        return loss

    @staticmethod
    def _opposition(network: VQVAE, x: Tensor, made: Tensor, error: Tensor) -> Tensor | float:
        """What the opponent adds to what is learnt, of its own parameters and of all others."""
        if network.opponent is None or not network.opposed:
            return 0.0
        deceiving = deceiving_loss(network.opponent, made)
        weight = network.opposed * adaptive_weight(error, deceiving, network.autoencoder.last_weight)
        return weight * deceiving + opponent_loss(network.opponent, x, made)

    def end_step(self, network: VQVAE, controls: VQVAEControls) -> None:
        network.quantiser.learn()

    # What is seen and said of it.

    def display(self, controls: VQVAEControls, device: torch.device) -> CodesDisplay[VQVAE]:
        size = (self.dataset.shape[0], self.dataset.shape[1])

        def codec_of(network: VQVAE) -> VQVAECodec:
            return VQVAECodec(network, size, {})

        with torch.random.fork_rng(devices=[]):
            sample = codec_of(self.network(controls))
        return CodesDisplay(self.held, sample, codec_of, known)

    def counted(self, network: VQVAE, controls: VQVAEControls) -> dict[str, float]:
        found, usage = super().counted(network, controls), network.quantiser.usage
        for name, counts in (("", usage.counts), ("batch_", usage.batch)):
            if counts.any():
                total = counts.sum(0)
                found |= {f"{name}perplexity": perplexity(total), f"{name}usage": 100 * used(total)}
        return found

    @torch.no_grad()
    def measured(self, network: VQVAE, controls: VQVAEControls) -> dict[str, Any]:
        held, usage = self.dataset.held, network.quantiser.usage
        counts = torch.zeros_like(usage.batch, device="cpu")  # (S, K)
        device = usage.batch.device
        for part in rows_of(len(held), COUNTED):
            pictures = torch.from_numpy(np.asarray(held.take(np.arange(part.start, part.stop)).values))
            for stage, codes in enumerate(network.codes(scaled(pictures.to(device)))):
                counts[stage] += codes.flatten().bincount(minlength=counts.shape[1]).cpu()
        total = counts.sum(0)
        return {"codes": len(total), "perplexity": perplexity(total), "usage": used(total)}

    def card(self, results: Mapping[str, Any], controls: VQVAEControls) -> Card:
        card = super().card(results, controls)
        if "perplexity" not in results:
            return card
        share, alike = f"{results['usage']:.0%} of {results['codes']:,} codes", f"{results['perplexity']:.0f}"
        return Card(
            card.learnt, f"{card.measured}; {share} are used, as informative as {alike} used equally often"
        )


def known(network: VQVAE) -> list[dict[str, Array]]:
    """What a network itself says of the codes of each stage."""
    quantiser = network.quantiser
    revived = {} if quantiser.revived is None else {"revived": quantiser.revived.cpu().numpy()}
    return [{"usage": counts.cpu().numpy(), **revived} for counts in quantiser.counts]
