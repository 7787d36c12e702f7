"""From Python: the same engine, in a line."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import scalefree_studio as s
from scalefree_studio.controls import ControlError
from scalefree_studio.data.pictures import load_picture
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.drawing.edits import GoTo, SetValue
from scalefree_studio.jobs.job import SetControls
from scalefree_studio.storage.run_folder import RunFolder

SMALL = dict(lines=2, hidden=3, start="random", batch_size=64)


def picture():
    pixels = np.zeros((12, 18, 3), np.uint8)
    pixels[:, 9:] = (220, 120, 30)
    return pixels


def test_fit_render_save_and_load(tmp_path):
    fitted = s.fit(picture(), steps=60, **SMALL)
    assert fitted.steps == 60 and fitted.seconds > 0 and fitted.numbers == 2 * 3 + 3 * 3 + 3 * 4
    assert fitted.psnr > 10 and fitted.controls.lines == 2
    drawn = fitted.render((36, 24))
    assert drawn.shape == (24, 36, 3) and drawn.dtype == np.uint8
    fitted.save(tmp_path / "a.safetensors")
    again = s.load(tmp_path / "a.safetensors")
    assert again.steps == 60 and again.psnr == fitted.psnr
    np.testing.assert_array_equal(again.render((36, 24)), drawn)
    with pytest.raises(UserError, match="0x5"):
        again.render((0, 5))


@pytest.mark.parametrize(
    "wrong", [{"lnies": 3}, {"lines": -1}, {"lines": "many"}, {"downscale": -1}, {"downscale": "x"}]
)
def test_wrong_controls_get_one_sentence(wrong):
    with pytest.raises(ControlError):
        s.fit(picture(), steps=1, **{**SMALL, **wrong})


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA GPU"):
        s.fit(picture(), steps=1, device="cuda", **SMALL)
    assert s.fit(picture(), steps=1, **SMALL).steps == 1


TINY = dict(levels=4, hidden_maps=6, output_maps=6, hidden_layers=1, causal_kernel=3, hidden_kernel=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network that was trained into a run folder."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return s.train("pixelcnn", dataset="digits", steps=6, out=folder, wall_every=2, **TINY), folder


def is_png(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.format == "PNG" and min(image.size) > 20


def test_a_network_is_trained_draws_completes_and_is_measured(run):
    network, folder = run
    assert network.steps == 6 and repr(network).startswith("<PixelCNN: ")
    drawn = network.draw(3, seed=2, temperature=0.9)
    assert drawn.pixels.shape == (3, 8, 8, 3) and len(drawn) == 3 and repr(drawn) == "<Pictures: 3 of 8×8>"
    again = s.load(folder).draw(3, seed=2, temperature=0.9)
    np.testing.assert_array_equal(again.pixels, drawn.pixels)
    assert not np.array_equal(s.load(folder).draw(3, seed=3).pixels, drawn.pixels)
    white = np.full((16, 16), 255, np.uint8)
    for keep, kept in (("top", np.s_[:, :4]), ("left", np.s_[:, :, :4]), (np.eye(8, dtype=bool), None)):
        finished = network.complete(white, keep=keep, count=2)
        assert (finished.pixels[kept] if kept else finished.pixels[:, range(8), range(8)] == 255).all()
    found = network.evaluate()
    assert found["pictures"] == 299 and 0 < found["bits_per_dimension"] < 3
    assert s.load(folder).evaluate() == found
    assert all(map(is_png, (drawn._repr_png_(), network._repr_png_())))
    assert (
        network.draw(2, size=(9, 5)).pixels.shape == network.draw(2, size="9x5").pixels.shape == (2, 5, 9, 3)
    )


def test_movies_from_python(run, tmp_path):
    network, folder = run
    fitted = s.fit(picture(), steps=9, out=tmp_path / "fit", **SMALL)
    for number, made in enumerate((network, s.load(folder), network.draw(2), fitted)):
        path = made.movie(tmp_path / f"{number}.gif", seconds=0.5, fps=8)
        with Image.open(path) as film:
            assert film.n_frames > 1
    with pytest.raises(UserError, match="out="):
        s.fit(picture(), steps=1, **SMALL).movie(tmp_path / "no.mp4")


def test_a_movie_ends_with_the_pictures_that_were_drawn(run, tmp_path, monkeypatch):
    network, _ = run
    drawing = network.drawing(3)
    drawing.apply(GoTo(20))
    drawing.apply(SetValue(1, 1, 2, (3,)))
    drawing.apply(SetControls({"temperature": 4.0}))
    *_, last = s.watch(drawing)
    ends = []

    def recorded(folder, path, options):
        with RunFolder(folder).history() as history:
            ends.append(list(history.frames())[-1].frame)
        return path

    monkeypatch.setattr("scalefree_studio.results._movie", recorded)
    s.result(drawing).movie(tmp_path / "a.mp4")
    np.testing.assert_array_equal(ends[0]["values"], last.frame["values"])
    np.testing.assert_array_equal(ends[0]["given"], last.frame["given"])


def test_what_is_saved_is_what_is_loaded(run, tmp_path):
    network, _ = run
    network.save(tmp_path / "n.safetensors")
    network.draw(2).save(tmp_path / "wall.png")
    again = s.load(tmp_path / "n.safetensors")
    np.testing.assert_array_equal(again.draw(2).pixels, network.draw(2).pixels)
    assert s.load("model:digits").steps > 1000
    assert is_png(s.fit(picture(), steps=3, **SMALL)._repr_png_())


def test_a_run_is_watched_step_by_step_and_broken_off(run):
    job = s.training("pixelcnn", steps=5, **TINY)
    steps = [snapshot.step for snapshot in s.watch(job, every=2)]
    assert steps == [2, 4, 5] and s.result(job).steps == 5
    fit = s.fitting(picture(), steps=100, **SMALL)
    for snapshot in s.watch(fit):
        if snapshot.step == 3:
            break
    assert fit.step_count == 3 and s.result(fit).steps == 3
    assert [shot.step for shot in s.watch(fit, every=50)][-1] == 100
    drawing = s.load("model:digits").drawing(2)
    assert list(s.watch(drawing))[-1].metrics["share"] == 1 and len(s.result(drawing)) == 2


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda: s.train("gan"), "can be trained"),
        (lambda: s.train("pixelcnn", "nowhere"), "no data set"),
        (lambda: s.train("pixelcnn", levles=4), "levles"),
        (lambda: s.load("nowhere"), "no file"),
        (lambda: s.load("model:digits").draw(0), "between"),
        (lambda: s.load("model:digits").complete("nothing.png"), "nothing.png"),
        (lambda: s.load("model:digits").complete(np.zeros((4, 4), np.uint8), keep="middle"), "middle"),
    ],
)
def test_what_cannot_be_is_one_sentence(wrong, why):
    with pytest.raises((UserError, ControlError), match=why) as caught:
        wrong()
    assert "\n" not in str(caught.value)


def test_what_is_kept_may_be_said_in_many_ways(run):
    network, _ = run
    white = np.full((8, 8, 1), 255, np.uint8)
    for keep in (np.ones((8, 8), np.uint8), np.full((8, 8), 0.3), np.ones((8, 8), np.int64)):
        assert (network.complete(white, keep=keep, count=1).pixels == 255).all()


def test_a_thread_may_draw_and_train(run):
    network, _ = run
    with ThreadPoolExecutor(1) as threads:
        assert len(threads.submit(network.draw, 2).result()) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda network: network.draw(2, size=0),
        lambda network: network.draw(2, device="gpu"),
        lambda network: network.draw(2).save("walls.jpg"),
        lambda network: network.draw(2).save("nowhere/wall.png"),
        lambda network: network.save("nowhere/n.safetensors"),
        lambda network: network.save("network.png"),
        lambda network: network.draw(2, size=10**7),
        lambda network: s.fit(picture(), steps=1, **SMALL).save("picture.png"),
        lambda network: s.fit(picture(), steps=1, **SMALL).render("wide"),
        lambda network: s.fit(picture(), steps=1, **SMALL).render((1, 2, 3)),
        lambda network: s.fit(picture(), lnes=3),
        lambda network: s.train("pixelcnn", steps=-1),
        lambda network: s.fit(picture(), steps="three"),
        lambda network: s.train("pixelcnn", np.zeros((4, 8, 8))),
        lambda network: next(s.watch(network.drawing(2), every=0)),
    ],
)
def test_wrong_arguments_are_one_sentence_and_write_nothing(run, wrong, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(s.UserError) as caught:
        wrong(run[0])
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_run_says_where_it_comes_from_and_is_found_by_its_model(run, tmp_path):
    _, folder = run
    assert json.loads((folder / "run.json").read_text())["dataset"] == "digits"
    s.load(folder / "model.safetensors").movie(tmp_path / "m.gif", seconds=0.3)


def test_everything_says_in_a_line_what_it_is():
    """Not in pages of numbers."""
    fit, train = s.fitting(picture(), **SMALL), s.training("pixelcnn", hidden_maps=8, output_maps=8)
    drawing = s.load("model:digits").drawing(3)
    assert repr(fit) == "<FitDividers: picture, step 0>"
    assert repr(train).startswith("<Train: PixelCNN on digits, step 0 of ")
    assert repr(drawing).startswith("<DrawPictures: 3 pictures of a model of kind 'pixelcnn', step 0 of 64>")
    things = [fit, train, drawing, fit.snapshot(), train.snapshot(), drawing.snapshot(), train.checkpoint()]
    things += [
        train.dataset,
        load_picture("photo:astronaut"),
        s.load("model:cascade-sea"),
        s.load("model:digits"),
    ]
    for thing in things:
        assert repr(thing).startswith("<") and len(repr(thing)) < 400 and "\n" not in repr(thing)


def test_a_picture_is_drawn_at_any_size_that_can_be_said():
    fitted = s.fit(picture(), steps=1, **SMALL)
    as_learnt = fitted.render()
    assert as_learnt.shape == fitted.model.target.shape
    for size, shape in {(9, 5): (5, 9, 3), 7: (7, 7, 3), "9x5": (5, 9, 3)}.items():
        assert fitted.render(size).shape == shape
