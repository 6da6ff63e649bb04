"""Bookings that survive: the same rules in memory, on SQLite and on PostgreSQL, and everything that can fail."""

import csv
import errno
import http.client
import io
import os
import resource
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
import rules
import sqlalchemy
from journal import ABOVE, COMMIT, Connection, Journal
from rules import BookingError, Club, Competition, JournalError, Ledger, Memory

import server
from tests.amplifier import amplified
from tests.support import PROJECT, free_port, serving, write_data

KEY = "0123456789abcdef"
TOKEN = "the-token-of-a-form"
WAIT = 300  # milliseconds
CLUBS = [Club("Lift", "lift@example.com", 40), Club("Ömer's <Gym>", "omer@example.com", 40), Club("Poor", "p@e.f", 4)]
CUP = Competition("Cup/2050 ✓", rules.now() + timedelta(days=9000), 15)
OPEN = Competition("Open", rules.now() + timedelta(days=8000), 1000)
LIFT, GYM, POOR = CLUBS


# A throw-away PostgreSQL, and a journal on each engine


def postgres_user():
    """Return what makes a subprocess run as somebody whom PostgreSQL does not refuse."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


@pytest.fixture(scope="session")
def cluster():
    """Start PostgreSQL with nothing in it on a free port of 127.0.0.1; yield its address without a database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    if not programs:
        assert "CI" not in os.environ, "PostgreSQL is missing"
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    folder, port = tempfile.mkdtemp(prefix="cluster-"), str(free_port())
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    run_as = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **postgres_user()}
    initdb = [programs[-1] / "initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--username=postgres", "data"]
    subprocess.run(initdb, check=True, **run_as)
    options = ["-h", "127.0.0.1", "-p", port, "-k", "", "-D", "data"]
    options += ["-c", "fsync=off", "-c", "statement_timeout=20s"]  # only the app is killed; no test waits for ever
    process = subprocess.Popen([programs[-1] / "postgres", *options], **run_as)
    address = f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                run_sql(f"{address}/postgres", "SELECT 1")
                break
            except sqlalchemy.exc.OperationalError:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        shutil.rmtree(folder)


def run_sql(url, *statements):
    """Run statements apart from any journal; return the rows of the last."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def new_schema(cluster):
    """Return the address of a schema with nothing in it."""
    name = f"journal_{secrets.token_hex(6)}"
    run_sql(f"{cluster}/postgres", f"CREATE SCHEMA {name}")
    return f"{cluster}/postgres?options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Return the address of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bookings.db'}"
    return new_schema(request.getfixturevalue("cluster"))


class Database:
    """A database of its own, whose connections can be cut."""

    def __init__(self, cluster, options=""):
        self.name, self._server = f"journal_{secrets.token_hex(6)}", f"{cluster}/postgres"
        self.url = f"{cluster}/{self.name}"
        run_sql(self._server, f"CREATE DATABASE {self.name} {options}")

    def cut(self):
        """Cut all connections."""
        run_sql(self._server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")

    def allow(self, allowed):
        """Allow new connections or refuse them, as a server that is down does."""
        run_sql(self._server, f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS {allowed}")


@pytest.fixture
def database(cluster):
    """Return a database of PostgreSQL with nothing in it."""
    return Database(cluster)


@pytest.fixture
def on_sqlite(tmp_path):
    """Return the address of a SQLite file with nothing in it."""
    return f"sqlite:///{tmp_path / 'bookings.db'}"


@pytest.fixture
def opened():
    """Return a function that opens a ledger on a journal as another process would; all are closed in the end."""
    journals = []

    def open_ledger(url, clubs=CLUBS, competitions=(CUP, OPEN), cost=3, wait=WAIT):
        journals.append(Journal(url, wait=wait))
        return Ledger(clubs, competitions, cost, 12, journals[-1])

    yield open_ledger
    for journal in journals:
        journal.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def ledger(request, tmp_path, opened):
    """Return a ledger that keeps its bookings in memory, on SQLite or on PostgreSQL."""
    if request.param == "memory":
        return Ledger(CLUBS, [CUP, OPEN])
    if request.param == "sqlite":
        return opened(f"sqlite:///{tmp_path / 'bookings.db'}")
    return opened(new_schema(request.getfixturevalue("cluster")))


@pytest.fixture
def pages(monkeypatch):
    """Return a function that lets the app's pages use a ledger, and returns a client signed in as Lift."""
    monkeypatch.setitem(server.app.config, "TESTING", True)

    def use(ledger):
        monkeypatch.setattr(server, "ledger", ledger)
        client = server.app.test_client()
        client.post("/showSummary", data={"email": LIFT.email})
        return client

    return use


