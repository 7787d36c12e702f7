"""What can go wrong through nobody's fault, each told to the person in one sentence."""

LONGEST = 500  # letters of a sentence


class UserError(Exception):
    """Bad input: a missing file, a damaged model, a value out of range. Its text is one sentence for a person."""


class JobError(Exception):
    """A job cannot go on (not-a-number loss, out of memory). Its text says what happened and what to do."""


def told(sentence: str) -> str:
    """A sentence as it can be shown, whatever names are in it: those of any length are cut in the middle, and what
    cannot be printed, bytes that are no text for one, is spelt out."""
    if len(sentence) > LONGEST:
        sentence = f"{sentence[: LONGEST // 2]}…{sentence[-LONGEST // 2 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in sentence)
