"""How the window looks: two palettes, and the style sheet that follows from one.

Every colour on screen comes from a palette, also those of what is painted by hand (curves, sliders, icons) and of the
canvas. Lengths are multiples of 8 pixels, or of 4 within a control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPalette, QPen
from PyQt6.QtWidgets import QApplication, QWidget

from ...canvas.colours import Colours

GRID = 8
Name = Literal["dark", "light"]


@dataclass(frozen=True)
class Palette:
    """Colours by what they are for. Text reads at 4.5 : 1 or better on every ground; an edge is seen at 3 : 1."""

    name: Name
    window: str  # grounds, from the lowest to the highest
    panel: str
    raised: str
    hover: str
    line: str  # between areas: only felt
    edge: str  # round a control: seen
    text: str
    soft: str  # text of less weight
    accent: str
    on_accent: str
    danger: str

    def colour(self, role: str, alpha: float = 1.0) -> QColor:
        colour = QColor(getattr(self, role))
        colour.setAlphaF(alpha)
        return colour

    @property
    def colours(self) -> Colours:
        """The same colours for the canvas."""
        if self.name == "dark":
            return Colours(background=self.window, gap=self.line, accent="#ffe2b8", selected=self.accent)
        return Colours(
            background=self.window, gap=self.line, border="#6d665b66", accent="#7a3200", selected=self.accent
        )


DARK = Palette(
    name="dark", window="#0f1318", panel="#161b22", raised="#1f262f", hover="#29323d", line="#262e38", edge="#66717e",
    text="#e4e8ed", soft="#a2adba", accent="#f2b25c", on_accent="#1b1206", danger="#ff8f85",
)  # fmt: skip
LIGHT = Palette(
    name="light", window="#f3efe6", panel="#faf8f3", raised="#ffffff", hover="#ebe5d8", line="#ddd6c7", edge="#857d6f",
    text="#23211d", soft="#5d574d", accent="#a0480c", on_accent="#fffaf3", danger="#b3261e",
)  # fmt: skip
PALETTES: dict[str, Palette] = {"dark": DARK, "light": LIGHT}


@runtime_checkable
class Themed(Protocol):
    """What is painted by hand, and so is told of another palette."""

    def set_palette(self, palette: Palette) -> None: ...


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(text: str) -> float:
    def linear(byte: int) -> float:
        c = byte / 255
        return c / 12.92 if c <= 0.04045 else float(((c + 0.055) / 1.055) ** 2.4)

    r, g, b = (linear(byte) for byte in bytes.fromhex(text.removeprefix("#")))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def tabular(font: QFont) -> QFont:
    """The same font with all figures equally wide, so that changing numbers do not dance."""
    font = QFont(font)
    if hasattr(QFont, "Tag"):  # Qt 6.7
        font.setFeature(QFont.Tag("tnum"), 1)
    return font


def scaled(font: QFont, times: float) -> QFont:
    font = QFont(font)
    font.setPointSizeF(font.pointSizeF() * times)
    return font


def focus_ring(widget: QWidget, painter: QPainter, palette: Palette, inset: float = 1.0) -> None:
    """Round a widget that is painted by hand, while it has the keys: as the style sheet does it with all others."""
    if widget.hasFocus():
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(palette.colour("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(widget.rect()).adjusted(inset, inset, -inset, -inset), 4, 4)
        painter.restore()


def apply(app: QApplication, palette: Palette) -> None:
    """Give the whole program a palette."""
    app.setStyle("Fusion")  # the same on every system; the sheet below does the rest
    roles = QPalette.ColorRole
    colours = QPalette()
    for role, name in (
        (roles.Window, "panel"), (roles.Base, "raised"), (roles.AlternateBase, "panel"), (roles.Button, "raised"),
        (roles.WindowText, "text"), (roles.Text, "text"), (roles.ButtonText, "text"), (roles.PlaceholderText, "soft"),
        (roles.Highlight, "accent"), (roles.HighlightedText, "on_accent"), (roles.ToolTipBase, "raised"),
        (roles.ToolTipText, "text"), (roles.Link, "accent"),
    ):  # fmt: skip
        colours.setColor(role, palette.colour(name))
    disabled = QPalette.ColorGroup.Disabled
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        colours.setColor(disabled, role, palette.colour("soft", 0.6))
    app.setPalette(colours)
    app.setStyleSheet(style_sheet(palette))


def style_sheet(p: Palette) -> str:
    """The Qt style sheet of a palette."""
    sheet = _SHEET
    for role in sorted(Palette.__dataclass_fields__, key=len, reverse=True):
        sheet = sheet.replace(f"@{role}", getattr(p, role))
    return sheet


_SHEET = """
QMainWindow, QDialog { background: @window; color: @text; }
QWidget#panel, QWidget#bar, QScrollArea#panel, QScrollArea#panel > QWidget > QWidget { background: @panel; }
QLabel { background: transparent; color: @text; }
QLabel[soft="true"] { color: @soft; }
QLabel[danger="true"] { color: @danger; }
QLabel[accent="true"] { color: @accent; }
QLabel[heading="true"] { color: @soft; font-weight: 600; }
QToolTip { background: @raised; color: @text; border: 1px solid @edge; padding: 6px 8px; }

QMenuBar { background: @panel; color: @text; padding: 0 4px; }
QMenuBar::item { padding: 6px 10px; border-radius: 6px; background: transparent; }
QMenuBar::item:selected { background: @hover; }
QMenu { background: @raised; color: @text; border: 1px solid @line; padding: 6px; }
QMenu::item { padding: 6px 32px 6px 28px; border-radius: 4px; }
QMenu::item:selected { background: @hover; }
QMenu::item:disabled { color: @edge; }
QMenu::separator { height: 1px; background: @line; margin: 6px 8px; }
QMenu::indicator { width: 8px; height: 8px; left: 10px; border-radius: 4px; }
QMenu::indicator:checked { background: @accent; }

