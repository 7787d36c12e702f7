"""What every test of the window needs."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(autouse=True)
def _the_canvas_before_is_gone(request: pytest.FixtureRequest) -> None:
    """Collects the canvases of earlier tests before a test that may make its own.

    A canvas and its Qt widget refer to one another, so they live until some garbage collection. If that comes while
    another canvas draws, the dying widget takes the current OpenGL context with it, and the process crashes.
    """
    if "qapp" in request.fixturenames:
        gc.collect()
