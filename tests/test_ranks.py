"""Several ranks of one training: the same numbers as one process alone, one voice, and one end for all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from command_line import ALONE, last_json, recorded, wait_until
from ranks_at_work import (
    BATCHES,
    RESIDUAL,
    STEPS,
    TRANSFORMERS,
    TROUBLED,
    job_of,
    learn,
    quantiser,
    som,
    transformer,
)
from small_quantisers import KINDS
from small_training import FLAGS

from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.training.ranks import Ranks
from scalefree_studio.models.codebooks.som import RULES
from scalefree_studio.storage.run_folder import RunFolder, load_checkpoint

TORCHRUN = [
    sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--log-dir", "said",
]  # fmt: skip
TRAIN = ["train", "pixelcnn", *FLAGS, "--batch-size", "7", "--wall-every", "4", "--json"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def torchrun(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Two ranks; afterwards they are gone, whatever has happened."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*TORCHRUN, *map(str, arguments)], env=ALONE, stdout=pipe, stderr=pipe, text=True
    ) as p:
        try:
            yield p
        finally:
            p.terminate()  # which it hands on


def two_ranks(*arguments: object) -> tuple[int, str, str]:
    with torchrun(*arguments) as process:
        out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def said(err: str) -> list[str]:
    """The sentences of the program itself, among those of torchrun."""
    return [line for line in err.splitlines() if "scalefree-studio:" in line]


def rank(process: subprocess.Popen[str], number: int) -> psutil.Process:
    ranks = psutil.Process(process.pid).children()
    return next(r for r in ranks if r.environ()["RANK"] == str(number))


# --- What a rank is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 2, 7, 8, 32])
def test_slices_make_up_the_batch(count: int, size: int) -> None:
    batch = np.arange(100, 100 + size)
    slices = [Ranks(rank, count).slice(batch) for rank in range(count)]
    assert np.concatenate([mine for mine, share in slices if share]).tolist() == batch.tolist()
    for mine, share in slices:
        assert len(mine) and share * size == pytest.approx(len(mine) if share else 0)


def test_every_rank_and_every_step_has_random_numbers_of_its_own() -> None:
    def drawn(rank: int, seed: int, step: int) -> float:
        Ranks(rank, 2).seed(seed, step)
        return float(torch.rand(()))

    places = [(rank, seed, step) for rank in range(2) for seed in range(2) for step in range(3)]
    numbers = [drawn(*place) for place in places]
    assert numbers == [drawn(*place) for place in places]
    assert len(set(numbers)) == len(places)


def test_alone_a_rank_has_nobody_to_ask() -> None:
    alone, numbers = Ranks(), torch.tensor([1.5, 2.5])
    alone.add_up([numbers])
    assert numbers.tolist() == [1.5, 2.5] and alone.first
    assert alone.agree(True) and not alone.agree(False) and alone.as_first(0.1) == 0.1
    with pytest.raises(UserError, match="not so"), alone.together():
        raise UserError("not so")


# --- Two of them ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, np.ndarray]]:
    """What two ranks have learnt: see ranks_at_work.py."""
    path = tmp_path_factory.mktemp("ranks") / "told.npz"
    code, _, err = two_ranks(Path(__file__).with_name("ranks_at_work.py"), path)
    assert code == 0, err
    with np.load(path) as arrays:
        yield dict(arrays)


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("batch", BATCHES)
def test_two_ranks_learn_what_one_does(
    batch: str, told: dict[str, np.ndarray], double_precision: None
) -> None:
    alone = learn(job_of(Ranks(), batch_size=BATCHES[batch]))
    assert np.isfinite(alone["held"]) and len(alone["losses"]) == STEPS
    for name, array in alone.items():
        np.testing.assert_allclose(told[f"{batch}.{name}"], array, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_two_ranks_teach_a_transformer_what_one_does(
    name: str, told: dict[str, np.ndarray], double_precision: None
) -> None:
    alone = learn(transformer(Ranks(), name))
    assert np.isfinite(alone["held"]) and alone["losses"][-1] < alone["losses"][0]
    for what, array in alone.items():
        np.testing.assert_allclose(told[f"{name}.{what}"], array, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_two_ranks_have_the_codes_that_one_has(
    name: str, told: dict[str, np.ndarray], double_precision: None
) -> None:
    assert told[f"quantiser {name}.apart"] == 0
    known = name in RESIDUAL
    alone, begin = quantiser(Ranks(), name, known), "known" if known else "quantiser"
    for what, array in alone.items():
        np.testing.assert_allclose(told[f"{begin} {name}.{what}"], array, rtol=1e-9, atol=1e-12)
    assert name == "fsq" or (told[f"quantiser {name}.revived"] > 1).any()


@pytest.mark.parametrize("rule", RULES)
def test_two_ranks_have_the_map_that_one_has(
    rule: str, told: dict[str, np.ndarray], double_precision: None
) -> None:
    assert told[f"som {rule}.apart"] == 0
    for what, array in som(Ranks(), rule).items():
        np.testing.assert_allclose(told[f"som {rule}.{what}"], array, rtol=1e-9, atol=1e-12)


def test_with_dropout_two_ranks_go_on_exactly(told: dict[str, np.ndarray]) -> None:
    for name in ("held", "weights"):
        assert (told[f"resumed.again.{name}"] == told[f"resumed.whole.{name}"]).all()
    assert (told["resumed.again.losses"] == told["resumed.whole.losses"][4:]).all()


def test_where_one_runs_out_of_memory_all_say_so_and_no_batch_is_lost(told: dict[str, np.ndarray]) -> None:
    assert told["troubled.told"].tolist() == ["Rank 1: out of memory here"]  # as the first of them hears it
    assert (told["troubled.losses"] == told["odd.losses"][3:]).all()
    assert (told["troubled.weights"] == told["odd.weights"]).all()


@pytest.mark.parametrize("place", TROUBLED)
def test_wherever_memory_runs_out_nobody_waits_and_the_same_is_learnt(
    place: str, told: dict[str, np.ndarray]
) -> None:
    (sentence,) = told[f"troubled at {place}.told"].tolist()
    assert "ut of memory" in sentence
    assert (told[f"troubled at {place}.weights"] == told["odd.weights"]).all()
    assert told[f"troubled at {place}.held"] == told["odd.held"]


def test_all_stop_at_the_same_step_and_have_the_same_time(told: dict[str, np.ndarray]) -> None:
    first, second = told["stopped.ends"]
    assert first.tolist() == second.tolist() and first[0] == 3


# --- As commands ----------------------------------------------------------------------------------------------


def losses(run: str) -> dict[int, float]:
    with RunFolder(run).history() as history:
        return {s.step: s.metrics["loss"] for s in history.frames() if s.metrics.get("loss")}


def test_two_ranks_go_on_with_the_run_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--steps", "5", "--out", "alone"]) == 0
    shutil.copytree("alone", "two")
    resume = ["train", "pixelcnn", "--json", "--steps", "12", "--resume", "--out"]
    assert main([*resume, "alone"]) == 0
    alone = last_json(capsys.readouterr().out)
    code, out, err = two_ranks("-m", "scalefree_studio", *resume, "two")
    assert code == 0, err
    assert len(out.splitlines()) == 1 and err.count("Learning from") == 1, "one of them speaks"
    told = last_json(out)
    assert told["steps"] == 12
    assert told["nats_per_dimension"] == pytest.approx(alone["nats_per_dimension"], rel=1e-4)
    assert losses("two").keys() == set(range(1, 13))
    assert losses("two") == pytest.approx(losses("alone"), rel=1e-4)
    assert sorted(os.listdir("two")) == sorted(os.listdir("alone"))


@pytest.mark.parametrize("whom", ["one rank", "torchrun"])
def test_sigterm_stops_all_and_saves(whom: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with torchrun("-m", "scalefree_studio", *TRAIN, "--steps", 10_000_000, "--out", run) as process:
        wait_until(lambda: recorded(run) > 2, process)
        if whom == "one rank":
            rank(process, 1).send_signal(signal.SIGTERM)
        else:
            process.send_signal(signal.SIGTERM)  # which hands it on, and says itself that it was told so
        out, err = process.communicate(timeout=100)
    assert process.returncode == 0 or whom == "torchrun", err
    assert load_checkpoint(run).step == last_json(out)["steps"] > 0 and not said(err)


def test_when_a_rank_dies_the_first_says_so_and_the_model_is_whole(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main([*TRAIN, "--steps", "3", "--out", str(run)]) == 0
    before = recorded(run)
    resume = ["train", "pixelcnn", "--resume", "--out", run, "--steps", 10_000_000]
    with torchrun("-m", "scalefree_studio", *resume) as process:
        wait_until(lambda: recorded(run) > before, process)
        rank(process, 1).kill()
        _, err = process.communicate(timeout=100)
    assert process.returncode != 0
    assert len(said(err)) == 1
    assert load_checkpoint(run).step > 3 and load_checkpoint(run).trainer


def test_bad_input_gets_one_sentence_from_one_rank() -> None:
    code, out, err = two_ranks("-m", "scalefree_studio", *TRAIN, "--dataset", "nothing")
    assert code != 0 and not out and len(said(err)) == 1 and "'nothing'" in said(err)[0]
    assert not os.path.exists("output")


@pytest.mark.parametrize("number", [0, 1])
def test_bad_flags_too(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are found before the ranks know of each other."""
    monkeypatch.setattr("scalefree_studio.cli.SPEAKING", 0.0)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a run")
    monkeypatch.setenv("RANK", str(number))
    assert main([*TRAIN, "--nonsense"]) == 2
    assert len(said(capsys.readouterr().err)) == 1 - number
