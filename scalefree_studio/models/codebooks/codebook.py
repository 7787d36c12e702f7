"""A codebook that learns: K codes of D numbers, moving averages of the N latents that chose them, or weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ranks import add_up, as_first, random_rows
from .interface import Quantiser
from .kmeans import kmeans
from .nearest import nearest, sums_of
from .shape import QuantiserShape
from .through import rotated_through, straight_through

EACH = 32  # latents for each code that k-means starts from, where there are so many
EARLY = 9  # after so many steps, a code keeps half of its average in a step; then more and more
NOTHING = 1e-12  # an average of counts so small that its code stays where it is

# Of each stage: the latents (N, D), and the codes that they chose (N,)
Seen = Sequence[tuple[Tensor, Tensor]]


class Codebook(nn.Module):
    vectors: Tensor  # (K, D)
    sums: Tensor  # (K, D): the average over steps of the sum of what chose each code
    counts: Tensor  # (K,): and of how many these were
    revived: Tensor  # (K,)
    steps: Tensor  # (): learnt from

    def __init__(self, shape: QuantiserShape, width: int):
        super().__init__()
        codes = self.like_codes(torch.randn(shape.codes, width), shape.cosine)
        self.averaged, self.cosine = shape.learning == "ema", shape.cosine
        if self.averaged:
            self.register_buffer("vectors", codes)
            self.register_buffer("sums", codes.clone())
        else:
            self.vectors = nn.Parameter(codes)
        self.register_buffer("counts", torch.ones(len(codes)))
        self.register_buffer("revived", torch.full((len(codes),), -1))
        self.register_buffer("steps", torch.tensor(0))
        self._started = False  # True where it is known without waiting for a GPU

    @staticmethod
    def like_codes(x: Tensor, cosine: bool) -> Tensor:
        return F.normalize(x, dim=1) if cosine else x

    @property
    def started(self) -> bool:
        """Whether k-means has set the codes."""
        self._started = self._started or bool(self.steps > 0)
        return self._started

    def nearest(self, x: Tensor) -> Tensor:
        """(N,): the code of each of x (N, D)."""
        return nearest(x, self.vectors)

    def forward(self, at: Tensor) -> Tensor:
        """(N, D): what codes (N,) stand for."""
        return F.embedding(at, self.vectors)

    @torch.no_grad()
    def learn(self, seen: Seen, shape: QuantiserShape) -> Tensor:
        """A step. The same on all processes of a run, of what all have seen; how often each code was chosen at each
        stage comes back, (S, K)."""
        if not self.started:
            self._start(torch.cat([x for x, _ in seen]))
            seen = [(x, self.nearest(x)) for x, _ in seen]
            return self._totals(seen)[1]
        sums, chosen = self._totals(seen)
        counts = chosen.sum(0)
        # At first latents change much, and old ones are to be forgotten sooner.
        fresh = torch.clamp(EARLY / (self.steps + 1 + EARLY), min=1 - shape.decay)
        self.counts.lerp_(counts, fresh.to(counts.dtype))
        if self.averaged:
            self.sums.lerp_(sums, fresh.to(sums.dtype))
            self._take_averages()
        elif self.cosine:  # a step along the gradient leaves the sphere
            self.vectors.copy_(self.like_codes(self.vectors, True))
        self.steps += 1
        if shape.revive:
            self._revive(torch.cat([x for x, _ in seen]), shape.revive)
        return chosen

    def _totals(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """(sums (K, D), counts (S, K)) over all processes."""
        stages = [sums_of(x, at, len(self.vectors)) for x, at in seen]
        sums = torch.stack([stage[0] for stage in stages]).sum(0)
        counts = torch.stack([stage[1] for stage in stages])
        add_up([sums, counts])
        return sums, counts

    def _start(self, x: Tensor) -> None:
        """By k-means of the first batch: each code stands for its cluster, and for as many as are in it."""
        x = x[x.isfinite().all(1)]
        seen = torch.tensor(float(len(x)), dtype=torch.float64)
        add_up([seen])
        rows = random_rows(x, min(EACH * len(self.vectors), int(seen)))
        if not len(rows):
            return
        seed = as_first(torch.randint(1 << 62, ()))
        centres, counts = kmeans(
            rows, len(self.vectors), torch.Generator().manual_seed(int(seed)), cosine=self.cosine
        )
        counts = counts * (float(seen) / len(rows))
        self.vectors.copy_(as_first(centres))
        self.counts.copy_(as_first(counts))
        if self.averaged:
            self.sums.copy_(self.vectors * self.counts[:, None])
        self.steps += 1

    def _take_averages(self) -> None:
        if self.cosine:
            fresh = F.normalize(self.sums, dim=1)
        else:
            fresh = self.sums / self.counts.clamp(min=NOTHING)[:, None]
        self.vectors.copy_(torch.where(self.counts[:, None] > NOTHING, fresh, self.vectors))

    def _revive(self, x: Tensor, least: float) -> None:
        """Set codes that were hardly used to random latents, as if these were used like an average code."""
        fair = self.counts.mean()
        dead = (self.counts < least * fair).nonzero()[:, 0]
        if not len(dead):
            return
        rows = random_rows(x[x.isfinite().all(1)], len(dead))
        if not len(rows):
            return
        self.vectors[dead] = rows
        self.counts[dead] = fair
        self.revived[dead] = self.steps
        if self.averaged:
            self.sums[dead] = rows * fair

    def _load_from_state_dict(self, *arguments: object) -> None:
        super()._load_from_state_dict(*arguments)
        self._started = False


class CodebookQuantiser(Quantiser):
    """A quantiser whose codes are those of one codebook, in all of its stages."""

    def __init__(self, shape: QuantiserShape, width: int, stages: int = 1):
        super().__init__(shape, shape.codes, width, stages)
        self.codebook = Codebook(shape, width)
        self._seen: Seen = ()  # left by `forward` for `learn`

    def through(self, z: Tensor, values: Tensor) -> Tensor:
        """Values (N, D), with the gradient that their latents (N, D) are to have."""
        through = rotated_through if self.shape.rotation else straight_through
        return through(z, values.detach())

    def closeness(self, x: Tensor, chosen: Tensor) -> Tensor:
        """What latents (N, D) learn to keep to their codes (N, D), and, by gradient, codes to their latents."""
        loss = self.shape.commitment * F.mse_loss(x, chosen.detach())
        return loss if self.codebook.averaged else loss + F.mse_loss(chosen, x.detach())

    def vectors(self) -> Tensor:
        return self.codebook.vectors.detach()

    def learn(self) -> None:
        if self._seen:
            self.usage.add(self.codebook.learn(self._seen, self.shape))
            self._seen = ()

    @property
    def revived(self) -> Tensor:
        return self.codebook.revived
