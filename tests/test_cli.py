"""The command line as a stranger uses it: right and wrong input, interrupts, kills and full disks."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import pytest
from command_line import ALONE, last_json, recorded, wait_until
from PIL import Image

from scalefree_studio import cli
from scalefree_studio.cli import main
from scalefree_studio.data.datasets import is_dataset_name, load_dataset
from scalefree_studio.jobs import instruments as all_instruments
from scalefree_studio.jobs.instruments import Instrument
from scalefree_studio.recipes.found import find_recipe, is_recipe
from scalefree_studio.storage.history import History
from scalefree_studio.storage.run_folder import RunFolder, load_checkpoint

SMALL = ["--lines", "3", "--hidden", "4", "--batch-size", "64", "--start", "random"]
PROGRAM = [sys.executable, "-m", "scalefree_studio"]


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "little picture.png"
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, 12:] = (220, 120, 30)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Default output folders land in a place of the test's own."""
    monkeypatch.chdir(tmp_path)


def fit(*arguments):
    return main(["fit", *map(str, arguments)])


def test_fit_leaves_a_run_folder_and_says_so_in_json(picture, tmp_path, capsys):
    assert fit(picture, *SMALL, "--steps", 30, "--out", tmp_path / "run", "--json") == 0
    result = last_json(capsys.readouterr().out)
    assert result["steps"] == 30 and result["psnr"] > 5 and result["seconds"] > 0
    assert load_checkpoint(result["model"]).step == 30
    with Image.open(result["picture"]) as image:
        assert image.size == (30, 20)
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["seed"] == 0 and run["versions"]["torch"]
    with RunFolder(tmp_path / "run").history() as history:
        steps = [step for _, step in history.index()]
    assert steps[0] == 1 and steps[-1] == 30


def test_default_output_folders_do_not_overwrite_each_other(picture, tmp_path):
    for _ in range(2):
        assert fit(picture, *SMALL, "--steps", 2) == 0
    assert sorted(os.listdir(tmp_path / "output")) == ["little picture", "little picture-2"]


def test_a_run_at_its_end_stays_as_it_is_until_it_is_given_more(picture, tmp_path, capsys):
    fit(picture, *SMALL, "--steps", 5, "--out", tmp_path / "run")
    before = load_checkpoint(tmp_path / "run").model
    assert fit("--resume", "--out", tmp_path / "run") == 0
    assert "--steps" in capsys.readouterr().err
    after = load_checkpoint(tmp_path / "run")
    assert after.step == 5 and all((after.model[n] == a).all() for n, a in before.items())
    assert fit("--resume", "--out", tmp_path / "run", "--steps", 7) == 0
    assert load_checkpoint(tmp_path / "run").step == 7


