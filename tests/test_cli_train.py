"""Training, sampling, completing and measuring from the command line, as a stranger uses it."""

import numpy as np
import pytest
from command_line import last_json
from PIL import Image
from small_training import FLAGS, TINY, run, stripes

import scalefree_studio as studio
from scalefree_studio.cli import main
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.storage.run_folder import load_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_commands_train_resume_sample_complete_and_evaluate(tmp_path, capsys):
    assert main(["train", "pixelcnn", *FLAGS, "--steps", "6", "--out", "run", "--json"]) == 0
    trained = last_json(capsys.readouterr().out)
    assert trained["steps"] == 6 and 0 < trained["bits_per_dimension"] < 1.1
    assert main(["train", "pixelcnn", "--resume", "--out", "run", "--steps", "8", "--json"]) == 0
    assert last_json(capsys.readouterr().out)["steps"] == 8 == load_checkpoint("run").step

    assert main(["info", "run", "--json"]) == 0
    told = last_json(capsys.readouterr().out)
    assert told["kind"] == "pixelcnn" and told["step"] == 8 and told["numbers"] == trained["numbers"]

    for extra in ([], ["--no-cache"]):
        name = f"wall{len(extra)}.png"
        assert main(["sample", "run", name, "--count", "4", "--label", "3", "--top-p", "0.9", *extra]) == 0
    with Image.open("wall0.png") as fast, Image.open("wall1.png") as naive:
        assert (np.array(fast) == np.array(naive)).all()
    assert main(["sample", "run", "wide.png", "--count", "2", "--size", "12x4"]) == 0
    with Image.open("wide.png") as image:
        assert image.width > image.height

    Image.new("L", (16, 16), 255).save("white.png")
    assert main(["complete", "run", "white.png", "done.png", "--keep", "left", "--count", "1"]) == 0
    with Image.open("done.png") as image:
        assert (np.array(image)[:, : image.width // 2 - 1] == 255).all()
    capsys.readouterr()
    assert main(["evaluate", "run", "--json"]) == 0
    found = last_json(capsys.readouterr().out)
    assert found["dataset"] == "digits" and found["nats_per_picture"] == pytest.approx(
        64 * found["nats_per_dimension"]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "gan"],
        ["train", "pixelcnn", "--dataset", "nothing"],
        ["train", "pixelcnn", "--levels", "1"],
        ["train", "pixelcnn", "--resume"],
        ["sample", "nowhere", "out.png"],
        ["complete", "nowhere", "a.png", "out.png"],
        ["evaluate", "nowhere"],
    ],
    ids=" ".join,
)
def test_bad_input_gets_one_sentence(arguments, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr().err.strip()
    assert told.startswith("scalefree-studio: ") and "\n" not in told


@pytest.mark.parametrize(
    "extra",
    [["--count", "0"], ["--temperature", "0"], ["--top-p", "2"], ["--label", "cat"], ["--size", "big"]],
    ids=" ".join,
)
def test_bad_wishes_for_samples_get_one_sentence(extra, capsys):
    job = Train(PixelCNNLesson(stripes()), PixelCNNControls(**TINY), Limit(steps=1))
    from scalefree_studio.storage.run_folder import RunFolder

    RunFolder("run").keep(run(job, 1).checkpoint())
    assert main(["sample", "run", "out.png", *extra]) == 2
    assert "\n" not in capsys.readouterr().err.strip()


def test_a_model_is_not_measured_on_other_classes(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for n in range(8):
        (tmp_path / "cats" if n % 2 else tmp_path / "dogs").mkdir(exist_ok=True)
        pixels = rng.integers(256, size=(8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / ("cats" if n % 2 else "dogs") / f"{n}.png")
    assert main(["evaluate", "model:digits", "--dataset", str(tmp_path)]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert "knows different classes" in message and message.endswith("0, 1, 2, 3, 4, 5, 6, 7, 8, 9.")


def folder_of_stripes(folder, count=24):
    """Pictures of one class, for a model that knows no classes."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for n in range(count):
        Image.fromarray(rng.integers(256, size=(8, 8), dtype=np.uint8)).save(folder / f"{n:02}.png")
    return str(folder)


def test_evaluate_says_what_it_measures_on_and_takes_all_where_it_is_told_to(tmp_path, capsys):
    flags = [*FLAGS, "--steps", "2", "--no-labelled", "--out", "run", "--json"]
    data = folder_of_stripes(tmp_path / "stripes")
    assert main(["train", "pixelcnn", *flags]) == 0
    capsys.readouterr()
    measured = {}
    for extra in ([], ["--all"]):
        assert main(["evaluate", "run", "--dataset", data, *extra, "--json"]) == 0
        found = capsys.readouterr()
        measured[bool(extra)] = last_json(found.out)
        said = found.err
    assert measured[False]["pictures"] == 4 and measured[False]["of"] == 24
    assert measured[True]["pictures"] == 24 and "of" not in measured[True]
    assert said == "Measured on all 24 examples of stripes.\n"
    assert main(["evaluate", "run", "--dataset", data]) == 0
    some = "Measured on 4 of 24 examples of stripes that are held out (about one in six of each class, evenly spaced)."
    assert f"{some} --all takes every one." in capsys.readouterr().err
    parts = [measured[True]["nats_per_dimension"], measured[False]["nats_per_dimension"]]
    network = studio.load("run")
    assert network.evaluate(data, every=True)["nats_per_dimension"] == pytest.approx(parts[0])
    assert network.evaluate(data)["nats_per_dimension"] == pytest.approx(parts[1]) != parts[0]


def test_for_a_program_no_progress_is_said(tmp_path, capsys):
    """Neither a bar nor lines: at most a sentence or two of what a person should know."""
    data = folder_of_stripes(tmp_path / "stripes")
    flags = [*FLAGS, "--steps", "2", "--out", "run", "--json"]
    assert main(["train", "pixelcnn", "--dataset", data, *flags]) == 0
    assert main(["evaluate", "run", "--json"]) == 0
    assert (
        main(["sample", "run", "a.png", "--count", "2", "--movie", "a.gif", "--seconds", "1", "--json"]) == 0
    )
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 2 and "%" not in err and "\r" not in err


def test_what_can_be_kept_is_named(capsys, tmp_path):
    Image.new("L", (8, 8), 255).save("white.png")
    assert main(["complete", "model:digits", "white.png", "b.png", "--keep", "botom"]) == 2
    assert "What to keep is one of top, left, bottom, right, or a mask file; there is no file botom." in (
        capsys.readouterr().err
    )
