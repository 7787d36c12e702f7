"""The history of a run: frames, metrics and changes, in an SQLite file that survives a killed process.

A recording is data, not pixels: a frame is the arrays of a snapshot, most of them kept as the difference from another
(see differences.py). Steps may go back (a restart, a return to an earlier frame), so the order of a history is the
order in which it was written.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import check_file
from ..snapshot import FIRST, Segment, Snapshot, frozen_all
from .differences import Reader, Writer
from .tensors import pack, unpack

VERSION = 2  # 1 had every frame as it is
SCHEMA = """
CREATE TABLE frames (id INTEGER PRIMARY KEY, step INTEGER, seconds REAL, kind TEXT, metrics TEXT, frame BLOB);
CREATE TABLE metrics (id INTEGER PRIMARY KEY, step INTEGER, seconds REAL, metrics TEXT);
CREATE TABLE changes (id INTEGER PRIMARY KEY, step INTEGER, what TEXT, changes TEXT);
"""
# Which metrics are of which stretch of work: those after the one that is named. Older files have none.
SEGMENTS = """
CREATE TABLE segments (id INTEGER PRIMARY KEY, after INTEGER, number INTEGER, parent INTEGER, at INTEGER);
"""
NO_PARENT = -1
TABLES = {line.rstrip(";") for line in SCHEMA.split("\n") if line}
NEWER = {SEGMENTS.strip().rstrip(";")}
# A foreign file may be made to keep a reader busy for ever, or to fill its memory.
LOOK_EVERY = 100_000  # instructions of SQLite's
MOST_INSTRUCTIONS = 10**9  # of one statement: a million measured steps take a hundredth of it
MOST_BYTES = 2**28  # of a value: a frame has a few megabytes at most


@dataclass(frozen=True)
class Measured:
    """The metrics of one moment."""

    step: int
    seconds: float
    metrics: Mapping[str, float]
    segment: Segment = FIRST


def present(past: Iterable[Measured]) -> list[Measured]:
    """Those that lead to the last one: without what was left behind by a restart that held, and with what was returned
    to where one was undone."""
    lines: dict[int, list[Measured]] = {}
    line: list[Measured] = []
    for measured in past:
        segment = measured.segment
        if segment.number not in lines:
            shared = lines.get(NO_PARENT if segment.parent is None else segment.parent, [])
            lines[segment.number] = [earlier for earlier in shared if earlier.step <= segment.at]
        line = lines[segment.number]
        while line and line[-1].step >= measured.step:
            line.pop()
        line.append(measured)
    return line


class History:
    """One connection to a history file; use it in the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._db = connection
        self.path = path
        self._writer, self._reader = Writer(), Reader(self._kept)
        self._looks = 0  # at the statement that is at work
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
        connection.set_progress_handler(self._look, LOOK_EVERY)
        # The segment that was written last, that which was so when we opened, and the greatest number by then.
        self._now = self._first = self._most = 0

    @classmethod
    def create(cls, path: Path) -> History:
        """Open for writing; a new file if there is none."""
        try:
            _check_files(path)
            db = sqlite3.connect(path, timeout=10, isolation_level=None)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version < VERSION:
                schema = "" if version else SCHEMA
                db.executescript(f"BEGIN; {schema} PRAGMA user_version={VERSION}; COMMIT;")
            history = cls(db, path)._checked()
            db.execute(SEGMENTS.replace("TABLE", "TABLE IF NOT EXISTS"))
        except sqlite3.DatabaseError as error:
            raise UserError(f"The history {path} cannot be written: {error}.") from None
        segments = [segment for _, segment in history._segments()]
        history._now = segments[-1].number if segments else 0
        history._most = max((segment.number for segment in segments), default=0)
        history._first = history._now
        return history

    @classmethod
    def open(cls, path: Path) -> History:
        """Open for reading, also while another thread or process writes."""
        if not path.exists():
            raise UserError(f"There is no history {path}: nothing was recorded.")
        _check_files(path)
        # Not mode=ro: after a kill, the first reader must be able to play back the write-ahead log. Where that may not
        # be written, and there is none, SQLite must be told that nothing will change.
        log = path.with_name(f"{path.name}-wal")
        still = "" if os.access(path.parent, os.W_OK) or log.exists() else "?immutable=1"
        try:
            db = sqlite3.connect(path.absolute().as_uri() + still, uri=True, timeout=10, isolation_level=None)
            db.execute("PRAGMA query_only=ON")
            return cls(db, path)._checked()
        except sqlite3.DatabaseError as error:
            raise UserError(f"The history {path} cannot be read: {error}.") from None

    def _checked(self) -> History:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise UserError(
                f"The history {self.path} was written by a newer Scalefree Studio; please update."
            )
        made = self._rows((str,), "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")
        if {sql for (sql,) in made} - NEWER != TABLES:
            raise UserError(
                f"The history {self.path} is damaged, or from another program: its tables are not ours."
            )
        return self

    def _look(self) -> bool:
        """Whether a statement has had its time."""
        self._looks += 1
        return self._looks * LOOK_EVERY > MOST_INSTRUCTIONS

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing: all of it or nothing.

    def write(
        self,
        frames: Iterable[Snapshot] = (),
        metrics: Iterable[Measured] = (),
        changes: Iterable[tuple[int, str, Mapping[str, Any]]] = (),
    ) -> None:
        self._looks = 0
        segment = self._now
        try:
            self._db.execute("BEGIN IMMEDIATE")
            last = self._db.execute("SELECT coalesce(max(id), 0) FROM frames").fetchone()[0]
            for id, s in enumerate(frames, start=last + 1):
                kept = self._writer.kept(id, pack(s.frame))
                row = id, s.step, s.seconds, s.kind, json.dumps(dict(s.metrics)), kept
                self._db.execute(
                    "INSERT INTO frames (id, step, seconds, kind, metrics, frame) VALUES (?, ?, ?, ?, ?, ?)",
                    row,
                )
            for m in metrics:
                self._begin(m.segment)
                measured = m.step, m.seconds, json.dumps(dict(m.metrics))
                self._db.execute("INSERT INTO metrics (step, seconds, metrics) VALUES (?, ?, ?)", measured)
            self._db.executemany(
                "INSERT INTO changes (step, what, changes) VALUES (?, ?, ?)",
                ((step, what, json.dumps(dict(values))) for step, what, values in changes),
            )
            self._db.execute("COMMIT")
        except BaseException as error:
            self._writer, self._now = Writer(), segment  # nothing may differ from what is not there
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise OSError(f"the history cannot be written ({error})") from None
            raise

    def _begin(self, segment: Segment) -> None:
        """What is written next belongs to it."""
        number = self._numbered(segment.number)
        if number == self._now:
            return
        parent = NO_PARENT if segment.parent is None else self._numbered(segment.parent)
        after = "(SELECT coalesce(max(id), 0) FROM metrics)"
        self._db.execute(
            f"INSERT INTO segments (after, number, parent, at) VALUES ({after}, ?, ?, ?)",
            (number, parent, segment.at),
        )
        self._now = number

    def _numbered(self, number: int) -> int:
        """Jobs count from 0, whenever they go on: that is the segment that was written last."""
        return number + self._most if number else self._first

    # Reading.

    def __len__(self) -> int:
        """How many frames there are."""
        return int(self._rows((int,), "SELECT count(*) FROM frames")[0][0])

    def index(self, after: int = 0) -> list[tuple[int, int]]:
        """(id, step) of every frame in order, or of those after an id: enough for a scrubber."""
        return self._rows((int, int), "SELECT id, step FROM frames WHERE id > ? ORDER BY id", after)

    def frame(self, id: int) -> Snapshot:
        asked = "SELECT step, seconds, kind, metrics FROM frames WHERE id = ?"
        rows = self._rows((int, float, str, str), asked, id)
        if not rows:
            raise UserError(f"The history {self.path} has no frame {id}.")
        step, seconds, kind, metrics = rows[0]
        try:
            frame = frozen_all(unpack(self._reader.frame(id)))
            return Snapshot(kind, step, seconds, frame, self._read(metrics))
        except Exception as error:  # whatever the bytes are
            raise UserError(f"The history {self.path} has a damaged frame: {error}.") from None

    def _kept(self, id: int) -> bytes:
        rows = self._rows((bytes,), "SELECT frame FROM frames WHERE id = ?", id)
        if not rows:
            raise ValueError("what it differs from is missing")
        kept: bytes = rows[0][0]
        return kept

    def frames(self) -> Iterator[Snapshot]:
        for id, _ in self.index():
            yield self.frame(id)

    def metrics(self) -> list[Measured]:
        asked = "SELECT id, step, seconds, metrics FROM metrics ORDER BY id"
        segments, now, found = self._segments(), FIRST, []
        for id, step, seconds, values in self._rows((int, int, float, str), asked):
            while segments and segments[0][0] < id:
                now = segments.pop(0)[1]
            found.append(Measured(step, seconds, self._read(values), now))
        return found

    def _segments(self) -> list[tuple[int, Segment]]:
        """(after which metrics, what begins there), in order."""
        if not self._rows(
            (int,), "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='segments'"
        )[0][0]:
            return []
        asked = "SELECT after, number, parent, at FROM segments ORDER BY id"
        return [
            (after, Segment(number, None if parent == NO_PARENT else parent, at))
            for after, number, parent, at in self._rows((int, int, int, int), asked)
        ]

    def changes(self) -> list[tuple[int, str, dict[str, Any]]]:
        rows = self._rows((int, str, str), "SELECT step, what, changes FROM changes ORDER BY id")
        return [(step, what, self._read(values)) for step, what, values in rows]

    def _read(self, text: str) -> dict[str, Any]:
        try:
            return dict(json.loads(text))
        except (ValueError, TypeError) as error:
            raise UserError(f"The history {self.path} is damaged: {error}.") from None

    def _rows(self, types: tuple[type, ...], query: str, *values: Any) -> list[Any]:
        """All rows, once it is certain that they hold what they should: SQLite keeps anything anywhere."""
        self._looks = 0
        try:
            rows = self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise UserError(f"The history {self.path} is damaged: {error}.") from None
        for row in rows:
            for value, type_ in zip(row, types, strict=True):
                if not isinstance(value, type_):
                    raise UserError(
                        f"The history {self.path} is damaged: {type(value).__name__} for {type_.__name__}."
                    )
        return rows


def _check_files(path: Path) -> None:
    """A UserError where SQLite would wait for a pipe or read a device."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if file.exists():
            check_file(file, "history")
