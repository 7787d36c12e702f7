"""The recipe that is open: what is clicked is done, and one step follows another. What that is, pipeline.py knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer

from ...jobs.recipes.plan import PICTURES
from ...jobs.training.train import Train
from ..widgets.steps import Look, Steps
from ..work.background import Background
from ..work.opening import open_step
from ..work.pipeline import ANEW, DRAW, LATER, MAKE, OPEN, PAUSED, PLAY, SAY, Action, Box, Learning, Pipeline
from ..work.session import Session, yield_to_the_window
from ..work.sessions import Sessions
from ..work.subjects import DRAW as DRAWING
from ..work.subjects import Wish

OFTEN = 1000  # ms from look to look at how far it is
ROLES = {  # state → the colours of its words and its edge
    "done": ("text", "line"), "learning": ("accent", "edge"), PAUSED: ("accent", "edge"), "next": ("text", "edge"),
    "stale": ("danger", "danger"), LATER: ("soft", "line"),
}  # fmt: skip


class RecipeAtWork(QObject):
    """`pipeline` is None while no recipe is open. `left` says how long what is on the stage still takes."""

    def __init__(
        self, sessions: Sessions, strip: Steps, say: Callable[[str], None], left: Callable[[], str], parent: QObject
    ):  # fmt: skip
        super().__init__(parent)
        self._sessions, self._strip, self._say, self._left = sessions, strip, say, left
        self.pipeline: Pipeline | None = None
        self._background = Background("recipe", self)
        self._reading = False
        self._tried: tuple[str, int] | None = None  # the end of a training that was measured last
        self._timer = QTimer(self)
        self._timer.setInterval(OFTEN)
        self._timer.timeout.connect(self._look)
        sessions.begun.connect(self._begin)
        sessions.changed.connect(self._look)
        strip.chosen.connect(self.click)
        strip.run_chosen.connect(self.run_or_pause)
        strip.hide()

    # What is on the stage.

    def _begin(self) -> None:
        """Another session: of this recipe, of another one, or of none."""
        opened = self._sessions.opened
        if opened is None:
            return
        pipeline, source = opened.pipeline, Path(opened.source or opened.folder.path)
        if pipeline is None and self.pipeline is not None and self.pipeline.has(opened.folder.path, source):
            pipeline = self.pipeline
        if pipeline is not self.pipeline:
            self._leave()
        self.pipeline = pipeline
        self._strip.setVisible(pipeline is not None)
        if pipeline is not None:
            pipeline.shown, pipeline.on_stage, self._tried = True, opened.step, None
            self._timer.start()
            self._read(self._go_on)
            self._look()

    def _leave(self) -> None:
        """The recipe is no longer open. What is being made for it stops first."""
        self._timer.stop()
        pipeline, self.pipeline = self.pipeline, None
        if pipeline is not None:
            pipeline.cancel()
            self._background.submit(pipeline.close, lambda _: None)

    @property
    def _session(self) -> Session | None:
        return self._sessions.session

    @property
    def _learning(self) -> Learning | None:
        session, opened = self._session, self._sessions.opened
        if session is None or opened is None or opened.step == "" or not isinstance(session.job, Train):
            return None
        return Learning.of(session.job, session.status, self._left())

    def _look(self) -> None:
        """What is new, and what is to be done about it."""
        pipeline, learning = self.pipeline, self._learning
        if pipeline is None or self._sessions.ending:
            return
        if pipeline.at_end(learning):
            self._measure(pipeline, learning)
        elif pipeline.outdated(learning):
            self._read()
        self.show()

    def show(self) -> None:
        pipeline, learning = self.pipeline, self._learning
        if pipeline is None:
            return
        looks = [_look_of(box) for box in pipeline.boxes(learning)]
        if self.running:
            self._strip.show_steps(looks, "Pause", "Pause this step and start no other")
        else:
            words = "" if pipeline.done else "Run all"
            self._strip.show_steps(looks, words, "Run every step, to the end of the recipe")

    @property
    def running(self) -> bool:
        """Whether it goes from step to step by itself."""
        pipeline, learning = self.pipeline, self._learning
        if pipeline is None or not pipeline.goes_on or pipeline.done:
            return False
        at_work = learning is not None and (learning.playing or learning.at_end)
        return bool(pipeline.working or self._sessions.reading or at_work)

    # What the person does.

    def click(self, number: int) -> None:
        if self.pipeline is None:
            return
        state = self.pipeline.states[number]
        action = self.pipeline.clicked(state.name, self._learning)
        if action.kind == DRAW or (action.kind == OPEN and state.state == "done"):
            self.pipeline.goes_on = False  # who looks at what is done is not called away
        self._do(action)

    def run_or_pause(self) -> None:
        pipeline, session = self.pipeline, self._session
        if pipeline is None:
            return
        if self.running:
            pipeline.goes_on = False
            pipeline.cancel()
            if session is not None and pipeline.on_stage:
                session.runner.pause()
        else:
            pipeline.goes_on = True
            self._go_on()
        self.show()

    # What is done.

    def _go_on(self) -> None:
        """To the next step, if it is to go on by itself."""
        pipeline = self.pipeline
        if pipeline is None or not pipeline.goes_on:
            return
        action = pipeline.next(self._learning)
        if action is not None:
            pipeline.goes_on = action.kind != SAY
            self._do(action)

    def _do(self, action: Action) -> None:
        pipeline, session = self.pipeline, self._session
        if pipeline is None:
            return
        if action.kind == SAY:
            self._say(action.what)
        elif action.kind == PLAY and session is not None:
            session.runner.play()
        elif action.kind in (OPEN, ANEW):
            state, anew = pipeline.state(action.what), action.kind == ANEW
            self._sessions.open_by(
                lambda _, progress: open_step(pipeline, action.what, progress, anew),
                state.step.title,
                state.folder,
            )
        elif action.kind == MAKE:
            self._make(pipeline, action.what)
        elif action.kind == DRAW:
            self._sessions.open(str(Wish(DRAWING, str(pipeline.model))))
        self.show()

    def _make(self, pipeline: Pipeline, name: str) -> None:
        """Shards, or pictures; after which the model draws."""

        session = self._session

        def work() -> None:
            yield_to_the_window()
            pipeline.make(name)

        def done(_: object) -> None:
            pipeline.end()
            self._made(pipeline)
            if name == PICTURES and pipeline is self.pipeline and self._session is session:
                self._do(Action(DRAW))

        pipeline.begin(name)
        self._background.submit(work, done, lambda why: self._stopped(pipeline, why))

    def _measure(self, pipeline: Pipeline, learning: Learning | None) -> None:
        """A training has come to its end: it is kept, and then measured, once."""
        session, name = self._session, pipeline.on_stage
        if session is None or learning is None or self._tried == (name, learning.step):
            return
        step = learning.step
        session.runner.save_soon()

        def work() -> bool:
            yield_to_the_window()
            return pipeline.measure(name, step)

        def done(measured: bool) -> None:
            pipeline.end()
            if measured:
                self._tried = name, step
                self._made(pipeline)

        def failed(why: str) -> None:
            self._tried = name, step
            self._stopped(pipeline, why)

        pipeline.begin(name)
        self._background.submit(work, done, failed)

    def _made(self, pipeline: Pipeline) -> None:
        if pipeline is self.pipeline:
            self._go_on()
            self.show()

    def _stopped(self, pipeline: Pipeline, why: str) -> None:
        """By the person, or by what went wrong."""
        wrong = pipeline.end()
        if pipeline is not self.pipeline:
            return
        if wrong:
            pipeline.goes_on = False
            self._say(why)
        self._made(pipeline)

    def _read(self, then: Callable[[], None] = lambda: None) -> None:
        """How far the steps are, from the disk."""
        pipeline = self.pipeline
        if pipeline is None or self._reading:
            return
        self._reading = True

        def done(_: object) -> None:
            self._reading = False
            if pipeline is self.pipeline:
                then()
                self.show()

        def failed(why: str) -> None:
            self._reading = False
            self._say(why)

        self._background.submit(pipeline.read, done, failed)

    def close(self) -> bool:
        """The end. Whether nothing is at work any more."""
        self._timer.stop()
        if self.pipeline is not None:
            self.pipeline.cancel()
        ended = self._background.close()
        if self.pipeline is not None and ended:
            self.pipeline.close()
        return ended


def _look_of(box: Box) -> Look:
    role, edge = ROLES[box.state]
    return Look(box.title, box.words, box.help, role, edge, box.progress, box.open)
