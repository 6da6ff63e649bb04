"""Cancelled competitions: what clubs hold there comes back by one entry each, whoever starts or books when."""

from dataclasses import replace
from datetime import datetime, timezone
from unittest.mock import Mock

import pytest

from gudlft.journal import JournalError
from gudlft.journal.sql import SqlJournal, SqlTransaction
from gudlft.model import CANCELLED, BookingError, Entry
from tests.support import (
    COMPETITIONS,
    JOHN,
    KEPT,
    OPEN,
    PAST,
    SMALL,
    FakeJournal,
    Secretary,
    a_club,
    a_competition,
    book_address,
    check_conservation,
    make_ledger,
    parties,
    places_of,
    write_data,
)

AT = datetime(2020, 1, 1, tzinfo=timezone.utc)


def cancelling(*names):
    """Return the competitions of the tests, of which these are cancelled."""
    return [replace(one, is_cancelled=one.name in names) for one in COMPETITIONS]


def row(number, club, competition, places, points):
    return Entry(number, AT, club, competition, places, points, None)


@pytest.fixture
def journal():
    """Return a journal in which two clubs hold places at the open competition, one of them at another, too."""
    journal = FakeJournal()
    ledger = make_ledger(journal=journal)
    ledger.book(*parties(ledger, "Atlas Barbell"), 5)
    ledger.book(*parties(ledger), 3)
    ledger.book(*parties(ledger, "Atlas Barbell", SMALL), 1)
    ledger.give_back(*parties(ledger), 1)
    return journal


def start(journal, competitions):
    ledger = make_ledger(competitions=competitions, journal=journal)
    ledger.give_back_cancelled()
    return ledger


def test_start_gives_back_what_each_club_holds_for_what_it_paid_and_logs_it(journal, caplog):
    caplog.set_level("INFO")

    ledger = start(journal, cancelling(OPEN))

    returns = journal.rows[4:]
    assert [("Atlas Barbell", OPEN, -5, -15), ("Simply Lift", OPEN, -2, -6)] == [entry[2:6] for entry in returns]
    assert [f"{CANCELLED}5", f"{CANCELLED}6"] == [entry.token for entry in returns]
    assert [
        f"Atlas Barbell: 5 places in {OPEN} given back: cancelled (number 5)",
        f"Simply Lift: 2 places in {OPEN} given back: cancelled (number 6)",
    ] == caplog.messages
    assert (57, 20, 0, 0) == ledger.totals.standing(*parties(ledger, "Atlas Barbell"))
    check_conservation(ledger)


def test_places_are_given_back_once_in_whatever_order_processes_start(journal):
    first = make_ledger(competitions=cancelling(OPEN), journal=journal)
    second = make_ledger(competitions=cancelling(OPEN), journal=journal)

    for ledger in (first, second, first, start(journal, cancelling(OPEN)), second):
        ledger.give_back_cancelled()

    assert 6 == len(journal.rows)


def test_next_turn_gives_back_what_an_older_process_still_books(journal):
    old = make_ledger(journal=journal)
    new = start(journal, cancelling(OPEN))
    old.book(*parties(old, "She Lifts"), 4)

    with pytest.raises(BookingError, match=f"^{OPEN} is cancelled"):
        new.book(*parties(new, "She Lifts"), 1)
    assert [4, -4] == places_of(journal.rows[6:])
    old.book(*parties(old, "She Lifts"), 4)
    new.book(*parties(new, "She Lifts", SMALL), 4)  # with the points that have just come back

    assert [4, -4, 4] == places_of(journal.rows[8:])
    check_conservation(new)


def test_each_cancelled_competition_is_looked_at_whoever_held_places_there(journal):
    journal.rows = [
        row(1, "Gone Club", SMALL, 1, 3),
        row(2, "Simply Lift", PAST, 2, 6),
        row(3, "Atlas Barbell", PAST, 1, 3),
        row(4, "Atlas Barbell", PAST, -1, -3),
    ]

    ledger = start(journal, cancelling(PAST, OPEN, SMALL))

    returns = [("Simply Lift", PAST, -2, -6), ("Gone Club", SMALL, -1, -3)]
    assert returns == [entry[2:6] for entry in ledger.entries[4:]]


def test_renamed_competition_is_cancelled_under_the_name_that_the_journal_has(journal):
    competitions = cancelling(OPEN)
    renamed = replace(competitions[2], name="Gala", former_names=(OPEN,))

    start(journal, [*competitions[:2], renamed, *competitions[3:]])

    assert [OPEN, OPEN] == [entry.competition for entry in journal.rows[4:]]


def test_of_rows_that_do_not_add_up_places_go_back_for_what_is_left_of_their_points(journal):
    journal.rows = [
        row(1, "Simply Lift", OPEN, 5, 3),
        row(2, "Simply Lift", OPEN, -1, -3),
        row(3, "Iron Temple", OPEN, 1, 6),
        row(4, "Iron Temple", OPEN, -2, -3),
        row(5, "Atlas Barbell", OPEN, 3, 3),
        row(6, "Atlas Barbell", OPEN, -1, -9),
    ]

    ledger = start(journal, cancelling(OPEN))
    ledger.book(*parties(ledger, "She Lifts", SMALL), 1)

    assert [("Simply Lift", -4, 0), ("She Lifts", 1, 3)] == [
        (row.club, row.places, row.points) for row in journal.rows[6:]
    ]


def test_competition_may_be_cancelled_again_with_the_same_bookings(on_sqlite):
    journal = SqlJournal(on_sqlite)
    for _ in range(2):
        ledger = make_ledger(journal=journal)
        ledger.book(*parties(ledger), 2)
        start(journal, cancelling(OPEN))

    assert [2, -2, 2, -2] == places_of(start(journal, COMPETITIONS).entries)
    journal.close()


def test_start_goes_on_while_the_journal_takes_nothing(data, start, monkeypatch):
    Secretary(JOHN, start(**KEPT).app).book("2")
    competition = a_competition(OPEN, "2050-03-27 11:11:00", 20, cancelled=True)
    write_data(data, [a_club("Simply Lift", JOHN, 13)], [competition])

    with monkeypatch.context() as patch:
        patch.setattr(SqlTransaction, "append", Mock(side_effect=JournalError("disk full")))
        app = start().app

    john = Secretary(JOHN, app)
    john.book("1")
    assert (13, 20, 0) == john.figures()


def test_past_competition_that_is_cancelled_says_so_on_the_lists(serve):
    serve(make_ledger(competitions=cancelling(PAST)))
    john = Secretary(JOHN)
    sentence = f"{PAST} is cancelled. Places that clubs held there were given back"

    answers = [john.get(book_address(PAST, "Simply Lift")), john.book("1", PAST), john.give_back("1", PAST)]

    assert [(400, sentence)] * 3 == [answer.refusal for answer in answers]
    assert ["Simply Lift", "Simply Lift", "My bookings"] == [answer.heading for answer in answers]
    for address in ("/showSummary", "/showSummary?show=past"):
        assert f"{PAST} cancelled" in [row[0] for row in john.get(address).rows]
    for address in ("/competitions", "/competitions?show=past"):
        assert f"{PAST} cancelled" in [row[0] for row in Secretary().get(address).rows]


def test_place_that_is_still_held_is_shown_as_cancelled(serve, journal):
    serve(make_ledger(competitions=cancelling(OPEN), journal=journal))

    page = Secretary(JOHN).get("/bookings")

    assert ["11:11 cancelled", "2 places"] == page.rows[2][2:]
