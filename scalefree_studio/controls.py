"""Controls, declared once.

A control is a dataclass field that knows its label, its help, its range, its scale, and whether it acts at the next
step (*live*) or starts the job over (*rebuild*). The slider, its tooltip, the command-line flag, what is stored with
the model and what a tracker logs are all read from that one line:

    @dataclass(frozen=True)
    class Controls:
        learning_rate: float = control(0.01, label="Learning rate", help="…", low=1e-5, high=1.0, live=True)
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import threading
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from .errors import UserError

T = TypeVar("T")


class ControlError(UserError, ValueError):
    """A value that a control cannot take; its text is one sentence for a person."""


@dataclass(frozen=True)
class Control:
    """What is known about one control, apart from its value."""

    name: str
    type: type  # of the value, or of each of several; str where `read` makes it of what was typed
    default: Any
    label: str
    help: str
    low: float | None = None
    high: float | None = None
    above: float | None = None  # a lower bound that is itself too low
    scale: str = "linear"  # or "log": how a slider spreads its range
    live: bool = False  # acts at the next step; otherwise the job starts over
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()  # for the choices, where a form calls them something else
    pictures: str = ""  # the folder in assets/ of a small picture of each choice
    unit: str = ""
    group: str = ""  # the heading under which a form shows it
    first: bool = False  # … above all others
    slides: tuple[float, float] | None = None  # the range of its slider, where that is a part of it
    advanced: bool = False  # a form shows it only when asked
    optional: bool = False  # it may be None: nothing is said
    letters: int = 0  # at most, of a text; 0: any number
    unset: str = ""  # what then holds, in words
    count: int = 0  # of values, where it is a tuple of several
    read: Callable[[Any], Any] | None = (
        None  # makes the value of what was typed or given, or raises ValueError
    )
    read_typed: Callable[[str], Any] | None = None  # likewise of words alone, where a value also has a type
    in_words: Callable[[Any], str] | None = None  # how a form writes it, where that is more than the value
    wants: str = ""  # what it is, in words, where the type does not say
    metavar: str | tuple[str, ...] = ""
    flag_name: str = ""  # where it is not the field's

    @property
    def flag(self) -> str:
        return "--" + (self.flag_name or self.name).replace("_", "-")

    def check(self, value: Any) -> Any:
        """The value in the control's own type, or a ControlError in one sentence."""
        if value is None and self.optional:
            return None
        try:
            found = self._converted(value)
        except ControlError:  # `read` knows better what is wrong
            raise
        except (TypeError, ValueError, OverflowError, AttributeError):
            raise ControlError(f"{self.label} needs {self._wanted()}, not {value!r}.") from None
        if self.choices and found not in self.choices:
            raise ControlError(f"{self.label} is one of {', '.join(self.choices)}, not {found!r}.")
        if isinstance(found, str) and 0 < self.letters < len(found):
            raise ControlError(f"{self.label} has at most {self.letters:,} letters, not {len(found):,}.")
        for number in found if isinstance(found, tuple) else (found,):
            if isinstance(number, int | float):
                self._check_range(number)
        return found

    def written(self, value: Any) -> Any:
        """The same of what a file says, in which a text is no number, and a number is no text."""
        kinds = {bool: bool, int: int, float: (int, float), str: str}.get(self.type)
        if self.read is None and kinds is not None and value is not None:
            for each in value if self.count and isinstance(value, list) else [value]:
                if not isinstance(each, kinds) or (isinstance(each, bool) and self.type is not bool):  # type: ignore[arg-type]
                    raise ControlError(f"{self.label} needs {self._wanted()}, not {value!r}.")
        return self.check(value)

    def typed(self, text: str) -> Any:
        """The value of what a person typed, a number with a comma or a point, or a ControlError in one sentence."""
        text = text.strip()
        if self.optional and not text:
            return None
        if self.read_typed is not None:
            try:
                return self.check(self.read_typed(text))
            except ValueError as error:
                raise ControlError(str(error)) from None
        if self.type not in (int, float):
            return self.check(text)
        if self.count:
            return self.check([_number(word.rstrip(",;"), self.type) for word in text.split()])
        return self.check(_number(text, self.type))

    def _converted(self, value: Any) -> Any:
        if self.read is not None:
            return self.read(value)
        if not self.count:
            return self._single(value)
        if isinstance(value, str) or len(value) != self.count:
            raise ValueError
        return tuple(self._single(v) for v in value)

    def _single(self, value: Any) -> Any:
        if self.type is bool:
            if not isinstance(value, bool):
                raise ValueError
            return value
        if self.type is int and (
            isinstance(value, bool) or (not isinstance(value, str) and int(value) != value)
        ):
            raise ValueError
        return self.type(value)

    def wanted(self) -> str:
        """What it takes, in words: "a whole number, 0 to 4096"."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.low is None or self.high is None or self.type not in (int, float):
            return self._wanted()
        if self.above is not None:
            return f"{self._wanted()}, more than {self.above:g} and at most {self.high:g}"
        low, high = (f"{n:,}" if self.type is int else f"{n:g}" for n in (self.low, self.high))
        return f"{self._wanted()}, {low} to {high}"

    def _wanted(self) -> str:
        if self.wants:
            return self.wants
        if self.count:
            return f"{self.count} numbers"
        return {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}.get(
            self.type, self.type.__name__
        )

    def _check_range(self, value: float) -> None:
        form = "d" if isinstance(value, int) else "g"
        if not math.isfinite(value):
            raise ControlError(f"{self.label} needs a finite number, not {value!r}.")
        low = self.low if self.above is None else self.above
        too_low = low is not None and (value < low or (value == low and self.above is not None))
        if not too_low and (self.high is None or value <= self.high):
            return
        if self.above is None:
            bounds = f"must be between {self.low:{form}} and {self.high:{form}}"
        else:
            bounds = f"must be more than {self.above:g} and at most {self.high:g}"
        raise ControlError(f"{self.label} {bounds}, not {value:{form}}.")


def _number(text: str, kind: type) -> Any:
    """What was typed, as near to a number as it is; Control.check says the rest."""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return text
    return int(number) if kind is int and number.is_integer() else number


def control(default: Any, *, label: str, help: str, **declared: Any) -> Any:
    """Declare a control as the default of a dataclass field."""
    return dataclasses.field(default=default, metadata={"control": dict(label=label, help=help, **declared)})


def controls_of(holder: Any) -> tuple[Control, ...]:
    """All controls of a dataclass or of an instance of one, in the order of their declaration."""
    cls = holder if isinstance(holder, type) else type(holder)
    hints = typing.get_type_hints(cls)
    return tuple(_control_of(f, hints[f.name]) for f in dataclasses.fields(cls) if "control" in f.metadata)


def _control_of(field: dataclasses.Field[Any], hint: Any) -> Control:
    """The control of a field of this type: T, T | None, or a tuple of several T."""
    declared = field.metadata["control"]
    either = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kind, count = next(kind for kind in either if kind is not types.NoneType), 0
    if "read" in declared:
        kind = str
    elif typing.get_origin(kind) is tuple:
        kind, count = typing.get_args(kind)[0], len(typing.get_args(kind))
    return Control(
        field.name, kind, field.default, optional=types.NoneType in either, count=count, **declared
    )


def checked(controls: T) -> T:
    """The same controls with every value checked and in its own type."""
    values = {c.name: c.check(getattr(controls, c.name)) for c in controls_of(controls)}
    return dataclasses.replace(controls, **values)  # type: ignore[type-var]


def edited(controls: T, edits: Mapping[str, Any]) -> T:
    """Controls after some edits by name; unknown names and bad values are told in one sentence."""
    known = {c.name for c in controls_of(controls)}
    for name in edits:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ControlError(f"There is no control named {name!r}{hint}")
    return checked(dataclasses.replace(controls, **edits))  # type: ignore[type-var]


def idle(controls: Any) -> Collection[str]:
    """The controls that say nothing as the others stand: those of a class that has a method of this name."""
    names: Collection[str] = controls.idle() if hasattr(controls, "idle") else ()
    return names


def values_of(controls: Any) -> dict[str, Any]:
    """Name → value, ready for JSON."""
    return {c.name: getattr(controls, c.name) for c in controls_of(controls)}


def part_of(holder: type[T], controls: Any) -> T:
    """Those of the controls that another dataclass has, too: of a network, rather than of all its training."""
    return holder(**{c.name: getattr(controls, c.name) for c in controls_of(holder)})


def differing(old: Any, new: Any) -> Iterator[tuple[Control, Any]]:
    """The controls whose values differ, with their new values."""
    for c in controls_of(new):
        if getattr(old, c.name) != getattr(new, c.name):
            yield c, getattr(new, c.name)


def named_in_words(controls: Any, names: Iterable[str]) -> str:
    """The controls of these names, as they are called within a sentence: learning rate and batch."""
    names = set(names)
    labels = [c.label[0].lower() + c.label[1:] for c in controls_of(controls) if c.name in names]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


def only_live(controls: T, edits: Mapping[str, Any]) -> None:
    """Refuse edits of a run that goes on if one of them would start it over."""
    new = edited(controls, edits)
    fixed = [c.flag for c, _ in differing(controls, new) if not c.live]
    if fixed:
        raise ControlError(
            f"{' and '.join(fixed)} would start the run over; leave it out, or name another --out."
        )


def given_flags(cls: type, namespace: argparse.Namespace) -> dict[str, Any]:
    """The values of the controls that a command line names."""
    return {c.name: getattr(namespace, c.name) for c in controls_of(cls) if hasattr(namespace, c.name)}


def add_flags(
    parser: argparse.ArgumentParser, holder: Any, without: Collection[str] = (), title: str = "controls"
) -> None:
    """One command-line flag a control, of a dataclass or of an instance with defaults of its own. Flags not given stay
    out of the namespace, so defaults live in one place. `title` stands above those that belong to no group."""
    groups: dict[str, Any] = {}
    for c in controls_of(holder):
        if c.name in without:
            continue
        heading = c.group or title
        group = groups.setdefault(heading, parser.add_argument_group(heading.lower()))
        default = getattr(holder, c.name)
        shown = c.unset if default is None else _default_in_words(default)
        kind = _flag_type(c)
        text = (c.help if shown == "" else f"{c.help} (default: {shown})").replace("%", "%%")
        options: dict[str, Any] = {"dest": c.name, "default": argparse.SUPPRESS, "help": text}
        if c.type is bool:
            group.add_argument(c.flag, action=argparse.BooleanOptionalAction, **options)
        elif c.choices:
            group.add_argument(c.flag, choices=c.choices, **options)
        else:
            metavar = c.metavar or {int: "N", float: "X"}.get(c.type, "TEXT")
            group.add_argument(c.flag, type=kind, nargs=c.count or None, metavar=metavar, **options)


def _default_in_words(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _flag_type(c: Control) -> Callable[[str], Any]:
    """What makes the value of a word of the command line."""
    if c.read_typed is None:
        return c.type

    def read(text: str) -> Any:
        try:
            return c.typed(text)
        except ControlError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def from_flags(cls: type[T], namespace: argparse.Namespace) -> T:
    """The controls that a command line asks for."""
    return edited(cls(), given_flags(cls, namespace))


def with_unit(number: str, unit: str) -> str:
    """A number and its unit as they are written: 40× and 90°, but 20 steps."""
    return f"{number}{unit}" if unit in ("", "×", "°") else f"{number} {unit}"


class Staging:
    """A place where any thread leaves edits, and from which the job's thread takes them all at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._edits: list[Any] = []
        self._taken = False  # and not yet made

    def stage(self, edit: Any) -> None:
        with self._lock:
            self._edits.append(edit)

    def take(self) -> list[Any]:
        with self._lock:
            edits, self._edits = self._edits, []
            self._taken = bool(edits)
            return edits

    def made(self) -> None:
        """What was taken last has been made, or refused."""
        with self._lock:
            self._taken = False

    @property
    def waits(self) -> bool:
        """Whether any edit is still to be made."""
        with self._lock:
            return bool(self._edits) or self._taken
