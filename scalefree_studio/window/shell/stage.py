"""The middle of the window: the view of what goes on, and what is said over it."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QLabel, QStackedLayout, QWidget

from ..views.registry import VIEWS
from ..views.view import Host, View
from ..widgets.theme import GRID, Palette, tabular
from ..widgets.toast import Toast
from .pace import Pace


class Stage(QWidget):
    """Holds a view a kind of snapshot, made when it is first needed, and shows one of them."""

    tick = pyqtSignal()  # the view is about to be drawn: the moment to give it what is new
    made = pyqtSignal(object)  # another view is there

    def __init__(self, host: Host):
        super().__init__()
        self.pace = Pace(self._draw, self)
        self._host = replace(host, draw_soon=self.pace.ask)
        self._views: dict[str, View] = {}
        self._palette: Palette | None = None
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self.view = View(self._host)  # of nothing
        self._stack.addWidget(self.view)
        self.empty = Toast(self, "empty")
        self.toast = Toast(self)
        self.past = Toast(self, "past")
        self.reading = QLabel(self)  # what the pointer is over
        self.reading.setObjectName("reading")
        self.reading.setFont(tabular(self.reading.font()))
        self.reading.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.reading.hide()
        self.installEventFilter(self)

    def take_view(self, kind: str) -> View:
        """The view of a kind of snapshot, on the stage from now on."""
        view = self._views.get(kind)
        if view is None:
            view = self._views[kind] = VIEWS[kind](self._host)
            view.read.connect(self._read)
            if self._palette is not None:
                view.set_palette(self._palette)
            self._stack.addWidget(view)
            self.made.emit(view)
        if view is not self.view:
            self.view.end()
            self._read("")
        self.view = view
        self._stack.setCurrentWidget(view)
        return view

    def _draw(self) -> None:
        self.tick.emit()
        self.view.draw()

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        for view in self._views.values():
            view.set_palette(palette)
        self.reading.setStyleSheet(
            f"background: {palette.raised}; color: {palette.text}; border: 1px solid {palette.edge};"
            "border-radius: 4px; padding: 3px 8px;"
        )

    def _read(self, text: str) -> None:
        """Tell in words what the pointer is over."""
        self.reading.setVisible(bool(text))
        if text:
            self.reading.setText(text)
            self.reading.adjustSize()
            self._place_reading()
            self.reading.raise_()

    def _place_reading(self) -> None:
        self.reading.move(2 * GRID, self.height() - self.reading.height() - 2 * GRID)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Resize and self.reading.isVisible():
            self._place_reading()
        return False

    def close_views(self) -> None:
        for toast in (self.toast, self.past, self.empty):
            toast.hide()
        self.pace.stop()
        for view in self._views.values():
            view.close_view()
