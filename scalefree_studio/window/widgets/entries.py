"""Controls and lists of words, as what the command palette can find and set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PyQt6.QtWidgets import QLineEdit

from ...controls import Control, ControlError
from .fields import ChoiceField, Field, shown
from .finding import Act, Entry, meant
from .forms import Form

ON, OFF = "on", "off"
SAID = {"yes": ON, "true": ON, "no": OFF, "false": OFF}
STARTS_OVER = "Changing it starts over."


def of_form(form: Form, place: str) -> list[Entry]:
    """Every control that a form shows, also those that are folded away."""
    return [of_field(field, field.control.group or place) for field in form.fields.values()]


def of_field(field: Field, place: str) -> Entry:
    """The control of a field: a switch changes over, one of a few values is chosen by its word, others are typed."""
    control = field.control
    if control.type is bool:
        words: Mapping[str, Any] = {ON: True, OFF: False}
    else:
        words = field.words if isinstance(field, ChoiceField) else {}
    return Entry(
        name=f"control.{control.name}",
        title=control.label,
        act=(lambda: field.take(not field.value)) if control.type is bool else None,
        take=lambda text: _taken(field, text, words),
        words=tuple(words),
        place=place,
        help=control.help if control.live else f"{control.help} {STARTS_OVER}",
        value=in_words(control, field.value, words),
        wants=control.wanted(),
        why_not="" if field.isEnabled() else "It cannot be changed now.",
    )


def in_words(control: Control, value: Any, words: Mapping[str, Any]) -> str:
    """A value as a person reads it, with its unit."""
    for word, meaning in words.items():
        if meaning == value:
            return word
    if value is None:
        return control.unset
    return f"{shown(value)} {control.unit}".rstrip()


def _taken(field: Field, text: str, words: Mapping[str, Any]) -> tuple[str, Act]:
    if not words:
        value = field.control.typed(text)
        return in_words(field.control, value, words), lambda: field.take(value)
    word, value = _chosen(field.control.label, text, words)
    return word, lambda: field.take(value)


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
