"""Maps as patches: every number has its place, and comes back to it."""

from __future__ import annotations

import pytest
import torch

from scalefree_studio.errors import UserError
from scalefree_studio.models.codebooks.patches import from_patches, to_patches


@pytest.mark.parametrize(("rows", "columns", "side"), [(4, 6, 1), (4, 6, 2), (6, 6, 3), (5, 5, 5)])
def test_patches_by_brute_force(rows: int, columns: int, side: int) -> None:
    z = torch.randn(2, 3, rows, columns)
    patches = to_patches(z, side)
    across = columns // side
    assert patches.shape == (2, rows // side * across, side * side * 3)
    for b in range(2):
        for row in range(rows):
            for column in range(columns):
                patch = row // side * across + column // side
                place = row % side * side + column % side
                assert torch.equal(patches[b, patch].view(-1, 3)[place], z[b, :, row, column])
    assert torch.equal(from_patches(patches, side, rows, columns), z)


def test_a_whole_map_is_one_patch() -> None:
    z = torch.randn(2, 3, 4, 4)
    assert to_patches(z, 4).shape == (2, 1, 48)


def test_a_map_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(UserError, match="cannot be cut"):
        to_patches(torch.zeros(1, 1, 4, 6), 4)
