"""From Python: the same engine, in a line."""

import numpy as np
import pytest

import scalefree_studio as s
from scalefree_studio.controls import ControlError
from scalefree_studio.errors import UserError

SMALL = dict(lines=2, hidden=3, start="random", batch_size=64)


def picture():
    pixels = np.zeros((12, 18, 3), np.uint8)
    pixels[:, 9:] = (220, 120, 30)
    return pixels


def test_fit_render_save_and_load(tmp_path):
    fitted = s.fit(picture(), steps=60, **SMALL)
    assert fitted.steps == 60 and fitted.seconds > 0 and fitted.numbers == 2 * 3 + 3 * 3 + 3 * 4
    assert fitted.psnr > 10 and fitted.controls.lines == 2
    drawn = fitted.render((36, 24))
    assert drawn.shape == (24, 36, 3) and drawn.dtype == np.uint8
    fitted.save(tmp_path / "a.safetensors")
    again = s.load(tmp_path / "a.safetensors")
    assert again.steps == 60 and again.psnr == fitted.psnr
    np.testing.assert_array_equal(again.render((36, 24)), drawn)
    with pytest.raises(UserError, match="0x5"):
        again.render((0, 5))


@pytest.mark.parametrize(
    "wrong", [{"lnies": 3}, {"lines": -1}, {"lines": "many"}, {"downscale": -1}, {"downscale": "x"}]
)
def test_wrong_controls_get_one_sentence(wrong):
    with pytest.raises(ControlError):
        s.fit(picture(), steps=1, **{**SMALL, **wrong})


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA GPU"):
        s.fit(picture(), steps=1, device="cuda", **SMALL)
    assert s.fit(picture(), steps=1, **SMALL).steps == 1
