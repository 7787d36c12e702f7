"""Recorded frames as differences: exactly what was recorded, in little room, near from anywhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalefree_studio.errors import UserError
from scalefree_studio.snapshot import Snapshot
from scalefree_studio.storage import history as histories
from scalefree_studio.storage.differences import HEADER, KEY_EVERY, MAGIC, Reader, Writer
from scalefree_studio.storage.history import History
from scalefree_studio.storage.tensors import pack


def shot(step: int, **frame: Any) -> Snapshot:
    return Snapshot("drawing", step, step / 10, {n: np.asarray(a) for n, a in frame.items()}, {"n": step})


def drawing(count: int, side: int = 16) -> Iterator[Snapshot]:
    """Pictures that come to be place by place, as a drawing records them."""
    random = np.random.default_rng(0)
    values = np.zeros((8, side * side), np.uint8)
    entropy = np.zeros((8, side * side), np.float16)
    for step in range(count):
        values[:, step % (side * side)] = random.integers(16, size=8)
        entropy[:, step % (side * side)] = random.random(8)
        yield shot(step, values=values.copy(), entropy=entropy.copy(), position=np.full(8, step))


def same(a: Snapshot, b: Snapshot) -> bool:
    return (
        (a.kind, a.step, a.seconds, a.metrics) == (b.kind, b.step, b.seconds, b.metrics)
        and a.frame.keys() == b.frame.keys()
        and all(
            a.frame[n].dtype == b.frame[n].dtype
            and a.frame[n].shape == b.frame[n].shape
            and a.frame[n].tobytes() == b.frame[n].tobytes()
            for n in a.frame
        )
    )


def sizes(path: Path) -> list[int]:
    db = sqlite3.connect(path)
    found = [size for (size,) in db.execute("SELECT length(frame) FROM frames ORDER BY id")]
    db.close()
    return found


# A run of frames: each changes some numbers of the one before, or has other arrays altogether.
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["same", "few", "few", "few", "all", "shape", "type", "swapped"]),
        st.integers(0, 2**32 - 1),
    ),
    max_size=150,
)


def run_of(changes: list[tuple[str, int]]) -> list[Snapshot]:
    frame: dict[str, Any] = {"a": np.zeros((5, 40), np.uint8), "b": np.zeros(30, np.float32)}
    shots = []
    for step, (how, seed) in enumerate(changes):
        random = np.random.default_rng(seed)
        frame = {name: array.copy() for name, array in frame.items()}
        if how == "few":
            frame["a"].reshape(-1)[random.integers(frame["a"].size, size=3)] += 1
        elif how == "all":
            frame = {
                "a": random.integers(256, size=(5, 40), dtype=np.uint8),
                "b": random.random(30, np.float32),
            }
        elif how == "shape":
            frame["a"] = random.integers(256, size=(int(random.integers(1, 9)), 40), dtype=np.uint8)
        elif how == "type":  # as many bytes, of another kind
            frame["b"] = frame["b"].view(np.int32 if frame["b"].dtype == np.float32 else np.float32)
        elif how == "swapped":
            frame["a"] = (
                frame["a"].reshape(-1, frame["a"].shape[0]) if frame["a"].size % 5 == 0 else frame["a"]
            )
        shots.append(shot(step, **frame))
    return shots


@settings(max_examples=40)
@given(CHANGES, st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_frame_comes_back_bit_by_bit_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int]], batch: int, seed: int
) -> None:
    shots, path = run_of(changes), tmp_path_factory.mktemp("h") / "h.sqlite"
    for start in range(0, len(shots), 3 * batch):  # the file is opened again and again
        with History.create(path) as history:
            for at in range(start, min(len(shots), start + 3 * batch), batch):
                history.write(shots[at : min(at + batch, start + 3 * batch)])
    if not shots:
        return
    with History.open(path) as history:
        assert len(history) == len(shots)
        assert all(same(a, b) for a, b in zip(history.frames(), shots, strict=True))
        order = np.random.default_rng(seed).integers(len(shots), size=60)
        assert all(same(history.frame(int(n) + 1), shots[n]) for n in order)
    assert all(size <= len(pack(s.frame)) for size, s in zip(sizes(path), shots, strict=True))


def test_a_drawing_takes_little_room(tmp_path: Path) -> None:
    shots = list(drawing(300))
    with History.create(tmp_path / "h.sqlite") as history:
        history.write(shots)
    plain = sum(len(pack(s.frame)) for s in shots)
    assert sum(sizes(tmp_path / "h.sqlite")) < plain / 10


def test_any_frame_is_near_and_the_next_one_is_nearest() -> None:
    frames = {n + 1: pack(s.frame) for n, s in enumerate(drawing(3 * KEY_EVERY))}
    writer = Writer()
    kept = {id: writer.kept(id, frame) for id, frame in frames.items()}
    fetched: list[int] = []

    def fetch(id: int) -> bytes:
        fetched.append(id)
        return kept[id]

    for id, frame in frames.items():
        fetched.clear()
        assert Reader(fetch).frame(id) == frame
        assert len(fetched) <= 1 + np.log2(KEY_EVERY)
    fetched.clear()
    reader = Reader(fetch)
    assert all(reader.frame(id) == frame for id, frame in frames.items())
    assert fetched == list(frames)  # one each
    keys = [HEADER.unpack_from(data)[1] == 0 for data in kept.values()]
    assert np.flatnonzero(keys).tolist() == [0, KEY_EVERY, 2 * KEY_EVERY]


def test_histories_of_version_1_are_read_and_written_on(tmp_path: Path) -> None:
    shots, path = list(drawing(12)), tmp_path / "h.sqlite"
    db = sqlite3.connect(path)
    db.executescript(histories.SCHEMA + "PRAGMA user_version=1;")
    for s in shots[:6]:
        row = s.step, s.seconds, s.kind, f'{{"n": {s.step}}}', pack(s.frame)
        db.execute("INSERT INTO frames (step, seconds, kind, metrics, frame) VALUES (?, ?, ?, ?, ?)", row)
    db.commit()
    db.close()
    with History.open(path) as history:
        assert all(same(a, b) for a, b in zip(history.frames(), shots[:6], strict=True))
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (1,)  # looking changes nothing
    with History.create(path) as history:
        history.write(shots[6:])
    with History.open(path) as history:
        assert all(same(a, b) for a, b in zip(history.frames(), shots, strict=True))
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (
        2,
    )  # an older studio must not try


def test_a_reader_follows_a_writer(tmp_path: Path) -> None:
    shots, path = list(drawing(100)), tmp_path / "h.sqlite"
    with History.create(path) as writer, History.open(path) as reader:
        for n, s in enumerate(shots):
            writer.write([s])
            assert same(reader.frame(n + 1), s)


def test_nothing_differs_from_a_frame_that_was_not_written(tmp_path: Path) -> None:
    shots, path = list(drawing(9)), tmp_path / "h.sqlite"
    with History.create(path) as history:
        history.write(shots[:3])
        with pytest.raises(TypeError):
            history.write(shots[3:6], changes=[(1, "what", {"cannot": object()})])
        history.write(shots[6:])
        assert [s.step for s in history.frames()] == [0, 1, 2, 6, 7, 8]
        assert all(same(a, b) for a, b in zip(history.frames(), shots[:3] + shots[6:], strict=True))


def test_damaged_differences_are_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    with History.create(path) as history:
        history.write(list(drawing(8)))
    db = sqlite3.connect(path)
    good = [row[0] for row in db.execute("SELECT frame FROM frames ORDER BY id")]
    body = good[7][HEADER.size :]
    flipped = bytearray(good[7])
    flipped[len(flipped) // 2] ^= 1
    wrong = [
        good[7][:10], good[7][:-20], bytes(flipped), good[6], MAGIC, b"",
        *(HEADER.pack(MAGIC, back, size, 0) + body for back in (0, 1, 7, 8, 2**32 - 1) for size in (0, 9, 2**32 - 1)),
    ]  # fmt: skip
    for data in wrong:
        db.execute("UPDATE frames SET frame = ? WHERE id = 8", (data,))
        db.commit()
        with History.open(path) as history:
            assert history.frame(7).step == 6
            with pytest.raises(UserError, match="damaged frame") as told:
                history.frame(8)
            assert "\n" not in str(told.value)
            assert history.frame(7).step == 6
    db.execute("UPDATE frames SET frame = ? WHERE id = 8", (good[7],))
    db.execute("DELETE FROM frames WHERE id = 1")  # the key of all
    db.commit()
    with History.open(path) as history, pytest.raises(UserError, match="missing"):
        history.frame(8)
    db.close()


def test_a_long_way_to_a_key_frame_is_no_way() -> None:
    frame = pack(next(drawing(1)).frame)
    writer = Writer()
    writer.kept(1, frame)
    step = writer.kept(2, frame)  # the difference from the frame before: nothing
    kept = {1: frame} | dict.fromkeys(range(2, 10**6), step)
    assert Reader(kept.__getitem__).frame(KEY_EVERY - 1) == frame
    with pytest.raises(ValueError, match="too far"):
        Reader(kept.__getitem__).frame(10**5)
