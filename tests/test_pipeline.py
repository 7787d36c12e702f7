"""A recipe as the window has it: what its steps say, what a click means, what comes next. Without a window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_recipes import RECIPE, add_tiny_lessons

from scalefree_studio.controls import values_of
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.job import SetControls
from scalefree_studio.jobs.recipes.parse import parse
from scalefree_studio.recipes.run import Running
from scalefree_studio.recipes.states import DONE, LEARNING, NEXT, STALE
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.work.opening import open_subject
from scalefree_studio.window.work.pipeline import (
    ANEW,
    DRAW,
    LATER,
    MAKE,
    OPEN,
    PAUSED,
    PLAY,
    SAY,
    Action,
    Learning,
    Pipeline,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    add_tiny_lessons(monkeypatch)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    found = Pipeline(Running(parse(RECIPE, "tiny", tmp_path), tmp_path / "out", device="cpu"))
    yield found
    found.close()


def learnt(pipeline: Pipeline, name: str, steps: int) -> Learning:
    """So many steps of a training, on the stage and on the disk; how it is then."""
    job, folder = pipeline.open(name, None)
    pipeline.on_stage = name
    while job.step_count < steps:
        job.step()
    folder.keep(job.checkpoint())
    end = job.limit.reached(job.step_count, job.seconds)
    left = "" if end else "9 s left"
    return Learning(job.step_count, job.progress, values_of(job.controls), not end, end, left)


def to_the_end(pipeline: Pipeline, name: str, steps: int) -> Learning:
    now = learnt(pipeline, name, steps)
    assert pipeline.at_end(now) and pipeline.measure(name, now.step) and not pipeline.at_end(now)
    return now


def shown(pipeline: Pipeline, now: Learning | None = None) -> list[str]:
    return [box.state for box in pipeline.boxes(now)]


def test_from_step_to_step_to_the_end(pipeline: Pipeline) -> None:
    assert shown(pipeline) == [NEXT, LATER, LATER, LATER]
    assert pipeline.next(None) == Action(OPEN, "vqvae")
    now = learnt(pipeline, "vqvae", 6)
    assert pipeline.next(now) == Action(PLAY) and not pipeline.at_end(now)
    box = pipeline.boxes(now)[0]
    assert box.state == LEARNING and box.progress == 0.5 and box.open and box.words == "9 s left"
    assert pipeline.boxes(replace(now, playing=False))[0].words == "Paused 50%"
    now = to_the_end(pipeline, "vqvae", 12)
    assert shown(pipeline, now) == [DONE, NEXT, LATER, LATER]
    assert pipeline.next(now) == Action(MAKE, "shards")
    pipeline.begin("shards")
    assert pipeline.next(now) is None and pipeline.boxes(now)[1].words == "Encoding 0%"
    pipeline.make("shards")
    assert pipeline.end()
    assert pipeline.boxes(now)[1].words == "✓ 1,797 pictures"
    assert pipeline.next(now) == Action(OPEN, "stage-1")
    now = to_the_end(pipeline, "stage-1", 10)
    assert pipeline.next(now) == Action(MAKE, "pictures") and not pipeline.done
    pipeline.make("pictures")
    assert pipeline.done and pipeline.next(now) is None and pipeline.model.exists()
    assert pipeline.boxes(now)[3].words == "✓ 4 pictures"


def test_what_a_click_means(pipeline: Pipeline) -> None:
    assert pipeline.clicked("vqvae", None) == Action(OPEN, "vqvae")
    assert pipeline.clicked("pictures", None) == Action(SAY, "Pictures needs VQ-VAE and Stage 1 first.")
    now = learnt(pipeline, "vqvae", 3)
    assert pipeline.clicked("vqvae", now) == Action(PLAY)
    now = to_the_end(pipeline, "vqvae", 12)
    assert pipeline.clicked("vqvae", now) == Action(SAY, "VQ-VAE is already open.")
    assert pipeline.clicked("shards", now) == Action(MAKE, "shards")
    pipeline.begin("shards")
    assert pipeline.clicked("shards", now).kind == SAY
    pipeline.make("shards")
    pipeline.end()
    assert pipeline.clicked("shards", now) == Action(SAY, "Shards are done: 1,797 pictures.")
    learnt(pipeline, "stage-1", 4)
    pipeline.on_stage = ""
    assert [box.state for box in pipeline.boxes(None)][2] == PAUSED
    assert pipeline.clicked("stage-1", None) == Action(OPEN, "stage-1")
    assert pipeline.clicked("vqvae", None) == Action(OPEN, "vqvae")
    now = to_the_end(pipeline, "stage-1", 10)
    pipeline.make("pictures")
    assert pipeline.clicked("pictures", now) == Action(DRAW)


def test_what_is_set_by_hand_is_no_longer_the_recipe_and_nothing_is_lost(pipeline: Pipeline) -> None:
    job, folder = pipeline.open("vqvae", None)
    pipeline.on_stage = "vqvae"
    live = {"learning_rate": 0.02}
    job.apply(SetControls(live))
    now = learnt_so_far(job)
    assert pipeline.boxes(now)[0].state == LEARNING  # how it is led on its way is a person's business
    job.apply(SetControls({"codes": 9}))
    job.step()
    now = learnt_so_far(job)
    box = pipeline.boxes(now)[0]
    assert box.state == STALE and "changed by hand: Codes" in box.help
    assert not pipeline.at_end(replace(now, at_end=True))
    action = pipeline.next(now)
    assert action is not None and action.kind == SAY and "waiting" in action.what
    folder.keep(job.checkpoint())
    pipeline.read()
    assert pipeline.state("vqvae").state == STALE and "Codes" in pipeline.state("vqvae").why
    assert not pipeline.outdated(now)
    job.apply(SetControls({"codes": 8}))
    assert pipeline.outdated(learnt_so_far(job))  # the disk says what was
    folder.keep(job.checkpoint())
    pipeline.read()
    assert pipeline.state("vqvae").state == LEARNING
    job.apply(SetControls({"codes": 9}))
    folder.keep(job.checkpoint())
    pipeline.read()
    pipeline.on_stage = ""
    assert pipeline.clicked("vqvae", None) == Action(OPEN, "vqvae")
    again, _ = pipeline.open("vqvae", None)
    assert again.controls.codes == 9 and again.step_count == job.step_count  # a person's work goes on
    pipeline.on_stage = "vqvae"
    assert pipeline.clicked("vqvae", learnt_so_far(job)) == Action(ANEW, "vqvae")
    again, _ = pipeline.open("vqvae", None, anew=True)
    assert again.controls.codes == 8 and again.step_count == 0
    kept = RunFolder(pipeline.folder / "earlier" / "vqvae").checkpoint()
    assert kept.about["controls"]["codes"] == 9


def learnt_so_far(job) -> Learning:  # type: ignore[no-untyped-def]
    return Learning(job.step_count, job.progress, values_of(job.controls), True, False)


def test_a_training_that_was_started_over_is_not_done(pipeline: Pipeline) -> None:
    now = to_the_end(pipeline, "vqvae", 12)
    job, folder = pipeline.open("vqvae", None)
    assert job.step_count == 12  # to look at
    job.start()
    job.step()
    assert pipeline.boxes(replace(now, step=1, playing=True, at_end=False))[0].state == LEARNING
    folder.keep(job.checkpoint())
    pipeline.read()
    assert pipeline.state("vqvae").state == LEARNING
    to_the_end(pipeline, "vqvae", 12)
    assert pipeline.state("vqvae").state == DONE


def test_only_what_is_on_the_disk_is_measured(pipeline: Pipeline) -> None:
    learnt(pipeline, "vqvae", 11)
    assert not pipeline.measure("vqvae", 12)
    assert pipeline.state("vqvae").state == LEARNING


def test_what_is_made_can_be_stopped_and_gone_on_with(pipeline: Pipeline) -> None:
    to_the_end(pipeline, "vqvae", 12)
    pipeline.begin("shards")
    pipeline.cancel()
    with pytest.raises(UserError, match="stopped"):
        pipeline.make("shards")
    assert not pipeline.end()
    assert pipeline.state("shards").state == LEARNING
    pipeline.begin("shards")
    pipeline.make("shards")
    assert pipeline.end() and pipeline.state("shards").state == DONE
    to_the_end(pipeline, "stage-1", 10)
    pipeline.begin("pictures")
    pipeline.cancel()
    with pytest.raises(UserError, match="stopped"):
        pipeline.make("pictures")
    assert not (pipeline.folder / "pictures.png").exists()


def test_nobody_else_works_in_its_folder(pipeline: Pipeline, tmp_path: Path) -> None:
    other = Running(parse(RECIPE, "tiny", tmp_path), tmp_path / "out", device="cpu")
    with pytest.raises(UserError, match="Another window or command"):
        other.run()
    pipeline.close()
    other.hold()
    other.release()
    pipeline.running.hold()


# -- opening ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_is_opened_at_its_next_step(mine: Path, tmp_path: Path) -> None:
    for subject in (str(mine), f"recipe:{mine}", tmp_path / "runs" / "mine"):
        opened = open_subject(subject, tmp_path / "runs")
        assert opened.step == "vqvae" and opened.name == "mine, VQ-VAE"
        assert opened.folder.path == tmp_path / "runs" / "mine" / "vqvae"
        assert opened.pipeline is not None
        opened.job.step()
        opened.folder.keep(opened.job.checkpoint())
        opened.pipeline.close()
    assert opened.job.step_count == 3  # each went on with the one before

    running = opened.pipeline.running
    running.run_step("vqvae")
    opened = open_subject(str(mine), tmp_path / "runs")  # shards come next: it shows what they are made by
    assert opened.step == "vqvae" and opened.job.step_count == 12
    assert opened.pipeline is not None
    opened.pipeline.close()
    running.run()
    opened = open_subject(str(mine), tmp_path / "runs")
    assert opened.step == "" and opened.view == "drawing"
    assert opened.pipeline is not None and opened.pipeline.done
    opened.pipeline.close()


def test_a_recipe_does_not_run_among_other_things(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "letter.txt").write_text("dear")
    opened = open_subject(str(mine), tmp_path / "runs")
    assert opened.pipeline is not None
    assert opened.pipeline.folder == tmp_path / "runs" / "mine-2"
    opened.pipeline.close()


def test_a_bad_recipe_is_one_sentence_and_holds_nothing(mine: Path, tmp_path: Path) -> None:
    mine.write_text(RECIPE.replace("codes = 8", "codes = 8\nkodes = 9"))
    with pytest.raises(UserError, match=r"line 8: \[vqvae\] kodes"):
        open_subject(str(mine), tmp_path / "runs")
    with pytest.raises(UserError, match="There is no recipe"):
        open_subject("recipe:none", tmp_path / "runs")
