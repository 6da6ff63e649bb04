"""Bookings that survive, on SQLite and on PostgreSQL: replay, sharing, and changed files."""

from datetime import datetime, timedelta, timezone

import pytest

from gudlft.journal import JournalError
from gudlft.journal.databases import open_database
from gudlft.journal.revocations import Revocations
from gudlft.model import BookingError
from gudlft.reader import Reader
from tests.amplifier import amplified
from tests.databases import in_journal, run_sql
from tests.support import OPEN, TOKEN, at_once, check_conservation, parties

NOON = datetime(2030, 6, 1, 12, tzinfo=timezone.utc)
LIFT = "Simply Lift"
ATLAS_CLUB = "Atlas Barbell"


def figures(ledger):
    standings = [ledger.totals.standing(club, one) for club in ledger.clubs.values() for one in ledger.by_start]
    histories = [ledger.latest_entries(club) for club in ledger.clubs.values()]
    return ledger.entries, histories, ledger.points_board, standings


def test_threads_that_fight_for_the_last_places_never_oversell(url, opened):
    ledger = opened(url)

    def fight(club):
        for _ in range(12):
            try:
                ledger.book(*parties(ledger, club), 1)
            except BookingError:
                return

    with amplified():
        at_once([lambda name=name: fight(name) for name in [ATLAS_CLUB, LIFT, "She Lifts"] * 3])

    assert 20 == sum(places for _, _, places, _ in in_journal(url))
    assert list(range(1, 21)) == [entry.number for entry in ledger.entries]
    check_conservation(ledger)


def test_replay_gives_the_same_ledger_with_one_copy_of_each_name(url, opened):
    ledger = opened(url)
    first = ledger.book(*parties(ledger), 3, TOKEN)
    ledger.book(*parties(ledger), 1)
    ledger.book(*parties(ledger, ATLAS_CLUB), 12)
    ledger.give_back(*parties(ledger, ATLAS_CLUB), 5, TOKEN)

    replayed = opened(url)

    *_, booking, return_ = replayed.entries
    assert figures(ledger) == figures(replayed)
    assert booking.club is return_.club
    assert booking.competition is return_.competition
    assert first == replayed.book(*parties(replayed), 3, TOKEN)
    assert [(LIFT, 3, 9), (LIFT, 1, 3), (ATLAS_CLUB, 12, 36), (ATLAS_CLUB, -5, -15)] == [
        (club, places, points) for club, _, places, points in in_journal(url)
    ]


def test_replay_may_take_longer_than_a_page_waits_as_long_as_the_database_answers(url, opened, monkeypatch):
    ledger = opened(url)
    ledger.book(*parties(ledger, ATLAS_CLUB), 1)
    first = ledger.entries[0]
    with ledger.journal.writing() as transaction:
        transaction.append([first._replace(number=number) for number in range(2, 2001)])

    monkeypatch.setattr("gudlft.journal.sql.BATCH_SIZE", 1)
    monkeypatch.setattr("gudlft.journal.sql.SECONDS_FOR_A_PAGE", 0.2)

    assert 2000 == len(opened(url).entries)


def test_pages_read_what_is_new_and_nothing_more(url, opened, monkeypatch):
    one, other = [opened(url) for _ in range(2)]
    here, there = [Revocations(ledger.journal) for ledger in (one, other)]
    reader = Reader(other.journal, other, there)
    one.book(*parties(one), 3)
    here.revoke("first", NOON)
    reader.catch_up()
    assert one.entries == other.entries

    monkeypatch.setattr(other, "catch_up_with", None)
    reader.catch_up()
    monkeypatch.undo()
    here.revoke("second", NOON)
    reader.catch_up()

    assert there.is_revoked("first")
    assert there.is_revoked("second")


def test_copies_of_a_form_in_several_processes_book_once(url, opened):
    processes = [opened(url) for _ in range(4)]

    outcomes = at_once([lambda ledger=ledger: ledger.book(*parties(ledger), 2, TOKEN) for ledger in processes * 2])

    assert [1] * 8 == [outcome.entry.number for outcome in outcomes]
    assert [(LIFT, OPEN, 2, 6)] == in_journal(url)


