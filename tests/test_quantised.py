"""A picture in colour tokens: what is left of it, the command, and all kinds side by side in the window."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from driving import Driven
from PIL import Image
from PyQt6.QtCore import QMimeData, Qt, QUrl
from PyQt6.QtTest import QTest

from scalefree_studio.cli import main
from scalefree_studio.data.quantised import KINDS, Quantiser
from scalefree_studio.export.sheet import Cell, enlarged, sheet
from scalefree_studio.snapshot import Bytes
from scalefree_studio.window.shell.token_dialog import ORIGINAL, TokenDialog


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """40 × 30 pixels of many colours."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def pixels_of(path: Path) -> Bytes:
    return np.array(Image.open(path).convert("RGB"))


# --- What is left ---------------------------------------------------------------------------------------


def test_psnr_and_colours_are_those_of_the_picture_that_the_tokens_are(picture: Path) -> None:
    quantiser = Quantiser(pixels_of(picture))
    small = quantiser.resized((12, 16)).astype(float)
    for spec in KINDS:
        found = quantiser.quantised((12, 16), spec)
        back = found.pixels.astype(float)
        assert back.shape == (12, 16, 3) and found.numbers.shape == (12, 16, found.tokens.channels)
        assert found.used == len({tuple(colour) for colour in back.reshape(-1, 3).tolist()}) <= found.colours
        if spec == "exact":
            assert math.isinf(found.psnr) and (back == small).all() and found.bits == 24
        else:
            rms = math.sqrt(((back - small) ** 2).mean())
            assert found.psnr == pytest.approx(20 * math.log10(255 / rms))
            assert 2**found.bits == pytest.approx(found.colours)


def test_a_picture_of_that_size_is_not_resized(picture: Path) -> None:
    assert (Quantiser(pixels_of(picture)).resized((30, 40)) == pixels_of(picture)).all()


def test_a_sheet_has_every_picture_whole_beside_the_others() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 4, 8, 3), dtype=np.uint8)
    page = sheet([Cell(pixels, f"picture {n}", ("fact",)) for n, pixels in enumerate(pictures)], columns=3)
    windows = {}
    for n, pixels in enumerate(pictures):
        large = enlarged(pixels, 32)  # 256 pixels wide
        at = np.argwhere((page[:-127, :-255] == large[0, 0]).all(-1))
        windows[n] = [(y, x) for y, x in at if (page[y : y + 128, x : x + 256] == large).all()]
    assert all(len(found) == 1 for found in windows.values())
    rows, columns = ({found[0][axis] for found in windows.values()} for axis in (0, 1))
    assert len(rows) == 2 and len(columns) == 3


# --- The command ----------------------------------------------------------------------------------------


