"""The numbers of networks and optimizers, as arrays and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ...snapshot import Array

ADAM = {"step", "exp_avg", "exp_avg_sq"}  # what AdamW keeps of a parameter
AMSGRAD = ADAM | {"max_exp_avg_sq"}


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """All that a network has learnt: its parameters, and its buffers that are to be saved. These very tensors."""
    return {name: tensor.detach() for name, tensor in network.state_dict(keep_vars=True).items()}


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def arrays_of(tensors: Mapping[str, Tensor], prefix: str = "") -> dict[str, Array]:
    return {prefix + name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}


def tensors_of(arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    return {name: tensor_of(array) for name, array in arrays.items()}


def tensor_of(array: Array, like: Tensor | None = None) -> Tensor:
    """A tensor of these numbers; where and as `like` lies in memory: fused optimizers rely on it."""
    tensor = torch.from_numpy(np.array(array))
    if like is None:
        return tensor
    if tensor.shape != like.shape:
        raise ValueError(f"{tuple(tensor.shape)} where {tuple(like.shape)} should be")
    return torch.empty_like(like).copy_(tensor)


def optimizer_arrays(optimizer: torch.optim.Optimizer, network: nn.Module, prefix: str) -> dict[str, Array]:
    """What an optimizer keeps, by the names of the parameters."""
    arrays: dict[str, Array] = {}
    for name, parameter in network.named_parameters():
        state = {key: torch.as_tensor(value) for key, value in optimizer.state.get(parameter, {}).items()}
        arrays |= arrays_of(state, f"{prefix}{name}.")
    return arrays


def load_optimizer(
    optimizer: torch.optim.Optimizer, network: nn.Module, arrays: Mapping[str, Array], prefix: str
) -> None:
    """What it kept, or a ValueError: it does not look at shapes and names itself. Of AdamW we know them."""
    adamw = type(optimizer) is torch.optim.AdamW
    expected = {
        id(p): AMSGRAD if g.get("amsgrad") else ADAM for g in optimizer.param_groups for p in g["params"]
    }
    for name, parameter in network.named_parameters():
        begin = f"{prefix}{name}."
        saved = {key.removeprefix(begin): a for key, a in arrays.items() if key.startswith(begin)}
        if saved and adamw and (wrong := expected[id(parameter)] ^ saved.keys()):
            raise ValueError(f"{' and '.join(sorted(wrong))} of {name}")
        optimizer.state[parameter] = {
            key: _kept_of(key, array, parameter, strict=adamw) for key, array in saved.items()
        }


def _kept_of(key: str, array: Array, parameter: Tensor, strict: bool) -> Tensor:
    """Some optimizers keep sums of rows, or single numbers beside the count of steps."""
    if key == "step":
        return _count_of(array, parameter)
    if strict or array.shape == parameter.shape:
        return tensor_of(array, parameter)
    return tensor_of(array).to(parameter.device)


def _count_of(array: Array, parameter: Tensor) -> Tensor:
    return torch.tensor(float(array), dtype=torch.float32, device=parameter.device)
