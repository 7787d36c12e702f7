"""A small chart of curves over logarithmic time, as SVG: no plotting library for one picture."""

from __future__ import annotations

import math
from pathlib import Path

WIDTH, HEIGHT = 750, 340
LEFT, RIGHT, TOP, BOTTOM = 48, 180, 34, 40
INK, QUIET, GRID, PAPER = "#2b2a27", "#6f6a60", "#e2ddd2", "#faf7f0"
COLOURS = {"lines": "#c2571a", "circles": "#1f6f8b"}


def write_chart(path: Path, curves: dict[str, list[tuple[float, float]]], title: str) -> None:
    """Curves by name, of (seconds, dB). Names begin with their colour's kind; those with "reference" are dashed."""
    latest = max(t for curve in curves.values() for t, _ in curve)
    low, high = 12.0, math.ceil(max(db for curve in curves.values() for _, db in curve) + 0.3)

    def x(seconds: float) -> float:
        share = math.log(max(seconds, 0.5) / 0.5) / math.log(latest / 0.5)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(db: float) -> float:
        return TOP + (high - max(db, low)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        f'<text x="{LEFT}" y="20" fill="{INK}" font-size="14">{title}</text>',
    ]
    for db in range(int(low), int(high) + 1, 2):
        parts.append(f'<path d="M{LEFT} {y(db):.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(db) + 4:.1f}" text-anchor="end" fill="{QUIET}">{db}</text>')
    for seconds in (0.5, 1, 2, 5, 10, 20, 60, 160):
        if seconds <= latest:
            parts.append(
                f'<text x="{x(seconds):.1f}" y="{HEIGHT - 20}" text-anchor="middle" fill="{QUIET}">{seconds:g} s</text>'
            )
    parts.append(f'<text x="{LEFT - 8}" y="{TOP - 14}" text-anchor="end" fill="{QUIET}">dB</text>')
    taken: list[float] = []
    for name, curve in curves.items():
        colour = COLOURS[name.split(",")[0]]
        points = " ".join(f"{x(t):.1f},{y(db):.1f}" for t, db in curve if t >= 0.4)
        dash = ' stroke-dasharray="5 4"' if "reference" in name else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        label = y(curve[-1][1])
        while any(abs(label - other) < 15 for other in taken):
            label += 4
        taken.append(label)
        parts.append(
            f'<text x="{WIDTH - RIGHT + 8}" y="{label + 4:.1f}" fill="{colour}">{name}, {curve[-1][1]:.1f} dB</text>'
        )
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")
