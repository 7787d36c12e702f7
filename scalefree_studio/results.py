"""What comes of a run, as objects of Python: a fitted picture, a trained network, pictures that it has drawn. In a
notebook each shows itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from .controls import edited, values_of
from .data.pictures import fitted, load_picture, pixels_of
from .data.sources import Dataset
from .data.validation import all_held
from .drawings import Drawing, left, lower, right, upper
from .errors import UserError
from .export.movie import movie_of_run
from .export.walls.wall import large_wall, write_wall
from .files import check_folder, passing_folder
from .jobs.dividers.controls import FitControls
from .jobs.dividers.saved import KIND as DIVIDERS
from .jobs.dividers.saved import SavedModel, read_model
from .jobs.drawing.controls import AT_ONCE, DrawControls
from .jobs.drawing.draw import DrawPictures
from .jobs.drawing.edits import EVERY, SetPrompt
from .jobs.instruments import draws, lesson_of, sampler_of
from .jobs.training.learnt import dataset_learnt, evaluation
from .models.dividers.network import count_numbers
from .models.dividers.render import Region, render_region
from .runs import Recording, add_scenes, choose_device, run_to_end
from .sizes import places_of, shape_of
from .snapshot import Array, Checkpoint
from .storage.run_folder import RunFolder, check_model_file
from .storage.tensors import write_tensors

# Of a picture, to be kept.
HALVES: dict[str, Callable[[tuple[int, int]], Any]] = {
    "top": upper, "left": left, "bottom": lower, "right": right,
}  # fmt: skip
SHOWN = 512  # pixels: the longer side of a picture in a notebook


def png_of(pixels: Array) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def _movie(folder: Path | None, path: str | Path, options: dict[str, Any]) -> Path:
    if folder is None:
        raise UserError(
            "Nothing was recorded; name a folder with out=, or load a run folder, to make a movie."
        )
    add_scenes()
    movie_of_run(RunFolder(folder), Path(path), **options)
    return Path(path)


class Dividers:
    """A fitted divider network: a picture without a resolution."""

    def __init__(
        self, model: SavedModel, steps: int = 0, seconds: float = 0.0, folder: str | Path | None = None
    ):
        self.model, self.steps, self.seconds = model, steps, seconds
        self.folder = None if folder is None else Path(folder)

    @classmethod
    def of(cls, checkpoint: Checkpoint, folder: str | Path | None = None) -> Dividers:
        model = read_model(checkpoint)
        return cls(model, checkpoint.step, float(checkpoint.about.get("seconds", 0)), folder)

    @property
    def controls(self) -> FitControls:
        return self.model.controls

    @property
    def numbers(self) -> int:
        """How many numbers the picture is made of."""
        return count_numbers(self.model.params)

    @property
    def psnr(self) -> float:
        """In dB, against the picture it learnt."""
        difference = self.render().astype(np.float64) - self.model.target.astype(np.float64)
        return float(-10 * np.log10(max((difference**2).mean() / 255**2, 1e-12)))

    def render(
        self, size: tuple[int, int] | int | str | None = None, border: float = 1.0, samples: int = 1
    ) -> Array:
        """The picture at a size (width, height), or as it was learnt, as bytes (height, width, 3); a border above 1
        shows what lies beyond the picture, samples above 1 smooth the edges."""
        shape = self.model.target.shape[:2]
        height, width = shape if size is None else shape_of(size)
        if min(width, height) < 1:
            raise UserError(f"A picture has at least one pixel along a side, not {width}x{height}.")
        region = Region.whole(shape, height, width, border)
        colours = render_region(self.model.params, region, width, height, self.controls.sharpness, samples)
        return (colours * 255).round().to(torch.uint8).cpu().numpy()

    def save(self, path: str | Path) -> None:
        """Write the model as one file."""
        check_model_file(Path(path))
        arrays = {name: tensor.cpu().numpy() for name, tensor in self.model.params.items()}
        arrays |= {"target": self.model.target, "unit_ids": self.model.unit_ids}
        about = {"step": self.steps, "seconds": self.seconds, "controls": values_of(self.controls)}
        write_tensors(Path(path), arrays, {"kind": DIVIDERS, **about})

    def movie(self, path: str | Path, **options: Any) -> Path:
        """How it was learnt; options as those of the command `movie`: size, fps, seconds, caption, overlay, …"""
        return _movie(self.folder, path, options)

    def __repr__(self) -> str:
        return f"<Dividers: {self.numbers:,} numbers, {self.psnr:.1f} dB after {self.steps:,} steps>"

    def _repr_png_(self) -> bytes:
        height, width = self.model.target.shape[:2]
        larger = SHOWN / max(height, width)
        return png_of(self.render((max(1, round(width * larger)), max(1, round(height * larger))), samples=2))


class Model:
    """Whatever draws place after place."""

    def __init__(self, checkpoint: Checkpoint, folder: str | Path | None = None):
        self.checkpoint = checkpoint
        self.folder = None if folder is None else Path(folder)

    @property
    def steps(self) -> int:
        return self.checkpoint.step

    def drawing(
        self,
        count: int = 16,
        *,
        size: tuple[int, int] | int | str | None = None,
        device: str = "auto",
        **controls: Any,
    ) -> DrawPictures:
        """The job of `draw`, not yet begun: see `watch`."""
        shape = None if size is None else places_of(size)
        asked = edited(DrawControls(count=count, speed=AT_ONCE), controls)
        return DrawPictures(sampler_of(self.checkpoint, choose_device(device), shape), asked)

    def draw(self, count: int = 16, *, progress: bool = False, **asked: Any) -> Pictures:
        """New pictures. Every control of a drawing is a keyword: temperature, top_p, label, seed, …, besides `size`
        (width, height) and `device`."""
        return Pictures.drawn(self.drawing(count, **asked), progress)

    def complete(
        self, image: Any, keep: Any = "top", count: int = 8, *, progress: bool = False, **asked: Any
    ) -> Pictures:
        """Ways to go on from a part of a picture: "top", "left", "bottom", "right", where a mask is white or where an
        array (h, w) is not 0."""
        job = self.drawing(count, **asked)
        pixels = load_picture(image).pixels if isinstance(image, str | Path) else pixels_of(image)
        stage = EVERY if len(job.sampler.stages) > 1 else 0
        name = Path(image).name if isinstance(image, str | Path) else ""
        job.apply(SetPrompt(keep=kept(keep, job.sampler.size), pixels=pixels, stage=stage, name=name))
        return Pictures.drawn(job, progress)

    def save(self, path: str | Path) -> None:
        """Write the model as one file."""
        check_model_file(Path(path))
        c = self.checkpoint
        write_tensors(Path(path), c.model, {"kind": c.kind, "step": c.step, **c.about})

    def __repr__(self) -> str:
        return f"<Model of kind {self.checkpoint.kind!r} after {self.steps:,} steps>"


class Network(Model):
    """A network that has learnt from a data set."""

    def __init__(
        self, checkpoint: Checkpoint, folder: str | Path | None = None, dataset: Dataset | None = None
    ):
        super().__init__(checkpoint, folder)
        self.lesson = lesson_of(checkpoint)
        self._dataset = dataset

    @property
    def controls(self) -> Any:
        return self.lesson.controls_of(self.checkpoint)

    def evaluate(
        self, dataset: str | None = None, data_root: str | Path | None = None, every: bool = False
    ) -> dict[str, Any]:
        """How good it is on the held-out examples of what it learnt from, or of another data set; or on `every` one."""
        data = self._dataset
        if data is None or dataset is not None:
            data = dataset_learnt(self.checkpoint, dataset, data_root)
        return evaluation(self.checkpoint, self.lesson(all_held(data) if every else data), choose_device())

    def movie(self, path: str | Path, **options: Any) -> Path:
        """How its samples got better; options as those of the command `movie`."""
        return _movie(self.folder, path, options)

    def __repr__(self) -> str:
        numbers = self.lesson.count_numbers(self.lesson.read_network(self.checkpoint))
        return f"<{self.lesson.title}: {numbers:,} numbers after {self.steps:,} steps>"

    def _repr_png_(self) -> bytes | None:
        return self.draw(16)._repr_png_() if draws(self.lesson.kind) else None


class Pictures:
    """Pictures that were drawn."""

    def __init__(self, job: DrawPictures, folder: str | Path | None = None):
        self.job = job
        self.folder = None if folder is None else Path(folder)
        self.pixels = Drawing(job.snapshot().frame, job.still()).pictures()  # (B, h, w, 3) bytes

    @classmethod
    def drawn(cls, job: DrawPictures, progress: bool = False) -> Pictures:
        run_to_end(job, bar="drawing" if progress else "")
        return cls(job)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: Any) -> Array:
        picture: Array = self.pixels[index]
        return picture

    @property
    def metrics(self) -> dict[str, float]:
        """How open its choices were, and how surprising, in bits per dimension."""
        return dict(self.job.snapshot().metrics)

    def save(self, path: str | Path) -> None:
        """All of them in one PNG."""
        if Path(path).suffix.lower() != ".png":
            raise UserError(f"A picture file ends in .png; {path} does not.")
        check_folder(Path(path))
        write_wall(self.pixels, Path(path))

    def movie(self, path: str | Path, **options: Any) -> Path:
        """How they came to be; options as those of the command `movie`. What was not recorded is drawn once more."""
        if self.folder is not None:
            return _movie(self.folder, path, options)
        with passing_folder() as place:
            run_to_end(self.job.again(), Recording(RunFolder(place), every=1, first=True))
            return _movie(place, path, options)

    def __repr__(self) -> str:
        count, height, width, _ = self.pixels.shape
        return f"<Pictures: {count} of {width}×{height}>"

    def _repr_png_(self) -> bytes:
        return png_of(large_wall(self.pixels))


def kept(keep: Any, size: tuple[int, int]) -> Array:
    """Which places (H, W) stay as they are: a half by its name, where a mask is white, or where an array is not 0."""
    if isinstance(keep, str) and keep in HALVES:
        half: Array = HALVES[keep](size)
        return half
    if not isinstance(keep, str | Path):
        keep = np.asarray(keep) != 0  # (h, w)
    elif not Path(keep).exists():
        raise UserError(
            f"What to keep is one of {', '.join(HALVES)}, or a mask file; there is no file {keep}."
        )
    pixels = load_picture(keep).pixels if isinstance(keep, str | Path) else keep
    white: Array = fitted(pixels, size, channels=1)[..., 0] > 127
    return white
