"""Faults on purpose: what is done to good files, and values that nobody should give. All of it follows from a seed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import sqlite3
import struct
from pathlib import Path
from typing import Any

KEY = "scalefree_studio"  # of a model's metadata
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, 10**40, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", "0", "x",
    "x" * 5000, "\udcff", "../../x", [], [None], [1, 2, 3], [[]], [1e30, "x"], {}, {"kind": None}, {"a": {"a": {}}},
)  # fmt: skip
WORDS = (
    "", "0", "-1", "1", "2", "nan", "inf", "-inf", "1e308", "1e-308", "2147483648", "9" * 40, "0x10", "1,5", "1x1",
    "0x0", "99999x99999", "x", "x" * 3000, "\udcff\udcfe", "~nosuchuser/x", "~", "/dev/null", "/dev/full", ".", "..",
    "a\nb", "model:", "model:none", "photo:astronaut", "photo:none", "synthetic:lines-5", "synthetic:lines-999999999",
    "dataset:digits", "digits", "{step}", "{step:{step}}", "{0}", "{psnr:99999999d}", "[", "true", "null", "ä" * 300,
)  # fmt: skip


NUMBERS = (
    "0",
    "1",
    "2",
    "3",
    "7",
    "16",
    "64",
    "0.1",
    "0.5",
    "1.5",
    "20",
    "99",
    "-1",
    "1e-9",
    "1000",
    "100000",
)


# Bytes.


def bytes_of(rng: random.Random, data: bytes) -> bytes:
    """The same with a few faults in it."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        size = min(rng.choice((1, 1, 4, 64, 4096)), len(data) - at)
        near = rng.randrange(min(len(data), 200) + 1)  # a header
        match rng.randrange(7):
            case 0:
                data = data[:at]
            case 1:
                data = data[:at] + rng.randbytes(size) + data[at + size :]
            case 2:
                data = data[:near] + rng.randbytes(1) + data[near + 1 :]
            case 3:
                data = data[:at] + bytes(size) + data[at + size :]
            case 4:
                data = data[:at] + data[at : at + size] + data[at:]
            case 5:
                data = (
                    data[:near]
                    + rng.choice((b"\xff" * 4, b"\x7f" + b"\xff" * 3, bytes(4)))
                    + data[near + 4 :]
                )
            case 6:
                data = data[:at] + data[at + size :]
    return data


def damage(rng: random.Random, path: Path) -> None:
    path.write_bytes(bytes_of(rng, path.read_bytes()))


# JSON, and what lies in a model's header.


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of everything in a JSON value, how one comes to it."""
    found = [way] if way else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*way, key))
    return found


def json_of(rng: random.Random, value: Any) -> Any:
    """The same with one value of another type or size, or without it."""
    ways = places(value)
    *way, last = rng.choice([w for w in ways if len(w) <= rng.choice((1, 2, 9))] or ways)
    holder = value
    for key in way:
        holder = holder[key]
    if rng.random() < 0.15 and isinstance(holder, dict):
        del holder[last]
    else:
        holder[last] = rng.choice(VALUES)
    return value


def tensors(rng: random.Random, path: Path) -> None:
    """A safetensors file with a fault in its metadata, in its header, or anywhere."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    about = json.loads(header.get("__metadata__", {}).get(KEY, "{}"))
    kind = rng.random()
    if kind < 0.7 and about:
        header["__metadata__"][KEY] = json.dumps(json_of(rng, about))
    elif kind < 0.85:
        json_of(rng, header)
    else:
        damage(rng, path)
        return
    packed = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(packed)) + packed + data[8 + size :])


# Histories.

ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n"
COLUMNS = {
    "frames": ("id", "step", "seconds", "kind", "metrics", "frame"),
    "metrics": ("id", "step", "seconds", "metrics"),
    "changes": ("id", "step", "what", "changes"),
}


def history(rng: random.Random, path: Path) -> None:
    """A history with another value, another table, another version, or broken pages."""
    if rng.random() < 0.25:
        damage(rng, path)
        return
    table = rng.choice(list(COLUMNS))
    columns = COLUMNS[table]
    named = ", ".join(f"n AS {column}" for column in columns)
    values = (
        None,
        -1,
        2**62,
        1e308,
        "x",
        "{}",
        "[1]",
        "null",
        b"",
        b"\0" * 50,
        b"differs\xff" + rng.randbytes(40),
    )
    with contextlib.closing(sqlite3.connect(path)) as db, contextlib.suppress(sqlite3.Error), db:
        match rng.randrange(7):
            case 0 | 1:
                column = rng.choice(columns)
                where = rng.choice(("", " WHERE id = 1", " WHERE id = (SELECT max(id) FROM " + table + ")"))
                db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?{where}", (rng.choice(values),))
            case 2:
                db.execute(f"DROP TABLE {table}")
            case 3:
                db.execute(f"DROP TABLE {table}")
                db.execute(f"CREATE VIEW {table} AS {ENDLESS} AS id, {named} FROM r")
            case 4:
                db.execute(f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN DELETE FROM {table}; END")
            case 5:
                db.execute(f"PRAGMA user_version = {rng.choice((0, 1, 3, 99, -5))}")
            case 6:
                db.execute(
                    f"UPDATE frames SET frame = zeroblob({rng.choice((0, 10, 300_000_000))}) WHERE id = 2"
                )


# What is no ordinary file.


def special(rng: random.Random, path: Path) -> Path:
    """Something in a file's place that is none; returns where."""
    if path.exists():
        path.unlink()
    match rng.randrange(7):
        case 0 | 1:
            os.mkfifo(path)
        case 2:
            path.mkdir()
        case 3:
            path.symlink_to(rng.choice(("/dev/zero", "/dev/random", "/dev/full", "/dev/null", "/dev/tty")))
        case 4:
            path.symlink_to(path)
        case 5:
            with socket.socket(socket.AF_UNIX) as door:
                here = os.getcwd()
                os.chdir(path.parent)  # the name of a socket is short
                try:
                    door.bind(path.name)
                finally:
                    os.chdir(here)
        case 6:
            path.write_bytes(b"")
            os.truncate(path, rng.choice((2**36, 2**40)))  # sparse: it takes no room
    return path


def renamed(rng: random.Random, path: Path) -> Path:
    """The same under a name that few would choose."""
    names = ("\udcff\udcfe", "a\nb", "-x", " ", "ä" * 100, "%s{0}", "'\"", "\x1b[31mred", "*")
    return path.rename(path.with_name(rng.choice(names) + path.suffix))


def text(rng: random.Random, path: Path) -> None:
    """A text with a word of it replaced."""
    words = path.read_text().split(" ")
    words[rng.randrange(len(words))] = rng.choice([*WORDS, '"', "=", "[[", "]", "\n", "{", "}", "#", "1e400"])
    path.write_text(" ".join(words), errors="surrogateescape")
