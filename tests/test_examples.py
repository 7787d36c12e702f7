"""What is learnt from: in memory, in files that are read as needed, and in shards on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scalefree_studio.data import gather
from scalefree_studio.data.batches import Batches
from scalefree_studio.data.datasets import DATASETS, SOURCES, load_dataset, register
from scalefree_studio.data.examples import Arrays, Examples
from scalefree_studio.data.gather import PictureFiles
from scalefree_studio.data.shards import HEADER, LABELS, VALUES, Shards, ShardWriter
from scalefree_studio.data.sources import DataRequest, Dataset, Source
from scalefree_studio.errors import JobError, UserError
from scalefree_studio.jobs.training.ranks import Ranks

MADE_OF = {"data": "digits", "size": [8, 8], "model": "5f3c"}
TOKENS = np.arange(40 * 6).reshape(40, 2, 3) % 512 + 300  # more than a byte can hold


def one_sentence(error: pytest.ExceptionInfo[Any]) -> str:
    text = str(error.value)
    assert "\n" not in text and text.endswith(".") and ". " not in text
    return text


def folder_of_pictures(where: Path, count: int = 12) -> Path:
    """Colour and grey, upright and wide, in two classes."""
    generator = np.random.default_rng(0)
    for n in range(count):
        path = where / ("odd" if n % 2 else "even") / f"{n:02}.{'jpg' if n % 5 == 0 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (20 + n, 33, 3) if n % 3 else (31, 20 + n)
        Image.fromarray(generator.integers(0, 256, shape, np.uint8)).save(path)
    return where


def write_shards(folder: Path, begin: int = 0, end: int = 40, finish: bool = True) -> None:
    with ShardWriter(folder, (2, 3), "uint16", MADE_OF, tokens=812, classes=3) as writer:
        for n in range(begin, end, 8):
            writer.add(TOKENS[n : n + 8], np.arange(n, n + 8) % 3)
        if finish:
            writer.finish()


# --- In memory, and in files --------------------------------------------------------------------------------


def test_arrays_hand_out_what_they_hold_and_cast_nothing() -> None:
    examples = Arrays(TOKENS.astype(np.uint16), np.arange(40))
    batch = examples.take(np.array([3, 39, 3]))
    assert batch.values.dtype == np.uint16 and (batch.values == TOKENS[[3, 39, 3]]).all()
    assert batch.labels.tolist() == [3, 39, 3] and examples.shape == (2, 3) and len(examples) == 40
    with pytest.raises(ValueError):
        examples.values[0] = 0
    with pytest.raises(ValueError):
        examples.labels[0] = 0
    batch.values[:] = 0
    assert (examples.values == TOKENS).all()
    with pytest.raises(ValueError, match="40 values have 39 labels"):
        Arrays(TOKENS, np.arange(39))


@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("kept", [0, 5, 100])  # of the pictures in memory
def test_pictures_read_as_needed_are_those_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int | None, kept: int
) -> None:
    folder_of_pictures(tmp_path)
    (tmp_path / "odd" / "broken.png").write_bytes(b"no picture")
    at_once = load_dataset(tmp_path, channels=channels, size=9)
    monkeypatch.setattr(gather, "MOST_BYTES", 1000)
    monkeypatch.setattr(gather, "MOST_KEPT", kept * 9 * 9 * 3)
    as_needed = load_dataset(tmp_path, channels=channels, size=9)
    assert isinstance(at_once.train, Arrays) and isinstance(as_needed.train, PictureFiles)
    assert as_needed.shape == at_once.shape and as_needed.classes == at_once.classes
    assert as_needed.skipped == at_once.skipped == 1 and as_needed.notes == at_once.notes
    for there, here in ((at_once.train, as_needed.train), (at_once.held, as_needed.held)):
        assert len(there) == len(here)
        for indices in (np.arange(len(here)), np.array([1, 0, 1])):
            for _ in range(2):  # from the disk, then from memory
                expected, found = there.take(indices), here.take(indices)
                assert found.values.dtype == np.uint8 and (found.values == expected.values).all()
                assert found.labels.tolist() == expected.labels.tolist()


def test_no_more_pictures_stay_in_memory_than_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of_pictures(tmp_path)
    monkeypatch.setattr(gather, "MOST_BYTES", 1000)
    monkeypatch.setattr(gather, "MOST_KEPT", 3 * 9 * 9 * 3)
    examples = load_dataset(tmp_path, size=9, channels=3).train
    assert isinstance(examples, PictureFiles)
    for _ in range(3):
        examples.take(np.arange(len(examples)))
    assert len(examples._kept) == 3


def test_a_picture_that_breaks_later_gives_way_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of_pictures(tmp_path)
    monkeypatch.setattr(gather, "MOST_BYTES", 1000)
    examples = load_dataset(tmp_path, size=9).train
    assert isinstance(examples, PictureFiles)
    whole = load_dataset(tmp_path, size=9).train.take(np.arange(len(examples)))
    names = list(examples._pictures)
    Path(str(names[4])).write_bytes(Path(str(names[4])).read_bytes()[:60])  # it begins as a picture does
    found = examples.take(np.array([3, 4, 5]))
    assert (found.values == whole.values[[3, 5, 5]]).all() and found.labels.tolist() == whole.labels[
        [3, 5, 5]
    ].tolist()
    gone = load_dataset(folder_of_pictures(tmp_path), size=9).train
    for name in names:
        Path(str(name)).unlink()
    with pytest.raises(JobError, match="can no longer be read") as error:
        gone.take(np.array([0]))
    one_sentence(error)


# --- Shards -------------------------------------------------------------------------------------------------


def test_shards_hold_what_was_written(tmp_path: Path) -> None:
    write_shards(tmp_path / "new" / "tokens")
    shards = Shards(tmp_path / "new" / "tokens", MADE_OF)
    assert len(shards) == 40 and shards.shape == (2, 3)
    batch = shards.take(np.array([39, 0, 7]))
    assert batch.values.dtype == np.uint16 and (batch.values == TOKENS[[39, 0, 7]]).all()
    assert batch.labels.dtype == np.int64 and batch.labels.tolist() == [0, 0, 1]
    with pytest.raises(ValueError):
        shards.values[0] = 0
    assert np.shares_memory(shards.values[3:9], shards.values)  # nothing is copied until it is taken
    batch.values[:] = 0
    assert (shards.take(np.arange(40)).values == TOKENS).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64", "float16", "float32"])
def test_values_of_every_type_come_back_as_they_were(tmp_path: Path, dtype: str) -> None:
    values = np.random.default_rng(0).uniform(0, 200, (5, 4)).astype(dtype)
    with ShardWriter(tmp_path, (4,), dtype, {}) as writer:
        writer.add(values)
        shards = writer.finish()
    batch = shards.take(np.arange(5))
    assert batch.values.dtype == np.dtype(dtype) and (batch.values == values).all() and not batch.labels.any()


def test_a_writer_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    write_shards(tmp_path, 0, 16, finish=False)
    with pytest.raises(UserError, match="is incomplete") as error:
        Shards(tmp_path)
    one_sentence(error)
    with open(tmp_path / VALUES, "ab") as file:
        file.write(b"half an exam")  # killed while it was adding
    with ShardWriter(tmp_path, (2, 3), "uint16", MADE_OF, tokens=812, classes=3) as writer:
        assert len(writer) == 16
        writer.add(TOKENS[16:], np.arange(16, 40) % 3)
        resumed = writer.finish()
    write_shards(tmp_path / "at once")
    for name in (HEADER, VALUES, LABELS):
        assert (tmp_path / name).read_bytes() == (tmp_path / "at once" / name).read_bytes()
    assert (resumed.take(np.arange(40)).values == TOKENS).all()
    with ShardWriter(tmp_path, (2, 3), "uint16", MADE_OF, tokens=812, classes=3) as writer:
        assert len(writer) == 40 and len(Shards(tmp_path)) == 40  # what is whole stays so


def test_what_was_made_of_something_else_is_named_and_written_anew(tmp_path: Path) -> None:
    write_shards(tmp_path)
    stale = {"data": "digits", "size": [16, 16], "seed": 1}
    with pytest.raises(UserError) as error:
        Shards(tmp_path, stale)
    text = one_sentence(error)
    assert str(tmp_path) in text and "size is [8, 8], not [16, 16]" in text
    assert 'model is "5f3c", not null' in text and "seed is null, not 1" in text and "data" not in text
    Shards(tmp_path, dict(reversed(MADE_OF.items())))
    for other in ({"made_of": stale}, {"shape": (3, 2)}, {"dtype": "int32"}, {"tokens": 900}):
        write_shards(tmp_path)
        asked: dict[str, Any] = {
            "shape": (2, 3),
            "dtype": "uint16",
            "made_of": MADE_OF,
            "tokens": 812,
            "classes": 3,
        }
        with ShardWriter(tmp_path, **{**asked, **other}) as writer:
            assert len(writer) == 0
        with pytest.raises(UserError, match="is incomplete"):
            Shards(tmp_path)


def test_damaged_and_hostile_shards_are_refused_in_one_sentence(tmp_path: Path) -> None:
    write_shards(tmp_path)
    header = json.loads((tmp_path / HEADER).read_text())
    good = {name: (tmp_path / name).read_bytes() for name in (HEADER, VALUES, LABELS)}
    cases: list[tuple[str, bytes]] = [
        (VALUES, good[VALUES][:-1]), (VALUES, good[VALUES] + b"x"), (LABELS, b""), (HEADER, b""), (HEADER, b"\xff{"),
        (HEADER, b"[1]"), (HEADER, good[HEADER][:-9]), (HEADER, b"[" * 100_000), (HEADER, b" " * 2**21),
        (HEADER, b'{"version": 1, "whole": true}'), (HEADER, b"\x80\x04."),
    ]  # fmt: skip
    for change in (
        {"count": 10**15}, {"count": -1}, {"count": True}, {"count": 4.0}, {"count": 10**300}, {"count": 0},
        {"shape": [0]}, {"shape": "ab"}, {"shape": None}, {"shape": [1] * 9}, {"shape": [6, -1]}, {"dtype": "object"},
        {"dtype": ["O"]}, {"dtype": "float64"}, {"made_of": 3}, {"version": 2}, {"whole": 1}, {"whole": False},
        {"more": 1}, {"tokens": "x"},
    ):  # fmt: skip
        cases.append((HEADER, json.dumps({**header, **change}).encode()))
    for name, data in cases:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError) as error:
            Shards(tmp_path)
        assert str(tmp_path) in one_sentence(error)
        (tmp_path / name).write_bytes(good[name])
    with pytest.raises(UserError, match="there is no header") as error:
        Shards(tmp_path / "nothing")
    one_sentence(error)
    assert len(Shards(tmp_path)) == 40


def test_numbers_that_no_network_could_learn_end_the_job_in_one_sentence(tmp_path: Path) -> None:
    write_shards(tmp_path)
    (tmp_path / VALUES).write_bytes(b"\xff" * (tmp_path / VALUES).stat().st_size)
    with pytest.raises(JobError, match="a token 65535, where there are 812") as error:
        Shards(tmp_path).take(np.array([0]))
    one_sentence(error)
    write_shards(tmp_path, end=0)
    (tmp_path / VALUES).write_bytes(TOKENS.astype("<u2").tobytes())
    (tmp_path / LABELS).write_bytes(np.full(40, -1, "<i8").tobytes())
    with pytest.raises(JobError, match="a class -1, where there are 3") as error:
        Shards(tmp_path).take(np.array([0]))
    one_sentence(error)


def test_a_writer_takes_nothing_that_would_not_come_back(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, (3,), "uint8", {}, tokens=10) as writer:
        for wrong, word in (([[1, 2, 300]], "not uint8"), ([[1, 2, -1]], "not uint8"), ([[1, 2, 10]], "10 tokens"),
                            ([[1, 2]], "not")):  # fmt: skip
            with pytest.raises(ValueError, match=word):
                writer.add(wrong)
        with pytest.raises(ValueError, match="labels"):
            writer.add([[1, 2, 3]], [1, 2])
        with pytest.raises(UserError, match="another process") as error:
            ShardWriter(tmp_path, (3,), "uint8", {})
        one_sentence(error)
        assert len(writer) == 0
    with ShardWriter(tmp_path, (3,), "uint8", {}, tokens=10) as writer:  # the lock is gone
        writer.add([[1, 2, 3]])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written") as error:
        ShardWriter(tmp_path / "file" / "below", (3,), "uint8", {})
    one_sentence(error)


READ_MANY = """
import sys, tracemalloc
from pathlib import Path
import numpy as np
from scalefree_studio.data.batches import Batches
from scalefree_studio.data.shards import Shards
def own_memory():
    # KiB of this process that no file stands for; pages of a mapped file are the system's to take back.
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

