"""Where dividers belong: the lines and circles that lie on a picture's strongest edges.

Candidates go through pixels drawn by edge strength (a line through two, a circle through three). A candidate scores the
jump of the picture across its contour, summed along it where no other divider lies yet. The best are polished by small
random moves. The same search places a new divider in what is left to learn: there the picture is the residual.

Candidates of n lines are (n, 2): angle, offset. Those of n circles are (n, 3): x, y, radius.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_JUMP = 0.25  # one very strong edge must not outshout a long one
ARC_SAMPLES = 64
FLAT = 0.01
FINALISTS = 8
MOVES = 24  # small random moves of each finalist a round


class EdgeSearch:
    """Finds dividers on the edges of one picture, each where no earlier one lies."""

    def __init__(self, picture: npt.ArrayLike, rng: np.random.Generator):
        self.picture: Floats = np.asarray(picture, dtype=np.float64)  # (H, W, 3)
        self.rng = rng
        self.height, self.width = self.picture.shape[:2]
        self.pixel = 2 / max(self.height, self.width)  # world units
        # Contours count within this.
        self.reach = np.array([self.width, self.height]) * self.pixel / 2 - self.pixel
        jump = np.zeros_like(self.picture)
        jump[:, 1:-1] = (self.picture[:, 2:] - self.picture[:, :-2]) ** 2
        jump[1:-1] += (self.picture[2:] - self.picture[:-2]) ** 2
        self.strength: Floats = np.sqrt(jump.mean(-1)) + 1e-9  # (H, W): where candidates go through
        self.cap = min(MOST_JUMP, float(np.quantile(self.strength, 0.95)))
        self.free = np.ones((self.height, self.width))  # 0 where a divider lies

    def find(self, kind: str, pool: int = 3000, rounds: int = 8) -> tuple[Floats, float]:
        """The best divider of a kind and its score: a line (2,) or a circle (3,)."""
        candidates = self._candidates(kind, pool)
        apart = 1.5  # pixels to either side of the contour, where the jump is measured
        best = self._best(kind, candidates, apart)
        for k in range(rounds):
            moves = self.rng.normal(size=(len(best), MOVES, best.shape[1])) * 3 * 0.75**k * self.pixel
            around = np.concatenate([best, (best[:, None] + moves).reshape(-1, best.shape[1])])
            if kind == "circle":
                around[:, 2] = np.maximum(around[:, 2], 3 * self.pixel)
            apart = max(0.75, apart * 0.85)
            best = self._best(kind, around, apart)
        return best[0], float(self._score(kind, best[:1], apart)[0])

    def occupy(self, kind: str, divider: Floats, pixels: float = 2.0) -> None:
        """Nothing else shall lie on this divider."""
        y, x = np.mgrid[: self.height, : self.width].astype(np.float64)
        x = (x + 0.5 - self.width / 2) * self.pixel
        y = (y + 0.5 - self.height / 2) * self.pixel
        if kind == "line":
            distance = x * np.cos(divider[0]) + y * np.sin(divider[0]) - divider[1]
        else:
            distance = np.hypot(x - divider[0], y - divider[1]) - divider[2]
        self.free *= np.abs(distance) > pixels * self.pixel

    def explained(self) -> float:
        """What share of all edges lies under the dividers that are there, in [0, 1]."""
        return 1 - float((self.strength * self.free).sum() / self.strength.sum())

    def flat(self) -> float:
        """What share of the picture has no edge at all: most of a drawing, little of a photograph."""
        return float((self.strength < FLAT).mean())

    def _best(self, kind: str, candidates: Floats, apart: float) -> Floats:
        order = np.argsort(-self._score(kind, candidates, apart), kind="stable")
        return candidates[order[:FINALISTS]]

    def _candidates(self, kind: str, count: int) -> Floats:
        total = np.cumsum((self.strength * self.free).ravel())
        through = 2 if kind == "line" else 3
        chosen = np.searchsorted(total, self.rng.random((count, through)) * total[-1])
        chosen = np.minimum(chosen, len(total) - 1)
        jitter = self.rng.random((2, *chosen.shape))
        x = (chosen % self.width + jitter[0] - self.width / 2) * self.pixel
        y = (chosen // self.width + jitter[1] - self.height / 2) * self.pixel
        points = np.stack([x, y], -1)  # (count, through, 2)
        b, c = points[:, 1] - points[:, 0], points[:, -1] - points[:, 0]
        if kind == "line":
            angle = np.arctan2(b[:, 0], -b[:, 1])
            offset = x[:, 0] * np.cos(angle) + y[:, 0] * np.sin(angle)
            lines = np.stack([angle, offset], 1)
            return _some(lines[np.hypot(*b.T) > 8 * self.pixel], lines)
        cross = 2 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])  # the circle through three points
        cross = np.where(np.abs(cross) < 1e-9, 1e-9, cross)
        b2, c2 = (b**2).sum(1), (c**2).sum(1)
        centre = np.stack([(c[:, 1] * b2 - b[:, 1] * c2) / cross, (b[:, 0] * c2 - c[:, 0] * b2) / cross], 1)
        radius = np.hypot(*centre.T)
        circles = np.concatenate([points[:, 0] + centre, radius[:, None]], 1)
        tame = circles.copy()
        tame[:, 2] = np.clip(tame[:, 2], 3 * self.pixel, 1.5)
        return _some(circles[(radius > 3 * self.pixel) & (radius < 1.5)], tame)

    def _score(self, kind: str, candidates: Floats, apart: float) -> Floats:
        """(n,): along every contour, the capped jump across it where nothing lies yet."""
        if kind == "line":
            along = np.arange(-1.42, 1.42, 2 * self.pixel)  # (T,)
            normal = np.stack([np.cos(candidates[:, :1]), np.sin(candidates[:, :1])], -1)  # (n, 1, 2)
            tangent = np.stack([-normal[..., 1], normal[..., 0]], -1)
            points = normal * candidates[:, 1:, None] + tangent * along[:, None]  # (n, T, 2)
            length: Floats | float = 1.0
        else:
            turn = np.arange(ARC_SAMPLES) * 2 * np.pi / ARC_SAMPLES
            normal = np.stack([np.cos(turn), np.sin(turn)], -1)[None]  # (1, T, 2)
            points = candidates[:, None, :2] + candidates[:, 2, None, None] * normal
            length = candidates[:, 2:] * (2 * np.pi / ARC_SAMPLES / (2 * self.pixel))
        inside = (np.abs(points) < self.reach).all(-1)
        step = apart * self.pixel * normal
        jump = self._at(self.picture, points + step) - self._at(self.picture, points - step)
        jump = np.minimum(np.sqrt((jump**2).mean(-1)), self.cap)
        score: Floats = (length * inside * self._at(self.free, points) * jump).sum(1)
        return score

    def _at(self, values: Floats, points: Floats) -> Floats:
        column = np.clip((points[..., 0] / self.pixel + self.width / 2).astype(np.intp), 0, self.width - 1)
        row = np.clip((points[..., 1] / self.pixel + self.height / 2).astype(np.intp), 0, self.height - 1)
        found: Floats = values[row, column]
        return found


def _some(wanted: Floats, otherwise: Floats) -> Floats:
    """A flat picture has no edges: then any candidate will do."""
    return wanted if len(wanted) else otherwise
