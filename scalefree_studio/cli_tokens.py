"""`scalefree-studio tokens`: a picture in colour tokens."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .controls import add_flags, from_flags
from .data.pictures import load_picture
from .data.quantised import KINDS, Quantised, Quantiser
from .data.sources import Size
from .data.tokens import palette_size
from .export.options import TokenOptions
from .export.picture import check_target, write_bands
from .export.sheet import Cell, sheet
from .snapshot import Bytes
from .terminal import add_json_flag, output, progress_bars, report, say

Handler = Callable[[argparse.Namespace], int]


def fill_tokens(parser: argparse.ArgumentParser) -> Handler:
    add = parser.add_argument
    add("image", metavar="IMAGE", help="a picture file, photo:astronaut or drawing:NAME (see `pictures`)")
    add("out", nargs="?", type=output, metavar="OUT.png", help="where to write the picture in tokens")
    add(
        "--all",
        action="store_true",
        help="compare kinds of tokens: print a table, and write a sheet of pictures to OUT.png",
    )
    add_flags(parser, TokenOptions, title="tokens")
    add_json_flag(parser)
    return tokens


def tokens(arguments: argparse.Namespace) -> int:
    options = from_flags(TokenOptions, arguments)
    if arguments.out:
        check_target(arguments.out, options.shape[::-1])
    quantiser = Quantiser(load_picture(arguments.image).pixels)
    if arguments.all:
        return _compare(arguments, quantiser, options.shape)
    if palette_size(options.tokens) and not arguments.json:
        say("Learning a palette of the picture's colours; with many colours this takes a few seconds.")
    found = quantiser.quantised(options.shape, options.tokens)
    if arguments.out:
        _write(arguments.out, found.pixels)
    report(_of_tokens(found) if arguments.json else _for_person(found), arguments.json)
    return 0


def _compare(arguments: argparse.Namespace, quantiser: Quantiser, size: Size) -> int:
    found: list[Quantised] = []
    with progress_bars(arguments.json) as progress:
        for spec in KINDS:
            progress("Making tokens of each kind", len(found), len(KINDS))
            found.append(quantiser.quantised(size, spec))
        progress("Making tokens of each kind", len(found), len(KINDS))
    if arguments.out:
        cells = [Cell(q.pixels, q.tokens.spec, q.facts()) for q in found]
        _write(arguments.out, sheet([Cell(quantiser.resized(size), "the picture", ()), *cells]))
    rows = [f"  {'tokens':<14}{'PSNR':>12}{'bits per pixel':>16}{'colours used':>14}  of"]
    for q in found:
        psnr = "nothing lost" if math.isinf(q.psnr) else f"{q.psnr:.2f} dB"
        rows.append(f"  {q.tokens.spec:<14}{psnr:>12}{q.bits:>16.4g}{q.used:>14,}  {q.colours:,}")
    report({q.tokens.spec: _measured(q) for q in found}, arguments.json, "\n".join(rows))
    return 0


def _of_tokens(found: Quantised) -> dict[str, Any]:
    """Tokens row by row, counted from 0: a number for each place, or where each channel has its own, a list of them."""
    numbers = found.numbers[..., 0] if found.tokens.channels == 1 else found.numbers
    return {"size": list(numbers.shape[:2]), "tokens": numbers.tolist(), "colours": found.tokens.count}


def _for_person(found: Quantised) -> dict[str, Any]:
    height, width = found.pixels.shape[:2]
    return {
        "tokens": f"{found.tokens.spec} ({found.tokens.title})",
        "size": f"{width}x{height}",
        "psnr": "nothing lost" if math.isinf(found.psnr) else f"{found.psnr:.2f} dB",
        "colours_used": f"{found.used:,} of {found.colours:,}",
        "bits_a_pixel": f"{found.bits:.4g}",
    }


def _measured(found: Quantised) -> dict[str, Any]:
    return {
        "psnr": None if math.isinf(found.psnr) else found.psnr,
        "used": found.used, "colours": found.colours, "bits_a_pixel": found.bits,
    }  # fmt: skip


def _write(path: Path, picture: Bytes) -> None:
    write_bands(path, (picture.shape[1], picture.shape[0]), [picture])
