"""Palettes learned from pictures, written as six hexadecimal digits a colour, so that controls can hold them."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from ..controls import ControlError
from ..snapshot import Bytes
from .colours import Floats, bytes_of_oklab, oklab_of
from .examples import Examples

SAMPLED = 2**16  # pixels that a palette is learned from, at most
LOOKED_THROUGH = 2**22  # pixels among which colours are looked for, at most
MOST_PICTURES = 1024  # that a palette is learned from
AT_ONCE = 2**14  # colours that are compared with a palette

Packed = npt.NDArray[np.int64]


def learn_palette(pictures: Bytes, colours: int, seed: int = 0) -> str:
    """So many colours that serve these pictures (…, 1 or 3) best, from dark to light; fewer where they have fewer.

    k-means in OKLab on pixels drawn at random; the same seed gives the same palette.
    """
    if pictures.dtype != np.uint8 or not pictures.size or pictures.shape[-1] not in (1, 3):
        raise ValueError(f"pictures are bytes (…, 1 or 3), not {pictures.dtype} {pictures.shape}")
    generator = np.random.default_rng(seed)
    pixels = np.broadcast_to(pictures, (*pictures.shape[:-1], 3)).reshape(-1, 3)
    pixels = _drawn(pixels, LOOKED_THROUGH, generator)
    found, counts = np.unique(_packed(_drawn(pixels, SAMPLED, generator)), return_counts=True)
    if len(found) < colours:  # rare colours count too where there are few
        found, counts = np.unique(_packed(pixels), return_counts=True)
    if len(found) > colours:
        found = _clustered(found, counts, colours, seed)
    unpacked = _unpacked(found)
    order = np.lexsort((found, oklab_of(unpacked)[:, 0]))
    return unpacked[order].tobytes().hex()


def palette_of(examples: Examples, colours: int, seed: int = 0) -> str:
    """The palette that serves a data set best, learned from some of its pictures."""
    count = min(len(examples), MOST_PICTURES)
    chosen = np.random.default_rng(seed).choice(len(examples), count, replace=False)
    return learn_palette(examples.take(np.sort(chosen)).values, colours, seed)


def colours_of(palette: str) -> Bytes:
    """The colours (N, 3) of a palette, or a ControlError in one sentence."""
    if not palette:
        raise ControlError("These tokens need a palette: learn one from pictures.")
    if not re.fullmatch(r"([0-9a-fA-F]{6})+", palette):
        raise ControlError("A palette is written as six hexadecimal digits for each colour.")
    return np.frombuffer(bytes.fromhex(palette), np.uint8).reshape(-1, 3)


class Nearest:
    """For each colour (…, 3) the number (…) of the one in a palette (N, 3) that is nearest in OKLab.

    The pictures of a data set have many colours in common: each colour is looked for once, and then known.
    """

    def __init__(self, palette: Bytes) -> None:
        self._palette = oklab_of(palette)
        self._lengths = (self._palette**2).sum(1)
        self._known: npt.NDArray[np.int16] | None = None  # by colour; -1 where it is not known yet

    def __call__(self, pictures: Bytes) -> npt.NDArray[np.int64]:
        if self._known is None:
            self._known = np.full(2**24, -1, np.int16)
        packed = _packed(pictures)
        found = self._known[packed]
        new = np.unique(packed[found < 0])
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            lab = oklab_of(_unpacked(some))
            self._known[some] = np.argmin(self._lengths - 2 * lab @ self._palette.T, axis=1)
        if len(new):
            found = self._known[packed]
        return found.astype(np.int64).reshape(pictures.shape[:-1])


def _clustered(found: Packed, counts: npt.NDArray[np.int64], colours: int, seed: int) -> Packed:
    """So many different colours that stand for those found, so often each."""
    from sklearn.cluster import KMeans  # slow to import, and needed only here
    from threadpoolctl import threadpool_limits

    lab = oklab_of(_unpacked(found))
    means = KMeans(colours, n_init=1, max_iter=50, random_state=seed)
    with threadpool_limits(1, "openmp"):  # several threads add up in an order of their own
        centres = means.fit(lab, sample_weight=counts).cluster_centers_
    chosen = np.unique(_packed(bytes_of_oklab(centres)))
    distances = _distances(lab, chosen).min(1)
    while len(chosen) < colours:  # where two centres round to one colour: what is served worst
        worst = int(np.argmax(distances))
        chosen = np.append(chosen, found[worst])
        distances = np.minimum(distances, _distances(lab, chosen[-1:])[:, 0])
        distances[worst] = 0
    return chosen


def _distances(lab: Floats, packed: Packed) -> Floats:
    """Squared, of each colour (N, 3) from each of those (M,): (N, M)."""
    others = oklab_of(_unpacked(packed))
    return np.asarray((lab**2).sum(1)[:, None] - 2 * lab @ others.T + (others**2).sum(1))


def _drawn(pixels: Bytes, most: int, generator: np.random.Generator) -> Bytes:
    if len(pixels) <= most:
        return pixels
    return pixels[np.sort(generator.choice(len(pixels), most, replace=False, shuffle=False))]


def _packed(colours: Bytes) -> Packed:
    """Colours (…, 3) as whole numbers, all in one row (N,)."""
    red, green, blue = colours.reshape(-1, 3).astype(np.int64).T
    return np.asarray(red << 16 | green << 8 | blue)


def _unpacked(packed: Packed) -> Bytes:
    return np.asarray(packed[:, None] >> np.array([16, 8, 0]) & 255, np.uint8)
