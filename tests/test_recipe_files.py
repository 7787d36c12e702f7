"""What a recipe may say, and how it is told what is wrong with it: in one sentence, by file, line and key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from fake_recipes import RECIPE, add_tiny_lessons
from PIL import Image

from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.recipes.lines import line_of
from scalefree_studio.jobs.recipes.parse import parse, read_recipe
from scalefree_studio.jobs.recipes.plan import steps_of
from scalefree_studio.recipes.found import shipped_recipes


@pytest.fixture(autouse=True)
def _lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    add_tiny_lessons(monkeypatch)


def read(text: str) -> object:
    return parse(text, "tiny", Path.cwd(), "tiny.toml")


def said_of(text: str) -> str:
    with pytest.raises(UserError) as error:
        read(text)
    said = str(error.value)
    assert said.startswith("tiny.toml") and said.endswith(".") and "\n" not in said
    return said


def test_what_it_says_is_understood() -> None:
    recipe = parse(RECIPE, "tiny", Path("/somewhere"))
    assert recipe.data.dataset == "digits" and recipe.data.size is None and recipe.title == "Tiny"
    assert recipe.coder.kind == "vqvae" and recipe.coder.limit == Limit(steps=12)
    assert recipe.coder.controls == {"codes": 8, "batch_size": 16}
    (stage,) = recipe.stages
    assert stage.learning.kind == "tokens" and stage.learning.controls == {"batch_size": 16}
    assert stage.drawing == {"temperature": 0.9} and recipe.sampling == {"count": 4, "seed": 3}
    assert [step.name for step in steps_of(recipe)] == ["vqvae", "shards", "stage-1", "pictures"]


def test_every_section_may_be_there() -> None:
    text = RECIPE.replace("[vqvae]", "[autoencoder]") + '[codebooks]\nseconds = 1.5\nwords = "fine"\n'
    recipe = parse(text + "[[stages]]\nwidth = 3\n", "tiny", Path())
    assert [step.name for step in steps_of(recipe)] == [
        "autoencoder", "codebook", "shards", "stage-1", "stage-2", "pictures",
    ]  # fmt: skip
    assert recipe.codebooks is not None and recipe.codebooks.limit == Limit(seconds=1.5)
    assert [step.needs for step in steps_of(recipe)] == [
        (), ("autoencoder",), ("codebook",), ("shards",), ("shards",), ("codebook", "stage-1", "stage-2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "found"), [("16", (16, 16)), ('"24x16"', (16, 24)), ('"8"', (8, 8)), ("[16, 24]", (16, 24))]
)
def test_a_size_is_written_in_several_ways(size: str, found: tuple[int, int]) -> None:
    recipe = parse(RECIPE.replace('"digits"', f'"digits"\nsize = {size}'), "tiny", Path())
    assert recipe.data.size == found


WRONG = [
    # what is replaced, by what, in which line it is then told, and of which words
    ("codes = 8", "codes = 1", 7, r"\[vqvae\] codes: Codes must be between 2 and 64, not 1"),
    ("codes = 8", 'codes = "8"', 7, r"codes: Codes needs a whole number, not '8'"),
    ("codes = 8", "codes = 8.5", 7, r"codes: Codes needs a whole number, not 8\.5"),
    ("codes = 8", "codes = true", 7, r"codes: Codes needs a whole number, not True"),
    ("codes = 8", "codes = [8]", 7, r"codes: Codes needs a whole number"),
    ("codes = 8", "codes = 2024-01-01", 7, r"codes: Codes needs a whole number"),
    ("codes = 8", 'words = "coarse"', 7, r"words: Words is one of plain, fine, not 'coarse'"),
    ("codes = 8", "words = 3", 7, r"words: Words needs a text, not 3"),
    ("codes = 8", "pair = [1, true]", 7, r"pair: Pair needs 2 numbers"),
    ("codes = 8", "pair = [1.0]", 7, r"pair: Pair needs 2 numbers"),
    ("codes = 8", "pair = [1.0, 10]", 7, r"pair: Pair must be between 0 and 9, not 10"),
    ("codes = 8", "learning_rate = nan", 7, r"learning_rate: Learning rate needs a finite number"),
    ("codes = 8", "code = 8", 7, r"\[vqvae\] code: there is no such key; perhaps you mean codes"),
    ("codes = 8", "autoencoder = 'x'", 7, r"autoencoder: there is no such key"),
    ("codes = 8", '"codes" = 99', 7, r"codes: Codes must be between"),
    ("codes = 8", "  codes  =  99", 7, r"codes: Codes must be between"),
    ("codes = 8", "# codes = 8\n\n\ncodes = 99", 10, r"codes: Codes must be between"),
    ("codes = 8", "codes.more = 99", 7, r"codes: Codes needs a whole number"),
    ("codes = 8", "seconds = 0", 7, r"seconds: Seconds must be more than 0"),
    ("codes = 8", "codes = ", 7, r"this is not TOML: Invalid value"),
    ("codes = 8", "codes = 8\ncodes = 9", 8, r"this is not TOML: "),
    ("steps = 10", "steps = 0", 12, r"\[\[stages\]\] steps: Steps must be between 1 and"),
    ("steps = 10", "stage = 1", 12, r"stage: the recipe itself decides this"),
    ("steps = 10", "codes = 'model:x'", 12, r"codes: the recipe itself decides this"),
    ("steps = 10", "temprature = 1", 12, r"temprature: there is no such key; perhaps you mean temperature"),
    ("steps = 10", 'lesson = "pixels"', 12, r"lesson: Lesson is one of tokens, next-scale, not 'pixels'"),
    ("temperature = 0.9", "temperature = -1", 14, r"temperature: Temperature must be between"),
    ("temperature = 0.9", "[[stages]]\nwidth = 10", 15, r"\[\[stages\]\] width: Width must be between"),
    ("temperature = 0.9", "[[stages]]\nlesson = 'next-scale'", 15, r"it is the only one"),
    ("temperature = 0.9", "[[stages]]", 14, r"\[\[stages\]\] there is one grid of tokens, so no stage 2"),
    ("steps = 10", "lesson = 'next-scale'", 12, r"lesson: it draws the scales of a VQ-VAE; set its scales"),
    ("steps = 10", "lesson = 'next-scale'\nbeams = 2", 13, r"beams: a next-scale stage is not searched"),
    ("steps = 10", "width = 2\nbeams = -1", 13, r"beams: Beams must be between"),
    ("count = 4", "count = 0", 17, r"\[sampling\] count: Pictures must be between"),
    ("count = 4", "speed = 3", 17, r"speed: there is no such key"),
    ("count = 4", "stages = 'yes'", 17, r"stages: Stages needs yes or no, not 'yes'"),
    ("count = 4", "columns = 1.5", 17, r"columns: Columns needs a whole number"),
    ('dataset = "digits"', 'dataset = "digit"', 4, r"\[data\] dataset: there is no data set or file"),
    ('dataset = "digits"', "dataset = 3", 4, r"dataset: Data set needs a text, not 3"),
    ('dataset = "digits"', "size = 0", 4, r"size: Size needs a side of 1 to 1024 pixels"),
    ('dataset = "digits"', "size = [3]", 4, r"size: Size needs a side"),
    ('dataset = "digits"', 'size = "3x"', 4, r"size: Size needs a side"),
    ('dataset = "digits"', "channels = 2", 4, r"channels: Channels needs 1 \(grey\) or 3"),
    ('dataset = "digits"', 'validation = "nowhere"', 4, r"validation: there is no data set or file"),
    ('[data]\ndataset = "digits"', "data = {size = 0}", 3, r"\[data\] size: Size needs"),
    ('[data]\ndataset = "digits"', "data = 3", 3, r"\[data\] it is a section"),
    ("[data]", "[dato]", 3, r"there is no section \[dato\]; perhaps you mean data; there are \[data\], "),
    ('title = "Tiny"', "titel = 3", 1, r"there is no section \[titel\]"),
    ('title = "Tiny"', "title = 3", 1, r"the title must be text"),
    ("[[stages]]", "[stages]", 11, r"\[\[stages\]\] it is written with two brackets"),
    ("[vqvae]", "[[vqvae]]", 6, r"\[vqvae\] it is a section, written once"),
    ("[vqvae]", "[autoencoder]", 6, r"\[autoencoder\] it makes no tokens by itself"),
    ("[vqvae]", "[codebooks]\n[vqvae]", 6, r"\[codebooks\] a VQ-VAE has codes of its own"),
    ("[vqvae]", "[autoencoder]\n[vqvae]", 6, r"\[autoencoder\] the recipe has \[vqvae\] too"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "words"), WRONG)
def test_what_is_wrong_is_told_by_line_and_key(old: str, new: str, line: int, words: str) -> None:
    text = RECIPE.replace(old, new, 1)
    assert text != RECIPE
    said = said_of(text)
    assert said.startswith(f"tiny.toml, line {line}: ") and re.search(words, said), said


@pytest.mark.parametrize("section", ["data", "vqvae", "stages"])
def test_what_is_missing_is_told(section: str) -> None:
    parts = re.split(r"(?=^\[)", RECIPE, flags=re.MULTILINE)
    said = said_of("".join(part for part in parts if not part.strip("[").startswith(section)))
    assert said.startswith("tiny.toml: ") and ("[vqvae]" if section == "vqvae" else section) in said


def test_an_empty_file_and_odd_ones(tmp_path: Path) -> None:
    assert "no section [data]" in said_of("")
    said_of("a = " + "[" * 5000)
    said_of('a = """\n')
    file = tmp_path / "odd.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not written in UTF-8"):
        read_recipe(file)
    file.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(UserError, match="larger than 1 MiB"):
        read_recipe(file)
    with pytest.raises(UserError, match="cannot be read"):
        read_recipe(tmp_path / "nowhere.toml")


