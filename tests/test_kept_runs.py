"""What the window keeps: recent runs and what can be done with them, the bin, glances, preferences, the full screen."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from driving import FEW, SMALL, Driven, said, saved
from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QInputDialog, QPushButton

from scalefree_studio.controls import controls_of
from scalefree_studio.jobs.dividers.saved import read_model
from scalefree_studio.jobs.job import StartOver
from scalefree_studio.runs import Recording, run_to_end
from scalefree_studio.storage.run_folder import HISTORY, InUseError, RunFolder, load_checkpoint
from scalefree_studio.window.shell import kept_runs
from scalefree_studio.window.shell.app import begin
from scalefree_studio.window.shell.gallery import RUN_MENU, Gallery
from scalefree_studio.window.shell.main_window import MainWindow
from scalefree_studio.window.shell.preferences import PreferencesDialog
from scalefree_studio.window.work.opening import open_subject
from scalefree_studio.window.work.preferences import DEMO, GALLERY, OURS, Preferences
from scalefree_studio.window.work.thumbnails import THUMBNAIL, thumbnail, thumbnail_of

OTHER = "synthetic:circles-3"


def press_undo(driven: Driven) -> None:
    buttons = driven.window.stage.toast.findChildren(QPushButton)
    next(button for button in buttons if button.text() == "Undo").click()


def test_recent_runs_stand_in_the_menu_with_what_was_learnt(driven: Driven) -> None:
    recent = driven.window.commands.recent
    recent.aboutToShow.emit()
    assert [action.isEnabled() for action in recent.actions()] == [False]
    driven.open()
    first = driven.session.folder.path
    driven.open(OTHER)
    recent.aboutToShow.emit()
    assert [action.text().split("\t")[0] for action in recent.actions()] == ["circles-3", first.name]
    driven.until(lambda: not recent.actions()[1].icon().isNull())
    recent.actions()[1].trigger()
    driven.until(lambda: driven.session.folder.path == first)


def test_what_is_chosen_in_the_menu_does_not_wait_for_its_thumbnails(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven.open()
    first, go_on = driven.session.folder.path, threading.Event()
    driven.open(OTHER)

    def slowly(path: str) -> np.ndarray:
        assert go_on.wait(60)
        return thumbnail_of(path)

    monkeypatch.setattr(kept_runs, "thumbnail_of", slowly)
    recent = driven.window.commands.recent
    recent.aboutToShow.emit()
    recent.actions()[1].trigger()
    try:
        driven.until(lambda: driven.window.sessions.session and driven.session.folder.path == first)
    finally:
        go_on.set()


def test_a_thumbnail_shows_what_was_learnt_not_the_target(tmp_path: Path) -> None:
    opened = open_subject(SMALL, tmp_path, FEW)
    folder = RunFolder(tmp_path / "run")
    folder.keep(opened.job.checkpoint())  # nothing has been learnt: one colour, or mush
    target = read_model(load_checkpoint(folder.path)).target
    seen = thumbnail_of(str(folder.path)).astype(float)
    assert seen.shape == (2 * THUMBNAIL, 2 * THUMBNAIL, 3)
    for _ in range(300):
        opened.job.step()
    folder.keep(opened.job.checkpoint())
    learnt, wanted = thumbnail_of(str(folder.path)).astype(float), thumbnail(target).astype(float)
    assert np.abs(learnt - wanted).mean() < 0.5 * np.abs(seen - wanted).mean()
    assert np.abs(learnt - wanted).mean() > 0


def test_a_run_is_deleted_and_taken_back(driven: Driven) -> None:
    driven.open()
    folder = driven.session.folder.path
    driven.learn_on()
    driven.window.do("delete_run")
    driven.until(lambda: driven.window.sessions.session is None)
    driven.until(lambda: "was moved to the bin" in said(driven))
    assert not folder.exists() and driven.window.memory.recent() == []
    steps = saved(folder.parent / "bin" / folder.name).step_count
    driven.window.do("delete_run")  # nothing is open
    press_undo(driven)
    driven.until(lambda: driven.window.sessions.session is not None)
    assert driven.session.folder.path == folder and driven.job.step_count >= steps > 0
    assert driven.window.memory.recent() == [folder]
    driven.learn_on()


def test_a_copy_of_a_run_that_is_at_work_elsewhere_says_so(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    folder = driven.session.folder
    driven.learn_on()
    driven.open(OTHER)
    with RunFolder(folder.path):
        driven.window.open(str(folder.path))
        driven.until(lambda: "this is a copy" in said(driven))
        assert said(driven).endswith("Its recording begins now.")
    assert driven.session.folder.path != folder.path


def test_the_key_of_undo_takes_a_deleted_run_back(driven: Driven) -> None:
    driven.open()
    folder = driven.session.folder.path
    undo = driven.window.actions_["undo"]
    driven.key(Qt.Key.Key_L)
    driven.until(lambda: undo.text() == "Undo: add a line")
    driven.window.do("delete_run")
    driven.until(lambda: "moved to the bin" in said(driven))
    driven.window.menus["Edit"].aboutToShow.emit()
    assert undo.text() == "Undo: delete a run" and undo.isEnabled()
    driven.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: driven.window.sessions.session is not None)
    assert driven.session.folder.path == folder
    driven.until(lambda: undo.text() == "Undo")
    driven.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)  # the run's own, which has none
    driven.learn_on()


def test_of_a_deleted_run_nothing_stays_in_the_window(driven: Driven) -> None:
    driven.open()
    w = driven.window
    w.stage.view.canvas.zoom(5.0)
    driven.until(w.stage.zoom_map.isVisible)
    driven.window.do("delete_run")
    driven.until(lambda: "moved to the bin" in said(driven))
    assert not w.stage.zoom_map.isVisible()
    assert w.stage.view.session is None and w.stage.view.snapshot is None
    assert w.panel.form is None and w.load.text() == "" and not w.panel.size_line.isVisible()
    press_undo(driven)
    driven.until(lambda: w.panel.form is not None and w.stage.view.snapshot is not None)
    assert w.panel.form.isVisible()


def test_where_nothing_is_open_undo_names_nothing(driven: Driven) -> None:
    driven.open()
    undo = driven.window.actions_["undo"]
    driven.key(Qt.Key.Key_L)
    driven.until(lambda: undo.text() == "Undo: add a line")
    driven.window.do("delete_run")
    driven.until(lambda: "moved to the bin" in said(driven))
    driven.window.stage.toast.hide()
    driven.window.menus["Edit"].aboutToShow.emit()
    assert undo.text() == "Undo" and not undo.isEnabled()


def test_another_run_is_deleted_in_the_gallery(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    driven.open()
    other = driven.session.folder.path
    driven.open(OTHER)
    driven.window.do("show_gallery")
    gallery = driven.window.findChild(Gallery)
    assert gallery is not None
    shelf = gallery.shelves[0]
    assert [shelf.item(n).text() for n in range(shelf.count())] == ["circles-3", other.name]  # type: ignore[union-attr]
    menu = gallery.run_menu(shelf.item(1))  # type: ignore[arg-type]
    assert [action.text() for action in menu.actions()] == list(RUN_MENU.values())
    monkeypatch.setattr(QInputDialog, "exec", lambda _: False)  # cancelled
    menu.actions()[list(RUN_MENU).index("rename")].trigger()
    assert shelf.count() == 2, "it was cancelled"
    menu.actions()[list(RUN_MENU).index("delete")].trigger()
    assert shelf.count() == 1 and not other.exists()
    press_undo(driven)
    assert other.exists()
    driven.learn_on()  # in what is open nothing has changed


def test_a_run_gets_another_name_while_it_is_open(driven: Driven) -> None:
    driven.open()
    folder = driven.session.folder.path
    driven.learn_on()
    before = driven.job.step_count
    driven.window.commands.kept.rename(folder, "mine")
    driven.until(lambda: driven.window.sessions.session and driven.session.folder.path.name == "mine")
    assert driven.job.step_count >= before and not folder.exists()
    assert driven.window.memory.recent() == [folder.with_name("mine")]
    driven.until(lambda: driven.window.windowTitle() == "mine — Scalefree Studio")
    folder.mkdir()
    driven.window.commands.kept.rename(driven.session.folder.path, folder.name)
    driven.until(lambda: "called" in said(driven))
    driven.until(lambda: driven.window.sessions.session is not None)
    assert driven.session.folder.path.name == "mine"


def test_the_folder_of_a_run_is_shown(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(shown.append(url.toLocalFile())))
    driven.open()
    driven.window.do("show_run")
    assert shown == [str(driven.session.folder.path)] and shown[0] in said(driven)


@pytest.mark.parametrize("how", ["passing", "edited", "saved", "long"])
def test_nothing_is_kept_of_a_glance(driven: Driven, how: str) -> None:
    driven.window.sessions.moment = 0.0 if how == "long" else 1e9
    driven.open()
    folder = driven.session.folder.path
    if how == "edited":
        driven.window.sessions.edit(StartOver())
    elif how == "saved":
        driven.window.do("save_now")
    driven.open(OTHER)
    assert folder.exists() == (how != "passing")
    driven.window.sessions.moment = 1e9
    if how == "passing":  # what was there before is no glance
        kept = driven.session.folder.path
        driven.window.sessions.edit(StartOver())
        driven.open()
        driven.open(str(kept))
        driven.open()
        assert kept.exists()


def test_a_run_that_a_command_writes_is_opened_as_a_copy(driven: Driven) -> None:
    folder = driven.window.sessions.runs / "theirs"
    job = open_subject(SMALL, folder.parent, FEW).job
    for _ in range(3):
        job.step()
    with RunFolder(folder) as theirs:
        theirs.keep(job.checkpoint())
        driven.window.open(str(folder))
        driven.until(lambda: driven.window.sessions.session is not None)
        assert driven.session.folder.path == folder.with_name("theirs-2")
        driven.until(lambda: "this is a copy" in said(driven))
        with pytest.raises(InUseError):  # nor may the command write where the window is at work
            run_to_end(job, Recording(RunFolder(driven.session.folder.path)))
    driven.learn_on()
    assert saved(folder).step_count == 3


def test_a_run_without_a_model_is_told_as_what_it_is(driven: Driven) -> None:
    folder = driven.window.sessions.runs / "stopped"
    folder.mkdir(parents=True)
    (folder / HISTORY).write_bytes(b"")
    driven.window.open(str(folder))
    driven.until(lambda: "was stopped before its model was first saved" in said(driven))


def test_preferences_are_kept_and_take_effect_at_once(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    driven.window.do("preferences")
    dialog = driven.window.findChild(PreferencesDialog)
    assert dialog is not None
    fields = dialog.form.fields
    assert list(fields) == [c.name for c in controls_of(Preferences)]
    assert all(field.toolTip() for field in fields.values())
    fields["theme"].segments["light"].click()  # type: ignore[attr-defined]
    driven.until(lambda: driven.window.palette_.name == "light")
    assert fields["autosave"].slider.palette_ is driven.window.palette_  # type: ignore[attr-defined]
    QTest.keyClicks(fields["runs"].edit, str(tmp_path / "elsewhere"))  # type: ignore[attr-defined]
    QTest.keyClick(fields["runs"].edit, Qt.Key.Key_Return)  # type: ignore[attr-defined]
    driven.until(lambda: driven.window.sessions.runs == tmp_path / "elsewhere")
    fields["autosave"].give(60.0)
    driven.until(lambda: driven.session.runner.saver and driven.session.runner.saver.every == 60.0)
    fields["start"].give(DEMO)
    driven.until(lambda: driven.window.memory.preferences.start == DEMO)
    again = Preferences.read(QSettings(driven.settings.fileName(), QSettings.Format.IniFormat))
    assert again == Preferences(str(tmp_path / "elsewhere"), "light", DEMO, 60.0)
    driven.key(Qt.Key.Key_T)
    assert fields["theme"].value == "dark"  # as the window looks now
    fields["autosave"].give(90.0)
    driven.until(lambda: driven.window.memory.preferences.autosave == 90.0)
    assert driven.window.palette_.name == "dark", "what was changed elsewhere stays"
    fields["theme"].segments["light"].click()  # type: ignore[attr-defined]
    fields["autosave"].give(60.0)
    driven.until(
        lambda: (
            driven.window.memory.preferences == Preferences(str(tmp_path / "elsewhere"), "light", DEMO, 60.0)
        )
    )
    dialog.close()
    driven.open(OTHER)
    assert driven.session.folder.path.parent == tmp_path / "elsewhere"
    assert driven.session.runner.saver is not None and driven.session.runner.saver.every == 60.0
    driven.key(Qt.Key.Key_T)
    assert driven.window.memory.preferences.theme == "dark"


def test_a_place_that_cannot_be_written_is_refused_and_told(driven: Driven, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    dialog = PreferencesDialog(Preferences(), driven.window.palette_, driven.window)
    changed: list[dict[str, object]] = []
    dialog.changed.connect(changed.append)
    dialog._edit({"runs": str(tmp_path / "file" / "runs")})
    assert not changed and "Cannot write in" in dialog.trouble.text()
    assert Preferences(runs=str(tmp_path / "file" / "runs")).place == Path.home() / OURS


@pytest.mark.parametrize("value", ["nonsense", "-3", ""])
def test_what_makes_no_sense_in_the_settings_is_as_at_first(value: str, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    for name in ("theme", "start", "autosave"):
        settings.setValue(name, value)
    settings.sync()
    assert Preferences.read(QSettings(settings.fileName(), QSettings.Format.IniFormat)) == Preferences()


def test_how_it_starts(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(driven.window, "open", opened.append)
    monkeypatch.setattr(driven.window.memory, "recent", lambda: [Path("newest"), Path("older")])
    for start in ("last run", DEMO, GALLERY):
        Preferences(start=start).keep(driven.settings)
        begin(driven.window, None)
    assert opened == ["newest", "photo:astronaut"] and driven.window.findChild(Gallery) is not None
    begin(driven.window, "named")
    assert opened[2:] == ["named"]


def test_escape_from_a_full_screen_leaves_the_window_as_large_as_it_was(driven: Driven) -> None:
    w = driven.window
    w.setWindowState(Qt.WindowState.WindowMaximized)
    w.do("full_screen", True)
    driven.until(lambda: w.isFullScreen() and w.actions_["full_screen"].isChecked())
    driven.key(Qt.Key.Key_Escape)
    driven.until(lambda: not w.isFullScreen())
    assert w.isMaximized() and not w.actions_["full_screen"].isChecked()


def test_the_first_key_ends_a_full_screen_that_was_restored(driven: Driven) -> None:
    driven.window.do("full_screen", True)
    driven.until(driven.window.isFullScreen)
    driven.window.remember()
    other = MainWindow(driven.settings, driven.person, runs=driven.window.sessions.runs)
    other.show()
    driven.until(other.isFullScreen)
    action = other.actions_["full_screen"]
    assert action.isChecked()
    action.trigger()
    driven.until(lambda: not other.isFullScreen())
    assert not action.isChecked()
    gone: list[bool] = []
    other.gone.connect(lambda: gone.append(True))
    other.leave()
    driven.until(lambda: gone)
    driven.window.setWindowState(Qt.WindowState.WindowNoState)  # as the desktop may do it
    driven.until(lambda: not driven.window.actions_["full_screen"].isChecked())