def in_journal(url):
    """Return the journal's bookings as (club, competition, places, points)."""
    return run_sql(url, "SELECT club, competition, places, points FROM bookings ORDER BY number")


def in_memory(ledger):
    """Return a ledger's bookings as (club, competition, places, points)."""
    return [tuple(entry[2:6]) for entry in ledger.entries]


def figures(ledger):
    """Return everything that follows from a ledger's entries."""
    held = {(club.name, one.name): ledger.places_held(club, one) for club in CLUBS for one in (CUP, OPEN)}
    return ledger.entries, ledger.history, ledger.board, held, ledger.places_left(CUP), ledger.places_left(OPEN)


@contextmanager
def lock_taken(url):
    """Hold the lock of the one writer, as another process would."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    sqlite = url.startswith("sqlite")
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if sqlite else "BEGIN; SELECT pg_advisory_xact_lock(4711205006)")
        yield
        connection.exec_driver_sql("ROLLBACK")
    engine.dispose()


def commits_fail(monkeypatch, *, after_commit):
    """Cut the connection of the next commit, before or after the database made it."""
    run = Connection.run

    def cut(connection, statements, values):
        if COMMIT not in statements:
            return run(connection, statements, values)
        monkeypatch.setattr(Connection, "run", run)
        if after_commit:
            run(connection, statements, values)
        connection._connection.invalidate()
        raise sqlalchemy.exc.OperationalError("COMMIT", None, OSError("server closed the connection"), None, True)

    monkeypatch.setattr(Connection, "run", cut)


# The rules, wherever bookings are kept


def test_club_cannot_spend_points_it_lacks(ledger):
    ledger.book(POOR, CUP, 1)
    with pytest.raises(BookingError, match="not have enough points"):
        ledger.book(POOR, OPEN, 1)
    assert [1, 15 - 1] == [ledger.points_left(POOR), ledger.places_left(CUP)]


def test_competition_never_sells_more_places_than_it_has(ledger):
    ledger.book(LIFT, CUP, 12)
    with pytest.raises(BookingError, match="only 3 places are left"):
        ledger.book(GYM, CUP, 4)
    ledger.book(GYM, CUP, 3)
    assert 0 == ledger.places_left(CUP)


def test_club_holds_at_most_twelve_places_at_a_competition(ledger):
    ledger.book(LIFT, OPEN, 11)
    with pytest.raises(BookingError, match="at most 1 more"):
        ledger.book(LIFT, OPEN, 2)
    assert 11 == ledger.places_held(LIFT, OPEN)


def test_places_given_back_return_their_points(ledger):
    ledger.book(LIFT, CUP, 5)
    ledger.give_back(LIFT, CUP, 2)
    assert [(3, 40 - 9, 12)] == [(ledger.places_held(LIFT, CUP), ledger.points_left(LIFT), ledger.places_left(CUP))]


def test_started_competition_is_closed(ledger, monkeypatch):
    monkeypatch.setattr(rules, "now", lambda: CUP.date)
    with pytest.raises(BookingError, match="Booking is closed"):
        ledger.book(LIFT, CUP, 1)
    assert [] == ledger.entries


def test_same_form_books_once(ledger):
    first = ledger.book(LIFT, CUP, 2, TOKEN)
    assert first == ledger.book(LIFT, CUP, 2, TOKEN)
    assert 13 == ledger.places_left(CUP)


def test_threads_that_fight_for_the_last_places_never_oversell(ledger):
    def fight(club):
        for _ in range(12):
            try:
                ledger.book(club, CUP, 1)
            except BookingError:
                return

    with amplified():
        threads = [threading.Thread(target=fight, args=[club]) for club in (LIFT, GYM) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 15 == sum(entry.places for entry in ledger.entries)
    assert list(range(1, 16)) == [entry.number for entry in ledger.entries]


# Replay and catching up


def test_replay_gives_the_same_ledger(url, opened):
    ledger = opened(url)
    ledger.book(LIFT, CUP, 3, TOKEN)
    ledger.book(GYM, OPEN, 12)
    ledger.give_back(GYM, OPEN, 5, TOKEN)
    assert figures(ledger) == figures(opened(url))
    assert [(LIFT.name, CUP.name, 3, 9), (GYM.name, OPEN.name, 12, 36), (GYM.name, OPEN.name, -5, -15)] == in_journal(
        url
    )


def test_replay_reads_more_bookings_than_fit_in_one_part(url, opened, monkeypatch):
    ledger = opened(url)
    for _ in range(5):
        ledger.book(LIFT, OPEN, 1)
    parts = {name: query.limit(sqlalchemy.literal_column("2")) for name, query in ABOVE.items()}
    monkeypatch.setattr("journal.ABOVE", parts)
    monkeypatch.setattr("journal.ROWS_AT_ONCE", 2)
    assert ledger.entries == opened(url).entries


def test_booking_in_one_process_is_seen_in_the_other(url, opened):
    one, other = opened(url), opened(url)
    one.book(LIFT, CUP, 3)
    other.catch_up()
    assert figures(one) == figures(other)
    other.give_back(LIFT, CUP, 1)
    one.catch_up()
    assert figures(one) == figures(other)
    assert (-34, "lift", "Lift") == one.board[1]


def test_booking_takes_over_what_others_booked(url, opened):
    one, other = opened(url), opened(url)
    one.book(LIFT, CUP, 12)
    with pytest.raises(BookingError, match="only 3 places are left"):
        other.book(GYM, CUP, 4)
    assert 2 == other.book(GYM, CUP, 3).number


def test_refusal_takes_no_lock(url, opened):
    one, other = opened(url), opened(url)
    one.book(LIFT, CUP, 12)
    other.catch_up()  # as before each request
    with lock_taken(url), pytest.raises(BookingError, match="only 3 places are left"):
        other.book(GYM, CUP, 4)


def test_what_others_gave_back_is_not_refused(url, opened):
    one, other = opened(url), opened(url)
    one.book(LIFT, CUP, 12)
    other.catch_up()
    one.give_back(LIFT, CUP, 12)
    assert other.book(GYM, CUP, 4).number == 3


def test_booking_is_judged_again_under_the_lock(url, opened, monkeypatch):
    one, other = opened(url), opened(url)
    writing = other.journal.writing

    def overtaken(**after):
        monkeypatch.undo()
        one.book(LIFT, CUP, 12)
        return writing(**after)

    monkeypatch.setattr(other.journal, "writing", overtaken)
    with pytest.raises(BookingError, match="only 3 places are left"):
        other.book(GYM, CUP, 4)


def test_copies_of_a_form_in_several_processes_book_once(url, opened):
    processes = [opened(url, wait=10_000) for _ in range(4)]
    threads = [threading.Thread(target=one.book, args=[LIFT, CUP, 2, TOKEN]) for one in processes * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(LIFT.name, CUP.name, 2, 6)] == in_journal(url)


def test_database_refuses_the_same_form_twice(url, opened):
    ledger = opened(url)
    entry = ledger.book(LIFT, CUP, 2, TOKEN)
    with pytest.raises(JournalError), ledger.journal.writing() as journal:
        journal.append(entry._replace(number=2)._asdict())
    assert [(LIFT.name, CUP.name, 2, 6)] == in_journal(url)
    assert 2 == ledger.book(LIFT, CUP, 1, TOKEN).number


def test_number_follows_the_last_one_where_rows_are_missing(url, opened):
    ledger = opened(url)
    for _ in range(3):
        ledger.book(LIFT, CUP, 1)
    run_sql(url, "DELETE FROM bookings WHERE number = 2")
    reopened = opened(url)
    reopened.book(LIFT, CUP, 1)
    assert [1, 3, 4] == [entry.number for entry in reopened.entries]


def test_time_is_kept_in_utc(url, opened, monkeypatch):
    noon = datetime(2030, 6, 1, 12, 0, 0, 123456, timezone(timedelta(hours=5)))
    monkeypatch.setattr(rules, "now", lambda: noon)
    ledger = opened(url)
    ledger.book(LIFT, CUP, 1)
    assert "2030-06-01 07:00:00.123456" == run_sql(url, "SELECT CAST(at_utc AS TEXT) FROM bookings")[0][0]
    assert [(noon, timedelta(0))] * 2 == [
        (one.entries[0].at, one.entries[0].at.utcoffset()) for one in (ledger, opened(url))
    ]


def test_no_connection_is_open_when_a_server_forks_after_the_start(database, cluster, opened):
    opened(database.url)
    others = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database.name}'"
    deadline = time.monotonic() + 5
    while (connections := run_sql(f"{cluster}/postgres", others)) != [(0,)] and time.monotonic() < deadline:
        time.sleep(0.05)  # the server notices a moment later
    assert [(0,)] == connections


# What changed in the files since


def test_new_price_does_not_change_what_was_paid(url, opened):
    opened(url, cost=3).book(LIFT, CUP, 4)
    ledger = opened(url, cost=5)
    assert 40 - 12 == ledger.points_left(LIFT)
    ledger.give_back(LIFT, CUP, 4)
    assert 40 == ledger.points_left(LIFT)


def test_points_stay_spent_when_a_competition_is_removed(url, opened):
    opened(url).book(LIFT, CUP, 4)
    ledger = opened(url, competitions=[OPEN])
    assert (28, []) == (ledger.points_left(LIFT), ledger.holdings(LIFT))
    assert [f"{CUP.name}: no longer in the files, its bookings stay"] == ledger.vanished()
    assert [(LIFT.name, 4)] == ledger.entry_list(CUP.name)


def test_places_stay_booked_when_a_club_is_removed(url, opened, pages):
    opened(url).book(LIFT, CUP, 4)
    opened(url).book(GYM, CUP, 1)
    ledger = opened(url, clubs=[GYM, POOR])
    assert (10, [GYM.name, POOR.name]) == (ledger.places_left(CUP), [name for *_, name in ledger.board])
    assert ["Lift: no longer in the files, its bookings stay"] == ledger.vanished()


def test_totals_that_no_longer_fit_are_named_and_nothing_is_left(url, opened, pages):
    opened(url).book(LIFT, CUP, 9)
    poorer, smaller = Club(LIFT.name, LIFT.email, 20), Competition(CUP.name, CUP.date, 5)
    ledger = opened(url, clubs=[poorer, GYM], competitions=[smaller])
    assert [f"{LIFT.name}: 27 points are spent, of 20", f"{CUP.name}: 9 places are booked, of 5"] == ledger.misfits()
    assert (0, 0) == (ledger.points_left(poorer), ledger.places_left(smaller))
    html = pages(ledger).get("/showSummary").text
    assert '"places-left" value="0"' in html and '"points-left" value="0"' in html and 'value="-' not in html


# Signing out


def test_sign_out_holds_in_every_process_and_after_a_restart(url, opened):
    one, other = opened(url), opened(url)
    one.end("first")
    other.end("second")
    one.catch_up()
    assert [["first", "second"]] * 2 == [list(one.ended), list(opened(url).ended)]


def test_ended_sign_ins_are_forgotten_when_no_cookie_can_live(url, opened, monkeypatch):
    one, other = opened(url), opened(url)
    one.end("old")
    moment = one.ended["old"]
    monkeypatch.setattr(rules, "now", lambda: moment + timedelta(hours=8))
    other.end("last moment")
    monkeypatch.setattr(rules, "now", lambda: moment + timedelta(hours=16, seconds=1))
    assert ["old", "last moment"] == [name for (name,) in run_sql(url, "SELECT sign_in FROM ended_sign_ins")]
    other.end("new")
    assert [(3, "new")] == run_sql(url, "SELECT number, sign_in FROM ended_sign_ins")
    one.catch_up()
    assert [["new"]] * 2 == [list(one.ended), list(opened(url).ended)]


def test_sign_out_while_the_journal_is_locked_is_written_later(url, opened, pages):
    ledger = opened(url)
    client = pages(ledger)
    with lock_taken(url):
        assert (303, "/") == ((response := client.post("/logout")).status_code, response.location)
        assert 303 == client.get("/showSummary").status_code
    assert [] == run_sql(url, "SELECT * FROM ended_sign_ins")
    client.get("/pointsBoard")
    assert 1 == len(opened(url).ended)


# What fails


def test_lock_that_others_hold_books_nothing_and_pages_stay(url, opened, pages):
    ledger = opened(url)
    client = pages(ledger)
    with lock_taken(url):
        started = time.monotonic()
        with pytest.raises(JournalError) as error:
            ledger.book(LIFT, CUP, 1)
        assert error.value.certain and 5 > time.monotonic() - started
        response = client.post("/purchasePlaces", data={"competition": CUP.name, "places": "1"})
        assert 503 == response.status_code and "Nothing was booked" in response.text
        assert 200 == client.get("/showSummary").status_code
    assert [] == in_memory(ledger) == in_journal(url)
    assert 303 == client.post("/purchasePlaces", data={"competition": CUP.name, "places": "1"}).status_code
    assert [(LIFT.name, CUP.name, 1, 3)] == in_memory(ledger) == in_journal(url)


def test_page_does_not_wait_for_a_booking_that_waits(url, opened, pages):
    ledger = opened(url, wait=2000)
    client = pages(ledger)
    with lock_taken(url):
        waiting = threading.Thread(target=lambda: pytest.raises(JournalError, ledger.book, LIFT, CUP, 1))
        waiting.start()
        time.sleep(0.2)
        started = time.monotonic()
        assert 200 == client.get("/showSummary").status_code
        assert waiting.is_alive() and 1 > time.monotonic() - started
        waiting.join()


def test_pages_come_from_memory_while_nothing_can_be_read(on_sqlite, opened, pages):
    ledger = opened(on_sqlite)
    ledger.book(LIFT, CUP, 3)
    client = pages(ledger)
    with sqlite3.connect(on_sqlite.removeprefix("sqlite:///"), isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        assert '"places-held" value="3"' in client.get("/showSummary").text
        assert 3 > time.monotonic() - started
    connection.close()


def test_page_is_read_between_the_commits_of_others(on_sqlite, opened):
    other = sqlite3.connect(on_sqlite.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    reader, ending = opened(on_sqlite), threading.Event()

    def commit():
        while not ending.wait(0.003):
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(0.03)
            other.execute("ROLLBACK")

    thread = threading.Thread(target=commit)
    thread.start()
    started = time.monotonic()
    for _ in range(10):
        reader.catch_up()
    ending.set()
    thread.join()
    other.close()
    assert 2 > time.monotonic() - started


def test_database_that_is_away_books_nothing_until_it_is_back(database, opened, pages):
    ledger = opened(database.url)
    client = pages(ledger)
    form = {"competition": CUP.name, "places": "2", "token": TOKEN}
    database.allow(False)
    database.cut()
    response = client.post("/purchasePlaces", data=form)
    assert 503 == response.status_code and "Nothing was booked" in response.text
    assert '"places-left" value="15"' in client.get("/showSummary").text
    database.allow(True)
    assert 303 == client.post("/purchasePlaces", data=form).status_code
    assert [(LIFT.name, CUP.name, 2, 6)] == in_memory(ledger) == in_journal(database.url)


def test_connections_that_died_while_idle_are_replaced(database, opened, pages):
    ledger = opened(database.url)
    client = pages(ledger)
    for number in (1, 2):
        database.cut()
        assert 303 == client.post("/purchasePlaces", data={"competition": CUP.name, "places": "1"}).status_code
        assert [(LIFT.name, CUP.name, 1, 3)] * number == in_memory(ledger) == in_journal(database.url)


def test_file_that_was_replaced_is_opened_anew(on_sqlite, opened, pages, tmp_path):
    client, file = pages(opened(on_sqlite)), Path(on_sqlite.removeprefix("sqlite:///"))
    file.rename(tmp_path / "moved")
    shutil.copy(tmp_path / "moved", file)
    statuses = [client.post("/purchasePlaces", data={"competition": CUP.name, "places": "1"}).status_code for _ in "12"]
    assert 303 == statuses[1]
    assert [(LIFT.name, CUP.name, 1, 3)] * statuses.count(303) == in_journal(on_sqlite)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_names_are_kept_whole_or_not_at_all_in_databases_of_other_encodings(cluster, opened, encoding):
    database = Database(cluster, f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    ledger = opened(database.url)
    assert 1 == ledger.book(GYM, OPEN, 1).number
    try:
        assert 2 == ledger.book(GYM, CUP, 1).number
    except JournalError as error:
        assert error.certain and encoding == "LATIN1"
    assert in_memory(ledger) == in_memory(opened(database.url))


def test_connection_cut_before_the_commit_books_nothing(database, opened, monkeypatch):
    ledger, append = opened(database.url), Connection.append

    def append_and_lose(connection, booking):
        append(connection, booking)
        database.cut()
        monkeypatch.undo()

    monkeypatch.setattr(Connection, "append", append_and_lose)
    with pytest.raises(JournalError) as error:
        ledger.book(LIFT, CUP, 1, TOKEN)
    assert error.value.certain
    assert [] == in_memory(ledger) == in_journal(database.url)
    assert 1 == ledger.book(LIFT, CUP, 1, TOKEN).number


def test_commit_that_failed_books_nothing(url, opened, monkeypatch):
    ledger = opened(url)
    commits_fail(monkeypatch, after_commit=False)
    with pytest.raises(JournalError) as error:
        ledger.book(LIFT, CUP, 1, TOKEN)
    assert error.value.certain
    assert [] == in_memory(ledger) == in_journal(url)


@pytest.mark.parametrize("token", [TOKEN, None])
def test_commit_that_was_made_books_though_its_answer_is_lost(url, opened, monkeypatch, token):
    ledger = opened(url)
    commits_fail(monkeypatch, after_commit=True)
    assert 1 == ledger.book(LIFT, CUP, 1, token).number
    assert [(LIFT.name, CUP.name, 1, 3)] == in_memory(ledger) == in_journal(url)


@pytest.mark.parametrize("made", [True, False])
def test_commit_of_unknown_outcome_asks_to_check_and_the_form_books_once(url, opened, pages, monkeypatch, made):
    ledger = opened(url)
    client, writing, form = pages(ledger), ledger.journal.writing, {"competition": CUP.name, "places": "1"}

    def away(**_):
        raise JournalError("away")

    def write_once(**after):
        monkeypatch.setattr(ledger.journal, "writing", away)
        return writing(**after)

    commits_fail(monkeypatch, after_commit=made)
    monkeypatch.setattr(ledger.journal, "writing", write_once)
    response = client.post("/purchasePlaces", data={**form, "token": TOKEN})
    assert 503 == response.status_code and "Check your bookings" in response.text
    monkeypatch.setattr(ledger.journal, "writing", writing)
    assert f'"places-held" value="{int(made)}"' in client.get("/showSummary").text
    assert 303 == client.post("/purchasePlaces", data={**form, "token": TOKEN}).status_code
    assert [(LIFT.name, CUP.name, 1, 3)] == in_memory(ledger) == in_journal(url)


def test_full_disk_books_nothing(on_sqlite, opened):
    ledger = opened(on_sqlite)
    ledger.book(LIFT, OPEN, 1)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(on_sqlite.removeprefix("sqlite:///")), hard))
    try:
        with pytest.raises(JournalError) as error:
            for number in range(1000):
                ledger.book(LIFT, OPEN, 1, f"{number:04}" + "x" * 60)
                ledger.give_back(LIFT, OPEN, 1, f"{number:04}" + "x" * 60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert error.value.certain and 10 < len(ledger.entries)
    assert in_memory(ledger) == in_journal(on_sqlite)
    number = ledger.entries[-1].number
    assert number + 1 == ledger.give_back(LIFT, OPEN, 1).number
    assert in_memory(ledger) == in_journal(on_sqlite)


def test_read_only_file_books_nothing(on_sqlite, opened, pages):
    ledger, file = opened(on_sqlite), Path(on_sqlite.removeprefix("sqlite:///"))
    ledger.book(LIFT, CUP, 1)
    ledger.journal.close()
    file.chmod(0o444)
    for folder in list(file.parents)[:3]:
        folder.chmod(0o755)
    before, _ = os.geteuid(), "warm up".encode("idna")  # the other user may not read Python's own files
    os.seteuid(65534 if before == 0 else before)
    try:
        with pytest.raises(JournalError, match="readonly") as error:
            ledger.book(LIFT, CUP, 1)
        assert '"places-held" value="1"' in pages(ledger).get("/showSummary").text
    finally:
        os.seteuid(before)
        ledger.journal.close()
    file.chmod(0o644)
    assert error.value.certain
    assert [(LIFT.name, CUP.name, 1, 3)] == in_memory(ledger) == in_journal(on_sqlite)
    assert 2 == ledger.book(LIFT, CUP, 1).number


# Starting


def run_flask(folder, *arguments, **settings):
    """Run a command of the app with the data files in `folder`; return its exit status, output and error output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GUDLFT_")}
    environment |= {f"GUDLFT_{name}": value for name, value in {"DATA_DIR": str(folder), **settings}.items()}
    program = [sys.executable, "-W", "error", "-m", "flask", "--app", "server", *arguments]
    done = subprocess.run(program, cwd=PROJECT, env=environment, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.fixture
def data(tmp_path):
    """Return a folder with data files."""
    clubs = [(f"Club {number}", f"{number}@example.com", 60) for number in range(4)]
    write_data(tmp_path, clubs, [("Cup", "2050-01-01 10:00:00", 20), ("Open", "2050-01-01 10:00:00", 1000)])
    return tmp_path


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("sqlite://", "must be a database URL like sqlite:///bookings.db or postgresql+psycopg://"),
        ("bookings.db", "must be a database URL like"),
        ("postgresql+psycopg://name:secret", "must be a database URL like"),
        ("sqlite:///no/such/folder/bookings.db", "unable to open database file"),
        ("sqlite:///clubs.json", "file is not a database"),
        ("postgresql+psycopg://name:secret@127.0.0.1:1/name", "Connection refused"),
    ],
)
def test_journal_that_cannot_be_opened_stops_the_start(data, setting, line):
    status, output, errors = run_flask(data, "check", JOURNAL=setting, SECRET_KEY=KEY)
    assert (1, b"", 1) == (status, output, errors.count("\n"))
    assert errors.startswith("GUDLFT_JOURNAL: ") and line in errors and "secret" not in errors


