"""Trainings of codes as movies and pictures, without a screen."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from job_cases import run
from small_jobs import JOBS

from scalefree_studio.errors import UserError
from scalefree_studio.export.codes.scene import CodesScene
from scalefree_studio.export.codes.sheet import parts_of, sheet_of
from scalefree_studio.export.movie import movie_of_run
from scalefree_studio.runs import Recording, add_scenes, recorders
from scalefree_studio.snapshot import Checkpoint, Snapshot
from scalefree_studio.storage.run_folder import RunFolder


@pytest.mark.parametrize("name", ["vqvae", "vqvae-scales", "codebook", "autoencoder"])
def test_a_recorded_training_shows_what_the_window_shows(name: str) -> None:
    job = run(JOBS[name].make(), 7)
    shot, checkpoint = job.snapshot(), job.checkpoint()
    scene = CodesScene(checkpoint, shot)
    parts = parts_of(shot.frame, job.still())  # with the held-out pictures, which a frame has not
    assert len(parts) == {"vqvae": 2, "vqvae-scales": 3, "codebook": 3, "autoencoder": 1}[name]
    np.testing.assert_array_equal(scene.draw(0.5, shot), sheet_of(parts, scene.size))
    empty = Snapshot(shot.kind, 0, 0.0, {})
    assert scene.draw(0.0, empty).shape == (scene.size[1], scene.size[0], 3)
    assert scene.between(empty, shot, 0.4) is empty and scene.between(empty, shot, 0.6) is shot
    heat = CodesScene(checkpoint, shot, (300, 100), overlay=True)
    assert heat.size == (300, 100) and heat.draw(0.0, shot).shape == (100, 300, 3)
    if name != "autoencoder":
        plain = CodesScene(checkpoint, shot, (300, 100)).draw(0.0, shot)
        assert (heat.draw(0.0, shot) != plain).any()


def test_codes_that_nobody_arranged_lie_in_a_square() -> None:
    tiles = np.arange(5 * 2 * 2 * 3, dtype=np.uint8).reshape(5, 2, 2, 3)
    last = Snapshot("vqvae", 1, 0.0, {"tiles.0": tiles, "wall": np.zeros((1, 4, 4, 1), np.uint8)})
    scene = CodesScene(Checkpoint("vqvae", 1, {}, {}), last, (40, 20))
    assert scene.draw(0.0, last).shape == (20, 40, 3)
    with pytest.raises(UserError, match="Nothing was recorded"):
        CodesScene(Checkpoint("vqvae", 1, {}, {}), Snapshot("vqvae", 1, 0.0, {}))


def test_a_movie_of_a_run(tmp_path: Path) -> None:
    job, folder = JOBS["vqvae"].make(), RunFolder(tmp_path / "run")
    consumers = recorders(job, Recording(folder), lambda _: None)
    for _ in range(6):
        job.step()
        for consumer in consumers:
            if consumer.wants(job.step_count):
                consumer.show(job.snapshot())
    for consumer in consumers:
        consumer.close(job.snapshot())
    folder.keep(job.checkpoint())
    add_scenes()
    made = movie_of_run(folder, tmp_path / "codes.gif", size=(120, 60), pause=0.0)
    frames = imageio.imread(tmp_path / "codes.gif")
    assert made.frames >= 2 and frames.shape[1:3] == (60, 120)
    assert (frames[-1] != frames[-1][0, 0]).any()