def test_resume_refuses_what_would_start_over(picture, tmp_path, capsys):
    fit(picture, *SMALL, "--steps", 5, "--out", tmp_path / "run")
    capsys.readouterr()
    assert fit("--resume", "--out", tmp_path / "run", "--lines", 9, "--steps", 9) == 2
    assert "--lines" in capsys.readouterr().err
    assert load_checkpoint(tmp_path / "run").step == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit"],
        ["fit", "nothing.png"],
        ["fit", "."],
        ["fit", "photo:nobody"],
        ["fit", "synthetic:lines-99"],
        ["fit", "synthetic:triangles-3"],
        ["fit", "drawing:nothing"],
        ["fit", "photo:cat", "--lines", "many"],
        ["fit", "photo:cat", "--lines", "-3"],
        ["fit", "photo:cat", "--steps", "0"],
        ["fit", "photo:cat", "--seconds", "nan"],
        ["fit", "photo:cat", "--learning-rate", "inf"],
        ["fit", "photo:cat", "--line-form", "wavy"],
        ["fit", "photo:cat", "--numbers", "7"],
        ["fit", "photo:cat", "--nonsense"],
        ["fit", "photo:cat", "--out", "x" * 300],
        ["fit", "--resume", "--out", "x" * 300],
        ["fit", "--resume"],
        ["fit", "--resume", "--out", "nowhere"],
        ["info", "nowhere"],
        ["info"],
        ["render", "nowhere", "out.png"],
        ["movie", "nowhere", "out.mp4"],
        ["info", "x" * 300],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_bad_input_gets_one_sentence_and_exit_code_2(arguments, capsys, tmp_path):
    assert main(arguments) == 2
    told = capsys.readouterr().err.strip()
    assert told.startswith("scalefree-studio: ") and "\n" not in told and "Traceback" not in told
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    "out", ["", " ", ".", "..", "/", "folder.png", "folder.mp4", "/proc/a.png", "/proc/a.mp4"]
)
@pytest.mark.parametrize(
    "command",
    [
        ["render", "m"],
        ["movie", "m"],
        ["sample", "m"],
        ["complete", "m", "a.png"],
        ["sample", "m", "a.png", "--movie"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_written_is_told_before_any_work(command, out, capsys, tmp_path):
    """Before the model is even looked at: there is none."""
    if "proc" in out and not sys.platform.startswith("linux"):
        pytest.skip("there is no /proc")
    for name in ("folder.png", "folder.mp4"):
        (tmp_path / name).mkdir()
    assert main([*command, out]) == 2
    told = capsys.readouterr().err.strip()
    words = (
        "Cannot write in /proc." if "proc" in out else "is a folder;" if out.strip() else "is not a file name"
    )
    assert words in told and "\n" not in told
    assert sorted(os.listdir(tmp_path)) == ["folder.mp4", "folder.png"]


def test_a_misspelt_command_opens_no_window(tmp_path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(cli, "_open_window", lambda arguments: opened.append(arguments.subject) or 0)
    assert main(["nonsense"]) == 2
    told = capsys.readouterr().err
    assert "There is no command, picture or run 'nonsense' (see scalefree-studio --help)." in told
    (tmp_path / "run").mkdir()
    subjects = ["run", "run/", "missing.png", "missing/run", "photo:nobody", "~"]
    for subject in subjects:
        assert main([subject]) == 0
    assert main([]) == 0
    assert opened == [*subjects, None]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["fot", "photo.jpg"], "fit"),
        (["sampel", "model:mnist", "wall.png"], "sample"),
        (["FIT", "photo.jpg"], "fit"),
    ],
)
def test_a_misspelt_command_is_told_which_was_meant(words, meant, capsys, monkeypatch):
    monkeypatch.setattr(cli, "_open_window", lambda arguments: pytest.fail("a window"))
    assert main(words) == 2
    told = capsys.readouterr().err.strip()
    assert told == f"scalefree-studio: There is no command {words[0]!r}. Did you mean {meant!r}?"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["fit", "a.png", "--lnes", "3"],
            "there is no option --lnes; did you mean --lines? (see {} fit --help)",
        ),
        (
            ["train", "pixelcnn", "--dropot=1"],
            "there is no option --dropot; did you mean --dropout? (see {} train pixelcnn --help)",
        ),
        (["info", "run", "--zzz"], "there is no option --zzz (see {} info --help)"),
        (["info", "run", "other"], "'other' is one word too many (see {} info --help)"),
        (
            ["fit", "a.png", "--lines", "1.5"],
            "argument --lines: '1.5' is not a whole number (see {} fit --help)",
        ),
        (
            ["render", "a", "b.png", "--border", ""],
            "argument --border: '' is not a number (see {} render --help)",
        ),
    ],
)
def test_a_misspelt_option_is_told_which_was_meant(words, told, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.strip() == f"scalefree-studio: {told.format('scalefree-studio')}"


def test_a_disk_that_stays_full_is_told_once_and_at_the_end(picture, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(RunFolder, "keep", full)
    assert fit(picture, *SMALL, "--steps", 2, "--out", tmp_path / "run") == 2
    said = capsys.readouterr().err.splitlines()
    words = f"Saving failed: {os.strerror(errno.ENOSPC)}"
    assert [line for line in said if "Saving" in line] == [words, f"scalefree-studio: {words}"]


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot interrupt itself")
@pytest.mark.parametrize(
    ("module", "interrupts"),
    [
        ("torch", "os.kill(os.getpid(), signal.SIGINT); print('imported')"),
        ("torch", "os.kill(os.getpid(), signal.SIGTERM); print('imported')"),
        ("scalefree_studio.cli_fit", "exec('raise KeyboardInterrupt')"),
    ],
)
def test_an_interrupt_while_it_starts_ends_it_well(module, interrupts, tmp_path):
    """Torch would abort, and Python end with another code where what is interrupted is run by exec."""
    lines = (
        "import os, signal, sys",
        "class Meddling:",
        "    def find_spec(self, name, *_):",
        f"        if name == '{module}':",
        f"            {interrupts}",
        "sys.meta_path.insert(0, Meddling())",
    )
    (tmp_path / "sitecustomize.py").write_text("\n".join(lines))
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [*PROGRAM, "pictures"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert (done.returncode, done.stderr) == (0, "\nscalefree-studio: stopped.\n")
    assert done.stdout == ("imported\n" if module == "torch" else "")


def test_help_tells_defaults_in_words(capsys):
    for words in (["movie"], ["train", "codebook"], ["train", "pixels"]):
        with pytest.raises(SystemExit):
            main([*words, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "(default: off)" in told
    assert not any(f"(default: {word})" in told for word in ("", "False", "True", "None"))


def test_what_comes_along_is_listed_in_groups(capsys):
    assert main(["pictures"]) == 0
    words = capsys.readouterr().out
    assert main(["pictures", "--json"]) == 0
    found = last_json(capsys.readouterr().out)
    assert list(found)[-3:] == ["Models", "Data sets", "Recipes"] and "Photographs" in found
    named = {item["name"]: item["title"] for items in found.values() for item in items}
    wanted = {"photo:astronaut", "drawing:balloon", "synthetic:lines-5", "model:mnist", "dataset:cifar10"}
    assert wanted | {"recipe:vqvae-digits"} <= named.keys() and all(named.values())
    assert all(is_dataset_name(item["name"]) for item in found["Data sets"])
    assert load_dataset("dataset:digits").spec == "digits"
    for name in (item["name"] for item in found["Recipes"]):
        recipe, folder = find_recipe(name)
        assert is_recipe(name) and find_recipe(name.removeprefix("recipe:")) == (recipe, folder)
    for group, items in found.items():
        assert group in words.splitlines()
        assert all(f"  {item['name']:<32}{item['title']}" in words.splitlines() for item in items)


def test_a_command_of_an_instrument_that_ours_hides_is_told(capsys, monkeypatch):
    theirs = Instrument("clouds", "Clouds", "", "", commands={"fit": ("", "a:b"), "rain": ("", "a:b")})
    monkeypatch.setattr(all_instruments, "instruments", lambda: {"clouds": theirs})
    assert main(["fetch", "--list"]) == 0
    said = (
        "scalefree-studio: The command 'fit' of Clouds is left out: the studio already has one of that name."
    )
    assert capsys.readouterr().err.strip() == said
    assert "rain" in cli.commands()


@pytest.mark.parametrize("run", ["model:mnist", "a.safetensors", "nowhere"])
def test_what_is_no_run_folder_makes_no_movie(run, capsys, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"")
    assert main(["movie", run, "a.mp4"]) == 2
    assert f"A movie needs the folder of a recorded run; {run} is not one." in capsys.readouterr().err


def test_pictures_that_are_none_get_one_sentence(tmp_path, capsys):
    good = tmp_path / "good.png"
    Image.fromarray(np.zeros((50, 50, 3), np.uint8)).save(good)
    (tmp_path / "text.png").write_text("I am no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:60])
    (tmp_path / "bomb.png").write_bytes(
        good.read_bytes().replace((50).to_bytes(4, "big") * 2, (60_000).to_bytes(4, "big") * 2, 1)
    )
    for name in ("text", "empty", "cut", "bomb"):
        assert fit(tmp_path / f"{name}.png", "--steps", 1) == 2
        told = capsys.readouterr().err.strip()
        assert told.count(f"{name}.png") == 1 and "\n" not in told


def test_absurd_pictures_are_learnt_all_the_same(tmp_path):
    for name, size, mode in [("dot", (1, 1), "RGB"), ("thread", (200, 1), "L"), ("glass", (9, 5), "RGBA")]:
        Image.new(mode, size).save(tmp_path / f"{name}.png")
        assert fit(tmp_path / f"{name}.png", "--lines", 2, "--circles", 1, "--hidden", 2, "--steps", 3) == 0


def test_a_run_is_not_overwritten(picture, tmp_path, capsys):
    fit(picture, *SMALL, "--steps", 5, "--out", tmp_path / "run")
    assert fit(picture, *SMALL, "--steps", 9, "--out", tmp_path / "run") == 2
    assert "--resume" in capsys.readouterr().err
    assert load_checkpoint(tmp_path / "run").step == 5


def test_info_of_run_and_model(picture, tmp_path, capsys):
    fit(picture, *SMALL, "--steps", 5, "--out", tmp_path / "run")
    capsys.readouterr()
    assert main(["info", str(tmp_path / "run"), "--json"]) == 0
    found = last_json(capsys.readouterr().out)
    assert found["units"] == {"lines": 3} and found["target"] == "30x20" and found["recorded"]["frames"] >= 5
    assert found["numbers"] == 3 * 3 + 4 * 4 + 3 * 5 and found["controls"]["hidden"] == 4
    assert main(["info", str(tmp_path / "run" / "model.safetensors")]) == 0
    assert "step: 5" in capsys.readouterr().out


def test_help_and_lists(capsys):
    for arguments in (["--help"], ["fit", "--help"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
    assert main(["pictures"]) == 0
    assert "photo:astronaut" in capsys.readouterr().out


def start(*arguments, **more):
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        env=ALONE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **more,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_stop_save_and_exit_0(how, picture, tmp_path):
    run = tmp_path / "run"
    process = start("fit", picture, *SMALL, "--steps", 10_000_000, "--out", run, "--json")
    wait_until(lambda: recorded(run) > 0, process)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert load_checkpoint(run).step == last_json(out)["steps"] > 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_finish_a_movie_and_leave_no_half_picture(how, picture, tmp_path):
    run, movie, still = tmp_path / "run", tmp_path / "a.mp4", tmp_path / "a.png"
    fit(picture, *SMALL, "--steps", 20, "--out", run)
    before = set(os.listdir(tmp_path))
    process = start("movie", run, movie, "--size", 64, "--seconds", 10_000)
    wait_until(lambda: movie.exists() and movie.stat().st_size > 5000, process)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in err
    assert next(imageio_ffmpeg.read_frames(str(movie)))["duration"] > 0
    movie.unlink()
    process = start("render", run, still, "--size", "20000x20000", "--samples", 4)
    wait_until(lambda: set(os.listdir(tmp_path)) > before, process)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in err
    assert set(os.listdir(tmp_path)) == before


def test_an_interrupted_run_resumed_equals_one_that_was_not(picture, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    asked = ["fit", picture, *SMALL, "--steps", 3000, "--out"]
    uninterrupted = start(*asked, whole)
    interrupted = start(*asked, parts)
    wait_until(lambda: recorded(parts) > 1, interrupted)
    interrupted.send_signal(signal.SIGINT)
    for process in (interrupted, uninterrupted):
        assert process.communicate(timeout=120) and process.returncode == 0
    assert load_checkpoint(parts).step < 3000
    resumed = start("fit", "--resume", "--out", parts)
    assert resumed.communicate(timeout=120) and resumed.returncode == 0
    one, other = load_checkpoint(whole), load_checkpoint(parts)
    assert one.step == other.step == 3000
    for part in ("model", "trainer"):
        assert all(a.tobytes() == getattr(other, part)[n].tobytes() for n, a in getattr(one, part).items())


def test_kill_9_loses_no_more_than_the_last_seconds_and_the_run_goes_on(picture, tmp_path):
    run = tmp_path / "run"
    process = start("fit", picture, *SMALL, "--steps", 10_000_000, "--out", run)
    wait_until(lambda: (run / "model.safetensors").exists(), process)  # the first autosave
    first = load_checkpoint(run).step
    wait_until(lambda: load_checkpoint(run).step > first, process)  # and another
    process.kill()
    process.communicate()
    saved = load_checkpoint(run).step
    assert saved > first
    with History.open(run / "history.sqlite") as history:
        frames = history.index()
        assert frames and history.frame(frames[-1][0]).step > 0
    assert fit("--resume", "--out", run, "--steps", saved + 10) == 0
    assert load_checkpoint(run).step == saved + 10
    assert not [name for name in os.listdir(run) if name.endswith(".part")]


def test_a_recording_that_stops_is_told(picture, tmp_path, monkeypatch, capsys):
    def full(self, **_):
        raise OSError("the history cannot be written (database or disk is full)")

    monkeypatch.setattr(History, "write", full)
    assert fit(picture, *SMALL, "--steps", 5, "--out", tmp_path / "run") == 0
    assert "Recording stopped" in capsys.readouterr().err


def test_a_full_disk_is_reported_and_the_last_good_model_stays(picture, tmp_path):
    """A file-size limit stands for a full disk: the history grows into it, then the model cannot be written."""
    run = tmp_path / "run"
    fit(picture, *SMALL, "--steps", 50, "--out", run)
    before = (run / "model.safetensors").read_bytes()

    def little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    process = start("fit", "--resume", "--out", run, "--steps", 200, preexec_fn=little_room)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    told = [line for line in err.splitlines() if line.startswith("scalefree-studio:")]
    assert len(told) == 1 and "Traceback" not in err
    assert (run / "model.safetensors").read_bytes() == before
    assert load_checkpoint(run).trainer  # exact resume is still possible
