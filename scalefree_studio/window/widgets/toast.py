"""A calm strip over the picture: one sentence, and perhaps what can be done about it."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer
from PyQt6.QtGui import QAction, QHideEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from .fields import offer
from .theme import GRID

SHOWN, A_LETTER = 8_000, 60  # ms: at least so long, and so long as it takes to read


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
        self._buttons: list[QWidget] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        over.installEventFilter(self)
        self.hide()

    def say(self, text: str, choices: tuple[QAction, ...] = (), closes: bool = True) -> None:
        """Show a sentence; what `closes` goes by itself after a while, or by a click."""
        self.label.setText(text)
        for button in self._buttons:
            self.row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        for n, action in enumerate(choices):
            self._add(offer(action, primary=n == 0))
        if closes:
            close = QToolButton()
            close.setText("×")
            close.setToolTip("Close")
            close.setAccessibleName("Close this message")
            close.setProperty("flat", True)
            close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            close.clicked.connect(self.hide)
            self._add(close)
            self._timer.start(max(SHOWN, A_LETTER * len(text)))
        self.place()
        self.show()
        self.raise_()

    def hideEvent(self, event: QHideEvent | None) -> None:
        self._timer.stop()
        super().hideEvent(event)

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
