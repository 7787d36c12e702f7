"""Searches through the stages of a cascade, and other networks' opinions of what they draw."""

import itertools
import math

import numpy as np
import pytest
import small_drawings
import torch
from command_line import last_json
from small_cascades import PLACES, STARTS, cascade, checkpoint, drawing, sampler
from small_codecs import TileCodec
from small_drawings import frame, play

from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.cascades.cascade import assemble, cascade_sampler
from scalefree_studio.jobs.cascades.judge import Judge
from scalefree_studio.jobs.cascades.sampler import StageSettings
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo, SetPrompt, Watch
from scalefree_studio.jobs.drawing.surprise import surprise_of
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.storage.run_folder import RunFolder


def log_likelihood(made, line, label, upto=PLACES):
    """Of the first tokens of a picture, by the networks as a whole: nats."""
    total = 0.0
    for stage, (start, stop) in enumerate(itertools.pairwise(STARTS)):
        if stage >= len(made.drawers) or start >= upto:
            break
        coarser = [
            torch.tensor(line[a:b]).view(1, *made.stages[s].size)
            for s, (a, b) in enumerate(itertools.pairwise(STARTS[: stage + 1]))
        ]
        tokens = torch.tensor(line[start:stop])[None]
        with torch.no_grad():
            logits = made.drawers[stage].network(tokens, torch.tensor([label]), coarser)[0].double()
        log = torch.log_softmax(logits, 1)[torch.arange(stop - start), tokens[0]]
        total += float(log[: upto - start].sum())
    return total


def two_stages(levels=(2, 2)):
    """Of 1 and 4 tokens: few enough that all pictures can be looked at."""
    codec = TileCodec(levels)
    return assemble([checkpoint(stage, codec, seed=stage) for stage in range(2)])


def lines_of(job):
    return [tuple(line) for line in frame(job)["values"][..., 0].tolist()]


@pytest.mark.parametrize("speed", [60.0, AT_ONCE])
def test_enough_beams_find_the_likeliest_of_all_pictures(speed):
    made = sampler_of(two_stages()).with_beams(32)
    job = play(drawing(made, count=32, label=1, speed=speed))
    every = itertools.product(range(2), repeat=5)
    best = sorted(every, key=lambda line: -log_likelihood(made, line, 1))
    assert lines_of(job) == best and frame(job)["alive"].all()
    expected = [log_likelihood(made, line, 1) for line in best]
    np.testing.assert_allclose(frame(job)["score"], expected, atol=1e-4)


def searched(made, count, width, label):
    """In plain Python: (line, score), the best first."""
    beams = [((), 0.0)]
    levels = [stage.levels for stage in made.stages for _ in range(stage.size[0] * stage.size[1])]
    for n in range(len(levels)):
        found = []
        for line, _ in beams:
            rest = (0,) * (len(levels) - n - 1)
            scores = [log_likelihood(made, (*line, v, *rest), label, n + 1) for v in range(levels[n])]
            tried = sorted(range(levels[n]), key=lambda v: -scores[v])[: width or levels[n]]
            found += [((*line, v), scores[v]) for v in tried]
        beams = sorted(found, key=lambda option: -option[1])[:count]
    return beams


@pytest.mark.parametrize(("count", "width"), [(1, 0), (3, 2), (4, 0)])
def test_a_search_finds_what_the_slow_one_finds(count, width):
    made = sampler().with_beams(count, width)
    job = play(drawing(made, count=count, label=2))
    slow = searched(made, count, width, 2)
    assert lines_of(job) == [line for line, _ in slow]
    np.testing.assert_allclose(frame(job)["score"], [score for _, score in slow], atol=1e-3)


def test_a_search_may_be_looked_at_stopped_and_gone_on_with(tmp_path):
    made = sampler().with_beams(4, 3)
    whole, job = frame(play(drawing(made, count=4))), drawing(made, count=4)
    for position in (1, 2, 4, 5, 7, 13, 20):
        job.apply(GoTo(position))
        job.apply(Watch(position % 4))  # a new search, from what is there
        if position == 7:
            RunFolder(tmp_path).keep(job.checkpoint())
    again = DrawPictures.from_checkpoint(RunFolder(tmp_path).checkpoint())
    assert again.sampler.beams == 4
    for each in (job, again):
        found = frame(play(each))
        for name in ("values", "alive"):
            np.testing.assert_array_equal(found[name], whole[name])
        np.testing.assert_allclose(found["score"], whole["score"], atol=1e-4)
    job.apply(GoTo(3))
    np.testing.assert_array_equal(frame(play(job))["values"], whole["values"])


