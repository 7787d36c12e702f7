"""The middle of the window: the view of what goes on or went on, and what is said over it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PyQt6.QtCore import QEvent, QObject, QPoint, QRect, Qt, pyqtSignal
from PyQt6.QtWidgets import QLabel, QStackedLayout, QWidget

from ...canvas.zoomed import Zoomed
from ...snapshot import Snapshot
from ..views.registry import view_of
from ..views.view import Host, View
from ..widgets.theme import GRID, Palette, tabular
from ..widgets.toast import Toast
from ..widgets.zoom_map import ZoomMap
from .pace import Pace

PAST = ("go_on_from_here", "to_now")  # what can be done while a recorded moment is shown


class Stage(QWidget):
    """Holds the views, each made when it is first needed. One of them shows the newest snapshot, or one of
    the recorded past."""

    tick = pyqtSignal()  # the view is about to be drawn: the moment to give it what is new
    view_made = pyqtSignal(object)  # for the first time
    past_changed = pyqtSignal()  # another moment, or none any more

    def __init__(self, host: Host):
        super().__init__()
        self.pace = Pace(self._draw, self)
        self._host = replace(host, draw_soon=self.pace.ask)
        self._views: dict[type[View], View] = {}
        self._palette: Palette | None = None
        self.newest: Snapshot | None = None
        self.past: Snapshot | None = None  # the recorded moment that is shown instead
        self.controls: Any = None  # of the job
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self.view = View(self._host)  # of nothing
        self._nothing = self.view
        self._nothing.setAutoFillBackground(True)
        self._stack.addWidget(self._nothing)
        self.empty = Toast(self, "empty")
        self.toast = Toast(self)
        self.past_toast = Toast(self, "past")
        self.hint = Toast(self, "hint")
        self.zoom_map = ZoomMap(self)
        self.readout = QLabel(self)  # what the pointer is over
        self.readout.setObjectName("readout")
        self.readout.setFont(tabular(self.readout.font()))
        self.readout.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.readout.hide()
        self.installEventFilter(self)

    def take_view(self, kind: str) -> View:
        """The view of a kind of snapshot, on the stage from now on."""
        shows = view_of(kind)
        view = self._views.get(shows)
        if view is None:
            view = self._views[shows] = shows(self._host)
            view.readout.connect(self._show_readout)
            view.zoomed.connect(self._show_zoom)
            if self._palette is not None:
                view.set_palette(self._palette)
            self._stack.addWidget(view)
            self.view_made.emit(view)
        if view is not self.view:
            self.view.end()
            self._show_zoom(None)
            view.past = False
            self._show_readout("")
        self.view = view
        self._stack.setCurrentWidget(view)
        return view

    # The present and the past.

    def show_newest(self, snapshot: Snapshot) -> None:
        self.newest = snapshot
        if self.past is None:
            self.view.show_snapshot(snapshot, self.controls)
        else:
            self._say_which()

    def show_past(self, snapshot: Snapshot) -> None:
        """A recorded moment instead of the present one."""
        self.past, self.view.past = snapshot, True
        self.view.show_snapshot(snapshot, self.controls)
        self._say_which()
        self.past_changed.emit()

    def back_to_now(self) -> bool:
        """Whether it was elsewhere."""
        if self.past is None:
            return False
        self.past, self.view.past = None, False
        self.past_toast.hide()
        if self.newest is not None:
            self.view.show_snapshot(self.newest, self.controls)
        self.past_changed.emit()
        return True

    def _say_which(self) -> None:
        """Which moment it is, and what can be done about it."""
        if self.past is None:
            return
        words = f"Looking at {self.view.step_name} {self.past.step:,}"
        if described := self.view.words(self.past):
            words += f": {described}"
        if self.past_toast.isVisible() and self.past_toast.label.text() == words:
            return
        actions = (self._host.actions[name] for name in PAST)
        self.past_toast.say(words, tuple(action for action in actions if action.isVisible()), closes=False)

    def forget(self) -> None:
        """Another session: nothing of the old one is shown."""
        self.back_to_now()
        self.empty.hide()
        if not self.toast.outlasts:
            self.toast.hide()
        self.hint.hide()
        self.newest = None

    def show_empty(self) -> None:
        """Nothing is there: say what to do."""
        self._stack.setCurrentWidget(self._nothing)
        self._show_zoom(None)
        self._show_readout("")
        choices = self._host.actions["show_gallery"], self._host.actions["open_file"]
        self.empty.say("Drop a picture here, or choose one.", choices, closes=False)

    # How it is drawn.

    def _draw(self) -> None:
        self.tick.emit()
        self.view.draw()

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        self.zoom_map.set_palette(palette)
        for view in self._views.values():
            view.set_palette(palette)
        self.readout.setStyleSheet(
            f"background: {palette.raised}; color: {palette.text}; border: 1px solid {palette.edge};"
            "border-radius: 4px; padding: 3px 8px;"
        )

    def _show_readout(self, text: str) -> None:
        """What the pointer is over, in words."""
        self.readout.setVisible(bool(text))
        if text:
            self.readout.setText(text)
            self.readout.adjustSize()
            self._place_readout()
            self.readout.raise_()

    def _show_zoom(self, zoomed: Zoomed | None) -> None:
        canvas = self.view.canvas
        if zoomed is None or canvas is None or self._stack.currentWidget() is self._nothing:
            self.zoom_map.show_zoom(None, self.rect())
        else:
            native = canvas.native
            self.zoom_map.show_zoom(zoomed, QRect(native.mapTo(self, QPoint()), native.size()))
            for toast in (self.hint, self.past_toast):
                toast.raise_()

    def _place_readout(self) -> None:
        self.readout.move(2 * GRID, self.height() - self.readout.height() - 2 * GRID)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Resize and self.readout.isVisible():
            self._place_readout()
        return False

    def close_views(self) -> None:
        for toast in (self.toast, self.past_toast, self.empty, self.hint):
            toast.hide()
        self.pace.stop()
        for view in self._views.values():
            view.close_view()
