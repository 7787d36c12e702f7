"""The history of a run: frames, metrics and changes, in an SQLite file that survives a killed process.

A recording is data, not pixels: a frame is the arrays of a snapshot. Steps may go back (a restart, a return to an
earlier frame), so the order of a history is the order in which it was written.
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
from ..snapshot import Snapshot, frozen_all
from .tensors import pack, unpack

VERSION = 1
SCHEMA = """
CREATE TABLE frames (id INTEGER PRIMARY KEY, step INTEGER, seconds REAL, kind TEXT, metrics TEXT, frame BLOB);
CREATE TABLE metrics (id INTEGER PRIMARY KEY, step INTEGER, seconds REAL, metrics TEXT);
CREATE TABLE changes (id INTEGER PRIMARY KEY, step INTEGER, what TEXT, changes TEXT);
"""


@dataclass(frozen=True)
class Measured:
    """The metrics of one moment."""

    step: int
    seconds: float
    metrics: Mapping[str, float]


class History:
    """One connection to a history file; use it in the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._db = connection
        self.path = path

    @classmethod
    def create(cls, path: Path) -> History:
        """Open for writing; a new file if there is none."""
        try:
            db = sqlite3.connect(path, timeout=10, isolation_level=None)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
            return cls(db, path)._checked()
        except sqlite3.DatabaseError as error:
            raise UserError(f"The history {path} cannot be written: {error}.") from None

    @classmethod
    def open(cls, path: Path) -> History:
        """Open for reading, also while another thread or process writes."""
        if not path.is_file():
            raise UserError(f"There is no history {path}: nothing was recorded.")
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
        self._db.execute("SELECT count(*) FROM frames, metrics, changes WHERE 0").fetchone()
        return self

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
        try:
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT INTO frames (step, seconds, kind, metrics, frame) VALUES (?, ?, ?, ?, ?)",
                ((s.step, s.seconds, s.kind, json.dumps(dict(s.metrics)), pack(s.frame)) for s in frames),
            )
            self._db.executemany(
                "INSERT INTO metrics (step, seconds, metrics) VALUES (?, ?, ?)",
                ((m.step, m.seconds, json.dumps(dict(m.metrics))) for m in metrics),
            )
            self._db.executemany(
                "INSERT INTO changes (step, what, changes) VALUES (?, ?, ?)",
                ((step, what, json.dumps(dict(values))) for step, what, values in changes),
            )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise OSError(f"the history cannot be written ({error})") from None

    # Reading.

    def __len__(self) -> int:
        """How many frames there are."""
        return int(self._rows("SELECT count(*) FROM frames")[0][0])

    def index(self, after: int = 0) -> list[tuple[int, int]]:
        """(id, step) of every frame in order, or of those after an id: enough for a scrubber."""
        return self._rows("SELECT id, step FROM frames WHERE id > ? ORDER BY id", after)

    def frame(self, id: int) -> Snapshot:
        rows = self._rows("SELECT step, seconds, kind, metrics, frame FROM frames WHERE id = ?", id)
        if not rows:
            raise UserError(f"The history {self.path} has no frame {id}.")
        return self._snapshot(rows[0])

    def frames(self) -> Iterator[Snapshot]:
        for id, _ in self.index():
            yield self.frame(id)

    def metrics(self) -> list[Measured]:
        rows = self._rows("SELECT step, seconds, metrics FROM metrics ORDER BY id")
        return [Measured(step, seconds, self._read(values)) for step, seconds, values in rows]

    def changes(self) -> list[tuple[int, str, dict[str, Any]]]:
        rows = self._rows("SELECT step, what, changes FROM changes ORDER BY id")
        return [(step, what, self._read(values)) for step, what, values in rows]

    def _read(self, text: str) -> dict[str, Any]:
        try:
            return dict(json.loads(text))
        except (ValueError, TypeError) as error:
            raise UserError(f"The history {self.path} is damaged: {error}.") from None

    def _rows(self, query: str, *values: Any) -> list[Any]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise UserError(f"The history {self.path} is damaged: {error}.") from None

    def _snapshot(self, row: tuple[int, float, str, str, bytes]) -> Snapshot:
        step, seconds, kind, metrics, blob = row
        try:
            return Snapshot(kind, step, seconds, frozen_all(unpack(blob)), self._read(metrics))
        except Exception as error:
            raise UserError(f"The history {self.path} has a damaged frame: {error}.") from None
