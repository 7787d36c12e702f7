"""What is seen inside of a transformer while a picture passes, and what it is without some of its heads."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .attention import Attention

Network = TypeVar("Network", bound=nn.Module)


class EnoughError(Exception):
    """All that was to be seen of a pass has been seen."""


@contextlib.contextmanager
def watched(layers: Sequence[nn.Module], keep: Callable[[Any, Any], None]) -> Iterator[None]:
    """Within this, `keep` gets each of these layers and what goes into it. What is passed within ends at the last."""
    seen = 0

    def count(layer: nn.Module, inputs: Any) -> None:
        nonlocal seen
        keep(layer, inputs)
        seen += 1
        if seen == len(layers):
            raise EnoughError

    hooks = [layer.register_forward_pre_hook(count) for layer in layers]
    try:
        with torch.inference_mode(), contextlib.suppress(EnoughError):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def attentions(network: nn.Module) -> list[Attention]:
    """All there are in it, in their order."""
    return [module for module in network.modules() if isinstance(module, Attention)]


def without_heads(network: Network, off: Tensor) -> Network:
    """The same network without the heads that are marked, (layers, H), of its blocks: both share all that was
    learnt."""
    other = copy.deepcopy(network, {id(p): p for p in network.parameters()})
    for block, heads in zip(other.get_submodule("blocks").children(), off, strict=True):
        for attention in attentions(block):
            attention.heads_on.copy_(~heads)
    return other
