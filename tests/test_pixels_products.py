"""Products with a matrix that stays the same: each way beside the obvious one."""

import pytest
import torch
import torch.nn.functional as F

from scalefree_studio.models.transformer import products
from scalefree_studio.models.transformer.products import packed, product_with


def some(rows, width, out, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(n, width, generator=generator).to(dtype) for n in (rows, out))
    return x, weight


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("width", "out"), [(24, 5), (512, 300), (300, 512)])
@pytest.mark.parametrize("rows", [1, 4, 70])
def test_it_is_a_product(rows, width, out, dtype):
    x, weight = some(rows, width, out, dtype)
    expected = F.linear(x.double(), weight.double())
    near = {torch.float32: 1e-4, torch.float64: 1e-12, torch.bfloat16: 0.3}[dtype]
    product = product_with(weight, rows)
    torch.testing.assert_close(product(x).double(), expected, rtol=0, atol=near)
    torch.testing.assert_close(product(x[:1]).double(), expected[:1], rtol=0, atol=near)  # other counts
    more = product(x.repeat(3, 1)).double()
    torch.testing.assert_close(more, expected.repeat(3, 1), rtol=0, atol=near)


def test_where_nothing_can_be_packed_it_goes_without(monkeypatch):
    x, weight = some(4, 512, 300)
    assert packed(weight.double(), 4) is None
    monkeypatch.setattr(products.torch.ops.mkldnn, "_linear_pointwise", None, raising=False)
    assert packed(weight, 4) is None
    torch.testing.assert_close(product_with(weight, 4)(x), F.linear(x, weight), rtol=1e-4, atol=1e-4)
