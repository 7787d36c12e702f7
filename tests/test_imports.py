"""Who imports whom, file by file: no files in a ring, and no instrument in another one's business.

Imports under `if TYPE_CHECKING` and inside of functions count like all others.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import grimp
import pytest

from scalefree_studio.jobs.instruments import BUILT_IN

Imports = Mapping[str, set[str]]  # module → what it imports of its own package

LAYERS = ("models", "jobs", "export", "canvas")  # each with a folder an instrument


def imports_of(package: str) -> Imports:
    """Without the package's name."""
    graph = grimp.build_graph(package, cache_dir=None)
    inside = {module: module.removeprefix(f"{package}.") for module in graph.modules}
    return {
        name: {inside[other] for other in graph.find_modules_directly_imported_by(module)}
        for module, name in inside.items()
    }


def reached(imports: Imports, module: str) -> set[str]:
    """All that a module imports, and what that imports, and so on."""
    found: set[str] = set()
    todo = [module]
    while todo:
        new = imports[todo.pop()] - found
        found |= new
        todo += new
    return found


def rings(imports: Imports) -> list[str]:
    """Each group of modules that all import one another, in however many steps, in a line."""
    reach = {module: reached(imports, module) for module in imports}
    found = {tuple(sorted(n for n in reach[m] if m in reach[n])) for m in imports if m in reach[m]}
    return [" <-> ".join(ring) for ring in sorted(found)]


def intrusions(imports: Imports, instruments: Sequence[str]) -> list[str]:
    """Within the layers, the imports of an instrument by another one, or by what all instruments share."""
    return [
        f"{module} -> {other}"
        for module in sorted(imports)
        for other in sorted(imports[module])
        if module.startswith(LAYERS)
        and (owner := owner_of(other, instruments)) is not None
        and owner_of(module, instruments) != owner
    ]


def owner_of(module: str, instruments: Sequence[str]) -> str | None:
    """The instrument in whose folder a module is; None: it is shared."""
    layer, _, rest = module.partition(".")
    folder = rest.partition(".")[0]
    return folder if layer in LAYERS and folder in instruments else None


OURS = imports_of("scalefree_studio")


def test_no_files_import_one_another_in_a_ring() -> None:
    assert rings(OURS) == []


def test_instruments_do_not_import_one_another_nor_does_what_they_share_import_them() -> None:
    assert intrusions(OURS, BUILT_IN) == []


# That the two bite.

MakePackage = Callable[[Mapping[str, str]], Imports]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePackage:
    """Makes a package of some files, and says who imports whom in it."""

    def make(files: Mapping[str, str]) -> Imports:
        for module, text in files.items():
            file = (tmp_path / "a_house" / module.replace(".", "/")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        for folder in [tmp_path / "a_house", *(f for f in tmp_path.rglob("*") if f.is_dir())]:
            (folder / "__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        return imports_of("a_house")

    return make


def test_rings_are_found_however_long_and_hidden(package: MakePackage) -> None:
    found = package({
        "one": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .two import x",
        "two": "def f():\n    from . import three",
        "three": "import a_house.one",
        "room.a": "from .b import x",
        "room.b": "from . import a",
        "beside": "from . import one",
        "lonely": "import one",
    })  # fmt: skip
    assert rings(found) == ["one <-> three <-> two", "room.a <-> room.b"]


def test_a_line_of_files_is_no_ring(package: MakePackage) -> None:
    found = package({"one": "from . import two, three", "two": "from . import three", "three": ""})
    assert rings(found) == []


def test_intrusions_are_found_wherever_they_are(package: MakePackage) -> None:
    found = package({
        "models.red.net": "from ..shared import x",
        "models.blue.net": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..red.net import x",
        "models.shared": "from .red import net",
        "jobs.red.fit": "from ...models.red import net\nfrom .more import x",
        "jobs.red.more": "def f():\n    from ...models.blue import net",
        "canvas.wall": "from .blue import painter",
        "canvas.blue.painter": "",
        "window.view": "from ..canvas.blue import painter",  # whoever puts all together may know all
    })  # fmt: skip
    assert intrusions(found, ("red", "blue")) == [
        "canvas.wall -> canvas.blue.painter",
        "jobs.red.more -> models.blue.net",
        "models.blue.net -> models.red.net",
        "models.shared -> models.red.net",
    ]
