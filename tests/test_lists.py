"""Lists of pictures: folders by other means."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalefree_studio.cli import main
from scalefree_studio.data import lists
from scalefree_studio.data.datasets import is_dataset_file, load_dataset
from scalefree_studio.errors import UserError


def one_sentence(error: pytest.ExceptionInfo[UserError]) -> str:
    text = str(error.value)
    assert "\n" not in text and text.endswith(".") and ". " not in text
    return text


def pictures(where: Path, count: int = 8) -> list[str]:
    """Each of a grey of its own: 10, 20, …"""
    where.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        Image.new("L", (6, 6), 10 * n + 10).save(where / f"{n}.png")
    return [f"{n}.png" for n in range(count)]


def write_csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_json(path: Path, *items: object) -> Path:
    path.write_text(json.dumps({"_default": {str(n): item for n, item in enumerate(items, 1)}}))
    return path


def greys(path: Path) -> tuple[list[int], list[int], list[str]]:
    """Of the pictures learnt from and of those held out, with the class of each of the former."""
    found = load_dataset(path, size=2)
    train, held = (part.take(np.arange(len(part))) for part in (found.train, found.held))
    classes = [found.classes[label] for label in train.labels]
    return train.values[:, 0, 0, 0].tolist(), held.values[:, 0, 0, 0].tolist(), classes


def test_a_list_is_the_folder_that_it_names(tmp_path: Path) -> None:
    names = [f"{kind}/{name}" for kind in ("dark", "light") for name in pictures(tmp_path / "all" / kind)]
    rows = [f"all/{name},{name.split('/')[0]}" for name in names]
    items = [{"image_fpath": f"all/{name}", "labels": [name.split("/")[0], "else"]} for name in names]
    write_csv(tmp_path / "list.csv", "image_path,label", *rows)
    write_json(tmp_path / "list.json", *items)
    folder = load_dataset(tmp_path / "all", size=2)
    for ending in ("csv", "json"):
        listed = load_dataset(tmp_path / f"list.{ending}", size=2)
        assert listed.name == "list" and listed.spec == str(tmp_path / f"list.{ending}")
        assert listed.classes == folder.classes == ("dark", "light") and not listed.notes
        for part, other in ((listed.train, folder.train), (listed.held, folder.held)):
            ours, theirs = part.take(np.arange(len(part))), other.take(np.arange(len(other)))
            assert (ours.values == theirs.values).all() and (ours.labels == theirs.labels).all()


def test_labels_may_be_missing_and_the_order_is_that_of_the_list(tmp_path: Path) -> None:
    pictures(tmp_path)
    plain = write_csv(tmp_path / "mine.csv", "image_path", "3.png", "1.png", "2.png", "0.png")
    assert greys(plain) == ([40, 20, 10], [30], ["mine"] * 3)
    some = write_csv(
        tmp_path / "some.csv", "n,label , image_path,x", "1,a,1.png,", "", "2,,2.png", '3,a," 3.png"'
    )
    train, held, classes = greys(some)
    assert sorted(train + held) == [20, 30, 40] and set(classes) == {"a", "some"}
    items = (
        {"image_fpath": "0.png", "labels": []},
        {"image_fpath": "1.png"},
        {"image_fpath": "2.png", "labels": [7]},
    )
    assert load_dataset(write_json(tmp_path / "mixed.json", *items), size=2).classes == ("7", "mixed")


def test_paths_may_be_absolute_or_lead_upwards_and_nothing_is_written(tmp_path: Path) -> None:
    pictures(tmp_path / "far" / "away")
    inner = tmp_path / "lists"
    inner.mkdir()
    path = write_csv(
        inner / "a.csv", "image_path", "../far/away/0.png", str(tmp_path / "far" / "away" / "1.png")
    )
    before = sorted(tmp_path.rglob("*"))
    assert greys(path)[:2] == ([10], [20])
    assert sorted(tmp_path.rglob("*")) == before


def test_a_byte_order_mark_and_other_scripts_are_read(tmp_path: Path) -> None:
    pictures(tmp_path / "Fotos ä", 3)
    text = "image_path,label\r\nFotos ä/0.png,grün\r\nFotos ä/1.png,grün\r\nFotos ä/2.png,grün\r\n"
    (tmp_path / "a.csv").write_bytes(text.encode("utf-8-sig"))
    assert greys(tmp_path / "a.csv")[2] == ["grün"] * 2
    table = {"_default": {"1": {"image_fpath": "Fotos ä/0.png"}, "2": {"image_fpath": "Fotos ä/1.png"}}}
    (tmp_path / "a.json").write_bytes(json.dumps(table, ensure_ascii=False).encode("utf-8-sig"))
    assert len(greys(tmp_path / "a.json")[0]) == 1


def test_what_cannot_be_read_is_skipped_counted_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    os.mkfifo(tmp_path / "pipe.png")  # whoever opened it would wait for ever
    wrong = ["broken.png", "pipe.png", "missing.png", "nul\0.png", "/dev/zero", "."]
    path = write_json(
        tmp_path / "a.json", *({"image_fpath": f} for f in [*wrong, *(f"{n}.png" for n in range(8))])
    )
    found = load_dataset(path, size=4)
    assert found.skipped == 6 and found.skipped_names == ("broken.png", "pipe.png", "missing.png")
    assert found.notes == ("6 of 14 pictures could not be read: broken.png, pipe.png, missing.png …",)
    assert len(found.train) + len(found.held) == 8
    monkeypatch.chdir(tmp_path)
    flags = [
        "--hidden-maps",
        "3",
        "--hidden-layers",
        "1",
        "--output-maps",
        "3",
        "--wall-every",
        "0",
        "--size",
        "4",
    ]
    assert main(["train", "pixelcnn", "--dataset", "a.json", "--steps", "1", "--out", "run", *flags]) == 0
    assert capsys.readouterr().err.count("6 of 14 pictures could not be read") == 1
    one = write_csv(tmp_path / "one.csv", "image_path", "0.png", "1.png", "missing.png")
    assert load_dataset(one).notes == ("1 of 3 pictures could not be read: missing.png.",)


def test_a_list_may_be_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(tmp_path / "a.csv", "image_path", *pictures(tmp_path), "missing.png")
    at_once = greys(path)
    monkeypatch.setattr("scalefree_studio.data.gather.MOST_BYTES", 10)
    assert greys(path) == at_once and load_dataset(path).skipped == 1


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "", "image_path"),
        ("a.csv", "path,label\n0.png,a\n", "has no column image_path"),
        ("a.csv", "label,image_path\na,0.png\nb\n", "line 3 has no image_path"),
        ("a.csv", 'image_path\n"0.png\n', "line "),
        ("a.csv", "image_path\n" + "x" * 200_000, "line 2"),
        ("a.csv", "image_path\n\n", "names no picture"),
        ("a.csv", "image_path\nmissing.png\nnone.png", "none of its 2 pictures"),
        ("a.csv", "image_path\n0.png", "one picture"),
        ("a.csv", b"image_path\n\xff\xfe", "UTF-8"),
        ("a.json", b"\xff\xfe{", "UTF-8"),
        ("a.json", "", "line 1, column 1"),
        ("a.json", '{"_default":\n {"1": }}', "line 2, column 8"),
        ("a.json", "[1, 2]", '"_default"'),
        ("a.json", '{"other": {}}', '"_default"'),
        ("a.json", '{"_default": []}', '"_default"'),
        ("a.json", '{"_default": {}}', "names no picture"),
        ("a.json", '{"_default": {"17": {"labels": []}}}', "_default.17 has no image_fpath"),
        ("a.json", '{"_default": {"1": {"image_fpath": 3}}}', "_default.1 has no image_fpath"),
        ("a.json", '{"_default": {"1": []}}', "_default.1 has no image_fpath"),
        ("a.json", '{"_default": {"1": {"image_fpath": "0.png", "labels": "cat"}}}', "_default.1.labels"),
        ("a.json", "[" * 100_000, "nested"),
        ("a.json", '{"_default": ' + "9" * 5000 + "}", "number"),
    ],
)  # fmt: skip
def test_bad_lists_get_one_sentence_that_says_where(
    tmp_path: Path, name: str, text: str | bytes, words: str
) -> None:
    pictures(tmp_path, 2)
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as error:
        load_dataset(path)
    assert words in one_sentence(error) and str(path) in str(error.value)


def test_a_list_that_is_too_large_or_no_list_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "a.CSV", "image_path", *pictures(tmp_path))
    assert is_dataset_file(path) and not is_dataset_file(tmp_path / "0.png") and not is_dataset_file(tmp_path)
    monkeypatch.setattr(lists, "MOST_BYTES", 20)
    with pytest.raises(UserError, match="larger than") as error:
        load_dataset(path)
    one_sentence(error)
    (tmp_path / "a.txt").write_text("image_path\n0.png\n")
    with pytest.raises(UserError, match="neither a list of pictures") as error:
        load_dataset(tmp_path / "a.txt")
    one_sentence(error)


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "image_path", *pictures(tmp_path))

    class CancelledError(Exception):
        pass

    seen: list[tuple[str, int, int]] = []

    def progress(*what: object) -> None:
        seen.append(what)  # type: ignore[arg-type]
        if len(seen) == 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        load_dataset(path, progress=progress)
    assert seen == [("Reading pictures", n, 8) for n in (1, 2, 3)]
