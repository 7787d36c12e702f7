"""What is dropped, pasted or chosen is opened; what cannot be is one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from driving import SMALL, Driven, said
from PIL import Image
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PyQt6.QtWidgets import QApplication

from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.window.shell.gallery import SPEC, Gallery
from scalefree_studio.window.shell.main_window import MainWindow
from scalefree_studio.window.views.training_view import TrainingView
from scalefree_studio.window.work import opening
from scalefree_studio.window.work.opening import open_subject

TRAIN = "train:pixelcnn:"  # before a data set, in the gallery


def drop(window: MainWindow, mime: QMimeData) -> None:
    at, none = QPointF(300, 300), Qt.KeyboardModifier.NoModifier
    actions, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(at.toPoint(), actions, mime, left, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(at, actions, mime, left, none))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "müder stern.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(path)
    return path


def test_a_dropped_file_is_learned(driven: Driven, picture: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(picture))])
    drop(driven.window, mime)
    driven.until(lambda: driven.window.sessions.session is not None)
    assert driven.job.pixels.shape == (40, 60, 3)
    assert driven.session.folder.path.name == "müder stern"
    driven.until(lambda: driven.window.windowTitle() == "müder stern — Scalefree Studio")


def test_what_cannot_be_dropped_is_told(driven: Driven) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/picture.png")])
    drop(driven.window, mime)
    assert "on this computer" in driven.window.stage.toast.label.text()


@pytest.mark.parametrize("kind", ["image", "path", "file url"])
def test_paste(driven: Driven, picture: Path, kind: str) -> None:
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    if kind == "image":
        clipboard.setImage(QImage(str(picture)))
    else:
        clipboard.setText(str(picture) if kind == "path" else QUrl.fromLocalFile(str(picture)).toString())
    driven.key(Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: driven.window.sessions.session is not None)
    with Image.open(picture) as image:
        assert np.array_equal(driven.job.pixels, np.asarray(image))


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_a_bad_picture_is_one_sentence_and_the_run_goes_on(
    driven: Driven, tmp_path: Path, content: bytes
) -> None:
    driven.open()
    session, bad = driven.session, tmp_path / "bad.png"
    bad.write_bytes(content)
    driven.window.open(str(bad))
    driven.until(driven.window.stage.toast.isVisible)
    words = driven.window.stage.toast.label.text()
    assert "bad.png" in words
    assert words.endswith(".")
    assert "\n" not in words
    assert driven.session is session
    driven.learn_on()


def test_nothing_to_open_says_what_to_do(driven: Driven) -> None:
    driven.window.open("/no/such/picture.png")
    driven.until(driven.window.stage.empty.isVisible)
    assert "Drop a picture" in driven.window.stage.empty.label.text()
    driven.open()
    assert not driven.window.stage.empty.isVisible()


def test_a_short_notice_after_a_long_one_is_low(driven: Driven) -> None:
    toast = driven.window.stage.toast
    heights = []
    for text in ("A word.", "Many words. " * 40, "A word."):
        driven.window.say(text)
        heights.append(toast.height())
    assert heights[0] == heights[2] < heights[1]


def test_the_gallery_opens_what_is_clicked(driven: Driven) -> None:
    driven.window.commands.show_gallery()
    gallery = driven.window.findChild(Gallery)
    assert isinstance(gallery, Gallery)
    made = gallery.shelves[-1]
    item = made.item(0)
    assert item is not None
    chosen: list[str] = []
    gallery.chosen.connect(chosen.append)
    made.itemClicked.emit(item)
    assert chosen == [SMALL]
    driven.until(lambda: driven.window.sessions.session is not None)


def test_the_gallery_offers_networks_and_data_sets(
    driven: Driven, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCALEFREE_DATA", str(tmp_path))
    gallery = Gallery([], driven.window.palette_, driven.window)
    asked: list[str] = []
    gallery.chosen.connect(asked.append)
    gallery.folder_wanted.connect(lambda kind: asked.append(f"a folder for {kind}"))
    driven.window.show_dialog(gallery)
    items = [shelf.item(n) for shelf in gallery.shelves for n in range(shelf.count())]
    offered = {item.data(SPEC): item for item in items if item is not None}
    assert {"model:mnist", f"{TRAIN}digits", f"{TRAIN}cifar10", "photo:astronaut"} <= set(offered)
    assert "train:vqvae:digits" in offered and "train:tokens:digits" not in offered  # which needs codes first
    driven.until(lambda: "downloads 12 MB first" in offered[f"{TRAIN}mnist"].toolTip())
    assert "downloads" not in offered[f"{TRAIN}digits"].toolTip()
    gallery.shelves[1].itemClicked.emit(offered[TRAIN])
    assert asked == ["a folder for pixelcnn"]


def test_a_data_set_that_is_nowhere_is_refused(
    driven: Driven, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driven.window.open(f"dataset:{tmp_path / 'none'}")
    driven.until(driven.window.stage.toast.isVisible)
    assert "There is no data set" in driven.window.stage.toast.label.text()


@pytest.mark.parametrize(("count", "epochs"), [(6, 8000), (5000, 40)])
def test_few_pictures_are_learnt_from_for_long_enough(count: int, epochs: int, tmp_path: Path) -> None:
    labels = np.zeros(count, np.int64)
    images = np.zeros((count, 8, 8, 1), np.uint8)
    few = Dataset("few", "few", Arrays(images, labels), Arrays(images[:1], labels[:1]), ("all",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "load_dataset", lambda *_, **__: few)
        found = open_subject("dataset:few", tmp_path)
    assert found.job.controls.epochs == epochs


def test_a_folder_of_pictures_is_learnt_from(driven: Driven, tmp_path: Path) -> None:
    driven.window.open(str(tmp_path))
    driven.until(lambda: "there are no pictures in it" in said(driven))
    for kind in ("light", "dark"):
        (tmp_path / "mine" / kind).mkdir(parents=True)
        for n in range(12):
            Image.new("L", (8, 8), 20 * n).save(tmp_path / "mine" / kind / f"{n}.png")
    driven.window.open(str(tmp_path / "mine"))
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView) and driven.session)
    assert driven.session.job.lesson.dataset.classes == ("dark", "light")  # type: ignore[attr-defined]


def test_a_list_of_pictures_is_learnt_from_and_what_it_lacks_is_said(driven: Driven, tmp_path: Path) -> None:
    for n in range(12):
        Image.new("L", (8, 8), 20 * n).save(tmp_path / f"{n}.png")
    rows = [f"{n}.png,{'even' if n % 2 == 0 else 'odd'}" for n in range(12)]
    (tmp_path / "mine.csv").write_text("\n".join(["image_path,label", *rows, "gone.png,odd"]))
    driven.window.open(str(tmp_path / "mine.csv"))
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView) and driven.session)
    assert driven.session.job.lesson.dataset.classes == ("even", "odd")  # type: ignore[attr-defined]
    driven.until(lambda: said(driven) == "1 of 13 pictures could not be read: gone.png.")


def test_where_the_data_of_a_model_are_not_at_hand_an_embedded_picture_is_painted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEFREE_DATA", str(tmp_path / "none"))
    job = open_subject("model:codes-digits", tmp_path).job
    assert isinstance(job, DrawPictures)
    assert job.state.given.all() and len(np.unique(job.state.values)) > 5
