"""One file from one of several mirrors: checked, resumed, and whole under its name or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from filelock import FileLock

from ..files import PART, write_errors

# What is being done, how much of it is done, and of how much (0 where nobody knows yet). What it raises ends the work;
# a download is then kept as far as it came.
Progress = Callable[[str, int, int], None]

TIMEOUT = 20.0  # seconds without a byte
ATTEMPTS = 4  # at one mirror that goes on sending but breaks off
CHUNK = 2**18


class DownloadError(Exception):
    """No mirror has the file; the text says what each answered."""


class _MirrorError(Exception):
    """This mirror is of no use; the text says why."""


@dataclass(frozen=True)
class RemoteFile:
    name: str
    size: int
    sha256: str


def fetch(
    file: RemoteFile,
    mirrors: Sequence[str],
    folder: Path,
    progress: Progress | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """The file in the folder, downloaded unless it is there; raises DownloadError, or UserError for a full disk."""
    target = folder / file.name
    if target.is_file():
        return target
    with write_errors(target):  # of the disk: those of the network have become _MirrorError
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{file.name}.lock"):  # several ranks may want it at once
            if not target.is_file():
                _from_any(file, mirrors, target, progress, timeout)
    return target


def _from_any(
    file: RemoteFile, mirrors: Sequence[str], target: Path, progress: Progress | None, timeout: float
) -> None:
    part = target.with_name(f"{file.name}{PART}")
    answers = []
    for mirror in mirrors:
        url = mirror + file.name
        try:
            for _ in range(ATTEMPTS):
                before = _length(part)
                _receive(url, file, part, progress, timeout)
                if _length(part) == file.size:
                    if _sha256(part) == file.sha256:
                        os.replace(part, target)
                        return
                    part.unlink()
                    if not before:  # else the fault may lie in what another mirror sent before
                        raise _MirrorError("sent something else")
                elif _length(part) <= before:
                    break
            raise _MirrorError("broke off")
        except _MirrorError as refusal:
            answers.append(f"{urlsplit(url).hostname}: {refusal}")
    raise DownloadError("; ".join(answers) or "there is no mirror")


def _receive(url: str, file: RemoteFile, part: Path, progress: Progress | None, timeout: float) -> None:
    """Appends to the part what the mirror sends of what is missing, be it all or not."""
    have = _length(part)
    if have == file.size:
        return
    with _open(url, have, timeout) as answer:
        have = _start(answer, have, file.size)
        with part.open("r+b" if have else "wb") as out:
            out.seek(have)
            while chunk := _read(answer, min(CHUNK, file.size + 1 - have)):
                have += len(chunk)
                if have > file.size:
                    out.truncate(0)
                    raise _MirrorError("sent something else")
                out.write(chunk)
                if progress:
                    progress(f"Downloading {file.name}", have, file.size)
            out.flush()
            os.fsync(out.fileno())


def _open(url: str, have: int, timeout: float) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "scalefree-studio"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        return cast(http.client.HTTPResponse, urllib.request.urlopen(request, timeout=timeout))
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # it has less than we have, so one of us has another file
            return _open(url, 0, timeout)
        raise _MirrorError(f"answered {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise _MirrorError(text.splitlines()[0].rstrip(".")) from None


def _start(answer: http.client.HTTPResponse, have: int, size: int) -> int:
    """Where in the file the answer begins; one of another size is refused before it is sent."""
    if answer.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
        if not match or int(match[1]) != have or match[2] not in ("*", str(size)):
            raise _MirrorError("sent another part than the one asked for")
        return have
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != size:
        raise _MirrorError(f"has a file of {int(length):,} bytes rather than {size:,}")
    return 0


def _read(answer: http.client.HTTPResponse, size: int) -> bytes:
    """Some bytes; none at the end, and none where the line breaks, which shows in the length."""
    with suppress(OSError, http.client.HTTPException):
        return answer.read1(size)
    return b""


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
