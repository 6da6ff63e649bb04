"""Several processes: together they keep the rules, and one that is killed loses nothing."""

import errno
import os
import secrets
import signal
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pytest

from gudlft.journal import NoJournal
from gudlft.journal.sql import SqlJournal
from tests.databases import bookings_made, children_of, in_journal, run_sql
from tests.support import (
    COMPETITIONS,
    KEY,
    PROJECT,
    SMALL,
    ServedSecretary,
    a_competition,
    at_once,
    clean_environment,
    make_ledger,
    parties,
    serving,
    wait_until,
    write_data,
)

# Without a journal


def no_locks(*_):
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.mark.parametrize("module", [None, SimpleNamespace(flock=no_locks, LOCK_EX=2, LOCK_NB=4)])
def test_one_process_books_where_files_cannot_be_locked(tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, "fcntl", module)
    journals = [NoJournal(str(tmp_path)) for _ in range(2)]
    ledgers = [make_ledger(journal=journal) for journal in journals]

    assert [1, 1] == [ledger.book(*parties(ledger), 1).entry.number for ledger in ledgers]
    for journal in journals:
        journal.close()


# With a journal


def send_until_answered(secretary, competition):
    """Send a form again, as its page advises, while the journal is too busy for it; return the status."""
    token = secrets.token_urlsafe(16)
    for _ in range(100):
        status = secretary.book("1", competition, token=token).status
        if status != 503:
            return status
    raise AssertionError("a hundred tries met a busy journal")


def fight(url):
    """Let four clubs, each in four browsers, try to book more than they may; return all statuses."""
    statuses = []

    def book(number):
        secretary = ServedSecretary(url, f"{number % 4}@example.com")
        for competition in ["Cup", "Open"] * 4:
            statuses.append(send_until_answered(secretary, competition))

    at_once([partial(book, number) for number in range(16)])
    return statuses


def broken_rules(url):
    """Return what is oversold, overspent or over the cap in the journal, by the data of these tests."""
    return run_sql(
        url,
        "SELECT competition, sum(places) FROM bookings GROUP BY competition"
        " HAVING sum(places) > CASE competition WHEN 'Cup' THEN 20 ELSE 1000 END"
        " UNION ALL SELECT club, sum(points) FROM bookings GROUP BY club HAVING sum(points) > 60"
        " UNION ALL SELECT club, sum(places) FROM bookings GROUP BY club, competition HAVING sum(places) > 12",
    )


def test_four_processes_that_fight_for_the_last_places_keep_the_rules(folder, url):
    with serving(folder, "tests.amplified_app:app", workers=4, JOURNAL=url, SECRET_KEY=KEY) as (address, _):
        statuses = fight(address)

    assert {303, 400} == set(statuses)
    assert [] == broken_rules(url)
    assert [(20,)] == run_sql(url, "SELECT sum(places) FROM bookings WHERE competition = 'Cup'")
    assert statuses.count(303) == len(in_journal(url))


def test_four_processes_without_the_lock_break_the_rules(folder, url):
    settings = {"workers": 4, "variables": {"UNLOCKED": "1"}, "JOURNAL": url, "SECRET_KEY": KEY}
    for _ in range(5):
        with serving(folder, "tests.amplified_app:app", **settings) as (address, _):
            fight(address)
        if broken_rules(url):
            return
        run_sql(url, "DELETE FROM bookings")
    raise AssertionError("five fights without the lock broke no rule: these tests would not see its loss")


def test_processes_that_start_at_once_give_back_once_what_clubs_hold_at_a_cancelled_competition(folder, url):
    journal = SqlJournal(url)
    ledger = make_ledger(competitions=[COMPETITIONS[3]], journal=journal)
    for club in ("Simply Lift", "Atlas Barbell"):
        ledger.book(*parties(ledger, club, SMALL), 2)
    journal.close()
    write_data(folder, [], [a_competition(SMALL, "2050-11-05 09:00:00", 5, cancelled=True)])
    environment = clean_environment(DATA_DIR=folder, JOURNAL=url, SECRET_KEY=KEY)

    starts = [subprocess.Popen([sys.executable, "-c", "import server"], cwd=PROJECT, env=environment) for _ in range(4)]

    assert [0] * 4 == [process.wait(60) for process in starts]
    returned = [("Atlas Barbell", SMALL, -2, -6), ("Simply Lift", SMALL, -2, -6)]
    assert returned == in_journal(url)[2:]


def test_killed_processes_lose_no_answered_booking_and_invent_none(folder, url):
    all_sent = set()
    all_answered = set()
    for _ in range(2):
        with (
            serving(folder, workers=2, JOURNAL=url, SECRET_KEY=KEY) as (address, process),
            bookings_made(address) as made,
        ):
            wait_until(lambda made=made: 50 <= len(made.answered), seconds=30)
            for pid in [process.pid, *children_of(process.pid)]:
                os.kill(pid, signal.SIGKILL)
        all_sent |= made.sent
        all_answered |= made.answered

    kept = {token for (token,) in run_sql(url, "SELECT token FROM bookings")}
    assert 100 <= len(all_answered)
    assert set() == all_answered - kept
    assert set() == kept - all_sent
    assert [] == broken_rules(url)
