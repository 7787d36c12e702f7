"""What can be opened without looking for it: recent runs, photographs, drawings, pictures of known truth."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QPoint, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QIcon, QImage, QPainter, QPainterPath, QPixmap
from PyQt6.QtWidgets import (
    QDialog,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ...data.datasets import DATASETS, SOURCES
from ...data.pictures import gallery
from ...errors import UserError
from ...jobs.instruments import draws, lessons
from ...recipes.found import find_recipe, shipped_recipes
from ...snapshot import Array
from ...storage.run_folder import kind_of
from ...storage.shipped import PREFIX, named_models
from ..widgets.icons import ROUND, tile
from ..widgets.theme import GRID, Palette, tabular
from ..work.background import Background
from ..work.subjects import RECIPE, TRAIN, Wish, wish_of
from ..work.thumbnails import THUMBNAIL, thumbnail_of

SPEC = Qt.ItemDataRole.UserRole
RUN_MENU = {"open": "Open", "rename": "Rename…", "delete": "Delete", "show": "Show in folder"}
FOLDER = ""  # the source of data that is still to be chosen


def rounded(pixels: Array) -> QIcon:
    """The thumbnail with round corners."""
    data = np.ascontiguousarray(pixels)
    image = QImage(
        data.tobytes(), data.shape[1], data.shape[0], 3 * data.shape[1], QImage.Format.Format_RGB888
    )
    pixmap = QPixmap(image.size())
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = QPainterPath()
    corner = image.width() * ROUND
    path.addRoundedRect(0, 0, image.width(), image.height(), corner, corner)
    painter.setClipPath(path)
    painter.drawImage(0, 0, image)
    painter.end()
    return QIcon(pixmap)


class Gallery(QDialog):
    """`chosen` gives the spec of a picture or the path of a run. Thumbnails arrive as they are ready."""

    chosen = pyqtSignal(str)
    folder_wanted = pyqtSignal(str)  # for a network of this kind to learn from
    run_wanted = pyqtSignal(str, str)  # what is to be done with a run (see RUN_MENU), and its path

    def __init__(self, recent: list[Path], palette: Palette, parent: QWidget | None = None):
        super().__init__(parent)
        self._palette = palette
        self.setWindowTitle("Gallery")
        self.resize(110 * GRID, 84 * GRID)
        self._background = Background("thumbnails", self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outer.addWidget(scroll)
        page = QWidget()
        scroll.setWidget(page)
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        self._column.setSpacing(GRID)
        self.shelves: list[Shelf] = []
        self._fill(recent)
        hint = QLabel("Your own pictures: drop a file on the window, paste one, or open it with Ctrl+O.")
        hint.setProperty("soft", True)
        hint.setWordWrap(True)
        self._column.addWidget(hint)
        self._column.addStretch()
        self.finished.connect(lambda _: self._background.close(timeout=0))  # what it reads is read in vain

    def _fill(self, recent: list[Path]) -> None:
        if recent:
            shelf = self._shelf("Recent runs", [(str(path), path.name) for path in recent])
            shelf.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            shelf.customContextMenuRequested.connect(partial(self._show_menu, shelf))
        for title, models in _models().items():
            self._shelf(title, models)
        self._shelf("Recipes", [(str(Wish(RECIPE, name)), name) for name in shipped_recipes()])
        data = [*DATASETS.items(), (FOLDER, "Your own…")]
        for kind, lesson in lessons().items():
            if lesson.needs:
                continue
            which = f": {lesson.title}" if len(lessons()) > 1 else ""
            self._shelf(lesson.shelf + which, [(str(Wish(TRAIN, name, kind)), title) for name, title in data])
        if later := _after_others():
            self._shelf("Learns from another model's output", later)
        groups: dict[str, list[tuple[str, str]]] = {}
        for item in gallery():
            groups.setdefault(item.group, []).append((item.spec, item.title))
        for group, items in groups.items():
            self._shelf(group, items)

    def _show_menu(self, shelf: Shelf, at: QPoint) -> None:
        """Of a recent run."""
        item, viewport = shelf.itemAt(at), shelf.viewport()
        if item is not None and viewport is not None:
            self.run_menu(item).popup(viewport.mapToGlobal(at))

    def run_menu(self, item: QListWidgetItem) -> QMenu:
        menu = QMenu(self)
        for what, text in RUN_MENU.items():
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(lambda _=False, what=what: self._do_with_run(what, item))
        return menu

    def _do_with_run(self, what: str, item: QListWidgetItem) -> None:
        if what == "open":
            self._choose(item)
        else:
            self.run_wanted.emit(what, item.data(SPEC))

    def forget(self, path: Path) -> None:
        """A run is no longer where it was."""
        for shelf in self.shelves:
            for n in reversed(range(shelf.count())):
                item = shelf.item(n)
                if item is not None and item.data(SPEC) == str(path):
                    shelf.takeItem(n)

    def _shelf(self, title: str, items: list[tuple[str, str]]) -> Shelf:
        label = QLabel(title)
        label.setProperty("heading", True)
        self._column.addWidget(label)
        shelf = Shelf(items, tile("", self._palette, 2 * THUMBNAIL))
        shelf.setAccessibleName(title)
        shelf.itemClicked.connect(self._choose)
        shelf.itemActivated.connect(self._choose)
        self._column.addWidget(shelf)
        self.shelves.append(shelf)
        for n, (spec, _) in enumerate(items):
            item = shelf.item(n)
            if item is None:
                continue
            if _is_folder(spec):
                item.setIcon(tile("folder", self._palette, 2 * THUMBNAIL))
                continue
            show, missing = partial(_show_on, item), partial(self._show_missing, item)
            self._background.submit(partial(thumbnail_of, spec), show, missing)
        return shelf

    def _show_missing(self, item: QListWidgetItem, _: str) -> None:
        """A data set that is not on this machine yet."""
        wish = wish_of(item.data(SPEC))
        recipe = wish.action == RECIPE and not Path(wish.source).is_dir()
        source = SOURCES.get(find_recipe(wish.source)[0].data.dataset if recipe else wish.source)
        if source is not None and source.download_bytes:
            item.setIcon(tile("download", self._palette, 2 * THUMBNAIL))
            megabytes = source.download_bytes / 1e6
            item.setToolTip(f"{item.toolTip()} (downloads {megabytes:.0f} MB first)")

    def _choose(self, item: QListWidgetItem) -> None:
        if self.isVisible():
            self.accept()
            if _is_folder(item.data(SPEC)):
                self.folder_wanted.emit(wish_of(item.data(SPEC)).kind)
            else:
                self.chosen.emit(item.data(SPEC))


def _models() -> dict[str, list[tuple[str, str]]]:
    """Of each shelf, those that answer to their names. A file that is no model of ours is on none."""
    shelves: dict[str, list[tuple[str, str]]] = {}
    for name, path in named_models().items():
        with suppress(UserError):
            shelf = "Networks that draw" if draws(kind_of(path)) else "Other models"
            shelves.setdefault(shelf, []).append((f"{PREFIX}{name}", DATASETS.get(name, name.capitalize())))
    return shelves


def _after_others() -> list[tuple[str, str]]:
    """The lessons that need another model first, with the recipes that go the whole way."""
    found: dict[str, tuple[str, str]] = {}
    for name in shipped_recipes():
        for kind in find_recipe(name)[0].kinds:
            if lessons()[kind].needs:
                found.setdefault(kind, (str(Wish(RECIPE, name)), lessons()[kind].title))
    return list(found.values())


def _show_on(item: QListWidgetItem, pixels: Array) -> None:
    item.setIcon(rounded(pixels))


def _is_folder(spec: str) -> bool:
    wish = wish_of(spec)
    return wish.action == TRAIN and wish.source == FOLDER


def _hint(spec: str, title: str) -> str:
    wish = wish_of(spec)
    if wish.action == RECIPE and not Path(wish.source).is_dir():
        recipe = find_recipe(wish.source)[0]
        about = recipe.title or title
        if title in {lessons()[kind].title for kind in recipe.kinds}:
            first = lessons()[recipe.coder.kind].title
            return f"{title}: first train a {first}; the recipe “{about}” does both. Start with it"
        return f"{about}: go from pictures to tokens and back, step by step"
    if _is_folder(spec):
        return "Choose a folder of pictures to learn from; its sub-folders are classes"
    if spec.startswith(PREFIX):
        return f"{title}: let the network draw" if draws(kind_of(spec)) else f"{title}: open it"
    return f"Continue {spec}" if Path(spec).is_dir() else f"{title}: learn it"


class Shelf(QListWidget):
    """A row of pictures that wraps; as high as it needs to be."""

    def __init__(self, items: list[tuple[str, str]], empty: QIcon):
        super().__init__()
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFont(tabular(self.font()))
        widest = (
            max((self.fontMetrics().horizontalAdvance(title) for _, title in items), default=0) + 4 * GRID
        )
        width = min(max(THUMBNAIL + 3 * GRID, widest), THUMBNAIL + 8 * GRID)
        self._cell = QSize(width, THUMBNAIL + 5 * GRID + self.fontMetrics().height())
        self.setGridSize(self._cell)
        for spec, title in items:
            item = QListWidgetItem(empty, title)
            item.setData(SPEC, spec)
            item.setToolTip(_hint(spec, title))
            item.setSizeHint(self._cell - QSize(GRID, GRID))
            self.addItem(item)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        columns = max(1, (self.width() - 2) // self._cell.width())
        rows = -(-self.count() // columns)
        if self.height() != rows * self._cell.height() + 4:
            self.setFixedHeight(rows * self._cell.height() + 4)
