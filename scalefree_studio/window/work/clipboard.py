"""What a person has dropped or pasted."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from PyQt6.QtCore import QMimeData, QUrl
from PyQt6.QtGui import QImage

from ...data.pictures import Picture, pixels_of
from ...errors import UserError
from .subjects import Subject


def subjects_of(mime: QMimeData | None) -> list[Subject]:
    """What was dropped or pasted: files, a picture, or the path of a file; none if it is nothing of ours."""
    if mime is None:
        return []
    if files := [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]:
        return list(files)
    if mime.hasImage():
        return [picture_of(mime.imageData())]
    if mime.hasUrls():
        raise UserError(
            "Only files on this computer can be opened: save the picture first, then open the file."
        )
    text = mime.text().strip().strip("\"'") if mime.hasText() else ""
    if not text or "\n" in text:
        return []
    if text.startswith("file://"):
        return [QUrl(text).toLocalFile()]
    return [text]


def subject_of(mime: QMimeData | None) -> Subject | None:
    """The first of them, where one is asked for."""
    return next(iter(subjects_of(mime)), None)


def picture_of(image: Any) -> Picture:
    """A picture from Qt's: from the clipboard."""
    if not isinstance(image, QImage) or image.isNull():
        raise UserError("What is on the clipboard is not a readable picture.")
    flat = image.convertToFormat(QImage.Format.Format_RGBA8888)
    bits = flat.constBits()
    assert bits is not None
    rows = np.frombuffer(bits.asstring(flat.sizeInBytes()), np.uint8).reshape(
        flat.height(), flat.bytesPerLine()
    )
    rgba = rows[:, : 4 * flat.width()].reshape(flat.height(), flat.width(), 4)
    return Picture(pixels_of(Image.fromarray(rgba.copy(), "RGBA")), "pasted", "")
