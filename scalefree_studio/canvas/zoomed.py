"""How near one looks, and where: what a small map of the whole shows."""

from __future__ import annotations

from dataclasses import dataclass

from ..snapshot import Bytes

# Left, top, right, bottom, as shares of the whole's width and height.
Rect = tuple[float, float, float, float]

RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True, eq=False)
class Zoomed:
    times: float  # nearer than all in view
    aspect: float  # of the whole: width over height
    seen: Rect
    pictures: tuple[Rect, ...]
    little: Bytes | None = None  # (h, w, 3): the one picture, small

    def same(self, other: Zoomed | None) -> bool:
        if other is None:
            return False
        mine, theirs = ((z.times, z.aspect, z.seen, z.pictures) for z in (self, other))
        return mine == theirs and self.little is other.little


def in_words(times: float) -> str:
    """× 4.2, × 420, × 4.2·10⁶."""
    if times < 9.95:
        return f"× {times:.2g}"
    if times < 9_999.5:
        return f"× {times:,.0f}"
    number, power = f"{times:.1e}".split("e")
    return f"× {number}·10{str(int(power)).translate(RAISED)}"


def share(rect: Rect, whole: Rect) -> Rect:
    """A rectangle of the world, as shares of another."""
    width, height = whole[2] - whole[0], whole[3] - whole[1]
    left, top, right, bottom = rect
    return (
        (left - whole[0]) / width,
        (top - whole[1]) / height,
        (right - whole[0]) / width,
        (bottom - whole[1]) / height,
    )
