"""Makes the moving picture of the README: `make film`. It is put together of what the studio itself exports."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageSequence

from scalefree_studio.data.pictures import load_picture
from scalefree_studio.export.dividers.overlay import draw_overlay, stroke_of
from scalefree_studio.export.dividers.picture import draw
from scalefree_studio.export.dividers.scene import Zoom
from scalefree_studio.models.dividers.network import params_from_arrays
from scalefree_studio.models.dividers.render import Region
from scalefree_studio.snapshot import Bytes, Snapshot
from scalefree_studio.storage.run_folder import RunFolder

ROOT = Path(__file__).parent.parent
FILM = ROOT / "assets" / "pictures" / "studio.webp"
LARGEST = 3_000_000  # bytes: who opens the README has it at once
WIDTH, HEIGHT, STRIP = 720, 408, 44  # pixels; the strip at the bottom is for words
GROUND, INK, SOFT = (15, 19, 24), (228, 232, 237), (150, 160, 172)
FPS, FADE = 12, 5  # frames a second; frames from one scene to the next
QUALITIES = (80, 72, 64, 56, 48, 40)  # of WebP, the first that is small enough …
SOME = 12  # … judged by every so many frames
GAP = 8
PHOTO = "photo:astronaut"
NEAR = Zoom(-0.12, -0.52, 40.0)  # a cheek

Frames = Iterator[Image.Image]


def studio(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "scalefree_studio", *map(str, arguments)], check=True, cwd=ROOT)


def framed(pixels: Bytes, title: str, words: str) -> Image.Image:
    """A frame: what the studio has drawn, and below it what one sees."""
    page = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
    image = Image.fromarray(pixels)
    page.paste(image, ((WIDTH - image.width) // 2, (HEIGHT - STRIP - image.height) // 2))
    paint, middle = ImageDraw.Draw(page), HEIGHT - STRIP / 2
    paint.text((GAP * 2, middle), title, INK, ImageFont.load_default(18), anchor="lm")
    paint.text((WIDTH - GAP * 2, middle), words, SOFT, ImageFont.load_default(15), anchor="rm")
    return page


def lines(work: Path) -> Frames:
    """A divider network: its lines over the photograph, and what it has learnt of it; then nearer and nearer."""
    run, side = work / "lines", HEIGHT - STRIP - GAP
    studio("fit", PHOTO, "--lines", 64, "--seconds", 40, "--out", run)
    photo = np.asarray(
        Image.fromarray(load_picture(PHOTO).pixels).resize((side, side), Image.Resampling.LANCZOS)
    )
    history = RunFolder(run).history()
    index = [id for id, _ in history.index()]
    whole, stroke = Region.whole((side, side), side, side), stroke_of(side, side)

    def pair(snapshot: Snapshot, region: Region) -> Bytes:
        params = params_from_arrays(snapshot.frame)
        target = photo.copy() if region is whole else _seen(photo, region)
        draw_overlay(target, snapshot.frame, region, stroke)
        learned = draw(params, region, side, side, samples=2)
        gap = np.full((side, GAP, 3), GROUND, np.uint8)
        return np.hstack([target, gap, learned])

    def words(snapshot: Snapshot) -> str:
        return f"64 lines   step {snapshot.step:,}   {snapshot.metrics['psnr']:.1f} dB"

    count = 4 * FPS
    for n in range(count):  # much happens at first
        shown = history.frame(index[round((n / (count - 1)) ** 2 * (len(index) - 1))])
        yield framed(pair(shown, whole), "Lines find a picture …", words(shown))
    last = history.frame(index[-1])
    for n in range(2 * FPS):
        region = NEAR.region(whole, n / (2 * FPS - 1))
        yield framed(
            pair(last, region), "… that has no pixels", f"{whole.pixel / region.pixel:.0f} times as near"
        )
    history.close()


def _seen(photo: Bytes, region: Region) -> Bytes:
    """A part of the photograph, every pixel a square."""
    side = len(photo)
    at = (np.arange(side) - (side - 1) / 2) * region.pixel
    rows, columns = (((at + c + 1) / 2 * side).astype(int).clip(0, side - 1) for c in (region.y, region.x))
    return np.ascontiguousarray(photo[rows[:, None], columns])


def drawn(run: Path, seconds: float, title: str, words: str) -> Frames:
    """What was recorded of a drawing."""
    film, still = run.with_suffix(".tif"), 1.0
    size = f"{WIDTH - 2 * GAP}x{HEIGHT - STRIP - GAP}"
    studio(
        "movie", run, film, "--size", size, "--fps", FPS, "--seconds", seconds - still, "--pause", still
    )  # fmt: skip
    with Image.open(film) as pages:
        for page in ImageSequence.Iterator(pages):
            yield framed(np.asarray(page.convert("RGB")), title, words)


def digits(work: Path) -> Frames:
    studio("sample", "model:mnist", work / "a.png", "--count", 72, "--seed", 4, "--run", work / "digits")
    yield from drawn(work / "digits", 3, "Digits, drawn pixel by pixel", "PixelCNN")


def completed(work: Path) -> Frames:
    studio(
        "complete", "model:pixels-photographs", "photo:coffee", "photo:cat", work / "b.png", "--cut", 512,
        "--temperature", "0.8,0.9,1.0", "--top-p", 0.98, "--run", work / "completed",
    )  # fmt: skip
    yield from drawn(work / "completed", 3, "Pictures, completed from their top half", "Pixel transformers")


def cascade(work: Path) -> Frames:
    studio("sample", "model:cascade-sea", work / "c.png", "--count", 21, "--seed", 2, "--run", work / "sea")
    yield from drawn(work / "sea", 3.5, "Sea and sky, from coarse to fine", "Token transformers")


SCENES = {"lines": lines, "digits": digits, "completed": completed, "cascade": cascade}


def faded(scenes: list[list[Image.Image]]) -> list[Image.Image]:
    """One after the other, each growing out of the one before; the first out of the last, as it goes on for ever."""
    film: list[Image.Image] = []
    for n, scene in enumerate(scenes):
        before = scenes[n - 1][-1].copy()
        strip = (0, HEIGHT - STRIP, WIDTH, HEIGHT)
        before.paste(scene[0].crop(strip), strip)  # words in words cannot be read
        film += [Image.blend(before, scene[0], (k + 1) / (FADE + 1)) for k in range(FADE)] + scene
    return film


def keep(film: list[Image.Image], path: Path) -> None:
    """As well as it can be kept in so many bytes, judged by some of its frames."""
    quality = next((q for q in QUALITIES if _weight(film[::SOME], q) * SOME < 0.95 * LARGEST), QUALITIES[-1])
    film[0].save(
        path, save_all=True, append_images=film[1:], duration=round(1000 / FPS), loop=0, quality=quality, method=2
    )  # fmt: skip
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} has {path.stat().st_size:,} bytes: make it shorter.")


def _weight(frames: list[Image.Image], quality: int) -> int:
    """In bytes, each by itself; in a film they take less."""
    files = [io.BytesIO() for _ in frames]
    for frame, file in zip(frames, files, strict=True):
        frame.save(file, "WEBP", quality=quality, method=2)
    return sum(len(file.getvalue()) for file in files)


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(SCENES)
    with tempfile.TemporaryDirectory() as folder:
        keep(faded([list(SCENES[name](Path(folder))) for name in wanted]), FILM)
