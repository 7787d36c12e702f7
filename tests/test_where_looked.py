"""Where it looked, in a window: light over the picture, small maps, and what is drawn without some heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from driven_drawings import draw, hardly_learnt, shown, the_job
from driving import Driven
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtTest import QTest
from small_pixels import H, W, checkpoint

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.views.head_maps import GAP, HeadMaps
from scalefree_studio.window.views.looked import (
    DIFFERENCE,
    DRAWN,
    LESS,
    MORE,
    SAME,
    WITHOUT,
    Choice,
    Compared,
    boards,
    brightness,
    light,
    lit,
    looked_in,
    looked_in_words,
    strongest,
)
from scalefree_studio.window.views.where_looked import NOT_RECORDED, NOTHING
from scalefree_studio.window.widgets.theme import DARK, LIGHT, Palette

both = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda p: p.name)
LOOKED = np.zeros((2, 2, 3, 3))  # layers, heads; what is missing to 1 went to the start
LOOKED[0, 0, 0, 0] = 0.2
LOOKED[0, 1, 0] = 0.3
LOOKED[1, 0, 0, 1], LOOKED[1, 0, 0, 2] = 0.75, 0.125


def drawing(**more: Any) -> Drawing:
    """Three pictures of 3 × 3 in four levels of grey, of which five places are drawn."""
    values = np.random.default_rng(0).integers(1, 4, (3, 3, 3, 1))
    shown = {
        "values": values, "position": np.array([5, 5, 5]), "given": np.zeros((3, 3, 3), bool), "watched": np.array(1),
        "looked": LOOKED.astype(np.float16), "looked_from": np.array(4), **more,
    }  # fmt: skip
    tiles = np.repeat(np.arange(4, dtype=np.uint8)[:, None, None, None] * 85, 3, axis=3)
    return Drawing(shown, {"order": np.arange(9), "tiles": tiles, "labels": np.full(3, -1)})


def with_twin() -> Drawing:
    bits = np.full((2, 3, 3), np.nan, np.float32)
    bits[:, 0] = [[1.0, 1.0, 1.0], [1.0, 3.5, 0.25]]
    off = np.array([[False, True], [False, False]])
    other = (drawing().values[2] + 1) % 4
    other[0, 0] = drawing().values[2, 0, 0]
    return drawing(
        twin=np.array(2), heads_off=off, twin_values=other, twin_position=np.array(4), twin_bits=bits
    )


# -- in numbers and words -----------------------------------------------------------------------------------------


def test_of_several_heads_one_is_meant_or_all() -> None:
    assert strongest(LOOKED) == (1, 0)
    np.testing.assert_allclose(Choice().shares(LOOKED), LOOKED.mean((0, 1)))
    np.testing.assert_array_equal(Choice("strongest").shares(LOOKED), LOOKED[1, 0])
    np.testing.assert_array_equal(Choice("one", (0, 1)).shares(LOOKED), LOOKED[0, 1])
    assert Choice("one", (7, 9)).head_of(LOOKED) == (1, 1), "of another network"


def luminance(veil: npt.NDArray[Any], below: int) -> npt.NDArray[np.float64]:
    """Of a veil (…, 4) over a grey."""
    alpha = veil[..., 3:] / 255
    return np.asarray((veil[..., :3] * alpha + below * (1 - alpha)) @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("below", [0, 128, 255])
def test_more_is_lighter_on_dark_and_light_pictures(below: int) -> None:
    seen = luminance(light(np.linspace(0, 0.1, 11)[None]), below)[0]
    assert (np.diff(seen) > 3).all()
    assert seen[0] <= 0.3 * below and seen[-1] > 100
    assert not brightness(np.zeros((2, 2))).any() and brightness(LOOKED[1, 0]).max() == 1


def test_light_falls_on_the_watched_picture_only() -> None:
    veil = lit(None, drawing(), Choice("one", (1, 0)))
    assert veil is not None and veil.shape == (3, 3, 3, 4)
    np.testing.assert_array_equal(veil[1], light(LOOKED[1, 0]))
    assert not veil[[0, 2]].any()
    under = np.full((3, 3, 3, 4), 7, np.uint8)
    over = lit(under, drawing(), Choice())
    assert over is not None and (over[[0, 2]] == 7).all() and (under == 7).all()
    bare = drawing()
    bare = Drawing({n: a for n, a in bare.frame.items() if n != "looked"}, bare.still)
    assert lit(None, bare, Choice()) is None and lit(under, bare, Choice()) is under
    assert looked_in_words(bare, Choice()) == ""
    assert looked_in(drawing(looked_from=np.array(-3))) is None, "of another stage"


def test_it_is_said_in_words() -> None:
    assert looked_in_words(drawing(), Choice("strongest")) == (
        "For row 2, column 2: layer 2, head 1, the strongest, took most, 75.0 %, from row 1, column 2; "
        "12.5 % from the start."
    )
    assert looked_in_words(drawing(), Choice()).startswith(
        "For row 2, column 2: all heads together took most"
    )
    assert looked_in_words(drawing(), Choice("one", (1, 1))).endswith(
        "all from the start: nothing was drawn yet."
    )


def test_two_pictures_are_compared() -> None:
    shown = with_twin()
    compared = Compared.of(shown)
    assert compared == Compared(((0, 1),), 2, 3, (3.0, 4.75), 4, 3)
    assert "3.0 bits with all heads, 4.8 without layer 1, head 2, 1.8 more" in compared.words
    assert "3 of 4 pixels differ" in compared.words
    assert compared.titles[DRAWN].endswith("1.00 bits per pixel")
    drawn, without, difference = boards(shown)
    assert [drawn.name, without.name, difference.name] == [DRAWN, WITHOUT, DIFFERENCE]
    np.testing.assert_array_equal(drawn.pictures[0], shown.pictures()[2])
    there = without.pictures[0].reshape(9, 3)
    values = shown.frame["twin_values"].reshape(9)
    np.testing.assert_array_equal(there[:4, 0], values[:4] * 85)
    assert (there[4:] == there[4]).all()
    colours = difference.pictures[0].reshape(9, 3).astype(int)
    assert colours[1].tolist() == rgb(MORE) and colours[0].tolist() == rgb(SAME)
    less = np.abs(colours[2] - rgb(LESS)).sum() < np.abs(colours[2] - rgb(MORE)).sum()
    assert less and (colours[3:] == rgb(SAME)).all(), "what is not known is no difference"
    assert Compared.of(drawing()) is None and not boards(drawing())


# -- small maps ---------------------------------------------------------------------------------------------------


def rgb(text: str) -> list[int]:
    return list(bytes.fromhex(text.removeprefix("#")))


@pytest.fixture
def maps(qtbot: Any) -> HeadMaps:
    widget = HeadMaps()
    qtbot.addWidget(widget)
    widget.begin((2, 2))
    widget.resize(256, 160)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def shot(maps: HeadMaps, palette: Palette = DARK) -> npt.NDArray[np.int64]:
    maps.set_palette(palette)
    maps.setStyleSheet(f"background: {palette.panel}")
    image = maps.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888).scaled(maps.size())
    bits = image.constBits()
    assert bits is not None
    data = np.frombuffer(bits.asarray(image.sizeInBytes()), np.uint8)  # type: ignore[call-overload]
    return data.reshape(image.height(), image.width(), 4)[..., :3].astype(int)


def middle(maps: HeadMaps, head: tuple[int, int]) -> QPoint:
    return maps.rect_of(head).center().toPoint()


@both
def test_each_map_shows_its_head(maps: HeadMaps, palette: Palette) -> None:
    before = shot(maps, palette)
    maps.show_looked(LOOKED)
    image = shot(maps, palette)
    for head in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rect = maps.rect_of(head)
        part = image[int(rect.top()) : int(rect.bottom()), int(rect.left()) : int(rect.right())]
        side = len(part) / 3
        for y, x in np.ndindex(3, 3):
            seen = part[int((y + 0.5) * side), int((x + 0.5) * side)]
            wanted = light(LOOKED[head])[y, x, :3].astype(int)
            assert np.abs(seen - wanted).max() <= 4
    maps.show_heads((1, 0), {(0, 1)})
    marked = shot(maps, palette)
    rect = maps.rect_of((1, 0)).toRect()
    edge = marked[rect.center().y(), rect.left() - 1]
    assert np.abs(edge - rgb(palette.accent)).max() <= 40
    centre = middle(maps, (0, 1))
    assert np.abs(marked[centre.y(), centre.x()] - rgb(palette.danger)).max() <= 40
    maps.show_heads(None, ())
    maps.show_looked(None)
    np.testing.assert_array_equal(shot(maps, palette), before)


def test_a_click_chooses_and_with_shift_it_switches(maps: HeadMaps, qtbot: Any) -> None:
    maps.show_looked(LOOKED)
    done: list[tuple[str, int, int]] = []
    maps.chosen.connect(lambda *head: done.append(("chosen", *head)))
    maps.switched.connect(lambda *head: done.append(("switched", *head)))
    left, shift = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    qtbot.mouseClick(maps, left, pos=middle(maps, (1, 0)))
    qtbot.mouseClick(maps, left, shift, pos=middle(maps, (0, 1)))
    qtbot.mouseClick(maps, Qt.MouseButton.RightButton, pos=middle(maps, (0, 1)))
    qtbot.mouseClick(maps, left, pos=QPoint(1, 1))
    assert done == [("chosen", 1, 0), ("switched", 0, 1)]
    QTest.mouseMove(maps, middle(maps, (1, 1)))
    assert maps.marked == (1, 1) and maps.cursor().shape() == Qt.CursorShape.PointingHandCursor
    maps.marked = None
    for key in ("Down", "Right", "Down"):
        qtbot.keyClick(maps, getattr(Qt.Key, f"Key_{key}"))
    qtbot.keyClick(maps, Qt.Key.Key_Return)
    qtbot.keyClick(maps, Qt.Key.Key_Up)
    qtbot.keyClick(maps, Qt.Key.Key_Return, shift)
    assert done[2:] == [("chosen", 1, 1), ("switched", 0, 1)]
    assert maps.described((1, 0)).startswith(
        "Layer 2, head 1: at most 75.0 % from one place, 12.5 % from the start."
    )
    maps.show_heads(None, {(0, 0)})
    assert "switched off" in maps.described((0, 0))


@pytest.mark.parametrize("heads", [(1, 1), (4, 3), (12, 8), (3, 16)], ids=str)
@pytest.mark.parametrize("width", [224, 400])
def test_all_maps_are_within_and_apart(maps: HeadMaps, heads: tuple[int, int], width: int) -> None:
    maps.begin(heads)
    for height in (maps.minimumSizeHint().height(), maps.sizeHint().height(), 400):
        maps.resize(width, height)
        rects = [maps.rect_of((layer, head)) for layer in range(heads[0]) for head in range(heads[1])]
        assert all(
            r.left() > 0 and r.right() <= width and r.top() > 0 and r.bottom() <= height for r in rects
        )
        assert rects[0].width() >= 6
        if heads[1] > 1:
            assert rects[1].left() - rects[0].right() == pytest.approx(GAP)


# -- in the window ------------------------------------------------------------------------------------------------


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    """A run folder of a small transformer."""
    folder = RunFolder(tmp_path / "pixels")
    folder.keep(checkpoint())
    return folder.path


def test_light_follows_what_is_drawn_and_what_is_pointed_at(driven: Driven, pixels: Path) -> None:
    view = draw(driven, pixels, count=4, speed=20.0)
    part = view.looked_part
    assert not part.isVisible() and view.canvas.shown.boards[0].veil is None
    driven.key(Qt.Key.Key_W)
    assert part.isVisible() and driven.window.actions_["looked"].isChecked()
    seen = set()
    driven.until(lambda: "looked" in shown(view).frame)
    driven.until(lambda: seen.add(int(shown(view).frame["looked_from"])) or len(seen) > 3)
    now = shown(view)
    last = int(now.frame["looked_from"])
    assert last < now.position[0]
    assert Place("wall", 0, *divmod(last, W)) in view.canvas.cursor
    veil = view.canvas.shown.boards[0].veil
    found = looked_in(now)
    assert veil is not None and found is not None
    np.testing.assert_array_equal(veil[0], light(Choice().shares(found[0])))
    assert not veil[1:].any() and part.words.text() == looked_in_words(now, Choice())
    view.set_controls({"speed": AT_ONCE})
    driven.until(lambda: shown(view).done and int(shown(view).frame["looked_from"]) == H * W - 1)
    view.point_at(Place("wall", 2, 2, 1))
    driven.until(
        lambda: int(shown(view).frame["watched"]) == 2 and int(shown(view).frame["looked_from"]) == 11
    )
    driven.until(lambda: part.words.text().startswith("For row 3, column 2:"))
    assert view.canvas.shown.boards[0].veil[2].any()
    view.point_at(None)
    driven.until(lambda: int(shown(view).frame["looked_from"]) == H * W - 1)
    view.hold(Place("wall", 1, 0, 0))
    driven.until(lambda: int(shown(view).frame["looked_from"]) == 0)
    driven.until(lambda: part.words.text().endswith("all from the start: nothing was drawn yet."))
    driven.key(Qt.Key.Key_W)
    driven.until(lambda: "looked" not in shown(view).frame)
    assert not part.isVisible() and view.canvas.shown.boards[0].veil is None and not view.canvas.cursor


def test_one_head_is_shown_by_itself(driven: Driven, pixels: Path) -> None:
    view = draw(driven, pixels, count=2)
    driven.key(Qt.Key.Key_W)
    driven.until(lambda: "looked" in shown(view).frame)
    part = view.looked_part
    assert not part.button.isEnabled()
    looked = np.asarray(shown(view).frame["looked"], float)

    def lit_by() -> Any:
        return view.canvas.shown.boards[0].veil[0]

    QTest.mouseClick(part.maps, Qt.MouseButton.LeftButton, pos=middle(part.maps, (1, 0)))
    np.testing.assert_array_equal(lit_by(), light(looked[1, 0]))
    assert part._ways["one"].isChecked() and part.maps.head == (1, 0) and part.button.isEnabled()
    QTest.mouseClick(part.maps, Qt.MouseButton.LeftButton, pos=middle(part.maps, (1, 0)))
    np.testing.assert_array_equal(lit_by(), light(looked.mean((0, 1))))
    part._ways["strongest"].click()
    np.testing.assert_array_equal(lit_by(), light(looked[strongest(looked)]))
    assert part.maps.head == strongest(looked)


def test_without_a_head_both_pictures_stand_side_by_side(driven: Driven, pixels: Path) -> None:
    view = draw(driven, pixels, count=3)
    driven.key(Qt.Key.Key_W)
    driven.until(lambda: "looked" in shown(view).frame)
    part = view.looked_part
    before = shown(view).values.copy()
    assert not driven.window.actions_["heads_on"].isEnabled()
    view.hold(Place("wall", 1, 1, 1))
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(part.maps, Qt.MouseButton.LeftButton, shift, pos=middle(part.maps, (0, 1)))
    driven.until(lambda: "twin" in shown(view).frame and int(shown(view).frame["twin_position"]) == H * W)
    assert int(shown(view).frame["twin"]) == 1
    driven.until(lambda: [b.name for b in view.canvas.shown.boards] == ["wall", DRAWN, WITHOUT, DIFFERENCE])
    assert set(view.canvas.shown.titles) == {DRAWN, WITHOUT, DIFFERENCE}
    compared = Compared.of(shown(view))
    assert compared is not None and part.compared.text() == compared.words and part.compared.isVisible()
    assert compared.places == compared.drawn == H * W
    view.canvas.listener.hover(Place(WITHOUT, 0, 2, 3))
    assert view.pointed == Place("wall", 1, 2, 3), "it is the same place"
    view.canvas.listener.hover(None)
    view.hold(Place("wall", 2, 1, 1))
    driven.until(
        lambda: int(shown(view).frame["twin"]) == 2 and int(shown(view).frame["twin_position"]) == H * W
    )
    part._choose_head(0, 1)
    assert part.button.text() == "Switch it on"
    part._choose_head(1, 1)
    part.button.click()
    driven.until(lambda: np.asarray(shown(view).frame["heads_off"]).sum() == 2)
    driven.key(Qt.Key.Key_W, Qt.KeyboardModifier.ShiftModifier)
    driven.until(lambda: "twin" not in shown(view).frame)
    driven.until(lambda: len(view.canvas.shown.boards) == 1)
    np.testing.assert_array_equal(shown(view).values, before)
    assert not part.compared.isVisible() and not part.maps.off
    part.maps.switched.emit(0, 0)
    driven.until(lambda: "twin" in shown(view).frame)
    view.set_controls({"count": 2})
    driven.until(lambda: len(shown(view).values) == 2 and int(shown(view).frame.get("twin", 9)) < 2)
    driven.key(Qt.Key.Key_W)
    driven.until(lambda: not shown(view).frame.keys() & {"twin", "looked"})


def test_the_past_shows_what_was_recorded(driven: Driven, pixels: Path) -> None:
    view = draw(driven, pixels, count=2, speed=15.0)
    timeline = driven.window.transport.timeline
    driven.until(lambda: len(timeline.ids) > 1)
    early = timeline.ids[0]
    driven.key(Qt.Key.Key_W)
    driven.until(lambda: "looked" in shown(view).frame)
    recorded = len(timeline.ids)
    driven.until(lambda: shown(view).done and len(timeline.ids) > recorded + 1)
    timeline.chosen.emit(early)
    assert view.looked_part.words.text() == NOT_RECORDED
    job = the_job(driven)
    asked: list[object] = []
    view.edited.connect(asked.append)
    timeline.chosen.emit(timeline.ids[-1])
    assert view.looked_part.words.text().startswith("For row")
    view.point_at(Place("wall", 0, 0, 1))
    assert not asked and job.state.done


def test_where_nothing_is_drawn_it_says_what_to_do(driven: Driven, pixels: Path) -> None:
    view = draw(driven, pixels, count=2, speed=1.0)
    driven.pause()
    driven.key(Qt.Key.Key_W)
    driven.until(lambda: "looked" in shown(view).frame or view.looked_part.words.text() == NOTHING)
    view.point_at(Place("wall", 0, H - 1, W - 1))
    driven.until(lambda: view.looked_part.words.text() == NOTHING)


def test_a_network_without_heads_offers_nothing_of_it(driven: Driven, pixels: Path, tmp_path: Path) -> None:
    view = draw(driven, pixels, count=2)
    driven.key(Qt.Key.Key_W)
    driven.until(lambda: "looked" in shown(view).frame)
    plain = hardly_learnt(tmp_path / "pixelcnn")
    before = driven.session
    driven.window.open(f"draw:{plain}")
    driven.until(lambda: driven.session is not before and view.snapshot is not None)
    driven.until(lambda: shown(view).count > 2)
    assert not driven.window.actions_["looked"].isVisible() and not view.looked_part.isVisible()
    assert "looked" not in [b.defaultAction().objectName() for b in driven.window.top.tools]
    driven.key(Qt.Key.Key_W)
    assert not view.looked_part.isVisible() and not driven.session.status.message
    before = driven.session
    driven.window.open(f"draw:{pixels}")
    driven.until(lambda: driven.session is not before and view.snapshot is not None)
    driven.until(lambda: "looked" in shown(view).frame and view.looked_part.isVisible())
