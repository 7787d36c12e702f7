"""Pictures as files: any size, bounded memory, all or nothing; and dividers drawn over them."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.spatial
import torch
from PIL import Image
from torch import Tensor

from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.export.ahead import drawn_ahead
from scalefree_studio.export.dividers import picture as pictures
from scalefree_studio.export.dividers.overlay import draw_overlay, stroke_of
from scalefree_studio.export.dividers.picture import crisp_sharpness, write_picture
from scalefree_studio.export.png import PngWriter
from scalefree_studio.files import replacing, write_errors
from scalefree_studio.models.dividers.render import Region, render_region
from scalefree_studio.storage.tensors import write_tensors


def network(form: str = "angle") -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(1)
    line = {
        "angle": {"line_centre": torch.rand(6, 2, generator=g) - 0.5},
        "distance": {"line_offset": torch.rand(6, generator=g) - 0.5},
    }
    return {
        "line_angle": 6 * torch.rand(6, generator=g),
        **line[form],
        "circle_centre": torch.rand(5, 2, generator=g) - 0.5,
        "circle_log_radius": torch.rand(5, generator=g) - 1.2,
        "colour_weight": torch.randn(7, 11, generator=g),
        "colour_bias": torch.randn(7, generator=g),
        "out_weight": torch.randn(3, 7, generator=g),
        "out_bias": torch.randn(3, generator=g),
    }


def drawn(size: tuple[int, int], picture: tuple[int, int], samples: int = 1) -> np.ndarray:
    width, height = size
    region = Region.whole(picture, height, width)
    return (render_region(network(), region, width, height, samples=samples) * 255).round().byte().numpy()


@pytest.mark.parametrize(("width", "height", "pieces"), [(1, 1, [1]), (5, 9, [4, 5]), (300, 70, [1, 1, 68])])
def test_a_png_written_in_pieces_reads_back_equal(width: int, height: int, pieces: list[int]) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows[height // 2 :] = 200  # flat as well as wild
    file, top = io.BytesIO(), 0
    png = PngWriter(file, width, height)
    for n in pieces:
        png.write(rows[top : top + n])
        top += n
    png.close()
    file.seek(0)
    with Image.open(file) as image:
        image.load()
        np.testing.assert_array_equal(np.asarray(image), rows)


def test_a_png_wants_all_its_rows_and_no_more() -> None:
    png = PngWriter(io.BytesIO(), 4, 2)
    with pytest.raises(ValueError, match="missing"):
        png.close()
    with pytest.raises(ValueError, match="fit"):
        png.write(np.zeros((3, 4, 3), np.uint8))


@pytest.mark.parametrize("name", ["a.png", "a.TIFF", "a.bmp"])
def test_a_file_holds_the_network_at_every_pixel(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "BAND", 1000)  # so that there are many bands
    done: list[int] = []
    write_picture(network(), tmp_path / name, (70, 100), (50, 35), samples=2, progress=done.append)
    with Image.open(tmp_path / name) as image:
        difference = np.asarray(image).astype(int) - drawn((70, 100), (50, 35), samples=2)
    assert abs(difference).max() <= 1  # a band may round otherwise than the whole
    assert len(done) > 3
    assert sum(done) == 100
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_formats_with_loss_come_close(name: str, tmp_path: Path) -> None:
    write_picture(network(), tmp_path / name, (64, 48), (48, 64))
    with Image.open(tmp_path / name) as image:
        assert image.size == (64, 48)
        assert abs(np.asarray(image.convert("RGB")).astype(int) - drawn((64, 48), (48, 64))).mean() < 8


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        ("a.gif", (8, 8), "does not"),
        ("a", (8, 8), "does not"),
        ("a.jpg", (9000, 9000), "too large"),
        ("a.webp", (20_000, 2), "too large"),
        ("a.png", (0, 5), "between 1 and"),
        ("a.png", (5, 1 << 19), "between 1 and"),
        ("missing/a.png", (8, 8), "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_told_in_a_sentence(
    name: str, size: tuple[int, int], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told) as caught:
        write_picture(network(), tmp_path / name, size, (8, 8))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_whatever_goes_wrong_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_picture(network(), path, (8, 8), (8, 8), progress=fail)
    with pytest.raises(UserError, match="No space left"), write_errors(path), replacing(path):
        raise OSError(28, "No space left on device")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes there")
def test_a_large_picture_needs_little_memory(tmp_path: Path) -> None:
    """4096 × 3072 × 3 floats alone are 150 MB, all that is alive for a band is a tenth of it."""
    code = """
