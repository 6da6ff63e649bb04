"""Everything that can fail in a database: nothing is lost, doubled or invented, and every answer is true."""

import shutil
import threading
import time

import pytest

from gudlft.journal import CommitInDoubt, JournalError
from gudlft.journal.sql import SqlTransaction
from gudlft.ledger import Ledger
from tests.databases import (
    MAY_BE_OLD,
    NOT_BOOKED,
    file_locked,
    file_of,
    holding,
    in_journal,
    in_memory,
    quick_limits,
    restore_copy,
    run_sql,
    says,
    writer_lock_taken,
)
from tests.support import IRON, JOHN, OPEN, TOKEN, Secretary, parties, wait_until

LIFT = "Simply Lift"
FORM = {"competition": OPEN, "places": "2", "token": TOKEN}
BOOKED = [(LIFT, OPEN, 2, 6)]


# What is locked or silent


def test_lock_that_others_hold_books_nothing_and_pages_stay(url, served):
    ledger = served(url)
    john = Secretary(JOHN)
    with writer_lock_taken(url), quick_limits():
        assert (503, [NOT_BOOKED]) == says(john.post("/purchasePlaces", **FORM))
        assert (200, []) == says(john.get("/showSummary"))
        assert [] == in_memory(ledger)

    assert 303 == john.post("/purchasePlaces", **FORM).status
    assert BOOKED == in_memory(ledger) == in_journal(url)


UNREADABLE = pytest.mark.parametrize("stall", ["SQLite locked", "table locked", "server silent"], indirect=True)


@UNREADABLE
def test_while_nothing_can_be_read_pages_come_from_memory_and_say_so(stall, served):
    url, stalled = stall
    served(url)
    john = Secretary(JOHN)
    john.post("/purchasePlaces", **FORM)
    with stalled(), quick_limits():
        for address in ["/showSummary", "/bookings", "/pointsBoard", f"/book/{OPEN}/{LIFT}"]:
            assert (200, [MAY_BE_OLD]) == says(john.get(address))
        for address in ["/", "/competitions"]:
            assert (200, [MAY_BE_OLD]) == says(Secretary().get(address))
        assert (503, "the journal is away") == (john.get("/health").status, john.get("/health").html)
        assert (7, 18, 2) == john.figures()

    assert (200, []) == says(john.get("/showSummary"))
    assert (200, "ok") == (john.get("/health").status, john.get("/health").html)


@UNREADABLE
def test_while_nothing_can_be_read_nothing_is_judged(stall, served, opened):
    url, stalled = stall
    served(url)
    iron = Secretary(IRON)
    iron.book("1")  # 1 point is left, as far as this process knows
    other = opened(url)
    other.give_back(*parties(other, "Iron Temple"), 1)

    with stalled(), quick_limits():
        assert (503, [NOT_BOOKED]) == says(iron.book("1"))
        assert (503, [NOT_BOOKED]) == says(iron.give_back("1"))
    assert 2 == len(in_journal(url))

    assert 303 == iron.book("1").status


def test_silence_in_the_middle_of_a_transaction_leaves_no_traceback_in_the_log(database, opened, capfd, monkeypatch):
    ledger = opened(database.url)

    def fall_silent(ledger, order, draft):
        database.cluster.be_silent()
        raise JournalError("an error that is not the driver's")

    monkeypatch.setattr(Ledger, "_judge", fall_silent)
    with quick_limits(), pytest.raises(JournalError):
        ledger.book(*parties(ledger), 2)
    database.cluster.go_on()
    monkeypatch.undo()

    assert "" == capfd.readouterr().err
    assert 1 == ledger.book(*parties(ledger), 2).entry.number


def test_page_is_read_between_the_commits_of_others(on_sqlite, opened):
    ledger = opened(on_sqlite)
    has_begun = threading.Event()
    is_over = threading.Event()

    def commit():
        while not is_over.wait(0.01):
            with file_locked(on_sqlite):
                has_begun.set()
                time.sleep(0.03)

    thread = threading.Thread(target=commit)
    thread.start()
    has_begun.wait(10)
    began = time.monotonic()
    for _ in range(10):
        ledger.catch_up()
    seconds = time.monotonic() - began
    is_over.set()
    thread.join()

    assert 2 > seconds


