"""What a person prefers, declared once: the dialog is made from it, and the settings file holds it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QSettings, QStandardPaths

from ...controls import ControlError, control, controls_of, edited
from ...storage.saver import AUTOSAVE_SECONDS, SHARE

OURS = "Scalefree Studio"  # the folder for runs, among a person's documents
LAST, GALLERY, DEMO = "last run", "gallery", "demo"
SYSTEM = "system"
SETTINGS = (
    "SCALEFREE_STUDIO_SETTINGS"  # a file of settings instead of the person's own: for tests and pictures
)


@dataclass(frozen=True)
class Preferences:
    # fmt: off
    runs: str = control(
        "", label="Runs", live=True, unset=f"Documents/{OURS}",
        help="New runs are kept in this folder; existing runs stay where they are.",
    )
    theme: str = control(
        "dark", label="Theme", help="How the window looks; System follows your desktop.",
        choices=("dark", "light", SYSTEM),
        words=("Dark", "Light", "System"), live=True,
    )
    start: str = control(
        LAST, label="Start with", choices=(LAST, GALLERY, DEMO), words=("Last run", "Gallery", "Demo"), live=True,
        help="What the window opens with: it continues the last run, offers the gallery, or learns its "
        "first picture.",
    )
    autosave: float = control(
        AUTOSAVE_SECONDS, label="Save every", unit="s", low=1.0, high=3600.0, scale="log", live=True,
        help="A run that is cut short loses no more than this. Where saving is slow, it is done less "
        f"often, so that it takes at most {SHARE:.0%} of the time.",
    )
    # fmt: on

    @classmethod
    def read(cls, settings: QSettings) -> Preferences:
        """As they were kept; what makes no sense is as it is at first."""
        kept = cls()
        for c in controls_of(cls):
            if settings.contains(c.name):
                try:
                    kept = edited(kept, {c.name: c.check(settings.value(c.name, type=c.type))})
                except (ControlError, TypeError):
                    continue
        return kept

    def keep(self, settings: QSettings) -> None:
        for c in controls_of(self):
            settings.setValue(c.name, getattr(self, c.name))

    @property
    def wanted_place(self) -> Path:
        """Where new runs are to go."""
        if self.runs:
            return Path(os.path.expanduser(self.runs)).absolute()
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        return Path(documents or Path.home()) / OURS

    @property
    def place(self) -> Path:
        """Where new runs go: where that cannot be written, in the home folder or among what is there for a while."""
        places = self.wanted_place, Path.home() / OURS
        return next(filter(can_be_written, places), Path(tempfile.gettempdir()) / OURS)


def can_be_written(place: Path) -> bool:
    """Whether a folder can be written, or made."""
    there = next((path for path in (place, *place.parents) if path.exists()), place)
    return there.is_dir() and os.access(there, os.W_OK)


def name_application() -> None:
    """By this name the system knows the person's settings."""
    QCoreApplication.setOrganizationName("scalefree-studio")
    QCoreApplication.setApplicationName("Scalefree Studio")


def settings_of() -> QSettings:
    path = os.environ.get(SETTINGS)
    return QSettings(path, QSettings.Format.IniFormat) if path else QSettings()