import resource, sys, torch
from scalefree_studio.export.dividers.picture import write_picture
params = torch.load(sys.argv[1])
write_picture(params, sys.argv[2] + "/small.png", (512, 512), (8, 8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write_picture(params, sys.argv[2] + "/large.png", (4096, 3072), (8, 8), overlay=True)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    torch.save(network(), tmp_path / "params.pt")
    command = [sys.executable, "-c", code, str(tmp_path / "params.pt"), str(tmp_path)]
    grown = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert grown < 100
    with Image.open(tmp_path / "large.png") as image:
        assert image.size == (4096, 3072)


def test_drawing_ahead_keeps_the_order_and_tells_errors() -> None:
    assert list(drawn_ahead(lambda n: n * n, range(9))) == [n * n for n in range(9)]
    with pytest.raises(ZeroDivisionError):
        list(drawn_ahead(lambda n: 1 // (3 - n), range(9)))


# --- The overlay --------------------------------------------------------------------------------------------


def distances(p: dict[str, Tensor], region: Region, height: int, width: int) -> np.ndarray:
    """To the nearest divider, in pixels, by brute force: (H, W)."""
    points = region.points(height, width).numpy()
    a = p["line_angle"].double().numpy()
    normal = np.stack([np.cos(a), np.sin(a)])
    if "line_offset" in p:
        offset = p["line_offset"].double().numpy()
    else:
        offset = (p["line_centre"].double().numpy() * normal.T).sum(1)
    lines = abs(points @ normal - offset)
    away = points[:, None] - p["circle_centre"].double().numpy()
    circles = abs(np.hypot(away[..., 0], away[..., 1]) - np.exp(p["circle_log_radius"].double().numpy()))
    return np.concatenate([lines, circles], axis=1).min(1).reshape(height, width) / region.pixel


@pytest.mark.parametrize("region", [Region(pixel=0.02), Region(0.3, 0.1, 1e-3), Region(pixel=0.2)])
def test_the_overlay_shows_cells_as_the_ellipses_of_their_radii(region: Region) -> None:
    radii, angle, centre = np.array([0.5, 0.2]), 0.7, np.array([0.1, -0.1])
    frame = {
        "cell_centre": centre[None],
        "cell_log_radius": np.log(radii)[None],
        "cell_angle": np.array([angle]),
    }
    picture = np.full((75, 101, 3), 128, np.uint8)
    draw_overlay(picture, frame, region, 2.5)
    turn = np.linspace(0, 2 * np.pi, 200_000)
    along, across = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
    turned = [along * np.cos(angle) - across * np.sin(angle), along * np.sin(angle) + across * np.cos(angle)]
    edge = scipy.spatial.cKDTree(centre + np.stack(turned, -1))
    away = edge.query(region.points(75, 101).numpy())[0].reshape(75, 101) / region.pixel
    assert (picture[away < 1.25 - 0.6 - 0.4 * (region.pixel > 0.1)] > 235).all()
    assert (picture[away > 1.6 * (3.75 + 0.6)] == 128).all()  # where an ellipse bends much its halo is wider


@pytest.mark.parametrize("form", ["angle", "distance"])
@pytest.mark.parametrize("region", [Region(pixel=0.02), Region(0.3, 0.1, 1e-3), Region(pixel=0.2)])
def test_the_overlay_is_light_on_dividers_dark_beside_them_and_nothing_else(
    form: str, region: Region
) -> None:
    stroke = 2.5
    picture = np.full((75, 101, 3), 128, np.uint8)
    draw_overlay(picture, {name: t.numpy() for name, t in network(form).items()}, region, stroke)
    away = distances(network(form), region, 75, 101)
    assert (picture[away < stroke / 2 - 0.6] > 235).all()
    assert (picture[(away > stroke / 2 + 0.6) & (away < 1.5 * stroke - 0.6)] < 75).all()
    assert (picture[away > 1.5 * stroke + 0.6] == 128).all()


def test_parts_of_an_overlay_fit_together() -> None:
    frame = {name: t.numpy() for name, t in network().items()}
    region, stroke = Region(0.1, -0.2, 0.004), stroke_of(300, 300)
    whole = np.full((300, 300, 3), 90, np.uint8)
    draw_overlay(whole, frame, region, stroke)
    part = np.full((70, 111, 3), 90, np.uint8)
    draw_overlay(part, frame, region.part(300, 300, 33, 150, 70, 111), stroke)
    assert abs(part.astype(int) - whole[33:103, 150:261]).max() <= 1


def test_an_overlay_of_no_dividers_changes_nothing() -> None:
    picture = np.full((40, 40, 3), 90, np.uint8)
    draw_overlay(picture, {"relu_weight": np.ones((2, 2))}, Region(), 1.0)
    assert (picture == 90).all()


# --- The command --------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    arrays = {name: tensor.numpy() for name, tensor in network().items()}
    target = np.zeros((20, 40, 3), np.uint8)
    controls = {"lines": 6, "circles": 5, "hidden": 7}
    write_tensors(path, {**arrays, "target": target}, {"kind": "dividers", "step": 3, "controls": controls})
    return path


@pytest.mark.parametrize(
    ("size", "expected"), [("", (40, 20)), ("100", (100, 100)), ("90x70", (90, 70)), ("64x64", (64, 64))]
)
def test_render(
    model: Path, size: str, expected: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    options = ["--size", size] if size else []
    assert main(["render", str(model), str(out), *options, "--border", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["width"], report["height"]) == expected
    with Image.open(out) as image:
        assert image.size == expected
        assert abs(np.asarray(image).astype(int) - drawn(expected, (20, 40))).max() <= 1


def test_render_with_everything(model: Path, tmp_path: Path) -> None:
    options = [
        "--size",
        "60x50",
        "--border",
        "3",
        "--overlay",
        "--samples",
        "2",
        "--crisp",
        "--sharpness",
        "700",
    ]
    assert main(["render", str(model), str(tmp_path / "out.jpg"), *options]) == 0
    assert (tmp_path / "out.jpg").exists()


@pytest.mark.parametrize(
    "option",
    [
        "--size=big",
        "--size=0x4",
        "--size=-3x4",
        "--border=0",
        "--border=nan",
        "--border=1e300",
        "--samples=0",
        "--sharpness=x",
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    model: Path, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(model), str(tmp_path / "out.png"), option]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["render", str(tmp_path / "no.safetensors"), str(tmp_path / "out.png")]) == 2
    assert not (tmp_path / "out.png").exists()


def test_crisp_edges_are_as_many_pixels_wide_as_when_learnt() -> None:
    assert crisp_sharpness(1000, (20, 40), Region.whole((20, 40), 20, 40)) == pytest.approx(1000)
    assert crisp_sharpness(1000, (20, 40), Region.whole((20, 40), 200, 400)) == pytest.approx(10_000)
    assert crisp_sharpness(1000, (20, 40), Region.whole((20, 40), 10, 20)) == pytest.approx(1000)
    assert math.isfinite(crisp_sharpness(1000, (20, 40), Region(pixel=1e-12)))
