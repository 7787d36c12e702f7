"""All stages of a cascade in one model: a network for each, and the codec that makes pictures of their tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from ...errors import UserError
from ...models.cascades.shape import TokenGrid, grids_of
from ...snapshot import Checkpoint
from ..codec import Codec, Grid
from ..instruments import CODEC, carried, codec_of, info_of, packed, sampler_of, with_prefix
from ..training.lesson import BESIDE
from .lesson import EXAMPLES, TokensLesson
from .sampler import JUDGE, JUDGE_ARRAYS, SETTINGS, CascadeSampler, Network, StageSettings
from .stages import ExampleStage, NetworkStage, StageDrawer

KIND = "cascade"
STAGE = "stage."  # before the names of a network's arrays, and its number
SAID = ("controls", "dataset", "classes", "pictures", "best")  # of a network's checkpoint, what is kept of it
KEPT = (*SAID, CODEC, "stages", SETTINGS, JUDGE)  # of its own, in a drawing's
DRAWN = ("dataset", "classes", "pictures")  # of which all stages say the same

# (a network's checkpoint, the stage, device, cached) → what draws that stage, or a UserError.
MakeStage = Callable[[Checkpoint, int, str, bool], StageDrawer]


def token_stage(checkpoint: Checkpoint, stage: int, device: str, cached: bool) -> StageDrawer:
    if (own := TokensLesson.controls_of(checkpoint).stage) != stage:
        raise UserError(
            f"This network draws stage {own + 1} of its codes, but one for stage {stage + 1} is needed."
        )
    return NetworkStage(TokensLesson.read_network(checkpoint).to(device), cached)


STAGES: dict[str, MakeStage] = {TokensLesson.kind: token_stage}  # by the kind of network


# One stage by itself.


def tokens_sampler(
    checkpoint: Checkpoint, device: str = "cpu", size: tuple[int, int] | None = None, cached: bool = True
) -> CascadeSampler:
    """A network as it was trained: what is coarser than its stage is taken from examples."""
    controls = TokensLesson.controls_of(checkpoint)
    codec = codec_of(checkpoint, device)
    grids = codec.grids(_size(checkpoint))[: controls.stage + 1]
    try:
        if [TokenGrid(g.rows, g.columns, g.codes) for g in grids] != [*grids_of(controls.grids)]:
            raise ValueError("its grids differ")
        drawers = _example_stages(checkpoint, grids[:-1], codec.device)
    except (KeyError, TypeError, ValueError):
        raise UserError("This model does not fit the codes stored in it; it is damaged.") from None
    drawers.append(token_stage(checkpoint, controls.stage, device, cached))
    return _sampler(checkpoint, drawers, codec, size, device)


def _example_stages(checkpoint: Checkpoint, grids: Sequence[Grid], device: torch.device) -> list[StageDrawer]:
    """What draws the stages that are coarser than a network's own, or a KeyError or ValueError."""
    if not grids:
        return []
    arrays = with_prefix(checkpoint.model, EXAMPLES)
    labels, stages = np.asarray(arrays["labels"], np.int64), []
    for number, grid in enumerate(grids):
        tokens = np.asarray(arrays[str(number)], np.int64)
        if (
            tokens.shape != (len(labels), grid.rows, grid.columns)
            or not 0 <= tokens.min() <= tokens.max() < grid.codes
        ):
            raise ValueError("its examples are not tokens of these stages")
        stages.append(tokens)
    return [ExampleStage(grid, stages[: n + 1], labels, device) for n, grid in enumerate(grids)]


# All of them.


def assemble(checkpoints: Sequence[Checkpoint], settings: Sequence[StageSettings] = ()) -> Checkpoint:
    """One model of the networks of all stages, the coarsest first, which draw tokens of the same codec."""
    if not checkpoints:
        raise UserError("A cascade needs a network for at least one stage.")
    settings = settings or [StageSettings()] * len(checkpoints)
    if len(settings) != len(checkpoints):
        raise UserError(f"{len(settings)} settings are not one for each of {len(checkpoints)} stages.")
    for checkpoint in checkpoints:
        if checkpoint.kind not in STAGES:
            raise UserError(f"A model of kind {checkpoint.kind!r} does not draw a stage of a cascade.")
    codecs = [codec_of(checkpoint) for checkpoint in checkpoints]
    if len({codec.fingerprint() for codec in codecs}) > 1:
        raise UserError(
            "These networks draw tokens of different models; train all stages with the same codes."
        )
    about, arrays = packed(codecs[0])
    stages: list[dict[str, Any]] = []
    for number, checkpoint in enumerate(checkpoints):
        STAGES[checkpoint.kind](checkpoint, number, "cpu", True)  # or a UserError
        said = {name: checkpoint.about.get(name) for name in SAID}
        stages.append({"kind": checkpoint.kind, "step": checkpoint.step, "about": said})
        weights = {name: array for name, array in checkpoint.model.items() if not name.startswith(BESIDE)}
        arrays |= {f"{STAGE}{number}.{name}": array for name, array in weights.items()}
    about |= {name: checkpoints[-1].about.get(name) for name in DRAWN}
    about |= {"stages": stages, SETTINGS: [asdict(own) for own in settings]}
    if any(stage["about"]["classes"] != about["classes"] for stage in stages):
        raise UserError("These networks know different classes; train all stages with the same data set.")
    made = Checkpoint(KIND, max(checkpoint.step for checkpoint in checkpoints), about, arrays)
    cascade_sampler(made)  # or a UserError
    return made