def test_database_refuses_the_same_form_twice(url, opened):
    ledger = opened(url)
    entry = ledger.book(*parties(ledger), 2, TOKEN).entry

    with pytest.raises(JournalError), ledger.journal.writing() as transaction:
        transaction.append([entry._replace(number=2)])

    assert [(LIFT, OPEN, 2, 6)] == in_journal(url)
    assert 2 == ledger.book(*parties(ledger), 1, TOKEN).entry.number


def test_number_follows_the_last_one_where_rows_are_missing(url, opened):
    ledger = opened(url)
    for _ in range(3):
        ledger.book(*parties(ledger), 1)
    run_sql(url, "DELETE FROM bookings WHERE number = 2")

    reopened = opened(url)
    reopened.book(*parties(reopened), 1)

    assert [1, 3, 4] == [entry.number for entry in reopened.entries]


def test_time_is_kept_in_utc(url, opened):
    noon = datetime(2030, 6, 1, 12, 0, 0, 123456, timezone(timedelta(hours=5)))
    ledger = opened(url)
    ledger.now = lambda: noon

    ledger.book(*parties(ledger), 1)

    assert [("2030-06-01 07:00:00.123456",)] == run_sql(url, "SELECT CAST(at_utc AS TEXT) FROM bookings")
    for process in [ledger, opened(url)]:
        assert noon == process.entries[0].at
        assert timedelta(0) == process.entries[0].at.utcoffset()


def test_times_of_machines_whose_clocks_differ_do_not_order_bookings(url, opened):
    ahead, behind = [opened(url) for _ in range(2)]
    ahead.now = lambda: NOON + timedelta(minutes=1)
    behind.now = lambda: NOON

    ahead.book(*parties(ahead), 1)
    behind.book(*parties(behind), 2)
    ahead.give_back(*parties(ahead), 3)

    assert [1, 2, -3] == [entry.places for entry in opened(url).entries]
    behind.catch_up()
    assert figures(ahead) == figures(behind)


def test_commits_are_on_the_disk_before_they_are_answered(on_sqlite, database):
    modes = {}
    for kind, url, questions in [
        ("sqlite", on_sqlite, ["PRAGMA journal_mode", "PRAGMA synchronous"]),
        ("postgresql", database.url, ["SHOW synchronous_commit", "SHOW default_transaction_isolation"]),
    ]:
        database = open_database(url, ".")
        with database.connect() as connection:
            modes[kind] = [connection.exec_driver_sql(question).scalar_one() for question in questions]
        database.engine.dispose()

    assert {"sqlite": ["delete", 3], "postgresql": ["on", "read committed"]} == modes  # 3 is EXTRA


def test_file_in_another_mode_goes_back_to_the_one_that_is_safe(on_sqlite, opened):
    opened(on_sqlite)
    assert [("wal",)] == run_sql(on_sqlite, "PRAGMA journal_mode=WAL")

    opened(on_sqlite)

    assert [("delete",)] == run_sql(on_sqlite, "PRAGMA journal_mode")


def test_sign_out_holds_in_every_process_and_after_a_restart(url, opened):
    ledgers = [opened(url) for _ in range(2)]
    one, other = [Revocations(ledger.journal) for ledger in ledgers]

    one.revoke("first", NOON)
    other.revoke("second", NOON)
    for ledger, process in zip(ledgers, [one, other], strict=True):
        Reader(ledger.journal, ledger, process).catch_up()

    for process in [one, other, Revocations(opened(url).journal)]:
        assert process.is_revoked("first")
        assert process.is_revoked("second")


def test_what_may_be_used_once_is_used_once_in_all_processes(url, opened):
    processes = [Revocations(opened(url).journal) for _ in range(4)]
    answers = []

    def use(revocations):
        try:
            answers.append(revocations.revoke_once("code", NOON))
        except JournalError:
            answers.append(None)

    at_once([lambda process=process: use(process) for process in processes * 2])

    assert 1 == answers.count(True)
    assert [("code",)] == run_sql(url, "SELECT sign_in FROM ended_sign_ins")


def test_two_revocations_are_forgotten_for_each_that_comes(url, opened):
    revocations = Revocations(opened(url).journal)
    for number in range(5):
        revocations.revoke(f"old {number}", NOON)
    kept = []

    for number in range(3):
        revocations.revoke(f"new {number}", NOON + timedelta(hours=17))
        kept.append(run_sql(url, "SELECT number FROM ended_sign_ins ORDER BY number"))

    assert [[(3,), (4,), (5,), (6,)], [(5,), (6,), (7,)], [(6,), (7,), (8,)]] == kept