@pytest.mark.parametrize(
    "address",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:bookings.db?uri=true",
        "sqlite+pysqlcipher:///bookings.db",
        "postgresql+psycopg://name:secret@127.0.0.1",
        "postgresql://name:secret@127.0.0.1/name",
        "postgresql+psycopg://name:secret",
        "postgresql+psycopg://name:secret@127.0.0.1/name?options=-c&options=-c",
        "mysql://host/name",
    ],
)
def test_address_without_a_database_that_this_app_can_use_is_refused(address):
    with pytest.raises(JournalError) as error:
        Journal(address)
    expected = "must be a database URL like sqlite:///bookings.db or postgresql+psycopg://name:password@host/database"
    assert expected == str(error.value)


def test_relative_file_lies_in_this_folder_unless_another_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    Journal("sqlite:///here.db")
    Journal("sqlite:///there.db", "data")
    assert {"data", "data/there.db", "here.db"} == {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")}


def test_journal_without_a_secret_key_stops_the_start(data):
    expected = "GUDLFT_JOURNAL must be set together with GUDLFT_SECRET_KEY\n"
    assert (1, b"", expected) == run_flask(data, "check", JOURNAL="sqlite:///bookings.db")


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE journal", "UPDATE journal SET version = 2", "UPDATE journal SET app = 'Other'", "DELETE FROM journal"],
)
def test_journal_of_another_app_or_a_newer_version_stops_the_start(url, opened, statement):
    opened(url)
    run_sql(url, statement)
    with pytest.raises(JournalError) as error:
        opened(url)
    assert "the database is another app's, or that of another version of this app" == str(error.value)


