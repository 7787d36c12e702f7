"""Controls and lists of words, as what the command palette can find and set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PyQt6.QtWidgets import QLineEdit

from ...controls import Control, ControlError, controls_of, with_unit
from .choices import ChoiceField, PictureField, worded
from .fields import Field, shown
from .finding import Act, Entry, meant
from .forms import Form

ON, OFF = "on", "off"
SAID = {"yes": ON, "true": ON, "no": OFF, "false": OFF}
STARTS_OVER = "Changing it starts over."


def of_form(form: Form, place: str) -> list[Entry]:
    """Every control that a form shows, also those that are folded away."""
    return [of_field(field, field.control.group or place) for field in form.fields.values()]


def of_field(field: Field, place: str) -> Entry:
    """The control of a field, which shows what is chosen here, too."""
    words = field.choices if isinstance(field, ChoiceField | PictureField) else {}
    return of_control(field.control, field.value, field.take, words, place, field.isEnabled())


def of_controls(holder: Any, put: Callable[[str, Any], object], place: str) -> list[Entry]:
    """All controls of a dataclass; `put` takes a name and a value."""
    return [
        of_control(c, getattr(holder, c.name), partial(put, c.name), worded(c), place)
        for c in controls_of(holder)
    ]


def of_control(
    control: Control,
    now: Any,
    put: Callable[[Any], object],
    words: Mapping[str, Any],
    place: str,
    enabled: bool = True,
) -> Entry:
    """A switch changes over, one of a few values is chosen by its word, others are typed."""
    switch = control.type is bool
    words = {ON: True, OFF: False} if switch else words
    return Entry(
        name=f"{place}.{control.name}",
        title=control.label,
        act=(lambda: put(not now)) if switch else None,
        take=lambda text: _taken(control, text, words, put),
        words=tuple(words),
        place=place,
        help=control.help if control.live else f"{control.help} {STARTS_OVER}",
        value=in_words(control, now, words),
        wants=control.wanted(),
        why_not="" if enabled else "This cannot be changed right now.",
    )


def in_words(control: Control, value: Any, words: Mapping[str, Any]) -> str:
    """A value as a person reads it, with its unit."""
    for word, meaning in words.items():
        if meaning == value:
            return word
    if value is None:
        return control.unset
    if control.in_words is not None:
        return control.in_words(value)
    return with_unit(shown(value), control.unit)


def _taken(
    control: Control, text: str, words: Mapping[str, Any], put: Callable[[Any], object]
) -> tuple[str, Act]:
    if not words:
        value = control.typed(text)
        return in_words(control, value, words), lambda: put(value)
    word, value = _chosen(control.label, text, words)
    return word, lambda: put(value)


def _chosen(title: str, text: str, words: Mapping[str, Any]) -> tuple[str, Any]:
    """The word that is meant, and what it stands for."""
    said = SAID.get(text.lower(), text) if set(words) == {ON, OFF} else text
    word = meant(said, tuple(words))[0]
    if word not in words:
        raise ControlError(f"{title} is one of {', '.join(words)}, not {text!r}.")
    return word, words[word]


def of_words(
    name: str, title: str, words: Mapping[str, Act], now: str = "", place: str = "", help: str = ""
) -> Entry:
    """A few words, each of which does something: a mode, an instrument, a theme."""
    return Entry(
        name=name, title=title, words=tuple(words), place=place, help=help, value=now,
        take=lambda text: _chosen(title, text, words), wants=f"one of {', '.join(words)}",
    )  # fmt: skip


def of_edit(edit: QLineEdit, put: Callable[[str], Act], place: str, wants: str) -> Entry:
    """A value that a panel knows how to read: `put` gives what puts it there, or a ControlError."""
    title = edit.accessibleName()
    return Entry(
        name=f"edit.{title}", title=title, take=lambda text: (text, put(text)), place=place, help=edit.toolTip(),
        value=edit.text(), wants=wants,
    )  # fmt: skip
