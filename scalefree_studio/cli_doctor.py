"""`scalefree-studio doctor`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from . import doctor

Handler = Callable[[argparse.Namespace], int]


def fill_doctor(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("--json", action="store_true", help="print the result as JSON on the last line")
    return examine


def examine(arguments: argparse.Namespace) -> int:
    checks = doctor.examine()
    print(json.dumps(doctor.as_data(checks)) if arguments.json else doctor.in_words(checks), flush=True)
    return 0 if doctor.healthy(checks) else 1
