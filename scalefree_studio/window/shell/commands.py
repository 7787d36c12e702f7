"""What each action of actions.py does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QMimeData, Qt
from PyQt6.QtWidgets import QApplication, QFileDialog

from ...controls import edited
from ...errors import UserError
from ...jobs.job import Redo, Restore, StartOver, Undo
from ...runs import add_scenes
from ..views.ways import Way, movie
from ..widgets.command import key_in
from ..work.clipboard import subjects_of
from ..work.subjects import TRAIN, Wish
from . import dialogs
from .about import About
from .frame import Frame
from .gallery import Gallery
from .kept_runs import KeptRuns, RecentRuns
from .preferences import PreferencesDialog
from .stage import PAST
from .token_dialog import FIRST, TokenDialog

PICTURES = (
    "Pictures, models, lists, films, recipes (*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.ppm *.safetensors "
    "*.csv *.json *.toml *.mp4 *.m4v *.mov *.mkv *.webm *.avi);;All files (*)"
)

CURVES = "show_bottom", "recent_curves"
OF_A_SESSION = {
    "rename_run", "delete_run", "show_run", "redo",
    "save_now", "copy_picture", "export_picture", "export_again", "export_movie", "undo", "add_line", "add_circle",
    "add_cell", "delete_unit", "select_none", "clear_mask", "play", "single_step", "restart", "next_wall", "keep_top",
    "keep_left", "add_pictures", "add_held_out", "search", "surprise", "next_heat", "next_stage",
}  # fmt: skip


class Commands:
    """A method for every command that is not a view's own, of the same name."""

    def __init__(self, window: Frame):
        self.w = window
        self.kept = KeptRuns(window)
        self.recent = RecentRuns(window)
        window.menus["File"].insertMenu(window.actions_["rename_run"], self.recent)

    def do(self, name: str, *values: object) -> None:
        """As the view does it, if it does."""
        found = self.find(name)
        if found is not None:
            found(*values)

    def find(self, name: str) -> Callable[..., object] | None:
        view = self.w.stage.view
        if name in view.lacks:
            return None
        found: Callable[..., object] | None = getattr(view, name, None) or getattr(self, name, None)
        return found

    def why_not(self, name: str) -> str:
        """Why a command cannot be given just now, in a sentence; or nothing."""
        session = self.w.sessions.session
        if name in PAST and self.w.stage.past is None:
            return "Only while you look at the past: drag the timeline at the bottom back."
        if name == "undo" and self.kept.offered is not None:
            return ""
        if name in OF_A_SESSION and session is None:
            return "Open a picture or a model first."
        if name in ("undo", "redo") and session is not None:
            return session.why_not(name)
        if name == "export_movie" and not self.w.transport.timeline.ids:
            return "Nothing has been recorded yet, so there is no movie to make."
        if name in CURVES and not self.w.stage.view.quantities:
            return "This view has no curves."
        if name == "next_mode" and sum(not mode.why_not for mode in self.w.stage.view.modes) < 2:
            return "There is no other view of this."
        return self.w.stage.view.why_not(name)

    @property
    def names(self) -> tuple[str, str]:
        """What undo would take back now, and redo make again, in words; or nothing."""
        session = self.w.sessions.session
        undone, redone = ("", "") if session is None else session.names
        return undone if self.kept.offered is None else "delete a run", redone

    # File

    def open_file(self) -> None:
        start = str(self.w.settings.value("folder", str(Path.home())))
        path, _ = QFileDialog.getOpenFileName(self.w, "Open a picture or a model", start, PICTURES)
        if path:
            self.w.settings.setValue("folder", str(Path(path).parent))
            self.w.sessions.open(path)

    def open_run(self) -> None:
        path = QFileDialog.getExistingDirectory(
            self.w, "Open a run, or a folder of pictures", str(self.w.sessions.runs)
        )
        if path:
            self.w.sessions.open(path)

    def show_gallery(self) -> None:
        gallery = Gallery(self.w.memory.recent(), self.w.palette_, self.w)
        gallery.chosen.connect(self.w.sessions.open)
        gallery.run_wanted.connect(self._do_with_run)
        gallery.folder_wanted.connect(self._learn_folder)
        self.w.show_dialog(gallery)

    # What is kept.

    def show_run(self) -> None:
        self._do_with_run("show", self.kept.open_one)

    def rename_run(self) -> None:
        self._do_with_run("rename", self.kept.open_one)

    def delete_run(self) -> None:
        self._do_with_run("delete", self.kept.open_one)

    def _do_with_run(self, what: str, path: Path | str | None) -> None:
        if path is not None:
            {"show": self.kept.show, "rename": self.kept.ask_name, "delete": self.kept.delete}[what](
                Path(path)
            )

    def _learn_folder(self, kind: str) -> None:
        """A folder of one's own, for a network of this kind to learn from."""
        path = QFileDialog.getExistingDirectory(self.w, "Learn from a folder of pictures", "")
        if path:
            self.w.sessions.open(str(Wish(TRAIN, path, kind)))

    def show_tokens(self) -> None:
        """Of the picture that is being learnt, or else of one that comes along."""
        opened = self.w.stage.view.opened
        picture = opened.picture if opened is not None else None
        dialog = TokenDialog(picture or FIRST, self.w.settings, self.w)
        key_in(dialog, self.w.actions_["paste"]).activated.connect(dialog.paste)
        self.w.show_dialog(dialog)

    def paste(self) -> None:
        clipboard = QApplication.clipboard()
        mime = clipboard.mimeData() if clipboard else None
        self.take(mime, "There is no picture on the clipboard, and no path to one.")

    def take(self, mime: QMimeData | None, nothing: str) -> None:
        """Something pasted or dropped: the view may have a use for it. Where it is nothing of ours, say `nothing`."""
        try:
            subjects = subjects_of(mime)
        except UserError as error:
            self.w.say(str(error))
            return
        if not subjects:
            self.w.say(nothing)
        elif not self.w.stage.view.take_all(subjects):
            self.w.sessions.open(subjects[0])

    def save_now(self) -> None:
        session = self.w.sessions.session
        if session is not None:
            session.save_soon()
            self.w.say(f"The model is saved in {session.folder.path}.")

    def export_picture(self) -> None:
        self._export("Export picture", self.w.exports.ask)

    def export_again(self) -> None:
        self._export("", lambda _, name, ways: self.w.exports.again(name, ways))

    def _export(self, title: str, how: Callable[[str, str, list[Way]], None]) -> None:
        session, view = self.w.sessions.session, self.w.stage.view
        ways = view.ways()
        if session is None or not ways:
            self.w.say(view.no_export)
        else:
            how(title, session.name, ways)

    def copy_picture(self) -> None:
        still = self.w.stage.view.still()
        if still is None:
            self.w.say("There is nothing to copy yet: open a picture first.")
        else:
            self.w.exports.copy(still)

    def export_movie(self) -> None:
        session = self.w.sessions.session
        if session is None or not self.w.transport.timeline.ids:
            self.w.say("Nothing has been recorded yet, so there is no movie to make.")
            return
        session.save_soon()  # a movie needs the model, too
        add_scenes()
        way = movie(session.folder, session.job.kind, self.w.stage.view.movie_looks())
        self.w.exports.ask("Export movie", session.name, [way])

    @property
    def passing(self) -> tuple[Callable[[], bool], ...]:
        """What is passing, the most passing first: each ends it, and says whether there was anything."""
        w = self.w
        return (
            w.end_typing, w.close_dialogs, w.stage.toast.end_passing, w.stage.hint.end_passing,
            w.stage.view.end_passing, w.stage.back_to_now, w.end_full_screen,
        )  # fmt: skip

    def escape(self) -> None:
        """One thing at a time; with nothing of the kind, the end."""
        if not any(end() for end in self.passing):
            self.leave()

    def leave(self) -> None:
        self.w.close_dialogs()
        self.w.close()

    # Edit

    def undo(self) -> None:
        """What was done last: a run that has just been deleted is back first."""
        offered = self.kept.offered
        if offered is None:
            self._take(Undo())
        else:
            self.w.stage.toast.hide()
            offered.trigger()

    def redo(self) -> None:
        self._take(Redo())

    def _take(self, edit: Undo | Redo) -> None:
        """It is seen, too."""
        self.w.stage.view.before_undo()
        self.to_now()
        self.w.sessions.edit(edit)

    # Run

    def play(self) -> None:
        session = self.w.sessions.session
        if session is None:
            return
        if session.status.rests:
            self.w.course.say_end(session)
        elif session.status.playing:
            session.runner.pause()
        else:
            session.runner.play()

    def single_step(self) -> None:
        session = self.w.sessions.session
        if session is None:
            return
        self.to_now()
        if session.status.rests:
            self.w.course.say_end(session)
        else:
            session.runner.step_once()

    def restart(self) -> None:
        self.to_now()
        self.w.sessions.edit(StartOver())

    def record(self, on: bool) -> None:
        session = self.w.sessions.session
        if session is not None:
            session.record(on)
            if on and not session.recording:
                self.w.say(f"Cannot record in {session.folder.path}.")
        self.w.settings.setValue("record", on)

    def to_now(self) -> None:
        self.w.stage.back_to_now()

    def go_on_from_here(self) -> None:
        past, session = self.w.stage.past, self.w.sessions.session
        if past is None or session is None:
            return
        session.edit(Restore(past.frame, past.step))
        self.to_now()
        session.runner.play()
        # Without the step of that moment: steps are counted on, so that none is recorded twice.
        self.w.say("Continuing from the moment you were looking at. Undo takes you back.")

    # View

    def preferences(self) -> None:
        dialog = PreferencesDialog(self.w.memory.preferences, self.w.palette_, self.w)
        dialog.changed.connect(self.prefer)
        self.w.show_dialog(dialog)

    def prefer(self, values: dict[str, Any]) -> None:
        before = self.w.memory.preferences
        preferences = edited(before, values)
        preferences.keep(self.w.settings)
        if preferences.runs != before.runs:
            self.w.sessions.runs = preferences.place
        self.w.sessions.set_autosave(preferences.autosave)
        self.w.set_palette(self.w.memory.palette())
        for dialog in self.w.findChildren(PreferencesDialog):
            dialog.put(preferences)

    def next_mode(self) -> None:
        view, buttons = self.w.stage.view, self.w.top.modes
        names = [mode.name for mode in view.modes if not mode.why_not]
        if view.mode in names:
            buttons[names[(names.index(view.mode) + 1) % len(names)]].click()

    def recent_curves(self, on: bool) -> None:
        self.w.curves.show_recent(on)

    def show_panel(self, on: bool) -> None:
        self.w.panel.setVisible(on)

    def show_bottom(self, on: bool) -> None:
        self.w.show_curves()

    def theme(self) -> None:
        self.prefer({"theme": "light" if self.w.palette_.name == "dark" else "dark"})

    def full_screen(self, on: bool) -> None:
        """Without it, the window is as large as it was before."""
        whole = Qt.WindowState.WindowFullScreen
        self.w.setWindowState(self.w.windowState() | whole if on else self.w.windowState() & ~whole)

    # Help

    def keys(self) -> None:
        self.w.show_dialog(dialogs.Keys(self.w.actions_, self.w.stage.view.mouse, self.w))

    def about(self) -> None:
        self.w.show_dialog(About(self.w))

    def find_command(self) -> None:
        self.w.finder.open()
