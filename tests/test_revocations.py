"""Revocations: known here at once, in other processes through the journal, and nobody waits long for it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest

from gudlft.journal import NoJournal, Revocation
from gudlft.journal import revocations as revocations_module
from gudlft.journal.revocations import Revocations
from gudlft.reader import Reader
from tests.support import FakeJournal, make_ledger, wait_until

NOON = datetime(2030, 5, 6, 12, 0, tzinfo=timezone.utc)


def written(journal):
    """Return the ids of the revocations that the journal holds."""
    return [id for _, _, id in journal.revoked]


@pytest.fixture
def revocations(journal):
    return Revocations(journal)


@pytest.fixture
def reader(journal, revocations):
    return Reader(journal, make_ledger(journal=journal), revocations)


# In memory


@pytest.fixture
def in_memory():
    return Revocations(NoJournal())


def test_revocation_is_remembered_as_long_as_a_copy_of_its_cookie_can_live(in_memory):
    in_memory.revoke("first", NOON)

    in_memory.revoke("second", NOON + timedelta(hours=8, minutes=1))
    assert in_memory.is_revoked("first")

    in_memory.revoke("third", NOON + timedelta(hours=8, minutes=1, seconds=1))
    assert [False, True, True] == [in_memory.is_revoked(id) for id in ("first", "second", "third")]


def test_two_are_forgotten_for_each_that_comes(in_memory):
    old = [f"old {number}" for number in range(5)]
    for id in old:
        in_memory.revoke(id, NOON)
    remembered = []

    for number in range(3):
        in_memory.revoke(f"new {number}", NOON + timedelta(hours=9))
        remembered.append([id for id in old if in_memory.is_revoked(id)])

    assert [old[2:], old[4:], []] == remembered


def test_forgetting_many_costs_little_more_than_remembering_them(in_memory):
    began = time.process_time()
    for number in range(30_000):
        in_memory.revoke(f"old {number}", NOON)
    remembered = time.process_time()

    for number in range(15_000):
        in_memory.revoke(f"new {number}", NOON + timedelta(hours=9))
    forgotten = time.process_time()

    assert not in_memory.is_revoked("old 29999")
    assert 3 * (remembered - began) > forgotten - remembered


def test_clock_that_steps_back_forgets_nothing(in_memory):
    in_memory.revoke("first", NOON)

    in_memory.revoke("second", NOON - timedelta(hours=9))

    assert in_memory.is_revoked("first")
    assert in_memory.is_revoked("second")


@pytest.mark.parametrize("journal_class", [NoJournal, FakeJournal])
def test_what_works_once_was_revoked_by_the_first(journal_class):
    revocations = Revocations(journal_class())

    assert revocations.revoke_once("code", NOON)
    assert revocations.is_revoked("code")
    assert not revocations.revoke_once("code", NOON)
    assert revocations.is_revoked("code")


# With a journal


def test_what_works_once_makes_the_journal_forget_none_whose_cookie_can_live(journal, revocations):
    revocations.revoke("session", NOON)

    revocations.revoke_once("code", NOON + timedelta(hours=8))

    assert ["session", "code"] == written(journal)


def test_what_works_once_was_revoked_by_the_first_though_a_page_reads_its_row_before_it_goes_on(
    journal, revocations, monkeypatch
):
    writing = journal.writing

    @contextmanager
    def write_and_be_overtaken(seconds):
        with writing(seconds) as transaction:
            yield transaction
        revocations.catch_up_with(journal)

    monkeypatch.setattr(journal, "writing", write_and_be_overtaken)

    assert revocations.revoke_once("code", NOON)


def test_rows_that_were_read_are_not_read_again(monkeypatch):
    journal = FakeJournal()
    here, there = [Revocations(journal) for _ in range(2)]
    rows = [Revocation(7, NOON, "first")]
    asked_from = []
    monkeypatch.setattr(journal, "revocations", lambda first: asked_from.append(first) or rows)

    here.catch_up_with(journal)
    rows = [*rows, Revocation(8, NOON, "second")]
    here.catch_up_with(journal)

    assert [1, 7] == asked_from
    assert here.is_revoked("second")
    assert not there.is_revoked("first")


@pytest.mark.parametrize("ids", [["fourth"], ["fourth", "fifth"], ["fourth", "fifth", "sixth"]])
def test_what_is_revoked_after_a_backup_was_put_back_is_noticed_in_other_processes(ids):
    journal = FakeJournal()
    here, there = Revocations(journal), Revocations(journal)
    reader = Reader(journal, make_ledger(journal=journal), there)
    for id in ["first", "second", "third"]:
        here.revoke(id, NOON)
    reader.catch_up()

    journal.revoked = journal.revoked[:1]
    for id in ids:  # their numbers are those of the rows that were lost
        here.revoke(id, NOON + timedelta(minutes=1))
    reader.catch_up()

    assert all(there.is_revoked(id) for id in ["first", "second", "third", *ids])


# While the journal is away or slow


def test_journal_that_took_nothing_is_asked_again_by_pages_a_second_later_and_at_once_from_then_on(
    journal, revocations, reader, caplog, monkeypatch
):
    seconds = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[-1])
    journal.fault = "away"
    revocations.revoke("first", NOON)
    assert revocations.is_revoked("first")
    assert ["other processes will know of a revocation later: away"] == caplog.messages
    journal.fault = None
    revocations.revoke("second", NOON)
    tries = []

    for moment in [100.9, 101.0]:
        seconds.append(moment)
        reader.catch_up()
        tries.append(written(journal))
    revocations.revoke("third", NOON)

    assert [[], ["first", "second"]] == tries
    assert ["first", "second", "third"] == written(journal)


def test_revocation_that_is_put_off_is_left_to_the_pages_of_a_second_later(journal, revocations, monkeypatch):
    seconds = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[-1])

    revocations.put_off()
    revocations.revoke("first", NOON)
    revocations.revoke("second", NOON)
    assert [] == journal.revoked
    seconds.append(101.0)
    revocations.write_pending()

    assert ["first", "second"] == written(journal)


class StuckJournal(FakeJournal):
    """A journal whose writers wait until the test lets them go on."""

    def __init__(self):
        super().__init__()
        self.may_go_on = threading.Event()
        self.writer_waits = threading.Event()
        self.patience = None
        self.transactions = 0

    @contextmanager
    def writing(self, seconds=None):
        """Yield the transaction of the one writer, once the test lets it go on."""
        self.patience = seconds
        self.transactions += 1
        self.writer_waits.set()
        assert self.may_go_on.wait(10)
        with super().writing() as transaction:
            yield transaction


def test_nobody_waits_for_a_revocation_that_is_stuck_in_the_journal(monkeypatch):
    monkeypatch.setattr(revocations_module, "SECONDS_FOR_A_REVOCATION", 0.05)
    monkeypatch.setattr(revocations_module, "SECONDS_BETWEEN_TRIES", 0)
    journal = StuckJournal()
    revocations = Revocations(journal)
    stuck = threading.Thread(target=revocations.revoke, args=["first", NOON])
    stuck.start()
    journal.writer_waits.wait(10)
    began = time.monotonic()

    revocations.revoke("second", NOON)
    revocations.catch_up_with(journal)

    assert revocations.is_revoked("first")
    assert revocations.is_revoked("second")
    assert 0.05 <= time.monotonic() - began < 0.5
    assert [] == journal.revoked

    journal.may_go_on.set()
    stuck.join()
    revocations.write_pending()
    assert ["first", "second"] == written(journal)


def test_while_one_page_writes_what_is_pending_others_do_not_wait(monkeypatch):
    journal = StuckJournal()
    revocations = Revocations(journal)
    revocations.put_off()
    revocations.revoke("first", NOON)
    monkeypatch.setattr(revocations, "_next_try_at", 0)
    with ThreadPoolExecutor() as pool:
        page = pool.submit(revocations.write_pending)
        journal.writer_waits.wait(10)
        began = time.monotonic()

        revocations.write_pending()

        assert 0.1 > time.monotonic() - began
        journal.may_go_on.set()
        page.result(5)
    assert ["first"] == written(journal)


def test_revocations_that_wait_together_are_written_together_and_once(monkeypatch):
    monkeypatch.setattr(revocations_module, "SECONDS_FOR_A_REVOCATION", 5)
    journal = StuckJournal()
    revocations = Revocations(journal)
    with ThreadPoolExecutor() as pool:
        pool.submit(revocations.revoke, "first", NOON)
        journal.writer_waits.wait(10)
        pool.submit(revocations.revoke, "second", NOON)
        pool.submit(revocations.revoke, "third", NOON)
        wait_until(lambda: revocations.is_revoked("second") and revocations.is_revoked("third"))

        journal.may_go_on.set()

    assert ["first", "second", "third"] == sorted(written(journal))
    assert 2 == journal.transactions


def test_journal_has_half_a_second_to_take_a_revocation():
    journal = StuckJournal()
    journal.may_go_on.set()

    Revocations(journal).revoke("first", NOON)

    assert 0.5 == pytest.approx(journal.patience, abs=0.05)
