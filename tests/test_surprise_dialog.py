"""How surprising a picture of one's own is, in the window: dropped, pasted, pointed at, compared, gone on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from driven_drawings import draw, hardly_learnt, shown
from driving import Driven, said
from PIL import Image
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent, QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QPushButton
from test_thought import shot

from scalefree_studio.data.pictures import load_picture
from scalefree_studio.export.heat import beside
from scalefree_studio.jobs.drawing.surprise import surprise_of
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.training.picture_lesson import ONLY_EXACT
from scalefree_studio.storage.run_folder import load_checkpoint
from scalefree_studio.window.views.export_dialog import ExportDialog
from scalefree_studio.window.views.heat import heat
from scalefree_studio.window.views.surprise_dialog import EMPTY, SurpriseDialog
from scalefree_studio.window.views.training_view import TrainingView
from scalefree_studio.window.widgets.fields import TextField


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(4).integers(256, size=(20, 16, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    return tmp_path / "mine.png"


def asked(driven: Driven) -> SurpriseDialog:
    """The dialog, as its key opens it."""
    driven.key(Qt.Key.Key_Y)
    return open_one(driven)


def open_one(driven: Driven) -> SurpriseDialog:
    (dialog,) = driven.window._dialogs
    assert isinstance(dialog, SurpriseDialog)
    return dialog


def test_a_picture_is_measured_shown_and_compared(
    driven: Driven, run: Path, mine: Path, tmp_path: Path
) -> None:
    view = draw(driven, run)
    dialog = asked(driven)
    assert dialog.pair.empty == EMPTY and not dialog.saving.isEnabled()
    dialog.take(mine)
    driven.until(lambda: dialog.surprise is not None)
    sampler, pixels = sampler_of(load_checkpoint(run)), load_picture(mine).pixels
    expected, found = surprise_of(sampler, pixels), dialog.surprise
    assert found is not None
    np.testing.assert_allclose(found.bits, expected.bits, rtol=1e-4)
    assert f"{expected.per_place:.2f} bits per pixel" in dialog.total.text()
    assert f"{expected.total / 64:.3f} bits per dimension" in dialog.total.text()
    assert dialog.hint.text() == f"{ONLY_EXACT} These cannot."
    assert dialog.whose.text() == f"Taken for “{expected.label}”"
    driven.until(lambda: dialog.held is not None)
    assert "held-out pictures" in dialog.among.text() and dialog.among.text()[0].isupper()
    # The most surprising place is shown at first, and what was expected there.
    y, x = expected.most
    assert dialog.pair.marked == (y, x) and f"row {y + 1}, column {x + 1}" in dialog.most.text()
    assert (
        f"Row {y + 1}, column {x + 1}: {expected.bits.max():.2f} bits"
        in dialog.thoughts.accessibleDescription()
    )
    assert f"Level {sampler.values_of(pixels)[y, x, 0]} (0–3)" in dialog.thoughts.accessibleDescription()
    # Of a class that a person names.
    dialog.label.setCurrentIndex(1 + 7)
    dialog.label.activated.emit(8)
    driven.until(lambda: dialog.surprise is not found and dialog.surprise is not None)
    assert dialog.surprise is not None and dialog.surprise.label == 7 and dialog.whose.text() == "Taken for"
    QTest.mouseClick(dialog.saving, Qt.MouseButton.LeftButton)
    saving = dialog.findChild(ExportDialog)
    assert isinstance(saving, ExportDialog)
    scale = saving.form.fields["scale"]
    assert isinstance(scale, TextField) and saving.focusWidget() is scale.edit
    scale.edit.setText("3")
    saving.write(tmp_path / "out.png")
    driven.until(lambda: said(driven) == f"Saved: {tmp_path / 'out.png'}")
    with Image.open(tmp_path / "out.png") as image:
        bits = dialog.surprise.bits / dialog.surprise.highest
        np.testing.assert_array_equal(np.array(image), beside(dialog.surprise.picture, bits, 3))
    # Gone on from.
    QTest.mouseClick(dialog.completing, Qt.MouseButton.LeftButton)
    driven.until(lambda: not driven.window._dialogs and shown(view).frame["given"].any())
    assert np.asarray(shown(view).frame["given"])[0, :4].all()


@pytest.mark.parametrize("size", [(976, 576), (640, 700)])
def test_places_are_where_they_are_seen(driven: Driven, run: Path, mine: Path, size: tuple[int, int]) -> None:
    draw(driven, run)
    dialog = asked(driven)
    dialog.resize(*size)
    dialog.take(mine)
    driven.until(lambda: dialog.surprise is not None)
    pair, found, palette = dialog.pair, dialog.surprise, driven.window.palette_
    assert found is not None
    pair.mark((0, 0))
    image = shot(pair)  # type: ignore[arg-type]
    warm = heat(found.bits / found.highest, palette)
    left, right = pair.frames()
    assert left.width() >= 8 * 10 and not left.intersects(right)
    for frame in (left, right):
        assert pair.rect().toRectF().contains(frame)
    near = {(0, 0), found.most, found.least}
    for place in ((3, 4), (7, 7), (5, 0)):
        if any(abs(place[0] - y) + abs(place[1] - x) < 3 for y, x in near):
            continue  # rings lie over it
        for frame, colours in ((left, found.picture), (right, warm)):
            at = pair.spot(place, frame).center()
            assert pair.place_at(at) == place
            np.testing.assert_array_equal(image[int(at.y()), int(at.x())], colours[place])
    at = pair.spot((2, 6), right).center().toPoint()
    QTest.mouseMove(pair, at)
    assert pair.marked == (2, 6) and "Row 3, column 7" in dialog.thoughts.accessibleDescription()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Down):
        QTest.keyClick(pair, key)
    assert pair.marked == (2, 6)
    driven.key(Qt.Key.Key_T)
    assert pair.palette_ is driven.window.palette_ is not palette  # the theme is the dialog's, too
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    driven.until(lambda: not dialog.isVisible())
    assert driven.window.isVisible()


def test_pictures_are_pasted_and_dropped_and_what_is_none_says_so(
    driven: Driven, run: Path, mine: Path
) -> None:
    draw(driven, run)
    dialog = asked(driven)
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    clipboard.setText("no picture at all, two words")
    dialog.paste()
    driven.until(lambda: "no file" in dialog.among.text() or "no picture" in dialog.among.text())
    assert dialog.surprise is None
    dialog.take("model:mnist")
    assert dialog.among.text() == "That is not a picture."
    image = QImage(9, 9, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    clipboard.setImage(image)
    QTest.mouseClick(dialog.pasting, Qt.MouseButton.LeftButton)
    driven.until(lambda: dialog.surprise is not None)
    assert dialog.surprise is not None and (dialog.surprise.picture == 255).all()
    first, mime = dialog.surprise, QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(mine))])
    drop = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    dialog.dropEvent(drop)
    driven.until(lambda: dialog.surprise is not first)
    assert "mine" in dialog.windowTitle()


def test_a_picture_that_is_gone_on_from_can_be_asked_about(driven: Driven, run: Path, mine: Path) -> None:
    view = draw(driven, run)
    assert view.take(mine)
    driven.until(lambda: "top half is kept" in said(driven))
    button = next(b for b in driven.window.stage.toast.findChildren(QPushButton) if "Surprise" in b.text())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    dialog = open_one(driven)
    driven.until(lambda: dialog.surprise is not None)
    assert dialog.surprise is not None
    expected = surprise_of(sampler_of(load_checkpoint(run)), load_picture(mine).pixels)
    np.testing.assert_allclose(dialog.surprise.bits, expected.bits, rtol=1e-4)


def test_a_network_that_learns_is_asked_as_it_was_saved(driven: Driven, tmp_path: Path, mine: Path) -> None:
    driven.window.open(str(hardly_learnt(tmp_path / "learns")))
    driven.until(
        lambda: isinstance(driven.window.stage.view, TrainingView) and driven.window.stage.view.snapshot
    )
    assert driven.window.actions_["surprise"].isVisible()
    dialog = asked(driven)
    assert not dialog.completing.isVisible()
    dialog.take(mine)
    driven.until(lambda: dialog.surprise is not None)
    dialog.reject()


def test_what_does_not_draw_has_no_such_command(driven: Driven) -> None:
    driven.open()
    assert not driven.window.actions_["surprise"].isVisible()
