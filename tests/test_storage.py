"""The run folder: whole or not at all, whatever happens to it."""

import json
import os
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from scalefree_studio import files
from scalefree_studio.errors import UserError
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage import tensors
from scalefree_studio.storage.run_folder import (
    MODEL,
    TRAINER,
    RunFolder,
    free_folder,
    kind_of,
    load_checkpoint,
)


def checkpoint(step=3):
    model = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "target": np.zeros((2, 2, 3), np.uint8)}
    return Checkpoint(
        "dividers", step, {"controls": {"lines": 2}, "psnr": 1.5}, model, {"mean.a": np.full(3, 0.1)}
    )


def test_save_load_is_bit_equal(tmp_path):
    folder = RunFolder(tmp_path / "new" / "run")
    folder.keep(checkpoint())
    loaded = folder.checkpoint()
    assert loaded.kind == "dividers" and loaded.step == 3 and loaded.about["controls"] == {"lines": 2}
    for part in ("model", "trainer"):
        mine, theirs = getattr(checkpoint(), part), getattr(loaded, part)
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert mine[name].dtype == theirs[name].dtype and mine[name].tobytes() == theirs[name].tobytes()


def test_a_trainer_of_another_step_is_not_mixed_with_the_model(tmp_path):
    """What a kill between the two renames leaves behind."""
    folder = RunFolder(tmp_path)
    folder.keep(checkpoint(3))
    old = (tmp_path / TRAINER).read_bytes()
    folder.keep(checkpoint(4))
    (tmp_path / TRAINER).write_bytes(old)
    assert folder.checkpoint().step == 4 and folder.checkpoint().trainer == {}


def test_a_model_opens_without_a_trainer_that_is_damaged_or_not_its_own(tmp_path):
    folder = RunFolder(tmp_path)
    folder.keep(checkpoint(3))
    alone = tmp_path / "copy.safetensors"  # beside another model's trainer, of the same step by chance
    alone.write_bytes(folder.model_path.read_bytes())
    assert load_checkpoint(alone).step == 3 and load_checkpoint(alone).trainer == {}
    assert load_checkpoint(folder.model_path).trainer.keys() == {"mean.a"}
    data = (tmp_path / TRAINER).read_bytes()
    for damaged in (b"", data[:40], data[:-1]):
        (tmp_path / TRAINER).write_bytes(damaged)
        assert folder.checkpoint().step == 3 and folder.checkpoint().trainer == {}


@pytest.mark.parametrize(
    "about",
    [{"step": 1}, {"kind": "dividers"}, {"kind": 3, "step": 1}, {"kind": "dividers", "step": "one"}],
    ids=str,
)
def test_a_model_that_does_not_say_what_it_is_is_refused(about, tmp_path):
    path = tmp_path / "model.safetensors"
    tensors.write_tensors(path, checkpoint().model, about)
    with pytest.raises(UserError, match="does not say"):
        load_checkpoint(path)


