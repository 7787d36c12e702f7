"""Pretrained models that can be downloaded, by name: what registry files say of them, or an address by itself.

A registry is a TOML file with a table for each model:

    [faces]
    title = "Faces"
    draws = "portraits of 32 × 32 pixels"
    urls = ["https://…/faces.safetensors", "https://…"]      # the same file at one address or more
    sha256 = "…"                                             # 64 hexadecimal digits
    size = 1234567                                           # bytes
    licence = "CC0-1.0"

There may be one beside the models that come along, and one of a person's own, which $SCALEFREE_MODELS names.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..assets import model_folders
from ..errors import UserError
from ..files import at_home, read_file
from .download import RemoteFile, is_web_address

REGISTRY = "registry.toml"
MOST_BYTES = 2**24  # of a registry
OWN_VARIABLE = "SCALEFREE_MODELS"
ENDING = ".safetensors"
RUN = "model"  # what the model of every run is called, so that its folder is taken for a run


@dataclass(frozen=True)
class Pretrained:
    """A model and the addresses of its file. Of one that only an address tells of, no more is known."""

    name: str
    urls: tuple[str, ...]
    title: str = ""
    draws: str = ""
    licence: str = ""
    size: int = 0  # 0: not known
    sha256: str = ""

    @property
    def file(self) -> RemoteFile:
        return RemoteFile(file_name(self.name), self.size, self.sha256)


def file_name(name: str) -> str:
    return f"{name}{ENDING}"


def pretrained() -> dict[str, Pretrained]:
    """All that registries name, by name; of two of one name the first."""
    files = [path for folder in model_folders() if (path := folder / REGISTRY).exists()]
    if own := os.environ.get(OWN_VARIABLE):
        files.append(at_home(own))
    found: dict[str, Pretrained] = {}
    for path in files:
        for name, entry in _read(path).items():
            found.setdefault(name, _model(path, name, entry))
    return found


def at_address(url: str, name: str | None = None, sha256: str = "") -> Pretrained:
    """The model at an address, which ends in its name unless it is given another."""
    if not is_web_address(url):
        raise UserError(f"{url} is not a web address (https://… or http://…).")
    last = unquote(urlsplit(url).path.rpartition("/")[2])
    if name is None and not last.endswith(ENDING):
        raise UserError(
            f"{url} does not end in NAME{ENDING}, the only kind of file that can be fetched; if it is one, "
            f"add --name NAME."
        )
    name = last.removesuffix(ENDING) if name is None else name
    if not _is_name(name):
        raise UserError(
            f"No model can be called {name!r}: use --name NAME with letters, digits, hyphens, dots and "
            f"underscores."
        )
    return Pretrained(name, (url,), sha256=sha256)


def is_sha256(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch("[0-9a-fA-F]{64}", text) is not None


def _is_name(text: str) -> bool:
    return re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text) is not None and text != RUN


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(read_file(path, MOST_BYTES, "registry").decode())
    except OSError as error:
        raise UserError(f"The registry {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"The registry {path} is not TOML: {str(error).splitlines()[0].rstrip('.')}."
        ) from None


def _model(path: Path, name: str, entry: Any) -> Pretrained:
    """What a registry says of a model, all of it checked, or a UserError."""

    def need(good: bool, what: str) -> None:
        if not good:
            raise UserError(f"The registry {path} is wrong about {name!r}: {what}.")

    need(_is_name(name), "a name has letters, digits, hyphens, dots and underscores")
    need(isinstance(entry, dict), "it is not a table")
    urls, size, sha256 = (entry.get(key) for key in ("urls", "size", "sha256"))
    need(isinstance(urls, list) and bool(urls), "urls is a list of addresses")
    need(all(isinstance(u, str) and is_web_address(u) for u in urls), "its urls are not all web addresses")
    need(type(size) is int and size > 0, "size is a number of bytes")
    need(is_sha256(sha256), "sha256 has 64 hexadecimal digits")
    texts = {key: entry.get(key, "") for key in ("title", "draws", "licence")}
    need(all(isinstance(t, str) and t.isprintable() for t in texts.values()), "its words are not plain text")
    need(bool(texts["licence"]), "it names no licence")
    return Pretrained(name, tuple(urls), size=size, sha256=sha256.lower(), **texts)
