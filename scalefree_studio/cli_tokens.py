"""`scalefree-studio tokens`: a picture in colour tokens."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .data.datasets import MOST_SIZE
from .data.pictures import load_picture
from .data.quantised import KINDS, Quantised, quantised, resized
from .data.sources import Size
from .errors import UserError
from .export.picture import check_target, write_bands
from .export.sheet import Cell, sheet
from .export.size import size_of
from .snapshot import Bytes
from .terminal import add_json_flag, output, report

Handler = Callable[[argparse.Namespace], int]
TOKENS, SIZE = "hsv:5,4,4", "32"


def fill_tokens(parser: argparse.ArgumentParser) -> Handler:
    add = parser.add_argument
    add("image", metavar="IMAGE", help="a picture file, photo:astronaut or drawing:NAME (see `pictures`)")
    add("out", nargs="?", type=output, metavar="OUT.png", help="the picture that the tokens are")
    add("--tokens", default=TOKENS, metavar="KIND", help=f"{', '.join(KINDS)}, … (default: {TOKENS})")
    add("--size", default=SIZE, metavar="N|WxH", help=f"of the picture, in pixels (default: {SIZE})")
    add("--all", action="store_true", help="compare all kinds: a table, and a sheet of pictures as OUT.png")
    add_json_flag(parser)
    return tokens


def tokens(arguments: argparse.Namespace) -> int:
    size = _size(arguments.size)
    if arguments.out:
        check_target(arguments.out, (size[1], size[0]))
    pixels = load_picture(arguments.image).pixels
    if arguments.all:
        return _compare(arguments, size, pixels)
    found = quantised(pixels, size, [arguments.tokens])[0]
    if arguments.out:
        _write(arguments.out, found.pixels)
    report(_of_tokens(found) if arguments.json else _for_person(found), arguments.json)
    return 0


def _compare(arguments: argparse.Namespace, size: Size, pixels: Bytes) -> int:
    found = quantised(pixels, size, KINDS)
    if arguments.out:
        cells = [Cell(q.pixels, q.tokens.spec, q.facts()) for q in found]
        _write(arguments.out, sheet([Cell(resized(pixels, size), "the picture", ()), *cells]))
    rows = [f"  {'tokens':<14}{'PSNR':>10}{'bits a pixel':>14}{'colours used':>14}  of"]
    for q in found:
        psnr = "exact" if math.isinf(q.psnr) else f"{q.psnr:.2f} dB"
        rows.append(f"  {q.tokens.spec:<14}{psnr:>10}{q.bits:>14.4g}{q.used:>14,}  {q.colours:,}")
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
        "psnr": "nothing is lost" if math.isinf(found.psnr) else f"{found.psnr:.2f} dB",
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


def _size(text: str) -> Size:
    try:
        size = size_of(text)
    except ValueError:
        raise UserError(f"A size is 32, or 48x32 (wide and high), not {text!r}.") from None
    width, height = size if isinstance(size, tuple) else (size, size)
    if not all(1 <= side <= MOST_SIZE for side in (width, height)):
        raise UserError(f"The side of the picture may be 1 to {MOST_SIZE} pixels, not {text}.")
    return height, width
