"""What a model says of itself, checked once when it is read, so that no command has to. What only one instrument
understands, that one looks at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..controls import ControlError, controls_of

MOST_STEPS = 2**53  # what a float still counts
MOST_VALUES = 2**24  # of a picture: the largest that are learnt from have a fifth of it
Check = Callable[[Any], bool]

CONTROLS: dict[str, type] = {}  # kind of model → the controls that are saved with it


def saved_with(kind: str, controls: type) -> None:
    """From now on, models of this kind are read only where their controls are such."""
    CONTROLS[kind] = controls


def check_about(about: Mapping[str, Any]) -> None:
    """A ValueError in a few words where a model says of itself what cannot be."""
    if not isinstance(about.get("kind"), str):
        raise ValueError("it does not say what kind of model it is")
    if not _count(about.get("step")):
        raise ValueError("it does not say after which step it was saved")
    _check(about)


def _check(about: Mapping[str, Any]) -> None:
    for name, fits in FIELDS.items():
        if name in about and not fits(about[name]):
            raise ValueError(f"its entry {name!r} makes no sense")
    _check_controls(str(about.get("kind")), about.get("controls", {}))
    inner = [about[name] for name in INNER if about.get(name) is not None]
    for model in [*inner, *(about.get("stages") or ())]:
        said = dict(model["about"])
        _check({**said, "kind": model["kind"]})


def _check_controls(kind: str, saved: Mapping[str, Any]) -> None:
    known = {c.name: c for c in controls_of(CONTROLS[kind])} if kind in CONTROLS else {}
    for name, value in saved.items():
        if name in known:  # others are of a newer studio
            try:
                known[name].written(value)
            except ControlError as error:
                raise ValueError(str(error).rstrip(".")) from None


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST_STEPS


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < MOST_STEPS and math.isfinite(value)


def _duration(value: Any) -> bool:
    return _number(value) and value >= 0


def _shape(value: Any) -> bool:
    """Of a picture, or of what is made of one."""
    return isinstance(value, list) and all(map(_count, value)) and math.prod(value) <= MOST_VALUES


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _table(**checks: Check) -> Check:
    """A table in which what is named here, as far as it is there, is such."""
    return lambda value: (
        isinstance(value, dict) and all(check(value[name]) for name, check in checks.items() if name in value)
    )


def _model(value: Any) -> bool:
    return isinstance(value, dict) and _text(value.get("kind")) and isinstance(value.get("about"), dict)


_NAMED = _table(name=_text, spec=_text)
INNER = ("sampler", "codec", "judge")  # models that a model carries, or that have drawn it
FIELDS: dict[str, Check] = {
    "controls": _table(),
    "seconds": _duration,
    "dataset": _or_none(_table(name=_text, spec=_text, shape=_shape)),
    "validation": _or_none(_NAMED),
    "picture": _or_none(_NAMED),
    "classes": _or_none(_list(_text)),
    "size": _or_none(_shape),
    "pictures": _or_none(_shape),
    "limit": _table(steps=_or_none(_number), seconds=_or_none(_number)),
    "batches": _or_none(_table(epoch=_count, position=_count, seed=_count)),
    "best": _or_none(_number),
    "best_epoch": _count,
    "held_out": _or_none(_number),
    "psnr": _or_none(_number),
    "stages": _or_none(_list(_model)),
    **dict.fromkeys(INNER, _or_none(_model)),
}
