"""What each habit of a pixel transformer is worth, in equal time of one core.

    python benchmarks/habits.py [--dataset mnist] [--data-root DIR] [--tokens grey:4] [--seconds 100] [--seeds 0 1]
                                [--only muon neighbours …]

The network as it comes, and the same with one thing changed, learn for as many seconds of processor time (so that other
programs on the machine cost them nothing), with a learning rate that falls to its end by then. Told is how many bits a
token costs among held-out pictures, the mean over the seeds, and how far that is from the network as it comes: more is
worse. How far the seeds of one network are apart says what a difference means.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch

from scalefree_studio.data.batches import Batches
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.sources import Dataset
from scalefree_studio.jobs.pixels.controls import PixelsControls
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.jobs.training.picture_lesson import bits_per_dimension
from scalefree_studio.jobs.training.ranks import Ranks
from scalefree_studio.jobs.training.trainer import Trainer
from scalefree_studio.models.threads import torch_threads

AS_IT_COMES = "as it comes"
HABITS: dict[str, dict[str, Any]] = {
    AS_IT_COMES: {},
    "AdamW for all, not Muon": {"optimizer": "adamw"},
    "AdamW at twice the rate": {"optimizer": "adamw", "learning_rate": 4e-3},
    "no neighbours": {"neighbours": 0},
    "rotary positions alone": {"positions": "rotary"},
    "learned positions alone": {"positions": "learned"},
    "SwiGLU": {"hidden": "swiglu"},
    "GELU": {"hidden": "gelu"},
    "queries and keys of any length": {"qk_norm": False},
    "blocks that do not start from nothing": {"zero_start": False},
    "logits capped at 15": {"softcap": 15.0},
    "tied colours": {"tied": True},
    "value embeddings": {"value_embeddings": True},
    "one head": {"heads": 1},
    "local attention, radius 7": {"attention": "local"},
    "float32, not bfloat16": {"precision": "float32"},
    "reversible": {"reversible": True},
}
LAST_RATE, WARM_UP = 0.02, 60


def learned(dataset: Dataset, controls: PixelsControls, seconds: float) -> tuple[float, int]:
    """Bits a token of held-out pictures, and steps, after so much processor time."""
    lesson = PixelsLesson(dataset)
    controls = lesson.fitted(controls)
    trainer = Trainer(lesson, controls, torch.device("cpu"), Ranks())
    batches = Batches(len(dataset.train), controls.batch_size, controls.seed)
    begun, steps, spent = time.process_time(), 0, 0.0
    while spent < seconds:
        falling = 1 - (1 - LAST_RATE) * max(0.0, spent / seconds - 0.3) / 0.7
        trainer.learn(
            next(batches), steps, controls.learning_rate * min(1.0, (steps + 1) / WARM_UP) * falling
        )
        steps, spent = steps + 1, time.process_time() - begun
    return bits_per_dimension(trainer.evaluate()), steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--tokens", default="grey:4")
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=[], help="words of the habits to try")
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.dataset, arguments.data_root)
    wanted = {
        name: changes
        for name, changes in HABITS.items()
        if name == AS_IT_COMES or not arguments.only or any(word in name for word in arguments.only)
    }
    asked = {"tokens": arguments.tokens, "precision": "bfloat16", "batch_size": 8}
    usual = 0.0
    print(f"{dataset.name}, {arguments.tokens}, {arguments.seconds:g} s of one core")
    with torch_threads(1):
        for name, changes in wanted.items():
            found = [
                learned(dataset, PixelsControls(**{**asked, **changes, "seed": seed}), arguments.seconds)
                for seed in arguments.seeds
            ]
            bits = statistics.mean(b for b, _ in found)
            usual = usual or bits
            apart = f", seeds {max(found)[0] - min(found)[0]:.4f} apart" if len(found) > 1 else ""
            steps = statistics.mean(s for _, s in found)
            print(f"  {name:40} {bits:.4f} bits ({bits - usual:+.4f}{apart}) {steps:.0f} steps", flush=True)


if __name__ == "__main__":
    main()
