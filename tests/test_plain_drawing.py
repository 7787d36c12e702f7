"""The plain way to draw is the definition: what a lesson gets for nothing draws what PixelCNN's own ways draw."""

import numpy as np
import pytest
import torch
from small_drawings import H, N, W, network
from small_training import TINY, stripes

from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.picture_lesson import PictureLesson, PictureWall
from scalefree_studio.models.ordered.request import Request, uniforms


class PlainLesson(PixelCNNLesson):
    """PixelCNN, with nothing but its network and logits of its own."""

    surprise = classmethod(PictureLesson.surprise.__func__)  # type: ignore[attr-defined]
    draw = classmethod(PictureLesson.draw.__func__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("prompted", [False, True])
def test_it_draws_what_the_fast_way_draws(channels: int, prompted: bool) -> None:
    model = PixelCNNLesson.read_network(network(channels=channels))
    given = torch.randint(4, (3, N, channels), generator=torch.Generator().manual_seed(2))
    keep = torch.arange(N).expand(3, N) % 4 == 0
    more = {"given": given, "keep": keep} if prompted else {}
    request = Request(
        uniforms(3, N, channels, seed=5), torch.tensor([0, 1, 2]), temperature=torch.tensor([1.0, 0.7, 1.4]),
        top_p=0.9, every=4, measured=True, watched=1, **more,
    )  # fmt: skip
    plain = list(PlainLesson.draw(model, request, W))
    fast = list(PixelCNNLesson.draw(model, request, W))
    assert [(s.start, s.stop) for s in plain] == [(s.start, s.stop) for s in fast]
    for a, b in zip(plain, fast, strict=True):
        assert torch.equal(a.values, b.values)
        np.testing.assert_allclose(a.entropy, b.entropy, atol=1e-4)
        np.testing.assert_allclose(a.surprise, b.surprise, atol=1e-4)
        assert a.likeliest is not None and b.likeliest is not None
        np.testing.assert_allclose(a.likeliest.chances, b.likeliest.chances, atol=1e-5)


def test_the_wall_is_of_the_network_as_it_was() -> None:
    lesson = PlainLesson(stripes())
    controls = lesson.fitted(PixelCNNControls(**TINY))
    model = lesson.network(controls)
    walls = [PictureWall(lesson, controls, torch.device("cpu")) for _ in range(2)]
    for wall, changed in zip(walls, (False, True), strict=True):
        wall.begin(model)
        if changed:
            with torch.no_grad():
                model.head.bias += 100 * torch.arange(model.head.bias.numel())
        while wall.busy:
            wall.advance()
    shown, meanwhile_changed = (wall.frame()["wall"] for wall in walls)
    assert 0 < shown.mean() < 255
    np.testing.assert_array_equal(meanwhile_changed, shown)


def test_surprise_is_what_the_logits_say() -> None:
    model = PixelCNNLesson.read_network(network())
    values = torch.randint(4, (2, H, W, 1), generator=torch.Generator().manual_seed(3))
    labels = torch.tensor([2, 0])
    expected = PixelCNNLesson.surprise(model, values, labels)
    torch.testing.assert_close(PlainLesson.surprise(model, values, labels), expected)


def test_a_sampler_says_what_its_lesson_says() -> None:
    grey, colour = sampler_of(network()), sampler_of(network(channels=3))
    assert grey.looks()["tiles"][:, 0, 0, 0].tolist() == [0, 85, 170, 255]
    assert colour.looks()["ramp"].tolist() == [0, 85, 170, 255]
    assert grey.looks()["reach"].tolist() == [3, 2] and grey.kind == "pixelcnn"
