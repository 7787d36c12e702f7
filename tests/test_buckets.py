"""Buckets of LSH attention, as they are shown: what the hash of a head put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_drawings import frame
from small_pixels import H, W, drawing, network, sampler
from test_looked import looked_at, tokens_of
from torch import Tensor

from scalefree_studio.jobs.drawing import heads
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import ShowLooked
from scalefree_studio.models.transformer.looked import attentions
from scalefree_studio.window.views.looked import coloured

N = H * W


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("order", ["raster", "spiral"])
def test_buckets_are_those_of_the_keys_that_stand_where_places_were_seen(channels: int, order: str) -> None:
    net = network(attention="lsh", buckets=4, chunk=3, channels=channels, order=order)
    tokens, places = tokens_of(net), net.places(H, W, torch.device("cpu"))
    hashed: list[Tensor] = []

    def keep(layer: Any, inputs: Any) -> None:
        x, *rest = inputs
        hashed.append(layer.project(F.rms_norm(x, x.shape[-1:]), *rest)[3][0, :, 0])  # (H, T)

    for layer in attentions(net):
        layer.register_forward_pre_hook(keep)
    with torch.no_grad():
        net.logits(tokens, None, places)
    expected = torch.stack(hashed)  # (layers, H, T)
    found = looked_at(net, tokens).buckets()
    assert found is not None and found.shape == (2, 2, N) and (found[..., -1] == -1).all()
    for n in range(N - 1):
        assert torch.equal(found[..., n], expected[..., (n + 1) * channels])
    assert looked_at(network(), tokens_of(network())).buckets() is None


def test_a_drawing_shows_the_buckets_of_what_is_drawn(monkeypatch: Any) -> None:
    monkeypatch.setattr(heads, "REST", 0)
    job = drawing_with_lsh()
    job.apply(ShowLooked())
    for _ in range(3):
        job.step()
    now = frame(job)
    known = int(now["position"][int(now["watched"])])
    by_position = now["buckets"].reshape(2, 2, N)[..., job.layout.order]
    assert (by_position[..., known:] == -1).all() and (by_position[..., : known - 1] >= 0).all()
    assert "buckets" not in frame(with_looked(drawing()))


def drawing_with_lsh() -> Any:
    made = sampler(attention="lsh", buckets=4, chunk=3)
    return DrawPictures(made, DrawControls(count=2, seed=5, speed=240.0))


def with_looked(job: Any) -> Any:
    job.apply(ShowLooked())
    job.step()
    return job


def test_what_is_in_one_bucket_has_one_colour_and_what_is_in_none_lies_bare() -> None:
    veil = coloured(np.array([[0, 1], [1, -1]]))
    assert (veil[0, 1] == veil[1, 0]).all() and not (veil[0, 0] == veil[0, 1]).all()
    assert veil[1, 1, 3] == 0 and (veil[..., 3] > 0).sum() == 3
