"""Words on a picture."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..errors import UserError
from ..snapshot import Bytes, Snapshot

WIDEST = 100  # letters of a number, which takes as much memory as is asked for


class _Plain(string.Formatter):
    """Only plain names, no attributes or indices; two decimals unless asked otherwise; a dash for what is unknown."""

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        if field_name not in kwargs:
            raise UserError(
                f"A caption cannot show {{{field_name}}}; it can show {', '.join(sorted(kwargs))}."
            )
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "–"
        if any(int(number) > WIDEST for number in re.findall(r"\d+", format_spec)):
            raise ValueError(f"a number has at most {WIDEST} letters")
        return format(value, format_spec or (".2f" if isinstance(value, float) else ""))


def filled(caption: str, snapshot: Snapshot, measured: Iterable[str] = ()) -> str:
    """A caption such as "step {step}: {psnr:.1f} dB", filled in for a moment; or a UserError in one sentence.
    `measured` is what is known at other moments, if not at this."""
    known: dict[str, Any] = {"psnr": None, "loss": None, **dict.fromkeys(measured), **snapshot.metrics}
    known |= {"step": snapshot.step, "seconds": snapshot.seconds}
    try:
        return _Plain().vformat(caption.replace("\\n", "\n"), (), known)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError(f"The caption {caption!r} cannot be filled in: {error}.") from None


def draw_caption(picture: Bytes, text: str) -> None:
    """Write text into a picture (H, W, 3), at the bottom left: light, dark edges, smaller where it is too long."""
    height, width = picture.shape[:2]
    size = max(9, min(height, width) / 24)
    image = Image.fromarray(picture)
    paint = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    while size > 1 and paint.textbbox((0, 0), text, font)[2] + 2 * size > width:
        size = max(1.0, size * 0.9)
        font = ImageFont.load_default(size)
    margin, stroke = size * 0.8, max(1, round(size / 9))
    bottom = paint.textbbox((0, 0), text, font, stroke_width=stroke)[3]
    place = (margin, height - margin - bottom)
    paint.text(place, text, (250, 250, 248), font, stroke_width=stroke, stroke_fill=(14, 17, 22))
    picture[:] = np.asarray(image)
