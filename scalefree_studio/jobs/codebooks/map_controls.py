"""Every control of training self-organising maps over latents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...controls import ControlError, control
from ...models.codebooks.autoencoder import AutoencoderShape
from ...models.codebooks.maps import Stage
from ...models.codebooks.patches import Sides
from ...models.codebooks.shape import LONGEST, MOST_CODES, whole_numbers
from ...models.codebooks.som import RULES, shape_of_map
from ..training.controls import TrainControls

WHOLE = 0  # a patch that is all of the latents
STAGES = 3  # as many sizes of patches, at most, if nobody says which


def read_patches(value: Any) -> str:
    """'whole' is another word for 0."""
    words = value.replace("whole", str(WHOLE)) if isinstance(value, str) else value
    return whole_numbers("Patches", WHOLE, LONGEST, empty=True, such_as="8,4,2")(words)


@dataclass(frozen=True)
class CodebookControls(TrainControls, AutoencoderShape):
    """Those of the autoencoder's shape, and the size of the latents, are what the autoencoder decides."""

    # fmt: off
    autoencoder: str = control(
        "", label="Autoencoder", help="The autoencoder or VQ-VAE whose latents it learns: a file, a run or "
        "model:NAME.", metavar="MODEL", group="Pictures",
    )
    map_rows: int = control(1, label="Latent rows", help="Rows of the latents.", low=1, high=4096, group="Pictures")
    map_columns: int = control(
        1, label="Latent columns", help="Columns of the latents.", low=1, high=4096, group="Pictures",
    )
    patches: str = control(
        "", label="Patches",
        help="Sizes of patches, in places of the latents, from coarse to fine, such as 8,4,2; 0 or whole: "
        "all places. Empty: chosen to fit.",
        read=read_patches, wants="sizes such as 8,4,2", metavar="SIZES", group="Codes",
    )
    units: str = control(
        "64,256,512", label="Units",
        help="How many units each map has, one number for each size of patch; the last number is used for any "
        "further sizes.",
        read=whole_numbers("Units", 2, MOST_CODES, empty=False, such_as="64,256,512"),
        wants="numbers such as 64,256,512", metavar="NUMBERS", group="Codes",
    )
    map: str = control(
        "grid", label="Map", help="How the units of a codebook lie: on a line or on a grid.",
        choices=("line", "grid"), group="Codes",
    )
    rule: str = control(
        "batch", label="Rule",
        help="How units learn: as the mean of the patches nearest to them and to their neighbours, or by gradient.",
        choices=RULES, group="Codes",
    )
    settling: float = control(
        0.2, label="Settling",
        help="For this last share of the run, each unit learns alone; until then, the neighbourhood shrinks.",
        low=0.0, high=0.9, live=True, group="Codes", unit="×",
    )
    memory: float = control(
        0.1, label="Memory", help="The batch rule remembers about this share of all batches so far.",
        low=0.0, high=1.0, live=True, group="Codes", unit="×", advanced=True,
    )
    prune_below: int = control(
        0, label="Prune below", help="Leave out codes that the last epoch used less often than this; 0 "
        "keeps all.",
        low=0, high=1_000_000_000, live=True, group="Codes",
    )
    epochs: int = control(
        10, label="Epochs", help="How many times it goes through all pictures.",
        low=1, high=100_000, scale="log", live=True, group="Learning",
    )
    batch_size: int = control(
        64, label="Batch", help="How many pictures a step learns from.",
        low=1, high=4096, scale="log", group="Learning", unit="pictures",
    )
    learning_rate: float = control(
        0.1, label="Learning rate", help="How far each step goes under the gradient rule; the batch rule "
        "needs none.",
        low=1e-6, high=1.0, scale="log", live=True, group="Learning",
    )
    weight_decay: float = control(
        0.0, label="Weight decay", help="How strongly units are pulled towards zero under the gradient rule.",
        low=0.0, high=10.0, live=True, group="Learning", advanced=True,
    )
    # fmt: on


def stages_of(controls: CodebookControls) -> list[Stage]:
    """The map of each size of patch, or a ControlError."""
    counts = [int(word) for word in controls.units.split(",")]
    found = []
    for number, sides in enumerate(_sides(controls)):
        shape = shape_of_map(counts[min(number, len(counts) - 1)], controls.map == "grid")
        found.append(Stage(sides, shape, controls.latent))
    return found


def _sides(controls: CodebookControls) -> list[Sides]:
    rows, columns = controls.map_rows, controls.map_columns
    wanted = [int(word) for word in controls.patches.split(",") if word]
    if not wanted:
        largest = math.gcd(rows, columns)
        finer = [side for side in range(largest // 2, 0, -1) if largest % side == 0]
        wanted = [WHOLE, *finer[: STAGES - 1]]
    sides = [(rows, columns) if side == WHOLE else (side, side) for side in wanted]
    for down, right in sides:
        if rows % down or columns % right:
            raise ControlError(f"Latents of {columns}×{rows} cannot be cut into patches of {right}×{down}.")
    areas = [down * right for down, right in sides]
    if areas != sorted(areas, reverse=True):
        raise ControlError(
            f"Patches go from the coarsest to the finest, such as 8,4,2; not {controls.patches}."
        )
    return sides
