"""Divider networks with one unit more or less. All functions return new parameters and leave the old as they are.

They work on anything laid out like parameters: an optimizer's moments are edited by the same calls.
"""

from __future__ import annotations

import torch

from .network import Params, layers_of, names_of, place_of, unit_counts


def reader_of_units(p: Params) -> str:
    """The layer that reads the units: its weight has a column for each."""
    return layers_of(p)[0]


def unit_values(p: Params, index: int) -> Params:
    """A unit's own parameters, and its column under "column"."""
    kind, row = place_of(index, p)
    column = p[f"{reader_of_units(p)}_weight"][:, index]
    return {name: p[name][row].clone() for name in names_of(kind, p)} | {"column": column.clone()}


def without_unit(p: Params, index: int) -> Params:
    kind, row = place_of(index, p)
    reader = f"{reader_of_units(p)}_weight"
    fewer = dict(p)
    for name in names_of(kind, p):
        rest = torch.cat([p[name][:row], p[name][row + 1 :]])
        if len(rest):
            fewer[name] = rest
        else:
            del fewer[name]
    fewer[reader] = torch.cat([p[reader][:, :index], p[reader][:, index + 1 :]], dim=1)
    return fewer


def with_unit(p: Params, kind: str, values: Params, row: int | None = None) -> tuple[Params, int]:
    """One more unit, as the given row of its kind or as its last; its index over all kinds comes back too."""
    counts = unit_counts(p)
    row = counts[kind] if row is None else row
    index = row
    for earlier, count in counts.items():
        if earlier == kind:
            break
        index += count
    more = dict(p)
    for name in names_of(kind, values):
        new = values[name][None]
        more[name] = torch.cat([p[name][:row], new, p[name][row:]]) if name in p else new.clone()
    reader = f"{reader_of_units(p)}_weight"
    more[reader] = torch.cat([p[reader][:, :index], values["column"][:, None], p[reader][:, index:]], dim=1)
    return more, index
