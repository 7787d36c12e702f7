"""What test_ranks.py has two ranks do: torchrun starts this file. The test does the same alone, and compares.

In double precision: Adam makes a step even of what rounding leaves of a gradient that is none, so that single precision
hides whether two ways of adding up are the same mathematics.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import small_pixel_training
import small_quantisers
import torch
from small_training import TINY, stripes

from scalefree_studio.errors import JobError
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.ranks import Ranks, joined
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.codebooks.som import RULES, SelfOrganisingMap, radius_at
from scalefree_studio.runner import Runner
from scalefree_studio.storage.run_folder import RunFolder

STEPS = 9
BATCHES = {"even": 8, "odd": 7, "fewer than ranks": 1}
TRANSFORMERS: dict[str, dict[str, Any]] = {
    "muon": {"layers": 2},
    "reversible": {"layers": 3, "reversible": True, "dropout": 0.0},
    "local and adamw": {"attention": "local", "radius": 2, "optimizer": "adamw"},
}
RESIDUAL = (
    "residual",
    "residual by gradient",
)  # whose latents come in another order where there are several ranks
TROUBLED = ("optimizer", "judging", "showing")

Arrays = dict[str, np.ndarray]


def job_of(ranks: Ranks, limit: Limit | None = None, **controls: float) -> Train[Any, Any]:
    asked = {**TINY, "warm_up": 5, "learning_rate": 0.02, "wall_every": 4, **controls}
    return Train(
        PixelCNNLesson(stripes()), PixelCNNControls(**asked), limit or Limit(steps=STEPS), ranks=ranks
    )


def transformer(ranks: Ranks, name: str, **more: Any) -> Train[Any, Any]:
    return small_pixel_training.make(
        steps=STEPS, ranks=ranks, batch_size=7, wall_every=4, **TRANSFORMERS[name], **more
    )


def learn(job: Train[Any, Any], steps: int = STEPS) -> Arrays:
    """The loss of every step, what came of the held-out pictures, and the weights."""
    losses = []
    for _ in range(steps):
        job.step()
        losses.append(job.snapshot().metrics["loss"])
    held = job.snapshot().metrics.get("held_out", np.nan)
    weights = torch.cat([p.detach().flatten() for p in job.trainer.network.parameters()])
    return {"losses": np.array(losses), "held": np.array(held), "weights": weights.numpy()}


def quantiser(ranks: Ranks, name: str, known: bool = False) -> Arrays:
    """Codes learnt of batches of 5 and 4 pictures, and how far the ranks are apart. If codes are `known` before,
    nothing depends on the order in which latents come."""
    controls = {**small_quantisers.KINDS[name], "decay": 0.5, "revive": 0.0 if known else 0.5}
    if known:
        codes = small_quantisers.latents()[0].flatten(1).T[:12].to(torch.get_default_dtype())
        q = small_quantisers.with_codes(codes, **controls)
    else:
        q = small_quantisers.quantiser(**controls)
    for step in range(STEPS):
        z = small_quantisers.latents(5 - step % 2, seed=step, rows=3, columns=3).to(torch.get_default_dtype())
        mine, _ = ranks.slice(np.arange(len(z)))
        ranks.seed(0, step)
        q.train()(z[mine])
        q.learn()
    vectors, revived = q.vectors(), torch.zeros(0) if q.revived is None else q.revived
    sums = vectors.clone()
    ranks.add_up([sums])
    apart = (sums - vectors * ranks.count).abs().max()
    found = {"vectors": vectors, "counts": q.counts, "revived": revived, "apart": apart}
    return {what: tensor.numpy() for what, tensor in found.items()}


def som(ranks: Ranks, rule: str) -> Arrays:
    """A map learnt of batches of 5 and 4 pictures' patches, and how far the ranks are apart."""
    som = SelfOrganisingMap((3, 4), 5, rule).train()
    generator = torch.Generator().manual_seed(1)
    som.start(torch.randn(30, 5, generator=generator), generator)
    optimizer = torch.optim.SGD(som.parameters(), lr=0.5 if rule == "gradient" else 0.0)
    for step in range(STEPS):
        x = torch.randn(5 - step % 2, 5, generator=generator)
        mine, share = ranks.slice(np.arange(len(x)))
        som.begin_step(step // 4, radius_at(step / STEPS, som.shape, 0.2), 0.5)
        optimizer.zero_grad()
        (som(x[mine]) * share).backward()
        assert som.units.grad is not None
        ranks.add_up([som.units.grad])
        optimizer.step()
        som.learn()
    units = som.units.detach()
    sums = units.clone()
    ranks.add_up([sums])
    apart = (sums - units * ranks.count).abs().max()
    found = {"units": units, "counts": som.usage.counts, "tally": som.tally, "apart": apart}
    return {what: tensor.numpy() for what, tensor in found.items()}


def resumed(ranks: Ranks, folder: RunFolder) -> Arrays:
    """With dropout: at one go, and from what the first has saved half-way."""
    whole, half = (job_of(ranks, dropout=0.3, batch_size=7) for _ in range(2))
    told = {f"whole.{name}": array for name, array in learn(whole).items()}
    learn(half, 4)
    with ranks.together():
        if ranks.first:
            folder.keep(half.checkpoint())
    again = Train.from_checkpoint(folder.checkpoint(), PixelCNNLesson(stripes()), ranks=ranks)
    return told | {f"again.{name}": array for name, array in learn(again, STEPS - 4).items()}


def troubled(ranks: Ranks) -> Arrays:
    """The last rank runs out of memory once; that step is made again."""
    job, told = job_of(ranks, batch_size=7), []
    learn(job, 3)
    well = job.trainer._backward

    def out_of_memory(batch: np.ndarray, step: int) -> None:
        if not ranks.first:
            raise torch.OutOfMemoryError("out of memory here")
        well(batch, step)

    job.trainer._backward = out_of_memory  # type: ignore[method-assign]
    try:
        job.step()
    except JobError as error:
        told.append(str(error))
    job.trainer._backward = well  # type: ignore[method-assign]
    return {"told": np.array(told), **learn(job, STEPS - 3)}


def fails_once(owner: Any, name: str, fails: bool, when: Callable[..., bool] = lambda *_: True) -> None:
    """Memory runs out there, once."""
    well = getattr(owner, name)

    def once(*arguments: Any) -> Any:
        if fails and when(*arguments):
            setattr(owner, name, well)
            raise torch.OutOfMemoryError("out of memory here")
        return well(*arguments)

    setattr(owner, name, once)


def troubled_at(ranks: Ranks, place: str) -> Arrays:
    """One rank runs out of memory elsewhere, once; all go on."""
    job, told = job_of(ranks, batch_size=7), []
    trainer = job.trainer
    match place:
        case "optimizer":
            fails_once(trainer._scaler, "step", not ranks.first)
        case "judging":
            fails_once(
                job.lesson, "loss", not ranks.first, lambda network, *_: network is not trainer.network
            )
        case "showing":
            fails_once(job.now.display, "begin", ranks.first)
    while job.step_count < STEPS:
        try:
            job.step()
        except JobError as error:
            told.append(str(error))
    held = job.snapshot().metrics["held_out"]
    weights = torch.cat([p.detach().flatten() for p in trainer.network.parameters()])
    return {"told": np.array(told), "held": np.array(held), "weights": weights.numpy()}


class StopsAt:
    """Has a runner stop, whatever the others want."""

    def __init__(self, step: int):
        self.step, self.runner = step, None

    def wants(self, step: int) -> bool:
        if step == self.step:
            self.runner.stop()
        return False

    def close(self, last: object) -> None: ...


def stopped(ranks: Ranks) -> Arrays:
    """One rank is told to stop, and time is the limit: steps and seconds of each when it ends."""
    job, stops = job_of(ranks, Limit(seconds=3600)), StopsAt(3)
    runner = stops.runner = Runner(job, [] if ranks.first else [stops], agree=ranks.agree)
    runner.run(until_limit=True)
    ends = torch.zeros(ranks.count, 3, dtype=torch.float64)
    ends[ranks.rank] = torch.tensor([job.step_count, job.seconds, job.learning_rate()])
    ranks.add_up([ends])
    return {"ends": ends.numpy()}


def main(out: Path) -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    with joined() as ranks:
        parts = {name: learn(job_of(ranks, batch_size=size)) for name, size in BATCHES.items()}
        parts |= {name: learn(transformer(ranks, name)) for name in TRANSFORMERS}
        parts |= {f"quantiser {name}": quantiser(ranks, name) for name in small_quantisers.KINDS}
        parts |= {f"known {name}": quantiser(ranks, name, known=True) for name in RESIDUAL}
        parts |= {f"som {rule}": som(ranks, rule) for rule in RULES}
        parts |= {"resumed": resumed(ranks, RunFolder(out.parent / "half"))}
        parts |= {f"troubled at {place}": troubled_at(ranks, place) for place in TROUBLED}
        parts |= {"troubled": troubled(ranks), "stopped": stopped(ranks)}
        if ranks.first:
            np.savez(
                out, **{f"{part}.{n}": array for part, told in parts.items() for n, array in told.items()}
            )
    left = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    assert not [name for name in left if "gloo" in name], (
        "a thread that lives on may abort the process at its end"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
