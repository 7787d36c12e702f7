"""Every instrument of the studio, ours and other people's: each is declared once, and everything reads it from here.

Ours is a folder beside this file whose `instrument.py` declares INSTRUMENT, and a word in BUILT_IN. Another person's is
a package that names its own as an entry point of the group `scalefree_studio.instruments`; see docs/own-instrument.md.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from ..assets import add_models
from ..controls import controls_of
from ..drawings import KIND as DRAWING
from ..errors import UserError
from ..files import at_home
from ..snapshot import Array, Checkpoint
from ..storage.about import saved_with
from ..storage.run_folder import load_checkpoint
from .codec import Codec
from .drawing.controls import DrawControls
from .drawing.picture_sampler import PictureSampler
from .drawing.sampler import Sampler
from .latents import Latents
from .training.lesson import BESIDE, Lesson
from .training.picture_lesson import PictureLesson

BUILT_IN = ("dividers", "pixelcnn", "pixels", "codebooks", "cascades")
GROUP = "scalefree_studio.instruments"
PREFIX = "sampler."  # of the network's arrays in a drawing's checkpoint
CODEC = (
    "codec"  # what a checkpoint says of the codec that it carries; also the beginning of its arrays' names
)

# (checkpoint, device, size (H, W) or None for the one learnt, cached) → the sampler, or a UserError in one sentence.
MakeSampler = Callable[[Checkpoint, str, tuple[int, int] | None, bool], Sampler]
MakeCodec = Callable[[Checkpoint, str], Codec]  # (checkpoint, device) → the codec, or likewise
MakeLatents = Callable[[Checkpoint, str], Latents]  # likewise


class Fit(Protocol):
    """A class of jobs that learn one picture. The window and Python begin one only of divider networks so far."""

    kind: str
    title: str

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str = "cpu") -> Any:
        """The job, to go on from there."""

    @classmethod
    def info(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        """What `info` says of a checkpoint."""


@dataclass(frozen=True)
class Instrument:
    """What there is to say of an instrument. Classes that need a screen are named in words, "package.module:Class", and
    imported only where there is one."""

    name: str  # in commands and settings
    title: str
    summary: str  # what it is, in a sentence
    start: str  # the subject with which the window begins
    lessons: tuple[type[Lesson[Any, Any]], ...] = ()  # what `train` offers
    fits: tuple[Any, ...] = ()  # of type Fit: what learns one picture
    # kind → sampler, where no PictureLesson says it.
    samplers: Mapping[str, MakeSampler] = field(default_factory=dict)
    codecs: Mapping[str, MakeCodec] = field(default_factory=dict)  # kind → what makes tokens of pictures
    latents: Mapping[str, MakeLatents] = field(default_factory=dict)  # kind → what makes latents of them
    # kind → what `info` says, where neither a lesson nor a fit does.
    infos: Mapping[str, Callable[[Checkpoint], dict[str, Any]]] = field(default_factory=dict)
    # kind → the networks of such a model, each of which has learnt by itself.
    parts: Mapping[str, Callable[[Checkpoint], list[Checkpoint]]] = field(default_factory=dict)
    # kind → the controls that are saved with its models, where no lesson says it.
    saved: Mapping[str, type] = field(default_factory=dict)
    models: Path | None = None  # the folder of models that come with it, other than the studio's own
    views: Mapping[str, str] = field(default_factory=dict)  # kind → a view other than that of all trainings
    scenes: Mapping[str, str] = field(default_factory=dict)  # kind → likewise for movies
    # name → what it does, and what fills its parser.
    commands: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def kinds(self) -> set[str]:
        """Of the checkpoints that are its own."""
        return {part.kind for part in (*self.lessons, *self.fits)} | set(self.samplers)

    def all_samplers(self) -> dict[str, MakeSampler]:
        """By the kind of network that draws."""
        pictures = [lesson for lesson in self.lessons if issubclass(lesson, PictureLesson)]
        return {lesson.kind: partial(PictureSampler, lesson) for lesson in pictures} | dict(self.samplers)


@dataclass(frozen=True)
class Registry:
    instruments: Mapping[str, Instrument]  # by name, ours first
    troubles: tuple[str, ...]  # why others are left out, a sentence each


@functools.cache
def registry() -> Registry:
    found: dict[str, Instrument] = {}
    troubles: list[str] = []
    for name in BUILT_IN:
        found[name] = importlib.import_module(f"{__package__}.{name}.instrument").INSTRUMENT
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            instrument = _checked(entry.load(), found.values())
        except (Exception, SystemExit) as error:  # whatever it is: it is not ours
            troubles.append(f"The instrument {entry.name!r} ({entry.value}) is left out: {_why(error)}.")
            continue
        found[instrument.name] = instrument
        if instrument.models is not None:
            add_models(instrument.models)
    for instrument in found.values():
        for kind, controls in {
            **{each.kind: each.controls for each in instrument.lessons},
            **instrument.saved,
        }.items():
            saved_with(kind, controls)
    saved_with(DRAWING, DrawControls)
    return Registry(found, tuple(troubles))


def _checked(instrument: object, others: Iterable[Instrument]) -> Instrument:
    if not isinstance(instrument, Instrument):
        raise TypeError("its entry point is not an Instrument")
    for lesson in instrument.lessons:
        controls_of(lesson.controls)  # a control that is declared wrongly says so here
    kinds = instrument.kinds()
    if DRAWING in kinds or not {*instrument.views, *instrument.scenes} <= kinds:
        raise ValueError("its views and scenes are of kinds that are not its own")
    for other in others:
        if instrument.name == other.name:
            raise ValueError(f"there is another instrument with the name {other.name!r}")
        if both := instrument.kinds() & other.kinds():
            raise ValueError(f"{other.title} has models of the kind {min(both)!r}, too")
        if same := instrument.commands.keys() & other.commands.keys():
            raise ValueError(f"{other.title} has a command {min(same)!r}, too")
    return instrument


def imported(place: str) -> Any:
    """What an instrument names in words: "package.module:name"."""
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever it is: it is not ours
        raise UserError(f"{place} cannot be imported: {_why(error)}.") from None


def _why(error: BaseException) -> str:
    """An error as the middle of a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def instruments() -> Mapping[str, Instrument]:
    """All of them, by name."""
    return registry().instruments


