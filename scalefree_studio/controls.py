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
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class ControlError(ValueError):
    """A value that a control cannot take; its text is one sentence for a person."""


@dataclass(frozen=True)
class Control:
    """What is known about one control, apart from its value."""

    name: str
    type: type
    default: Any
    label: str
    help: str
    low: float | None = None
    high: float | None = None
    scale: str = "linear"  # or "log": how a slider spreads its range
    live: bool = False  # acts at the next step; otherwise the job starts over
    choices: tuple[str, ...] = ()
    unit: str = ""
    group: str = ""  # the heading under which a form shows it
    advanced: bool = False  # a form shows it only when asked

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def check(self, value: Any) -> Any:
        """The value in the control's own type, or a ControlError in one sentence."""
        try:
            if self.type is bool:
                if not isinstance(value, bool):
                    raise ValueError
            elif self.type is int:
                if isinstance(value, bool) or (not isinstance(value, str) and int(value) != value):
                    raise ValueError
                value = int(value)
            else:
                value = self.type(value)
        except (TypeError, ValueError, OverflowError):
            kind = {bool: "yes or no", int: "a whole number", float: "a number"}.get(
                self.type, self.type.__name__
            )
            raise ControlError(f"{self.label} wants {kind}, not {value!r}.") from None
        if self.choices and value not in self.choices:
            raise ControlError(f"{self.label} is one of {', '.join(self.choices)}, not {value!r}.")
        if self.type is float and not math.isfinite(value):
            raise ControlError(f"{self.label} wants a finite number, not {value!r}.")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            form = "d" if self.type is int else "g"
            raise ControlError(
                f"{self.label} lies between {self.low:{form}} and {self.high:{form}}, not {value:{form}}."
            )
        return value


def control(default: Any, *, label: str, help: str, **declared: Any) -> Any:
    """Declare a control as the default of a dataclass field."""
    return dataclasses.field(default=default, metadata={"control": dict(label=label, help=help, **declared)})


def controls_of(holder: Any) -> tuple[Control, ...]:
    """All controls of a dataclass or of an instance of one, in the order of their declaration."""
    cls = holder if isinstance(holder, type) else type(holder)
    types = typing.get_type_hints(cls)
    return tuple(
        Control(name=f.name, type=types[f.name], default=f.default, **f.metadata["control"])
        for f in dataclasses.fields(cls)
        if "control" in f.metadata
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
            raise ControlError(f"There is no control named {name!r}.")
    return checked(dataclasses.replace(controls, **edits))  # type: ignore[type-var]


def values_of(controls: Any) -> dict[str, Any]:
    """Name → value, ready for JSON."""
    return {c.name: getattr(controls, c.name) for c in controls_of(controls)}


def differing(old: Any, new: Any) -> Iterator[tuple[Control, Any]]:
    """The controls whose values differ, with their new values."""
    for c in controls_of(new):
        if getattr(old, c.name) != getattr(new, c.name):
            yield c, getattr(new, c.name)


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


def add_flags(parser: argparse.ArgumentParser, holder: Any, without: Collection[str] = ()) -> None:
    """One command-line flag a control, of a dataclass or of an instance with defaults of its own. Flags not given stay
    out of the namespace, so defaults live in one place."""
    groups: dict[str, Any] = {}
    for c in controls_of(holder):
        if c.name in without:
            continue
        title = c.group or "controls"
        group = groups.setdefault(title, parser.add_argument_group(title.lower()))
        default = getattr(holder, c.name)
        shown = f"{default:g}" if isinstance(default, float) else default
        text = f"{c.help} (default: {shown})".replace("%", "%%")
        options: dict[str, Any] = {"dest": c.name, "default": argparse.SUPPRESS, "help": text}
        if c.type is bool:
            group.add_argument(c.flag, action=argparse.BooleanOptionalAction, **options)
        elif c.choices:
            group.add_argument(c.flag, choices=c.choices, **options)
        else:
            metavar = {int: "N", float: "X"}.get(c.type, "TEXT")
            group.add_argument(c.flag, type=c.type, metavar=metavar, **options)


def from_flags(cls: type[T], namespace: argparse.Namespace) -> T:
    """The controls that a command line asks for."""
    return edited(cls(), given_flags(cls, namespace))


class Staging:
    """A place where any thread leaves edits, and from which the job's thread takes them all at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._edits: list[Any] = []

    def stage(self, edit: Any) -> None:
        with self._lock:
            self._edits.append(edit)

    def take(self) -> list[Any]:
        with self._lock:
            edits, self._edits = self._edits, []
            return edits
