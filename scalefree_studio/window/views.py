"""Which view shows which kind of snapshot: a line for every kind."""

from __future__ import annotations

from .divider_view import DividerView
from .view import View

VIEWS: dict[str, type[View]] = {
    "dividers": DividerView,
}

INSTRUMENTS = {  # name → its title, and what it is
    "dividers": ("Dividers", "A picture cut by lines and circles, each of which is a unit of a tiny network"),
}
