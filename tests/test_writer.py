"""The writer: threads whose orders wait share a transaction, and every thread is told what became of its order."""

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Semaphore

import pytest

from gudlft import journal as journal_module
from gudlft import writer as writer_module
from gudlft.journal import CommitInDoubt, JournalError
from gudlft.model import BookingError
from gudlft.writer import Writer

LONGEST_TEST = 10  # seconds


def outcomes_of(orders):
    """Return what becomes of orders: the order "wrong" breaks a rule."""
    return [BookingError(order) if order == "wrong" else f"{order} is done" for order in orders]


class SlowJournal:
    """A journal whose transactions end when the test lets them."""

    def __init__(self):
        self.batches = []
        self.error = None
        self._begun = Semaphore(0)
        self._may_end = Semaphore(0)

    def carry_out_all(self, take_orders):
        """Take orders, and return their outcomes when the test lets the transaction end."""
        orders = take_orders()
        self.batches.append(orders)
        self._begun.release()
        assert self._may_end.acquire(timeout=LONGEST_TEST)
        if self.error:
            raise self.error
        return outcomes_of(orders)

    def wait_until_begun(self):
        assert self._begun.acquire(timeout=LONGEST_TEST)

    def let_end(self, transactions=1):
        self._may_end.release(transactions)


class WatchedWriter(Writer):
    """A writer that tells when orders have been submitted."""

    def __init__(self, carry_out_all):
        super().__init__(carry_out_all)
        self._submitted = Semaphore(0)

    def submit(self, order):
        outcome = super().submit(order)
        self._submitted.release()
        return outcome

    def wait_for_orders(self, number):
        for _ in range(number):
            assert self._submitted.acquire(timeout=LONGEST_TEST)


@pytest.fixture
def journal():
    return SlowJournal()


@pytest.fixture
def writer(journal):
    return WatchedWriter(journal.carry_out_all)


@pytest.fixture
def begin(writer, journal):
    """Return a function that gives each order to a thread of its own, and returns the threads' futures."""
    with ThreadPoolExecutor(20) as pool:

        def in_threads(*orders):
            futures = [pool.submit(writer.outcome_of, order) for order in orders]
            writer.wait_for_orders(len(orders))
            return futures

        yield in_threads
        journal.let_end(100)


def results(futures):
    """Wait for the threads; return what each was told."""
    return [future.result(LONGEST_TEST) for future in futures]


def errors(futures):
    """Wait for the threads; return the error that each was told, None if there was none."""
    return [future.exception(LONGEST_TEST) for future in futures]


def test_orders_that_wait_share_the_next_transaction_and_a_refusal_is_told_to_its_thread_alone(begin, journal):
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b") + begin("wrong") + begin("d")

    journal.let_end(2)

    assert ["a is done", "b is done", "d is done"] == results([*first, others[0], others[2]])
    assert "wrong" == str(errors(others)[1])
    assert [["a"], ["b", "wrong", "d"]] == journal.batches


@pytest.mark.parametrize(
    ("error", "objects"), [(JournalError("full"), 3), (CommitInDoubt("away"), 3), (ZeroDivisionError("a bug"), 1)]
)
def test_failure_is_told_to_all_that_wait_and_that_of_the_journal_by_an_error_for_each(begin, journal, error, objects):
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b", "c")
    journal.error = error

    journal.let_end(2)

    told = errors(first + others)
    assert [(type(error), str(error))] * 3 == [(type(one), str(one)) for one in told]
    assert objects == len({id(one) for one in told})

    journal.error = None
    journal.let_end()
    assert ["d is done"] == results(begin("d"))


def test_thread_that_was_answered_waits_for_nobody(begin, journal):
    first = begin("a")
    journal.wait_until_begun()
    second = begin("b", "c")
    journal.let_end()
    journal.wait_until_begun()
    third = begin("d")

    journal.let_end()
    journal.wait_until_begun()

    assert ["a is done", "b is done", "c is done"] == results(first + second)
    assert not third[0].done()