def test_the_kind_of_a_model_is_known_without_reading_it_all(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.keep(checkpoint())
    assert kind_of(folder.path) == kind_of(folder.model_path) == kind_of(str(folder.path)) == "dividers"
    tensors.write_tensors(tmp_path / "other.safetensors", checkpoint().model, {"step": 1})
    assert kind_of(tmp_path / "other.safetensors") == ""


def test_a_run_says_how_it_came_to_be(tmp_path):
    folder = RunFolder(tmp_path / "a" / "run")
    folder.describe(["scalefree-studio", "fit"], seed=7, source=str(tmp_path))
    said = json.loads((folder.path / "run.json").read_text())
    assert said["command"] == ["scalefree-studio", "fit"] and said["seed"] == 7
    assert (
        said["python"] == ".".join(map(str, sys.version_info[:3]))
        and said["versions"]["numpy"] == np.__version__
    )
    assert folder.source() == str(tmp_path)
    for text in (
        json.dumps({"source": str(tmp_path / "gone")}),
        "{}",
        "[]",
        "{",
        json.dumps({"source": "model:none"}),
    ):
        (folder.path / "run.json").write_text(text)
        assert folder.source() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such rights there")
def test_what_is_written_may_be_read_by_whoever_may_read_the_rest(tmp_path):
    RunFolder(tmp_path).keep(checkpoint())
    (tmp_path / "another").write_text("as any program writes it")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes[MODEL] == modes[TRAINER] == modes["another"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.write_atomically(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def damaged_files(tmp_path):
    good = tmp_path / "good.safetensors"
    tensors.write_tensors(good, checkpoint().model, {"kind": "dividers", "step": 1})
    data = good.read_bytes()
    yield "empty", b""
    yield "text", b"hello, I am a picture"
    yield (
        "pickle",
        b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    )
    for cut in (1, 7, 8, 9, 40, len(data) // 2, len(data) - 1):
        yield f"cut at {cut}", data[:cut]
    yield "huge header", (2**60).to_bytes(8, "little") + data[8:]
    yield "newer", data.replace(b'format\\": 1', b'format\\": 9')
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}).encode()
    yield "absurd shape", len(header).to_bytes(8, "little") + header + b"\0\0\0\0"


def test_damaged_hostile_and_newer_files_get_one_sentence(tmp_path):
    path = tmp_path / "bad.safetensors"
    names = []
    for name, data in damaged_files(tmp_path):
        path.write_bytes(data)
        with pytest.raises(UserError) as told:
            load_checkpoint(path)
        assert "\n" not in str(told.value) and "None" not in str(told.value), name
        names.append(name)
    assert len(names) == 13


def test_every_flipped_header_byte_is_survived(tmp_path):
    good = tmp_path / "good.safetensors"
    tensors.write_tensors(good, checkpoint().model, {"kind": "dividers", "step": 1})
    data = bytearray(good.read_bytes())
    refused = 0
    for position in range(0, len(data) - 36, 3):
        data[position] ^= 0x15
        good.write_bytes(bytes(data))
        try:
            load_checkpoint(good)
        except UserError:
            refused += 1
        data[position] ^= 0x15
    assert refused > 10


def test_foreign_files_missing_files_and_folders_are_told(tmp_path):
    save_file({"x": np.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match="not one that"):
        load_checkpoint(tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match="no file"):
        load_checkpoint(tmp_path / "nothing.safetensors")
    with pytest.raises(UserError):
        load_checkpoint(tmp_path)  # a folder without a model
    (tmp_path / "occupied").write_text("a file")
    with pytest.raises(UserError, match="cannot be created"):
        RunFolder(tmp_path / "occupied" / "run").prepare()


def test_free_folder_never_names_one_that_exists(tmp_path):
    assert free_folder(tmp_path, "a").name == "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "a-2").mkdir()
    assert free_folder(tmp_path, "a").name == "a-3"
    (tmp_path / "a-3").write_text("a file, not a folder")
    found = free_folder(tmp_path, "a")
    assert found == tmp_path / "a-4" and not found.exists()


def test_arrays_come_back_as_they_were():
    """Also those without a dimension, without elements, or with their elements in another order."""
    arrays = {
        "number": np.array(3),
        "none": np.zeros((0, 4), np.float16),
        "turned": np.arange(6, dtype=np.uint8).reshape(2, 3).T,
        "flags": np.array([True, False]),
    }
    back = tensors.unpack(tensors.pack(arrays))
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape
        np.testing.assert_array_equal(back[name], array)


def test_what_a_killed_process_had_half_written_goes_when_the_run_goes_on(tmp_path):
    folder = RunFolder(tmp_path)
    folder.keep(checkpoint())
    half = tmp_path / ".trainer.safetensors.0123abcd.part"
    half.write_bytes(b"half")
    folder.keep(checkpoint(4))
    assert half.exists(), "while a run is saved, another file may just be written beside it"
    folder.prepare()
    assert sorted(p.name for p in tmp_path.iterdir()) == [MODEL, TRAINER]
    assert folder.checkpoint().step == 4


def test_a_movie_that_is_being_written_into_a_run_stays_when_the_run_goes_on(tmp_path):
    folder = RunFolder(tmp_path)
    folder.keep(checkpoint())
    with files.replacing(tmp_path / "movie.gif") as file:
        file.write(b"a movie")
        folder.prepare()
    assert (tmp_path / "movie.gif").read_bytes() == b"a movie"


def test_a_picture_in_the_place_of_a_model_is_called_one(tmp_path):
    (tmp_path / "a.JPG").write_bytes(b"\xff\xd8\xff\xe0 anything")
    with pytest.raises(UserError, match=r"a\.JPG is a picture, not a model"):
        load_checkpoint(tmp_path / "a.JPG")
