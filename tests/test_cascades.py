"""Drawing pictures as tokens, stage after stage, with networks that know nothing: what is drawn, and what is shown."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import small_codecs
import torch
from small_cascades import (
    LEVELS,
    PLACES,
    SIZES,
    STARTS,
    cascade,
    checkpoint,
    drawing,
    examples,
    one_stage,
    sampler,
)
from small_codecs import TileCodec
from small_drawings import frame, play, same_frames

import scalefree_studio as studio
from scalefree_studio.controls import ControlError
from scalefree_studio.drawings import Drawing
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.cascades.cascade import (
    assemble,
    cascade_sampler,
    info,
    networks_of,
    tokens_sampler,
)
from scalefree_studio.jobs.cascades.lesson import EXAMPLES, TokensLesson
from scalefree_studio.jobs.cascades.sampler import StageSettings
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import (
    EVERY,
    GoTo,
    SetPrompt,
    SetTable,
    SetValue,
    ShowLooked,
    SwitchHeads,
    Watch,
)
from scalefree_studio.jobs.drawing.sampler import Way
from scalefree_studio.jobs.instruments import codec_of, info_of, sampler_of
from scalefree_studio.jobs.job import Restore, SetControls, Undo
from scalefree_studio.models.ordered.request import uniforms
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import RunFolder, load_checkpoint

WAYS = (StageSettings(temperature=0.7), StageSettings(top_k=2), StageSettings(temperature=1.5, top_p=0.8))


def drawn_from(logits, temperature, top_k, top_p):
    """Chances (K,) in plain numpy."""
    share = np.exp(logits / temperature - (logits / temperature).max())
    share /= share.sum()
    best = np.argsort(-share, kind="stable")
    keep = np.zeros(len(share), bool)
    held = np.concatenate([[0], share[best].cumsum()[:-1]])
    keep[best[held < top_p]] = True
    if top_k:
        keep[best[top_k:]] = False
    share = share * keep
    return share / share.sum()


def slowly(made, job, given=None):
    """Number by number, by the networks as a whole: values (B, N), and what was thought (B, N, L)."""
    c = job.controls
    numbers = uniforms(c.count, PLACES, 1, c.seed).numpy()[..., 0]
    values, chances = np.zeros((c.count, PLACES), np.int64), np.zeros((c.count, PLACES, max(LEVELS)))
    labels = torch.from_numpy(job.state.labels)
    for stage, (start, stop) in enumerate(itertools.pairwise(STARTS)):
        own = made.network.settings[stage]
        way = (
            c.temperature * own.temperature,
            min(filter(None, (c.top_k, own.top_k)), default=0),
            min(c.top_p, own.top_p),
        )
        coarser = [
            torch.from_numpy(values[:, a:b]).view(-1, *SIZES[s])
            for s, (a, b) in enumerate(itertools.pairwise(STARTS[: stage + 1]))
        ]
        for n in range(start, stop):
            with torch.no_grad():
                found = made.drawers[stage].network(torch.from_numpy(values[:, start:stop]), labels, coarser)
            for b in range(c.count):
                share = drawn_from(found[b, n - start].double().numpy(), *way)
                chances[b, n, : LEVELS[stage]] = share
                values[b, n] = np.searchsorted(share.cumsum(), numbers[b, n], side="right")
                if given is not None and given[n] >= 0:
                    values[b, n] = given[n]
    return values, chances


@pytest.mark.parametrize("speed", [60.0, 180.0, AT_ONCE])
@pytest.mark.parametrize("settings", [(), WAYS])
def test_a_cascade_draws_what_its_networks_say_one_after_another(speed, settings):
    made = sampler(settings)
    job = play(drawing(made, speed=speed, temperature=0.9, top_k=4))
    values, chances = slowly(made, job)
    np.testing.assert_array_equal(frame(job)["values"][..., 0], values)
    for picture in (0, 2):
        job.apply(Watch(picture))
        np.testing.assert_allclose(frame(job)["chances"][:, 0], chances[picture], atol=2e-3)
    drawn = Drawing(job.snapshot().frame, job.still())
    assert drawn.done and drawn.still["stages"].tolist() == [list(size) for size in SIZES]
    expected = np.array([chances[b, n, values[b, n]] for b in range(3) for n in range(PLACES)])
    np.testing.assert_allclose(frame(job)["surprise"].reshape(-1), -np.log2(expected), atol=0.01)


def test_a_network_that_is_asked_anew_for_every_token_draws_the_same():
    plain = cascade_sampler(cascade(WAYS), cached=False)
    same_frames(frame(play(drawing(plain))), frame(play(drawing(sampler(WAYS)))))


def test_of_two_limits_the_stricter_one_holds():
    own = Way(0.5, 3, 0.9)
    assert Way().within(own) == own and own.within(Way()) == own
    assert Way(2.0, 2, 0.95).within(own) == Way(1.0, 2, 0.9)
    assert Way(1.0, 8, 0.5).within(own) == Way(0.5, 3, 0.5)


def test_another_coarse_code_changes_every_finer_stage_and_nothing_else():
    made = sampler()
    job = play(drawing(made))
    before = frame(job)["values"]
    code = (int(before[1, 0, 0]) + 1) % LEVELS[0]
    job.apply(SetValue(1, 0, 0, (code,), stage=0))
    assert frame(job)["position"].tolist() == [PLACES, 1, PLACES]
    found = frame(play(job))["values"]
    np.testing.assert_array_equal(found[[0, 2]], before[[0, 2]])
    given = np.full(PLACES, -1)
    given[0] = code
    expected, _ = slowly(made, job, given)  # with the same random numbers
    np.testing.assert_array_equal(found[1, :, 0], expected[1])
    assert (found[1, 1:] != before[1, 1:]).any()
    job.apply(Undo())
    np.testing.assert_array_equal(frame(job)["values"], before)


def test_a_cascade_goes_back_goes_on_and_is_found_again(tmp_path):
    job, first = drawing(sampler(WAYS)), {}
    for position in (3, 9, 21, 7, 0, 12, 21, 1, 21):
        job.apply(GoTo(position))
        for name, array in first.setdefault(position, frame(job)).items():
            if name not in ("chances", "entropy", "surprise"):
                np.testing.assert_array_equal(frame(job)[name], array, err_msg=f"{name} at {position}")
    job.apply(GoTo(9))
    recorded = job.snapshot()
    RunFolder(tmp_path).keep(job.checkpoint())
    again = DrawPictures.from_checkpoint(RunFolder(tmp_path).checkpoint())
    assert again.sampler.network.settings == job.sampler.network.settings
    same_frames(frame(play(again)), first[21])
    job.apply(SetControls({"seed": 9}))
    job.apply(SetControls({"seed": 5}))
    job.apply(Restore(recorded.frame, recorded.step))
    same_frames(frame(play(job)), first[21])


# ---- What is shown ----


def test_a_picture_is_what_the_codec_makes_of_the_tokens_so_far():
    made = sampler()
    job = drawing(made)
    for position in (0, 1, 3, 5, 11, 21):
        job.apply(GoTo(position))
        shot, codec = job.snapshot().frame, TileCodec()
        tokens = [shot["values"][:, a:b, 0].reshape(3, *SIZES[s]).astype(np.int64)
                  for s, (a, b) in enumerate(itertools.pairwise(STARTS))]  # fmt: skip
        there = np.arange(PLACES) < position
        masks = [np.broadcast_to(there[a:b].reshape(SIZES[s]), (3, *SIZES[s]))
                 for s, (a, b) in enumerate(itertools.pairwise(STARTS))]  # fmt: skip
        expected = codec.decode(tokens, masks)
        np.testing.assert_array_equal(shot["pictures"], expected.repeat(3, axis=3))
    np.testing.assert_array_equal(job.still()["tiles.1"], TileCodec().tiles(1))
    assert cascade_sampler(cascade(codec=TileCodec(adds=True))).looks(1).keys() == {"levels", "reach"}


def test_only_pictures_that_have_changed_are_decoded_anew():
    made = sampler()
    job = play(drawing(made))
    job.snapshot()
    asked = made.codec.asked
    asked.clear()
    job.snapshot()
    job.apply(Watch(2))
    job.snapshot()
    assert asked == []
    job.apply(SetValue(1, 0, 0, (0,), stage=1))
    job.snapshot()
    assert asked and {count for count, _ in asked} == {1}  # one picture
    kept = frame(job)["pictures"].copy()
    play(job)
    np.testing.assert_array_equal(np.delete(frame(job)["pictures"], 1, 0), np.delete(kept, 1, 0))


def test_a_picture_from_outside_is_its_tokens_in_every_stage():
    made, codec = sampler(), TileCodec()
    picture = np.random.default_rng(4).integers(256, size=(8, 8, 1), dtype=np.uint8)
    expected = codec.encode(picture[None])
    for stage in range(3):
        found = made.values_of(picture.repeat(3, axis=2), stage)
        np.testing.assert_array_equal(found[..., 0], expected[stage][0])


def test_a_picture_is_completed_in_every_stage():
    """A token is given where it lies wholly in what is kept."""
    job, codec = drawing(sampler()), TileCodec()
    picture = np.random.default_rng(4).integers(256, size=(8, 8, 3), dtype=np.uint8)
    keep = np.zeros((4, 4), bool)
    keep[:2] = True  # the upper half
    keep[2, 0] = True
    job.apply(SetPrompt(pixels=picture, keep=keep, stage=EVERY))
    given = frame(job)["given"][0]
    assert not given[0] and given[1:5].tolist() == [True, True, False, False]
    np.testing.assert_array_equal(given[5:].reshape(4, 4), keep)
    found = frame(play(job))["values"][..., 0]
    tokens = np.concatenate([job.sampler.values_of(picture, s).reshape(-1) for s in range(3)])
    np.testing.assert_array_equal(found[:, given], np.broadcast_to(tokens[given], (3, given.sum())))
    assert len({tuple(line) for line in found[:, ~given].tolist()}) > 1
    job.apply(SetTable((0.5, 1.0), (SetPrompt(pixels=picture, keep=keep, stage=EVERY),)))
    assert play(job).state.done and np.isfinite(job.snapshot().frame["bits"]).all()
    with pytest.raises(ControlError, match="one stage"):
        job.apply(SetPrompt(np.zeros((4, 4, 1), int), stage=EVERY))
    assert codec.size == (8, 8)


def test_where_it_looked_is_said_across_stages():
    job = drawing(sampler())
    job.apply(GoTo(12))
    job.apply(ShowLooked())
    looked = job.snapshot().frame["looked"].astype(float)
    assert looked.shape == (2, 2, PLACES) and int(job.snapshot().frame["looked_from"]) == 11
    assert (looked[..., 5:11].sum(-1) > 0).all() and (looked[..., 1:5].sum(-1) > 0).all()
    assert not looked[..., 11:].any() and (looked.sum(-1) < 1.01).all()
    before = frame(play(job))["values"]
    job.apply(SwitchHeads(((0, 1), (1, 0)), picture=1))
    play(job)
    while job._heads.behind:
        job.step()
    shot = job.snapshot().frame
    np.testing.assert_array_equal(shot["values"], before)
    off = np.zeros((2, 2), bool)
    off[0, 1] = off[1, 0] = True
    alone = play(job.alone(1, job.sampler.without_heads(off)))
    np.testing.assert_array_equal(shot["twin_values"], frame(alone)["values"][0])
    assert (shot["twin_values"] != before[1]).any()


# ---- One stage, and examples of what is coarser ----


def test_a_stage_alone_refines_examples():
    made = one_stage(2)
    stored = examples(TileCodec(), 2)
    lines = np.concatenate([stored[f"{EXAMPLES}{n}"].reshape(6, -1) for n in range(2)], axis=1)  # (E, 5)
    job = play(drawing(made, count=24))
    labels = job.state.labels
    found = frame(job)["values"][:, :5, 0]
    for line, label in zip(found, labels, strict=True):
        alike = (lines == line).all(1)
        assert label in stored[f"{EXAMPLES}labels"][alike]
    assert len({tuple(line) for line in found.tolist()}) > 3
    other = (int(found[0, 1]) + 1) % LEVELS[1]
    job.apply(SetValue(0, 0, 0, (other,), stage=1))
    again = frame(play(job))["values"][0, :5, 0]
    assert again[1] == other and any((line[[0, 2, 3, 4]] == again[[0, 2, 3, 4]]).all() for line in lines)


def test_the_chances_of_examples_are_how_many_of_them_go_on_so():
    made = one_stage(2)
    stored = examples(TileCodec(), 2)
    first, second = (stored[f"{EXAMPLES}{n}"].reshape(6, -1) for n in range(2))
    drawer = made.drawers[1]
    line = torch.from_numpy(second[:1])
    shares = drawer.logits(line, None, [torch.from_numpy(first[:1]).view(1, 1, 1)]).exp().numpy()[0]  # (4, K)
    for n in range(4):
        alike = (first[:, 0] == first[0, 0]) & (second[:, :n] == second[0, :n]).all(1)
        expected = np.bincount(second[alike, n], minlength=LEVELS[1]) / alike.sum()
        np.testing.assert_allclose(shares[n], expected, atol=1e-4)


def test_a_stage_alone_that_does_not_fit_its_codes_is_refused():
    good = checkpoint(2)
    missing = {n: a for n, a in good.model.items() if n != f"{EXAMPLES}1"}
    wrong = {**good.model, f"{EXAMPLES}1": good.model[f"{EXAMPLES}1"] + 9}
    for arrays in (missing, wrong):
        with pytest.raises(UserError, match="damaged"):
            tokens_sampler(Checkpoint("tokens", 3, good.about, arrays))
    with pytest.raises(UserError, match="the size it learned"):
        tokens_sampler(good, size=(16, 16))
    assert tokens_sampler(good, size=(8, 8)).size == (4, 4)
    assert checkpoint(1, classes=0).about["classes"] and not one_stage(1, classes=0).classes


# ---- All stages in one model ----


def test_a_cascade_is_one_file_that_needs_no_other(tmp_path):
    made = cascade(WAYS)
    RunFolder(tmp_path).keep(made)
    found = load_checkpoint(tmp_path)
    same_frames(frame(play(drawing(sampler_of(found)))), frame(play(drawing(sampler(WAYS)))))
    assert codec_of(found).fingerprint() == TileCodec().fingerprint()
    said = info_of(found)
    assert said == info(made) and said["numbers"] == sum(
        stage["numbers"] for stage in said["stages"].values()
    )
    assert said["stages"]["1"]["top_k"] == 2 and said["stages"]["2"]["tokens"] == "4x4"
    for own, network in zip((0, 1, 2), networks_of(found), strict=True):
        assert TokensLesson.controls_of(network).stage == own


def test_a_cascade_draws_and_completes_from_python(tmp_path):
    RunFolder(tmp_path / "run").keep(cascade())
    model = studio.load(tmp_path / "run")
    drawn = model.draw(5, seed=5, temperature=0.9)
    expected = frame(play(drawing(count=5, temperature=0.9)))["pictures"]
    np.testing.assert_array_equal(drawn.pixels, expected)
    drawn.save(tmp_path / "a.png")
    assert len(model.complete(tmp_path / "a.png", count=3)) == 3
    model.save(tmp_path / "b.safetensors")
    again = studio.load(tmp_path / "b.safetensors").draw(5, seed=5, temperature=0.9)
    np.testing.assert_array_equal(again.pixels, expected)


def test_networks_that_do_not_belong_together_are_refused():
    stages = [checkpoint(stage) for stage in range(3)]
    for wrong, words in (
        ([], "at least one"),
        ([stages[1], stages[0]], "stage 1"),
        ([stages[0], checkpoint(1, TileCodec((3, 4, 6)))], "same codes"),
        ([stages[0], Checkpoint("pixelcnn", 3, {}, {})], "not draw a stage"),
    ):
        with pytest.raises(UserError, match=words):
            assemble(wrong)
    with pytest.raises(UserError, match="settings"):
        assemble(stages, [StageSettings()])
    assert sampler_of(assemble(stages[:2])).size == (2, 2)
    good = cascade()
    for about in (
        {"stages": 3},
        {"stages": []},
        {"settings": [{"top_k": "x"}] * 3},
        {"settings": 4},
        {"pictures": None},
    ):
        with pytest.raises(UserError) as caught:
            sampler_of(Checkpoint("cascade", 3, {**good.about, **about}, good.model))
        assert "\n" not in str(caught.value)
    assert small_codecs.KIND == "tiles"


def test_a_model_from_when_stages_counted_from_0_is_read_as_it_was_meant():
    new = checkpoint(stage=1)
    controls = dict(new.about["controls"])
    controls["stage"] = controls.pop("stage_number") - 1
    old = replace(new, about={**new.about, "controls": controls})
    assert TokensLesson.controls_of(old) == TokensLesson.controls_of(new)
    assert TokensLesson.controls_of(old).stage_number == 2
    assert tokens_sampler(old).size == tokens_sampler(new).size
