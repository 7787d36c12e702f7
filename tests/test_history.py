"""The history of a run: what was recorded comes back, whoever reads, and whatever happens to the file."""

import os
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from scalefree_studio.errors import UserError
from scalefree_studio.snapshot import FIRST, Change, Segment, Snapshot
from scalefree_studio.storage.history import History, Measured, present
from scalefree_studio.storage.recorder import Recorder
from scalefree_studio.storage.run_folder import RunFolder


def shot(step, value=0.0):
    return Snapshot(
        "dividers", step, step / 10, {"a": np.full((2, 2), value, np.float32)}, {"psnr": 1.0 * step}
    )


def test_history_gives_back_what_was_written_in_order(tmp_path):
    with History.create(tmp_path / "h.sqlite") as history:
        history.write(
            [shot(5, 1.0), shot(2, 2.0)], [Measured(5, 0.5, {"loss": 0.1})], [(5, "move", {"unit": 3})]
        )
    with History.open(tmp_path / "h.sqlite") as history:
        assert [step for _, step in history.index()] == [5, 2] and len(history) == 2
        first, second = history.frames()
        assert first.frame["a"].tobytes() == shot(5, 1.0).frame["a"].tobytes() and second.step == 2
        assert first.metrics == {"psnr": 5.0}
        assert history.metrics() == [Measured(5, 0.5, {"loss": 0.1})]
        assert history.changes() == [(5, "move", {"unit": 3})]
        with pytest.raises(OSError):
            history.write([shot(9)])  # a reader never writes
        with pytest.raises(UserError):
            history.frame(99)


def test_a_reader_sees_what_a_writer_has_committed_meanwhile(tmp_path):
    with History.create(tmp_path / "h.sqlite") as writer:
        writer.write([shot(1)])
        with History.open(tmp_path / "h.sqlite") as reader:
            last = reader.index()[-1][0]
            writer.write([shot(2)])
            assert [step for _, step in reader.index(after=last)] == [2]


def test_damaged_histories_are_told(tmp_path):
    path = tmp_path / "h.sqlite"
    with pytest.raises(UserError, match="no history"):
        History.open(path)
    path.write_bytes(b"this is no database at all, but it is long enough to be taken for one" * 50)
    with pytest.raises(UserError):
        History.open(path)
    path.unlink()
    sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.close()
    with pytest.raises(UserError):
        History.open(path)


@pytest.mark.skipif(sys.platform == "win32", reason="there folders cannot be made read-only")
def test_a_run_that_may_not_be_written_can_be_read_and_says_so():
    with tempfile.TemporaryDirectory() as name:  # not tmp_path: nobody else may look into that
        path = Path(name, "a run?#%", "h.sqlite")
        path.parent.mkdir()
        with History.create(path) as history:
            history.write([shot(1)])
        os.chmod(name, 0o755)
        os.chmod(path.parent, 0o555)
        root = os.getuid() == 0
        if root:
            os.setresuid(65534, 65534, 0)
        try:
            with History.open(path) as history:
                assert [s.step for s in history.frames()] == [1]
            with pytest.raises(UserError, match="cannot be written to"):
                RunFolder(path.parent).prepare()
        finally:
            if root:
                os.setresuid(0, 0, 0)
            os.chmod(path.parent, 0o755)


@pytest.mark.parametrize("value", ["'{'", "'[1]'", "NULL", "x'ff'"])
def test_damaged_rows_of_a_history_are_told(value, tmp_path):
    with History.create(tmp_path / "h.sqlite") as history:
        history.write([shot(1)], [Measured(1, 0.1, {"loss": 0.1})], [(1, "move", {})])
    db = sqlite3.connect(tmp_path / "h.sqlite")
    for table, column in (("metrics", "metrics"), ("changes", "changes"), ("frames", "metrics")):
        db.execute(f"UPDATE {table} SET {column} = {value}")
    db.commit()
    db.close()
    with History.open(tmp_path / "h.sqlite") as history:
        for read in (history.metrics, history.changes, lambda: list(history.frames())):
            with pytest.raises(UserError, match="damaged"):
                read()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("frames", "step", "NULL"), ("frames", "step", "'one'"), ("frames", "seconds", "NULL"),
        ("frames", "kind", "x'ff'"), ("frames", "frame", "5000000000"), ("frames", "frame", "NULL"),
        ("metrics", "step", "NULL"), ("metrics", "seconds", "'soon'"), ("changes", "what", "NULL"),
    ],
)  # fmt: skip
def test_a_history_with_values_of_another_type_is_told(table, column, value, tmp_path):
    with History.create(tmp_path / "h.sqlite") as history:
        history.write([shot(1)], [Measured(1, 0.1, {"loss": 0.1})], [(1, "move", {})])
    db = sqlite3.connect(tmp_path / "h.sqlite")
    db.execute(f"UPDATE {table} SET {column} = {value}")
    db.commit()
    db.close()
    with History.open(tmp_path / "h.sqlite") as history:
        reads = {
            "metrics": history.metrics,
            "changes": history.changes,
            "frames": lambda: list(history.frames()),
        }
        with pytest.raises(UserError, match="damaged"):
            reads[table]()


