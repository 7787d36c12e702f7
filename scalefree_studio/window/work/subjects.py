"""What can be opened, in words: a picture, a model or a run by its path or name, or one of these with a wish before it.

photo:astronaut · picture.jpg · output/run · model:mnist    open it
learn:SOURCE          go on learning with a run, or teach a new network what a model knows
draw:SOURCE           let a network draw, also one that is still learning
search:SOURCE         let it search for the likeliest picture, if it can search
complete:SOURCE       let it complete pictures, at several temperatures side by side
dataset:DATA          teach a network what is in a data set, a folder, a list or a film …
train:KIND:DATA       … one of this kind
recipe:RECIPE         go on with a recipe: one that comes along, by its name; a .toml file; the folder of one
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...data.datasets import is_dataset_file
from ...data.pictures import Picture
from ...files import at_home
from ...recipes.found import ENDING
from ...recipes.states import STATES
from ...storage.run_folder import is_run
from ...storage.shipped import PREFIX

Subject = str | Path | Picture
OPEN, LEARN, DRAW, COMPLETE, DATASET, TRAIN = "open", "learn", "draw", "complete", "dataset", "train"
RECIPE, SEARCH = "recipe", "search"


@dataclass(frozen=True)
class Wish:
    """What is to be done with what."""

    action: str  # OPEN, LEARN, DRAW, COMPLETE, SEARCH, TRAIN or RECIPE
    source: str  # the path or name of a picture, a model or a run; for TRAIN, of data
    kind: str = ""  # of network that TRAIN trains; the first there is, where none is named

    def __str__(self) -> str:
        if self.action == OPEN:
            return self.source
        if self.action == TRAIN:
            return f"{TRAIN}:{self.kind}:{self.source}" if self.kind else f"{DATASET}:{self.source}"
        return f"{self.action}:{self.source}"

    @property
    def is_model(self) -> bool:
        """One that answers to its name."""
        return self.source.startswith(PREFIX)


def wish_of(subject: str | Path) -> Wish:
    """What a person asks for, where it is no picture at hand."""
    action, colon, source = str(subject).partition(":")
    if colon and action in (LEARN, DRAW, COMPLETE, SEARCH, RECIPE):
        return Wish(action, source)
    if colon and action == DATASET:
        return Wish(TRAIN, source)
    if colon and action == TRAIN:
        kind, _, data = source.partition(":")
        return Wish(TRAIN, data, kind)
    path = at_home(subject)
    if path.suffix == ENDING or (path / STATES).exists():
        return Wish(RECIPE, str(subject))
    if is_dataset_file(path) or (path.is_dir() and not is_run(path)):
        return Wish(TRAIN, str(subject))
    return Wish(OPEN, str(subject))


def is_picture(subject: Subject) -> bool:
    """A picture, as far as its name says; not a model, a run, or data to learn from."""
    if isinstance(subject, Picture):
        return True
    wish, path = wish_of(subject), at_home(subject)
    return wish.action == OPEN and not (wish.is_model or path.is_dir() or path.suffix == ".safetensors")
