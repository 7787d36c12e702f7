"""A recipe: the whole route from pictures to tokens and back, as one file says it.

    [data]          what is learnt from
    [vqvae]         what makes tokens of pictures; or [autoencoder] and [codebooks]
    [[stages]]      what draws tokens: a transformer for each grid of them, or one for all scales
    [sampling]      what is drawn in the end

What may stand in a section is what the controls of its lesson say, and what is declared here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...controls import Control, control, controls_of
from ...sizes import size_of
from ..drawing.controls import DrawControls
from ..job import Limit

CODERS = ("vqvae", "autoencoder")  # sections, and lessons: what encodes pictures
CODEBOOKS, STAGES = "codebooks", "stages"
CODEBOOK = "codebook"  # the lesson of [codebooks]
TOKENS, NEXT_SCALE = "tokens", "next-scale"  # the lessons of [[stages]]
SETTLED = ("codes", "stage", "stage_number")  # controls of these that the recipe itself decides
MOST_SIDE = 1024  # pixels


def _size(value: Any) -> tuple[int, int]:
    """Height and width of 16, "24x16" (width first) or [16, 24]."""
    if isinstance(value, str):
        width, height = size_of(value)
        value = height, width
    numbers = value if isinstance(value, list | tuple) else [value, value]
    if len(numbers) != 2 or not all(type(n) is int and 1 <= n <= MOST_SIDE for n in numbers):
        raise ValueError
    return numbers[0], numbers[1]


def _channels(value: Any) -> int:
    if value not in (1, 3) or isinstance(value, bool):
        raise ValueError
    return int(value)


@dataclass(frozen=True)
class DataControls:
    # fmt: off
    dataset: str = control(
        "digits", label="Data set",
        help="A name, or a path from the recipe's folder: a folder, a list of pictures (.csv or .json), a film.",
    )
    size: tuple[int, int] | None = control(
        None, label="Size", help="Size of the pictures: a side, or width and height.", read=_size,
        wants=f"a side of 1 to {MOST_SIDE} pixels, or width and height as in \"24x16\"", unset="as they are",
    )
    channels: int | None = control(
        None, label="Channels", help="1: grey, 3: in colour.", read=_channels, wants="1 (grey) or 3 (in colour)",
        unset="as they are",
    )
    validation: str | None = control(
        None, label="Validation", help="Another data set; all of its pictures are held out.", unset="none",
    )
    # fmt: on


@dataclass(frozen=True)
class PictureControls:
    """How what was drawn is shown."""

    # fmt: off
    columns: int | None = control(
        None, label="Columns", help="Columns in the wall of pictures.", low=1, high=4096, unset="about as "
        "many as rows",
    )
    stages: bool = control(
        True, label="Stages", help="Also write a wall that shows every stage of the first pictures, side by side.",
    )
    # fmt: on


@dataclass(frozen=True)
class SearchControls:
    """How a stage is searched rather than drawn by chance."""

    # fmt: off
    beams: int = control(
        0, label="Beams", help="How many pictures a search for the likeliest keeps; 0 draws by "
        "chance.", low=0, high=4096,
    )
    beam_width: int = control(
        0, label="Beam width", help="How many codes each beam tries, the likeliest; 0 tries all.",
        low=0, high=2**31 - 1,
    )
    # fmt: on


COUNT = 16  # pictures, where nobody says how many
CHANCE = ("temperature", "top_k", "top_p")  # of a drawing, and of each stage of it
DRAWN = ("count", "label", "seed", *CHANCE)  # controls of a drawing that a recipe may set
LESSON = Control("lesson", str, TOKENS, "Lesson", "What draws the tokens.", choices=(TOKENS, NEXT_SCALE))


def named(holder: type, *names: str) -> tuple[Control, ...]:
    """Some controls of a holder, or all of them."""
    return tuple(c for c in controls_of(holder) if not names or c.name in names)


def sampling_controls() -> tuple[Control, ...]:
    return (*named(DrawControls, *DRAWN), *named(PictureControls))


def stage_controls() -> tuple[Control, ...]:
    """Of the drawing of one stage."""
    return (*named(DrawControls, *CHANCE), *named(SearchControls))


@dataclass(frozen=True)
class Learning:
    """One training."""

    kind: str  # of the lesson
    controls: Mapping[str, Any]  # those that the recipe sets
    limit: Limit


@dataclass(frozen=True)
class StageRecipe:
    learning: Learning
    drawing: Mapping[str, Any] = field(default_factory=dict)  # how it is drawn, as far as it is said


@dataclass(frozen=True)
class Recipe:
    name: str
    text: str  # of its file
    base: Path  # the folder from which its paths are meant
    data: DataControls
    coder: Learning
    codebooks: Learning | None
    stages: tuple[StageRecipe, ...]
    sampling: Mapping[str, Any]
    title: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of all its lessons, in their order, each once."""
        books = () if self.codebooks is None else (self.codebooks,)
        learnt = (self.coder, *books, *(stage.learning for stage in self.stages))
        return tuple(dict.fromkeys(learning.kind for learning in learnt))
