"""The writer: threads whose orders wait share a transaction, and every thread is told what became of its order."""

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Semaphore

import pytest

from gudlft import sql_journal
from gudlft import writer as writer_module
from gudlft.journal import CommitInDoubt, JournalError
from gudlft.writer import Writer

LONGEST_TEST = 10  # seconds


class ListedOrders:
    """A draft that lists the orders it carries out, and refuses the order "wrong"."""

    def __init__(self):
        self.orders = []

    def carry_out(self, order):
        """Return what becomes of an order."""
        self.orders.append(order)
        if order == "wrong":
            return ValueError(order)
        return f"{order} is done"


class SlowJournal:
    """A journal whose transactions end when the test lets them."""

    def __init__(self):
        self.batches = []
        self.error = None
        self._begun = Semaphore(0)
        self._may_end = Semaphore(0)

    @contextmanager
    def writing(self):
        """Yield a draft, and wait at the end until the test lets it end."""
        draft = ListedOrders()
        yield draft
        self.batches.append(draft.orders)
        self._begun.release()
        assert self._may_end.acquire(timeout=LONGEST_TEST)
        if self.error:
            raise self.error

    def wait_until_begun(self):
        """Wait until a writer has carried out the next orders, and waits for its transaction to end."""
        assert self._begun.acquire(timeout=LONGEST_TEST)

    def let_end(self, transactions=1):
        """Let this many transactions end."""
        self._may_end.release(transactions)


class WatchedWriter(Writer):
    """A writer that tells when orders have been submitted."""

    def __init__(self, writing):
        super().__init__(writing)
        self._submitted = Semaphore(0)

    def submit(self, order):
        """Submit an order, and tell that; return its outcome."""
        outcome = super().submit(order)
        self._submitted.release()
        return outcome

    def wait_for_orders(self, number):
        """Wait until this many more orders have been submitted."""
        for _ in range(number):
            assert self._submitted.acquire(timeout=LONGEST_TEST)


@pytest.fixture
def journal():
    """Return a journal whose transactions last as long as the test wants."""
    return SlowJournal()


@pytest.fixture
def writer(journal):
    """Return a writer of this journal."""
    return WatchedWriter(journal.writing)


@pytest.fixture
def begin(writer, journal):
    """Return a function that gives each order to a thread of its own, and returns the threads' futures."""
    with ThreadPoolExecutor(20) as pool:

        def in_threads(*orders):
            futures = [pool.submit(writer.carry_out, order) for order in orders]
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


def test_order_is_carried_out(writer, journal):
    journal.let_end()

    assert "a is done" == writer.carry_out("a")


def test_error_of_an_order_is_raised(writer, journal):
    journal.let_end()

    with pytest.raises(ValueError, match="^wrong$"):
        writer.carry_out("wrong")


def test_orders_that_wait_share_the_next_transaction(begin, journal):
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b") + begin("c") + begin("d")

    journal.let_end(2)

    assert ["a is done", "b is done", "c is done", "d is done"] == results(first + others)
    assert [["a"], ["b", "c", "d"]] == journal.batches


def test_error_of_an_order_is_told_to_its_thread_alone(begin, journal):
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b") + begin("wrong") + begin("d")

    journal.let_end(2)

    assert [None, None, None] == errors(first + [others[0], others[2]])
    assert "wrong" == str(errors(others)[1])


@pytest.mark.parametrize("kind", [JournalError, CommitInDoubt])
def test_failure_of_the_journal_is_told_to_all_that_wait_each_by_an_error_of_its_own(begin, journal, kind):
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b", "c")
    journal.error = kind("disk full")

    journal.let_end(2)

    told = errors(first + others)
    assert [(kind, "disk full")] * 3 == [(type(error), str(error)) for error in told]
    assert 3 == len({id(error) for error in told})


def test_bug_is_told_to_all_that_wait_and_the_next_order_is_served(begin, journal):
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b", "c")
    journal.error = ZeroDivisionError("a bug")
    journal.let_end(2)
    assert ["a bug"] * 3 == [str(error) for error in errors(first + others)]

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


def test_thread_that_waited_too_long_takes_its_order_back(begin, journal, monkeypatch):
    monkeypatch.setattr(writer_module, "SECONDS_FOR_A_TURN", 0.1)
    first = begin("a")
    journal.wait_until_begun()

    [error] = errors(begin("b"))

    assert (JournalError, "other bookings are still waiting for the journal") == (type(error), str(error))
    journal.let_end(2)
    assert ["a is done", "c is done"] == results(first + begin("c"))
    assert [["a"], ["c"]] == journal.batches


