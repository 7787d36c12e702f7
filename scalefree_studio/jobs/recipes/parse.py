"""Reads a recipe. Whatever is wrong with it is one sentence that names the file, the line and the key."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...controls import Control, ControlError, edited
from ...data.datasets import DATASETS, is_dataset_name
from ...errors import UserError
from ...files import at_home, read_file
from ..instruments import lessons
from ..job import Limit, LimitControls
from .lines import line_of
from .recipe import (
    CODEBOOK,
    CODEBOOKS,
    CODERS,
    LESSON,
    NEXT_SCALE,
    SETTLED,
    STAGES,
    DataControls,
    Learning,
    Recipe,
    SearchControls,
    StageRecipe,
    named,
    sampling_controls,
    stage_controls,
)

MOST_BYTES = 2**20
SECTIONS = ("title", "data", *CODERS, CODEBOOKS, STAGES, "sampling")
NEEDED = ("data", STAGES)


def parse(text: str, name: str, base: Path, file: str = "") -> Recipe:
    """The recipe that a text says, its paths meant from that folder; or a UserError in one sentence."""
    file = file or name
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(_no_toml(file, str(error))) from None
    except RecursionError:
        raise UserError(f"{file}: it is nested too deeply.") from None
    reader = _Reader(file, text, said)
    reader.check_sections()
    coder = next(kind for kind in CODERS if kind in said)
    return Recipe(
        name, text, base,
        data=reader.data(base),
        coder=reader.learning(coder, coder),
        codebooks=reader.learning(CODEBOOKS, CODEBOOK, settled=("autoencoder",)) if CODEBOOKS in said else None,
        stages=reader.stages(),
        sampling=reader.values("sampling", sampling_controls(), said.get("sampling", {})),
        title=reader.title(),
    )  # fmt: skip


def read_recipe(path: Path, base: Path | None = None, name: str = "") -> Recipe:
    """The recipe in a file; its paths are meant from where it lies, or from another folder."""
    try:
        text = read_file(path, MOST_BYTES, "recipe").decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a recipe: it is not written in UTF-8.") from None
    return parse(text, name or path.stem, base or path.resolve().parent, str(path))


def _no_toml(file: str, message: str) -> str:
    found = re.search(r"^(.*?) \(at line (\d+), column \d+\)$", message)
    if not found:  # at its end
        return f"{file} is not a TOML file: {message.rstrip('.')}."
    return f"{file}, line {found[2]}: this is not TOML: {found[1]}."


@dataclass(frozen=True)
class _Reader:
    file: str
    text: str
    said: Mapping[str, Any]

    def bad(self, sentence: str, section: str, key: str = "", number: int = 0) -> UserError:
        line = line_of(self.text, section, key, number)
        where = f" {key}:" if key else ""
        return UserError(f"{self.file}, line {line}: {_shown(section)}{where} {sentence}")

    def check_sections(self) -> None:
        for key, value in self.said.items():
            if key not in SECTIONS:
                line, meant = line_of(self.text, key), _meant(key, SECTIONS)
                there = ", ".join(map(_shown, SECTIONS[1:]))
                raise UserError(
                    f"{self.file}, line {line}: there is no section [{key}]{meant}; there are {there}."
                )
            if key == STAGES and not (isinstance(value, list) and all(isinstance(v, dict) for v in value)):
                raise self.bad("it is written with two brackets, once for each stage.", key)
            if key not in (STAGES, "title") and not isinstance(value, dict):
                raise self.bad("it is a section, written once, with its keys below.", key)
        for key in NEEDED:
            if not self.said.get(key):
                raise UserError(f"{self.file}: there is no section {_shown(key)} in it.")
        self._check_coders()

    def _check_coders(self) -> None:
        coders = [kind for kind in CODERS if kind in self.said]
        if not coders:
            raise UserError(
                f"{self.file}: nothing in it makes tokens of pictures; it needs [vqvae], or [autoencoder] "
                f"and "
                f"[{CODEBOOKS}]."
            )
        if len(coders) > 1:
            raise self.bad("the recipe has [vqvae] too; choose one of them.", coders[1])
        if coders == ["vqvae"] and CODEBOOKS in self.said:
            raise self.bad("a VQ-VAE has codes of its own; they are for [autoencoder].", CODEBOOKS)
        if coders == ["autoencoder"] and CODEBOOKS not in self.said:
            raise self.bad(
                f"it makes no tokens by itself; the recipe needs [{CODEBOOKS}] too.", "autoencoder"
            )

    def title(self) -> str:
        title = self.said.get("title", "")
        if not isinstance(title, str):
            raise UserError(f"{self.file}, line {line_of(self.text, '', 'title')}: the title must be text.")
        return title

    def data(self, base: Path) -> DataControls:
        values = self.values("data", named(DataControls), self.said["data"])
        for key in ("dataset", "validation"):
            if key in values and not is_name(values[key]) and not (base / at_home(values[key])).exists():
                raise self.bad(
                    f"there is no data set or file {values[key]!r}; there are {', '.join(DATASETS)}, and "
                    "paths from the recipe's folder.", "data", key,
                )  # fmt: skip
        return edited(DataControls(), values)

    def stages(self) -> tuple[StageRecipe, ...]:
        stages = tuple(self._stage(table, n) for n, table in enumerate(self.said[STAGES]))
        for n, stage in enumerate(stages):
            if stage.learning.kind != NEXT_SCALE:
                continue
            if len(stages) > 1:
                raise self.bad(
                    "a next-scale stage draws all scales; it is the only one.", STAGES, "lesson", n
                )
            if searched := stage.drawing.keys() & {c.name for c in named(SearchControls)}:
                raise self.bad("a next-scale stage is not searched.", STAGES, min(searched), n)
        self._check_grids(stages)
        return stages

    def _check_grids(self, stages: Sequence[StageRecipe]) -> None:
        """Whether there are tokens for each stage, as far as the recipe says how many grids of them there are."""
        vqvae = "vqvae" in self.said
        section, key = ("vqvae", "scales") if vqvae else (CODEBOOKS, "patches")
        sizes = str(self.said[section].get(key, ""))
        if not sizes and not vqvae:
            return  # the pictures decide
        if stages[0].learning.kind == NEXT_SCALE and not (vqvae and sizes):
            raise self.bad("it draws the scales of a VQ-VAE; set its scales in [vqvae].", STAGES, "lesson")
        grids = sizes.count(",") + 1
        if len(stages) > grids:
            there = "one grid" if grids == 1 else f"{grids} grids"
            raise self.bad(f"there is {there} of tokens, so no stage {grids + 1}.", STAGES, number=grids)

    def _stage(self, table: Mapping[str, Any], number: int) -> StageRecipe:
        kind = self.value(STAGES, "lesson", LESSON, table.get("lesson", LESSON.default), number)
        drawing = {c.name for c in stage_controls()}
        learnt = {key: value for key, value in table.items() if key not in {*drawing, "lesson"}}
        drawn = {key: value for key, value in table.items() if key in drawing}
        learning = self.learning(STAGES, kind, learnt, SETTLED, number, also=(*drawing, "lesson"))
        return StageRecipe(learning, self.values(STAGES, stage_controls(), drawn, number))

    def learning(
        self,
        section: str,
        kind: str,
        table: Mapping[str, Any] | None = None,
        settled: Collection[str] = (),
        number: int = 0,
        also: Sequence[str] = (),
    ) -> Learning:
        """A training, of its section's keys: controls of its lesson, and when it ends."""
        if kind not in lessons():
            raise self.bad(f"this studio has no lesson {kind!r}.", section, number=number)
        lesson, table = lessons()[kind], self.said[section] if table is None else table
        decided = {*settled, *lesson.settled}
        own = tuple(c for c in named(lesson.controls) if c.name not in decided)
        limits = named(LimitControls)
        for key in table:
            if key in decided:
                raise self.bad("the recipe itself decides this; leave it out.", section, key, number)
        values = self.values(section, (*own, *limits), table, number, also)
        limit = Limit(**{c.name: values.pop(c.name) for c in limits if c.name in values})
        return Learning(kind, values, limit)

    def values(
        self,
        section: str,
        controls: Sequence[Control],
        table: Mapping[str, Any],
        number: int = 0,
        also: Sequence[str] = (),
    ) -> dict[str, Any]:
        known = {c.name: c for c in controls}
        for key in table:
            if key not in known:
                meant = _meant(key, [*known, *also])
                raise self.bad(f"there is no such key{meant}.", section, key, number)
        return {key: self.value(section, key, known[key], value, number) for key, value in table.items()}

    def value(self, section: str, key: str, control: Control, value: Any, number: int = 0) -> Any:
        try:
            return control.written(value)
        except ControlError as error:
            raise self.bad(str(error), section, key, number) from None


def is_name(dataset: str) -> bool:
    """Whether it is asked for by name."""
    return is_dataset_name(dataset)


def _shown(section: str) -> str:
    return f"[[{section}]]" if section == STAGES else f"[{section}]"


def _meant(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f"; perhaps you mean {close[0]}" if close else ""
