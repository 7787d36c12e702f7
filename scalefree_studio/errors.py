"""What can go wrong through nobody's fault, each told to the person in one sentence."""


class UserError(Exception):
    """Bad input: a missing file, a damaged model, a value out of range. Its text is one sentence for a person."""


class JobError(Exception):
    """A job cannot go on (not-a-number loss, out of memory). Its text says what happened and what to do."""
