"""Downloads through every fault that a mirror can have, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mirrors import Mirror, serving

from scalefree_studio.data import download, official
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.download import DownloadError, RemoteFile, fetch
from scalefree_studio.errors import UserError

CONTENT = bytes(range(256)) * 4000  # a megabyte
FILE = RemoteFile("file.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Where the file lies at mirrors with these faults."""
    with serving({FILE.name: CONTENT}, monkeypatch) as address:
        yield lambda *faults: [f"{address}/{fault}/{FILE.name}" for fault in faults]


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


STALLED = (
    1.0  # seconds, in which a mirror of ours that answers at all has answered, however busy the machine is
)
USELESS = (
    "missing", "wrong", "shorter", "endless", "stuck", "silent", "liar", "page", "huge", "forever",
    "to-file", "to-ftp", "to-nonsense", "to-nowhere", "around",
)  # fmt: skip


@pytest.mark.parametrize("fault", USELESS)
def test_a_mirror_of_no_use_is_passed_over(tmp_path: Path, mirror: Urls, fault: str) -> None:
    if fault == "liar":
        (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    path = fetch(FILE, mirror(fault, "fine"), tmp_path, timeout=STALLED)
    assert path.read_bytes() == CONTENT
    assert {asked for asked, _ in Mirror.asked} == {fault, "fine"}


@pytest.mark.parametrize("fault", ["moved", "with-endless-body", "chunked", "without-length", "odd-length"])
@pytest.mark.parametrize("file", [FILE, RemoteFile(FILE.name, 0, FILE.sha256), RemoteFile(FILE.name)])
def test_a_mirror_may_be_strange(tmp_path: Path, mirror: Urls, fault: str, file: RemoteFile) -> None:
    assert fetch(file, mirror(fault), tmp_path).read_bytes() == CONTENT


WHAT_IS_WRONG = {
    "missing": "answered 404", "page": "answered with a web page", "huge": "1,000,000,000,000 bytes; the limit is",
    "forever": "sends more than", "to-file": r"another kind of address \(file:\)", "to-ftp": r"\(ftp:\)",
    "around": "redirects more than 5", "to-nowhere": "answered 302", "breaking": "stopped in the middle",
    "stuck": "stopped in the middle", "chunked-nonsense": "stopped in the middle", "silent": "timed out",
}  # fmt: skip


@pytest.mark.parametrize("fault", WHAT_IS_WRONG)
def test_where_nothing_is_known_of_a_file_what_is_wrong_is_told_and_nothing_is_kept(
    tmp_path: Path, mirror: Urls, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MOST", 2 * len(CONTENT))
    with pytest.raises(DownloadError, match=f"^127.0.0.1: .*{WHAT_IS_WRONG[fault]}"):
        fetch(RemoteFile("file.bin"), mirror(fault), tmp_path, timeout=STALLED)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]


def test_from_the_safe_to_the_unsafe_web_nothing_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    class Web:
        def open(self, request: urllib.request.Request, timeout: float) -> None:
            headers = Message()
            headers["Location"] = "http://example.org/file.bin"
            raise urllib.error.HTTPError(request.full_url, 301, "", headers, None)

    monkeypatch.setattr(download, "_web", Web)
    with pytest.raises(download._MirrorError, match=r"another kind of address \(http:\)"):
        download._open("https://example.org/file.bin", 0, 1)


def test_a_line_that_brings_next_to_nothing_is_as_good_as_broken(
    tmp_path: Path, mirror: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that runs two hours each time it is asked: the line brings a third of the file, then waits."""
    clock = itertools.count(step=7200.0)
    monkeypatch.setattr(download, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with pytest.raises(DownloadError, match="stopped in the middle"):
        fetch(FILE, mirror("stalling"), tmp_path, timeout=3600.0)
    assert 0 < len(Mirror.asked) <= 4


@pytest.mark.parametrize("size", [0, FILE.size])
def test_only_what_a_checksum_will_prove_is_taken_up_where_it_broke(
    tmp_path: Path, mirror: Urls, size: int
) -> None:
    part = tmp_path / "file.bin.part"
    part.write_bytes(CONTENT[:1000])
    fetch(RemoteFile("file.bin", size, FILE.sha256), mirror("fine"), tmp_path)
    part.write_bytes(b"of another file")
    (tmp_path / "file.bin").unlink()
    assert fetch(RemoteFile("file.bin", size), mirror("fine"), tmp_path).read_bytes() == CONTENT
    assert [wanted for _, wanted in Mirror.asked] == ["bytes=1000-", None]


def test_what_is_refused_never_has_its_name(tmp_path: Path, mirror: Urls) -> None:
    def refuse(path: Path) -> None:
        assert path.read_bytes() == CONTENT and not (tmp_path / "file.bin").exists()
        raise UserError("It is refused.")

    with pytest.raises(UserError, match="It is refused"):
        fetch(FILE, mirror("fine"), tmp_path, check=refuse)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]


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
