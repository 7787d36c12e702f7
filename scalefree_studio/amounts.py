"""How large a network is, in words: how many numbers it holds, and what they take."""

from __future__ import annotations

import re

UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


def size_in_words(numbers: int, taken: float) -> str:
    """As "2,371 numbers, 4.7 kB" or "3.1 M numbers, 12.4 MB"."""
    many = f"{numbers:,}" if numbers < 1_000_000 else _short(numbers)
    return f"{many} number{'s' * (numbers != 1)}, {bytes_in_words(taken)}"


def bytes_in_words(count: float) -> str:
    """As "4.7 kB"; whole from a hundred on."""
    return f"{_short(count)}B" if count >= 1000 else f"{count:.0f} B"


def _short(count: float) -> str:
    """As "4.7 k": a number below a thousand, and by what it is multiplied."""
    for letter, times in (("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)):
        if count < 999.5 * times or letter == "T":
            return f"{count / times:.{0 if count >= 99.95 * times else 1}f} {letter}"
    raise AssertionError


def numbers_typed(text: str, bytes_each: int = 4) -> int:
    """How many numbers a person means by "2371", "2,371 numbers, 4.7 kB", "3.1 M" or "4.7 kB"; or a ValueError."""
    first = re.sub(r"numbers?.*", "", text.strip())  # what follows says the same in bytes
    found = re.fullmatch(r"([\d.,\s]+?)\s*([kMG]?)(B?)", first.strip())
    if found is None:
        raise ValueError(f"A size is a count of numbers, or kilobytes as in 4.7 kB, not {text[:40]!r}.")
    digits, times, in_bytes = found.groups()
    if not (times or in_bytes):
        digits = re.sub(r"[,.\s](?=\d{3}\b)", "", digits)  # between thousands
    try:
        count = float(digits.replace(",", ".").replace(" ", "")) * UNITS[times]
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number.") from None
    return round(count / bytes_each if in_bytes else count)
