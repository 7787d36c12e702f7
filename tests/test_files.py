"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from scalefree_studio.errors import UserError
from scalefree_studio.files import (
    HELD,
    PART,
    PASSING,
    check_folder,
    clear_parts,
    new_part,
    part_of,
    passing_folder,
    replacing,
    write_atomically,
    write_errors,
)


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"ne")
        file.flush()
        assert path.read_bytes() == b"old"
        (part,) = [p for p in tmp_path.iterdir() if p != path]
        assert part.name.startswith(".a.txt.") and part.name.endswith(PART) and part.read_bytes() == b"ne"
        file.write(b"w")
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
@pytest.mark.parametrize("old", [b"old", None])
def test_what_fails_leaves_everything_as_it_was(
    error: type[BaseException], old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    if old is not None:
        path.write_bytes(old)
    before = [(p.name, p.read_bytes()) for p in tmp_path.iterdir()]

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == before


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as one, replacing(path) as other:
        one.write(b"one")
        other.write(b"other")
    assert path.read_bytes() == b"one"  # whoever ends last
    assert len({part_of(path) for _ in range(20)}) == 20


def test_what_is_written_may_be_read_by_whom_any_new_file_may(tmp_path: Path) -> None:
    write_atomically(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    ours, plain = (stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("ours", "plain"))
    assert ours == plain


def test_trouble_is_one_sentence_about_the_file(tmp_path: Path) -> None:
    path = tmp_path / "no" / "a.txt"
    with pytest.raises(UserError) as found, write_errors(path), replacing(path):
        pass
    assert str(found.value) == f"{path} cannot be written: No such file or directory."
    with pytest.raises(UserError, match="there is no such folder"):
        check_folder(path)
    check_folder(tmp_path / "a.txt")


# --- What killed processes have left ------------------------------------------------------------------------


def test_only_what_nobody_writes_any_more_is_cleared(tmp_path: Path) -> None:
    held, file = new_part(tmp_path / "held.png")
    left, other = new_part(tmp_path / "left.png")
    other.close()  # as the end of its process does
    foreign = [tmp_path / name for name in (".x.part", "x.01234567.part", ".x.0123456z.part", "x.part")]
    for path in foreign:
        path.write_bytes(b"somebody else's")
    (tmp_path / ".f.01234567.part").mkdir()
    clear_parts(tmp_path)
    assert held.exists() and not left.exists() and all(path.exists() for path in foreign)
    file.close()
    clear_parts(tmp_path)
    assert not held.exists()
    clear_parts(tmp_path / "nowhere")


def test_what_is_being_replaced_is_not_cleared(tmp_path: Path) -> None:
    with replacing(tmp_path / "x") as file:
        file.write(b"new")
        clear_parts(tmp_path)
    assert (tmp_path / "x").read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 1


def test_a_passing_folder_goes_and_clears_what_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, young = tmp_path / f"{PASSING}left", tmp_path / f"{PASSING}young"
    for folder in (left, young):
        folder.mkdir()
        (folder / "history.sqlite").write_bytes(b"x")
    (left / HELD).touch()
    with passing_folder() as one:
        assert one.is_dir() and not left.exists()
        assert young.exists(), "it may just be being made"
        with passing_folder() as another:
            assert one.exists() and another != one
        assert not another.exists()
    assert not one.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        _part, _file = new_part(tmp_path / "x")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(list(tmp_path.iterdir())) == 1
    clear_parts(tmp_path)
    assert not list(tmp_path.iterdir())
