"""The tracker that every run has: metrics.jsonl, an object a line.

{"step": 40, "seconds": 1.52, "loss": 0.31, …}                             what was measured
{"step": 40, "what": "controls", "changed": {"learning_rate": 0.001}}      what was changed

A resumed run appends. What a killed run measured after it was last saved is measured again: steps may go back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..snapshot import Bytes, Change
from .history import Measured

LINES = "metrics.jsonl"


class MetricsLines:
    name = LINES

    def __init__(self, folder: Path):
        path = folder / LINES
        _cut_torn_line(path)
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def measured(self, measured: Measured) -> None:
        # JSON knows no infinity
        metrics = {n: float(v) if math.isfinite(v) else None for n, v in measured.metrics.items()}
        self._write({"step": measured.step, "seconds": round(measured.seconds, 4), **metrics})

    def changed(self, change: Change) -> None:
        self._write({"step": change.step, "what": change.what, "changed": dict(change.values)})

    def pictured(self, step: int, picture: Bytes) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None:
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")


def _cut_torn_line(path: Path) -> None:
    """A killed run may have left half a line behind; what follows must not be glued to it."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        whole = end = file.seek(0, 2)
        tail = b""
        while end and b"\n" not in tail:  # from the end, a block at a time: the file may be long
            start = max(0, end - 4096)
            file.seek(start)
            tail = file.read(end - start)
            whole, end = start + tail.rfind(b"\n") + 1, start
        file.truncate(whole)