def networks_of(checkpoint: Checkpoint) -> list[Checkpoint]:
    """Of each stage."""
    found = []
    try:
        for number, stage in enumerate(checkpoint.about["stages"]):
            arrays = with_prefix(checkpoint.model, f"{STAGE}{number}.")
            found.append(Checkpoint(str(stage["kind"]), int(stage["step"]), dict(stage["about"]), arrays))
    except (KeyError, TypeError, ValueError):
        raise UserError("This cascade does not say what its stages are; it is damaged.") from None
    if not found or any(network.kind not in STAGES for network in found):
        raise UserError("This cascade has a stage of a kind that this studio does not know; a newer one may.")
    return found


def trained_networks(checkpoint: Checkpoint) -> list[Checkpoint]:
    """Of each stage, as training left it: with the codec whose tokens it draws."""
    about, arrays = packed(codec_of(checkpoint))
    return [
        replace(network, about={**network.about, **about}, model={**network.model, **arrays})
        for network in networks_of(checkpoint)
    ]


def cascade_sampler(
    checkpoint: Checkpoint, device: str = "cpu", size: tuple[int, int] | None = None, cached: bool = True
) -> CascadeSampler:
    networks, codec = networks_of(checkpoint), codec_of(checkpoint, device)
    drawers = [STAGES[network.kind](network, n, device, cached) for n, network in enumerate(networks)]
    grids = codec.grids(_size(checkpoint))
    if [drawer.grid for drawer in drawers] != list(grids[: len(drawers)]):
        raise UserError("The stages of this cascade do not fit its codes; it is damaged.")
    return _sampler(checkpoint, drawers, codec, size, device)


def _sampler(
    checkpoint: Checkpoint,
    drawers: Sequence[StageDrawer],
    codec: Codec,
    wanted: tuple[int, int] | None,
    device: str,
) -> CascadeSampler:
    size = _size(checkpoint)
    if wanted is not None and wanted != size:
        raise UserError(f"This model only draws pictures of {size[1]}x{size[0]} pixels, the size it learned.")
    classes = [str(name) for name in checkpoint.about.get("classes") or ()]
    if any(drawer.classes not in (0, len(classes)) for drawer in drawers):
        raise UserError("The model does not say what its classes are; it is damaged.")
    classes = classes if any(drawer.classes for drawer in drawers) else []
    about = {name: checkpoint.about[name] for name in KEPT if name in checkpoint.about}
    settings = settings_of(checkpoint, len(drawers))
    network = Network(checkpoint.kind, drawers, settings, codec, size, classes, about, checkpoint.model)
    if JUDGE not in about:
        return CascadeSampler(network)
    try:
        kind, said = str(about[JUDGE]["kind"]), dict(about[JUDGE]["about"])
    except (KeyError, TypeError, ValueError):
        raise UserError("The model does not say who judges what it draws; it is damaged.") from None
    judge = Checkpoint(kind, checkpoint.step, said, with_prefix(checkpoint.model, JUDGE_ARRAYS))
    return CascadeSampler(network, sampler_of(judge, device))


def settings_of(checkpoint: Checkpoint, count: int) -> list[StageSettings]:
    """How each of so many stages is drawn."""
    usual = asdict(StageSettings())
    try:
        found = [
            StageSettings(**{name: type(value)(saved.get(name, value)) for name, value in usual.items()})
            for saved in checkpoint.about.get(SETTINGS) or [{}] * count
        ]
        if len(found) != count:
            raise ValueError
    except (AttributeError, TypeError, ValueError):
        raise UserError("The model does not say how its stages are drawn; it is damaged.") from None
    return found


def _size(checkpoint: Checkpoint) -> tuple[int, int]:
    """Of the pictures, (h, w)."""
    try:
        height, width = (int(n) for n in checkpoint.about["pictures"])
    except (KeyError, TypeError, ValueError):
        raise UserError("The model does not say what it draws; it is damaged.") from None
    return height, width


def info(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `info` says of a cascade."""
    networks, codec = networks_of(checkpoint), carried(checkpoint)
    grids = codec_of(checkpoint).grids(_size(checkpoint))
    stages = {}
    settings = settings_of(checkpoint, len(networks))
    for number, (network, own, grid) in enumerate(zip(networks, settings, grids, strict=False)):
        said = {name: value for name, value in asdict(own).items() if value != asdict(StageSettings())[name]}
        stages[str(number)] = {
            "kind": network.kind, "tokens": f"{grid.rows}x{grid.columns}", "codes": grid.codes, **said,
            **info_of(network),
        }  # fmt: skip
    numbers = sum(stage["numbers"] for stage in stages.values())
    return {
        "numbers": numbers,
        "dataset": checkpoint.about.get("dataset"),
        "codes": codec.kind,
        "stages": stages,
    }
