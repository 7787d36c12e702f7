"""Everything that can be done, declared once: menus, buttons, keys and the F1 page are made from this list."""

from __future__ import annotations

import functools
from collections.abc import Callable

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu, QMenuBar, QWidget

from ..views.registry import all_views
from ..widgets.command import Command, key_text
from ..widgets.icons import icon
from ..widgets.theme import Palette

WHY_NOT = "why_not"  # of an action: why its command cannot be given just now
COMMANDS = (
    Command("open_file", "File", "Open…", "A picture, a model or a run, from a file", "Ctrl+O"),
    Command("open_run", "File", "Open a folder…", "Continue a run, or learn from a folder of pictures",
         "Ctrl+Shift+O"),
    Command("show_gallery", "File", "Gallery…", "Built-in pictures, and recent runs", "G", icon="gallery"),
    Command("show_tokens", "File", "Colours as tokens…", "Your own picture in every kind of token, side by side",
         "K"),
    Command("rename_run", "File", "Rename this run…", "Rename the open run and its folder", "F2", apart=True),
    Command("delete_run", "File", "Delete this run", "Move the open run to the bin; the notice has an Undo button",
         destroys=True),
    Command("show_run", "File", "Show in folder", "Show the files of the open run"),
    Command("paste", "File", "Paste", "Learn the picture or file on the clipboard", "Ctrl+V", apart=True),
    Command("save_now", "File", "Save now", "Save the model as it is now (it is also saved every few seconds)",
         "Ctrl+S", apart=True),
    Command("copy_picture", "File", "Copy", "Copy what you see to the clipboard, as a picture", "Ctrl+C"),
    Command("export_picture", "File", "Export picture…", "What you see, or everything, at any size", "Ctrl+E"),
    Command("export_again", "File", "Export again", "At once, to the same folder with the same settings, under a "
         "new name", "Ctrl+Shift+E"),
    Command("export_movie", "File", "Export movie…", "Turn the recording into a movie of any size", "Ctrl+M"),
    Command("escape", "File", "Back out, or quit", "First closes a notice, the brush, a selection, the past or full "
         "screen. With none of these: stop, save and quit", "Escape", apart=True),
    Command("leave", "File", "Quit", "Stop, save and close the window", "Ctrl+Q"),
    Command("undo", "Edit", "Undo", "Undo the last change", "Ctrl+Z", icon="undo"),
    Command("redo", "Edit", "Redo", "Redo what was undone", "Ctrl+Shift+Z", also=("Ctrl+Y",)),
    Command("add_line", "Edit", "Add a line", "One more line, where the error is", "L", apart=True, repeats=True,
         short="Add line", icon="line"),
    Command("add_circle", "Edit", "Add a circle", "One more circle, where the error is", "C", repeats=True,
         short="Add circle", icon="circle"),
    Command("add_cell", "Edit", "Add a cell", "One more cell, where the error is", "Shift+C", repeats=True,
         short="Add cell", icon="cell"),
    Command("delete_unit", "Edit", "Delete", "Remove the selected line, circle or cell", "Delete", icon="delete",
         also=("Backspace",)),
    Command("select_none", "Edit", "Deselect", "Deselect the line, circle or cell", "Ctrl+D"),
    Command("brush", "Edit", "Brush", "Paint where detail matters", "B", checkable=True, apart=True, icon="brush"),
    Command("brush_smaller", "Edit", "Smaller brush", "Also Shift and the wheel", "[", repeats=True),
    Command("brush_larger", "Edit", "Larger brush", "Also Shift and the wheel", "]", repeats=True),
    Command("clear_mask", "Edit", "Clear painted parts", "Every part matters equally again"),
    Command("keep_top", "Edit", "Keep the top half", "Keep the top half of a picture and redraw the rest", "U",
         apart=True, short="Keep top", icon="top"),
    Command("keep_left", "Edit", "Keep the left half", "Keep the left half of a picture and redraw the rest", "I",
         short="Keep left", icon="left"),
    Command("add_pictures", "Edit", "Add pictures…", "More pictures to complete, from files", "P", apart=True,
         short="Add", icon="folder"),
    Command("add_held_out", "Edit", "Held-out pictures", "Add pictures that the network never learned from", "H",
         short="Held out", icon="others"),
    Command("draw_again", "Edit", "Redraw picture", "Draw the selected picture again, with other random numbers",
         "D", short="Redraw", icon="restart"),
    Command("use_as_prompt", "Edit", "Use as prompt", "Continue its row from the selected picture", "Q",
         short="As prompt", icon="step"),
    Command("save_picture", "Edit", "Save this picture…", "Save the selected picture as a PNG", "Ctrl+Shift+S",
         short="Save", icon="download"),
    Command("cut_up", "Edit", "Keep one row less", "Move the cut up", "Alt+Up", repeats=True, apart=True),
    Command("cut_down", "Edit", "Keep one row more", "Move the cut down", "Alt+Down", repeats=True),
    Command("cut_back", "Edit", "Keep one place less", "Move the cut back by one place", "Alt+Left", repeats=True),
    Command("cut_on", "Edit", "Keep one place more", "Move the cut forward by one place", "Alt+Right", repeats=True),
    Command("pick_left", "Edit", "Select left", "Select the picture to the left", "Ctrl+Left", repeats=True,
         apart=True),
    Command("pick_right", "Edit", "Select right", "Select the picture to the right", "Ctrl+Right", repeats=True),
    Command("pick_up", "Edit", "Select above", "Select the picture above", "Ctrl+Up", repeats=True),
    Command("pick_down", "Edit", "Select below", "Select the picture below", "Ctrl+Down", repeats=True),
    Command("preferences", "Edit", "Preferences…", "Where runs are kept, how the window looks, what it opens with",
         "Ctrl+,", apart=True),
    Command("play", "Run", "Pause", "Pause and continue", "Space", icon="pause"),
    Command("single_step", "Run", "Step", "A single step", ".", repeats=True, icon="step"),
    Command("restart", "Run", "Start over", "Begin again with the same settings", "Ctrl+R", icon="restart"),
    Command("next_wall", "Run", "New set", "Draw a new set of pictures, from the next seed", "X", short="New set",
         icon="others"),
    Command("search", "Run", "Search for the likeliest", "Instead of drawing by chance, keep the likeliest pictures at "
         "every place: a beam search, with its tree", short="Search", icon="fit"),
    Command("record", "Run", "Record", "Record what happens, to look back and make movies", "R", checkable=True,
         icon="record"),
    Command("to_now", "Run", "Back to now", "Stop looking at the past", "N", apart=True),
    Command("go_on_from_here", "Run", "Continue from here", "Continue from the moment you are looking at",
         "Ctrl+Return"),
    Command("next_mode", "View", "Next view", "Switch between the views named at the top", "V"),
    Command("overlay", "View", "Lines, circles, cells", "Show the lines, circles and cells over the picture", "O",
         checkable=True, short="Overlay", icon="overlay"),
    Command("looked", "View", "Where it looked", "Light up what the network looked at when it drew the pixel under "
         "the pointer, or the newest one", "W", checkable=True, short="Looked", icon="looked"),
    Command("heads_on", "View", "All heads on", "Switch every head of the network back on", "Shift+W"),
    Command("next_heat", "View", "Next heat", "Change the heat over the codes: none, how often each is used, or how "
         "far it lies from its neighbours", "J"),
    Command("next_stage", "View", "Next stage", "In a drawing with stages: the newest, each of them, or all side by "
         "side", "Shift+V"),
    Command("show_tree", "View", "Search tree", "How a beam search got here, and what it gave up", "Shift+T",
         checkable=True),
    Command("fit", "View", "Fit", "Show the whole picture", "F", icon="fit"),
    Command("zoom_in", "View", "Zoom in", "As deep as you like: it is a function, not pixels", "+", repeats=True,
         also=("=",)),
    Command("zoom_out", "View", "Zoom out", "Even beyond the picture's border", "-", repeats=True),
    Command("surprise", "View", "Surprise of a picture…", "How surprising a picture of your own is to the network, "
         "place by place", "Y", apart=True, short="Surprise", icon="surprise"),
    Command("recent_curves", "View", "Only recent curves", "Show only the last quarter of the steps", "A",
         checkable=True, apart=True, short="Recent"),
    Command("show_panel", "View", "Controls", "Show the controls on the right", "F9", checkable=True),
    Command("show_bottom", "View", "Curves", "Show the curves above the timeline", "F10", checkable=True),
    Command("theme", "View", "Light or dark", "Switch between the light and dark themes", "T", apart=True,
         short="Theme", icon="theme"),
    Command("full_screen", "View", "Full screen", "The whole screen", "F11", checkable=True),
    Command("keys", "Help", "Keys and mouse", "What every key does", "F1"),
    Command("find_command", "Help", "Find a command or control…", "Find anything you can do or set, by a few "
         "letters of its name", "Ctrl+Shift+P", also=("F3",)),
    Command("about", "Help", "About Scalefree Studio", "Version and licence"),
)  # fmt: skip