def test_tokens_of_a_picture_as_a_program_reads_them(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = picture.with_name("out.png")
    assert main(["tokens", str(picture), str(out), "--size", "10x6", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (
        found.keys() == {"size", "tokens", "colours"}
        and found["size"] == [6, 10]
        and found["colours"] == 8192
    )
    expected = Quantiser(pixels_of(picture)).quantised((6, 10), "hsv:5,4,4")
    assert found["tokens"] == expected.numbers[..., 0].tolist()
    assert (pixels_of(out) == expected.pixels).all()
    assert main(["tokens", str(out), "--size", "10x6", "--json"]) == 0  # it is in these colours already
    assert json.loads(capsys.readouterr().out) == found


def test_exact_tokens_are_three_a_place(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", str(picture), "--tokens", "exact", "--size", "40x30", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["colours"] == 256 and found["tokens"] == pixels_of(picture).tolist()


def test_a_person_is_told_what_is_left(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", str(picture), "--tokens", "grey:4"]) == 0
    said = capsys.readouterr()
    assert not said.out and "of 16" in said.err and " dB" in said.err and "32x32" in said.err


def test_all_kinds_in_a_table_and_on_a_sheet(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = picture.with_name("sheet.png")
    assert main(["tokens", str(picture), str(out), "--all", "--size", "8"]) == 0
    said = capsys.readouterr().err
    assert all(kind in said for kind in KINDS)
    assert pixels_of(out).shape[1] > 4 * 256
    assert main(["tokens", str(picture), "--all", "--size", "8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == list(KINDS) and found["exact"]["psnr"] is None
    assert found["hsv:5,4,4"]["psnr"] > found["hsv:4,3,3"]["psnr"] > found["grey:4"]["psnr"]


@pytest.mark.parametrize(
    "wrong",
    [["--tokens", "hsv:9,4,4"], ["--tokens", "nothing"], ["--tokens", "palette:5000"], ["--size", "0"],
     ["--size", "4x"], ["--size", "1025"], ["out.xyz"], ["missing/out.png"], ["--tokens"]],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_sentence(
    picture: Path, wrong: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(picture.parent)
    before = set(picture.parent.iterdir())
    assert main(["tokens", str(picture), *wrong]) == 2
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1
    assert set(picture.parent.iterdir()) == before


# --- The window -----------------------------------------------------------------------------------------


def shown(driven: Driven, subject: Path) -> TokenDialog:
    dialog = TokenDialog(str(subject), driven.settings, driven.window)
    driven.window.show_dialog(dialog)
    driven.until(dialog.save_button.isEnabled)
    return dialog


def test_every_kind_is_shown_with_what_is_left(driven: Driven, picture: Path) -> None:
    dialog = shown(driven, picture)
    quantiser = Quantiser(pixels_of(picture))
    assert list(dialog.cells) == [ORIGINAL, *KINDS] and "40 × 30" in dialog.title.text()
    assert (dialog.cells[ORIGINAL].as_cell().pixels == quantiser.resized((32, 32))).all()
    for spec in KINDS:
        expected = quantiser.quantised((32, 32), spec)
        assert (dialog.cells[spec].as_cell().pixels == expected.pixels).all()
        assert tuple(label.text() for label in dialog.cells[spec].facts) == expected.facts()
    image = dialog.cells["rgb:3,3,2"].squares.grab().toImage()
    seen = {image.pixelColor(x, image.height() - 2).name() for x in range(1, image.width(), 5)}
    row = quantiser.quantised((32, 32), "rgb:3,3,2").pixels[-1]
    assert len(seen & {"#" + bytes(colour).hex() for colour in row}) > 5


def test_another_size_is_typed(driven: Driven, picture: Path) -> None:
    dialog = shown(driven, picture)
    edit = dialog.size_field.edit
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, "20x10")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    driven.until(dialog.save_button.isEnabled)
    assert dialog.isVisible() and dialog.cells["exact"].as_cell().pixels.shape == (10, 20, 3)
    edit.selectAll()
    QTest.keyClicks(edit, "0")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert edit.property("wrong") and dialog.save_button.isEnabled()  # what is shown stays


def test_another_picture_is_dropped(driven: Driven, picture: Path) -> None:
    dialog = shown(driven, picture)
    Image.new("RGB", (50, 50), (255, 0, 0)).save(picture.with_name("red.png"))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(picture.with_name("red.png")))])
    dialog._take_from(mime)
    driven.until(lambda: "red" in dialog.title.text() and dialog.save_button.isEnabled())
    assert dialog.cells["hsv:5,4,4"].facts[0].text() == "nothing lost, 13 bits per pixel"
    mime.setUrls([QUrl.fromLocalFile(str(picture.with_name("gone.png")))])
    dialog._take_from(mime)
    driven.until(lambda: "gone.png" in dialog.note.text())
    assert "red" in dialog.title.text()


def test_all_of_them_are_saved_as_one_picture(driven: Driven, picture: Path) -> None:
    dialog = shown(driven, picture)
    out = picture.with_name("sheet.png")
    dialog.save(out)
    driven.until(lambda: "Saved" in dialog.note.text())
    assert pixels_of(out).shape[1] > 4 * 256


def test_the_key_opens_it_on_the_picture_that_is_learnt_and_escape_closes_it(driven: Driven) -> None:
    driven.open()
    driven.key(Qt.Key.Key_K)
    dialog = driven.window.findChild(TokenDialog)
    assert isinstance(dialog, TokenDialog)
    driven.until(lambda: "lines-5" in dialog.title.text())
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    driven.until(lambda: driven.window.findChild(TokenDialog) is None)
    assert driven.window.isVisible()