def test_thread_is_not_certain_where_a_writer_has_begun_with_its_order(begin, journal, monkeypatch):
    monkeypatch.setattr(writer_module, "SECONDS_FOR_A_TURN", 0.5)
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b", "c")
    journal.let_end()
    journal.wait_until_begun()  # one of the two writes for both, and the other waits

    given_up, waiting = wait(others, LONGEST_TEST, FIRST_COMPLETED)

    [error] = errors(given_up)
    assert (CommitInDoubt, "the writer is still waiting for the journal") == (type(error), str(error))
    journal.let_end()
    assert ["a is done"] == results(first)
    assert results(waiting) in (["b is done"], ["c is done"])


def test_where_the_journal_is_slow_three_threads_wait_and_the_others_give_up(begin, journal, monkeypatch):
    monkeypatch.setattr(writer_module, "SECONDS_UNTIL_SLOW", 0.3)
    first = begin("a")
    journal.wait_until_begun()
    others = begin("b", "c", "d", "e", "f")
    assert [] == [future for future in others if future.done()]

    given_up, waiting = wait(others, timeout=1)

    assert [JournalError] * 2 == [type(error) for error in errors(given_up)]
    journal.let_end(2)
    assert 4 == len(results([*first, *waiting]))
    assert 3 == len(journal.batches[1])


def test_where_the_journal_is_slow_another_order_is_refused_at_once(begin, journal, monkeypatch):
    monkeypatch.setattr(writer_module, "SECONDS_UNTIL_SLOW", 0.2)
    begin("a")
    journal.wait_until_begun()
    begin("b", "c", "d")
    time.sleep(0.3)
    began = time.monotonic()

    [error] = errors(begin("e"))

    assert JournalError is type(error)
    assert 0.2 > time.monotonic() - began


def test_after_a_slow_turn_the_next_is_slow_sooner(begin, journal, monkeypatch):
    monkeypatch.setattr(writer_module, "SECONDS_UNTIL_SLOW", 0.3)
    first = begin("a")
    journal.wait_until_begun()
    time.sleep(0.4)
    journal.let_end()
    results(first)
    monkeypatch.setattr(writer_module, "SECONDS_UNTIL_SLOW", 10)
    begin("b")
    journal.wait_until_begun()
    began = time.monotonic()
    others = begin("c", "d", "e", "f")

    given_up, _ = wait(others, LONGEST_TEST, FIRST_COMPLETED)

    assert 1 > time.monotonic() - began
    assert [JournalError] == [type(error) for error in errors(given_up)]
    journal.let_end(2)


def test_order_that_is_taken_back_is_not_carried_out(writer, journal):
    taken_back = writer.submit("a")
    writer.submit("b")
    with pytest.raises(JournalError):
        writer.give_up(taken_back)

    journal.let_end()
    writer.write_waiting()

    assert [["b"]] == journal.batches


def test_order_that_was_carried_out_is_not_taken_back(writer, journal):
    outcome = writer.submit("a")
    journal.let_end()
    writer.write_waiting()

    writer.give_up(outcome)

    assert "a is done" == outcome.result(0)


def test_orders_that_come_while_the_writer_waits_for_the_journal_share_its_transaction():
    draft = ListedOrders()

    @contextmanager
    def writing():
        writer.submit("b")
        yield draft

    writer = Writer(writing)
    writer.submit("a")

    writer.write_waiting()

    assert ["a", "b"] == draft.orders


def test_order_is_taken_back_for_certain_while_the_writer_waits_for_the_journal():
    @contextmanager
    def writing():
        with pytest.raises(JournalError) as error:
            writer.give_up(taken_back)
        assert not isinstance(error.value, CommitInDoubt)
        yield ListedOrders()

    writer = Writer(writing)
    outcome = writer.submit("a")
    taken_back = writer.submit("b")

    writer.write_waiting()

    assert "a is done" == outcome.result(0)
    assert taken_back.cancelled()


def test_failure_before_any_order_was_taken_is_told_to_all_that_wait():
    def writing():
        raise JournalError("busy")

    writer = Writer(writing)
    outcomes = [writer.submit("a"), writer.submit("b")]

    writer.write_waiting()

    assert ["busy", "busy"] == [str(outcome.exception(0)) for outcome in outcomes]


def test_failure_of_a_transaction_is_not_told_to_an_order_that_came_after_its_orders_were_taken():
    late = []

    @contextmanager
    def writing():
        draft = ListedOrders()
        yield draft
        if draft.orders == ["a"]:
            late.append(writer.submit("late"))
            raise CommitInDoubt("connection lost")

    writer = Writer(writing)
    writer.submit("a")
    writer.write_waiting()
    assert not late[0].done()

    writer.write_waiting()

    assert "late is done" == late[0].result(0)


def test_promised_limits_are_kept():
    threads_that_wait = writer_module.MOST_THAT_WAIT_WHEN_SLOW + 1  # and the one that writes

    assert 4 == threads_that_wait
    assert 1 == writer_module.SECONDS_UNTIL_SLOW
    assert 10 > writer_module.SECONDS_FOR_A_TURN + sql_journal.SECONDS_FOR_BOOKINGS
