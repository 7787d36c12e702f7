"""Everything that can be done, declared once: menus, buttons, keys and the F1 page are made from this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMenu, QMenuBar, QWidget

from .icons import icon
from .theme import Palette


@dataclass(frozen=True)
class Deed:
    name: str  # of a method of the view or of Deeds, and of the action
    menu: str
    text: str
    help: str
    keys: str = ""
    checkable: bool = False
    apart: bool = False  # a line above it in its menu
    repeats: bool = False
    short: str = ""  # on a narrow button
    icon: str = ""


DEEDS = (
    Deed("open_file", "File", "Open…", "A picture, a model or a run, from a file", "Ctrl+O"),
    Deed("open_run", "File", "Open a folder…", "Go on with a run where it was, or learn from a folder of pictures",
         "Ctrl+Shift+O"),
    Deed("show_gallery", "File", "Gallery…", "Built-in pictures, and recent runs", "G", icon="gallery"),
    Deed("paste", "File", "Paste", "Learn the picture, or the file, that is on the clipboard", "Ctrl+V"),
    Deed("save_now", "File", "Save now", "Keep the model as it is now (it is also kept every few seconds)", "Ctrl+S",
         apart=True),
    Deed("export_picture", "File", "Export picture…", "The learned picture at any size, as PNG", "Ctrl+E"),
    Deed("export_movie", "File", "Export movie…", "What was recorded, as a movie of any size", "Ctrl+M"),
    Deed("leave", "File", "Stop, save and leave", "The same as closing the window", "Escape", apart=True),
    Deed("undo", "Edit", "Undo", "Take back the last change", "Ctrl+Z", icon="undo"),
    Deed("add_line", "Edit", "Add a line", "One more line, where the error is", "L", apart=True, repeats=True,
         short="Add line", icon="line"),
    Deed("add_circle", "Edit", "Add a circle", "One more circle, where the error is", "C", repeats=True,
         short="Add circle", icon="circle"),
    Deed("delete_unit", "Edit", "Delete", "Remove the selected line or circle", "Delete", icon="delete"),
    Deed("select_none", "Edit", "Select nothing", "Let go of the selected line or circle", "Ctrl+D"),
    Deed("brush", "Edit", "Brush", "Paint where detail matters", "B", checkable=True, apart=True, icon="brush"),
    Deed("brush_smaller", "Edit", "Smaller brush", "Also Shift and the wheel", "[", repeats=True),
    Deed("brush_larger", "Edit", "Larger brush", "Also Shift and the wheel", "]", repeats=True),
    Deed("clear_mask", "Edit", "Clear what was painted", "Every part matters alike again"),
    Deed("keep_top", "Edit", "Keep the upper half", "Draw the lower half of a picture in other ways", "U",
         apart=True, short="Keep top", icon="top"),
    Deed("keep_left", "Edit", "Keep the left half", "Draw the right half of a picture in other ways", "I",
         short="Keep left", icon="left"),
    Deed("play", "Run", "Pause", "Pause and go on", "Space", icon="pause"),
    Deed("single_step", "Run", "Step", "One single step", ".", repeats=True, icon="step"),
    Deed("restart", "Run", "Start over", "Begin again with the same settings", "Ctrl+R", icon="restart"),
    Deed("next_wall", "Run", "Draw others", "Other pictures, from the next seed", "X", short="Others", icon="others"),
    Deed("record", "Run", "Record", "Keep what happens, for looking back and for movies", "R", checkable=True,
         icon="record"),
    Deed("to_now", "Run", "Back to now", "Stop looking at the past", "N", apart=True),
    Deed("go_on_from_here", "Run", "Continue from here", "Go on from the moment that is looked at", "Ctrl+Return"),
    Deed("next_mode", "View", "Next view", "Another way to look: those named at the top, in turn", "V"),
    Deed("overlay", "View", "Lines and circles", "Show the lines and circles over the picture", "O", checkable=True,
         short="Overlay", icon="overlay"),
    Deed("fit", "View", "Fit", "The whole picture in view", "F", icon="fit"),
    Deed("zoom_in", "View", "Nearer", "As deep as you like: it is a function, not pixels", "+", repeats=True),
    Deed("zoom_out", "View", "Farther", "Also beyond the picture's border", "-", repeats=True),
    Deed("recent_curves", "View", "Only recent curves", "The curves of the last quarter of the steps", "A",
         checkable=True, apart=True, short="Recent"),
    Deed("show_panel", "View", "Controls", "Show the controls on the right", "F9", checkable=True),
    Deed("show_bottom", "View", "Curves", "Show the curves at the bottom", "F10", checkable=True),
    Deed("theme", "View", "Light or dark", "Change between the two themes", "T", apart=True, short="Theme",
         icon="theme"),
    Deed("full_screen", "View", "Full screen", "The whole screen", "F11", checkable=True),
    Deed("keys", "Help", "Keys and mouse", "What every key does", "F1"),
    Deed("about", "Help", "About Scalefree Studio", "Version and licence"),
)  # fmt: skip


def make_actions(window: QWidget, do: Callable[..., object]) -> dict[str, QAction]:
    """A QAction for every deed, which calls `do` with its name, and whether it is on if it can be."""
    actions = {}
    for deed in DEEDS:
        action = QAction(window)
        action.setObjectName(deed.name)
        action.setCheckable(deed.checkable)
        action.setAutoRepeat(deed.repeats)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        if deed.keys:
            keys = [QKeySequence(deed.keys)]
            if deed.keys == "Delete":
                keys.append(QKeySequence("Backspace"))
            if deed.keys == "+":
                keys.append(QKeySequence("="))
            action.setShortcuts(keys)
        call(action, deed)
        if deed.checkable:
            action.triggered.connect(lambda on, name=deed.name: do(name, on))
        else:
            action.triggered.connect(lambda _=False, name=deed.name: do(name))
        window.addAction(action)
        actions[deed.name] = action
    return actions


def call(action: QAction, deed: Deed, otherwise: str = "", help: str = "") -> None:
    """Call it as the deed is called, or otherwise; and so with its help."""
    action.setText(otherwise or deed.text)
    action.setIconText((otherwise or deed.short or deed.text).rstrip("…"))
    keys = f" ({key_text(action)})" if deed.keys else ""
    action.setToolTip(f"{help or deed.help}{keys}")
    action.setStatusTip(help or deed.help)


def dress(actions: dict[str, QAction], palette: Palette) -> None:
    """Their pictograms, in the colours of a palette."""
    for deed in DEEDS:
        if deed.icon:
            actions[deed.name].setIcon(icon(deed.icon, palette))


def key_text(action: QAction) -> str:
    """The action's key as this system writes it."""
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def fill_menus(bar: QMenuBar, actions: dict[str, QAction]) -> dict[str, QMenu]:
    menus: dict[str, QMenu] = {}
    for deed in DEEDS:
        if deed.menu not in menus:
            menu = bar.addMenu(f"&{deed.menu}")  # opened by Alt and its first letter
            assert menu is not None
            menus[deed.menu] = menu
        if deed.apart:
            menus[deed.menu].addSeparator()
        menus[deed.menu].addAction(actions[deed.name])
    return menus
