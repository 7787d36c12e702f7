"""Drawings in a window, driven by hand, with a small network."""

from __future__ import annotations

from pathlib import Path

from driving import Driven

from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.views.drawing_view import DrawingView

TINY = PixelCNNControls(
    hidden_maps=6, output_maps=6, hidden_layers=1, causal_kernel=3, hidden_kernel=3, levels=4
)


def hardly_learnt(path: Path) -> Path:
    """A run folder of a network that has hardly learnt."""
    job = Train(PixelCNNLesson(load_dataset("digits")), TINY)
    for _ in range(3):
        job.step()
    folder = RunFolder(path)
    folder.keep(job.checkpoint())
    return folder.path


def draw(driven: Driven, run: Path, count: int = 6, speed: float = AT_ONCE) -> DrawingView:
    """A wall that is drawn with it."""
    driven.window.open(f"draw:{run}")
    driven.until(
        lambda: isinstance(driven.window.stage.view, DrawingView) and driven.window.stage.view.snapshot
    )
    view = driven.window.stage.view
    assert isinstance(view, DrawingView)
    view.set_controls({"count": count, "speed": speed})
    driven.until(lambda: len(shown(view).values) == count)
    if speed == AT_ONCE:
        driven.until(lambda: shown(view).done and driven.session.status.rests)
    return view


def shown(view: DrawingView) -> Drawing:
    assert view.drawing is not None
    return view.drawing


def the_job(driven: Driven) -> DrawPictures:
    assert isinstance(driven.session.job, DrawPictures)
    return driven.session.job
