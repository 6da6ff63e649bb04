"""Commits that fail, are refused, or whose answer is lost: what was booked, and what the page and its form do."""

import os
import resource

import pytest
import sqlalchemy

from gudlft.journal import CommitInDoubt, JournalError
from gudlft.journal.sql import SqlTransaction
from tests.databases import (
    IN_DOUBT,
    NOT_BOOKED,
    file_of,
    in_journal,
    in_memory,
    quick_limits,
    run_sql,
    says,
)
from tests.support import JOHN, OPEN, TOKEN, Secretary, parties, wait_until

LIFT = "Simply Lift"
FORM = {"competition": OPEN, "places": "2", "token": TOKEN}
BOOKED = [(LIFT, OPEN, 2, 6)]


# Commits


@pytest.mark.parametrize("is_noticed", [True, False])
def test_connection_that_was_cut_leaves_a_commit_in_doubt_unless_that_is_noticed_before(
    database, opened, monkeypatch, is_noticed
):
    ledger = opened(database.url)
    append = SqlTransaction.append

    def append_and_lose(transaction, entries):
        append(transaction, entries)
        database.cut()
        if is_noticed:
            transaction.connection.execute(sqlalchemy.text("SELECT 1"))

    monkeypatch.setattr(SqlTransaction, "append", append_and_lose)
    with pytest.raises(JournalError) as error:
        ledger.book(*parties(ledger), 2, TOKEN)
    monkeypatch.undo()

    assert is_noticed is not isinstance(error.value, CommitInDoubt)
    assert [] == in_memory(ledger) == in_journal(database.url)
    assert 1 == ledger.book(*parties(ledger), 2, TOKEN).entry.number


def book_into_a_silence(monkeypatch, database):
    """Let John book, while the server falls silent before the commit, which it makes later; return the answer."""
    append = SqlTransaction.append

    def append_and_fall_silent(transaction, entries):
        append(transaction, entries)
        database.cluster.be_silent()

    monkeypatch.setattr(SqlTransaction, "append", append_and_fall_silent)
    with quick_limits():
        page = Secretary(JOHN).post("/purchasePlaces", **FORM)
    monkeypatch.setattr(SqlTransaction, "append", append)
    database.cluster.go_on()
    wait_until(lambda: in_journal(database.url))
    return page


def test_commit_whose_answer_is_lost_is_in_doubt_and_its_form_books_once(database, served, monkeypatch):
    ledger = served(database.url)

    page = book_into_a_silence(monkeypatch, database)

    assert (503, [IN_DOUBT]) == says(page)
    assert BOOKED == in_journal(database.url)
    assert [] == in_memory(ledger)
    john = Secretary(JOHN)
    assert 2 == john.figures()[2]
    assert (303, "/showSummary") == john.post("/purchasePlaces", **page.form("/purchasePlaces")).redirect
    assert BOOKED == in_memory(ledger) == in_journal(database.url)


def test_commit_that_the_server_refused_is_in_doubt_and_its_form_books_once(database, opened):
    ledger = opened(database.url)
    run_sql(
        database.url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$refused$$; END'",
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON bookings DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse()",
    )

    with pytest.raises(CommitInDoubt, match="^refused$"):
        ledger.book(*parties(ledger), 2, TOKEN)

    run_sql(database.url, "DROP TRIGGER late ON bookings")
    assert [] == in_memory(ledger) == in_journal(database.url)
    assert 1 == ledger.book(*parties(ledger), 2, TOKEN).entry.number


def test_sentences_stay_true_where_two_processes_see_copies_of_a_form(database, serve, opened, monkeypatch):
    here = serve(opened(database.url))
    there = opened(database.url)
    assert (503, [IN_DOUBT]) == says(book_into_a_silence(monkeypatch, database))

    serve(there)
    john = Secretary(JOHN)
    with database.away():
        page = john.post("/purchasePlaces", **FORM)
        assert (503, [NOT_BOOKED]) == says(page)  # by this try; and the table holds it
    assert BOOKED == in_journal(database.url)

    assert 303 == john.post("/purchasePlaces", **page.form("/purchasePlaces")).status
    here.catch_up()
    assert BOOKED == in_memory(here) == in_memory(there) == in_journal(database.url)


def test_return_that_met_no_journal_is_sent_again_as_a_return(database, served):
    ledger = served(database.url)
    john = Secretary(JOHN)
    john.book("3")
    with database.away():
        form = john.give_back("1").form("/cancelPlaces")

    assert 303 == john.post("/cancelPlaces", **form).status

    assert [(LIFT, OPEN, 3, 9), (LIFT, OPEN, -1, -3)] == in_memory(ledger) == in_journal(database.url)


# The disk


def test_disk_that_takes_no_more_books_nothing_and_says_what_is_certain(on_sqlite, opened):
    ledger = opened(on_sqlite)
    atlas = parties(ledger, "Atlas Barbell")
    ledger.book(*atlas, 1)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(file_of(on_sqlite)), hard))
    try:
        with pytest.raises(CommitInDoubt, match="^disk I/O error$"):
            for number in range(1000):
                ledger.book(*atlas, 1, f"{number:04}" + "x" * 60)
                ledger.give_back(*atlas, 1, f"{number:04}" + "x" * 60)
        assert in_memory(ledger) == in_journal(on_sqlite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    assert ledger.entries[-1].number + 1 == ledger.book(*atlas, 1).entry.number
    assert in_memory(ledger) == in_journal(on_sqlite)
