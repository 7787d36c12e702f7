"""What is found by a few letters: the beginnings of words first, the recent before others, a value behind the name."""

from __future__ import annotations

import pytest

from scalefree_studio.controls import ControlError
from scalefree_studio.window.widgets.finding import Act, Entry, fit, search

done: list[object] = []


def command(title: str, **more: object) -> Entry:
    return Entry(f"command.{title}", title, act=lambda: done.append(title), **more)  # type: ignore[arg-type]


def number(title: str, most: int) -> Entry:
    def take(text: str) -> tuple[str, Act]:
        if not text.isdecimal() or int(text) > most:
            raise ControlError(f"{title} is a number up to {most}, not {text}.")
        return text, lambda: done.append((title, int(text)))

    return Entry(f"control.{title}", title, take=take)


def choice(title: str, *words: str) -> Entry:
    def take(text: str) -> tuple[str, Act]:
        if text not in words:
            raise ControlError(f"{title} is one of {', '.join(words)}, not {text}.")
        return text, lambda: done.append((title, text))

    return Entry(f"control.{title}", title, take=take, words=words)


ENTRIES = [
    number("Circles", 4096), number("Circle weight", 9), number("Learning rate", 1), choice("Theme", "dark", "light"),
    choice("Start", "random", "edges", "a grid"), command("Add a circle"), command("Lines and circles"),
    command("Pause"),    command("Circus", why_not="Not today."), command("Fit", help="All in view"),
]  # fmt: skip


def titles(typed: str, recent: tuple[str, ...] = ()) -> list[str]:
    return [hit.entry.title for hit in search(typed, ENTRIES, recent)]


def test_without_a_word_everything_is_there_the_recent_first() -> None:
    everything = titles("")
    assert sorted(everything) == sorted(entry.title for entry in ENTRIES)
    assert titles("", ("command.Pause", "control.Start"))[:2] == ["Pause", "Start"]


def test_the_beginning_of_a_name_goes_before_later_words_and_those_before_letters_within() -> None:
    assert titles("circ") == ["Circles", "Circle weight", "Add a circle", "Lines and circles", "Circus"]
    assert titles("rate") == ["Learning rate"]
    assert titles("ause") == ["Pause"]
    assert titles("lr") == ["Learning rate", "Lines and circles"]
    assert titles("weight circ") == ["Circle weight"]  # in any order
    assert titles("Fit")[0] == "Fit"
    assert titles("zzz") == []


def test_a_whole_name_goes_before_all_that_begin_so() -> None:
    more = [command("Line up"), command("Line")]
    assert [hit.entry.title for hit in search("line", more)] == ["Line", "Line up"]


def test_of_what_fits_alike_the_recent_goes_first() -> None:
    assert titles("circ", ("control.Circle weight",))[:2] == ["Circle weight", "Circles"]
    assert titles("circ", ("command.Lines and circles",))[0] == "Circles", "what fits better still goes first"


def test_what_cannot_be_done_is_last_and_says_why() -> None:
    last = search("circ", ENTRIES)[-1]
    assert (last.entry.title, last.trouble) == ("Circus", "Not today.")


def test_its_help_finds_a_command_last() -> None:
    assert titles("view") == ["Fit"]
    assert fit("view", "Fit") is None


@pytest.mark.parametrize("typed", ["circ 12", "circles: 12", "circles=12", "CIRCLES 12"])
def test_a_number_behind_a_name_is_its_value(typed: str) -> None:
    hit = search(typed, ENTRIES)[0]
    assert (hit.entry.title, hit.value, hit.trouble) == ("Circles", "12", "")
    assert hit.act is not None
    hit.act()
    assert done.pop() == ("Circles", 12)


def test_a_word_is_chosen_by_its_beginning() -> None:
    assert [(hit.entry.title, hit.value) for hit in search("theme da", ENTRIES)] == [("Theme", "dark")]
    assert [hit.value for hit in search("start gr", ENTRIES)] == ["a grid"]
    assert [hit.value for hit in search("start:", ENTRIES)] == ["random", "edges", "a grid"]


def test_a_wrong_value_says_the_bound_and_does_nothing() -> None:
    hit = search("circles 5000", ENTRIES)[0]
    assert hit.trouble == "Circles is a number up to 4096, not 5000."
    assert hit.act is None
    assert search("theme blue", ENTRIES)[0].trouble == "Theme is one of dark, light, not blue."


def test_a_wrong_value_is_not_told_where_another_takes_it() -> None:
    hits = search("circ 12", ENTRIES)  # Circle weight takes up to 9
    assert [hit.entry.title for hit in hits] == ["Circles"]


def test_the_letters_that_were_typed_are_known() -> None:
    found = fit("ci ad", "Add a circle")
    assert found is not None
    assert sorted(found.letters) == [0, 1, 6, 7]


def test_the_whole_name_of_what_cannot_be_done_is_not_taken_for_another() -> None:
    entries = [command("Delete this run"), command("Delete", why_not="Select a line first.")]
    assert [hit.entry.title for hit in search("delete", entries)] == ["Delete", "Delete this run"]
    assert [hit.entry.title for hit in search("del", entries)] == ["Delete this run", "Delete"]


def test_a_longer_name_is_no_value_of_a_shorter_one() -> None:
    entries = [choice("Activation", "tanh"), choice("Activation in the middle", "tanh")]
    assert search("activation in the middle", entries)[0].entry.title == "Activation in the middle"