def test_without_a_journal_sql_is_not_imported(data):
    script = "import sys, server; print({'sqlalchemy', 'psycopg', 'defusedcsv'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "set()\n" == done.stdout


def test_commands_show_the_bookings_and_what_no_longer_fits(data):
    journal = {"JOURNAL": "sqlite:///bookings.db", "SECRET_KEY": KEY}
    assert 0 == run_flask(data, "check", **journal)[0]
    rows = [("=1+1", "Cup", 30, 90), ("Club 1", "Cup", 2, 6), ("Club 1", "Cup", -2, -6)]
    with sqlite3.connect(data / "bookings.db") as connection:
        values = [(number, "2026-01-02 03:04:05.000006", *row) for number, row in enumerate(rows, start=1)]
        statement = "INSERT INTO bookings (number, at_utc, club, competition, places, points) VALUES (?, ?, ?, ?, ?, ?)"
        connection.executemany(statement, values)
    connection.close()
    status, output, _ = run_flask(data, "bookings", **journal)
    assert (0, True, 4) == (status, output.startswith(b"\xef\xbb\xbf"), output.count(b"\r\n"))
    exported = list(csv.reader(io.StringIO(output.decode("utf-8-sig"), newline="")))
    assert ["number", "time in UTC", "club", "competition", "places", "points"] == exported[0]
    assert ["1", "2026-01-02 03:04:05", "'=1+1", "Cup", "30", "90"] == exported[1]
    assert ["3", "2026-01-02 03:04:05", "Club 1", "Cup", "-2", "-6"] == exported[3]
    expected = b"\xef\xbb\xbfclub,places held\r\n'=1+1,30\r\n"
    assert (0, expected) == run_flask(data, "bookings", "--competition", "Cup", **journal)[:2]
    assert (1, b"") == run_flask(data, "bookings", "--competition", "Cap", **journal)[:2]
    status, output, errors = run_flask(data, "check", **journal)
    lines = ["journal: 3 lines", "Cup: 30 places are booked, of 20", "=1+1: no longer in the files, its bookings stay"]
    assert (0, lines) == (status, output.decode().splitlines()[2:])
    assert "WARNING" in errors and "Cup: 30 places are booked, of 20" in errors


