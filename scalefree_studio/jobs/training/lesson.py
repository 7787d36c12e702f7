"""What is learnt. A lesson says all that a trainer does not know, and nothing that every trainer does.

A network of one's own is a `Lesson` with its controls and three methods, `network`, `inputs` and `loss`; see
docs/own-instrument.md. One that draws pictures place after place is a `PictureLesson`, which needs `network` and
`logits`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ...controls import controls_of, edited
from ...data.download import Progress
from ...data.examples import Batch
from ...data.sources import Dataset
from ...errors import UserError
from ...snapshot import Array, Checkpoint
from ..memory import allowance, is_out_of_memory
from .controls import TrainControls
from .weights import tensors_of, weights_of

C = TypeVar("C", bound=TrainControls)
N = TypeVar("N", bound=nn.Module)
M = TypeVar("M", bound=nn.Module, contravariant=True)
# Bytes that a network may take beside four times its weights, as masks, until it is known to be one.
ROOM = 2**29
BESIDE = "beside."  # before the names of arrays that are in a model but are not its network's weights
Inputs = tuple[Tensor | None, ...]  # what a network is given of a batch


class Display(Protocol[M]):
    """What a training shows of itself: made piece by piece, one a step, so that learning does not stop for it."""

    @property
    def pieces(self) -> int:
        """Of which a whole is made."""

    def begin(self, network: M) -> None:
        """Show this network as it is now. It may go on learning meanwhile."""

    @property
    def busy(self) -> bool:
        """Whether pieces are missing."""

    def advance(self) -> None:
        """One piece more."""

    def frame(self) -> Mapping[str, Array]:
        """What is to be seen now. `wall` (M, H, W, C) bytes and `fresh`, how many rows of it are new, have a view, a
        movie and a place in trackers."""

    def still(self) -> Mapping[str, Array]:
        """What does not change from step to step."""

    def saved(self) -> Mapping[str, Array]:
        """What is to be seen again when the run goes on."""

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Show this until there is something new; what does not fit is passed over."""


@dataclass(frozen=True)
class Curve:
    """A measured quantity that is shown while it learns, and perhaps the same of held-out examples beside it."""

    metric: str
    title: str
    unit: str = ""
    log: bool = False
    beside: str = ""
    help: str = ""  # what a person should know of it
    beside_title: str = "held out"  # where it is something else


@dataclass(frozen=True)
class Moment:
    """When a step is made."""

    step: int  # steps before it
    epoch: int
    progress: float  # how much of the way has been gone, in [0, 1]


@dataclass(frozen=True)
class Card:
    """What the card of a model says of what only its lesson knows, in Markdown."""

    learnt: str  # what else there is to say of the examples: ", 16 levels per channel"
    measured: str  # how good it is on those held out


