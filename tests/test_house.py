"""The house itself: who imports whom, what is pinned, and what ships."""

from __future__ import annotations

import importlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


# --- Rooms and imports --------------------------------------------------------------------------------------


CONTRACTS = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
ROOMS = [room for layer in CONTRACTS["layers"]["layers"] for room in layer.split(" | ")]
WITHIN = [f"window.{room}" for room in CONTRACTS["window"]["layers"]]  # the window's own


def house(folder: Path, **imports: str) -> Path:
    """An empty house with the rooms of ours; `imports` says what a room imports."""
    package = folder / "scalefree_studio"
    for room in ("", *ROOMS, *WITHIN):
        place = package.joinpath(*room.split("."))
        place.mkdir()
        (place / "__init__.py").write_text(imports.get(room, ""))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_an_orderly_house_keeps_every_contract(tmp_path: Path) -> None:
    orderly = house(
        tmp_path,
        models="import torch\nfrom scalefree_studio import controls",
        jobs="from scalefree_studio import data, models, snapshot",
        storage="import safetensors, sqlite3\nfrom scalefree_studio import files, snapshot",
        export="from scalefree_studio import files, models, snapshot",
        canvas="import vispy\nfrom scalefree_studio import snapshot",
        window="import PyQt6\nfrom scalefree_studio import canvas, runner",
        **{
            "window.shell": "from scalefree_studio.window import views, work",
            "window.views": "from scalefree_studio.window import widgets, work",
        },
        cli="from scalefree_studio import runner\ndef show():\n    from scalefree_studio import window",
    )
    done = lint_imports(orderly)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("controls", "import torch"),
        ("snapshot", "import torch"),
        ("files", "import torch"),
        ("files", "from scalefree_studio import storage"),
        ("models", "from scalefree_studio import data"),
        ("models", "from scalefree_studio import snapshot"),
        ("data", "from scalefree_studio import jobs"),
        ("jobs", "from scalefree_studio import storage"),
        ("jobs", "from scalefree_studio import runner"),
        ("storage", "import torch"),
        ("runner", "def show():\n    from scalefree_studio import window"),
        ("export", "from scalefree_studio import canvas"),
        ("canvas", "import torch"),
        ("canvas", "from scalefree_studio import models"),
        ("api", "from scalefree_studio import window"),
        ("window.widgets", "from scalefree_studio.window import work"),
        ("window.work", "from scalefree_studio.window import views"),
        (
            "window.views",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
            "    from scalefree_studio.window import shell",
        ),
    ],
)
def test_a_forbidden_import_breaks_a_contract(tmp_path: Path, room: str, line: str) -> None:
    done = lint_imports(house(tmp_path, **{room: line}))
    assert done.returncode == 1
    assert f"scalefree_studio.{room}" in done.stdout


@pytest.mark.parametrize(("package", "allowed"), [("PyQt6", {"window"}), ("vispy", {"canvas", "window"})])
def test_only_the_rooms_with_a_screen_have_its_packages(
    tmp_path: Path, package: str, allowed: set[str]
) -> None:
    done = lint_imports(house(tmp_path, **dict.fromkeys(ROOMS, f"import {package}")))
    broken = set(re.findall(rf"scalefree_studio\.(\w+) -> {package}", done.stdout))
    assert broken == set(ROOMS) - allowed


def test_a_new_file_must_be_given_its_place(tmp_path: Path) -> None:
    (house(tmp_path) / "scalefree_studio" / "utils.py").touch()
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "utils" in done.stdout


@pytest.mark.parametrize("module", ["scalefree_studio", "scalefree_studio.cli"])
def test_the_window_is_not_imported_before_it_is_asked_for(module: str) -> None:
    """What import-linter cannot see: it takes an import inside a function for one at the top."""
    code = f"import sys, {module}; print(*(m for m in ('PyQt6', 'vispy') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_console_script_exists() -> None:
    module, _, name = PYPROJECT["project"]["scripts"]["scalefree-studio"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


# --- Pins ---------------------------------------------------------------------------------------------------


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {canonicalize_name(n): v for n, _, v in (line.partition("==") for line in lines if "==" in line)}
    project = PYPROJECT["project"]
    wanted = itertools.chain(project["dependencies"], *project["optional-dependencies"].values())
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_pins_fit_every_build_of_torch() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins
    assert not [pin for pin in pins if "+" in pin or pin.startswith(("nvidia-", "cuda-", "triton"))]


# --- What ships ---------------------------------------------------------------------------------------------


def test_an_installed_studio_has_its_assets_inside(tmp_path: Path) -> None:
    """In the tree they lie beside the package; a wheel takes them into it."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(tmp_path / "site"), str(ROOT)], check=True)
    code = (
        "import scalefree_studio.assets as a; from scalefree_studio.data.pictures import drawings;"
        "from scalefree_studio.storage.shipped import shipped;"
        "from scalefree_studio.recipes.found import shipped_recipes;"
        "print(a.assets(), drawings(), *shipped(), *shipped_recipes())"
    )
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(tmp_path / "site" / "scalefree_studio" / "assets"))
    assert "lighthouse" in done.stdout and "mnist" in done.stdout and "vqvae-digits" in done.stdout
    about = next((tmp_path / "site").glob("*.dist-info/METADATA")).read_text()
    assert "](https://" in about and "](assets/" not in about and "](docs/" not in about
    assert "Project-URL: Source, https://" in about
