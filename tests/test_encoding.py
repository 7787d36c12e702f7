"""Data sets of tokens and of latents: made once, by one model, kept in a folder that needs nothing else."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from command_line import last_json
from fake_codecs import FakeCodec, FakeLatents, add_fake

from scalefree_studio.cli import main
from scalefree_studio.data import encoded as data
from scalefree_studio.data.batches import Batches
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.encoded_folder import ABOUT
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.shards import HEADER, LABEL, LABELS, VALUES, Header, Shards
from scalefree_studio.data.sources import Dataset
from scalefree_studio.data.validation import load_validation
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.encoding import CodecTokens, codec_for, encoded, joined, latents_of_all, parted
from scalefree_studio.storage.tensors import write_tensors


@pytest.fixture
def digits(tmp_path: Path) -> Dataset:
    return load_dataset("digits", tmp_path / "data")


def everything(examples: object) -> np.ndarray:
    return examples.take(np.arange(len(examples))).values  # type: ignore[attr-defined, arg-type]


def slowly(codec: FakeCodec, pictures: object) -> np.ndarray:
    """The tokens of each picture by itself."""
    rows = []
    for picture in everything(pictures):
        stages = codec.encode(picture[None])
        rows.append([int(token) for stage in stages for token in stage.ravel()])
    return np.array(rows)


@pytest.mark.parametrize("on_disk", [False, True])
def test_tokens_are_those_of_each_picture(
    digits: Dataset, on_disk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "MOST_AGAIN", 0 if on_disk else 10**9)
    codec = FakeCodec()
    found = encoded(digits, codec)
    assert isinstance(found.train, Shards if on_disk else Arrays) and found.classes == digits.classes
    for part, pictures in ((found.train, digits.train), (found.held, digits.held)):
        batch = part.take(np.arange(len(part)))
        assert batch.values.dtype == np.uint8 and batch.tokens == 8 and part.shape == (17,)
        assert (batch.values == slowly(codec, pictures)).all()
        assert (batch.labels == pictures.take(np.arange(len(part))).labels).all()
    assert found.made_by is not None and found.made_by.fingerprint == codec.fingerprint()


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_latents_are_those_of_each_picture(
    digits: Dataset, on_disk: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "MOST_AGAIN", 0 if on_disk else 10**9)
    found = latents_of_all(digits, FakeLatents(), dtype=dtype)
    values, pictures = everything(found.held), everything(digits.held)
    assert values.dtype == dtype and values.shape == (len(digits.held), 4, 4, 4)
    for n, (row, column) in ((3, (2, 5)), (50, (7, 0))):
        cell = values[n, 2 * (row % 2) + column % 2, row // 2, column // 2]
        assert cell == np.dtype(dtype).type(pictures[n, row, column, 0] / np.float32(255))


def test_stages_are_joined_and_parted() -> None:
    codec = FakeCodec()
    stages = [np.arange(3).reshape(3, 1, 1), np.arange(48).reshape(3, 4, 4)]
    rows = joined(stages)
    assert rows.shape == (3, 17) and rows[1].tolist() == [1, *range(16, 32)]
    for stage, again in zip(stages, parted(rows, codec.grids()), strict=True):
        assert (stage == again).all()
    with pytest.raises(ValueError):
        parted(rows[:, :-1], codec.grids())


def test_what_was_encoded_is_not_encoded_again(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "MOST_AGAIN", 0)
    codec = FakeCodec()
    found = encoded(digits, codec)
    assert encoded(found, codec) is found
    again = FakeCodec()
    encoded(digits, again)
    assert again.pictures == 0
    with pytest.raises(UserError, match="a different model"):
        encoded(found, FakeCodec(codes=9))
    with pytest.raises(UserError, match="holds tokens, but latents"):
        latents_of_all(found, FakeLatents())
    assert FakeCodec(codes=9).fingerprint() != codec.fingerprint()
    other = encoded(digits, FakeCodec(codes=9))  # in a folder of its own
    assert other.notes == () and everything(other.train).max() == 8


def test_other_channels_and_sizes_are_refused() -> None:
    with pytest.raises(UserError, match="knows grey pictures"):
        encoded(load_dataset("digits", channels=3), FakeCodec())
    with pytest.raises(UserError, match="9×9 cannot be cut"):
        encoded(load_dataset("digits", size=9), FakeCodec())


# --- The command --------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    add_fake(monkeypatch)
    return save(FakeCodec(), tmp_path / "codec.safetensors")


def save(codec: FakeCodec, path: Path) -> Path:
    checkpoint = codec.checkpoint()
    write_tensors(path, checkpoint.model, {"kind": checkpoint.kind, "step": 7, **checkpoint.about})
    return path


def encode(*words: object) -> int:
    return main(["encode", *map(str, words)])


def test_a_folder_is_a_data_set_by_itself(
    tmp_path: Path, model: Path, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encode(model, "--out", tmp_path / "out", "--json") == 0
    found = last_json(capsys.readouterr().out)
    assert found["tokens_a_picture"] == 17 and found["stages"] == [[1, 1, 8], [4, 4, 8]]
    assert found["train"] == len(digits.train) and found["held_out"] == len(digits.held)
    assert found["bytes"] == 17 * (len(digits.train) + len(digits.held))
    model.unlink()
    (tmp_path / "out").rename(tmp_path / "moved")
    dataset = load_dataset(tmp_path / "moved", tmp_path / "data")
    assert dataset.name == "digits" and dataset.classes == digits.classes and dataset.split
    codec = codec_for(dataset)
    assert isinstance(codec, FakeCodec) and codec.fingerprint() == FakeCodec().fingerprint()
    assert encoded(dataset, codec) is dataset
    assert (everything(dataset.train) == slowly(codec, digits.train)).all()
    assert isinstance(dataset.train, Shards)
    with pytest.raises(UserError, match="a different model"):
        encoded(dataset, FakeCodec(codes=9))
    with pytest.raises(UserError, match="name one, or encode"):
        codec_for(digits)
    with pytest.raises(UserError, match=r"holds .*, but pictures are needed"):
        load_dataset(tmp_path / "moved", size=16)


def test_latents_too(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert encode(model, "--out", tmp_path / "out", "--latents", "float16", "--json") == 0
    assert last_json(capsys.readouterr().out)["latents"] == "4x4x4"
    dataset = load_dataset(tmp_path / "out")
    assert everything(dataset.held).dtype == np.float16
    assert latents_of_all(dataset, FakeLatents()) is dataset


def test_another_size(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert encode(model, "--out", tmp_path / "out", "--size", "12x6", "--json") == 0
    assert last_json(capsys.readouterr().out)["stages"] == [[1, 1, 8], [3, 6, 8]]
    assert encode(model, "--out", tmp_path / "odd", "--size", "9") == 2
    assert "9×9 cannot be cut" in capsys.readouterr().err and not (tmp_path / "odd").exists()


def test_it_goes_on_where_it_was_ended(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CodecTokens, "at_once", 100 * 64)
    work, calls = FakeCodec.encode, 0

    def ending(self: FakeCodec, pictures: np.ndarray) -> list[np.ndarray]:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return work(self, pictures)

    monkeypatch.setattr(FakeCodec, "encode", ending)
    assert encode(model, "--out", tmp_path / "out") == 0  # Ctrl-C: what was done is kept
    with pytest.raises(UserError, match="is incomplete"):
        load_dataset(tmp_path / "out")
    calls = 10
    assert encode(model, "--out", tmp_path / "out") == 0
    assert calls == 10 + 11 + 3  # hundreds of 1,498 pictures, of which 400 were done, and of 299
    monkeypatch.setattr(FakeCodec, "encode", work)
    found, digits = load_dataset(tmp_path / "out"), load_dataset("digits")
    assert (everything(found.train) == slowly(FakeCodec(), digits.train)).all()


def test_other_folders_are_refused_and_left_as_they_are(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "out", save(FakeCodec(codes=9), tmp_path / "other.safetensors")
    assert encode(model, "--out", out) == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert encode(other, "--out", out) == 2
    assert "what another model made" in capsys.readouterr().err
    assert encode(model, "--out", out, "--size", "10") == 2
    assert "pictures of another size" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert encode(model, "--out", tmp_path) == 2 and "something else" in capsys.readouterr().err
    assert encode(model, "--dataset", out, "--out", tmp_path / "new") == 2
    assert "holds tokens, but pictures are needed" in capsys.readouterr().err
    for kind in ("pixelcnn", "pixels"):
        assert main(["train", kind, "--dataset", str(out), "--out", str(tmp_path / kind)]) == 2
        assert "learns from pictures" in capsys.readouterr().err and not (tmp_path / kind).exists()


def test_a_model_without_codes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert encode("model:digits", "--out", tmp_path / "out") == 2
    assert "does not turn pictures into tokens" in capsys.readouterr().err
    assert encode("model:digits", "--out", tmp_path / "out", "--latents") == 2
    assert "does not turn pictures into latents" in capsys.readouterr().err


def test_shards_of_another_model_are_refused(tmp_path: Path, model: Path) -> None:
    other = save(FakeCodec(codes=9), tmp_path / "other.safetensors")
    assert encode(model, "--out", tmp_path / "a") == 0 and encode(other, "--out", tmp_path / "b") == 0
    with pytest.raises(UserError, match="encoded by another model"):
        load_validation(load_dataset(tmp_path / "a"), tmp_path / "b")
    shutil.rmtree(tmp_path / "a" / "held")
    shutil.copytree(tmp_path / "b" / "held", tmp_path / "a" / "held")
    with pytest.raises(UserError, match="made by a different model"):
        load_dataset(tmp_path / "a")


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version": 2}', "[" * 10**5])
def test_damaged_words_are_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / ABOUT).write_text(text)
    with pytest.raises(UserError, match=r"^[^\n]+$"):
        load_dataset(tmp_path)


# --- As many tokens as there are ----------------------------------------------------------------------


def test_a_hundred_million_tokens_need_no_memory(tmp_path: Path) -> None:
    """They lie in a file with holes, which is read as every other and takes no room."""
    count, each = 400_000, 256
    made = Header((each,), "uint16", {}, tokens=512, count=count, whole=True)
    (tmp_path / HEADER).write_text(json.dumps(vars(made)))
    for name, size in ((VALUES, 2 * each), (LABELS, LABEL.itemsize)):
        with open(tmp_path / name, "wb") as file:
            file.truncate(count * size)
    with open(tmp_path / VALUES, "r+b") as file:
        file.seek(2 * each * (count - 1))
        file.write(np.arange(each, dtype="<u2").tobytes())
    examples = Shards(tmp_path)
    assert len(examples) * each > 10**8
    batches = Batches(len(examples), 64)  # its order takes 8 bytes an example
    tracemalloc.start()
    for _ in range(50):
        assert examples.take(next(batches)).values.shape == (64, each)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**20  # of 200 MB
    assert (examples.take(np.array([count - 1])).values == np.arange(each)).all()