class Lesson(Generic[C, N]):
    """Learning one kind of network from one data set."""

    kind: ClassVar[str]  # of its checkpoints
    title: ClassVar[str]
    summary: ClassVar[str] = ""  # what it is, in a sentence
    controls: ClassVar[type[Any]] = TrainControls  # a dataclass, derived from this one
    unit: ClassVar[str] = "nats_per_dimension"  # of its loss, as results call it
    shelf: ClassVar[str] = "Train"  # the heading over what it may learn from, in the gallery
    settled: ClassVar[tuple[str, ...]] = ()  # controls that the examples decide
    needs: ClassVar[str] = ""  # a control that names another model: without one, it cannot begin
    curves: ClassVar[tuple[Curve, ...]] = (Curve("loss", "Loss", log=True, beside="held_out"),)
    advice: ClassVar[str] = "use a smaller batch or a smaller network"  # where memory runs out

    progress: Progress | None = None  # is told of what takes long before it is learnt

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    # The network, and what it learns.

    def fitted(self, controls: C) -> C:
        """With what the examples decide, or a ControlError."""
        return controls

    def suited(self, **asked: Any) -> C:
        """The controls with which this data set is learnt, where nobody says more than what is asked."""
        controls: C = edited(self.controls(), asked)
        return controls

    @classmethod
    def network(cls, controls: C) -> N:
        """A new one, which takes its random numbers from torch."""
        raise NotImplementedError

    def prepared(self, controls: C) -> Dataset:
        """What is taken from while it learns, if that is made of the data set once: `inputs` understands both."""
        return self.dataset

    def follow(self, network: N, controls: C) -> None:
        """Live controls have changed that the network itself knows of."""

    def inputs(self, batch: Batch, controls: C) -> Inputs:
        """What the network is given of a batch, on the CPU."""
        raise NotImplementedError

    def loss(self, network: N, *inputs: Tensor | None) -> Tensor:
        """The mean over a batch."""
        raise NotImplementedError

    def optimizer(self, network: N, controls: C) -> torch.optim.Optimizer:
        """Its learning rate and weight decay are set before each step, times a group's own `rate` where it has one."""
        fused = all(p.is_floating_point() for p in network.parameters())
        return torch.optim.AdamW(network.parameters(), lr=0.0, betas=(0.9, 0.95), fused=fused)

    def begin_step(self, network: N, controls: C, moment: Moment) -> None:
        """Before each step, and again before one that failed: what follows from when it is, as a schedule."""

    def end_step(self, network: N, controls: C) -> None:
        """After a step was made, once: what a network learns of a batch other than by its gradients. `loss` leaves it
        ready and changes nothing, as the step may fail."""

    # What a person sees of it.

    def display(self, controls: C, device: torch.device) -> Display[N] | None:
        """A new one, for a new network."""
        return None

    def metrics(self, loss: float | None, held_out: float | None, controls: C) -> dict[str, float]:
        """What is measured of the last batch and of the held-out examples, as far as it is known."""
        losses = {"loss": loss, "held_out": held_out}
        return {name: value for name, value in losses.items() if value is not None}

    def counted(self, network: N, controls: C) -> dict[str, float]:
        """What the network itself has counted while it learned, to be measured too."""
        return {}

    def results(self, held_out: float, controls: C) -> dict[str, Any]:
        """What is said of a network whose mean loss on the held-out examples is this."""
        return {self.unit: held_out}

    def measured(self, network: N, controls: C) -> dict[str, Any]:
        """What else is said of a network, measured on all held-out examples."""
        return {}

    def card(self, results: Mapping[str, Any], controls: C) -> Card:
        """What the card of a model says, of what `results` has measured."""
        return Card("", f"**{results[self.unit]:.4f} {self.unit.replace('_', ' ')}**")

    # What is saved of it.

    def about(self) -> dict[str, Any]:
        """Of what it learns from; in a checkpoint, and enough to find it again."""
        data = self.dataset
        about: dict[str, Any] = {
            "dataset": {"name": data.name, "spec": data.spec, "shape": list(data.shape)},
            "classes": list(data.classes),
        }
        if data.validation:
            about["validation"] = {"name": data.validation.name, "spec": data.validation.spec}
        return about

    def beside(self, controls: C) -> dict[str, Array]:
        """What a model carries beside its network's weights, to be used alone; all names begin with BESIDE."""
        return {}

    def about_beside(self, controls: C) -> dict[str, Any]:
        """What there is to say of that."""
        return {}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Before a training goes on from a checkpoint, or its network is judged: take up what it carries."""

    @classmethod
    def controls_of(cls, checkpoint: Checkpoint) -> C:
        """As they were when it was saved. Those that this studio does not know are passed over."""
        known = {c.name for c in controls_of(cls.controls)}
        saved = dict(checkpoint.about.get("controls", {}))
        controls: C = edited(cls.controls(), {n: v for n, v in saved.items() if n in known})
        return controls

    @classmethod
    def check_kind(cls, checkpoint: Checkpoint) -> None:
        if checkpoint.kind != cls.kind:
            raise UserError(f"This is a model of kind {checkpoint.kind!r}, not a {cls.title}.")

    @classmethod
    def read_network(cls, checkpoint: Checkpoint) -> N:
        """The network of a checkpoint, ready for use, or a UserError in one sentence."""
        cls.check_kind(checkpoint)
        try:
            own = {name: array for name, array in checkpoint.model.items() if not name.startswith(BESIDE)}
            weights = tensors_of(own)
            with allowance(ROOM + 4 * sum(w.nbytes for w in weights.values())):
                network = cls.network(cls.controls_of(checkpoint))
            if weights.keys() != weights_of(network).keys():
                raise ValueError("its weights do not fit its controls")
            if not all(torch.isfinite(w).all() for w in weights.values()):
                raise ValueError("it holds numbers that are not finite")
            network.load_state_dict(weights, strict=False)
        except (
            KeyError,
            ValueError,
            TypeError,
            RuntimeError,
            MemoryError,
        ) as error:  # ControlError is a ValueError
            if is_out_of_memory(error):
                raise UserError("There is not enough memory for this model.") from None
            raise UserError(f"The model is damaged: {str(error).splitlines()[0].rstrip('.')}.") from None
        network.eval()
        return network

    @classmethod
    def info(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        """What `info` says of a checkpoint."""
        network = cls.read_network(checkpoint)
        return {
            "numbers": cls.count_numbers(network),
            "dataset": checkpoint.about.get("dataset"),
            **({"validation": validation} if (validation := checkpoint.about.get("validation")) else {}),
            f"held_out_{cls.unit}": checkpoint.about.get("best"),
        }

    @classmethod
    def count_numbers(cls, network: N) -> int:
        """How many numbers it learns."""
        return sum(p.numel() for p in network.parameters())


def rows_of(total: int, size: int) -> Iterator[slice]:
    """`total` examples, `size` at a time."""
    return (slice(start, min(start + size, total)) for start in range(0, total, size))
