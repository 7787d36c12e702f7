"""What the README and the pages in docs/ say: their commands are understood, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from scalefree_studio.cli import PROGRAM, Parser, commands

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").glob("*.md"))
NAMED = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@NAMED
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def every_command(page: Path) -> list[list[str]]:
    """The words of each command of the studio in a page's blocks of commands."""
    lines = re.findall(rf"^    {PROGRAM} (.+)$", page.read_text(), re.MULTILINE)
    commands = [shlex.split(line, comments=True) for line in lines]
    return [
        words for words in commands if "neighbours" not in words
    ]  # the example, which is not installed here


@NAMED
def test_commands_are_understood(page):
    known = commands()
    for words in every_command(page):
        if words and words[0] in known:
            parser = Parser(prog=words[0])
            known[words[0]][1](parser)
            parser.parse_args(words[1:])
        else:
            # The window opens, on a subject or without one.
            assert len(words) <= 1 and not any(word.startswith("-") for word in words), words


def test_most_pages_have_commands():
    assert sum(len(every_command(page)) for page in PAGES) > 30
