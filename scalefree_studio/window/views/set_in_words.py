"""What was set, in words for a sentence: 401 lines; batch 64 pictures and seed 3. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...controls import Control, controls_of, with_unit


def set_in_words(controls: Any, values: Mapping[str, Any], choices: Mapping[str, Mapping[str, Any]]) -> str:
    """The new values of some controls, of which some have words of their own (control → word → value)."""
    said = [
        _in_words(c, values[c.name], choices.get(c.name, {}))
        for c in controls_of(controls)
        if c.name in values
    ]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _in_words(control: Control, value: Any, words: Mapping[str, Any]) -> str:
    label = control.label[0].lower() + control.label[1:]
    named = [word for word, meant in words.items() if meant == value]
    if named:
        return f"{label} {named[0]}"
    if control.in_words is not None:
        return f"{label} {control.in_words(value)}"
    if isinstance(value, bool):
        return f"{label} {'on' if value else 'off'}"
    if isinstance(value, int):
        counted = label.endswith("s") and not control.unit
        one = label[:-1] if value == 1 else label
        return f"{value:,} {one}" if counted else f"{label} {with_unit(f'{value:,}', control.unit)}"
    if isinstance(value, float):
        return f"{label} {with_unit(f'{value:g}', control.unit)}"
    if isinstance(value, tuple):
        return f"{label} {' × '.join(map(str, value))}"
    return f"{label} {value}" if value is not None else f"no {label}"
