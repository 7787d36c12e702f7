"""Named arrays in a safetensors file, written atomically and read with suspicion."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from ..errors import UserError
from ..files import check_file, write_atomically
from ..snapshot import Array

FORMAT = 1
MOST_BYTES = 2**34  # of a file: what is larger is no model of this studio, and would not fit in memory
KEY = "scalefree_studio"  # our place in the file's metadata: one JSON object


def pack(arrays: Mapping[str, Array], about: Mapping[str, Any] | None = None) -> bytes:
    metadata = {KEY: json.dumps({"format": FORMAT, **about})} if about is not None else None
    return save({name: np.asarray(a, order="C") for name, a in arrays.items()}, metadata)


def unpack(data: bytes) -> dict[str, Array]:
    return load(data)


def write_tensors(path: Path, arrays: Mapping[str, Array], about: Mapping[str, Any]) -> None:
    write_atomically(path, pack(arrays, about))


def read_tensors(path: Path, arrays: bool = True) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays, if they are wanted, and what is said about them, or a UserError in one sentence."""
    try:
        if (size := check_file(path, "model")) > MOST_BYTES:
            raise UserError(f"{path} has {size >> 30} GiB, more than a model may have.")
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if KEY not in metadata:
                raise UserError(f"{path} is a safetensors file, but not one that Scalefree Studio wrote.")
            about = json.loads(metadata[KEY])
            if not isinstance(about, dict) or not isinstance(about.get("format"), int):
                raise UserError(f"{path} does not say what it holds; it is damaged, or from another program.")
            if about["format"] > FORMAT:
                raise UserError(f"{path} was written by a newer Scalefree Studio; please update to open it.")
            return {name: file.get_tensor(name) for name in (file.keys() if arrays else ())}, about
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (
        SafetensorError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        MemoryError,
        RecursionError,
    ) as error:
        what = (
            "a picture, not a model"
            if _named_as_picture(path)
            else f"damaged or not a model: {_first_line(error)}"
        )
        raise UserError(f"{path} is {what}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or _first_line(error)}.") from None


def _named_as_picture(path: Path) -> bool:
    return (mimetypes.guess_type(path.name)[0] or "").startswith("image/")


def _first_line(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".")
