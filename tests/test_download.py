"""Downloads through every fault that a mirror can have, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from scalefree_studio.data import official
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.download import DownloadError, RemoteFile, fetch
from scalefree_studio.errors import UserError

CONTENT = bytes(range(256)) * 4000  # a megabyte
FILE = RemoteFile("file.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Mirror(BaseHTTPRequestHandler):
    """/<fault>/<name>: the file of that name, with the fault."""

    files: dict[str, bytes] = {}
    asked: list[tuple[str, str | None]] = []

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        _, fault, name = self.path.split("/")
        wanted = self.headers.get("Range")
        self.asked.append((fault, wanted))
        data = self.files.get(name)
        if fault == "missing" or data is None:
            return self.send_error(404)
        if fault == "silent":
            self.server.released.wait(5)  # type: ignore[attr-defined]
            return None
        if fault == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if fault == "shorter":
            data = data[:-100]
        start = 0
        if wanted and fault != "rangeless":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data) or fault == "unsatisfiable":
                return self.send_error(416)
            self.send_response(206)
            begin = 0 if fault == "liar" else start
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if fault == "endless":
            data *= 3
        else:
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:]
        if fault == "breaking":  # sends a third at a time
            body = body[: len(data) // 3]
        if fault == "stuck":
            body = b""
        with suppress(OSError):  # nobody listens any more
            self.wfile.write(body)
        self.close_connection = True
        return None


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Where the file lies at mirrors with these faults."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(Mirror, "files", {FILE.name: CONTENT})
    monkeypatch.setattr(Mirror, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.released = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield lambda *faults: [f"http://127.0.0.1:{server.server_port}/{fault}/{FILE.name}" for fault in faults]
    server.released.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


Urls = Callable[..., list[str]]


def test_a_download_is_whole_and_tells_how_far_it_is(tmp_path: Path, mirror: Urls) -> None:
    seen: list[tuple[str, int, int]] = []
    path = fetch(FILE, mirror("fine"), tmp_path / "new", lambda *what: seen.append(what))
    assert path.read_bytes() == CONTENT
    assert [f.name for f in path.parent.iterdir() if not f.name.startswith(".")] == ["file.bin"]
    done = [part for _, part, _ in seen]
    assert done == sorted(done) and seen[-1] == ("Downloading file.bin", FILE.size, FILE.size)
    fetch(FILE, mirror("fine"), tmp_path / "new")
    assert len(Mirror.asked) == 1  # what is there is not asked for


@pytest.mark.parametrize("fault", ["missing", "wrong", "shorter", "endless", "stuck", "silent", "liar"])
def test_a_mirror_of_no_use_is_passed_over(tmp_path: Path, mirror: Urls, fault: str) -> None:
    if fault == "liar":
        (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    path = fetch(FILE, mirror(fault, "fine"), tmp_path, timeout=0.3)
    assert path.read_bytes() == CONTENT
    assert {asked for asked, _ in Mirror.asked} == {fault, "fine"}


def test_where_every_mirror_fails_each_is_told_and_nothing_wrong_is_kept(
    tmp_path: Path, mirror: Urls
) -> None:
    with pytest.raises(DownloadError, match=r"answered 404.*something else.*bytes rather than"):
        fetch(FILE, mirror("missing", "wrong", "shorter"), tmp_path)
    assert not (tmp_path / "file.bin").exists() and not (tmp_path / "file.bin.part").exists()


def test_a_broken_line_is_taken_up_where_it_broke(tmp_path: Path, mirror: Urls) -> None:
    assert fetch(FILE, mirror("breaking"), tmp_path).read_bytes() == CONTENT
    third = FILE.size // 3
    assert [wanted for _, wanted in Mirror.asked] == [None, *(f"bytes={n * third}-" for n in (1, 2, 3))]


def test_a_cancelled_download_goes_on_next_time(tmp_path: Path, mirror: Urls) -> None:
    def cancel(what: str, done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(FILE, mirror("fine"), tmp_path, cancel)
    have = (tmp_path / "file.bin.part").stat().st_size
    assert have > FILE.size // 2 and not (tmp_path / "file.bin").exists()
    assert fetch(FILE, mirror("fine"), tmp_path).read_bytes() == CONTENT
    assert Mirror.asked[-1] == ("fine", f"bytes={have}-")


@pytest.mark.parametrize("fault", ["fine", "rangeless", "unsatisfiable"])
@pytest.mark.parametrize("part", ["true", "false", "complete and false", "too long"])
def test_any_part_left_behind_is_survived(tmp_path: Path, mirror: Urls, fault: str, part: str) -> None:
    left = {"true": CONTENT[:777], "false": b"?" * 777, "complete and false": b"?" * FILE.size,
            "too long": CONTENT + b"?"}[part]  # fmt: skip
    (tmp_path / "file.bin.part").write_bytes(left)
    assert fetch(FILE, mirror(fault), tmp_path).read_bytes() == CONTENT


def test_several_may_want_the_same_file_at_once(tmp_path: Path, mirror: Urls) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(FILE, mirror("fine"), tmp_path), range(4)))
    assert paths[0].read_bytes() == CONTENT and len(Mirror.asked) == 1


def test_a_disk_that_cannot_be_written_is_told(
    tmp_path: Path, mirror: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "occupied").touch()
    with pytest.raises(UserError, match="cannot be written"):
        fetch(FILE, mirror("fine"), tmp_path / "occupied")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left") as told:
        fetch(FILE, mirror("fine", "fine"), tmp_path)
    one_sentence(told)


def one_sentence(told: pytest.ExceptionInfo[UserError]) -> str:
    text = str(told.value)
    assert "\n" not in text and text.endswith(".") and ". " not in text
    return text


def test_a_data_set_is_downloaded_once(tmp_path: Path, mirror: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    for part, count in (("train", 30), ("t10k", 12)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
            files[f"{part}-{kind}-ubyte.gz"] = gzip.compress(header + bytes(int(np.prod(shape))))
    monkeypatch.setattr(Mirror, "files", files)
    remote = tuple(RemoteFile(n, len(d), hashlib.sha256(d).hexdigest()) for n, d in files.items())
    mirrors = tuple(url.removesuffix(FILE.name) for url in mirror("missing", "fine"))
    made = replace(official.OFFICIAL["mnist"], files=remote, mirrors=mirrors)
    monkeypatch.setitem(official.OFFICIAL, "mnist", made)
    first = load_dataset("mnist", tmp_path / "data")
    asked = len(Mirror.asked)
    second = load_dataset("mnist", tmp_path / "data")
    assert asked == len(Mirror.asked) == 8
    assert first.train.values.tobytes() == second.train.values.tobytes()
    assert (tmp_path / "data" / "mnist" / remote[0].name).exists()


def test_offline_one_sentence_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    for name, made in official.OFFICIAL.items():
        nobody = replace(made, mirrors=("http://127.0.0.1:9/",))  # nothing listens there
        monkeypatch.setitem(official.OFFICIAL, name, nobody)
        with pytest.raises(UserError, match="could not be downloaded") as told:
            load_dataset(name, tmp_path)
        text = one_sentence(told)
        assert f"into {tmp_path / name}" in text and all(file.name in text for file in made.files)


def test_the_check_sums_are_whole() -> None:
    """They were compared with two independent lists; this only finds a slip of the keyboard."""
    for made in official.OFFICIAL.values():
        for file in made.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 4000
        assert len(made.classes) == 10 and all(url.endswith("/") for url in made.mirrors)
