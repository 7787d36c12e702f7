"""What a person is told of the course of a session: how long it still takes, that it began anew, that it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...jobs.job import GoOn
from ...snapshot import Snapshot
from ...time_left import TimeLeft, left_in_words
from ..work.session import Session
from .stage import Stage

LEAP = 0.01  # of the way: so much farther at once is no work, but a shorter way


class Course:
    """Of the session whose newest snapshot is on the stage."""

    def __init__(self, stage: Stage, undo: Callable[[], object]):
        self._stage, self._undo = stage, undo
        self._notice = ""  # of ours, which holds until the next change
        self.begin()

    def begin(self) -> None:
        """Another session."""
        self._ended = False  # and that has been told
        self._left, self._segment = TimeLeft(), 0
        self._share, self._changed = 0.0, False
        self._played, self._looked = 0.0, time.monotonic()
        self.left = ""  # in words

    def follow(self, session: Session, snapshot: Snapshot) -> None:
        """How far it is. Pauses do not count, and after a jump it is not known how fast it goes."""
        now = time.monotonic()
        if session.status.playing:
            self._played += now - self._looked
        self._looked = now
        share = session.job.progress
        leapt = self._changed and share > self._share + LEAP
        if leapt or snapshot.segment.number != self._segment:
            self._left, self._segment = TimeLeft(), snapshot.segment.number
        self._share, self._changed = share, False
        self.left = left_in_words(self._left.follow(self._played, share))

    def tell_changes(self, session: Session) -> bool:
        """What was changed since; where all began anew by it, what, and the way back. Whether anything was."""
        view, toast = self._stage.view, self._stage.toast
        changes = session.changes()
        self._changed = self._changed or bool(changes)
        for made in changes:
            if self._notice and toast.label.text() == self._notice:
                toast.hide()  # undo would take back something else now
            view.changed(made.change)
            self._notice = view.told_anew(made.change) if made.anew else ""
            if self._notice:
                toast.say(self._notice, (("Undo", self._undo),))
        return bool(changes)

    def at_end(self, session: Session) -> bool:
        """Whether there is nothing left to do, and the stage shows what came of it."""
        newest = self._stage.newest
        return session.status.rests and newest is not None and newest.step == session.job.step_count

    def tell_end(self, session: Session) -> None:
        """Once: what came of it, and what can be done then."""
        ended, newest = self.at_end(session), self._stage.newest
        if ended and not self._ended and newest is not None and self._stage.view.result(newest):
            self.say_end(session)
        elif self._ended and not ended and self._stage.toast.label.text() == self._notice:
            self._stage.toast.hide()
        self._ended = ended

    def say_end(self, session: Session) -> None:
        """Why it does not go on by itself, and what can be done about it."""
        view, newest = self._stage.view, self._stage.newest
        result = view.result(newest) if newest is not None else ""
        if not result:
            self._stage.toast.say(view.at_rest)
            return

        def go_on() -> None:
            session.edit(GoOn())
            session.runner.play()

        self._notice = f"Finished at {result}."
        self._stage.toast.say(self._notice, (("Keep learning", go_on), *view.next_steps()), stays=True)
