"""Where a network looked, and what it drew without some heads: as light, as boards by the wall, and in words. No Qt.

B pictures of H × W places.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...canvas.walls.boards import Board
from ...drawings import Drawing
from ...export.heat import heat
from ...snapshot import Bytes
from .chances import percent

Floats = npt.NDArray[np.float64]
Head = tuple[int, int]  # layer and head, counted from 0

# From where nothing was taken to where most was: ever lighter, so that no colour needs to be told from another.
LIGHT = ("#000000", "#a8480a", "#ffb03b", "#fff3c4")
GAMMA = 0.7
GOLDEN = 0.618034
COVERS = 0.72  # how much of what lies below is covered
LESS, SAME, MORE = (
    "#5aa9ff",
    "#3d434b",
    "#ffa83d",
)  # bits, without the heads: apart also for who sees no red or green
DRAWN, WITHOUT, DIFFERENCE = "drawn", "without", "difference"  # boards
BUCKETS = "buckets"  # a choice
WEIGHT = 3.0  # how large their pictures are beside those of the wall


@dataclass(frozen=True)
class Choice:
    """Whose attention is shown: of all heads together, of the strongest one, or of one that was chosen; or the buckets
    of that one, where a hash decides who sees whom."""

    of: str = "all"
    head: Head = (0, 0)

    def head_of(self, looked: Floats) -> Head | None:
        """The one head that is meant, of (layers, heads, H, W)."""
        layers, heads = looked.shape[:2]
        if self.of in ("one", BUCKETS):
            return min(self.head[0], layers - 1), min(self.head[1], heads - 1)
        return strongest(looked) if self.of == "strongest" else None

    def shares(self, looked: Floats) -> Floats:
        """What is meant, (H, W)."""
        head = self.head_of(looked)
        found: Floats = looked.mean(axis=(0, 1)) if head is None else looked[head]
        return found


def looked_in(drawing: Drawing) -> tuple[Floats, int, int] | None:
    """Where it looked, (layers, heads, H, W), and the row and column from which; if that is known of this stage."""
    if "looked" not in drawing.frame:
        return None
    height, width = drawing.size
    at = int(drawing.frame["looked_from"])
    if not 0 <= at < height * width:
        return None
    y, x = divmod(at, width)
    return np.asarray(drawing.frame["looked"], np.float64), y, x


def light_on(drawing: Drawing) -> Floats | None:
    """What was taken from places of this stage, (layers, heads, H, W), when one of it or of a finer one was drawn."""
    if "looked" not in drawing.frame or int(drawing.frame["looked_from"]) < 0:
        return None
    return np.asarray(drawing.frame["looked"], np.float64)


def strongest(looked: Floats) -> Head:
    """The head that took most from a single place."""
    layer, head = divmod(int(looked.max(axis=(2, 3)).argmax()), looked.shape[1])
    return layer, head


def brightness(shares: Floats) -> Floats:
    """Shares (…, H, W) as light in [0, 1]: the most of each map is 1, and what is little can still be seen."""
    most = shares.max(axis=(-2, -1), keepdims=True)
    return np.asarray(shares / np.where(most > 0, most, 1)) ** GAMMA


def light(shares: Floats) -> Bytes:
    """A veil of light over a picture: (H, W) → (H, W, 4)."""
    veil = np.empty((*shares.shape, 4), np.uint8)
    veil[..., :3] = heat(brightness(shares), LIGHT)
    veil[..., 3] = round(255 * COVERS)
    return veil


def lit(veil: Bytes | None, drawing: Drawing, choice: Choice) -> Bytes | None:
    """A veil (B, H, W, 4), with light on the picture of which it is known where the network looked."""
    looked = light_on(drawing)
    if looked is None:
        return veil
    whole = np.zeros((drawing.count, *drawing.size, 4), np.uint8) if veil is None else veil.copy()
    buckets, head = buckets_in(drawing), choice.head_of(looked)
    if choice.of == BUCKETS and buckets is not None and head is not None:
        shown = coloured(buckets[head])
    else:
        shown = light(choice.shares(looked))
    whole[int(drawing.frame["watched"])] = shown
    return whole


def buckets_in(drawing: Drawing) -> npt.NDArray[np.int64] | None:
    """Into which bucket each head put each place, (layers, heads, H, W); None where no hash decides who sees whom."""
    return np.asarray(drawing.frame["buckets"], np.int64) if "buckets" in drawing.frame else None


def coloured(buckets: npt.NDArray[np.int64]) -> Bytes:
    """A veil (H, W, 4) in which what is in one bucket (H, W) has one colour, and what is in none lies bare."""
    hues = (buckets * GOLDEN) % 1  # so that any few have colours far apart
    full = np.clip(np.abs((hues[..., None] * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    veil = np.empty((*buckets.shape, 4), np.uint8)
    veil[..., :3] = np.rint(255 * (0.2 + 0.8 * full))
    veil[..., 3] = np.where(buckets >= 0, round(255 * COVERS), 0)
    return veil


def boards(drawing: Drawing) -> list[Board]:
    """A picture as it was drawn, as it is drawn without some heads, and where it is more surprising without them."""
    twin = drawing.twin
    if twin is None:
        return []
    picture, place = int(drawing.frame["twin"]), drawing.tile
    drawn = drawing.pictures()[picture : picture + 1]
    more = np.nan_to_num(np.diff(drawing.frame["twin_bits"], axis=0))  # bits: (1, H, W)
    change = heat((more / np.abs(more).max(initial=1.0) + 1) / 2, (LESS, SAME, MORE))  # (1, H, W, 3)
    change = change.repeat(place[0], axis=1).repeat(place[1], axis=2)
    return [
        Board(DRAWN, drawn, place=place, weight=WEIGHT),
        Board(WITHOUT, twin.pictures(), place=place, weight=WEIGHT),
        Board(DIFFERENCE, change, place=place, weight=WEIGHT),
    ]


# In words.


def head_named(head: Head) -> str:
    return f"layer {head[0] + 1}, head {head[1] + 1}"


def heads_named(heads: Collection[Head]) -> str:
    return head_named(next(iter(heads))) if len(heads) == 1 else f"{len(heads)} heads"


def looked_in_words(drawing: Drawing, choice: Choice) -> str:
    """What the light says; nothing where there is none."""
    found = looked_in(drawing)
    if found is None:
        return ""
    looked, y, x = found
    head, shares = choice.head_of(looked), choice.shares(looked)
    buckets = buckets_in(drawing)
    if choice.of == BUCKETS and buckets is not None and head is not None:
        count = len(np.unique(buckets[head][buckets[head] >= 0]))
        return (
            f"{head_named(head).capitalize()}: {count} buckets, a colour each. A pixel sees those before it in the "
            "bucket that its hash falls into."
        )
    who = "All heads together" if head is None else head_named(head).capitalize()
    if choice.of == "strongest":
        who += ", the strongest,"
    before = coarser(drawing, head)
    start = percent(max(0.0, 1 - float(shares.sum()) - before))
    if before > 0:
        start = f"{percent(before)} from the coarser stages, {start}"
    said = f"For row {y + 1}, column {x + 1}: {who[0].lower() + who[1:]} took"
    most = float(shares.max())
    if not most > 0 and before > 0:
        return f"{said} {start} from the start."
    if not most > 0:
        return f"{said} all from the start: nothing was drawn yet."
    row, column = divmod(int(shares.argmax()), shares.shape[1])
    return f"{said} most, {percent(most)}, from row {row + 1}, column {column + 1}; {start} from the start."


def coarser(drawing: Drawing, head: Head | None) -> float:
    """What one head, or all together, took from the stages before this one."""
    if "looked_before" not in drawing.frame:
        return 0.0
    before = np.asarray(drawing.frame["looked_before"], float)
    return float(before.mean() if head is None else before[head])


@dataclass(frozen=True)
class Compared:
    """A picture and what it would be without some heads, in numbers."""

    heads: tuple[Head, ...]
    picture: int
    places: int  # of which there are bits
    bits: tuple[float, float]  # of all of them together: with all heads, and without
    drawn: int  # places that are drawn without the heads …
    others: int  # … and are others than before

    @classmethod
    def of(cls, drawing: Drawing) -> Compared | None:
        twin = drawing.twin
        if twin is None:
            return None
        bits = np.asarray(drawing.frame["twin_bits"], float)
        picture, known = int(drawing.frame["twin"]), np.isfinite(bits).all(0)
        with_all, without = (float(part[known].sum()) for part in bits)
        there = twin.drawn()[0]
        other = (twin.values[0] != drawing.values[picture]).any(-1) & there
        heads = tuple((int(a), int(b)) for a, b in np.argwhere(drawing.frame["heads_off"]))
        return cls(heads, picture, int(known.sum()), (with_all, without), int(there.sum()), int(other.sum()))

    @property
    def titles(self) -> dict[str, str]:
        """What stands above the boards."""
        whole, without = (
            f": {bits / self.places:.2f} bits per pixel" if self.places else "" for bits in self.bits
        )
        return {
            DRAWN: f"As drawn{whole}",
            WITHOUT: f"Drawn without {heads_named(self.heads)}",
            DIFFERENCE: f"The first, without{without}",
        }

    @property
    def words(self) -> str:
        lines = []
        if self.places:
            (whole, without), n = self.bits, self.places
            change, heads = without - whole, heads_named(self.heads)
            lines.append(
                f"Picture {self.picture + 1}, as drawn: {whole:.1f} bits with all heads, {without:.1f} without "
                f"{heads}, {abs(change):.1f} {'more' if change >= 0 else 'less'}; {whole / n:.2f} and "
                f"{without / n:.2f} per pixel. "
                "Orange: more surprising without; blue: less."
            )
        if self.drawn:
            lines.append(f"Drawn without, {self.others} of {self.drawn} pixels differ.")
        return (
            " ".join(lines) or f"Without {heads_named(self.heads)}: it is drawn as soon as drawing continues."
        )
