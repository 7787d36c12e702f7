"""Pictures as tokens on disk: made once, of these pictures with these settings, a few at a time."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalefree_studio.data import encoded, gather
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.encoded import ColourTokens, Encoded, cached
from scalefree_studio.data.examples import Arrays, Batch
from scalefree_studio.data.gather import PictureFiles
from scalefree_studio.data.palettes import colours_of, learn_palette, palette_of
from scalefree_studio.data.shards import Shards
from scalefree_studio.data.sources import Dataset
from scalefree_studio.data.tokens import Tokens, tokens_of
from scalefree_studio.errors import JobError

SIZE = (4, 6)


def dataset(count: int = 30, channels: int = 3, seed: int = 0) -> Dataset:
    values = np.random.default_rng(seed).integers(0, 256, (count, *SIZE, channels), dtype=np.uint8)
    labels = np.arange(count) % 3
    parts = (Arrays(values[rows].copy(), labels[rows].copy()) for rows in (slice(5, None), slice(5)))
    return Dataset("made", "made", *parts, tuple("abc"))


def cached_tokens(made: Dataset, tokens: Tokens, folder: Path) -> Dataset:
    return cached(made, ColourTokens(tokens), folder)


def values_of(shards: Shards) -> Batch:
    return shards.take(np.arange(len(shards)))


class Counted:
    """Examples that keep in mind how many were taken at once, and that may end after some."""

    def __init__(self, examples: Arrays, ends_after: int = 10**9) -> None:
        self._examples, self._left = examples, ends_after
        self.shape, self.taken = examples.shape, list[int]()

    def __len__(self) -> int:
        return len(self._examples)

    def take(self, indices: np.ndarray) -> Batch:
        self._left -= len(indices)
        if self._left < 0:
            raise JobError("The disk is gone.")
        self.taken.append(len(indices))
        return self._examples.take(indices)


def of(found: Dataset, **parts: object) -> Dataset:
    return Dataset(**{**vars(found), **parts})


@pytest.mark.parametrize("spec", ["hsv:5,4,4", "rgb:3,3,2", "grey:4", "exact", "palette:9"])
@pytest.mark.parametrize("channels", [1, 3])
def test_tokens_on_disk_are_those_of_the_pictures(tmp_path: Path, spec: str, channels: int) -> None:
    made = dataset(channels=channels)
    tokens = tokens_of(spec, learn_palette(made.train.take(np.arange(9)).values, 9), channels)
    found = cached_tokens(made, tokens, tmp_path / "tokens")
    assert found.classes == made.classes and found.notes == ()
    for shards, pictures in ((found.train, made.train), (found.held, made.held)):
        assert isinstance(shards, Shards) and len(shards) == len(pictures)
        assert shards.shape == (*SIZE, tokens.channels) == Encoded(pictures, ColourTokens(tokens)).shape
        batch, expected = values_of(shards), pictures.take(np.arange(len(pictures)))
        assert batch.values.dtype == (np.uint16 if tokens.count > 256 else np.uint8)
        assert (batch.values == tokens.encode(expected.values)).all()
        assert (batch.labels == expected.labels).all()


def test_few_pictures_are_in_memory_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded, "AT_ONCE", 7 * SIZE[0] * SIZE[1])
    made = dataset(100)
    assert isinstance(made.train, Arrays)
    counted = Counted(made.train)
    found = cached_tokens(of(made, train=counted), tokens_of("hsv:5,4,4"), tmp_path)
    assert max(counted.taken) <= 7 and sum(counted.taken) >= 95
    mapped = found.train.values[:1]  # type: ignore[attr-defined]
    while mapped.base is not None and not isinstance(mapped, np.memmap):
        mapped = mapped.base
    assert isinstance(mapped, np.memmap)  # learning takes from the disk, too


def test_tokens_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, tokens = dataset(), tokens_of("rgb:3,3,2")
    first = cached_tokens(made, tokens, tmp_path)
    monkeypatch.setattr(Encoded, "take", None)  # nothing is encoded a second time
    second = cached_tokens(dataset(), tokens_of("rgb:3,3,2"), tmp_path)
    assert (values_of(second.train).values == values_of(first.train).values).all() and second.notes == ()


@pytest.mark.parametrize("change", ["picture", "label", "spec", "palette", "channels"])
def test_where_anything_has_changed_they_are_made_anew_and_it_is_said(tmp_path: Path, change: str) -> None:
    made, palette = dataset(), "000000808080ffffff"
    spec = "exact" if change == "channels" else "palette:3"
    cached_tokens(made, tokens_of(spec, palette), tmp_path)
    assert isinstance(made.train, Arrays)
    values, labels = made.train.values.copy(), made.train.labels.copy()
    channels = 3
    if change == "picture":
        values[3, 2, 1, 0] ^= 1
    elif change == "label":
        labels[3] = (labels[3] + 1) % 3
    elif change == "spec":
        spec = "grey:2"
    elif change == "palette":
        palette = "000000808081ffffff"
    else:
        channels = 1
    tokens = tokens_of(spec, palette, channels)
    found = cached_tokens(of(made, train=Arrays(values, labels)), tokens, tmp_path)
    assert "again" in found.notes[0] and len(found.notes) == 1
    batch = values_of(found.train)
    assert (batch.values == tokens.encode(values)).all() and (batch.labels == labels).all()


@pytest.mark.parametrize("ended", [0, 10, 20])
def test_a_writer_that_was_ended_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: int
) -> None:
    monkeypatch.setattr(encoded, "AT_ONCE", 10 * SIZE[0] * SIZE[1])
    monkeypatch.setattr(encoded, "identity", lambda examples: "the same")
    made, tokens = dataset(), tokens_of("hsv:5,4,4")
    assert isinstance(made.train, Arrays)
    with pytest.raises(JobError):
        cached_tokens(of(made, train=Counted(made.train, ended)), tokens, tmp_path)
    rest = Counted(made.train)
    found = cached_tokens(of(made, train=rest), tokens, tmp_path)
    assert sum(rest.taken) == len(rest) - ended and found.notes == ()
    assert (values_of(found.train).values == tokens.encode(made.train.values)).all()


@pytest.mark.parametrize("damage", ["header.json", "values.raw", "labels.raw"])
def test_what_is_damaged_is_made_anew(tmp_path: Path, damage: str) -> None:
    made, tokens = dataset(), tokens_of("hsv:5,4,4")
    expected = values_of(cached_tokens(made, tokens, tmp_path).train).values.copy()
    file = tmp_path / "train" / damage
    file.write_bytes(file.read_bytes()[:-3])
    assert (values_of(cached_tokens(made, tokens, tmp_path).train).values == expected).all()


def _cache(folder: Path, results: object) -> None:
    found = cached_tokens(dataset(), tokens_of("hsv:5,4,4"), folder)
    results.put(int(values_of(found.train).values.sum()))  # type: ignore[attr-defined]


def test_of_several_processes_one_writes_and_all_have_the_same(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    processes = [spawn.Process(target=_cache, args=(tmp_path, results)) for _ in range(2)]
    for process in processes:
        process.start()
    sums = {results.get(timeout=120) for _ in processes}
    for process in processes:
        process.join()
    assert sums == {
        int(values_of(cached_tokens(dataset(), tokens_of("hsv:5,4,4"), tmp_path).train).values.sum())
    }


# --- Files --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve pictures of two classes, too many for the memory."""
    monkeypatch.setattr(gather, "MOST_BYTES", 100)
    for n, colour in enumerate(np.random.default_rng(0).integers(0, 256, (12, 3))):
        file = tmp_path / "pictures" / "ab"[n % 2] / f"{n:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 15), tuple(colour.tolist())).save(file)
    return tmp_path / "pictures"


