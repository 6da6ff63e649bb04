"""The writer: one thread at a time carries out all the orders that wait. It knows nothing of what an order is."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from .journal import CommitInDoubt, JournalError

SECONDS_TO_WAIT = 4  # for a turn to write; the journal then gives up after 4 more
SECONDS_UNTIL_SLOW = 1
SECONDS_BETWEEN_LOOKS = 0.1  # at how long it takes
SECONDS_UNTIL_SLOW_AGAIN = 0.1  # after a turn that was slow
MOST_THAT_WAIT_WHEN_SLOW = 3  # beside the one that writes: the other threads of the process answer pages


class Writer:
    """Lets threads share transactions: while one is written, the orders of the next gather.

    A thread that was answered waits for nobody. Where the journal is slow, few threads wait for it.
    """

    def __init__(self, write: Callable[[list], list]):
        """Carry orders out with a function that returns what became of each: a result or, not raised, an error."""
        self._write = write
        self._waiting: list[tuple[object, Future]] = []  # orders that no writer has begun with, and their outcomes
        self._threads: list[Future] = []  # the outcomes for which threads wait, first come first
        self._writing_since: float | None = None
        self._was_slow = False  # the last turn
        self._turn = threading.Condition()  # guards the four above, for moments only

    def carry_out(self, order: object) -> object:
        """Return what became of the order, or raise its error; JournalError where it had to wait for too long."""
        outcome = self.submit(order)
        if self._await_turn(outcome):
            try:
                self.write_waiting()
            finally:
                self._end_turn()
        return outcome.result()

    def submit(self, order: object) -> Future:
        """Let an order wait for a writer; return its outcome."""
        outcome = Future()
        with self._turn:
            self._waiting.append((order, outcome))
        return outcome

    def _await_turn(self, outcome: Future) -> bool:
        """Wait until the outcome is known; return True where this thread is to write it."""
        deadline = time.monotonic() + SECONDS_TO_WAIT
        with self._turn:
            self._threads.append(outcome)
            try:
                while not outcome.done():
                    if self._writing_since is None:
                        self._writing_since = time.monotonic()
                        return True
                    if time.monotonic() > deadline or self._too_many_wait_before(outcome):
                        self.give_up(outcome)
                    self._turn.wait(SECONDS_BETWEEN_LOOKS)
                return False
            finally:
                self._threads.remove(outcome)

    def _too_many_wait_before(self, outcome: Future) -> bool:
        patience = SECONDS_UNTIL_SLOW_AGAIN if self._was_slow else SECONDS_UNTIL_SLOW
        is_slow = time.monotonic() > self._writing_since + patience
        return is_slow and self._threads.index(outcome) >= MOST_THAT_WAIT_WHEN_SLOW

    def give_up(self, outcome: Future) -> None:
        """Take an order back and raise JournalError: CommitInDoubt where a writer has begun with it."""
        if outcome.cancel():
            raise JournalError("other bookings are still waiting for the journal")
        if not outcome.done():
            raise CommitInDoubt("the writer is still waiting for the journal")

    def _end_turn(self) -> None:
        with self._turn:
            self._was_slow = time.monotonic() > self._writing_since + SECONDS_UNTIL_SLOW
            self._writing_since = None
            self._turn.notify_all()

    def write_waiting(self) -> None:
        """Carry out all orders that wait, and tell each its outcome. One thread at a time calls this."""
        waiting = self._take_waiting()
        orders = [order for order, _ in waiting]
        try:
            outcomes = self._write(orders)
        except JournalError as error:
            outcomes = [type(error)(str(error)) for _ in waiting]  # one for each thread that raises it
        except BaseException as error:  # a bug: whoever waits must be told of it too
            tell(waiting, [error for _ in waiting])
            raise
        tell(waiting, outcomes)

    def _take_waiting(self) -> list[tuple[object, Future]]:
        """Return the orders that wait, but for those that were taken back; from here on none can be."""
        waiting = []
        with self._turn:
            for order, outcome in self._waiting:
                was_taken_back = not outcome.set_running_or_notify_cancel()
                if not was_taken_back:
                    waiting.append((order, outcome))
            self._waiting.clear()
        return waiting


def tell(waiting: list[tuple[object, Future]], outcomes: list) -> None:
    """Tell each thread that waits for an order what became of it."""
    for (_, told), outcome in zip(waiting, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            told.set_exception(outcome)
        else:
            told.set_result(outcome)
