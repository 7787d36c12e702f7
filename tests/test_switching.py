"""From one session to another: learning and drawing, instruments, runs that are opened again."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driven_drawings import TINY, draw, shown, the_job
from driving import FEW, SMALL, Driven, said

from scalefree_studio.data.download import Progress
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.job import SetControls
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.views.drawing_view import DrawingView
from scalefree_studio.window.views.training_view import TrainingView
from scalefree_studio.window.work import opening, sessions
from scalefree_studio.window.work.opening import Opened, open_subject


def test_learning_and_drawing_are_one_button_apart(driven: Driven, run: Path) -> None:
    driven.window.open("dataset:digits")
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView))
    driven.session.edit(
        SetControls({n: getattr(TINY, n) for n in ("hidden_maps", "hidden_layers", "output_maps")})
    )
    driven.until(lambda: driven.session.job.step_count > 3 and driven.session.job.controls.hidden_maps == 6)
    assert "channels" not in driven.window.panel.form.fields  # type: ignore[union-attr]
    driven.until(lambda: "bits" in driven.window.top.words.text())
    folder = driven.session.folder.path
    driven.window.top.modes["draw"].click()
    driven.until(lambda: isinstance(driven.window.stage.view, DrawingView))
    assert the_job(driven).sampler.network.shape.hidden_maps == 6  # type: ignore[attr-defined]
    driven.window.top.modes["learn"].click()
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView))
    assert driven.session.folder.path == folder
    assert driven.session.job.step_count > 3


def test_from_one_instrument_to_another_and_back(driven: Driven, run: Path) -> None:
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.window.stage.view.snapshot is not None)
    lines = driven.session.folder.path
    assert (
        driven.window.actions_["add_line"].isEnabled() and not driven.window.actions_["keep_top"].isEnabled()
    )
    draw(driven, run)
    assert (
        not driven.window.actions_["add_line"].isEnabled() and driven.window.actions_["keep_top"].isEnabled()
    )
    driven.window.panel.instruments["dividers"].click()
    driven.until(lambda: driven.session.folder.path == lines)
    assert driven.window.top.modes.keys() == {"side", "swipe", "learned"}


def test_a_drawing_is_found_again(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    values, folder = shown(view).values.copy(), driven.session.folder.path
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.session.job.kind == "dividers")
    driven.window.open(str(folder))
    driven.until(lambda: driven.session.job.kind == "drawing" and view.snapshot is not None)
    np.testing.assert_array_equal(shown(view).values, values)


def test_a_drawing_that_was_opened_again_knows_its_network(driven: Driven, run: Path, tmp_path: Path) -> None:
    draw(driven, run)
    drawing = driven.session.folder.path
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.session.job.kind == "dividers")
    driven.window.open(str(drawing))
    driven.until(lambda: driven.session.job.kind == "drawing")
    driven.window.top.modes["learn"].click()
    driven.until(lambda: driven.session.job.kind == "pixelcnn")
    assert driven.session.folder.path == run
    assert RunFolder(drawing).source() == str(run)
    (drawing / "run.json").write_text('{"source": "model:none"}')
    assert RunFolder(drawing).source() == ""
    (drawing / "run.json").write_text("[")
    assert RunFolder(drawing).source() == ""


def test_what_cannot_be_learnt_leaves_the_drawing(
    driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = draw(driven, run)
    folder, session = driven.session.folder, driven.session
    assert driven.window.sessions.opened is not None
    view.opened = replace(driven.window.sessions.opened, source="")  # its network has gone

    def refuse(*_: object, **more: object) -> object:
        raise UserError("There are no such pictures.")

    monkeypatch.setattr(opening, "dataset_learnt", refuse)
    driven.session.runner.save_soon()
    driven.until(lambda: folder.model_path.exists())
    driven.window.top.modes["learn"].click()
    driven.until(lambda: said(driven) == "There are no such pictures.")
    assert driven.session is session and driven.window.top.modes["draw"].isChecked()


def test_what_ended_for_something_that_cannot_be_opened_is_not_shown_any_more(
    driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven.window.open(str(run))
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView))

    def refuse(*_: object) -> Opened:
        raise UserError("It cannot be read.")

    monkeypatch.setattr(sessions, "open_subject", refuse)
    driven.window.top.modes["draw"].click()  # which ends the training first, to draw with its newest
    driven.until(lambda: said(driven) == "It cannot be read.")
    w = driven.window
    assert w.sessions.session is None and w.stage.view.session is None and w.panel.form is None
    assert w.stage.empty.isVisible()


def test_where_nothing_is_open_nothing_is_offered_that_needs_a_picture(driven: Driven, run: Path) -> None:
    draw(driven, run)
    driven.window.do("delete_run")
    driven.until(lambda: driven.window.stage.empty.isVisible())
    driven.until(lambda: "moved to the bin" in said(driven))
    offered = {name for name, action in driven.window.actions_.items() if action.isEnabled()}
    assert not offered & {
        "keep_top",
        "keep_left",
        "surprise",
        "next_wall",
        "select_none",
        "export_picture",
        "play",
    }
    assert {"open_file", "show_gallery", "undo", "leave"} <= offered


def test_what_cannot_be_done_is_not_offered(driven: Driven, run: Path) -> None:
    actions = driven.window.actions_
    draw(driven, run)
    assert not actions["to_now"].isEnabled() and not actions["go_on_from_here"].isEnabled()
    assert actions["undo"].isEnabled() and "detail" not in actions["brush"].toolTip()
    driven.window.open(str(run))
    driven.until(lambda: driven.session.job.kind == "pixelcnn")
    assert not actions["keep_top"].isVisible() and not actions["go_on_from_here"].isVisible()
    assert actions["undo"].isVisible()
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.session.job.kind == "dividers")
    driven.until(lambda: not actions["undo"].isEnabled() and "detail" in actions["brush"].toolTip())


def test_one_may_stay_while_something_else_is_opened(
    driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(driven, run)
    session, go_on = driven.session, threading.Event()

    def slowly(*told: object) -> Opened:
        assert go_on.wait(20)
        return open_subject(*told)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "open_subject", slowly)
    driven.window.panel.instruments["dividers"].click()
    driven.until(lambda: driven.window.top.words.text() == "Opening astronaut …")
    driven.window.panel.instruments["pixelcnn"].click()
    assert driven.window.top.words.text().startswith("Drawn:")
    go_on.set()
    done: list[bool] = []
    driven.window.sessions._opening.submit(lambda: True, done.append)  # after what was opened
    driven.until(lambda: done)
    assert driven.session is session
    driven.window.open("model:none")
    driven.until(lambda: "no model" in said(driven))
    assert driven.window.panel.instruments["pixelcnn"].isChecked()


def test_a_download_that_is_no_longer_wanted_ends(
    driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(driven, run)
    ended: list[str] = []

    def download(subject: object, runs: object, controls: object, device: str, progress: Progress) -> Opened:
        try:
            while True:
                progress("Downloading digits", 1, 4)
        except UserError as error:
            ended.append(str(error))
            raise

    monkeypatch.setattr(sessions, "open_subject", download)
    driven.window.open("dataset:digits")
    driven.until(lambda: driven.window.top.words.text() == "Downloading digits: 25%")
    driven.window.panel.instruments["pixelcnn"].click()
    driven.until(lambda: ended)
    driven.qtbot.wait(50)
    assert driven.window.top.words.text().startswith("Drawn:")
