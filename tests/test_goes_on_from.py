"""What a drawing goes on from and what is asked of it stands there, and goes with a click; how fast it really is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from driven_drawings import draw, the_job
from driving import Driven
from fake_samplers import one_stage

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.controls import controls_of
from scalefree_studio.data.pictures import Picture
from scalefree_studio.drawings import left, upper
from scalefree_studio.jobs.drawing.controls import AT_ONCE, DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import SetPrompt
from scalefree_studio.jobs.drawing.kept import goes_on_from, part_in_words
from scalefree_studio.jobs.instruments import lessons, sampler_of
from scalefree_studio.jobs.job import Undo
from scalefree_studio.storage.run_folder import load_checkpoint
from scalefree_studio.storage.shipped import resolved
from scalefree_studio.window.shell.gallery import SPEC, Gallery
from scalefree_studio.window.views.pace import Pace


def test_a_part_in_words():
    size = (6, 4)
    painted = np.ones(size, bool)
    painted[:3, :2] = False
    begun = left(size) & (np.arange(6) < 5)[:, None]  # as far as it was drawn
    parts = [np.ones(size, bool), upper(size), left(size), begun, painted]
    said = ["all of it", "top half", "left half", "a part of the left half", "75% of it"]
    assert [part_in_words(part[None]) for part in parts] == said


def test_what_is_given_is_said_also_after_it_was_kept():
    job = DrawPictures(one_stage(), DrawControls(count=2))
    assert goes_on_from(job.state.prompt, job.layout) == ""
    job.apply(SetPrompt(np.zeros((3, 4, 1), int), left(job.sampler.size), name="half.png"))
    assert goes_on_from(job.state.prompt, job.layout) == "Continuing: half.png, left half"
    about, arrays = job.state.saved()
    known = {name: getattr(job.state, name) for name in ("labels", "seed", "number")}
    again = type(job.state).read(about, arrays | known, job.state)
    assert again.prompt is not None and again.prompt.name == "half.png"
    job.apply(SetPrompt())
    assert goes_on_from(job.state.prompt, job.layout) == ""
    job.apply(Undo())
    assert goes_on_from(job.state.prompt, job.layout) == "Continuing: half.png, left half"


def test_a_chip_says_what_is_kept_and_a_click_takes_it_away(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    assert not view.chips.buttons and view.chips.isHidden()
    view.hold(Place("wall", 1, 0, 0))
    driven.window.do("keep_left")
    driven.until(lambda: "Kept: left half" in view.chips.buttons)
    view.chips.buttons["Kept: left half"].click()
    driven.until(lambda: not view.chips.buttons)
    assert not the_job(driven).state.given.any()
    driven.window.do("undo")
    driven.until(lambda: "Kept: left half" in view.chips.buttons)
    view.take(Picture(np.zeros((8, 8, 3), np.uint8), "half", "somewhere/half.png"))
    driven.until(lambda: list(view.chips.buttons) == ["Continuing: half.png, top half"])
    view.set_controls({"label": 3})
    driven.until(lambda: "Class: 3" in view.chips.buttons)
    view.chips.buttons["Class: 3"].click()
    driven.until(lambda: "Class: 3" not in view.chips.buttons)
    assert the_job(driven).controls.label == -1


def test_the_real_speed_stands_beneath_the_wished_one(driven: Driven, run: Path) -> None:
    view = draw(driven, run, speed=2.0)
    clock = iter(np.arange(0.0, 10_000.0, 0.3).tolist())
    view._pace = Pace(lambda: next(clock))
    form = driven.window.panel.form
    assert form is not None
    for _ in range(3):  # whatever the clock of the wall says
        assert view.snapshot is not None
        view.show_snapshot(view.snapshot, None)
    note = form.fields["speed"]._note
    assert note is not None and note.text().startswith("set to 2/s, ")
    driven.window.do("play")
    driven.until(lambda: not driven.session.status.playing)
    view.show_snapshot(view.snapshot, None)
    assert note.isHidden()


def test_the_pace_is_what_was_drawn_in_the_last_moments():
    seconds: Iterator[float] = iter([0.0, 0.25, 0.5, 0.75, 1.0, 1.25])
    pace = Pace(lambda: next(seconds))
    assert [pace.words(n, 400) for n in (0, 50, 100)] == ["", "", "set to 400/s, 200/s now"]
    assert pace.words(500, 400) == "set to 400/s, 200/s now"  # not another number at every picture
    assert pace.words(600, AT_ONCE) == "set to all at once, 600/s now"
    assert pace.words(0, 400) == ""  # it started over


def test_what_a_low_temperature_does_to_black_is_said():
    temperature = next(c for c in controls_of(DrawControls) if c.name == "temperature")
    assert "black" in temperature.help


def test_who_can_search_says_so():
    assert sampler_of(load_checkpoint(resolved("model:cascade-sea"))).can_search
    assert not one_stage().can_search


def test_a_search_is_offered_where_there_is_one(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    assert view.search_button.isHidden() and driven.window.commands.find("search") is None
    asked: list[str] = []
    view.open_requested.disconnect()
    view.open_requested.connect(lambda subject, _: asked.append(subject))
    view.search()
    assert asked == [f"search:{view.opened.source}"]  # type: ignore[union-attr]


def test_the_gallery_shows_what_needs_another_model_first(driven: Driven) -> None:
    gallery = Gallery([], driven.window.palette_, driven.window)
    shelf = next(s for s in gallery.shelves if s.accessibleName() == "Learns from another model's output")
    items = {item.text(): item for n in range(shelf.count()) if (item := shelf.item(n)) is not None}
    assert set(items) == {lesson.title for lesson in lessons().values() if lesson.needs}
    tokens = items[lessons()["next-scale"].title]
    assert tokens.data(SPEC) == "recipe:next-scale-digits" and "first train a VQ-VAE" in tokens.toolTip()
    gallery.done(0)


@pytest.mark.parametrize("subject", ["search:model:cascade-sea"])
def test_a_search_begins_in_the_window(subject: str, tmp_path: Path) -> None:
    from scalefree_studio.window.work.opening import BEAMS, open_subject

    opened = open_subject(subject, tmp_path)
    assert isinstance(opened.job, DrawPictures)
    assert opened.job.sampler.beams == BEAMS == opened.job.controls.count