def test_process_that_reads_a_long_journal_does_not_keep_others_from_booking(url, opened, monkeypatch):
    ledger = opened(url)
    other = opened(url)
    ledger.book(*parties(ledger), 1)
    monkeypatch.setattr("gudlft.journal.sql.BATCH_SIZE", 1)
    began = time.monotonic()

    with other.journal.reading() as transaction:
        assert 2 == ledger.book(*parties(ledger), 1).entry.number  # before the first booking is read
        rows = transaction.entries(first=1)
        next(rows)
        assert 3 == ledger.book(*parties(ledger), 1).entry.number

    assert 1 > time.monotonic() - began


def hold_for_a_moment(lock):
    lock.__enter__()
    threading.Timer(0.3, lock.__exit__, [None, None, None]).start()


def test_new_connection_waits_for_the_commits_of_others_too(on_sqlite, opened):
    ledger = opened(on_sqlite)
    ledger.journal.close()
    hold_for_a_moment(file_locked(on_sqlite))

    assert 1 == ledger.book(*parties(ledger), 2).entry.number


def test_commit_waits_for_those_who_read_the_file(on_sqlite, opened, monkeypatch):
    ledger = opened(on_sqlite)
    append = SqlTransaction.append

    def append_while_another_reads(transaction, entries):
        append(transaction, entries)
        hold_for_a_moment(holding(on_sqlite, "BEGIN", "SELECT * FROM bookings"))

    monkeypatch.setattr(SqlTransaction, "append", append_while_another_reads)

    assert 1 == ledger.book(*parties(ledger), 2).entry.number
    assert BOOKED == in_memory(ledger) == in_journal(on_sqlite)


def test_commit_that_others_never_let_through_booked_nothing_for_certain(on_sqlite, opened):
    ledger = opened(on_sqlite)
    reading = holding(on_sqlite, "BEGIN", "SELECT * FROM bookings")
    with reading, quick_limits(), pytest.raises(JournalError, match="^database is locked$") as error:
        ledger.book(*parties(ledger), 2, TOKEN)

    assert not isinstance(error.value, CommitInDoubt)
    assert [] == in_memory(ledger) == in_journal(on_sqlite)
    assert 1 == ledger.book(*parties(ledger), 2, TOKEN).entry.number


def test_monitor_reads_that_no_booking_is_taken_where_the_database_refuses_them(on_sqlite, served):
    served(on_sqlite)
    john = Secretary(JOHN)
    run_sql(on_sqlite, "CREATE TRIGGER no BEFORE INSERT ON bookings BEGIN SELECT RAISE(ABORT, 'no'); END")

    assert 200 == john.get("/health").status
    assert (503, [NOT_BOOKED]) == says(john.book("1"))
    assert 503 == john.get("/health").status
    run_sql(on_sqlite, "DROP TRIGGER no")
    assert 303 == john.book("1").status
    assert 200 == john.get("/health").status


# What is away


def test_connections_that_died_while_idle_are_replaced(database, served):
    ledger = served(database.url)
    john = Secretary(JOHN)
    for number in (1, 2):
        database.cut()
        assert 303 == john.book("1").status
        assert [(LIFT, OPEN, 1, 3)] * number == in_memory(ledger) == in_journal(database.url)


def test_long_silence_leaves_few_connections_and_threads_behind(database, served):
    served(database.url)
    john = Secretary(JOHN)
    with database.cluster.silent(), quick_limits():
        for _ in range(18):
            john.get("/showSummary")
        threads = [thread.name for thread in threading.enumerate() if "Executor" in thread.name]

    assert 18 > len(threads)
    assert 303 == john.book("1").status
    wait_until(lambda: 3 >= database.count_connections())


def test_file_that_was_replaced_is_opened_anew(on_sqlite, served, tmp_path):
    ledger = served(on_sqlite)
    john = Secretary(JOHN)
    shutil.copy(file_of(on_sqlite), tmp_path / "copy")
    restore_copy(tmp_path / "copy", file_of(on_sqlite))

    assert 303 == john.post("/purchasePlaces", **FORM).status

    assert BOOKED == in_memory(ledger) == in_journal(on_sqlite)


def test_file_that_is_gone_is_not_made_anew(on_sqlite, served, tmp_path):
    ledger = served(on_sqlite)
    john = Secretary(JOHN)
    john.post("/purchasePlaces", **FORM)
    file = file_of(on_sqlite)
    file.rename(tmp_path / "moved")

    assert (503, [NOT_BOOKED]) == says(john.book("1"))
    assert 503 == john.get("/health").status
    with pytest.raises(JournalError, match="bookings.db: No such file or directory$"):
        ledger.catch_up()
    assert not file.exists()

    (tmp_path / "moved").rename(file)
    assert 303 == john.book("1").status
