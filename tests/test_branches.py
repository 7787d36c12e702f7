"""The tree of a search with beams: which picture went on from which, and what was given up."""

from __future__ import annotations

import numpy as np
import pytest
from fake_samplers import BeamSampler, DecodedSampler, drawing_of, job_of, one_stage, order_of, three_stages
from small_drawings import frame, play

from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.drawing import draw as drawing_job
from scalefree_studio.jobs.drawing.branches import Branches, sized, thumbnails
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo, SetValue
from scalefree_studio.jobs.drawing.layout import LANDMARKS, Layout
from scalefree_studio.jobs.drawing.sampler import Stage
from scalefree_studio.jobs.job import Restore, SetControls, Undo


def search(margin: float = 2.0, size: tuple[int, int] = (5, 6), **controls: float) -> DrawPictures:
    sampler = BeamSampler([Stage(size, order_of("rows", *size), 5)])
    sampler.margin = margin
    return job_of(sampler, speed=60.0, **controls)


def tree(job: DrawPictures) -> dict[str, np.ndarray]:
    return {name[5:]: array for name, array in frame(job).items() if name.startswith("tree.")}


@pytest.mark.parametrize("margin", [1.0, 2.0, 1000.0])
def test_every_branch_goes_on_from_its_parent(margin: float) -> None:
    job, at = search(margin), {}
    moved = False
    while not job.state.done:
        job.step()
        if job.state.behind in job.layout.landmarks:
            at[job.state.behind] = job.state.copy()
    found = tree(job)
    assert found["position"].tolist() == sorted(at) and len(at) == LANDMARKS and found["position"][-1] == 30
    assert (found["parent"][0] == -1).all()
    for level, position in enumerate(found["position"].tolist()):
        state = at[position]
        np.testing.assert_array_equal(found["score"][level], state.score)
        np.testing.assert_array_equal(found["alive"][level], state.alive)
        if not level:
            continue
        before = at[int(found["position"][level - 1])]
        for picture in np.flatnonzero(state.alive):
            parent, reached = found["parent"][level, picture], int(found["position"][level - 1])
            moved |= parent != picture
            np.testing.assert_array_equal(state.values[picture, :reached], before.values[parent, :reached])
    assert moved


def test_a_branch_looks_as_its_picture_did() -> None:
    job = search(1000.0)
    pictures = {}
    while not job.state.done:
        job.step()
        pictures[job.state.behind] = drawing_of(job).pictures()
    found = tree(job)
    for level, position in enumerate(found["position"].tolist()):
        np.testing.assert_array_equal(found["pictures"][level], pictures[position])


def test_going_back_undo_a_recording_and_a_file_have_the_tree_of_that_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = search()
    job.apply(GoTo(17))
    there, recorded, kept = tree(job), job.snapshot(), job.checkpoint()
    whole = tree(play(job))
    assert len(whole["position"]) > len(there["position"]) > 3

    def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array, err_msg=name)

    job.apply(GoTo(17))
    same(tree(job), there)
    same(tree(play(job)), whole)
    job.apply(SetControls({"seed": 9}))
    assert not len(tree(job)["position"])
    job.apply(Undo())
    same(tree(job), whole)
    job.apply(Restore(recorded.frame, recorded.step))
    same(tree(job), there)
    same(tree(play(job)), whole)
    monkeypatch.setattr(drawing_job, "sampler_of", lambda *_: search().sampler)
    again = DrawPictures.from_checkpoint(kept)
    same(tree(again), there)
    same(tree(play(again)), whole)


def test_what_changes_further_back_begins_a_new_tree() -> None:
    job = play(search(1000.0))
    job.apply(SetValue(1, 0, 2, (3,)))
    assert len(tree(job)["position"]) == LANDMARKS  # of what there was
    play(job)
    found = tree(job)
    assert (found["parent"][0] == -1).all() and found["position"][0] < 6 and found["position"][-1] == 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"tree.parent": np.full((2, 4), 4)},
        {"tree.parent": np.full((2, 3), 0)},
        {"tree.origin": np.full(4, -2)},
        {"tree.score": np.zeros((2, 4))},
        {"tree.alive": np.ones((3, 4), bool)},
        {"tree.pictures": np.zeros((2, 4, 3), np.uint8)},
    ],
)
def test_a_tree_that_cannot_be_is_refused(wrong: dict[str, np.ndarray]) -> None:
    score, alive, pictures = np.zeros(4, np.float32), np.ones(4, bool), np.zeros((4, 2, 2, 3), np.uint8)
    good = Branches.none(4).add(3, score, alive, pictures).add(5, score, alive, pictures)
    again = Branches.read(good.arrays(), 4)
    assert again.last == 5 and again.parent.tolist() == [[-1] * 4, [0, 1, 2, 3]]
    with pytest.raises(ValueError):
        Branches.read({**good.arrays(), **wrong}, 4)


def test_thumbnails_are_small_and_of_one_size() -> None:
    pictures = np.arange(2 * 200 * 100 * 3, dtype=np.uint32).astype(np.uint8).reshape(2, 200, 100, 3)
    small = thumbnails(pictures)
    assert small.shape == (2, 50, 25, 3)
    np.testing.assert_array_equal(small, pictures[:, ::4, ::4])
    np.testing.assert_array_equal(sized(small[None], (100, 50))[0], small.repeat(2, 1).repeat(2, 2))


def test_landmarks_are_few_and_stages_end_with_one() -> None:
    for sizes in ([(1, 1)], [(1, 1), (2, 3), (4, 4)], [(28, 28)]):
        layout = Layout([Stage(size, order_of("rows", *size), 5) for size in sizes])
        assert set(layout.starts[1:].tolist()) <= layout.landmarks
        assert len(layout.landmarks) <= LANDMARKS + len(sizes)
        assert 0 not in layout.landmarks and max(layout.landmarks) == layout.count


def test_only_a_search_has_a_tree() -> None:
    assert not tree(play(job_of(one_stage())))


# What a network makes of stages that are done.


class StagedDecoder(DecodedSampler):
    """Every stage is shown as large as the last one."""

    def decode(self, values, drawn):  # type: ignore[no-untyped-def]
        self.asked_to_decode = getattr(self, "asked_to_decode", 0) + 1
        B, begun = len(values), [s for s in range(3) if drawn[:, self.layout.positions_of(s)].any()]
        stage = max(begun, default=0)
        start, stop = self.layout.starts[stage : stage + 2]
        height, width = self.stages[stage].size
        shown = (20 * values[:, start:stop, 0] * drawn[:, start:stop]).reshape(B, height, width)
        rows, columns = np.arange(4) * height // 4, np.arange(4) * width // 4
        return shown[:, rows[:, None], columns][..., None].repeat(3, 3).astype(np.uint8)


def test_stages_that_are_done_show_what_the_picture_was_then() -> None:
    sampler = StagedDecoder(three_stages().stages)
    job = job_of(sampler, speed=60.0)
    then: dict[int, np.ndarray] = {}
    while not job.state.done:
        job.step()
        shown = frame(job)
        then[job.state.behind] = shown["pictures"]
    ends = job.layout.starts[1:].tolist()
    drawing = Drawing(frame(job), job.still())
    for stage, end in enumerate(ends[:-1]):
        np.testing.assert_array_equal(frame(job)[f"pictures.{stage}"], then[end])
        assert (drawing.stage(stage).frame["pictures"] == then[end]).all()
    np.testing.assert_array_equal(drawing.stage(2).frame["pictures"], then[ends[-1]])
    asked = sampler.asked_to_decode
    frame(job)
    assert sampler.asked_to_decode == asked + 1  # the stages that are done are known