# Several processes


class Secretary:
    """A signed-in secretary with a connection of her own."""

    def __init__(self, address, email):
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
        self._headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = self.post("/showSummary", email=email)
        assert 303 == response.status
        self._headers["Cookie"] = response.headers["Set-Cookie"].partition(";")[0]

    def post(self, path, **form):
        """Post a form and return the answer."""
        self._connection.request("POST", path, urllib.parse.urlencode(form), self._headers)
        response = self._connection.getresponse()
        response.read()
        return response

    def close(self):
        """Close the connection."""
        self._connection.close()


def test_second_process_without_a_journal_books_nothing_and_names_the_setting(data):
    with serving(data) as (one, _), serving(data) as (other, _):
        first, second = Secretary(one, "1@example.com"), Secretary(other, "2@example.com")
        form = {"competition": "Cup", "places": "1"}
        assert 303 == first.post("/purchasePlaces", **form).status
        assert 503 == second.post("/purchasePlaces", **form).status
        assert 503 == second.post("/cancelPlaces", **form).status
        assert 303 == first.post("/cancelPlaces", **form).status
        assert 303 == second.post("/logout").status
        first.close()
        second.close()
    assert 2 == (data / "server.log").read_text().count("set GUDLFT_JOURNAL")


def no_locks(*_):
    """Fail as `flock` does on a file system without locks."""
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.mark.parametrize("module", [None, SimpleNamespace(flock=no_locks, LOCK_EX=2, LOCK_NB=4)])
def test_one_process_books_where_files_cannot_be_locked(tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, "fcntl", module)
    one, other = (Ledger(CLUBS, [CUP], journal=Memory(str(tmp_path))) for _ in range(2))
    assert [1, 1] == [one.book(LIFT, CUP, 1).number, other.book(LIFT, CUP, 1).number]


