"""One file from one of several addresses: checked, resumed, and whole under its name or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import string
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote, urljoin, urlsplit

from filelock import FileLock

from ..files import PART, write_errors

# What is being done, how much of it is done, and of how much (0 where nobody knows yet). What it raises ends the work;
# a download is then kept as far as it came.
Progress = Callable[[str, int, int], None]

TIMEOUT = 20.0  # seconds without a byte
SLOWEST = 256  # bytes a second; a line that brings fewer is as good as broken
ATTEMPTS = 4  # at one mirror that goes on sending but breaks off
REDIRECTS = 5
CHUNK = 2**18
MOST = 2**32  # bytes that are taken of a file whose size nobody knows


class DownloadError(Exception):
    """No mirror has the file; the text says what each answered."""


class _MirrorError(Exception):
    """This mirror is of no use; the text says why."""


@dataclass(frozen=True)
class RemoteFile:
    """A file and what is known of it. Without a checksum, what broke off begins anew: nothing could tell whether the
    parts belong together."""

    name: str
    size: int = 0  # 0: not known
    sha256: str = ""


def fetch(
    file: RemoteFile,
    urls: Sequence[str],
    folder: Path,
    progress: Progress | None = None,
    timeout: float = TIMEOUT,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """The file in the folder, downloaded unless it is there; raises DownloadError, or UserError for a full disk. A
    file that `check` refuses, with an error of its own, is deleted."""
    target = folder / file.name
    if target.is_file():
        return target
    with write_errors(target):  # of the disk: those of the network have become _MirrorError
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{file.name}.lock"):  # several ranks may want it at once
            if not target.is_file():
                _download(file, urls, target, progress, timeout, check)
    return target


def is_web_address(url: str) -> bool:
    """Whether it is the address of something on the web, of all that could be downloaded."""
    try:
        address = urlsplit(url)
        named = bool(address.hostname) and address.port != 0  # a port that is no number is a ValueError
        return address.scheme in ("http", "https") and named and url.isprintable()
    except ValueError:
        return False


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(
    file: RemoteFile,
    urls: Sequence[str],
    target: Path,
    progress: Progress | None,
    timeout: float,
    check: Callable[[Path], None] | None,
) -> None:
    part = target.with_name(f"{file.name}{PART}")
    resumable = bool(file.sha256)
    try:
        _from_any(file, urls, part, progress, timeout)
        resumable = False  # a whole file that is refused is not wanted again
        if check:
            check(part)
        os.replace(part, target)
    finally:
        if not resumable:
            part.unlink(missing_ok=True)


def _from_any(
    file: RemoteFile, urls: Sequence[str], part: Path, progress: Progress | None, timeout: float
) -> None:
    answers = []
    for url in urls:
        try:
            return _from_one(url, file, part, progress, timeout)
        except _MirrorError as refusal:
            answers.append(f"{urlsplit(url).hostname}: {refusal}")
    raise DownloadError("; ".join(answers) or "there is no mirror")


def _from_one(url: str, file: RemoteFile, part: Path, progress: Progress | None, timeout: float) -> None:
    for _ in range(ATTEMPTS):
        if not file.sha256:
            part.unlink(missing_ok=True)
        before = _length(part)
        if _receive(url, file, part, progress, timeout):
            found = sha256_of(part)
            if file.sha256 in ("", found):
                return
            part.unlink()
            if not before:  # else the fault may lie in what another mirror sent before
                raise _MirrorError(f"sent something else, with the SHA-256 {found}")
        elif _length(part) <= before:
            break
    raise _MirrorError("stopped in the middle")


def _receive(url: str, file: RemoteFile, part: Path, progress: Progress | None, timeout: float) -> bool:
    """Appends to the part what the mirror sends of what is missing; whether that was all of it."""
    have = _length(part)
    if file.size and have >= file.size:
        if have == file.size:
            return True
        have = 0
    with _open(url, have, timeout) as answer:
        have, size = _start(answer, have, file.size or None)
        limit = MOST if size is None else size
        since, then = time.monotonic(), have
        with part.open("r+b" if have else "wb") as out:
            out.seek(have)
            while chunk := _read(answer, min(CHUNK, limit + 1 - have)):
                have += len(chunk)
                if have > limit:
                    out.truncate(0)
                    raise _MirrorError(f"sends more than {limit:,} bytes")
                out.write(chunk)
                if progress:
                    progress(f"Downloading {file.name}", have, size or 0)
                if (now := time.monotonic()) - since > timeout:
                    if have - then < SLOWEST * timeout:
                        chunk = None
                        break
                    since, then = now, have
            out.flush()
            os.fsync(out.fileno())
    whole = chunk is not None if size is None else have == size
    if whole and size is None and progress:
        progress(f"Downloading {file.name}", have, have)
    return whole


def _open(url: str, have: int, timeout: float) -> http.client.HTTPResponse:
    try:
        return _followed(url, have, timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # it has less than we have, so one of us has another file
            return _open(url, 0, timeout)
        raise _MirrorError(f"answered {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise _MirrorError(text.splitlines()[0].rstrip(".")) from None


def _followed(url: str, have: int, timeout: float) -> http.client.HTTPResponse:
    """The answer at the end of a few redirects. Python's own way would also follow them to ftp:, and read all that
    comes with a redirect, which may never end."""
    url = quote(url, safe=string.punctuation)
    for _ in range(REDIRECTS + 1):
        request = urllib.request.Request(url, headers={"User-Agent": "scalefree-studio"})
        if have:
            request.add_header("Range", f"bytes={have}-")
        try:
            return cast(http.client.HTTPResponse, _web().open(request, timeout=timeout))
        except urllib.error.HTTPError as error:
            place = error.headers.get("Location")
            if error.code not in (301, 302, 303, 307, 308) or not place:
                raise
            error.close()
        url, before = urljoin(url, quote(place, safe=string.punctuation, encoding="latin-1")), url
        if not is_web_address(url) or (before.startswith("https:") and not url.startswith("https:")):
            raise _MirrorError(f"redirects to another kind of address ({urlsplit(url).scheme}:)")
    raise _MirrorError(f"redirects more than {REDIRECTS} times")


def _web() -> urllib.request.OpenerDirector:
    """Opens http and https, through the proxy that the system has, and nothing else."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
    ):
        opener.add_handler(handler())
    return opener