def test_the_recorder_keeps_every_frame_and_waits_when_the_disk_is_slow(tmp_path):
    recorder = Recorder(tmp_path / "h.sqlite", every=1)
    for step in range(1000):  # far more than its queue holds
        assert recorder.wants(step)
        recorder.show(shot(step))
    recorder.changed(Change(999, "paint"))
    recorder.close(shot(1000))
    with History.open(tmp_path / "h.sqlite") as history:
        assert [step for _, step in history.index()] == list(range(1001))
        assert history.changes() == [(999, "paint", {})]


def test_the_automatic_stride_widens_with_the_steps(tmp_path):
    recorder = Recorder(tmp_path / "h.sqlite")
    for step in range(20_000):
        if recorder.wants(step):
            recorder.show(shot(step))
    recorder.close(shot(20_000))
    with History.open(tmp_path / "h.sqlite") as history:
        steps = [step for _, step in history.index()]
    assert steps[:200] == list(range(200)) and 600 < len(steps) < 900
    assert max(np.diff(steps)) <= 200


def test_a_recorder_that_cannot_write_says_so_once_and_lets_the_job_go_on(tmp_path, monkeypatch):
    told = []
    recorder = Recorder(tmp_path / "h.sqlite", every=1, told=told.append)

    def full(self, **_):
        raise OSError("the history cannot be written (database or disk is full)")

    monkeypatch.setattr(History, "write", full)
    for step in range(2000):
        recorder.show(shot(step))
    recorder.close(shot(2000))
    assert len(told) == 1 and "disk is full" in told[0] == recorder.trouble


def test_a_job_never_waits_for_a_recorder_that_could_not_begin(tmp_path, monkeypatch):
    told, create = [], History.create

    def locked(path):
        if threading.current_thread().name == "recorder":
            raise UserError("The history cannot be written: database is locked.")
        return create(path)

    monkeypatch.setattr(History, "create", locked)
    recorder = Recorder(tmp_path / "h.sqlite", every=1, told=told.append)
    for step in range(1000):  # more than the queue holds
        recorder.show(shot(step))
    recorder.close()
    assert len(told) == 1 and "locked. What" in told[0]


# -- a restart and its undo are part of one history -------------------------------------------------------------------


def measured(steps, segment=FIRST):
    return [Measured(step, step / 10, {"n": float(step)}, segment) for step in steps]


def steps_of(past):
    return [m.step for m in past]


def test_an_undone_restart_gives_back_the_past_that_it_took():
    anew = Segment(1)
    past = [*measured([1, 20, 40]), *measured([1, 20], anew), *measured([41, 60])]
    assert steps_of(present(past)) == [1, 20, 40, 41, 60]
    assert steps_of(present(past[:5])) == [1, 20]
    assert steps_of(present([*past, *measured([21, 30], anew)])) == [1, 20, 21, 30]
    assert present([]) == []


def test_what_goes_on_from_a_recorded_moment_shares_what_was_before_it():
    branch = Segment(1, 0, 40)
    past = [*measured([1, 20, 40]), *measured([41, 60], branch), *measured([45, 50]), *measured([61], branch)]
    assert steps_of(present(past)) == [1, 20, 40, 41, 60, 61]
    assert steps_of(present(past[:-1])) == [1, 20, 40, 45, 50]


def test_a_step_back_in_the_same_stretch_forgets_what_lay_beyond():
    assert steps_of(present(measured([1, 20, 40, 30, 35]))) == [1, 20, 30, 35]


def test_segments_are_kept_over_sessions_each_of_which_counts_from_0(tmp_path):
    path = tmp_path / "history.sqlite"
    with History.create(path) as history:
        history.write(metrics=measured([1, 20]))
        history.write(metrics=[*measured([1, 20], Segment(1)), *measured([21])])
        history.write(metrics=measured([22], Segment(2, 0, 20)))
        assert [m.segment for m in history.metrics()] == [
            FIRST, FIRST, Segment(1), Segment(1), FIRST, Segment(2, 0, 20),
        ]  # fmt: skip
    for _ in range(2):  # it goes on where it was; and starts over
        with History.create(path) as history:
            history.write(metrics=measured([25]))
            history.write(metrics=measured([2], Segment(1)))
    with History.open(path) as history:
        numbers = [m.segment.number for m in history.metrics()]
        assert numbers == [0, 0, 1, 1, 0, 2, 2, 3, 3, 4]
        assert steps_of(present(history.metrics())) == [2]
        assert steps_of(present(history.metrics()[:7])) == [1, 20, 22, 25]


def test_a_segment_that_could_not_be_written_is_written_with_the_next(tmp_path):
    with History.create(tmp_path / "history.sqlite") as history:
        with pytest.raises(TypeError):
            history.write(metrics=[*measured([1], Segment(1)), Measured(2, 0.2, {"n": object()}, Segment(1))])
        history.write(metrics=measured([1], Segment(1)))
        assert history.metrics() == measured([1], Segment(1))


def test_a_history_without_segments_is_read_as_one(tmp_path):
    path = tmp_path / "history.sqlite"
    with History.create(path) as history:
        history.write(metrics=measured([1, 20]))
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE segments")
    with History.open(path) as history:
        assert history.metrics() == measured([1, 20])
