"""A map (B, Z, H, W) as patches of P × Q places, and back: nothing is lost, nothing is changed.

Patches lie row by row; the numbers of a patch lie row by row, too, those of one place side by side.
"""

from __future__ import annotations

from torch import Tensor

from ...errors import UserError

Sides = tuple[int, int]  # rows and columns of a patch


def _sides(side: int | Sides) -> Sides:
    return (side, side) if isinstance(side, int) else side


def to_patches(z: Tensor, side: int | Sides) -> Tensor:
    """(B, Z, H, W) → (B, H/P · W/Q, P · Q · Z) of patches of P × Q places; one number says both."""
    (batch, width, rows, columns), (down, right) = z.shape, _sides(side)
    if rows % down or columns % right:
        raise UserError(f"A map of {columns}×{rows} cannot be cut into patches of {right}×{down}.")
    cut = z.reshape(batch, width, rows // down, down, columns // right, right)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(
        batch, rows // down * (columns // right), down * right * width
    )


def from_patches(patches: Tensor, side: int | Sides, rows: int, columns: int) -> Tensor:
    """(B, H/P · W/Q, P · Q · Z) → (B, Z, H, W) of H = `rows`, W = `columns`: the inverse of `to_patches`."""
    down, right = _sides(side)
    width = patches.shape[2] // (down * right)
    cut = patches.reshape(len(patches), rows // down, columns // right, down, right, width)
    return cut.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), width, rows, columns)
