"""Lists of pictures, which are folders by other means: a CSV file with a column `image_path`, and perhaps `label`; or a
JSON file {"_default": {"1": {"image_fpath": "…", "labels": ["…"]}, …}}. Paths are relative to the list."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import check_file, open_file
from .gather import Entry

PATH, LABEL = "image_path", "label"  # columns of a CSV file
TABLE, FILE, LABELS = "_default", "image_fpath", "labels"  # keys of a JSON file
MOST_BYTES = 2**27  # of a list


class _ListError(Exception):
    """What is wrong with a list, and where in it."""


def is_list(path: Path) -> bool:
    """As its name says."""
    return path.suffix.lower() in READERS and not path.is_dir()


def read_list(path: Path) -> list[Entry]:
    """What the list names, in its order, or a UserError in one sentence."""
    try:
        if check_file(path, "list of pictures") > MOST_BYTES:
            raise _ListError(f"it is larger than {MOST_BYTES >> 20} MiB")
        with io.TextIOWrapper(open_file(path), encoding="utf-8-sig", newline="") as file:
            named = list(READERS[path.suffix.lower()](file))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a list of pictures: it is not written in UTF-8.") from None
    except _ListError as error:
        raise UserError(f"{path} is not a list of pictures: {error}.") from None
    if not named:
        raise UserError(f"Nothing can be learned from {path}: it names no pictures.")
    return [Entry(file, label or path.stem, path.parent / file) for file, label in named]


Named = Iterator[tuple[str, str]]  # path, label ("" where there is none)


def _of_csv(file: Any) -> Named:
    rows = csv.reader(file, strict=True)
    try:
        columns = [column.strip() for column in next(rows, [])]
        if PATH not in columns:
            raise _ListError(f"its first line has no column {PATH}")
        at = columns.index(PATH)
        label_at = columns.index(LABEL) if LABEL in columns else len(columns)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= at or not row[at].strip():
                raise _ListError(f"line {rows.line_num} has no {PATH}")
            yield row[at].strip(), row[label_at].strip() if label_at < len(row) else ""
    except csv.Error as error:
        raise _ListError(f"line {rows.line_num} cannot be understood ({error})") from None


def _of_json(file: Any) -> Named:
    try:
        content = json.load(file)
    except json.JSONDecodeError as error:
        raise _ListError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError):
        raise _ListError("it is nested too deeply, or has too long a number") from None
    table = content.get(TABLE) if isinstance(content, dict) else None
    if not isinstance(table, dict):
        raise _ListError(f'it has no table "{TABLE}"')
    for key, item in table.items():
        where = f"{TABLE}.{key[:40]}"
        path = item.get(FILE) if isinstance(item, dict) else None
        if not isinstance(path, str) or not path:
            raise _ListError(f"{where} has no {FILE}")
        labels = item.get(LABELS, [])
        if not isinstance(labels, list):
            raise _ListError(f"{where}.{LABELS} is not a list")
        yield path, str(labels[0]) if labels else ""


READERS: dict[str, Callable[[Any], Named]] = {".csv": _of_csv, ".json": _of_json}
