"""Any folder of pictures and films, or a packed one: classes are sub-folders.

A picture that lies beside the sub-folders is of the class of the folder itself, and so is a film; several films are a
class each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..errors import UserError
from .archive import members
from .films import FILMS, is_film
from .gather import Entry, Gathered, gather, of_parts, with_held_out
from .prepare import SUFFIXES
from .sources import DataRequest, Dataset

HELD_NAMES = ("test", "val", "valid", "validation", "held-out")


def load_folder(request: DataRequest) -> Dataset:
    folder = request.path
    name, parts = folder.resolve().name, find_parts(folder)
    if parts:
        return load_parts(name, parts, request)
    return with_held_out(name, read_pictures(folder, request), folder, request)


def load_parts(name: str, parts: tuple[Path, Path], request: DataRequest) -> Dataset:
    train = read_pictures(parts[0], request)
    held = read_pictures(parts[1], replace(request, channels=train.depth))
    return of_parts(name, train, held, request)


def find_parts(folder: Path) -> tuple[Path, Path] | None:
    """The training part and the held-out part, where somebody has parted them: sub-folders or archives."""
    for held in HELD_NAMES:
        for ending in ("", ".tar.gz", ".tgz"):
            pair = folder / f"train{ending}", folder / f"{held}{ending}"
            if all(p.is_file() if ending else p.is_dir() for p in pair):
                return pair
    return None


def read_pictures(source: Path, request: DataRequest) -> Gathered:
    """Every picture of a folder or a .tar.gz in order of its name; without `channels`, grey if all of them are."""
    if source.is_file():
        found = gather(_of_archive(source), source, request)
        found.sort()
        return found
    entries = _of_folder(source)
    return gather(entries, source, request, len(entries))


def _of_folder(folder: Path) -> list[Entry]:
    try:
        found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror or error}.") from None
    names = sorted((n for n in found if _is_wanted(n.parts, SUFFIXES | FILMS)), key=Path.as_posix)
    own = folder.resolve().name
    several = sum(is_film(name) and len(name.parts) == 1 for name in names) > 1

    def label(name: Path) -> str:
        if len(name.parts) > 1:
            return name.parts[0]
        return name.stem if several and is_film(name) else own

    return [Entry(name.as_posix(), label(name), folder / name) for name in names]


def _of_archive(path: Path) -> Iterator[Entry]:
    for name, data in members(path):
        parts = PurePosixPath(name).parts
        if _is_wanted(parts, SUFFIXES):
            yield Entry(name, parts[-2] if len(parts) > 1 else path.name, data)


def _is_wanted(parts: tuple[str, ...], suffixes: set[str]) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) and part not in (".", "..") for part in parts)
    return not hidden and PurePosixPath(parts[-1]).suffix.lower() in suffixes