def test_thread_takes_its_order_back_once_a_turn_takes_too_long_and_others_wait_no_more(begin, journal, monkeypatch):
    first = begin("a")
    journal.wait_until_begun()
    began = time.monotonic()

    with monkeypatch.context() as patch:
        patch.setattr(writer_module, "SECONDS_FOR_A_TURN", 0.3)
        told = errors(begin("b", "c"))
        gave_up = time.monotonic()
        told += errors(begin("d"))
        refused = time.monotonic()

    assert 0.1 < gave_up - began < 0.9
    assert 0.1 > refused - gave_up
    taken_back = (JournalError, "other bookings are still waiting for the journal")
    assert [taken_back] * 3 == [(type(error), str(error)) for error in told]
    journal.let_end(2)
    assert ["a is done", "e is done"] == results(first + begin("e"))
    assert [["a"], ["e"]] == journal.batches


def test_thread_is_not_certain_where_a_leader_has_taken_its_order(begin, journal, monkeypatch):
    monkeypatch.setattr(writer_module, "SECONDS_FOR_A_TURN", 0.5)
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b", "c")
    journal.let_end()
    journal.wait_until_begun()  # one of the two leads for both, and the other waits

    given_up, leading = wait(others, LONGEST_TEST, FIRST_COMPLETED)

    [error] = errors(given_up)
    assert (CommitInDoubt, "the writer is still waiting for the journal") == (type(error), str(error))
    journal.let_end()
    assert ["a is done"] == results(first)
    assert results(leading) in (["b is done"], ["c is done"])


def test_thread_waits_for_as_many_quick_turns_as_it_takes(begin, journal, monkeypatch):
    monkeypatch.setattr(writer_module, "SECONDS_FOR_A_TURN", 0.4)
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b", "c")
    time.sleep(0.3)
    journal.let_end()
    journal.wait_until_begun()
    time.sleep(0.3)

    journal.let_end()

    assert ["a is done", "b is done", "c is done"] == results(first + others)


def test_order_that_was_carried_out_is_not_taken_back(writer, journal):
    outcome = writer.submit("a")
    journal.let_end()
    writer.write_waiting()

    writer.give_up(outcome)

    assert "a is done" == outcome.result(0)


def test_orders_that_come_until_they_are_taken_share_the_transaction():
    taken = []

    def carry_out_all(take_orders):
        writer.submit("b")
        taken.extend(take_orders())
        return outcomes_of(taken)

    writer = Writer(carry_out_all)
    writer.submit("a")

    writer.write_waiting()

    assert ["a", "b"] == taken


def test_order_is_taken_back_for_certain_while_the_leader_waits_for_the_journal():
    def carry_out_all(take_orders):
        with pytest.raises(JournalError) as error:
            writer.give_up(taken_back)
        assert not isinstance(error.value, CommitInDoubt)
        return outcomes_of(take_orders())

    writer = Writer(carry_out_all)
    outcome = writer.submit("a")
    taken_back = writer.submit("b")

    writer.write_waiting()

    assert "a is done" == outcome.result(0)
    assert not taken_back.done()


def test_failure_before_any_order_was_taken_is_told_to_all_that_wait():
    def carry_out_all(take_orders):
        raise JournalError("busy")

    writer = Writer(carry_out_all)
    outcomes = [writer.submit("a"), writer.submit("b")]

    writer.write_waiting()

    assert ["busy", "busy"] == [str(outcome.exception(0)) for outcome in outcomes]


def test_failure_of_a_transaction_is_not_told_to_an_order_that_came_after_its_orders_were_taken():
    late = []

    def carry_out_all(take_orders):
        orders = take_orders()
        if orders == ["a"]:
            late.append(writer.submit("late"))
            raise CommitInDoubt("connection lost")
        return outcomes_of(orders)

    writer = Writer(carry_out_all)
    writer.submit("a")
    writer.write_waiting()
    assert not late[0].done()

    writer.write_waiting()

    assert "late is done" == late[0].result(0)


def test_promised_limits_are_kept():
    longest = 2 * journal_module.SECONDS_FOR_A_TURN + journal_module.SECONDS_FOR_BOOKINGS

    assert 1 == journal_module.SECONDS_FOR_A_TURN
    assert 10 > longest
