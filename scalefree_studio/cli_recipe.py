"""`scalefree-studio recipe`: the whole route from pictures to tokens and back."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .recipes.found import find_recipe, shipped_recipes
from .recipes.run import Running
from .recipes.states import DONE, StepState
from .terminal import add_json_flag, progress_bars, report, say

Handler = Callable[[argparse.Namespace], int]


def fill_recipe(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument(
        "recipe", metavar="NAME|FILE",
        help=f"one that comes with the studio ({', '.join(shipped_recipes())}), a .toml file, or the folder "
        f"of one that has been started",
    )  # fmt: skip
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="the folder to run it in, or to continue (default: output/NAME)",
    )
    parser.add_argument(
        "--plan", action="store_true", help="show what is done and what comes next; run nothing"
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="where official files are, or are downloaded to (default: data)",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    add_json_flag(parser)
    return recipe


def recipe(arguments: argparse.Namespace) -> int:
    found, usual = find_recipe(arguments.recipe)
    with progress_bars(arguments.json) as progress:
        running = Running(
            found, arguments.out or usual, data_root=arguments.data_root, device=arguments.device,
            progress=progress, say=say, bars=not arguments.json,
        )  # fmt: skip
        try:
            states = running.states() if arguments.plan else running.run()
        except KeyboardInterrupt:  # what was done is kept
            states = running.states()
    report(_result(running, states), arguments.json, _words(running, states))
    return 0


def _result(running: Running, states: Sequence[StepState]) -> dict[str, Any]:
    steps = [
        {
            "name": state.name, "state": state.state, "progress": round(state.progress, 4),
            "folder": str(state.folder), "metrics": dict(state.metrics), "files": [str(f) for f in state.files],
        }
        for state in states
    ]  # fmt: skip
    done = all(state.state == DONE for state in states)
    return {"recipe": running.recipe.name, "folder": str(running.folder), "done": done, "steps": steps}


def _words(running: Running, states: Sequence[StepState]) -> str:
    """A line for each step, and what to do next."""
    lines = []
    for state in states:
        measured = ", ".join(f"{n.replace('_', ' ')} {_number(v)}" for n, v in state.metrics.items())
        how = f"{state.progress:.0%}" if 0 < state.progress < 1 else measured
        lines.append(f"  {state.step.title:<16}{state.state:<10}{how}".rstrip())
    if all(state.state == DONE for state in states):
        lines += [f"  {file}" for file in states[-1].files]
    else:
        lines.append(f"  To continue: scalefree-studio recipe {shlex.quote(str(running.folder))}")
    return "\n".join(lines)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
