"""The view of a divider network: the canvas, and in the panel the selected line, circle or cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from ...canvas.brush import Brush, Mask
from ...canvas.dividers.canvas import DividerCanvas
from ...canvas.dividers.listener import Listener
from ...controls import ControlError, control, edited
from ...jobs.dividers.edits import AddUnit, MoveUnit, RemoveUnit, SetMask
from ...runs import choose_device
from ...snapshot import Array, Bytes, Change, Snapshot
from ..widgets.series import Quantity
from ..widgets.theme import GRID
from ..widgets.toast import Choice
from ..work.opening import Opened
from ..work.session import Session
from . import render
from .canvas_view import CanvasView, Painted
from .unit_editor import UnitEditor, buttons
from .units import Unit, asked_for, in_words, unit_of
from .view import Host, Mode
from .ways import Way, picture

UNSELECTED = "Select a line, circle or cell first: click it in the picture."


@dataclass(frozen=True)
class DividerDisplay:
    """What is shown, apart from what learns."""

    # fmt: off
    border: float = control(
        1.0, label="Border", help="How much around the picture the whole view shows: 3 is three times its "
        "size.",
        low=1.0, high=30.0, scale="log", live=True, group="View", unit="×",
    )
    # fmt: on


class DividerView(Painted, CanvasView):
    shows = DividerCanvas
    first_hint = "Drag a line, a circle or a cell: it moves, and learning goes on from there."
    follows = (MoveUnit,)
    instrument = "dividers"
    quantities = (
        Quantity("loss", "Loss", log=True, share=3),
        Quantity("psnr", "PSNR", "dB", share=3),
        Quantity("learning_rate", "Learning rate", log=True),
        Quantity("steps_per_second", "Speed", "steps/s"),
    )
    modes = (
        Mode("side", "Side by side", "Target and learned picture side by side"),
        Mode("swipe", "Swipe", "The learned picture over the target: drag the bar"),
        Mode("learned", "Learned", "The learned picture alone"),
    )
    tools = ("show_gallery", "overlay", "brush", "fit", "theme")
    mouse = (
        ("Wheel", "Zoom at the pointer"),
        ("Drag on empty space", "Move the picture; the middle button does so anywhere"),
        ("Double click", "The whole picture"),
        ("Click", "Select a line, circle or cell"),
        ("Drag a centre", "Move it while it learns"),
        ("Drag a line", "Move it sideways; with Shift turn it"),
        ("Drag a circle's edge", "Change its radius"),
        ("Drag a cell's edge", "Stretch it; with Shift turn it"),
        ("Drop a file", "Learn that picture, or continue that run"),
        ("Brush", "Left paints, right erases, Shift + wheel changes the size"),
    )

    def __init__(self, host: Host):
        super().__init__(host)
        self.display = DividerDisplay()
        self.canvas.listener = _Gestures(self)
        self.pictures = render.attach(self.canvas, choose_device())
        self.sharpness = 1000.0
        self._typed_gestures = -1  # gestures of typed moves count down, those of the canvas up
        self.foot = QWidget()
        foot = QVBoxLayout(self.foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(GRID)
        self.unit = UnitEditor()
        self.unit.moved.connect(self._move)
        foot.addWidget(self.unit)
        foot.addLayout(buttons(("add_line", "add_circle", "add_cell", "delete_unit", "undo"), host.actions))

    @property
    def frame(self) -> Mapping[str, Array] | None:
        return self.snapshot.frame if self.snapshot else None

    # Fed by the window.

    def begin(self, session: Session, opened: Opened) -> None:
        super().begin(session, opened)
        self.canvas.set_target(np.asarray(session.still["target"], np.uint8))
        self.canvas.show_frame(None)
        self.canvas.editable = True
        self._show_mask(session.mask)
        self.show_selected()

    def end(self) -> None:
        super().end()
        self.canvas.moving = False

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        super().show_snapshot(snapshot, controls)
        if self.past:
            self._show_mask(snapshot.frame.get("mask"))
        self.sharpness = getattr(controls, "sharpness", 1000.0)
        self.canvas.show_frame(snapshot.frame, self.sharpness)
        if self.canvas.hovered is not None:
            self.show_hovered(self.canvas.hovered)
        self.show_selected()

    def changed(self, change: Change) -> None:
        if change.what.startswith("add "):
            self.canvas.selected = change.values["unit"]  # so that one sees which it is
        elif change.what.startswith(("undo", "redo")) and self.session is not None and not self.past:
            self._show_mask(self.session.mask)

    def told_anew(self, change: Change) -> str:
        """A choice of what it is made of is told as what came of it: 64 lines."""
        told = super().told_anew(change)
        if told and self.session is not None and {"made_of", "numbers"} & change.values.keys():
            return f"{self.begun_anew} with {asked_for(self.session.job.controls)}."
        return told

    def _show_mask(self, mask: Array | None) -> None:
        """What is painted, as the job has it."""
        self.canvas.mask = None if mask is None else np.asarray(mask, np.float32)

    def show_state(self, playing: bool, past: bool) -> None:
        self.canvas.moving = playing and not past
        if self.canvas.editable == past:
            self.canvas.editable = not past
            if not past and self.session is not None:
                self._show_mask(self.session.mask)

    def words(self, snapshot: Snapshot) -> str:
        words = in_words(snapshot.frame)
        return f"{words}, {snapshot.metrics['psnr']:.1f} dB" if "psnr" in snapshot.metrics else words

    def result(self, snapshot: Snapshot) -> str:
        return f"{snapshot.metrics['psnr']:.1f} dB" if "psnr" in snapshot.metrics else ""

    def next_steps(self) -> tuple[Choice, ...]:
        more = ("add_cell",) if "cell_centre" in (self.frame or {}) else ("add_line", "add_circle")
        return tuple(self.host.actions[name] for name in (*more, "export_picture"))

    @property
    def passing(self) -> tuple[Callable[[], bool], ...]:
        return *super().passing, self._let_go

    def _let_go(self) -> bool:
        selected, frame = self.canvas.selected, self.frame
        self.select_none()
        return selected is not None and frame is not None and unit_of(frame, selected) is not None

    def restore(self) -> None:
        super().restore()
        settings = self.host.settings
        on = settings.value("overlay", True, bool)
        self.host.actions["overlay"].setChecked(on)
        self.overlay(on)
        mode = str(settings.value("mode", "side"))
        self.set_mode(mode if mode in {m.name for m in self.modes} else "side")

    def close_view(self) -> None:
        self.pictures.stop()

    def showEvent(self, event: QShowEvent | None) -> None:
        """On a screen, whose pixels are known now."""
        super().showEvent(event)
        self.canvas.set_captions(self.captions(self.canvas.ratio))

    def captions(self, ratio: float) -> dict[str, Bytes]:
        return {
            name: render.caption(name.capitalize(), self.font(), ratio=ratio)
            for name in ("target", "learned")
        }

    # What is said of it.

    def show_hovered(self, id: int | None) -> None:
        """What the pointer is over, in words."""
        unit = None if id is None or self.frame is None else unit_of(self.frame, id)
        self.readout.emit(_in_numbers(unit) if unit is not None and unit.numbers else "")

    def show_selected(self) -> None:
        self.unit.show_unit(self.frame, self.canvas.selected)

    # What can be taken out of it.

    def everything(self) -> Way | None:
        if self.snapshot is None or self.session is None:
            return None
        height, width = self.session.still["target"].shape[:2]
        return picture(
            self.snapshot, (height, width), self.sharpness, self.display.border, self.canvas.overlay
        )

    def movie_looks(self) -> dict[str, Any]:
        return {"overlay": self.canvas.overlay, "border": self.display.border}

    def why_not(self, command: str) -> str:
        if command in ("delete_unit", "select_none") and self.canvas.selected is None:
            return UNSELECTED
        if command == "clear_mask" and self.canvas.mask is None:
            return "Nothing is painted yet: take the brush (B) and paint where detail matters."
        return ""

    # What the person does.

    def set_controls(self, values: dict[str, Any]) -> None:
        if "downscale" not in values or self.opened is None or self.session is None:
            super().set_controls(values)
            return
        try:  # another picture to learn from: another run
            controls = edited(self.session.job.controls, values)
        except ControlError as error:
            self.message.emit(str(error))
            return
        self.open_requested.emit(self.opened.source or self.opened.picture, controls)

    def set_display(self, values: dict[str, Any]) -> None:
        super().set_display(values)
        self.canvas.border = self.display.border

    def set_mode(self, mode: str) -> None:
        super().set_mode(mode)
        self.canvas.mode = mode
        self.host.settings.setValue("mode", mode)

    def _move(self, unit: int, values: dict[str, Any]) -> None:
        self._typed_gestures -= 1
        self.edited.emit(MoveUnit(unit, values, self._typed_gestures))

    # Commands: see actions.py.

    def add_line(self) -> None:
        self.edited.emit(AddUnit("line"))

    def add_circle(self) -> None:
        self.edited.emit(AddUnit("circle"))

    def add_cell(self) -> None:
        self.edited.emit(AddUnit("cell"))

    def delete_unit(self) -> None:
        if self.canvas.selected is None:
            self.message.emit(UNSELECTED)
            return
        self.edited.emit(RemoveUnit(self.canvas.selected))
        self.select_none()

    def select_none(self) -> None:
        self.canvas.selected = None
        self.show_selected()

    def brush(self, on: bool) -> None:
        self.take_brush(on)
        if on:
            self.message.emit("Paint where detail matters; the right button erases. B puts the brush away.")

    def clear_mask(self) -> None:
        self.canvas.mask = None
        self.edited.emit(SetMask(None))

    def overlay(self, on: bool) -> None:
        self.canvas.overlay = on
        self.host.settings.setValue("overlay", on)


def _in_numbers(unit: Unit) -> str:
    numbers = "   ".join(f"{n.label.lower()} {n.value:.{1 if n.unit else 3}f}{n.unit}" for n in unit.numbers)
    return f"{unit.title}   {numbers}".replace("centre, across", "x").replace("centre, down", "y")


class _Gestures(Listener):
    """What is done on the canvas, made into edits."""

    def __init__(self, view: DividerView):
        self._view = view

    def hover(self, unit: int | None) -> None:
        self._view.show_hovered(unit)

    def select(self, unit: int | None) -> None:
        self._view.show_selected()
        self._view.possible.emit()

    def drag(self, unit: int, params: Mapping[str, Array], gesture: int) -> None:
        self._view.edited.emit(MoveUnit(unit, dict(params), gesture))

    def mask_changed(self, mask: Mask, done: bool) -> None:
        self._view.edited.emit(SetMask(mask))
        self._view.possible.emit()

    def brush_changed(self, brush: Brush) -> None:
        self._view.keep_brush(brush)
