"""Both themes can be read: the contrast that WCAG 2 asks for at level AA, computed."""

from __future__ import annotations

import dataclasses
import re

import pytest
from PyQt6.QtWidgets import QDialog, QPushButton
from pytestqt.qtbot import QtBot

from scalefree_studio.window.widgets.theme import DARK, LIGHT, Palette, contrast, style_sheet

GROUNDS = ("window", "panel", "raised", "hover")
both = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda p: p.name)


def test_the_ratio_itself() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(
        4.48, abs=0.01
    )  # as the standard's own examples have it
    assert contrast("#123456", "#123456") == 1


@both
@pytest.mark.parametrize("role", ["text", "soft", "accent", "danger"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_words_are_legible_everywhere(palette: Palette, role: str, ground: str) -> None:
    assert contrast(getattr(palette, role), getattr(palette, ground)) >= 4.5


@both
def test_words_on_the_accent(palette: Palette) -> None:
    assert contrast(palette.on_accent, palette.accent) >= 4.5


@both
@pytest.mark.parametrize("ground", ["window", "panel", "raised"])
@pytest.mark.parametrize("role", ["edge", "accent"])
def test_controls_are_seen(palette: Palette, role: str, ground: str) -> None:
    assert contrast(getattr(palette, role), getattr(palette, ground)) >= 3


@both
def test_the_style_sheet_has_no_colour_of_its_own(palette: Palette) -> None:
    sheet = style_sheet(palette)
    assert "@" not in sheet
    ours = {getattr(palette, f.name) for f in dataclasses.fields(palette)}
    assert set(re.findall(r"#[0-9a-f]{6}\b", sheet)) <= ours


@both
def test_no_state_changes_the_width_of_words(palette: Palette) -> None:
    """Qt measures a button as it is without: it would be cut."""
    for selectors, body in re.findall(r"([^{}]+){([^}]*)}", style_sheet(palette)):
        assert ":" not in selectors or "font" not in body


@both
def test_what_cannot_be_pressed_looks_so(palette: Palette, qtbot: QtBot) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    dialog.setStyleSheet(style_sheet(palette))
    button = QPushButton("Export…", dialog)
    button.setDefault(True)

    def ground() -> str:
        return dialog.grab().toImage().pixelColor(button.width() // 2, 4).name()

    assert ground() == palette.accent
    button.setEnabled(False)
    assert ground() == palette.window