QPushButton, QToolButton {
    background: @raised; color: @text; border: 1px solid @line; border-radius: 6px; padding: 5px 10px;
}
QPushButton:hover, QToolButton:hover { background: @hover; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QPushButton:pressed, QToolButton:pressed { border-color: @accent; }
QPushButton:focus, QToolButton:focus { border: 2px solid @accent; padding: 4px 9px; }
QPushButton:disabled, QToolButton:disabled { color: @edge; background: transparent; }
QPushButton:default, QPushButton[primary="true"] { background: @accent; color: @on_accent; border-color: @accent; }
QPushButton:default:focus, QPushButton[primary="true"]:focus { border-color: @text; }
QPushButton:default:disabled, QPushButton[primary="true"]:disabled {
    background: transparent; color: @edge; border-color: @line;
}
QToolButton[flat="true"] { background: transparent; border-color: transparent; }
QToolButton[flat="true"]:focus { border-color: @accent; }
QToolButton[small="true"] { padding: 0 8px; }
QToolButton[small="true"]:focus { padding: 0 7px; }
QFileDialog QToolButton { padding: 2px; }
QToolButton[flat="true"]:hover { background: @hover; }
QToolButton:checked { color: @accent; border-color: @accent; }
QToolButton:checked:focus { border-color: @text; }
QToolButton:checked:disabled { color: @edge; border-color: @edge; }
QToolButton[segment="true"] { border-radius: 0; padding: 4px 10px; margin: 0; }
QToolButton[segment="true"]:focus { padding: 3px 9px; }
QToolButton[segment="true"]:checked { background: @accent; color: @on_accent; }
QToolButton[segment="true"]:checked:disabled { background: @line; color: @edge; border-color: @line; }
QToolButton[tile="true"] { padding: 4px; }
QToolButton[chip="true"] { border-radius: 12px; padding: 3px 12px; border-color: @accent; }
QToolButton[place="alone"] { border-radius: 6px; }
QToolButton[place="first"] { border-top-left-radius: 6px; border-bottom-left-radius: 6px; }
QToolButton[place="last"] { border-top-right-radius: 6px; border-bottom-right-radius: 6px; }
QToolButton[place="middle"], QToolButton[place="last"] { border-left: none; }
QToolButton[place="middle"]:focus, QToolButton[place="last"]:focus { border-left: 2px solid @accent; }
QToolButton[place="middle"]:checked:focus, QToolButton[place="last"]:checked:focus { border-left-color: @text; }

QLineEdit, QComboBox {
    background: @raised; color: @text; border: 1px solid @line; border-radius: 4px; padding: 3px 6px;
    selection-background-color: @accent; selection-color: @on_accent;
}
QLineEdit:hover, QComboBox:hover { border-color: @edge; }
QLineEdit#finder { padding: 6px 8px; }
QListWidget#finder::item { padding: 0; }
QLineEdit:focus, QComboBox:focus, QPlainTextEdit:focus { border: 2px solid @accent; padding: 2px 5px; }
QLineEdit#finder:focus { padding: 5px 7px; }
QLineEdit:disabled, QComboBox:disabled { background: transparent; color: @edge; border-color: @line; }
QLineEdit[wrong="true"] { border-color: @danger; }
QLineEdit[pending="true"] { border-color: @accent; color: @accent; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { width: 0; height: 0; }
QComboBox QAbstractItemView { background: @raised; color: @text; border: 1px solid @edge; padding: 4px; }

QScrollArea { border: none; background: transparent; }
QDialog QScrollArea:focus { border: 2px solid @accent; }
QMenuBar::item:disabled, QLabel:disabled { color: @edge; }
QScrollBar:vertical { background: transparent; width: 8px; margin: 0; }
QScrollBar::handle:vertical { background: @line; border-radius: 4px; min-height: 32px; }
QScrollBar::handle:vertical:hover { background: @edge; }
QScrollBar:horizontal { background: transparent; height: 8px; margin: 0; }
QScrollBar::handle:horizontal { background: @line; border-radius: 4px; min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QSplitter { background: @line; }
QSplitter::handle { background: @line; }
QSplitter::handle:hover { background: @accent; }
QListWidget { background: transparent; color: @text; border: 2px solid transparent; outline: none; }
QListWidget:focus { border-color: @accent; border-radius: 8px; }
QListWidget#finder { border: none; }
QPlainTextEdit { background: @raised; color: @text; border: 1px solid @line; border-radius: 4px; padding: 3px 6px; }
QListWidget::item { border-radius: 8px; padding: 8px; color: @text; }
QListWidget::item:hover { background: @hover; }
QListWidget::item:selected { background: @hover; color: @text; border: 1px solid @accent; }

QProgressBar { background: @line; border: none; border-radius: 2px; max-height: 4px; }
QProgressBar::chunk { background: @accent; border-radius: 2px; }
QFrame#toast { background: @raised; border: 1px solid @edge; border-radius: 8px; }
QFrame#toast[kind="past"] { border-color: @accent; }
QFrame#rule { background: @line; max-height: 1px; min-height: 1px; border: none; }
QLabel[key="true"] {
    background: @raised; border: 1px solid @edge; border-radius: 4px; padding: 2px 8px; color: @text;
}
"""
