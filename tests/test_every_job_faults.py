"""What every job promises when things go wrong: no memory, numbers that are none, a save that is interrupted."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from job_cases import HALF, Case, equal, finite, one_sentence, plain, run, same
from small_jobs import every_job
from torch.utils._python_dispatch import TorchDispatchMode

from scalefree_studio.errors import JobError
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import MODEL, TRAINER, RunFolder

# ---- Out of memory ----


NO_MEMORY: dict[str, Callable[[], Exception]] = {
    "cpu": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 137438953472 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "gpu": lambda: torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 128.00 GiB.\nGPU 0 has 4 GiB."
    ),
}


class Fault(TorchDispatchMode):
    """Within this, the operation of torch raises that is the n-th to take memory, or also all after it; without one,
    they are counted."""

    def __init__(self, error: Exception | None = None, at: int = 0, for_good: bool = False) -> None:
        super().__init__()
        self.error, self.at, self.count, self.for_good = error, at, 0, for_good

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        fresh = all(
            returned.alias_info is None for returned in func._schema.returns
        )  # not a view, not in place
        if fresh and isinstance(result, torch.Tensor) and result.numel() > 1:
            self.count += 1
            if self.error is not None and (self.count == self.at or (self.for_good and self.count > self.at)):
                raise self.error
        return result


def places(work: Callable[[], object]) -> list[int]:
    """Where in a piece of work memory is taken: the first time, the last, and some between."""
    with Fault() as counted:
        work()
    assert counted.count > 0
    return sorted({round(n) for n in np.linspace(1, counted.count, 4)})


@every_job
@pytest.mark.parametrize(("where", "steps"), [("cpu", 0), ("gpu", 1), ("cpu", 2)])
def test_a_step_without_memory_is_reported_and_the_job_goes_on(case: Case, where: str, steps: int) -> None:
    """Wherever in the step it happens; also in those steps that show something of what was learnt."""
    plain(case, steps + 1)  # what a process makes only once is there before anything is counted
    for at in places(run(case.make(), steps).step):
        job = run(case.make(), steps)
        before = job.step_count
        with Fault(NO_MEMORY[where](), at), pytest.raises(JobError, match="memory") as caught:
            job.step()
        one_sentence(caught.value)
        assert caught.value.__context__ is None, "what it holds on to is memory"
        finite(job)
        if job.step_count == before and case.exact:  # as if it had not been tried
            same(run(job, 1), plain(case, steps + 1))
        finite(run(job, 2))


@every_job
@pytest.mark.parametrize("where", NO_MEMORY)
def test_an_edit_without_memory_is_reported_and_changes_nothing(case: Case, where: str) -> None:
    counted = run(case.make(), HALF)
    for at in places(lambda: counted.apply(case.rebuild)):
        job = run(case.make(), HALF)
        with Fault(NO_MEMORY[where](), at, for_good=True), pytest.raises(JobError, match="memory") as caught:
            job.apply(case.rebuild)
        one_sentence(caught.value)
        same(job, plain(case, HALF))


@every_job
def test_a_bug_is_not_taken_for_a_lack_of_memory(case: Case) -> None:
    job = run(case.make(), HALF)
    bug = RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)")
    with Fault(bug, 1), pytest.raises(RuntimeError, match="mat1"):
        job.step()


# ---- Not a number ----


@every_job
def test_weights_that_are_not_a_number_are_reported(case: Case) -> None:
    job = run(case.make(), HALF)
    case.poison(job)
    message = ""
    for _ in range(100):
        try:
            job.step()
        except JobError as error:
            message = str(error)
            break
    one_sentence(message)
    assert "number" in message or "unstable" in message
    if case.recovers:
        finite(job)
        finite(run(job, 3))


@every_job
def test_what_is_kept_before_that_is_noticed_can_be_opened(case: Case, tmp_path: Path) -> None:
    job, folder = run(case.make(), HALF), RunFolder(tmp_path)
    case.poison(job)
    try:
        kept = job.checkpoint()
    except JobError:  # it is not worth keeping
        return
    folder.keep(kept)
    finite(case.resume(folder.checkpoint()))


# ---- Interrupted saving ----


def whole(case: Case, folder: RunFolder, kept: Checkpoint) -> None:
    """A run folder holds this checkpoint, and it can be gone on with."""
    loaded = folder.checkpoint()
    assert (loaded.kind, loaded.step) == (kept.kind, kept.step) and equal(loaded.model, kept.model)
    assert not loaded.trainer or equal(loaded.trainer, kept.trainer), "a trainer of another step"
    finite(run(case.resume(loaded), 1))


@every_job
@pytest.mark.parametrize("at", [1, 2])
def test_a_save_that_fails_leaves_a_whole_model(
    case: Case, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, folder, replace = run(case.make(), 2), RunFolder(tmp_path), os.replace
    old = job.checkpoint()
    folder.keep(old)
    new = run(job, 2).checkpoint()
    calls: list[Any] = []

    def full(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) == at:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        folder.keep(new)
    assert sorted(path.name for path in tmp_path.iterdir()) == [MODEL, TRAINER]
    whole(case, folder, old if at == 1 else new)
    folder.keep(new)
    whole(case, folder, new)


@every_job
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_save_that_is_killed_between_its_files_leaves_a_whole_model(case: Case, tmp_path: Path) -> None:
    job, folder, replace = run(case.make(), 2), RunFolder(tmp_path), os.replace
    folder.keep(job.checkpoint())
    new = run(job, 2).checkpoint()

    def killed(source: Any, target: Any) -> None:
        replace(source, target)
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        os.replace = killed
        try:
            folder.keep(new)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    whole(case, folder, new)
    folder.prepare()
    folder.keep(new)
    assert sorted(path.name for path in tmp_path.iterdir()) == [MODEL, TRAINER]
    assert folder.checkpoint().trainer.keys() == new.trainer.keys()
