"""Every sampler, by the kind of its checkpoint. A new one is a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...drawings import KIND as DRAWING
from ...errors import UserError
from ...snapshot import Array, Checkpoint
from ..pixelcnn.sampler import PixelCNNSampler
from .sampler import Sampler

# (checkpoint, device, size or None for the one learnt, cached) → the sampler, or a UserError in one sentence.
SAMPLERS: dict[str, Callable[[Checkpoint, str, tuple[int, int] | None, bool], Sampler]] = {
    PixelCNNSampler.kind: PixelCNNSampler,
}
PREFIX = "sampler."  # of the network's arrays in a drawing's checkpoint


def sampler_of(
    checkpoint: Checkpoint, device: str = "cpu", size: tuple[int, int] | None = None, cached: bool = True
) -> Sampler:
    """The sampler of a network's checkpoint, or of a drawing's, which holds its network."""
    checkpoint = network_of(checkpoint)
    if checkpoint.kind not in SAMPLERS:
        known = ", ".join(SAMPLERS)
        raise UserError(f"A model of kind {checkpoint.kind!r} does not draw place after place; {known} does.")
    return SAMPLERS[checkpoint.kind](checkpoint, device, size, cached)


def network_of(checkpoint: Checkpoint) -> Checkpoint:
    """The network's own checkpoint, out of a drawing's."""
    if checkpoint.kind != DRAWING:
        return checkpoint
    try:
        kind, about = str(checkpoint.about["sampler"]["kind"]), dict(checkpoint.about["sampler"]["about"])
    except (KeyError, TypeError, ValueError):
        raise UserError("This drawing does not say what drew it; it is damaged.") from None
    return Checkpoint(kind, checkpoint.step, about, with_prefix(checkpoint.model, PREFIX))


def with_prefix(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Those whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