def lessons() -> dict[str, type[Lesson[Any, Any]]]:
    """All that can be trained, by the kind of its checkpoints."""
    return {lesson.kind: lesson for instrument in instruments().values() for lesson in instrument.lessons}


def fits() -> dict[str, Any]:
    """All that learns one picture, by the kind of its checkpoints."""
    return {fit.kind: fit for instrument in instruments().values() for fit in instrument.fits}


def lesson_of(checkpoint: Checkpoint) -> type[Lesson[Any, Any]]:
    """What this network has learnt, or a UserError."""
    kind = network_of(checkpoint).kind
    if kind not in lessons():
        raise UserError(
            f"A model of kind {kind!r} is not trained on a data set; those of {_listed(lessons())} are."
        )
    return lessons()[kind]


def trained_networks(checkpoint: Checkpoint) -> list[Checkpoint]:
    """The networks of a model that were trained each by itself: most often, itself."""
    checkpoint = network_of(checkpoint)
    parts = {kind: part for i in instruments().values() for kind, part in i.parts.items()}
    return parts[checkpoint.kind](checkpoint) if checkpoint.kind in parts else [checkpoint]


def instrument_of(kind: str) -> Instrument:
    """The instrument whose networks are of this kind, or a UserError."""
    for instrument in instruments().values():
        if kind in instrument.kinds():
            return instrument
    raise unknown(kind)


