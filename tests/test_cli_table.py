"""Tables from the command line: several temperatures side by side, several pictures completed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from command_line import last_json
from imageio.v3 import imread
from PIL import Image
from small_drawings import H, W, make, network, play, seen

from scalefree_studio.cli import main
from scalefree_studio.drawings import PAPER, first
from scalefree_studio.export.walls.table import Table, fitted_table, fitting_scale, table_of, write_table
from scalefree_studio.export.walls.wall import BEHIND
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import FITTING, SetPrompt, SetTable
from scalefree_studio.storage.run_folder import RunFolder

T = ["--temperature", "0.5,1.0,1.5"]


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trained network and two pictures, here."""
    monkeypatch.chdir(tmp_path)
    RunFolder("model").keep(network())
    for seed, name in enumerate(("a.png", "b.png")):
        picture = np.random.default_rng(seed).integers(256, size=(H, W, 3), dtype=np.uint8)
        Image.fromarray(picture).save(name)


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def written(job: DrawPictures, scale: int | None = None) -> np.ndarray:
    write_table(table_of(seen(job)), Path("expected.png"), scale)
    return pixels("expected.png")


def test_a_column_of_samples_is_what_is_drawn_at_its_temperature(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "model", "t.png", "--count", "4", *T, "--seed", "3", "--json"]) == 0
    told = last_json(capsys.readouterr().out)
    assert told["pictures"] == 12 and told["temperatures"] == [0.5, 1.0, 1.5] and len(told["rows"]) == 4
    assert all(bits > 0 for row in told["rows"] for bits in row["bits"])
    job = make(seed=3)
    job.apply(SetTable((0.5, 1.0, 1.5), rows=4))
    np.testing.assert_array_equal(pixels("t.png"), written(play(job)))
    hot = seen(play(make(4, seed=3, temperature=1.5))).pictures()
    np.testing.assert_array_equal(table_of(seen(job)).columns[2], hot)