@functools.cache
def all_commands() -> tuple[Command, ...]:
    """Ours, and those that views of other people's instruments bring along."""
    ours = {command.name: command for command in COMMANDS}
    theirs = {command.name: command for view in all_views() for command in view.commands}
    return tuple({**ours, **theirs, **ours}.values())


def make_actions(window: QWidget) -> dict[str, QAction]:
    """A QAction of the window for every command."""
    actions = {}
    for command in all_commands():
        action = QAction(window)
        action.setObjectName(command.name)
        action.setCheckable(command.checkable)
        action.setAutoRepeat(command.repeats)
        context = Qt.ShortcutContext
        action.setShortcutContext(
            context.ApplicationShortcut if command.name == "leave" else context.WindowShortcut
        )
        action.setShortcuts(command.shortcuts())
        name_action(action, command)
        window.addAction(action)
        actions[command.name] = action
    return actions


def connect_actions(actions: dict[str, QAction], do: Callable[..., object]) -> None:
    """Each calls `do` with its name, and whether it is on if it can be."""
    for command in all_commands():
        triggered = actions[command.name].triggered
        if command.checkable:
            triggered.connect(lambda on, name=command.name: do(name, on))
        else:
            triggered.connect(lambda _=False, name=command.name: do(name))


def name_action(action: QAction, command: Command, name: str = "", help: str = "") -> None:
    """With the name and help of the command, or with others."""
    action.setText(name or command.text)
    action.setIconText((name or command.short or command.text).rstrip("…"))
    action.setStatusTip(help or command.help)
    _hint(action)