def _start(answer: http.client.HTTPResponse, have: int, size: int | None) -> tuple[int, int | None]:
    """Where in the file the answer begins, and the size of the file if anybody knows it; one of another size than is
    known is refused before it is sent."""
    if answer.headers.get_content_type() == "text/html":
        raise _MirrorError("answered with a web page")
    if answer.status == 206:
        given = answer.headers.get("Content-Range", "").strip()
        match = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", given)
        total = None if not match or match[2] == "*" else int(match[2])
        fits = total is None or (total > have and size in (None, total))
        if not match or int(match[1]) != have or not fits:
            raise _MirrorError("sent a different part from the one asked for")
    else:
        have, given = 0, answer.headers.get("Content-Length", "").strip()
        total = int(given) if re.fullmatch("[0-9]{1,18}", given) else None
        if total is not None and size is not None and total != size:
            raise _MirrorError(f"has a file of {total:,} bytes rather than {size:,}")
    if size is None and total is not None and total > MOST:
        raise _MirrorError(f"has a file of {total:,} bytes; the limit is {MOST:,}")
    return have, total if size is None else size


def _read(answer: http.client.HTTPResponse, size: int) -> bytes | None:
    """Some bytes; none at the end; None where the line breaks and it shows."""
    try:
        return answer.read1(size)
    except (OSError, http.client.HTTPException, ValueError):
        return None


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