before = own_memory()
tracemalloc.start()
shards = Shards(Path(sys.argv[1]))
batches = Batches(len(shards), 64, seed=1)
for _ in range(200):
    batch = shards.take(next(batches))
    assert batch.values.shape == (64,) and not batch.values.any()
print(len(shards), own_memory() - before, tracemalloc.get_traced_memory()[1] // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes, and memory counted in KiB")
def test_a_hundred_million_tokens_are_read_in_little_memory(tmp_path: Path) -> None:
    count = 10**8
    with ShardWriter(tmp_path, (), "uint16", {}, tokens=512) as writer:
        writer.add(np.zeros(4, np.uint16))
        writer.finish()
    header = json.loads((tmp_path / HEADER).read_text())
    (tmp_path / HEADER).write_text(json.dumps({**header, "count": count}))
    os.truncate(tmp_path / VALUES, 2 * count)  # holes take no room
    os.truncate(tmp_path / LABELS, 8 * count)
    ran = subprocess.run(
        [sys.executable, "-c", READ_MANY, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found, anonymous, traced = map(int, ran.stdout.split())
    assert (
        found == count and anonymous < 20 * 1024 and traced < 2 * 1024
    )  # a copy, or a listed order, has 800 MB


# --- The same for all ---------------------------------------------------------------------------------------


def some_examples(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examples:
    if kind == "shards":
        write_shards(tmp_path)
        return Shards(tmp_path)
    if kind == "files":
        monkeypatch.setattr(gather, "MOST_BYTES", 1000)
        return load_dataset(folder_of_pictures(tmp_path), size=9).train
    return load_dataset("digits").train


@pytest.mark.parametrize("kind", ["arrays", "files", "shards"])
@pytest.mark.parametrize("ranks", [1, 3, 5])
def test_order_resuming_and_the_shares_of_ranks_hold_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, ranks: int
) -> None:
    examples = some_examples(kind, tmp_path, monkeypatch)
    everything = examples.take(np.arange(len(examples)))
    batches = Batches(len(examples), 7, seed=2)
    next(batches)
    state = batches.state()
    resumed = Batches(len(examples), 7, seed=9)
    resumed.restore(state)
    for _ in range(6):
        indices = next(batches)
        shares = [
            examples.take(Ranks(rank, ranks).slice(next_)[0]) for rank, next_ in enumerate([indices] * ranks)
        ]
        assert (np.concatenate([share.values for share in shares]) == everything.values[indices]).all()
        assert (np.concatenate([share.labels for share in shares]) == everything.labels[indices]).all()
        assert (next(resumed) == indices).all()


# --- The register -------------------------------------------------------------------------------------------


def test_another_package_adds_a_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalefree_studio.data.datasets.SOURCES", dict(SOURCES))
    monkeypatch.setattr("scalefree_studio.data.datasets.DATASETS", dict(DATASETS))
    asked: list[DataRequest] = []

    def load(request: DataRequest) -> Dataset:
        asked.append(request)
        grey = Arrays(np.full((6, 4, 6, 1), 90, np.uint8), np.zeros(6, np.int64))
        return Dataset("walls", request.spec, grey, grey, ("all",))

    register(Source("brickwalls", "Brick walls", load))
    found = load_dataset("Brick-Walls", size=(2, 3), channels=3)
    assert asked[0].size == (2, 3) and found.spec == "Brick-Walls"
    assert found.shape == (2, 3, 3) and (found.train.take(np.arange(6)).values == 90).all()
    assert load_dataset("brickwalls").shape == (4, 6, 1)
    with pytest.raises(UserError, match="cifar10, brickwalls"):
        load_dataset("bricks")
    for name in ("brickwalls", "digits", "Other-Name"):
        with pytest.raises(ValueError):
            register(Source(name, "Another", load))


def test_pictures_need_not_be_square(tmp_path: Path) -> None:
    wide = load_dataset(folder_of_pictures(tmp_path), size=(6, 10))
    assert wide.shape == (6, 10, 3) and wide.train.take(np.array([0])).values.shape == (1, 6, 10, 3)
    digits = load_dataset("digits", size=(8, 4))
    assert digits.shape == (8, 4, 1)
    middle = load_dataset("digits").train.take(np.arange(9)).values[:, :, 2:6]
    assert (digits.train.take(np.arange(9)).values == middle).all()  # what is beside it is cut off
    with pytest.raises(UserError, match="not 0"):
        load_dataset("digits", size=(8, 0))
