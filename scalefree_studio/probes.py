"""What `doctor` tries, each in a process of its own: prints what it finds as one line of JSON."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

NEEDED = (
    "torch",
    "numpy",
    "vispy",
    "PIL",
    "imageio",
    "imageio_ffmpeg",
    "safetensors",
    "skimage",
    "sklearn",
    "tqdm",
)


def show(part: str) -> None:
    """The answer of a part; what it prints itself goes to stderr."""
    sys.stdout, answer = sys.stderr, sys.stdout
    found = PROBES[part]()
    print(json.dumps(found), file=answer, flush=True)


def packages() -> dict[str, Any]:
    broken = {}
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever it is, it is told
            broken[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return {"broken": broken}


def torch() -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "gpu": "",
        "why": "",
        "cuda": torch.version.cuda or "",
    }
    assert float((torch.ones(8, 8) @ torch.ones(8, 8)).sum()) == 512
    if not torch.cuda.is_available():
        return found
    try:
        one = torch.ones(8, 8, device="cuda")
        assert float((one @ one).sum()) == 512
        found["gpu"] = torch.cuda.get_device_name()
        found["memory"] = torch.cuda.get_device_properties(0).total_memory
    except Exception as error:  # an old card, a driver that does not fit
        found["why"] = str(error).splitlines()[0]
    return found


def window() -> dict[str, Any]:
    from .window.shell.probe import look  # only here: the rest is asked without Qt

    return look()


def places() -> dict[str, Any]:
    from .window.shell.probe import places

    return places()


def ffmpeg() -> dict[str, Any]:
    import imageio_ffmpeg
    import numpy as np

    from .export.video import VideoWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movie.mp4"
        with VideoWriter(path, 32, 32) as movie:
            for grey in (0, 255):
                movie.write(np.full((32, 32, 3), grey, np.uint8))
        assert path.stat().st_size > 0
    return {
        "version": f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}",
        "path": imageio_ffmpeg.get_ffmpeg_exe(),
    }


PROBES: dict[str, Callable[[], dict[str, Any]]] = {
    "packages": packages, "torch": torch, "window": window, "places": places, "ffmpeg": ffmpeg,
}  # fmt: skip