def test_lines_are_found_beside_texts_of_several_lines() -> None:
    text = "a = \"\"\"\n[b]\nc = 1\n\"\"\"\n[b]\n# c = 2\nd = '''x'''\nc = 3\n[[e]]\nf = 1\n[[e]]\nf = 2\n"
    assert line_of(text, "b", "c") == 8 and line_of(text, "b") == 5 and line_of(text, "b", "d") == 7
    assert [line_of(text, "e", "f", n) for n in range(2)] == [10, 12]
    assert line_of(text, "e", "g", 1) == 11  # where it is not, its section begins


# --- Data ---------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Pictures of two classes in a folder, and lists of them beside it."""
    rows = [("image_path", "label")]
    for n, colour in enumerate(np.random.default_rng(0).integers(0, 256, (12, 3))):
        file = tmp_path / "pictures" / "ab"[n % 2] / f"{n:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 15), tuple(colour.tolist())).save(file)
        rows.append((str(file.relative_to(tmp_path)), "ab"[n % 2]))
    (tmp_path / "list.csv").write_text("\n".join(map(",".join, rows)))
    table = {str(n): {"image_fpath": path, "labels": [label]} for n, (path, label) in enumerate(rows[1:])}
    (tmp_path / "list.json").write_text(json.dumps({"_default": table}))
    return tmp_path


@pytest.mark.parametrize("source", ["pictures", "list.csv", "list.json"])
def test_data_are_meant_from_where_the_recipe_lies(pictures: Path, source: str) -> None:
    file = pictures / "mine.toml"
    file.write_text(RECIPE.replace('"digits"', f'"{source}"\nsize = 8\nchannels = 1'))
    before = steps_of(read_recipe(file))
    assert before == steps_of(read_recipe(file))
    Image.new("RGB", (20, 15), "red").save(pictures / "pictures" / "a" / "00.png")
    after = steps_of(read_recipe(file))  # other pictures, other settings of what learns from them
    changed = [old.name for old, new in zip(before, after, strict=True) if old.settings != new.settings]
    assert changed == ["vqvae", "shards"]


def test_the_command_says_it_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(RECIPE.replace("codes = 8", "codes = 1"))
    assert main(["recipe", str(file), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"{file}, line 7: [vqvae] codes: " in said
    assert not (tmp_path / "out").exists()
    assert main(["recipe", "nothing"]) == 2 and "There is no recipe" in capsys.readouterr().err
    assert "vqvae-digits" in shipped_recipes()
