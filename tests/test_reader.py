"""The reader: pages that wait together share one reading, and nobody waits for a journal that is away."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gudlft.journal import JournalError
from gudlft.journal.revocations import Revocations
from gudlft.reader import Reader
from tests.support import FakeJournal, make_ledger, parties, wait_until


class SlowJournal(FakeJournal):
    """A journal whose readers wait until the test lets one of them go on."""

    def __init__(self):
        super().__init__()
        self.is_slow = False
        self.readings = 0
        self.may_go_on = threading.Semaphore(0)

    @contextmanager
    def reading(self):
        if self.is_slow:
            self.readings += 1
            assert self.may_go_on.acquire(timeout=10)
        with super().reading() as transaction:
            yield transaction


@pytest.fixture
def journal():
    return SlowJournal()


@pytest.fixture
def ledger(journal):
    return make_ledger(journal=journal)


@pytest.fixture
def reader(journal, ledger):
    """Return a reader whose journal is slow from now on."""
    reader = Reader(journal, ledger, Revocations(journal))
    journal.is_slow = True
    return reader


@pytest.fixture
def pool(journal):
    """Return a pool of threads; at the end all of them may go on."""
    with ThreadPoolExecutor() as pool:
        yield pool
        journal.may_go_on.release(20)


def test_pages_that_come_while_one_reads_share_the_next_reading(journal, reader, pool):
    first = pool.submit(reader.catch_up)
    wait_until(lambda: 1 == journal.readings)
    others = [pool.submit(reader.catch_up) for _ in range(3)]
    time.sleep(0.1)

    journal.may_go_on.release(2)
    for page in [first, *others]:
        page.result(5)

    assert 2 == journal.readings


def test_page_is_not_content_with_a_reading_that_began_before_it_came(journal, ledger, reader, pool):
    first = pool.submit(reader.catch_up)
    wait_until(lambda: 1 == journal.readings)
    other = make_ledger(journal=FakeJournal())
    journal.rows.append(other.book(*parties(other), 1).entry)  # the first may have read before this
    second = pool.submit(reader.catch_up)

    journal.may_go_on.release()
    first.result(5)
    wait_until(lambda: 2 == journal.readings)
    journal.may_go_on.release()
    second.result(5)

    assert 1 == len(ledger.entries)


def test_nobody_waits_longer_than_half_a_second_for_another_who_reads(journal, reader, pool):
    pool.submit(reader.catch_up)
    wait_until(lambda: 1 == journal.readings)
    began = time.monotonic()

    with pytest.raises(JournalError, match="^another page is still waiting for the journal$"):
        reader.catch_up()

    assert 0.5 == pytest.approx(time.monotonic() - began, abs=0.2)


def test_nobody_waits_for_the_page_that_tries_while_the_journal_is_away_until_it_is_back(journal, reader, pool):
    journal.fault = "away"
    journal.may_go_on.release()
    with pytest.raises(JournalError, match="^away$"):
        reader.catch_up()
    trying = pool.submit(reader.catch_up)
    wait_until(lambda: 2 == journal.readings)
    began = time.monotonic()

    with pytest.raises(JournalError, match="^another page is still waiting for the journal$"):
        reader.catch_up()

    assert 0.2 > time.monotonic() - began
    journal.fault = None
    journal.may_go_on.release()
    trying.result(5)
    first = pool.submit(reader.catch_up)
    wait_until(lambda: 3 == journal.readings)
    second = pool.submit(reader.catch_up)
    journal.may_go_on.release(2)
    assert [None, None] == [first.result(5), second.result(5)]
