"""Drawing from the command line: walls, movies, run folders that can be opened again."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from command_line import last_json
from PIL import Image
from recordings import frames_of
from small_drawings import H, N, W, directly, frame, make, network, play, same_frames

from scalefree_studio.cli import main
from scalefree_studio.drawings import Drawing
from scalefree_studio.export.walls.wall import large_wall, wall_of, write_wall
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo
from scalefree_studio.storage.run_folder import RunFolder


@pytest.fixture(autouse=True)
def model(tmp_path, monkeypatch):
    """A trained network, here."""
    monkeypatch.chdir(tmp_path)
    RunFolder("model").keep(network())


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def test_sample_draws_what_the_network_draws_however_it_is_asked(capsys):
    flags = ["--count", "5", "--seed", "3", "--temperature", "0.8", "--top-p", "0.9"]
    assert main(["sample", "model", "plain.png", *flags, "--json"]) == 0
    told = last_json(capsys.readouterr().out)
    assert (
        told["pictures"] == 5
        and told["picture"] == "plain.png"
        and 0 < told["bits"] < 2
        and told["surprise"] > 0
    )
    job = play(make(seed=3, temperature=0.8, top_p=0.9))
    np.testing.assert_array_equal(frame(job)["values"], directly(job))
    write_wall(Drawing(frame(job), job.still()).pictures(), Path("expected.png"))
    for name, extra in (
        ("naive", ["--no-cache"]),
        ("run", ["--run", "drawn"]),
        ("movie", ["--movie", "a.mp4"]),
    ):
        assert main(["sample", "model", f"{name}.png", *flags, *extra]) == 0
    for name in ("plain", "naive", "run", "movie"):
        np.testing.assert_array_equal(pixels(f"{name}.png"), pixels("expected.png"))


def test_only_the_likeliest_few_are_drawn_where_that_is_asked_for(capsys):
    assert main(["sample", "model", "a.png", "--count", "5", "--top-k", "2"]) == 0
    job = play(make(top_k=2))
    np.testing.assert_array_equal(frame(job)["values"], directly(job))
    write_wall(Drawing(frame(job), job.still()).pictures(), Path("expected.png"))
    np.testing.assert_array_equal(pixels("a.png"), pixels("expected.png"))
    assert main(["sample", "model", "b.png", "--top-k", "-1"]) == 2
    assert "Top k" in capsys.readouterr().err


def test_a_run_that_is_left_can_be_told_drawn_with_shown_and_drawn_on(capsys):
    asked = ["sample", "model", "a.png", "--count", "5", "--label", "class 1", "--run", "drawn"]
    assert main([*asked, "--movie", "a.mp4", "--seconds", "3", "--fps", "10", "--json"]) == 0
    told = last_json(capsys.readouterr().out)
    assert told["run"] == "drawn" and told["movie"] == "a.mp4"
    assert frames_of("a.mp4").shape[0] == 30
    assert len({shot.tobytes() for shot in frames_of("a.mp4")[24:]}) <= 2  # the finished wall stays

    folder = RunFolder("drawn")
    job = DrawPictures.from_checkpoint(folder.checkpoint())
    assert job.controls == DrawControls(count=5, label=1) and job.state.done
    np.testing.assert_array_equal(frame(job)["values"], directly(job))
    with folder.history() as history:
        steps = [s.step for s in history.frames()]
        assert steps[0] == 0 and steps[-1] == N and max(np.diff(steps)) <= 5
        job.apply(GoTo(10))
        same_frames(next(s for s in history.frames() if s.step == 11).frame, frame(job_at(job, 11)))
    run = json.loads((folder.path / "run.json").read_text())
    assert run["controls"]["count"] == 5

    assert main(["info", "drawn", "--json"]) == 0
    found = last_json(capsys.readouterr().out)
    assert (
        found["kind"] == "drawing"
        and found["pictures"] == 5
        and found["drawn"] == "100%"
        and found["resumable"]
    )
    assert found["network"]["kind"] == "pixelcnn" and found["network"]["dataset"]["name"] == "noise"
    assert found["places"] == f"{W}x{H}" and found["recorded"]["last_step"] == N
    assert main(["info", "drawn"]) == 0

    assert (
        main(["movie", "drawn", "b.mp4", "--size", "200", "--overlay", "--caption", "{bits}", "--json"]) == 0
    )
    told = last_json(capsys.readouterr().out)
    assert (
        told["frames"] == len(steps) == len(frames_of("b.mp4")) and max(told["width"], told["height"]) == 200
    )
    assert main(["movie", "drawn", "c.mp4", "--zoom-to", "0", "0", "2"]) == 2
    assert "zoom" in capsys.readouterr().err and not os.path.exists("c.mp4")

    for name in ("drawn", "drawn/model.safetensors"):  # a drawing holds its network
        assert main(["sample", name, "again.png", "--count", "5", "--label", "1"]) == 0
        np.testing.assert_array_equal(pixels("again.png"), pixels("a.png"))
    assert main([*asked]) == 2  # a run is not overwritten
    assert "already holds a run" in capsys.readouterr().err


def test_a_movie_of_a_drawing_may_be_a_gif():
    asked = ["sample", "model", "a.png", "--count", "5", "--seconds", "2", "--fps", "10", "--movie"]
    assert main([*asked, "a.gif"]) == 0 and main([*asked, "a.mp4"]) == 0
    with Image.open("a.gif") as image:
        durations = []
        for n in range(image.n_frames):
            image.seek(n)
            durations.append(image.info["duration"])
        assert sum(durations) == 2000 and durations[-1] >= 500  # the finished wall stays
        last = np.array(image.convert("RGB"))
    assert len(frames_of("a.mp4")) == 20 and max(last.shape) == 480
    assert set(map(tuple, last.reshape(-1, 3))) <= set(map(tuple, pixels("a.png").reshape(-1, 3)))


def job_at(job, position):
    job.apply(GoTo(position))
    return job


def test_a_wall_and_its_movie_are_as_large_as_one_likes(capsys):
    for name, flags in (("a.png", []), ("b.tif", ["--scale", "3"])):
        assert main(["sample", "model", name, "--count", "5", "--seed", "3", *flags]) == 0
    pictures = Drawing(frame(play(make(seed=3))), play(make(seed=3)).still()).pictures()
    np.testing.assert_array_equal(pixels("b.tif"), wall_of(pictures).repeat(3, 0).repeat(3, 1))
    np.testing.assert_array_equal(pixels("a.png"), large_wall(pictures))
    asked = ["sample", "model", "c.png", "--count", "5", "--movie", "c.gif", "--seconds", "1", "--fps", "10"]
    assert main([*asked, "--movie-size", "120x90"]) == 0
    with Image.open("c.gif") as film:
        assert film.size == (120, 90)
    capsys.readouterr()
    for wrong, told in (
        (["d.png", "--movie-size", "64"], "--movie-size belong to a movie"),
        (["d.what"], "file ends in one of"),
        (["d.jpg", "--scale", "4096"], "too large for a .jpg"),
    ):
        assert main(["sample", "model", *wrong]) == 2
        assert told in capsys.readouterr().err
    assert not list(Path().glob("d.*"))


def test_an_interrupt_keeps_what_is_drawn_and_exits_0(capsys, monkeypatch):
    step = DrawPictures.step

    def interrupted(job):
        step(job)
        if job.step_count == W:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(DrawPictures, "step", interrupted)
        assert main(["sample", "model", "a.png", "--run", "drawn", "--movie", "a.mp4", "--seconds", "1"]) == 0
    job = DrawPictures.from_checkpoint(RunFolder("drawn").checkpoint())
    assert job.step_count == W and len(frames_of("a.mp4")) == 30 and pixels("a.png").any()
    np.testing.assert_array_equal(frame(play(job))["values"], directly(job))


def test_complete_keeps_its_part_and_leaves_a_run_that_knows_it(capsys):
    Image.new("RGB", (4 * W, 4 * H), "white").save("white.png")
    Image.fromarray(np.uint8(np.arange(W) % 2 * 255)[None].repeat(H, 0)).save("mask.png")
    assert main(["complete", "model", "white.png", "a.png", "--keep", "mask.png", "--run", "drawn"]) == 0
    job = DrawPictures.from_checkpoint(RunFolder("drawn").checkpoint())
    values, given = frame(job)["values"], frame(job)["given"]
    assert len(values) == 8 and (values[:, :, 1::2] == 3).all()
    assert given[:, :, 1::2].all() and not given[:, :, ::2].any() and job.state.prompt is not None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sample", "model", "a.png", "--seconds", "3"], "--movie"),
        (["sample", "model", "a.png", "--movie", "a.mp4", "--seconds", "0"], "more than 0"),
        (["sample", "model", "a.png", "--movie", "a.avi"], "does not."),
        (["sample", "model", "a.png", "--movie", "a.gif", "--seconds", "600"], "is too large"),
        (["sample", "model", "a.png", "--movie", "a.gif", "--fps", "60"], "at most 50 frames a second"),
        (["sample", "model", "no/a.png"], "no such folder"),
        (["sample", "model", "a.png", "--movie", "no/a.mp4"], "no such folder"),
        (["sample", "model", "a.png", "--run", "model"], "already holds a run"),
        (["sample", "model", "a.png", "--label", "9"], "--label is"),
        (["sample", "model", "a.png", "--count", "9999"], "between"),
        (["sample", "model", "a.png", "--seed", "-1"], "between 0 and 2147483647, not -1."),
        (["sample", "model", "a.png", "--seed", "9" * 20], f"between 0 and 2147483647, not {'9' * 20}."),
        (["sample", "model", "a.png", "--temperature", "99"], "between 0.05 and 20, not 99."),
        (["sample", "model", "a.png", "--size", "wide"], "one number for a square, not 'wide'"),
        (
            ["sample", "model", "a.png", "--size", "5000x5000"],
            "1 to 1048576 places in all, not 5000x5000",
        ),
        (["sample", "model", "a.png", "--size", "0"], "1 to 1048576 places in all, not 0x0"),
        (["sample", "model", "a.png", "--speed", "9"], "no option --speed"),
        (["complete", "model", "nothing.png", "a.png"], "no file"),
    ],
    ids=str,
)
def test_bad_wishes_get_one_sentence_before_anything_is_drawn(arguments, told, capsys):
    before = sorted(os.listdir("."))
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert told in said and len(said.splitlines()) == 1 and said.startswith("scalefree-studio: ")
    assert sorted(os.listdir(".")) == before
