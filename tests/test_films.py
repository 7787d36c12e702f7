"""Films and animations: evenly spaced frames of them are pictures to learn."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import psutil
import pytest
from PIL import Image

from scalefree_studio.data import films
from scalefree_studio.data.datasets import is_dataset_file, load_dataset
from scalefree_studio.data.films import read_film
from scalefree_studio.errors import UserError

STEP = 4  # of grey from frame to frame


def one_sentence(error: pytest.ExceptionInfo[UserError]) -> str:
    text = str(error.value)
    assert "\n" not in text and text.endswith(".") and ". " not in text
    return text


def write_film(path: Path, count: int = 60, **options: object) -> Path:
    """Frame n is of grey STEP · n."""
    frames = np.zeros((count, 32, 48, 3), np.uint8)
    frames += (STEP * np.arange(count, dtype=np.uint8))[:, None, None, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, frames, plugin="FFMPEG", fps=30, **options)
    return path


def write_animation(path: Path, count: int = 6) -> Path:
    frames = [Image.new("RGB", (16, 12), (40 * n, 255 - 40 * n, 0)) for n in range(count)]
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **lossless)
    return path


def numbers(pictures: list[np.ndarray]) -> list[int]:
    """Which frames these are, as their greys say; a film loses a little."""
    greys = np.array([picture.mean() for picture in pictures]) / STEP
    assert abs(greys - greys.round()).max() < 0.4
    return greys.round().astype(int).tolist()


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "webm", "mov"])
def test_every_frame_of_a_short_film_is_read_once_and_in_order(tmp_path: Path, ending: str) -> None:
    codec = (
        {"codec": "libvpx", "output_params": ["-crf", "4", "-b:v", "4M"]}
        if ending == "webm"
        else {"macro_block_size": 2}
    )
    film = read_film(write_film(tmp_path / f"a.{ending}", 20, **codec), (8, 8), None)
    assert numbers(film.frames) == list(range(20)) and film.all_frames == 20
    assert all(frame.shape == (8, 8, 3) and frame.dtype == np.uint8 for frame in film.frames)


@pytest.mark.parametrize(
    ("count", "most"), [(60, 60), (60, 59), (60, 13), (60, 29), (60, 30), (60, 4), (5, 2)]
)
def test_of_a_longer_film_frames_are_evenly_spaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, most: int
) -> None:
    monkeypatch.setattr(films, "MOST_FRAMES", most)
    film = read_film(write_film(tmp_path / "a.mp4", count), (4, 4), 1)
    found = numbers(film.frames)
    assert film.all_frames == count and len(found) == min(count, most) and found[0] == 0
    gaps = np.diff(found)
    assert gaps.min() >= 1 and gaps.max() <= 2 * gaps.min() and found[-1] >= count - 1 - gaps.max()


def test_how_many_are_kept_follows_from_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "MOST_BYTES", 10 * 8 * 8 * 3)
    path = write_film(tmp_path / "a.mp4")
    assert len(read_film(path, (8, 8), None).frames) == 10
    assert len(read_film(path, (4, 4), None).frames) == 40


def test_of_a_very_long_film_only_key_frames_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "a.mp4", 60, output_params=["-g", "12", "-sc_threshold", "0"])
    monkeypatch.setattr(films, "MOST_DECODED", 50)
    film = read_film(path, (4, 4), None)
    assert numbers(film.frames) == [0, 12, 24, 36, 48] and film.all_frames == 60
    monkeypatch.setattr(films, "MOST_DECODED", 3)
    assert numbers(read_film(path, (4, 4), None).frames) == [0, 12, 24]  # and no more than so many of them


@pytest.mark.parametrize("ending", ["gif", "webp", "tif"])
def test_animations_are_read_to_the_frame(tmp_path: Path, ending: str) -> None:
    path = write_animation(tmp_path / f"a.{ending}")
    found = load_dataset(path, size=4)
    frames = read_film(path, (4, 4), None)
    assert frames.all_frames == len(found.train) + len(found.held) == 6 and found.classes == ("a",)
    for n, frame in enumerate(frames.frames):
        assert abs(frame.astype(int) - (40 * n, 255 - 40 * n, 0)).max() <= 8  # a GIF has 256 colours
    assert not is_dataset_file(path)  # a window opens it as a picture


def test_pages_in_grey_stay_grey(tmp_path: Path) -> None:
    pages = [Image.new("L", (9, 9), 30 * n) for n in range(4)]
    pages[0].save(tmp_path / "a.tiff", save_all=True, append_images=pages[1:])
    found = load_dataset(tmp_path / "a.tiff", size=3)
    assert found.shape == (3, 3, 1)
    Image.new("L", (9, 9)).save(tmp_path / "b.tiff")
    with pytest.raises(UserError, match="one picture") as error:
        load_dataset(tmp_path / "b.tiff")
    one_sentence(error)


def test_a_film_is_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_film(tmp_path / "my film.mp4")
    seen: list[tuple[str, int, int]] = []
    found = load_dataset(path, size=6, progress=lambda *what: seen.append(what))
    assert (
        found.name == "my film"
        and found.classes == ("my film",)
        and found.shape == (6, 6, 3)
        and not found.notes
    )
    assert len(found.train) == 50 and len(found.held) == 10 and is_dataset_file(path)
    assert seen == [("Reading my film.mp4", n, 60) for n in range(1, 61)]
    monkeypatch.setattr(films, "MOST_FRAMES", 20)
    assert load_dataset(path).notes == ("Learning from 20 of 60 frames of my film.mp4.",)


def test_a_folder_may_have_films_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "MOST_FRAMES", 4)
    write_film(tmp_path / "one.mp4", 8)
    Image.new("RGB", (9, 9)).save(tmp_path / "still.png")
    write_animation(tmp_path / "a.gif")
    alone = load_dataset(tmp_path, size=4)
    assert (
        alone.classes == (tmp_path.name,) and len(alone.train) + len(alone.held) == 6
    )  # of a GIF the first frame
    write_film(tmp_path / "two.mkv", 6)
    write_film(tmp_path / "cats" / "three.mp4", 6)
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "one.mp4").read_bytes()[:500])
    several = load_dataset(tmp_path, size=4)
    assert several.classes == tuple(sorted((tmp_path.name, "one", "two", "cats")))
    assert several.skipped == 1 and several.skipped_names == ("cut.mp4",)
    assert several.notes == (
        "1 of 6 pictures could not be read: cut.mp4.",
        "Learning from 12 of 20 frames of 3 films.",
    )
    (tmp_path / "a.csv").write_text("image_path,label\none.mp4,film\nstill.png,\n")
    listed = load_dataset(tmp_path / "a.csv", size=4)
    assert listed.classes == ("a", "film") and len(listed.train) + len(listed.held) == 5


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.gif", "a.webp", "a.tif"])
def test_damaged_and_hostile_films_get_one_sentence(tmp_path: Path, name: str) -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"
    listing = f"ffconcat version 1.0\nfile '{write_film(tmp_path / 'other.mp4')}'\n".encode()
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    for data in (b"", b"hello", playlist, listing, script, b"GIF89a" + b"\xff" * 40):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match="not a readable film") as error:
            load_dataset(tmp_path / name)
        assert str(tmp_path / name) in one_sentence(error)


def test_a_film_that_is_cut_short_gives_what_is_there_or_one_sentence(tmp_path: Path) -> None:
    whole = write_film(tmp_path / "a.mkv").read_bytes()
    for share in (0.7, 0.9):
        (tmp_path / "a.mkv").write_bytes(whole[: int(share * len(whole))])
        film = read_film(tmp_path / "a.mkv", (4, 4), None)
        assert numbers(film.frames) == list(range(len(film.frames))) and 0 < len(film.frames) < 60
    index_at_the_end = write_film(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(index_at_the_end[: len(index_at_the_end) // 2])
    with pytest.raises(UserError) as error:
        read_film(tmp_path / "a.mp4", (4, 4), None)
    one_sentence(error)


def test_frames_of_absurd_size_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "MOST_PIXELS", 100)
    monkeypatch.setattr(films, "CAUTION", tuple("100" if c.isdigit() else c for c in films.CAUTION))
    for path in (write_film(tmp_path / "a.mp4"), write_animation(tmp_path / "a.gif")):
        with pytest.raises(UserError) as error:
            read_film(path, (4, 4), None)
        one_sentence(error)


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_reading_can_be_cancelled_and_leaves_no_process(tmp_path: Path, name: str) -> None:
    path = write_film(tmp_path / name) if name.endswith("mp4") else write_animation(tmp_path / name)

    class CancelledError(Exception):
        pass

    def progress(_: str, done: int, total: int) -> None:
        if done == 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        load_dataset(path, progress=progress)
    assert not [child for child in psutil.Process().children(recursive=True) if "ffmpeg" in child.name()]
