"""A recipe in the window, driven by hand: a strip of steps, each opened by a click, that go on one after another."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from driving import Driven, said
from fake_recipes import RECIPE, add_tiny_lessons
from PyQt6.QtCore import QMimeData, Qt, QUrl
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from test_opening import drop

from scalefree_studio.errors import UserError
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.recipes.found import find_recipe
from scalefree_studio.recipes.run import Running
from scalefree_studio.recipes.states import DONE, LEARNING
from scalefree_studio.window.shell.gallery import SPEC, Gallery
from scalefree_studio.window.widgets.steps import StepBox
from scalefree_studio.window.work.opening import open_subject

pytestmark = pytest.mark.usefixtures("one_thread")
LONG = 10**6  # steps: more than any test waits for


@pytest.fixture(autouse=True)
def _lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    add_tiny_lessons(monkeypatch)


@pytest.fixture
def tiny(_lessons: None, driven: Driven) -> Driven:
    """A window whose lessons are tiny, and a recipe of them in a file."""
    write(driven)
    return driven


def write(driven: Driven, **steps: int) -> Path:
    """With other numbers of steps than those of the recipe."""
    path = driven.folder / "mine.toml"
    coder, stage = steps.get("coder", 12), steps.get("stage", 10)
    text = RECIPE.replace("steps = 12", f"steps = {coder}").replace("steps = 10", f"steps = {stage}")
    path.write_text(text)
    return path


def folder_of(driven: Driven) -> Path:
    return driven.folder / "runs" / "mine"


def box(driven: Driven, title: str) -> StepBox:
    return next(b for b in driven.window.steps.boxes if b.text() == title)


def click(driven: Driven, title: str) -> None:
    QTest.mouseClick(box(driven, title), Qt.MouseButton.LeftButton)


def open_mine(driven: Driven) -> None:
    driven.window.open(str(driven.folder / "mine.toml"))
    driven.until(driven.window.steps.isVisible)


def states(driven: Driven) -> list[str]:
    pipeline = driven.window.recipe.pipeline
    assert pipeline is not None
    return [state.state for state in pipeline.states]


def draws(driven: Driven) -> bool:
    session = driven.window.sessions.session
    return session is not None and isinstance(session.job, DrawPictures)


def test_a_recipe_goes_from_step_to_step_by_itself_and_draws(tiny: Driven) -> None:
    assert not tiny.window.steps.isVisible()
    open_mine(tiny)
    tiny.until(lambda: states(tiny) == [DONE] * 4)
    tiny.until(lambda: draws(tiny))
    assert tiny.window.steps.isVisible()
    assert (folder_of(tiny) / "pictures.png").exists()
    words = {b.text(): b.look.words for b in tiny.window.steps.boxes}
    assert words["Shards"] == "✓ 1,797 pictures" and words["Pictures"] == "✓ 4 pictures"
    assert not tiny.window.steps.button.isVisible()  # nothing is left to run
    headless = Running(find_recipe(str(tiny.folder / "mine.toml"))[0], tiny.folder / "headless", device="cpu")
    headless.run()
    model = "model.safetensors"
    for name in (model, f"vqvae/{model}", f"stage-1/{model}"):  # as the command makes it
        with_window, without = ((place / name).stat().st_size for place in (folder_of(tiny), headless.folder))
        assert abs(with_window - without) < 300, name  # but for the seconds that it took
    drawn = (folder_of(tiny) / "pictures.png").read_bytes()
    assert drawn == (headless.folder / "pictures.png").read_bytes()


def test_steps_are_opened_by_clicks_and_keys(tiny: Driven) -> None:
    write(tiny, coder=LONG)
    open_mine(tiny)
    w = tiny.window
    tiny.until(lambda: box(tiny, "VQ-VAE").look.words == w.course.left != "")  # one reckoning, said twice
    tiny.until(lambda: "— epoch 1" in w.top.words.text())
    assert " of " not in w.top.words.text().split(",")[0] and w.panel.form is not None
    note = w.panel.form.fields["epochs"].findChildren(QLabel)[-1]
    assert note.text() == f"ends at step {LONG:,} instead"
    assert w.steps.button.text() == "Pause" and all(b.toolTip() for b in w.steps.boxes)
    click(tiny, "Pictures")
    tiny.until(lambda: "Pictures needs VQ-VAE and Stage 1 first." in said(tiny))
    QTest.mouseClick(w.steps.button, Qt.MouseButton.LeftButton)
    assert not tiny.session.status.playing and w.steps.button.text() == "Run all"
    tiny.until(lambda: box(tiny, "VQ-VAE").look.words.startswith("Paused"))
    w.steps.boxes[0].setFocus()
    QTest.keyClick(w.steps.boxes[0], Qt.Key.Key_Space)
    tiny.until(lambda: tiny.session.status.playing)
    assert w.steps.button.text() == "Run all"  # this step alone
    QTest.mouseClick(w.steps.button, Qt.MouseButton.LeftButton)
    assert w.steps.button.text() == "Pause"
    w.steps.boxes[0].setFocus()
    QTest.keyClick(w.steps.boxes[0], Qt.Key.Key_Tab)
    assert w.steps.boxes[1].hasFocus()


def test_who_looks_at_what_is_done_is_not_called_away(tiny: Driven) -> None:
    write(tiny, stage=LONG)
    open_mine(tiny)
    tiny.until(lambda: tiny.window.sessions.opened and tiny.window.sessions.opened.step == "stage-1")
    tiny.until(lambda: tiny.session.job.step_count > 3)
    click(tiny, "VQ-VAE")
    tiny.until(lambda: tiny.window.sessions.opened.step == "vqvae")  # type: ignore[union-attr]
    tiny.until(lambda: tiny.session.status.rests)
    tiny.until(lambda: states(tiny)[2] == LEARNING)
    tiny.until(lambda: box(tiny, "Stage 1").look.words.startswith("Paused"))
    assert tiny.window.steps.button.text() == "Run all"
    assert states(tiny)[:2] == [DONE, DONE]  # to look at it changes nothing
    QTest.mouseClick(tiny.window.steps.button, Qt.MouseButton.LeftButton)
    tiny.until(lambda: tiny.window.sessions.opened.step == "stage-1")  # type: ignore[union-attr]
    assert tiny.session.job.step_count >= 3


def test_it_is_left_anywhere_and_goes_on_there(tiny: Driven, qtbot: QtBot) -> None:
    write(tiny, coder=LONG)
    open_mine(tiny)
    tiny.until(lambda: tiny.session.job.step_count > 3)
    job = tiny.session.job
    tiny.key(Qt.Key.Key_Escape)
    tiny.until(lambda: tiny.gone)
    again = Driven(qtbot, tiny.folder)
    assert again.window.memory.recent()[0] == folder_of(tiny)
    again.window.open(str(again.window.memory.recent()[0]))
    again.until(again.window.steps.isVisible)
    assert again.window.sessions.opened is not None and again.window.sessions.opened.step == "vqvae"
    assert again.session.job.step_count >= job.step_count > 3
    again.leave()
    again.window.deleteLater()


def test_what_is_set_by_hand_makes_the_recipe_wait(tiny: Driven) -> None:
    write(tiny, coder=2000)
    open_mine(tiny)
    tiny.until(lambda: tiny.session.job.step_count > 3)
    tiny.window.stage.view.set_controls({"codes": 9})
    tiny.until(lambda: box(tiny, "VQ-VAE").look.words == "Stale")
    assert "by hand: Codes" in box(tiny, "VQ-VAE").toolTip()
    tiny.until(lambda: tiny.session.job.step_count > 3)
    first = tiny.session
    click(tiny, "VQ-VAE")
    tiny.until(lambda: tiny.window.sessions.session not in (None, first))
    assert tiny.session.job.controls.codes == 8
    assert (folder_of(tiny) / "earlier" / "vqvae" / "model.safetensors").exists()  # nothing is lost


def test_another_picture_closes_the_recipe(tiny: Driven) -> None:
    write(tiny, coder=LONG)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tiny.folder / "mine.toml"))])
    drop(tiny.window, mime)
    tiny.until(tiny.window.steps.isVisible)
    running = tiny.window.recipe.pipeline.running  # type: ignore[union-attr]
    other = Running(running.recipe, running.folder, device="cpu")
    with pytest.raises(UserError, match="Another window or command"):
        other.hold()
    drop(tiny.window, mime)
    tiny.until(lambda: said(tiny) == "mine is already open, here or elsewhere.")
    tiny.window.open("dataset:digits")
    tiny.until(lambda: tiny.window.sessions.opened.name == "digits")  # type: ignore[union-attr]
    assert not tiny.window.steps.isVisible() and tiny.window.recipe.pipeline is None

    def free() -> bool:
        try:
            other.hold()
        except UserError:
            return False
        other.release()
        return True

    tiny.until(free)


def test_a_recipe_that_was_opened_in_vain_is_free_again(tiny: Driven) -> None:
    write(tiny, coder=LONG)
    opened = open_subject(str(tiny.folder / "mine.toml"), tiny.folder / "runs")
    tiny.window.sessions._begin(opened, wish=-1)  # something else has been wanted since
    open_mine(tiny)


def test_what_goes_wrong_is_said_and_the_recipe_stops(tiny: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise UserError("There is no room on the disk.")

    monkeypatch.setattr(Running, "_make_shards", fail)
    open_mine(tiny)
    tiny.until(lambda: said(tiny) == "There is no room on the disk.")
    assert tiny.window.steps.button.text() == "Run all"
    monkeypatch.undo()
    add_tiny_lessons(monkeypatch)
    QTest.mouseClick(tiny.window.steps.button, Qt.MouseButton.LeftButton)
    tiny.until(lambda: states(tiny) == [DONE] * 4)


def test_what_is_made_stops_with_a_click_and_with_the_window(
    tiny: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[bool] = []

    def never_done(running: Running, _: object) -> None:
        begun.append(True)
        for n in range(LONG):
            assert running.progress is not None
            running.progress("Encoding", n % 100, 100)
            time.sleep(0.01)

    monkeypatch.setattr(Running, "_make_shards", never_done)
    open_mine(tiny)
    tiny.until(lambda: box(tiny, "Shards").look.words.startswith("Encoding "))
    QTest.mouseClick(tiny.window.steps.button, Qt.MouseButton.LeftButton)
    tiny.until(lambda: box(tiny, "Shards").look.words.startswith("Paused"))
    assert tiny.window.steps.button.text() == "Run all"
    click(tiny, "Shards")
    tiny.until(lambda: len(begun) == 2)
    tiny.leave()
    assert not tiny.window.sessions.abandoned


def test_the_gallery_offers_recipes(driven: Driven, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()  # the recipes that come along are of the lessons that there are
    gallery = Gallery([], driven.window.palette_, driven.window)
    chosen: list[str] = []
    gallery.chosen.connect(chosen.append)
    driven.window.show_dialog(gallery)
    (shelf,) = [s for s in gallery.shelves if s.accessibleName() == "Recipes"]
    items = {item.data(SPEC): item for n in range(shelf.count()) if (item := shelf.item(n)) is not None}
    digits = items["recipe:vqvae-digits"]
    assert digits.text() == "vqvae-digits" and "transformer over its codes" in digits.toolTip()
    shelf.itemClicked.emit(digits)
    assert chosen == ["recipe:vqvae-digits"]