def allow(action: QAction, why_not: str) -> None:
    """Let a command be given, or say why it cannot be given just now."""
    action.setEnabled(not why_not)
    if why_not != (action.property(WHY_NOT) or ""):
        action.setProperty(WHY_NOT, why_not)
        _hint(action)


def _hint(action: QAction) -> None:
    keys, why_not = key_text(action), action.property(WHY_NOT)
    hint = f"{action.statusTip()} ({keys})" if keys else action.statusTip()
    action.setToolTip(f"{hint}\n\n{why_not}" if why_not else hint)


def name_undo(actions: dict[str, QAction], undone: str, redone: str) -> None:
    """By what they would take back, and make again."""
    for name, what in (("undo", undone), ("redo", redone)):
        command = next(command for command in COMMANDS if command.name == name)
        text = f"{command.text}: {what}" if what else command.text
        if actions[name].text() != text:
            actions[name].setText(text)
            actions[name].setStatusTip((what or command.help).capitalize())
            _hint(actions[name])


def show_icons(actions: dict[str, QAction], palette: Palette) -> None:
    """Their pictograms, in the colours of a palette."""
    for command in all_commands():
        if command.icon:
            actions[command.name].setIcon(icon(command.icon, palette))


def fill_menus(bar: QMenuBar, actions: dict[str, QAction]) -> dict[str, QMenu]:
    menus: dict[str, QMenu] = {}
    for command in all_commands():
        if command.menu not in menus:
            menu = bar.addMenu(f"&{command.menu}")  # opened by Alt and its first letter
            assert menu is not None
            menus[command.menu] = menu
        if command.apart:
            menus[command.menu].addSeparator()
        menus[command.menu].addAction(actions[command.name])
    return menus
