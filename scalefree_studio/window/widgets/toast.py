"""A calm strip over the picture: one sentence, and perhaps what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer
from PyQt6.QtGui import QAction, QHideEvent, QKeyEvent
from PyQt6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from .theme import GRID

SHOWN, A_LETTER = 8_000, 60  # ms: at least so long, and so long as it takes to read …
A_CHOICE = 12_000  # … and to decide

Choice = QAction | tuple[str, Callable[[], object]]  # a command, or what a button says and does


class Toast(QFrame):
    """Lies over the upper edge of another widget, in the middle."""

    def __init__(self, over: QWidget, kind: str = "word"):
        super().__init__(over)
        self.setObjectName("toast")
        self.setProperty("kind", kind)
        self.kind = kind
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        self.row.setSpacing(GRID)
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.row.addWidget(self.label)
        self._closes = False
        self._buttons: list[QWidget] = []
        self.outlasts = False  # is about more than what is open, so it stays when something else is
        self.choices: Sequence[Choice] = ()  # that are offered
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._go)
        over.installEventFilter(self)
        self.hide()

    def say(
        self,
        text: str,
        choices: Sequence[Choice] = (),
        closes: bool = True,
        stays: bool = False,
        outlasts: bool = False,
    ) -> None:
        """Show a sentence, and a button a choice. What `closes` goes by a click, by Escape or by a choice; and, unless
        it `stays`, by itself after a while. What `outlasts` is there still when something else is opened."""
        self._let_go()
        self.label.setText(text)
        self._drop_choices()
        self._closes, self.choices, self.outlasts = closes, choices, outlasts
        for n, choice in enumerate(choices):
            self._add(ChoiceButton(choice, n == 0, self.hide if closes else None))
        self._timer.stop()
        if closes:
            self._add(self._close_button())
            if not stays:
                self._timer.start(max(SHOWN, A_LETTER * len(text)) + A_CHOICE * bool(choices))
        self.place()
        self.show()
        self.raise_()

    def _close_button(self) -> QToolButton:
        close = QToolButton()
        close.setText("×")
        close.setToolTip("Close (Escape)")
        close.setAccessibleName("Close this message")
        close.setProperty("flat", True)
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.clicked.connect(self.hide)
        return close

    def end_passing(self) -> bool:
        """Close it, if it is there and can be closed; whether it was."""
        closed = self._closes and not self.isHidden()
        if closed:
            self.hide()
        return closed

    def _go(self) -> None:
        """By itself: but not from under a person's hand."""
        if self.underMouse() or self._focused() is not None:
            self._timer.start(A_CHOICE)
        else:
            self.hide()

    def hideEvent(self, event: QHideEvent | None) -> None:
        self._timer.stop()
        self._let_go()
        if self.isHidden():  # and not only the window that it is in
            self._drop_choices()
        super().hideEvent(event)

    def _drop_choices(self) -> None:
        """What they would do may keep a whole network in memory."""
        for button in self._buttons:
            self.row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons, self.choices = [], ()

    def _focused(self) -> QWidget | None:
        focused = QApplication.focusWidget()
        return focused if focused is not None and self.isAncestorOf(focused) else None

    def _let_go(self) -> None:
        """Or Qt passes the keys on to some field, which then takes what is typed."""
        if focused := self._focused():
            focused.clearFocus()

    def _add(self, button: QPushButton | QToolButton) -> None:
        self.row.addWidget(button)
        button.show()  # at once, not when the loop comes to it: what is hidden gets no room
        self._buttons.append(button)

    def place(self) -> None:
        over = self.parentWidget()
        if over is None:
            return
        room = over.width() - 4 * GRID
        metrics = self.label.fontMetrics()
        beside = sum(b.sizeHint().width() + GRID for b in self._buttons) + 4 * GRID
        wish = metrics.horizontalAdvance(self.label.text()) + GRID
        self.label.setFixedWidth(max(8 * GRID, min(wish, room - beside, 80 * GRID)))
        self.label.setMinimumHeight(0)  # which would be measured along
        self.label.setFixedHeight(max(self.label.heightForWidth(self.label.width()), 3 * GRID))
        self.adjustSize()
        top = 2 * GRID if self.kind == "word" else over.height() - self.height() - 2 * GRID
        self.move((over.width() - self.width()) // 2, top)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Resize and self.isVisible():
            self.place()
        return False


class ChoiceButton(QPushButton):
    """What may be done now; the primary one stands out. Tab reaches it, Return and Space press it."""

    def __init__(self, choice: Choice, primary: bool, chosen: Callable[[], object] | None = None):
        text, do = (choice.text(), choice.trigger) if isinstance(choice, QAction) else choice
        super().__init__(text)
        if isinstance(choice, QAction):
            self.setToolTip(choice.toolTip())
        self.setProperty("primary", primary)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(True)
        if chosen is not None:
            self.clicked.connect(lambda: chosen())  # first, as what is done may say something else
        self.clicked.connect(lambda: do())

    def event(self, event: QEvent | None) -> bool:
        """While it has the keys, Space is no command of the window."""
        override = event is not None and event.type() == QEvent.Type.ShortcutOverride
        if override and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space:
            event.accept()
            return True
        return super().event(event)
