"""A map (B, Z, H, W) as patches of P × P places, and back: nothing is lost, nothing is changed.

Patches lie row by row; the numbers of a patch lie row by row, too, those of one place side by side.
"""

from __future__ import annotations

from torch import Tensor

from ...errors import UserError


def to_patches(z: Tensor, side: int) -> Tensor:
    """(B, Z, H, W) → (B, H/P · W/P, P · P · Z) of patches with sides of P = `side` places."""
    batch, width, rows, columns = z.shape
    if rows % side or columns % side:
        raise UserError(f"A map of {columns}×{rows} cannot be cut into patches of {side}×{side}.")
    cut = z.reshape(batch, width, rows // side, side, columns // side, side)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, side * side * width)


def from_patches(patches: Tensor, side: int, rows: int, columns: int) -> Tensor:
    """(B, H/P · W/P, P · P · Z) → (B, Z, H, W) of H = `rows`, W = `columns`: the inverse of `to_patches`."""
    cut = patches.reshape(len(patches), rows // side, columns // side, side, side, -1)
    return cut.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, rows, columns)