def cached_files(folder: Path, tokens: Tokens | None = None) -> tuple[Dataset, Dataset]:
    made = load_dataset(folder, size=4)
    assert isinstance(made.train, PictureFiles)
    return made, cached_tokens(made, tokens or tokens_of("hsv:5,4,4"), folder.parent / "tokens")


def test_files_that_have_not_changed_are_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, found = cached_files(folder)
    expected = tokens_of("hsv:5,4,4").encode(made.train.take(np.arange(len(made.train))).values)
    assert (values_of(found.train).values == expected).all()
    monkeypatch.setattr(gather, "read_prepared", None)
    assert cached_files(folder)[1].notes == ()


@pytest.mark.parametrize("change", ["content", "time", "more"])
def test_files_that_have_changed_are_read_again(folder: Path, change: str) -> None:
    cached_files(folder)
    file = folder / "a" / "02.png"
    if change == "content":
        Image.new("RGB", (21, 15), "red").save(file)
    elif change == "time":
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 1000))
    else:
        Image.new("RGB", (20, 15), "red").save(folder / "a" / "99.png")
    assert "again" in cached_files(folder)[1].notes[-1]


def test_files_that_are_broken_are_counted_and_named_then_and_later(folder: Path) -> None:
    file = folder / "a" / "02.png"
    file.write_bytes(file.read_bytes()[:60])  # it begins as a picture does
    for _ in range(2):  # when it is found, and when the tokens are used again
        made, found = cached_files(folder)
        assert made.skipped == 0 and found.skipped == 1 and found.skipped_names == (str(file),)
        assert found.notes == (f"1 of 12 pictures could not be read: {file}.",)


# --- Palettes -----------------------------------------------------------------------------------------


def test_a_palette_of_a_data_set_is_learned_from_some_of_its_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = dataset(200)
    assert isinstance(made.train, Arrays)
    counted = Counted(made.train)
    monkeypatch.setattr("scalefree_studio.data.palettes.MOST_PICTURES", 20)
    palette = palette_of(counted, 16, seed=2)
    assert counted.taken == [20] and len(colours_of(palette)) == 16
    assert palette == palette_of(counted, 16, seed=2)