def fight(address):
    """Let four clubs, each in four browsers, book until they are refused everywhere; return all statuses."""
    statuses = []

    def book(number):
        secretary = Secretary(address, f"{number % 4}@example.com")
        for competition in ["Cup", "Open"] * 8:
            statuses.append(secretary.post("/purchasePlaces", competition=competition, places=1).status)
        secretary.close()

    threads = [threading.Thread(target=book, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def broken_rules(url):
    """Return what the journal says is oversold, overspent or over the cap in the data of these tests."""
    return run_sql(
        url,
        "SELECT competition, sum(places) FROM bookings GROUP BY competition"
        " HAVING sum(places) > CASE competition WHEN 'Cup' THEN 20 ELSE 1000 END"
        " UNION ALL SELECT club, sum(points) FROM bookings GROUP BY club HAVING sum(points) > 60"
        " UNION ALL SELECT club, sum(places) FROM bookings GROUP BY club, competition HAVING sum(places) > 12",
    )


def test_four_processes_that_fight_for_the_last_places_keep_the_rules(data, url):
    with serving(data, "tests.amplified_app:app", workers=4, JOURNAL=url, SECRET_KEY=KEY) as (address, _):
        statuses = fight(address)
    assert {303, 400} == set(statuses)
    assert [] == broken_rules(url)
    assert 20 == run_sql(url, "SELECT sum(places) FROM bookings WHERE competition = 'Cup'")[0][0]
    assert statuses.count(303) == len(in_journal(url))


def test_four_processes_without_the_lock_break_the_rules(data, url, monkeypatch):
    monkeypatch.setenv("UNLOCKED", "1")
    for _ in range(5):
        with serving(data, "tests.amplified_app:app", workers=4, JOURNAL=url, SECRET_KEY=KEY) as (address, _):
            fight(address)
        if broken_rules(url):
            return
        run_sql(url, "DELETE FROM bookings")
    raise AssertionError("five fights without the lock broke no rule: these tests would not see its loss")


def kill(process):
    """Kill a server and its workers at once."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in [process.pid, *map(int, children)]:
        os.kill(pid, signal.SIGKILL)


def test_killed_processes_lose_no_answered_booking_and_invent_none(data, url):
    sent, answered = set(), set()

    def book(address, number):
        try:
            secretary = Secretary(address, f"{number}@example.com")
            for turn in range(10_000):
                token, path = secrets.token_urlsafe(16), ("/purchasePlaces", "/cancelPlaces")[turn % 2]
                sent.add(token)
                if 303 == secretary.post(path, competition="Open", places=1, token=token).status:
                    answered.add(token)
        except (OSError, http.client.HTTPException):
            secretary.close()

    for _ in range(5):
        before = len(answered)
        with serving(data, workers=2, JOURNAL=url, SECRET_KEY=KEY) as (address, process):
            threads = [threading.Thread(target=book, args=[address, number]) for number in range(4)]
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + 20
            while len(answered) < before + 30 and time.monotonic() < deadline:
                time.sleep(0.01)
            kill(process)
            for thread in threads:
                thread.join()
    kept = {token for (token,) in run_sql(url, "SELECT token FROM bookings")}
    assert 150 <= len(answered)
    assert set() == answered - kept
    assert set() == kept - sent
    assert [] == broken_rules(url)
