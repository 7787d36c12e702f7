"""What can be set of any training, declared once. A lesson adds what its network is made of."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control


@dataclass(frozen=True)
class TrainControls:
    # fmt: off
    epochs: int = control(
        40, label="Epochs", help="How many times it goes through all pictures; the learning rate falls "
        "towards the end.",
        low=1, high=100_000, scale="log", live=True, group="Learning",
    )
    batch_size: int = control(
        32, label="Batch", help="How many pictures a step learns from.",
        low=1, high=4096, scale="log", group="Learning", unit="pictures",
    )
    learning_rate: float = control(
        2e-3, label="Learning rate", help="How far each step goes, after the warm-up.",
        low=1e-6, high=1.0, scale="log", live=True, group="Learning",
    )
    warm_up: int = control(
        100, label="Warm-up", help="How many steps the learning rate takes to rise.",
        low=0, high=100_000, live=True, group="Learning", unit="steps", advanced=True,
    )
    final_rate: float = control(
        0.02, label="Final rate", help="The share of the learning rate that is left at the end of the last epoch.",
        low=0.0, high=1.0, live=True, group="Learning", unit="×", advanced=True,
    )
    weight_decay: float = control(
        0.01, label="Weight decay", help="How strongly weights are pulled towards zero.",
        low=0.0, high=10.0, live=True, group="Learning", advanced=True,
    )
    clip: float = control(
        1.0, label="Clip", help="The longest gradient to follow; longer ones are shortened to it.",
        low=1e-3, high=1e6, scale="log", live=True, group="Learning", advanced=True,
    )
    averaging: float = control(
        0.0, label="Averaging", help="Draw with a moving average of the weights; each step keeps this share of it.",
        low=0.0, high=0.99999, live=True, group="Learning", advanced=True,
    )
    patience: int = control(
        0, label="Patience", help="Stop after this many epochs without a better held-out loss; 0 never "
        "stops.",
        low=0, high=10_000, live=True, group="Learning", advanced=True,
    )
    precision: str = control(
        "float32", label="Precision",
        help="The numbers it learns with: 16 bits are coarser, but faster where the machine supports them.",
        choices=("float32", "bfloat16", "float16"), live=True, group="Learning", advanced=True,
    )
    wall_every: int = control(
        50, label="New samples", help="Start a new wall of samples every so many steps; 0 draws none.",
        low=0, high=100_000, live=True, group="Learning", unit="steps", advanced=True,
    )
    keep_every: int = control(
        0, label="Keep", help="Keep a copy of the network every so many steps, each in its own file; 0 "
        "keeps no copies.",
        low=0, high=10_000_000, live=True, group="Learning", unit="steps", advanced=True,
    )
    seed: int = control(
        0, label="Seed", help="The same seed and settings give the same network.",
        low=0, high=2**31 - 1, group="Learning",
    )
    # fmt: on
