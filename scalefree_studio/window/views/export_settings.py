"""What a person exported last: which way, what was asked for, and where to."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSettings, QStandardPaths

from ...controls import ControlError, edited, values_of
from .ways import Way, chosen_by

FOLDER = "exported"


def last_folder(settings: QSettings) -> Path:
    """Where the last file went; at first, where pictures are kept."""
    folder = Path(str(settings.value(FOLDER, "")))
    if str(settings.value(FOLDER, "")) and folder.is_dir():
        return folder
    places = QStandardPaths.standardLocations(QStandardPaths.StandardLocation.PicturesLocation)
    return next((Path(place) for place in places if Path(place).is_dir()), Path.home())


def last_way(settings: QSettings, ways: Sequence[Way]) -> Way:
    return chosen_by(str(settings.value("export/way", "")), ways)


def last_suffix(settings: QSettings, way: Way) -> str:
    kept = str(settings.value(f"export/{_key(way)}/suffix", ""))
    return kept if kept in way.suffixes else way.suffixes[0]


def last_options(settings: QSettings, way: Way, without: Collection[str] = ()) -> Any:
    """As they were asked for, as far as they still can be; the others as they are offered."""
    options = way.options
    with suppress(ValueError, TypeError, AttributeError):
        for name, value in json.loads(str(settings.value(f"export/{_key(way)}/options", "{}"))).items():
            if name not in {*without, *way.leave_out}:
                with suppress(ControlError):
                    options = edited(options, {name: value})
    return options


def keep_export(settings: QSettings, way: Way, options: Any, path: Path) -> None:
    settings.setValue(FOLDER, str(path.parent))
    if len(way.suffixes) > 1 and path.suffix.lower() in way.suffixes:
        settings.setValue(f"export/{_key(way)}/suffix", path.suffix.lower())
    settings.setValue(f"export/{_key(way)}/options", json.dumps(values_of(options)))
    if way.name != "movie":
        settings.setValue("export/way", way.name)


def numbered(folder: Path, name: str, suffix: str) -> Path:
    """A name in that folder that nothing has yet: name.png, name-2.png, …"""
    path, number = folder / f"{name}{suffix}", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}{suffix}"
    return path


def _key(way: Way) -> str:
    return type(way.options).__name__
