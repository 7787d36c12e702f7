"""`scalefree-studio fetch`: pretrained models, by name or address."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from .assets import fetched_models
from .data.download import DownloadError, sha256_of
from .data.download import fetch as download
from .data.pretrained import Pretrained, at_address, file_name, is_sha256, pretrained
from .errors import UserError
from .jobs.instruments import draws, info_of, network_of
from .storage.run_folder import kind_of, load_checkpoint
from .storage.shipped import PREFIX, named_models, title_of
from .terminal import add_json_flag, progress_bars, report

Handler = Callable[[argparse.Namespace], int]


def fill_fetch(parser: argparse.ArgumentParser) -> Handler:
    add = parser.add_argument
    add("model", nargs="?", metavar="NAME|URL", help="a model that --list names, or the address of another")
    add("--list", action="store_true", help="list the models that are here, and those that can be fetched")
    add("--sha256", metavar="HEX", help="the checksum that the file must have")
    add("--name", help="what to call a model from an address (default: the end of the address)")
    add("--out", type=Path, metavar="FOLDER", help="where to put it (default: where model:NAME finds it)")
    add_json_flag(parser)
    return fetch


def fetch(arguments: argparse.Namespace) -> int:
    if arguments.list:
        return _list(arguments.json)
    if arguments.sha256 is not None and not is_sha256(arguments.sha256):
        raise UserError("A SHA-256 has 64 hexadecimal digits.")
    if not arguments.model:
        raise UserError("Name a model or its address; --list shows the models.")
    model, folder = _wanted(arguments), arguments.out or fetched_models()
    here = _here(model, arguments.out)
    path = here or _fetched(model, folder, quiet=arguments.json)
    found = {
        "name": model.name, "model": str(path), "fetched": here is None, "sha256": sha256_of(path),
        "size": path.stat().st_size, "verified": bool(model.sha256), "licence": model.licence,
    }  # fmt: skip
    source = str(path) if arguments.out else PREFIX + model.name
    next_step = f"sample {source} wall.png" if draws(kind_of(path)) else f"info {source}"
    report(found, arguments.json, _in_words(found, next_step), person=sys.stdout)
    return 0


def _wanted(arguments: argparse.Namespace) -> Pretrained:
    """What was asked for, with the checksum that is known of it."""
    sha256 = (arguments.sha256 or "").lower()
    if "://" in arguments.model:
        return at_address(arguments.model, arguments.name, sha256)
    if arguments.name is not None:
        raise UserError("Only a model from an address can be given a --name.")
    model = _by_name(arguments.model.removeprefix(PREFIX))
    if sha256 and model.sha256 and sha256 != model.sha256:
        raise UserError(f"The registry says that {model.name} has another SHA-256, {model.sha256}.")
    return replace(model, sha256=model.sha256 or sha256)


def _by_name(name: str) -> Pretrained:
    known, here = pretrained(), named_models()
    if name in known:
        return known[name]
    if name in here:
        return Pretrained(name, ())
    names = sorted({*known, *here})
    near = get_close_matches(name, names, 1)
    hint = f"do you mean {near[0]}?" if near else f"there are {', '.join(names)}."
    raise UserError(f"There is no model {name!r} to fetch; {hint}")


def _here(model: Pretrained, out: Path | None) -> Path | None:
    """Where it lies already, if it does; a UserError if something else has its name."""
    if out is None or not model.urls:
        path = named_models().get(model.name)
    else:
        path = out / file_name(model.name)
    if path is None or not path.exists():
        return None
    if model.sha256 and sha256_of(path) != model.sha256:
        raise UserError(
            f"{path} has the name but not the checksum of {model.name}; move it away, or choose another --out."
        )
    if model.urls and not model.sha256 and out is None and path.parent != fetched_models():
        raise UserError(
            f"A model called {model.name} comes with the studio; give this one another name with --name."
        )
    return path


def _fetched(model: Pretrained, folder: Path, quiet: bool) -> Path:
    check = partial(_check, source=model.urls[0])
    try:
        with progress_bars(quiet) as progress:
            return download(model.file, model.urls, folder, progress, check=check)
    except DownloadError as error:
        raise UserError(f"The model {model.name} could not be fetched ({error}).") from None


def _check(path: Path, source: str) -> None:
    """A UserError unless this studio can read the model: its file, its kind, and all its numbers."""
    try:
        info_of(network_of(load_checkpoint(path)))
    except UserError as error:
        reason = "".join(c if c.isprintable() else "?" for c in str(error).replace(str(path), "it")).rstrip(
            "."
        )
        raise UserError(f"{source} was refused and deleted: {reason}.") from None


def _in_words(found: Mapping[str, Any], next_step: str) -> str:
    lines = [f"{found['name']} is {'now' if found['fetched'] else 'already'} here: {found['model']}"]
    if found["licence"]:
        lines.append(f"Its licence: {found['licence']}.")
    if found["fetched"] and not found["verified"]:
        lines.append(
            f"It was not verified, as no checksum was given; the file has the SHA-256 {found['sha256']}."
        )
    return "\n".join([*lines, f"Next: scalefree-studio {next_step}"])


def _list(as_json: bool) -> int:
    """Models that are here, then those that can be fetched."""
    here, known = named_models(), pretrained()
    models = [_listed(known.get(name) or Pretrained(name, ()), here.get(name)) for name in {**here, **known}]
    lines = [
        f"{m['name']:<20}{_state(m):<34}{'; '.join(filter(None, (m['title'], m['draws'], m['licence'])))}".rstrip()
        for m in models
    ]
    report({"models": models}, as_json, "\n".join(lines) or "There are no models.", person=sys.stdout)
    return 0


def _listed(model: Pretrained, path: Path | None) -> dict[str, Any]:
    title = model.title or (title_of(path) if path else "")
    return {
        "name": model.name, "title": title, "draws": model.draws, "licence": model.licence,
        "size": path.stat().st_size if path else model.size, "sha256": model.sha256, "urls": list(model.urls),
        "model": str(path) if path else None,
    }  # fmt: skip


def _state(listed: Mapping[str, Any]) -> str:
    size = f"{listed['size'] / 1e6:.1f} MB"
    return f"{size}, {PREFIX}{listed['name']}" if listed["model"] else f"{size}, not downloaded yet"
