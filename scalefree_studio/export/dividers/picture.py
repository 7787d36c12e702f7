"""A divider network as a picture file of any size, drawn band by band in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ...models.dividers.render import Region, render_region
from ...snapshot import Bytes
from ..ahead import Progress, drawn_ahead
from ..picture import check_target, write_bands
from .overlay import draw_overlay, stroke_of

BAND = 1 << 20  # pixels that are drawn at once


def draw(
    params: Mapping[str, Tensor],
    region: Region,
    width: int,
    height: int,
    sharpness: float = 1000.0,
    samples: int = 1,
    stroke: float = 0.0,
) -> Bytes:
    """The picture of a region as bytes (height, width, 3); with the dividers over it if `stroke` is above 0."""
    colours = render_region(params, region, width, height, sharpness, samples)
    picture: Bytes = colours.mul_(255).round_().to(torch.uint8).cpu().numpy()
    if stroke:
        draw_overlay(picture, {name: tensor.cpu().numpy() for name, tensor in params.items()}, region, stroke)
    return picture


def write_picture(
    params: Mapping[str, Tensor],
    path: Path | str,
    size: tuple[int, int],
    picture: tuple[int, int],
    sharpness: float = 1000.0,
    *,
    border: float = 1.0,
    samples: int = 1,
    overlay: bool = False,
    crisp: bool = False,
    progress: Progress | None = None,
) -> None:
    """Draw a network into a file of `size` (width, height), in the format that its suffix names.

    `picture` is the (height, width) of what it learnt. `crisp` keeps edges as hard on the
    screen as they were in it. The file is there whole or not at all.
    """
    path = Path(path)
    check_target(path, size)
    width, height = size
    region = Region.whole(picture, height, width, border)
    if crisp:
        sharpness = crisp_sharpness(sharpness, picture, region)
    stroke = stroke_of(width, height) if overlay else 0.0
    rows = max(16, BAND // (width * samples**2) // 16 * 16)

    def band(top: int) -> Bytes:
        n = min(rows, height - top)
        part = region.part(height, width, top, 0, n, width)
        return draw(params, part, width, n, sharpness, samples, stroke)

    write_bands(path, size, drawn_ahead(band, range(0, height, rows)), progress)


def crisp_sharpness(sharpness: float, picture: tuple[int, int], region: Region) -> float:
    """The sharpness with which an edge is as many pixels wide in a region as it was in the picture that was learnt."""
    return sharpness * max(1.0, 2 / max(picture) / region.pixel)
