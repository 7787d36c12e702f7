"""Where in a TOML file something stands, which its reader does not say."""

from __future__ import annotations

import re

HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*[=.]""")
QUOTES = ('"""', "'''")  # around texts of several lines


def line_of(text: str, section: str, key: str = "", number: int = 0) -> int:
    """The line, from 1 on, of a key in a section ("" before the first); of a section that comes several times, in that
    one of them. Without a key, or where the key cannot be found, the line in which the section begins."""
    here, count, begin = "", 0, 1
    closing = ""  # of a text that goes on
    for n, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        closing = next((quotes for quotes in QUOTES if line.count(quotes) == 1), "")
        if header := HEADER.match(line):
            here = header[2].strip("\"'")
            count += here == section
            if here == section and count == number + 1:
                begin = n
        elif found := KEY.match(line):
            inside = here == section and (not section or count == number + 1)
            if inside and found[1] == key:
                return n
            if not here and found[1] == section:  # written in one line: data = { … }
                begin = n
    return begin
