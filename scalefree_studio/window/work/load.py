"""What the studio takes of the machine, and how fast it goes: measured, not guessed."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

LONG_ENOUGH = 1.0  # seconds of work between two readings of the rate


def memory() -> int:
    """Bytes of this process that are in memory now; where the system does not say, the most there ever were."""
    return MEMORY.get(sys.platform, _most_memory)()


def _linux_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _most_memory() -> int:
    resource = importlib.import_module("resource")  # not on Windows
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS


def _windows_memory() -> int:
    class Counters(ctypes.Structure):
        _fields_ = (
            ("size", ctypes.c_ulong), ("faults", ctypes.c_ulong), ("peak", ctypes.c_size_t), ("now", ctypes.c_size_t),
            ("rest", ctypes.c_size_t * 6),
        )  # fmt: skip

    counters = Counters()
    counters.size = ctypes.sizeof(counters)
    windll: Any = getattr(ctypes, "windll")  # noqa: B009 - only on Windows
    process = ctypes.c_void_p(windll.kernel32.GetCurrentProcess())
    windll.psapi.GetProcessMemoryInfo(process, ctypes.byref(counters), counters.size)
    return int(counters.now)


MEMORY = {"linux": _linux_memory, "win32": _windows_memory}


def gpu_memory() -> int:
    """Bytes of the GPU that this process holds."""
    return torch.cuda.memory_reserved() if torch.cuda.is_initialized() else 0


def device_name(device: str) -> str:
    """CPU, or which GPU."""
    if not device.startswith("cuda"):
        return "CPU"
    return torch.cuda.get_device_name().removeprefix("NVIDIA ").removeprefix("GeForce ")


@dataclass
class Rate:
    """Steps a second of learning or drawing: how many were made between two readings, of a clock that pauses stop."""

    step: int = 0
    seconds: float = 0.0
    now: float | None = None

    def read(self, step: int, seconds: float) -> float | None:
        """The rate; None until it is known, and after a start over."""
        if step < self.step or seconds < self.seconds:
            self.step, self.seconds, self.now = step, seconds, None
        elif seconds - self.seconds >= LONG_ENOUGH:
            self.now = (step - self.step) / (seconds - self.seconds)
            self.step, self.seconds = step, seconds
        return self.now


def in_words(device: str, rate: float | None, unit: str, bytes_: int, gpu: int = 0) -> str:
    """CPU · 1,204 steps/s · 640 MB"""
    parts = [device_name(device)]
    if rate is not None:
        parts.append(f"{rate:,.0f} {unit}/s" if rate >= 9.5 else f"{rate:.2g} {unit}/s")
    parts.append(size_in_words(bytes_) + (f", GPU {size_in_words(gpu)}" if gpu else ""))
    return " · ".join(parts)


def size_in_words(bytes_: int) -> str:
    """640 MB, 3.2 GB."""
    return f"{bytes_ / 1e9:.1f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:.0f} MB"