def test_every_picture_of_several_is_a_search_of_its_own_class():
    made = sampler().with_beams(3)
    job = play(drawing(made, count=6))
    assert job.state.labels.tolist() == [0, 0, 0, 1, 1, 1]
    for label in range(2):
        slow = [line for line, _ in searched(made, 3, 0, label)]
        assert lines_of(job)[3 * label : 3 * label + 3] == slow


def test_a_stage_is_drawn_by_chance_and_the_next_one_searched():
    made = cascade_sampler(
        cascade((StageSettings(), StageSettings(temperature=2.0), StageSettings(beams=3, width=2)))
    )
    job = play(drawing(made, count=6, label=0, seed=3))
    chance = play(
        drawing(
            sampler((StageSettings(), StageSettings(temperature=2.0), StageSettings())),
            count=2,
            label=0,
            seed=3,
        )
    )
    found, plain = lines_of(job), lines_of(chance)
    for picture in range(2):
        assert {line[:5] for line in found[3 * picture : 3 * picture + 3]} == {plain[picture][:5]}
        scores = [log_likelihood(made, line, 0) for line in found[3 * picture : 3 * picture + 3]]
        assert scores == sorted(scores, reverse=True) and len(set(scores)) == 3


def test_pictures_that_are_too_many_are_given_up_at_the_end():
    made = sampler_of(two_stages((2, 1))).with_beams(4)  # there are two pictures in all
    job = play(drawing(made, count=4, label=0))
    assert frame(job)["alive"].tolist() == [True, True, False, False] and job.state.done


def test_a_prompt_stays_while_it_is_searched():
    made = sampler().with_beams(3)
    job = drawing(made, count=3, label=0)
    keep = np.array([[True, False], [False, True]])
    job.apply(SetPrompt(np.array([[[3], [0]], [[0], [1]]]), keep, stage=1))
    found = np.array(lines_of(play(job)))
    assert (found[:, 1] == 3).all() and (found[:, 4] == 1).all() and len({*lines_of(job)}) == 3


# ---- Judges ----


def test_a_judge_finds_what_surprises_it_least():
    judge, made = sampler_of(small_drawings.network(), size=(8, 8)), sampler()
    tokens = [
        torch.randint(levels, (4, *size))
        for levels, size in zip((3, 4, 5), ((1, 1), (2, 2), (4, 4)), strict=True)
    ]
    labels = torch.tensor([0, 1, 2, 0]) if judge.classes else None
    found = Judge(judge, made.codec, made.classes)(tokens, labels, torch.zeros(4))
    pictures = made.codec.decode([stage.numpy() for stage in tokens]).repeat(3, axis=3)
    for b in range(4):
        label = -1 if labels is None else int(labels[b])
        expected = surprise_of(judge, pictures[b], label).total
        assert float(found[b]) == pytest.approx(-math.log(2) * expected, rel=1e-4)


def test_a_search_with_a_judge_keeps_what_it_likes_and_is_kept_with_it(tmp_path):
    judge = sampler_of(small_drawings.network(), size=(8, 8))
    made = sampler().with_beams(4, judge=judge)
    job = drawing(made, count=4, label=0)
    job.apply(GoTo(9))
    RunFolder(tmp_path).keep(job.checkpoint())
    found = frame(play(job))
    scores = [-math.log(2) * surprise_of(judge, picture, 0).total for picture in found["pictures"]]
    np.testing.assert_allclose(found["score"], scores, rtol=1e-4)
    assert scores == sorted(scores, reverse=True)
    again = frame(play(DrawPictures.from_checkpoint(RunFolder(tmp_path).checkpoint())))
    np.testing.assert_array_equal(again["values"], found["values"])
    np.testing.assert_allclose(again["score"], found["score"], rtol=1e-4)
    with pytest.raises(UserError, match="stages"):
        sampler().with_beams(4, judge=sampler())


def test_networks_that_cannot_search_say_so():
    with pytest.raises(UserError, match="chance alone"):
        sampler_of(small_drawings.network()).with_beams(3)


# ---- Commands ----


def test_searches_from_the_command_line(tmp_path, capsys):
    RunFolder(tmp_path / "model").keep(cascade())

    def asked(*flags):
        assert main(["sample", str(tmp_path / "model"), str(tmp_path / "a.png"), "--json", *flags]) == 0
        return last_json(capsys.readouterr().out)

    one = asked("--beams", "4", "--beam-width", "2", "--label", "1")
    assert one["pictures"] == 4 and one["scores"] == sorted(one["scores"], reverse=True)
    several = asked("--beams", "4", "--beam-width", "2", "--count", "3")
    assert several["pictures"] == 3 and several["scores"][1] == one["scores"][0]  # the best of each class
