"""The naive reference of the board: a picture out of half-transparent ellipses, one after another, each the best that
random tries and hill climbing find, as the program `primitive` makes it. An ellipse is seven numbers: its place, two
radii and a colour.

Pixels of an ellipse are spans of rows, and all that is asked of a span is a difference of two cumulative sums.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHA = 128 / 255
NUMBERS_EACH = 7
TRIES, CLIMBERS, MUTATIONS, ROUNDS = 4000, 16, 12, 40
FIRST_RADIUS, MOVED = 32, 16.0  # pixels, as in the original


class Ellipses:
    def __init__(self, pixels: npt.NDArray[np.uint8], seed: int = 0, effort: float = 1.0):
        self.target: Floats = pixels.astype(np.float64) / 255  # (H, W, 3)
        self.height, self.width = pixels.shape[:2]
        self.now = np.empty_like(self.target)
        self.now[:] = self.target.mean((0, 1))
        self.rng = np.random.default_rng(seed)
        self.tries, self.rounds = round(TRIES * effort), round(ROUNDS * effort)

    def error(self) -> float:
        return float(((self.now - self.target) ** 2).mean())

    def add(self) -> None:
        """One more ellipse, where it lessens the error most."""
        wanted = self.target - self.now * (1 - ALPHA)  # alpha times the colour it should have
        gain = (wanted**2 - (self.target - self.now) ** 2).sum(-1, keepdims=True)
        fields = np.concatenate([wanted, gain], -1)
        sums = np.zeros((self.height, self.width + 1, 4))
        np.cumsum(fields, axis=1, out=sums[:, 1:])
        self.sums = sums.reshape(-1, 4)
        tried = self._random(self.tries)
        score = self._score(tried)[0]
        order = np.argsort(score)[:CLIMBERS]
        best, best_score = tried[order], score[order]
        for _ in range(self.rounds):
            moved = self._mutated(np.repeat(best, MUTATIONS, axis=0))
            score = self._score(moved)[0].reshape(len(best), MUTATIONS)
            pick = score.argmin(1)
            rows = np.arange(len(best))
            better = score[rows, pick] < best_score
            best[better] = moved.reshape(len(best), MUTATIONS, 4)[rows, pick][better]
            best_score = np.where(better, score[rows, pick], best_score)
        winner = best[[best_score.argmin()]]
        if best_score.min() < 0:
            self._draw(winner[0], self._score(winner)[1][0])

    def _random(self, count: int) -> Floats:
        size = np.array([self.width, self.height])
        place = np.floor(self.rng.random((count, 2)) * size)
        radii = np.floor(self.rng.random((count, 2)) * FIRST_RADIUS) + 1
        return np.concatenate([place, radii], 1)

    def _mutated(self, ellipses: Floats) -> Floats:
        what = self.rng.integers(3, size=len(ellipses))
        moves = np.rint(
            self.rng.normal(size=ellipses.shape) * MOVED * self.rng.choice([1, 0.25], (len(ellipses), 1))
        )
        moves *= np.stack([what == 0, what == 0, what == 1, what == 2], 1)
        most = np.array([self.width - 1, self.height - 1] * 2)
        return np.clip(ellipses + moves, [0, 0, 1, 1], most)

    def _spans(self, ellipses: Floats) -> tuple[npt.NDArray[np.intp], ...]:
        """For each ellipse and row offset: the row, first and last column, and where there is any."""
        x, y, rx, ry = ellipses.T[:, :, None]
        dy = np.arange(-int(ry.max()), int(ry.max()) + 1)[None]
        row = y + dy
        half = np.floor(np.sqrt(np.maximum(ry * ry - dy * dy, 0)) * rx / ry)
        some = (np.abs(dy) < ry) & (row >= 0) & (row < self.height)
        left = np.clip(x - half, 0, self.width)
        right = np.where(some, np.clip(x + half + 1, 0, self.width), left)
        row = np.clip(row, 0, self.height - 1)
        return row.astype(np.intp), left.astype(np.intp), right.astype(np.intp)

    def _score(self, ellipses: Floats) -> tuple[Floats, Floats]:
        """(how much the squared error grows (n,), the best colours (n, 3))."""
        row, left, right = self._spans(ellipses)
        at = row * (self.width + 1)
        total = (self.sums[at + right] - self.sums[at + left]).sum(1)  # (n, 4)
        pixels = np.maximum((right - left).sum(1), 1)[:, None]
        colour = np.rint(np.clip(total[:, :3] / (ALPHA * pixels), 0, 1) * 255) / 255
        part = ALPHA * colour
        return total[:, 3] + (part * part * pixels - 2 * part * total[:, :3]).sum(1), colour

    def _draw(self, ellipse: Floats, colour: Floats) -> None:
        row, left, right = self._spans(ellipse[None])
        for y, x0, x1 in zip(row[0], left[0], right[0], strict=True):
            self.now[y, x0:x1] += ALPHA * (colour - self.now[y, x0:x1])


def ellipses(pixels: npt.NDArray[np.uint8], numbers: int, seed: int = 0, effort: float = 1.0) -> Ellipses:
    made = Ellipses(pixels, seed, effort)
    for _ in range(numbers // NUMBERS_EACH):
        made.add()
    return made
