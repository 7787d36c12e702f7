"""Recipes by name, by file, or by the folder in which one was run."""

from __future__ import annotations

from pathlib import Path

from ..assets import assets
from ..errors import UserError
from ..files import at_home, is_empty, write_atomically, write_errors
from ..jobs.recipes.parse import read_recipe
from ..jobs.recipes.recipe import Recipe
from .states import DONE, STATES, TEXT, Record, states

PREFIX = "recipe:"  # may stand before a name: so recipes are listed beside pictures and models
ENDING = ".toml"
OUTPUT = Path("output")


def shipped_recipes() -> dict[str, Path]:
    """Name → file of those that come along."""
    return {path.stem: path for path in sorted((assets() / "recipes").glob(f"*{ENDING}"))}


def is_recipe(source: Path | str) -> bool:
    """Whether this names a recipe: the folder of one that was run, a file, or one that comes along."""
    path = at_home(source)
    return (path / STATES).exists() or path.suffix == ENDING or _name(source) in shipped_recipes()


def find_recipe(source: Path | str) -> tuple[Recipe, Path]:
    """The recipe, and the folder in which it is run if nobody names another."""
    path, named = at_home(source), shipped_recipes()
    if (path / STATES).exists():
        record = Record.read(path)
        return read_recipe(path / TEXT, Path(record.base), record.recipe), path
    if path.suffix == ENDING or path.is_file():
        return read_recipe(path), OUTPUT / path.stem
    name = _name(source)
    if name not in named:
        there = ", ".join(named) or "none"
        raise UserError(f"There is no recipe or file {str(source)!r}; the recipes are {there}.")
    return read_recipe(named[name]), OUTPUT / name


def _name(source: Path | str) -> str:
    return str(source).removeprefix(PREFIX)


def keep_recipe(recipe: Recipe, folder: Path) -> None:
    """Write down in its folder what is run there; a folder of anything else is refused."""
    if folder.exists() and (not folder.is_dir() or not is_empty(folder)) and not (folder / STATES).exists():
        raise UserError(f"{folder} holds something else; name another --out.")
    record = Record.read(folder)
    record.recipe, record.base = recipe.name, str(recipe.base)
    record.write()
    with write_errors(folder / TEXT):
        write_atomically(folder / TEXT, recipe.text.encode())


def model_of(source: Path | str) -> Path:
    """The model that a recipe has made, or a UserError."""
    recipe, folder = find_recipe(source)
    last = states(recipe, folder)[-1]
    if last.state != DONE:
        raise UserError(
            f"The recipe {recipe.name} has not finished in {folder}; `scalefree-studio recipe {source}` "
            f"continues it."
        )
    return last.files[0]
