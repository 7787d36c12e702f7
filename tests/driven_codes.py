"""Trainings of codes in a window, driven by hand: a fake one, which needs no autoencoder."""

from __future__ import annotations

from typing import Any

import pytest
from driving import Driven
from fake_codes import KIND, training

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.views import registry
from scalefree_studio.window.views.codes_view import CodesView
from scalefree_studio.window.work import sessions
from scalefree_studio.window.work.opening import Opened


def learn(driven: Driven, monkeypatch: pytest.MonkeyPatch, job: Any = None, **controls: Any) -> CodesView:
    """A fake training, once something of it is shown."""
    job = job or training(**{"steps": 10**6, **controls})
    folder = RunFolder(driven.folder / "runs" / "codes")
    monkeypatch.setitem(registry.VIEWS, KIND, CodesView)
    monkeypatch.setattr(sessions, "open_subject", lambda *_: Opened(job, folder, "photographs", "codebooks"))
    driven.window.open("anything")
    driven.until(lambda: isinstance(driven.window.stage.view, CodesView))
    view = driven.window.stage.view
    assert isinstance(view, CodesView)
    driven.until(lambda: view.snapshot is not None and "wall" in view.snapshot.frame)
    return view


def point_of(view: Any, place: Place) -> tuple[float, float]:
    """The middle of a place, in logical pixels of the canvas."""
    (rect,) = view.canvas.shown.marks([place])
    return (rect[0] + rect[2]) / 2 / view.canvas.ratio, (rect[1] + rect[3]) / 2 / view.canvas.ratio
