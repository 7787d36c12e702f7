"""What self-organising maps learn: the patches of the latents of an autoencoder, a map for each size of patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...controls import ControlError, controls_of, edited, part_of
from ...data.examples import Batch
from ...data.sources import Dataset
from ...errors import UserError
from ...models.codebooks.autoencoder import Autoencoder, AutoencoderShape
from ...models.codebooks.maps import Codebooks
from ...models.codebooks.network import as_bytes
from ...models.codebooks.som import radius_at
from ...models.codebooks.som_errors import quantisation_error, topographic_error, u_matrix
from ...models.codebooks.usage import perplexity, used
from ...snapshot import Array, Bytes, Checkpoint
from ..encoding import latents_of_all
from ..instruments import read_model
from ..training.held_out import spread
from ..training.lesson import Card, Curve, Inputs, Lesson, Moment, rows_of
from .display import CodesDisplay, shown_of
from .latents import (
    PictureLatents,
    carried_arrays,
    carried_autoencoder,
    latents_of,
    shape_values,
)
from .lesson import ONLY_WHOLE
from .map_codec import MapCodec
from .map_controls import CodebookControls, stages_of

STARTED_FROM = 2048  # pictures from which units are drawn at the start
COUNTED = 256  # pictures at a time


@dataclass
class Source:
    """An autoencoder, and what it made of the data set once that was needed."""

    latents: PictureLatents
    dataset: Dataset | None = None


class CodebookLesson(Lesson[CodebookControls, Codebooks]):
    kind = "codebook"
    title = "Codebook"
    summary = "self-organising maps of the latents of an autoencoder: codes whose neighbours are alike"
    controls = CodebookControls
    unit = "quantisation_error"
    needs = "autoencoder"
    settled = (*(c.name for c in controls_of(AutoencoderShape)), "map_rows", "map_columns")
    curves: ClassVar[tuple[Curve, ...]] = (
        Curve(
            "loss", "Quantisation error", beside="held_out",
            help="The mean distance of patches from their best units, over all sizes of patches.",
        ),
        Curve(
            "topographic_error", "Topographic error", "%",
            help="The share of patches whose two best units are not neighbours on the map.",
        ),
        Curve("perplexity", "Perplexity", "codes", help=ONLY_WHOLE),
        Curve("usage", "Codes in use", "%", help=ONLY_WHOLE),
    )  # fmt: skip
    advice = "use a smaller batch or fewer units"

    def __init__(self, dataset: Dataset):
        super().__init__(dataset)
        self._sources: dict[str, Source] = {}  # by what the control `autoencoder` says

    # The autoencoder.

    def _source(self, controls: CodebookControls) -> Source:
        name = controls.autoencoder
        if name not in self._sources:
            if not name.strip():
                raise ControlError("Codebooks need an autoencoder: train one, then name it as autoencoder.")
            try:
                self._sources[name] = Source(latents_of(read_model(name)))
            except UserError as error:
                raise ControlError(str(error)) from None
        return self._sources[name]

    def autoencoder(self, controls: CodebookControls) -> Autoencoder:
        return self._source(controls).latents.autoencoder

    def restore(self, checkpoint: Checkpoint) -> None:
        """The autoencoder that a model carries, whatever is now where it came from."""
        controls = self.controls_of(checkpoint)
        self._sources[controls.autoencoder] = Source(carried_latents(checkpoint))

    def beside(self, controls: CodebookControls) -> dict[str, Array]:
        return carried_arrays(self.autoencoder(controls))

    def about(self) -> dict[str, Any]:
        about = super().about()
        if self.dataset.made_by:  # its examples have three sides as pictures have, but are none
            about["dataset"]["latents"] = True
        return about

    def _picture_size(self) -> tuple[int, int]:
        made_by = self.dataset.made_by
        height, width, _ = made_by.pictures if made_by else self.dataset.shape
        return height, width

    def fitted(self, controls: CodebookControls) -> CodebookControls:
        latents = self._source(controls).latents
        channels = self.dataset.made_by.pictures[2] if self.dataset.made_by else self.dataset.shape[-1]
        if channels != latents.channels:
            knows = "grey pictures" if latents.channels == 1 else "pictures in colour"
            raise ControlError(f"The autoencoder knows {knows}; those of {self.dataset.name} are not.")
        try:
            _, rows, columns = latents.shape(self._picture_size())
        except UserError as error:
            raise ControlError(str(error)) from None
        decided = shape_values(latents.autoencoder) | {"map_rows": rows, "map_columns": columns}
        controls = edited(controls, decided)
        stages_of(controls)
        return controls

    # Learning.

    @classmethod
    def network(cls, controls: CodebookControls) -> Codebooks:
        network = Codebooks(stages_of(controls), controls.rule)
        for som in network:
            som.least = controls.prune_below
        return network

    def prepared(self, controls: CodebookControls) -> Dataset:
        """With latents (Z, H, W) for pictures."""
        source = self._source(controls)
        if source.dataset is None:
            source.dataset = latents_of_all(self.dataset, source.latents, self.progress)
        return source.dataset

    def inputs(self, batch: Batch, controls: CodebookControls) -> Inputs:
        """Latents (B, Z, H, W), of pictures too."""
        values = batch.values
        if values.dtype == np.uint8:
            values = self._source(controls).latents.encode(values)
        return (torch.from_numpy(np.asarray(values, np.float32)),)

    def follow(self, network: Codebooks, controls: CodebookControls) -> None:
        for som in network:
            som.prune(controls.prune_below)

    def optimizer(self, network: Codebooks, controls: CodebookControls) -> torch.optim.Optimizer:
        if controls.rule == "gradient":
            return super().optimizer(network, controls)
        return torch.optim.SGD([{"params": list(network.parameters()), "rate": 0.0}], lr=0.0)

    def begin_step(self, network: Codebooks, controls: CodebookControls, moment: Moment) -> None:
        if moment.step == 0:
            self._start(network, controls)
        decay = 1 - 1 / max(1.0, controls.memory * moment.step)
        for som in network:
            som.begin_step(moment.epoch, radius_at(moment.progress, som.shape, controls.settling), decay)

    def _start(self, network: Codebooks, controls: CodebookControls) -> None:
        """Units are patches of some pictures: what they are at first is soon forgotten, as all learn together."""
        train, generator = self.prepared(controls).train, torch.Generator().manual_seed(controls.seed)
        (z,) = self.inputs(train.take(spread(len(train), STARTED_FROM)), controls)
        assert z is not None
        for stage, som in enumerate(network):
            som.start(network.patches(z.to(som.units.device), stage), generator)

    def loss(self, network: Codebooks, *inputs: Tensor | None) -> Tensor:
        (z,) = inputs
        assert z is not None
        error: Tensor = network(z)
        return error

    def end_step(self, network: Codebooks, controls: CodebookControls) -> None:
        for som in network:
            som.learn()

    # What is seen and said of it.

    def display(self, controls: CodebookControls, device: torch.device) -> CodesDisplay[Codebooks]:
        size, autoencoder = self._picture_size(), self.autoencoder(controls)
        if device.type != "cpu":
            autoencoder = carried_autoencoder(autoencoder.shape, carried_arrays(autoencoder)).to(device)

        def codec_of(network: Codebooks) -> MapCodec:
            return MapCodec(network, autoencoder, size, {}, all_units=True)

        with torch.random.fork_rng(devices=[]):
            sample = codec_of(self.network(controls))
        return CodesDisplay(self._held(controls), sample, codec_of, known)

    @torch.no_grad()
    def _held(self, controls: CodebookControls) -> Bytes:
        """The held-out pictures that are shown; of a data set of latents, what the autoencoder makes of these."""
        held = self.dataset.held
        values = held.take(shown_of(len(held), self._picture_size())).values
        if self.dataset.made_by is None:
            return np.asarray(values, np.uint8)
        z = torch.from_numpy(np.asarray(values, np.float32))
        return np.asarray(as_bytes(self.autoencoder(controls).decode(z)).numpy(), np.uint8)

    def counted(self, network: Codebooks, controls: CodebookControls) -> dict[str, float]:
        """Of each stage, and of all together: the mean of their errors, the sum of their perplexities."""
        stages: list[dict[str, float]] = []
        for som in network:
            errors, counts = som.errors(), som.usage.counts[0]
            if errors is None:
                return {}
            stages.append({
                "quantisation_error": errors[0], "topographic_error": 100 * errors[1],
                "perplexity": perplexity(counts), "usage": 100 * used(counts), "radius": float(som.radius),
            })  # fmt: skip
        found = {name: float(np.mean([stage[name] for stage in stages])) for name in stages[0]}
        found["perplexity"] *= len(stages)
        if len(stages) > 1:
            found |= {f"{name}_{s}": v for s, own in enumerate(stages, 1) for name, v in own.items()}
        return found

    @torch.no_grad()
    def measured(self, network: Codebooks, controls: CodebookControls) -> dict[str, Any]:
        """Of each stage, over all held-out pictures."""
        held = self.dataset.held
        device = network.map_of(0).units.device
        parts: list[Tensor] = []
        for part in rows_of(len(held), COUNTED):
            (z,) = self.inputs(held.take(np.arange(part.start, part.stop)), controls)
            assert z is not None
            parts.append(z)
        z = torch.cat(parts)
        stages: list[dict[str, Any]] = []
        for stage, som in enumerate(network):
            x, units = network.patches(z, stage).to(device), som.units[som.alive]
            counts = torch.bincount(som.nearest(x), minlength=len(som.units))
            stages.append({
                "patch": "x".join(map(str, network.stages[stage].sides[::-1])), "codes": len(units),
                "quantisation_error": quantisation_error(x, units),
                "topographic_error": topographic_error(x, som.units, som.shape, som.alive),
                "usage": used(counts), "perplexity": perplexity(counts),
            })  # fmt: skip
        return {"stages": stages}

    def card(self, results: Mapping[str, Any], controls: CodebookControls) -> Card:
        card = super().card(results, controls)
        stages = [
            f"{s['codes']:,} codes of patches of {s['patch']}: error {s['quantisation_error']:.3f}, "
            f"{s['topographic_error']:.0%} of two best units apart"
            for s in results.get("stages", ())
        ]
        return Card(card.learnt, "; ".join([card.measured, *stages]))


def known(network: Codebooks) -> list[dict[str, Array]]:
    """What a network itself says of the codes of each stage."""
    return [
        {
            "usage": som.usage.counts[0].cpu().numpy(), "alive": som.alive.cpu().numpy(),
            "apart": u_matrix(som.units, som.shape).cpu().numpy(), "radius": som.radius.cpu().numpy(),
        }
        for som in network
    ]  # fmt: skip


def carried_latents(checkpoint: Checkpoint) -> PictureLatents:
    """What makes the latents that a codebook knows, out of its model."""
    controls = CodebookLesson.controls_of(checkpoint)
    shape = part_of(AutoencoderShape, controls)
    autoencoder = carried_autoencoder(shape, checkpoint.model)
    return PictureLatents(
        autoencoder, (controls.map_rows * shape.stride, controls.map_columns * shape.stride)
    )


def codebook_codec(checkpoint: Checkpoint, device: str) -> MapCodec:
    network, latents = CodebookLesson.read_network(checkpoint).to(device), carried_latents(checkpoint)
    return MapCodec(network, latents.autoencoder.to(device), latents.size, checkpoint.about)
