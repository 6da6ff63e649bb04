"""Who takes part: a process of the app, and the secretaries who wait for its answers."""

from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum

from gudlft.journal import CommitInDoubt, JournalError
from gudlft.journal.revocations import Revocations
from gudlft.ledger import Ledger
from gudlft.model import BookingError, Order
from gudlft.reader import Reader
from tests.simulation.journal import SimulatedJournal


class Killed(BaseException):
    """The process died, whatever it was doing."""


class Answer(Enum):
    """What a secretary who sent a form has heard."""

    NOT_YET = "nothing yet"
    BOOKED = "this was booked, or given back"
    REFUSED = "a rule forbids it"
    NOTHING = "this try booked nothing"
    IN_DOUBT = "it is not certain"
    NEVER = "nothing, for the process died"


@dataclass(eq=False)
class Attempt:
    """One sending of a form; each copy of the form is an attempt of its own."""

    order: Order
    outcome: Future
    answer: Answer = Answer.NOT_YET

    def hear(self, answer):
        if self.answer is Answer.NOT_YET:
            self.answer = answer

    def hear_outcome(self):
        error = self.outcome.exception()
        if error is None:
            self.hear(Answer.BOOKED)
        elif isinstance(error, BookingError):
            self.hear(Answer.REFUSED)
        elif isinstance(error, CommitInDoubt):
            self.hear(Answer.IN_DOUBT)
        elif isinstance(error, JournalError):
            self.hear(Answer.NOTHING)


class Process:
    """A process of the app, and what its threads do."""

    def __init__(self, history, name):
        self.name = name
        self.is_alive = True
        self.does = []
        self.waiting = []  # attempts that were not told their outcome, nor taken back
        self.revoked = []
        self.entries_checked = 0
        self.clubs = history.files.clubs
        self.competitions = history.files.competitions
        self.cancelled = history.files.cancelled()
        self.journal = SimulatedJournal(history, self)
        self.ledger = Ledger(
            clubs=self.clubs,
            competitions=self.competitions,
            terms=history.terms,
            journal=self.journal,
            clock=lambda: history.now,
        )
        self.revocations = Revocations(self.journal)
        self.reader = Reader(self.journal, self.ledger, self.revocations)

    @contextmanager
    def doing(self, action):
        """Note what the process does in the block; leave the block when the process is killed."""
        self.does.append(action)
        with suppress(Killed):
            yield
        self.does.remove(action)

    def written(self):
        return [attempt for attempt in self.waiting if attempt.outcome.done()]

    def die(self):
        self.is_alive = False
        for attempt in self.waiting:
            attempt.hear(Answer.NEVER)
