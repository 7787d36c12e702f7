"""The one door: `scalefree-studio` opens the window, `scalefree-studio COMMAND` works without one.

Exit codes: 0 all is well; 2 bad input, told in one line; 1 a bug.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from functools import partial
from typing import Any, NoReturn

from . import cli_doctor, crashes
from .errors import JobError, UserError, told
from .files import at_home
from .versions import version_of
from .window_libraries import missing_libraries, what_to_install

PROGRAM = "scalefree-studio"
SPEAKING = 30.0  # seconds, at most, that the first of several processes has to say what was wrong
Handler = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        self.register("type", int, partial(_number, int, "a whole number"))
        self.register("type", float, partial(_number, float, "a number"))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Nothing that is unknown is let through: here it is known what it may have been meant for."""
        found, unknown = super().parse_known_args(args, namespace)
        if option := next((word.partition("=")[0] for word in unknown if word.startswith("-")), ""):
            near = get_close_matches(option, self._option_string_actions, 1)
            self.error(f"there is no option {option}" + (f"; did you mean {near[0]}?" if near else ""))
        if unknown:
            self.error(f"{unknown[0]!r} is one word too many")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def _number(kind: type, words: str, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {words}") from None


Commands = dict[str, tuple[str, Callable[[argparse.ArgumentParser], Handler]]]


def commands() -> Commands:
    """Command → (what it does, what fills its parser and returns its handler): ours, then those of instruments."""
    from .jobs.instruments import imported, instruments

    theirs = {
        name: (what, lambda parser, place=place: imported(place)(parser))
        for instrument in instruments().values()
        for name, (what, place) in instrument.commands.items()
    }
    ours = _own_commands()
    return {**ours, **theirs, **ours}


def _hidden_commands() -> list[str]:
    """Commands of instruments that have the names of ours, in a sentence each."""
    from .jobs.instruments import instruments

    return [
        f"The command {name!r} of {instrument.title} is left out: the studio already has one of that name."
        for instrument in instruments().values()
        for name in sorted(instrument.commands.keys() & _own_commands().keys())
    ]


def _own_commands() -> Commands:
    from . import (
        cli_draw,
        cli_encode,
        cli_export,
        cli_fetch,
        cli_fit,
        cli_info,
        cli_recipe,
        cli_surprise,
        cli_tokens,
        cli_train,
    )

    return {
        "fit": ("learn a picture as a divider network", cli_fit.fill_fit),
        "demo": ("learn a built-in picture and leave a picture, a model and a movie", cli_fit.fill_demo),
        "render": ("draw a model at any size", cli_export.fill_render),
        "movie": ("make a movie of a recorded run", cli_export.fill_movie),
        "train": ("train a model on many pictures", cli_train.fill_train),
        "sample": ("let a trained model draw", cli_draw.fill_sample),
        "complete": ("let a trained model finish a picture", cli_draw.fill_complete),
        "surprise": ("measure how surprising a picture is to a trained model", cli_surprise.fill_surprise),
        "evaluate": ("measure a trained model on held-out pictures", cli_train.fill_evaluate),
        "encode": ("turn a data set into tokens or latents, once and for all", cli_encode.fill_encode),
        "recipe": ("run a recipe, from pictures to tokens and back", cli_recipe.fill_recipe),
        "fetch": ("download a trained model", cli_fetch.fill_fetch),
        "tokens": ("show a picture in colour tokens", cli_tokens.fill_tokens),
        "info": ("show what is in a model or a run", cli_info.fill_info),
        "doctor": (
            "check what works on this machine, and how to fix what does not",
            cli_doctor.fill_doctor,
        ),
        "pictures": ("list what is included: pictures, models, data sets, recipes", cli_info.fill_pictures),
    }


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not every name of a file is a text that can be printed
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(argv)
    except (UserError, JobError) as error:
        return _bad(str(error))
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a folder that may not be written, a name that is too long
        where = f"{error.filename}: " if error.filename else ""
        return _bad(f"{where}{error.strerror or error}.")
    except (MemoryError, RuntimeError) as error:
        from .jobs.memory import is_out_of_memory  # late: torch takes its time

        if not is_out_of_memory(error):
            raise
        return _bad("There is not enough memory for this: ask for something smaller.")
    except KeyboardInterrupt:
        exec(
            ""
        )  # where it came in the midst of one, as of a dataclass that is made, Python would end with 130
        if _speaks():
            print(f"\n{PROGRAM}: stopped.", file=sys.stderr)
        return 0


def _bad(sentence: str) -> int:
    if _speaks():
        print(f"{PROGRAM}: {told(sentence)}", file=sys.stderr)
        return 2
    with suppress(
        KeyboardInterrupt
    ):  # torchrun interrupts all as soon as one has ended badly; the first is to speak
        time.sleep(SPEAKING)
    return 2


def _speaks() -> bool:
    """Of the processes that `torchrun` has started, the first speaks for all."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK") == "0"


def _run(argv: list[str]) -> int:
    if argv[:1] == ["doctor"]:  # before anything is imported that may be what is broken
        parser = Parser(
            prog=f"{PROGRAM} doctor",
            description="Check what works on this machine, and how to fix what does not.",
        )
        return cli_doctor.fill_doctor(parser)(parser.parse_args(argv[1:]))
    with _undisturbed():
        from .jobs.instruments import registry

    known = commands()
    for trouble in (*registry().troubles, *_hidden_commands()):
        if _speaks():
            print(f"{PROGRAM}: {trouble}", file=sys.stderr)
    if argv and argv[0] in known:
        name = argv[0]
        parser = Parser(prog=f"{PROGRAM} {name}", description=known[name][0].capitalize() + ".")
        handler = known[name][1](parser)
        return handler(parser.parse_args(argv[1:]))
    if argv:
        _refuse_a_mere_word(argv[0], known)  # before a parser wonders what stands behind it
    arguments = _window_parser(known).parse_args(argv)
    _refuse_a_mere_word(arguments.subject or "", known)
    return _open_window(arguments)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Within this, Ctrl-C and SIGTERM wait: while torch is imported, it would abort the process."""
    ours = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is signal.default_int_handler]
    if threading.current_thread() is not threading.main_thread():  # others hear of no signal
        ours = []
    came: list[int] = []
    for name in ours:
        signal.signal(name, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for name in ours:
            signal.signal(name, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def _refuse_a_mere_word(word: str, known: Iterable[str]) -> None:
    """A command that is misspelt would open a window with nothing in it."""
    if not word or word[0] == "-" or set(word) & set("./\\:") or at_home(word).exists():
        return
    if near := get_close_matches(word.lower(), known, 1):
        raise UserError(f"There is no command {word!r}. Did you mean {near[0]!r}?")
    raise UserError(f"There is no command, picture or run {word!r} (see {PROGRAM} --help).")


def _window_parser(known: Commands) -> Parser:
    lines = "\n".join(f"  {name:<10}{what}" for name, (what, _) in known.items())
    parser = Parser(
        prog=PROGRAM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Watch image models learn and draw. Without a command, the window opens.",
        epilog=f"commands (each has its own --help):\n{lines}",
    )
    parser.add_argument(
        "subject", nargs="?", metavar="PICTURE|MODEL|RUN|RECIPE", help="what to open in the window"
    )
    parser.add_argument(
        "--version", action="version", version=f"{PROGRAM} {version_of(PROGRAM) or '(not installed)'}"
    )
    parser.add_argument(
        "--theme", choices=("dark", "light"), help="how the window looks (default: as last time)"
    )
    parser.add_argument("--size", metavar="WxH", help="the window's size")
    parser.add_argument("--screenshot", metavar="OUT.png", help="save a picture of the window, then quit")
    parser.add_argument(
        "--after", type=float, default=10.0, metavar="SECONDS", help="when to take it (default: 10)"
    )
    return parser


def _open_window(arguments: argparse.Namespace) -> int:
    if not has_display():
        raise UserError(
            "There is no display for the window; try `scalefree-studio demo` or `scalefree-studio --help`."
        )
    if missing := missing_libraries():  # Qt would say it in a traceback, or abort
        raise UserError(f"The window needs libraries that are not installed: {what_to_install(missing)}")
    from .window.shell.app import main as window_main  # only here: everything else works without Qt

    return window_main(
        arguments.subject,
        theme=arguments.theme,
        size=arguments.size,
        screenshot=arguments.screenshot,
        after=arguments.after,
    )


def has_display() -> bool:
    """Whether a window can be shown."""
    return sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def entry() -> None:
    """The console script. SIGTERM is told as Ctrl-C is: a movie is finished, half a picture is taken away."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    crashes.begin(sys.argv)
    sys.exit(main())
