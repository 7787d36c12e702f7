"""The command palette: a line to type in over the window, and beneath it whatever fits, with its key and its value."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QPoint, QSettings, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QMouseEvent
from PyQt6.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..widgets.finding import Entry, Hit, search
from ..widgets.hit_rows import HIT, HitRows
from ..widgets.theme import GRID, Palette

WIDEST, ROWS = 80 * GRID, 10
RECENT, REMEMBERED = "palette_recent", 12
HELP = "Type a few letters of a name; add a value to set a control: circ 12"
NOTHING = "Nothing matches. Try fewer letters."
MOVES = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS, Qt.Key.Key_PageUp: -ROWS}
CHOOSES = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Line(QLineEdit):
    """Keys that mean something in the palette are the palette's, whatever they do in the window."""

    pressed = pyqtSignal(QKeyEvent)

    def __init__(self, closing: list[QKeySequence]):
        super().__init__()
        self._closing = closing
        self.setObjectName("finder")
        self.setPlaceholderText("A command or a control")
        self.setAccessibleName("Find a command or control")

    def wants(self, event: QKeyEvent) -> bool:
        ours = (*MOVES, *CHOOSES, Qt.Key.Key_Escape, Qt.Key.Key_Tab)
        return event.key() in ours or self.closes(event)

    def closes(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape or QKeySequence(event.keyCombination()) in self._closing

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QKeyEvent) and self.wants(event):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.pressed.emit(event)
                return True
        return super().event(event)


class CommandPalette(QFrame):
    """`found` is asked anew whenever something is typed: what can be done changes by itself."""

    def __init__(
        self,
        over: QWidget,
        settings: QSettings,
        found: Callable[[], list[Entry]],
        closing: list[QKeySequence],
    ):
        super().__init__(over)
        self.setObjectName("toast")
        self._settings, self._found = settings, found
        self._before: QWidget | None = None  # had the keys
        self.line = Line(closing)
        self.line.pressed.connect(self._press)
        self.line.textEdited.connect(lambda _: self._search())
        self.list = QListWidget()
        self.list.setObjectName("finder")
        self.list.setAccessibleName("Matches")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows = HitRows(self.list)
        self.list.setItemDelegate(self.rows)
        self.list.currentItemChanged.connect(lambda *_: self._describe())
        self.list.itemEntered.connect(self.list.setCurrentItem)
        self.list.itemClicked.connect(lambda _: self._choose())
        self.foot = QLabel()
        self.foot.setWordWrap(True)
        self.foot.setProperty("soft", True)
        self.foot.setContentsMargins(round(1.5 * GRID), 0, GRID, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, GRID, GRID, GRID)
        column.setSpacing(GRID)
        for part in (self.line, self.list, self.foot):
            column.addWidget(part)
        over.installEventFilter(self)
        self.hide()

    # Opening and closing.

    def open(self, typed: str = "") -> None:
        if self.isHidden():
            self._before = QApplication.focusWidget()
        self.show()
        self.raise_()
        self._type(typed)
        self.line.setFocus()
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def close_and(self, act: Callable[[], object] | None = None) -> None:
        """Give the keys back; then do what was chosen, as if it had been chosen there."""
        if self._before is not None and self._before.isVisible():
            self._before.setFocus()
        else:
            self.line.clearFocus()
        self.hide()
        if act is not None:
            QTimer.singleShot(0, lambda: act())  # once this is gone: it may show something of its own

    def hideEvent(self, event: QHideEvent | None) -> None:
        self._before = None
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
        super().hideEvent(event)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """A click elsewhere closes it; the window's size moves it."""
        if event is None or self.isHidden():
            return False
        if event.type() == QEvent.Type.Resize and watched is self.parentWidget():
            self._place()
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonPress:
            self._pressed_at(event.globalPosition().toPoint())
        return False

    def _pressed_at(self, place: QPoint) -> None:
        if not self.rect().contains(self.mapFromGlobal(place)):
            self.close_and()

    # What is found.

    def _type(self, text: str) -> None:
        self.line.setText(text)
        self._search()

    def _search(self) -> None:
        hits = search(self.line.text(), self._found(), self._recent())
        self.list.clear()
        for hit in hits:
            item = QListWidgetItem(self.rows.spoken(hit))
            item.setData(HIT, hit)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self._describe()
        self._place()

    @property
    def hit(self) -> Hit | None:
        """The one that Enter would choose."""
        item = self.list.currentItem()
        return None if item is None else item.data(HIT)

    def _describe(self) -> None:
        hit = self.hit
        text = (NOTHING if self.line.text().strip() else HELP) if hit is None else hit.trouble or about(hit)
        wrong = bool(hit is not None and hit.trouble and hit.value)
        self.foot.setText(text)
        if bool(self.foot.property("danger")) != wrong:
            self.foot.setProperty("danger", wrong)
            self.foot.setProperty("soft", not wrong)
            style = self.foot.style()
            if style is not None:
                style.polish(self.foot)
        self._place()

    def _place(self) -> None:
        over = self.parentWidget()
        if over is None:
            return
        width = min(WIDEST, over.width() - 4 * GRID)
        rows = max(1, min(ROWS, self.list.count(), (over.height() - 26 * GRID) // self.rows.height))
        self.list.setFixedHeight(rows * self.rows.height if self.list.count() else 0)
        self.setFixedWidth(width)
        self.foot.setMinimumHeight(0)  # which would be measured along
        words = self.foot.heightForWidth(width - 2 * GRID)
        self.foot.setFixedHeight(
            max(words, 2 * self.foot.fontMetrics().lineSpacing() + 4)
        )  # few rows make it jump
        self.adjustSize()
        self.move((over.width() - width) // 2, 6 * GRID)

    # What is chosen.

    def _press(self, event: QKeyEvent) -> None:
        if self.line.closes(event):
            self.close_and()
        elif event.key() in CHOOSES:
            self._choose()
        elif event.key() == Qt.Key.Key_Tab:
            if self.hit is not None:
                self._type(self._named(self.hit))
        else:
            row = self.list.currentRow() + MOVES[Qt.Key(event.key())]
            self.list.setCurrentRow(max(0, min(self.list.count() - 1, row)))

    def _named(self, hit: Hit) -> str:
        """Its whole name, and its value, or room for one."""
        return f"{hit.entry.title}: {hit.value}" if hit.entry.take is not None else hit.entry.title

    def _choose(self) -> None:
        """Do it; what wants a value first is asked for one, and what cannot be done stays, with the reason."""
        hit = self.hit
        if hit is None or hit.trouble:
            return
        if hit.act is None:
            self._type(self._named(hit))
            return
        if hit.entry.remembered:
            self._remember(hit.entry.name)
        self.close_and(hit.act)

    def _recent(self) -> list[str]:
        kept = self._settings.value(RECENT, [])
        return [kept] if isinstance(kept, str) else [str(name) for name in kept or []]

    def _remember(self, name: str) -> None:
        self._settings.setValue(RECENT, [name, *(n for n in self._recent() if n != name)][:REMEMBERED])

    def set_palette(self, palette: Palette) -> None:
        self.rows.palette_ = palette
        self.list.viewport().update()  # type: ignore[union-attr]


def about(hit: Hit) -> str:
    """What it does; and where a value is missing, what that must be."""
    missing = hit.entry.wants and not hit.value
    return f"{hit.entry.help}\nAdd a value: {hit.entry.wants}." if missing else hit.entry.help
