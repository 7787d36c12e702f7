"""The recipes that come along, as they are, but for how long they learn and of what: a few steps, a few pictures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalefree_studio.jobs.instruments import codec_of, sampler_of
from scalefree_studio.jobs.recipes.parse import parse, read_recipe
from scalefree_studio.recipes.found import shipped_recipes
from scalefree_studio.recipes.run import Running
from scalefree_studio.recipes.states import DONE
from scalefree_studio.storage.run_folder import load_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")


def test_three_come_along() -> None:
    assert set(shipped_recipes()) == {"vqvae-digits", "cascade-photographs", "next-scale-digits"}
    for file in shipped_recipes().values():
        assert read_recipe(file).title


@pytest.mark.parametrize("name", ["vqvae-digits", "cascade-photographs", "next-scale-digits"])
def test_each_comes_to_its_end(tmp_path: Path, name: str) -> None:
    text = shipped_recipes()[name].read_text()
    channels = 3 if name == "cascade-photographs" else 1
    for n, values in enumerate(np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)):
        file = tmp_path / "few" / "ab"[n % 2] / f"{n:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(file)
    text = re.sub(r'dataset = "\w+"', f'dataset = "few"\nchannels = {channels}', text)
    text = re.sub(r"(?m)^(steps|epochs) = \d+", "steps = 2\nbatch_size = 4", text)
    text = re.sub(r"(?m)(\nbatch_size = \d+)(?=.*\nsteps = 2\n)", "", text)
    text = re.sub(r"count = \d+", "count = 2", text).replace("columns = 10", "columns = 2")
    running = Running(parse(text, name, tmp_path), tmp_path / "out", data_root=tmp_path / "data")
    states = running.run()
    assert [state.state for state in states] == [DONE] * len(states)
    model = load_checkpoint(tmp_path / "out")  # alone, it knows how to draw and to decode
    sampler, codec = sampler_of(model), codec_of(model)
    height, width = codec.size
    assert model.kind == ("next-scale" if name.startswith("next") else "cascade")
    assert len(sampler.stages) == len(codec.grids())
    with Image.open(tmp_path / "out" / "pictures.png") as wall:
        assert wall.size[0] % (2 * width + 1) == 0 and wall.size[1] % height == 0
