"""Draws the studio's own pictures into assets/drawings: flat shapes, made for lines and circles."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parent.parent / "assets" / "drawings"
WIDTH, HEIGHT, FINER = 384, 288, 4  # drawn finer, then averaged


class Sheet:
    """A sheet of paper whose coordinates are the finished picture's pixels."""

    def __init__(self, colour: str):
        self.image = Image.new("RGB", (WIDTH * FINER, HEIGHT * FINER), colour)
        self.pen = ImageDraw.Draw(self.image)

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        box = [x - radius, y - radius, x + radius, y + radius]
        self.pen.ellipse([v * FINER for v in box], fill=colour)

    def shape(self, colour: str, *points: tuple[float, float]) -> None:
        self.pen.polygon([(x * FINER, y * FINER) for x, y in points], fill=colour)

    def save(self, name: str) -> None:
        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        small.quantize(128).convert("RGB").save(FOLDER / f"{name}.png", optimize=True)


def lighthouse() -> None:
    s = Sheet("#1d2b4f")
    for k, colour in enumerate(["#26386a", "#33497f", "#4a6096"]):
        s.disc(250, 150, 150 - 45 * k, colour)
    s.disc(250, 150, 26, "#f4e9c1")
    s.shape("#f6d77a", (118, 74), (384, 12), (384, 98))
    s.shape("#0f1f3d", (0, 215), (384, 200), (384, 288), (0, 288))
    s.shape("#163057", (0, 240), (384, 226), (384, 288), (0, 288))
    s.shape("#3b2f36", (20, 288), (70, 208), (160, 204), (214, 288))
    s.shape("#f1ebe0", (92, 212), (104, 92), (128, 92), (142, 212))
    s.shape("#c8413b", (96, 180), (99, 146), (134, 146), (138, 180))
    s.shape("#c8413b", (102, 114), (104, 92), (128, 92), (130, 114))
    s.shape("#2a2430", (98, 92), (134, 92), (130, 84), (102, 84))
    s.shape("#ffe9a0", (106, 84), (126, 84), (126, 64), (106, 64))
    s.shape("#c8413b", (102, 64), (130, 64), (116, 46))
    s.save("lighthouse")


def balloon() -> None:
    s = Sheet("#8fc7e8")
    s.disc(60, 60, 34, "#fff2b8")
    for x, y, r in [
        (270, 66, 22),
        (296, 60, 28),
        (326, 70, 20),
        (60, 150, 16),
        (82, 146, 22),
        (106, 152, 15),
    ]:
        s.disc(x, y, r, "#ffffff")
    s.disc(90, 420, 200, "#6aa65a")
    s.disc(300, 440, 210, "#4e8d4c")
    s.disc(196, 104, 70, "#e4572e")
    for angle, colour in [(0.42, "#f3a712"), (0.12, "#a8323e")]:
        wide = 70 * math.sin(angle * math.pi)
        s.pen.ellipse([v * FINER for v in (196 - wide, 34, 196 + wide, 174)], fill=colour)
    s.shape("#a8323e", (160, 164), (232, 164), (212, 200), (180, 200))
    s.shape("#6b4a2f", (182, 214), (210, 214), (206, 238), (186, 238))
    for x, low in [(180, 184), (212, 208)]:
        s.shape("#4a3626", (x - 1, 200), (x + 1, 200), (low + 1, 214), (low - 1, 214))
    s.save("balloon")


def fish() -> None:
    s = Sheet("#0b4f6c")
    for k, colour in enumerate(["#0e5f80", "#127297"]):
        s.disc(120, 60, 190 - 70 * k, colour)
    s.shape("#e8c48a", (0, 256), (120, 244), (260, 258), (384, 246), (384, 288), (0, 288))
    for x in (36, 60, 330):
        s.shape("#2f8f6b", (x - 9, 260), (x + 9, 260), (x + 16, 170))
    s.shape("#f26419", (262, 140), (344, 84), (328, 140), (344, 196))
    s.disc(190, 140, 84, "#f6ae2d")
    s.shape("#f26419", (160, 64), (232, 68), (252, 30), (192, 40))
    for x, half in [(182, 80), (228, 70)]:
        s.shape("#fff4dc", (x - 8, 140 - half), (x + 8, 140 - half), (x + 8, 140 + half), (x - 8, 140 + half))
    s.disc(140, 122, 16, "#ffffff")
    s.disc(137, 122, 8, "#14213d")
    for x, y, r in [(82, 92, 9), (66, 60, 6), (80, 36, 4)]:
        s.disc(x, y, r, "#bfe3ef")
    s.save("fish")


def mondrian() -> None:
    s = Sheet("#f5f1e6")
    s.shape("#c1121f", (0, 0), (150, 0), (150, 120), (0, 120))
    s.shape("#003f88", (250, 180), (384, 180), (384, 288), (250, 288))
    s.shape("#fdc500", (0, 230), (90, 230), (90, 288), (0, 288))
    s.shape("#14110f", (320, 0), (384, 0), (384, 70), (320, 70))
    for x in (150, 250):
        s.shape("#14110f", (x - 5, 0), (x + 5, 0), (x + 5, 288), (x - 5, 288))
    for y in (120, 180):
        s.shape("#14110f", (0, y - 5), (384, y - 5), (384, y + 5), (0, y + 5))
    s.shape("#14110f", (90, 180), (98, 180), (98, 288), (90, 288))
    s.shape("#14110f", (312, 0), (320, 0), (320, 120), (312, 120))
    s.shape("#14110f", (0, 226), (90, 226), (90, 232), (0, 232))
    s.save("squares")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for draw in (lighthouse, balloon, fish, mondrian):
        draw()