def info_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `info` says of a network or a fitted picture."""
    known = {kind: part.info for kind, part in {**lessons(), **fits()}.items()}
    known |= {kind: info for instrument in instruments().values() for kind, info in instrument.infos.items()}
    if checkpoint.kind not in known:
        raise unknown(checkpoint.kind)
    found: dict[str, Any] = known[checkpoint.kind](checkpoint)
    return found


def unknown(kind: str) -> UserError:
    return UserError(f"This studio knows no model of kind {kind!r}; a newer one may.")


# Networks that draw place after place.


def sampler_of(
    checkpoint: Checkpoint, device: str = "cpu", size: tuple[int, int] | None = None, cached: bool = True
) -> Sampler:
    """The sampler of a network's checkpoint, or of a drawing's, which holds its network."""
    checkpoint = network_of(checkpoint)
    samplers = {kind: make for i in instruments().values() for kind, make in i.all_samplers().items()}
    if checkpoint.kind not in samplers:
        raise UserError(
            f"A model of kind {checkpoint.kind!r} does not draw; those of {_listed(samplers)} do."
        )
    return samplers[checkpoint.kind](checkpoint, device, size, cached)


def draws(kind: str) -> bool:
    """Whether networks of this kind draw place after place."""
    return any(kind in instrument.all_samplers() for instrument in instruments().values())


def network_of(checkpoint: Checkpoint) -> Checkpoint:
    """The network's own checkpoint, out of a drawing's."""
    if checkpoint.kind != DRAWING:
        return checkpoint
    try:
        kind, about = str(checkpoint.about["sampler"]["kind"]), dict(checkpoint.about["sampler"]["about"])
    except (KeyError, TypeError, ValueError):
        raise UserError("This drawing does not say what drew it; it is damaged.") from None
    return Checkpoint(kind, checkpoint.step, about, with_prefix(checkpoint.model, PREFIX))


# Models that turn pictures into tokens, and back.


def coder_of(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint of what encodes pictures: a model's own, or that of the codec that a network carries."""
    checkpoint = network_of(checkpoint)
    return carried(checkpoint) if CODEC in checkpoint.about else checkpoint


def codec_of(checkpoint: Checkpoint, device: str = "cpu") -> Codec:
    """The codec of a model's checkpoint, or the one that a network carries which draws its tokens."""
    checkpoint = coder_of(checkpoint)
    codecs = {kind: make for i in instruments().values() for kind, make in i.codecs.items()}
    if checkpoint.kind not in codecs:
        raise UserError(
            f"A model of kind {checkpoint.kind!r} does not turn pictures into tokens; those of {_listed(codecs)} do."
        )
    return codecs[checkpoint.kind](checkpoint, device)


def read_codec(source: str, device: str = "cpu") -> Codec:
    """The codec of a model file, a run or `model:NAME`."""
    return codec_of(read_model(source), device)


def read_model(source: str) -> Checkpoint:
    """A model file, a run or `model:NAME`."""
    return load_checkpoint(at_home(source))


def latents_of(checkpoint: Checkpoint, device: str = "cpu") -> Latents:
    """What makes latents of pictures: the model of a checkpoint."""
    makers = {kind: make for i in instruments().values() for kind, make in i.latents.items()}
    if checkpoint.kind not in makers:
        raise UserError(
            f"A model of kind {checkpoint.kind!r} does not turn pictures into latents; those of {_listed(makers)} do."
        )
    return makers[checkpoint.kind](checkpoint, device)


def has_codes(kind: str) -> bool:
    """Whether models of this kind make tokens of pictures."""
    return any(kind in instrument.codecs for instrument in instruments().values())


def packed(codec: Codec) -> tuple[dict[str, Any], dict[str, Array]]:
    """(about, arrays): what a network carries of the codec whose tokens it draws, so that it can be used alone."""
    about, model = codec.saved()
    arrays = {f"{BESIDE}{CODEC}.{name}": array for name, array in model.items()}
    return {CODEC: {"kind": codec.kind, "about": dict(about)}}, arrays


def carried(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint of the codec that a network carries."""
    try:
        kind, about = str(checkpoint.about[CODEC]["kind"]), dict(checkpoint.about[CODEC]["about"])
    except (KeyError, TypeError, ValueError):
        raise UserError("This model does not say how its tokens become a picture; it is damaged.") from None
    return Checkpoint(kind, checkpoint.step, about, with_prefix(checkpoint.model, f"{BESIDE}{CODEC}."))


def with_prefix(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Those whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _listed(kinds: Iterable[str]) -> str:
    """As "kind a, b or c"."""
    *others, last = kinds
    return f"kind {', '.join(others)} or {last}" if others else f"kind {last}"
