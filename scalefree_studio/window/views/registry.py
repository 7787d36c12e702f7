"""Which view shows which kind of snapshot. Every training has the same one, and every drawing, unless an instrument
brings one of its own."""

from __future__ import annotations

from contextlib import suppress

from ...drawings import KIND as DRAWING
from ...errors import UserError
from ...jobs.instruments import imported, instruments, lessons
from ..work.opening import BENCH, PAINT
from .bench_view import BenchView
from .divider_view import DividerView
from .drawing_view import DrawingView
from .paint_view import PaintView
from .training_view import TrainingView
from .view import View

VIEWS: dict[str, type[View]] = {
    "dividers": DividerView, DRAWING: DrawingView, BENCH: BenchView, PAINT: PaintView,
}  # fmt: skip


def view_of(kind: str) -> type[View]:
    """The class of view for a kind of snapshot."""
    named = {k: place for instrument in instruments().values() for k, place in instrument.views.items()}
    if kind not in VIEWS and kind in named:
        VIEWS[kind] = imported(named[kind])
    return VIEWS.get(kind, TrainingView)


def all_views() -> list[type[View]]:
    """Each once, without those that cannot be imported: that is told when one of them is wanted."""
    found = list(VIEWS.values())
    for kind in lessons():
        with suppress(UserError):
            found.append(view_of(kind))
    return list(dict.fromkeys(found))
