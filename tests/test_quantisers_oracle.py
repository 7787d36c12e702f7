"""Our quantisers against those of vector-quantize-pytorch: the same codes, gradients and moving averages."""

from __future__ import annotations

import pytest
import torch
from small_quantisers import WIDTH, latents, quantiser, with_codes
from torch import Tensor

from scalefree_studio.models.codebooks.fsq import FSQ
from scalefree_studio.models.codebooks.interface import Quantiser, rows_of

theirs = pytest.importorskip("vector_quantize_pytorch")
CODES = 12


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    torch.manual_seed(0)


def pair(cosine: bool = False, rotation: bool = False) -> tuple[Quantiser, torch.nn.Module]:
    """Ours and theirs, with the same codes."""
    other = theirs.VectorQuantize(
        WIDTH,
        CODES,
        decay=0.9,
        commitment_weight=0.25,
        use_cosine_sim=cosine,
        rotation_trick=rotation,
        accept_image_fmap=True,
    )
    ours = with_codes(other.codebook.clone(), cosine=cosine, rotation=rotation, decay=0.9, revive=0.0)
    return ours.train(), other.train()


@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("rotation", [False, True])
def test_several_steps_of_vector_quantisation(cosine: bool, rotation: bool) -> None:
    ours, other = pair(cosine, rotation)
    for seed in range(6):
        z, wish = latents(seed=seed), torch.randn(3, WIDTH, 7, 7)
        mine, yours = z.clone().requires_grad_(), z.clone().requires_grad_()
        made = ours(mine)
        values, codes, loss = other(yours)
        assert torch.equal(made.codes[0], codes)
        torch.testing.assert_close(made.values, values)
        torch.testing.assert_close(made.loss, loss.squeeze())
        for picked in ((made.values * wish).sum() + made.loss, (values * wish).sum() + loss.squeeze()):
            picked.backward()
        torch.testing.assert_close(mine.grad, yours.grad, rtol=1e-4, atol=1e-5)
        ours.learn()
        torch.testing.assert_close(ours.vectors(), other.codebook, rtol=1e-4, atol=1e-4)


def test_codes_by_gradient() -> None:
    """Theirs have one weight for both losses, so that the commitment is 1."""
    other = theirs.VectorQuantize(
        WIDTH, CODES, learnable_codebook=True, ema_update=False, rotation_trick=False, accept_image_fmap=True
    ).train()
    ours = with_codes(
        other.codebook.detach().clone(), learning="gradient", commitment=0.0, revive=0.0
    ).train()
    z = latents()
    ours(z).loss.backward()
    other(z)[2].sum().backward()
    torch.testing.assert_close(ours.codebook.vectors.grad, other._codebook.embed.grad[0])  # type: ignore[union-attr]


def test_finite_scalars() -> None:
    levels = [8, 5, 5, 3]
    other = theirs.FSQ(levels, dim=6)
    ours = quantiser(6, quantiser="fsq", levels="8,5,5,3")
    assert isinstance(ours, FSQ)
    ours.inward.load_state_dict(other.project_in.state_dict())
    ours.outward.load_state_dict(other.project_out.state_dict())
    z, wish = 4 * latents(width=6), torch.randn(3, 6, 7, 7)
    mine, yours = z.clone().requires_grad_(), z.clone().requires_grad_()
    made, (values, codes) = ours(mine), other(yours)
    assert torch.equal(made.codes[0], codes) and len(torch.unique(codes)) > 50
    torch.testing.assert_close(made.values, values)
    (made.values * wish).sum().backward()
    (values * wish).sum().backward()
    torch.testing.assert_close(mine.grad, yours.grad)
    torch.testing.assert_close(ours.inward.weight.grad, other.project_in.weight.grad)
    torch.testing.assert_close(ours.outward.weight.grad, other.project_out.weight.grad)
    everything = torch.arange(8 * 5 * 5 * 3)
    torch.testing.assert_close(ours.vectors(), other.indices_to_codes(everything))


def test_stages_that_add_up() -> None:
    """Without coarser grids: three times the whole map, with one codebook."""
    other = theirs.ResidualVQ(
        dim=WIDTH, num_quantizers=3, codebook_size=CODES, shared_codebook=True, rotation_trick=False
    ).eval()
    ours = with_codes(other.codebooks[0].clone(), scales="7,7,7", refine=False).eval()
    z = latents()
    with torch.no_grad():
        values, codes, _ = other(rows_of(z))  # (N, D), (N, 3)
        made = ours(z)
    assert all(torch.equal(made.codes[stage].flatten(), codes[:, stage]) for stage in range(3))
    torch.testing.assert_close(rows_of(made.values), values)
    first: Tensor = other.get_codes_from_indices(codes)[:2].sum(0)
    torch.testing.assert_close(rows_of(ours.lookup(made.codes[:2], 7, 7)), first)