def test_pictures_are_completed_in_rows(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["complete", "model", "a.png", "b.png", "t.png", "--cut", "8", *T]
    assert (
        main([*asked, "--json", "--scale", "3", "--movie", "t.tif", "--seconds", "1", "--run", "drawn"]) == 0
    )
    told = last_json(capsys.readouterr().out)
    assert [row["image"] for row in told["rows"]] == ["a.png", "b.png"]
    job = make()
    keep = first(8, job.layout.order, (H, W))
    prompts = [SetPrompt(keep=keep, pixels=pixels(name), label=FITTING) for name in ("a.png", "b.png")]
    job.apply(SetTable((0.5, 1.0, 1.5), tuple(prompts)))
    np.testing.assert_array_equal(pixels("t.png"), written(play(job), 3))
    for row in range(2):
        job.watch(3 * row)
        job.recall()
        bits = np.asarray(seen(job).frame["bits"], float)
        np.testing.assert_allclose(
            [told["rows"][row]["bits"][0], told["rows"][row]["hidden_bits"]], bits, atol=1e-3
        )
    frames = imread("t.tif")
    table = table_of(seen(job))
    np.testing.assert_array_equal(frames[-1], table.picture(fitting_scale(table, (1080, 1080))))
    assert (frames[0] != frames[-1]).any() and len(frames) == 30
    again = DrawPictures.from_checkpoint(RunFolder("drawn").checkpoint())
    np.testing.assert_array_equal(written(again, 3), pixels("t.png"))
    assert main(["movie", "drawn", "again.gif", "--seconds", "1", "--size", "200"]) == 0
    assert main([*asked, "--no-cache", "--scale", "3"]) == 0
    np.testing.assert_array_equal(pixels("t.png"), written(again, 3))


def test_a_cell_is_the_completion_of_that_picture_alone() -> None:
    assert (
        main(
            [
                "complete",
                "model",
                "a.png",
                "b.png",
                "t.png",
                "--keep",
                "left",
                "--label",
                "1",
                *T,
                "--run",
                "table",
            ]
        )
        == 0
    )
    alone = [
        "complete",
        "model",
        "b.png",
        "one.png",
        "--keep",
        "left",
        "--temperature",
        "1.5",
        "--count",
        "1",
        "--label",
        "1",
    ]
    assert main([*alone, "--run", "one"]) == 0
    table, one = (
        seen(DrawPictures.from_checkpoint(RunFolder(name).checkpoint())) for name in ("table", "one")
    )
    np.testing.assert_array_equal(table.values[5], one.values[0])


def test_one_picture_may_have_several_rows() -> None:
    assert main(["complete", "model", "a.png", "t.png", *T, "--count", "2", "--run", "table"]) == 0
    assert (
        main(["complete", "model", "a.png", "w.png", "--temperature", "0.5", "--count", "2", "--run", "wall"])
        == 0
    )
    table, wall = (
        seen(DrawPictures.from_checkpoint(RunFolder(name).checkpoint())) for name in ("table", "wall")
    )
    np.testing.assert_array_equal(table.values[::3], wall.values)


def test_what_the_network_cannot_see_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complete", "model", "a.png", "t.png", "--keep", "bottom", "--count", "1"]) == 0
    assert f"{(H - H // 2) * W} of the kept places come" in capsys.readouterr().err
    assert main(["complete", "model", "a.png", "t.png", "--cut", "7", "--count", "1"]) == 0
    assert "come" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["complete", "model", "a.png", "t.png", "--cut", "30"], "from 0 to 29, not 30"),
        (["complete", "model", "a.png", "t.png", "--cut", "-1"], "from 0 to 29, not -1"),
        (["complete", "model", "a.png", "t.png", "--cut", "all"], "is not a whole number"),
        (["complete", "model", "a.png", "t.png", "--cut", "3", "--keep", "top"], "not allowed with"),
        (["complete", "model", "a.png", "t.png", "--temperature", "0"], "between 0.05 and 20, not 0."),
        (["complete", "model", "a.png", "t.png", "--temperature", "1,hot"], "needs a number, not 'hot'."),
        (["complete", "model", "a.png", "t.png", "--temperature", "1,,2"], "needs a number, not ''."),
        (["complete", "model", "a.png", "t.png", "--temperature", "nan,1"], "a finite number"),
        (["complete", "model", "a.png", "none.png", "t.png"], "no file"),
        (["complete", "model", "a.png", "b.png", "a.png"], "a.png is an input"),
        (["complete", "model", "a.png", "t.png", "--keep", "t.png"], "t.png is an input"),
        (["complete", "model", "a.png"], "required: OUT.png"),
        (["complete", "model", "a.png", "b.png", "t.png", "--scale", "0"], "Scale must be between 1 and"),
        (["complete", "model", "a.png", "b.png", "t.png", "--keep", "middle"], "no file middle"),
        (["complete", "model", "a.png", "b.png", "t.png", "--count", "3000"], "between 1 and 4096, not 6000"),
        (["complete", "model", "a.png", "b.png", "t.what"], "file ends in one of"),
        (["sample", "model", "t.png", "--count", "0", *T], "between 1 and 4096, not 0"),
        (["sample", "model/model.safetensors", "model/model.safetensors"], "is an input"),
    ],
    ids=str,
)
def test_bad_wishes_get_one_sentence_before_anything_is_drawn(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(os.listdir("."))
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert told in said and len(said.splitlines()) == 1 and said.startswith("scalefree-studio: ")
    assert sorted(os.listdir(".")) == before


@pytest.mark.parametrize("scale", [1, 2, 9])
@pytest.mark.parametrize("width", [3, 40])
def test_a_table_has_all_its_pictures_at_any_scale(scale: int, width: int) -> None:
    """Found again in the picture, wherever they are."""
    columns = np.random.default_rng(0).integers(100, 255, size=(3, 2, 5, width, 3), dtype=np.uint8)
    table = Table(("Given", "T 1", "T 20"), columns)
    picture = table.picture(scale)
    assert picture.shape == (*table.size(scale)[::-1], 3)
    across, down, above = table.cell(scale)
    gap = picture.shape[1] - 3 * across
    for column in range(3):
        for row in range(2):
            cell = picture[above + row * down + gap :][: 5 * scale, column * across + gap :][
                :, : across - gap
            ]
            left = int((cell != BEHIND).any((0, 2)).argmax())
            found = cell[:, left : left + width * scale][::scale, ::scale]
            np.testing.assert_array_equal(found, columns[column, row])
    words = picture[:above, gap : gap + across - gap]
    assert (words != BEHIND).any() and not (words[[0, -1]] != BEHIND).any()  # no letter is cut


def test_a_table_fits_into_any_frame() -> None:
    job = make()
    job.apply(SetTable((1.0, 2.0), rows=3))
    table = table_of(seen(job))
    for room in ((400, 300), (90, 600), (20, 10)):
        picture = fitted_table(table, room)
        assert picture.shape == (*room[::-1], 3)
        assert (picture == PAPER).all(-1).any() or min(room) < 20
