"""Rows that vanish while processes run, and rows that were edited by hand."""

import shutil

import pytest

import server
from gudlft.journal import JournalError
from gudlft.journal.revocations import Revocations
from gudlft.reader import Reader
from tests.databases import (
    MAY_BE_OLD,
    NOT_BOOKED,
    file_of,
    in_journal,
    in_memory,
    restore_copy,
    run_sql,
    says,
)
from tests.support import JOHN, OPEN, TOKEN, Secretary, parties

LIFT = "Simply Lift"
FORM = {"competition": OPEN, "places": "2", "token": TOKEN}
BOOKED = [(LIFT, OPEN, 2, 6)]


# A journal that went back


def test_older_backup_in_place_of_the_file_is_noticed(on_sqlite, served, tmp_path, caplog):
    served(on_sqlite)
    john = Secretary(JOHN)
    john.book("1")
    shutil.copy(file_of(on_sqlite), tmp_path / "backup")
    john.book("2")

    restore_copy(tmp_path / "backup", file_of(on_sqlite))

    assert (503, "the journal is away") == (john.get("/health").status, john.get("/health").html)
    assert (200, [MAY_BE_OLD]) == says(john.get("/showSummary"))
    assert (503, [NOT_BOOKED]) == says(john.book("1"))
    assert "the journal has lost bookings that were made: restart to go on without them" in caplog.text
    assert [(LIFT, OPEN, 1, 3)] == in_journal(on_sqlite)

    served(on_sqlite)  # as after a restart
    john = Secretary(JOHN)
    assert (200, "ok") == (john.get("/health").status, john.get("/health").html)
    assert 303 == john.book("1").status


@pytest.mark.parametrize("which", ["number > 0", "number = 2", "number = 1"])
def test_revocations_that_are_gone_do_not_hide_new_ones(url, served, which):
    served(url)
    here = server.opened.revocations
    for id in ("first", "second"):
        here.revoke(id, server.opened.ledger.now())
    Secretary().get("/")
    served(url)
    there = server.opened.revocations

    run_sql(url, f"DELETE FROM ended_sign_ins WHERE {which}")
    Secretary().get("/")
    for id in ("third", "fourth"):
        here.revoke(id, server.opened.ledger.now())
        Secretary().get("/")
        assert there.is_revoked(id)

    for id in ("first", "second"):
        assert there.is_revoked(id)


def test_sign_out_counts_in_all_processes_though_a_backup_lacks_bookings(on_sqlite, served, opened, tmp_path):
    served(on_sqlite)
    shutil.copy(file_of(on_sqlite), tmp_path / "backup")
    john = Secretary(JOHN)
    id = john.session["id"]
    john.book("1")
    there = opened(on_sqlite)
    revocations_there = Revocations(there.journal)
    restore_copy(tmp_path / "backup", file_of(on_sqlite))

    john.post("/logout")
    john.get("/")  # which writes it, since the first request found that bookings are lost

    with pytest.raises(JournalError, match="has lost bookings"):
        Reader(there.journal, there, revocations_there).catch_up()
    assert revocations_there.is_revoked(id)


# Rows edited by hand

INSERT = "INSERT INTO bookings (number, at_utc, club, competition, places, points) VALUES"
GOOD = "(1, '2026-01-02 03:04:05.000006', 'Simply Lift', 'Spring Festival 2050', 1, 3)"
EDITED = {
    "places as text": "UPDATE bookings SET places = 'two'",
    "points as text": "UPDATE bookings SET points = '3 points'",
    "a fraction": "UPDATE bookings SET places = 1.5",
    "places given back at a price": "UPDATE bookings SET places = -50",
    "points given away": "UPDATE bookings SET points = 0",
    "no places": "UPDATE bookings SET places = 0",
    "absurdly many": "UPDATE bookings SET places = 2000000000, points = 2000000000",
    "a time that is none": "UPDATE bookings SET at_utc = 'yesterday'",
    "a time as a number": "UPDATE bookings SET at_utc = 20260102",
    "a club that is no text": "UPDATE bookings SET club = x'00ff'",
    "no club": "UPDATE bookings SET club = ''",
    "the largest number of SQLite": "UPDATE bookings SET number = 9223372036854775807",
    "the largest number of PostgreSQL": "UPDATE bookings SET number = 2147483647",
    "a negative number": "UPDATE bookings SET number = -1",
}


@pytest.mark.parametrize("edit", EDITED.values(), ids=EDITED.keys())
def test_row_that_cannot_be_right_stops_the_start_and_is_a_journal_that_is_away(on_sqlite, edit, served, opened):
    ledger = served(on_sqlite)
    john = Secretary(JOHN)
    run_sql(on_sqlite, f"{INSERT} {GOOD}")
    assert 1 == len(opened(on_sqlite).entries)
    run_sql(on_sqlite, edit)

    with pytest.raises(JournalError) as error:
        opened(on_sqlite)

    assert "\n" not in str(error.value)
    assert (200, [MAY_BE_OLD]) == says(john.get("/showSummary"))
    assert 503 == john.get("/health").status
    assert (503, [NOT_BOOKED]) == says(john.book("1"))
    assert [] == in_memory(ledger)

    run_sql(on_sqlite, "DELETE FROM bookings")
    assert 303 == john.book("1").status


@pytest.mark.parametrize("edit", ["at_utc = 'yesterday'", "at_utc = 20260102", "sign_in = x'00'", "sign_in = ''"])
def test_revocation_that_cannot_be_right_is_a_journal_that_is_away(on_sqlite, served, edit):
    served(on_sqlite)
    run_sql(
        on_sqlite,
        "INSERT INTO ended_sign_ins VALUES (1, '2026-01-02 03:04:05.000006', 'first')",
        "INSERT INTO ended_sign_ins VALUES (2, '2026-01-02 03:04:05.000006', 'second')",
        f"UPDATE ended_sign_ins SET {edit} WHERE number = 2",
    )

    assert (200, [MAY_BE_OLD]) == says(Secretary().get("/"))
    assert not server.opened.revocations.is_revoked("first")  # memory stays as it was


def test_totals_that_only_hands_can_make_are_named_and_shown_within_bounds(url, opened, serve):
    opened(url)
    run_sql(
        url,
        f"{INSERT} (1, '2026-01-02 03:04:05.000006', '{LIFT}', '{OPEN}', -50, -150)",
    )

    ledger = serve(opened(url))

    assert (13, 20, 0) == Secretary(JOHN).figures()
    assert 3 == len(ledger.mismatches())
    assert f"{LIFT}: -50 places are held in {OPEN}, of 12" in ledger.mismatches()


def test_nothing_is_written_that_could_not_be_read_again(url, opened):
    opened(url)
    last = GOOD.replace("(1,", "(1000000000,")
    run_sql(url, f"{INSERT} {last}")
    ledger = opened(url)

    with pytest.raises(JournalError, match="^booking 1000000001 cannot be right"):
        ledger.book(*parties(ledger), 1)

    assert 1 == len(opened(url).entries)
