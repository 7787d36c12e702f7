"""Drawing in order, the plain way: the network is asked anew for every value. It is the definition of what any faster
way must draw, and enough for a network that is small.

B pictures, N places, C channels, L values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .request import Drawn, Request, chances_of, likeliest_of, measure, value_at

Logits = Callable[[Tensor, int, int], Tensor]  # (values so far (B, N, C), place, channel) → (B, L)


def draw_plainly(logits: Logits, request: Request, width: int) -> Iterator[Drawn]:
    """Draw, yielding a step whenever `request.every` places are done, and at the end of a row of so many."""
    r = request
    B, N, C = r.uniforms.shape
    values = torch.zeros(B, N, C, dtype=torch.long, device=r.uniforms.device)
    start = 0
    while start < N:
        stop = min(start + r.every, (start // width + 1) * width, N)
        chances = []
        with torch.inference_mode():
            for n in range(start, stop):
                for c in range(C):
                    chances.append(chances_of(logits(values, n, c), r.temperature, r.top_k, r.top_p))
                    value = value_at(chances[-1], r.uniforms[:, n, c, None])[:, 0]  # (B,)
                    if r.given is not None and r.keep is not None:
                        value = torch.where(r.keep[:, n], r.given[:, n, c], value)
                    values[:, n, c] = value
        drawn = values[:, start:stop].clone()
        if r.measured:
            together = torch.stack(chances, dim=1).unflatten(1, (-1, C))  # (B, k, C, L)
            watched = None if r.watched is None else likeliest_of(together[r.watched])
            yield Drawn(start, stop, drawn, *measure(together, drawn), watched)
        else:
            yield Drawn(start, stop, drawn)
        start = stop
