"""The writer: one thread at a time carries out all the orders that wait."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from .draft import Draft
from .journal import SECONDS_FOR_A_TURN, CommitInDoubt, JournalError
from .model import Entry, Order

SECONDS_BETWEEN_CHECKS = 0.1
SECONDS_UNTIL_SLOW = 1  # a turn that takes longer is slow
SECONDS_UNTIL_SLOW_AGAIN = 0.1  # the same for the turn after a slow one
MOST_THAT_WAIT_WHEN_SLOW = 3  # threads beside the one that writes: the process needs the others to answer pages


@dataclass(eq=False)
class WaitingOrder:
    """An order that waits for a writer, and what becomes of it."""

    order: Order
    outcome: Future = field(default_factory=Future)


class Writer:
    """The writer, whose transactions threads share: while one is written, the orders of the next gather.

    A thread whose order has its outcome waits for nobody. If the journal is slow, few threads wait for it.
    """

    def __init__(self, drafting: Callable[[], AbstractContextManager[Draft]]):
        """Carry orders out on the draft that `drafting` yields; they are written if its block ends without error."""
        self._drafting = drafting
        self._orders: list[WaitingOrder] = []  # no writer has taken these yet
        self._in_line: list[Future] = []  # the outcomes of threads that wait for their turn, in the order they came
        self._writing_since: float | None = None
        self._last_turn_was_slow = False
        self._turn = threading.Condition()  # guards the four above, for moments only

    def carry_out(self, order: Order) -> Entry:
        """Return the entry that the order became, or raise its error; JournalError if it had to wait too long."""
        outcome = self.submit(order)
        is_my_turn = self._await_turn(outcome)
        if is_my_turn:
            try:
                self.write_waiting()
            finally:
                self._end_turn()
        elif not outcome.done():
            self.give_up(outcome)
        return outcome.result()

    def submit(self, order: Order) -> Future:
        """Add an order to those that wait for a writer; return its future outcome."""
        waiting = WaitingOrder(order)
        with self._turn:
            self._orders.append(waiting)
        return waiting.outcome

    # Turns

    def _await_turn(self, outcome: Future) -> bool:
        """Wait until this thread may write, and return True; False if its outcome is known or it may wait no longer."""
        deadline = time.monotonic() + SECONDS_FOR_A_TURN
        with self._turn:
            self._in_line.append(outcome)
            try:
                while self._must_wait(outcome) and time.monotonic() < deadline:
                    self._turn.wait(SECONDS_BETWEEN_CHECKS)
            finally:
                self._in_line.remove(outcome)
            if outcome.done() or self._writing_since is not None:
                return False
            self._writing_since = time.monotonic()
            return True

    def _must_wait(self, outcome: Future) -> bool:
        """Tell whether another thread writes, and this one may wait for it."""
        if outcome.done() or self._writing_since is None:
            return False
        patience = SECONDS_UNTIL_SLOW_AGAIN if self._last_turn_was_slow else SECONDS_UNTIL_SLOW
        is_slow = time.monotonic() > self._writing_since + patience
        threads_before = self._in_line.index(outcome)
        return not is_slow or threads_before < MOST_THAT_WAIT_WHEN_SLOW

    def _end_turn(self) -> None:
        with self._turn:
            self._last_turn_was_slow = time.monotonic() > self._writing_since + SECONDS_UNTIL_SLOW
            self._writing_since = None
            self._turn.notify_all()

    def give_up(self, outcome: Future) -> None:
        """Take the order back and raise JournalError; CommitInDoubt if a writer has it and is not done."""
        if outcome.cancel():
            raise JournalError("other bookings are still waiting for the journal")
        if not outcome.done():
            raise CommitInDoubt("the writer is still waiting for the journal")

    # Writing

    def write_waiting(self) -> None:
        """Carry out all orders that wait, and tell each its outcome. One thread at a time calls this."""
        taken = []
        try:
            with self._drafting() as draft:  # may have to wait for the journal: more orders gather meanwhile
                taken = self._take_waiting()
                outcomes = [draft.carry_out(waiting.order) for waiting in taken]
        except BaseException as error:
            failed = taken or self._take_waiting()  # an error before any were taken is told to all that wait
            tell_all(failed, [own_error(error) for _ in failed])
            if not isinstance(error, JournalError):  # a bug: those who wait were told of it too
                raise
        else:
            tell_all(taken, outcomes)

    def _take_waiting(self) -> list[WaitingOrder]:
        """Return the orders that wait and were not taken back; from here on none of them can be."""
        with self._turn:
            taken = [waiting for waiting in self._orders if waiting.outcome.set_running_or_notify_cancel()]
            self._orders.clear()
        return taken


def tell_all(taken: list[WaitingOrder], outcomes: list) -> None:
    """Tell the threads that wait what became of their orders: a result, or an error to raise."""
    for waiting, outcome in zip(taken, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            waiting.outcome.set_exception(outcome)
        else:
            waiting.outcome.set_result(outcome)


def own_error(error: BaseException) -> BaseException:
    """Return the error for one thread to raise: a copy of its own if it is a JournalError."""
    if isinstance(error, JournalError):
        return type(error)(str(error))
    return error
