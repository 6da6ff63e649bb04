"""Everything that can fail in a database: nothing is lost, doubled or invented, and every answer is true."""

import os
import resource
import shutil
import sqlite3
import threading
import time
from contextlib import contextmanager

import pytest
import sqlalchemy

import server
from gudlft import databases
from gudlft.journal import CommitInDoubt, JournalError
from gudlft.sql_journal import COMMIT, Transaction
from tests.databases import (
    UNREADABLE,
    file_locked,
    file_of,
    holding,
    in_journal,
    in_memory,
    make_stall,
    network_silent,
    restore_copy,
    run_sql,
    writer_lock_taken,
)
from tests.support import IRON, JOHN, OPEN, TOKEN, Secretary, parties, wait_until

LIFT = "Simply Lift"
FORM = {"competition": OPEN, "places": "2", "token": TOKEN}
MAY_BE_OLD = "These figures may be a little old: the bookings cannot be read at the moment"
NOT_BOOKED = "Nothing was booked or given back by this try. Send the form again in a minute: it books at most once"
IN_DOUBT = (
    "It is not certain whether your places were booked or given back. "
    "Look at My bookings, or send the form again: it books at most once"
)
BOOKED = [(LIFT, OPEN, 2, 6)]


@contextmanager
def quick_limits():
    """Make the limits of time for a journal five times as short in the block."""
    limit = databases.time_limit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gudlft.sql_journal.time_limit", lambda seconds: limit(seconds / 5))
        yield


@pytest.fixture
def served(serve, opened):
    """Return a function that lets the app's pages use a journal, and returns the ledger."""
    return lambda url: serve(opened(url))


def says(page):
    """Return the status of a page, and which of the sentences about the journal it says."""
    return page.status, [text for text in (MAY_BE_OLD, NOT_BOOKED, IN_DOUBT) if text in page.text]


# What is locked or silent


@pytest.mark.parametrize("address", ["/purchasePlaces", "/cancelPlaces"])
def test_lock_that_others_hold_books_nothing_and_pages_stay(url, served, address):
    ledger = served(url)
    john = Secretary(JOHN)
    with writer_lock_taken(url), quick_limits():
        assert (503, [NOT_BOOKED]) == says(john.post(address, **FORM))
        assert (200, []) == says(john.get("/showSummary"))
        assert [] == in_memory(ledger)

    assert 303 == john.post("/purchasePlaces", **FORM).status
    assert BOOKED == in_memory(ledger) == in_journal(url)


def test_page_does_not_wait_for_a_booking_that_waits(url, served):
    ledger = served(url)
    john = Secretary(JOHN)
    with writer_lock_taken(url), quick_limits():
        booking = threading.Thread(target=pytest.raises, args=[JournalError, ledger.book, *parties(ledger), 1])
        booking.start()
        wait_until(lambda: ledger.writer._writing_since)
        began = time.monotonic()

        assert 200 == john.get("/showSummary").status

        assert booking.is_alive()
        assert 0.5 > time.monotonic() - began
        booking.join()


@pytest.fixture(params=UNREADABLE)
def unreadable(request):
    """Return the address of a journal, and a function that makes it unreadable in a block."""
    stall = make_stall(request.param, request.getfixturevalue)
    return stall.url, stall.hold


def test_while_nothing_can_be_read_pages_come_from_memory_and_say_so(unreadable, served):
    url, make_unreadable = unreadable
    served(url)
    john = Secretary(JOHN)
    john.post("/purchasePlaces", **FORM)
    with make_unreadable(), quick_limits():
        for address in ["/showSummary", "/bookings", "/pointsBoard", f"/book/{OPEN}/{LIFT}"]:
            assert (200, [MAY_BE_OLD]) == says(john.get(address))
        assert (503, "the journal is away") == (john.get("/health").status, john.get("/health").html)
        assert (7, 18, 2) == john.figures()

    assert (200, []) == says(john.get("/showSummary"))
    assert (200, "ok") == (john.get("/health").status, john.get("/health").html)


def test_while_nothing_can_be_read_nothing_is_judged(unreadable, served, opened):
    url, make_unreadable = unreadable
    served(url)
    iron = Secretary(IRON)
    iron.book("1")  # 1 point is left, as far as this process knows
    other = opened(url)
    other.give_back(*parties(other, "Iron Temple"), 1)

    with make_unreadable(), quick_limits():
        assert (503, [NOT_BOOKED]) == says(iron.book("1"))
        assert (503, [NOT_BOOKED]) == says(iron.give_back("1"))

    assert 303 == iron.book("1").status


def test_while_nothing_can_be_read_nobody_waits_for_the_one_who_tries(unreadable, served):
    url, make_unreadable = unreadable
    served(url)
    secretaries = [Secretary(JOHN) for _ in range(6)]
    times = []

    def look(secretary):
        began = time.monotonic()
        secretary.get("/showSummary")
        times.append(time.monotonic() - began)

    with make_unreadable():
        look(secretaries[0])
        threads = [threading.Thread(target=look, args=[secretary]) for secretary in secretaries]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 5 == len([seconds for seconds in sorted(times[1:]) if seconds < 0.3])


def test_order_that_meets_a_silence_books_nothing_for_certain(unreadable, served):
    url, make_unreadable = unreadable
    ledger = served(url)
    ledger.catch_up()
    with make_unreadable(), quick_limits(), pytest.raises(JournalError) as error:
        ledger.book(*parties(ledger), 2, TOKEN)

    assert not isinstance(error.value, CommitInDoubt)
    assert [] == in_memory(ledger)
    assert 1 == ledger.book(*parties(ledger), 2, TOKEN).number
    assert BOOKED == in_memory(ledger) == in_journal(url)


def test_silence_in_the_middle_of_a_transaction_leaves_no_traceback_in_the_log(proxied, opened, capfd):
    url, proxy = proxied
    ledger = opened(url)

    def fall_silent(orders):
        proxy.be_silent()
        raise JournalError("an error that is not the driver's")

    ledger._judge_all = fall_silent
    with quick_limits(), pytest.raises(JournalError):
        ledger.book(*parties(ledger), 2)
    proxy.go_on()
    del ledger._judge_all

    assert "" == capfd.readouterr().err
    assert 1 == ledger.book(*parties(ledger), 2).number


def test_page_is_read_between_the_commits_of_others(on_sqlite, opened):
    ledger = opened(on_sqlite)
    other = sqlite3.connect(file_of(on_sqlite), isolation_level=None, check_same_thread=False)
    is_over = threading.Event()

    def commit():
        while not is_over.wait(0.003):
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(0.03)
            other.execute("ROLLBACK")

    thread = threading.Thread(target=commit)
    thread.start()
    began = time.monotonic()
    for _ in range(10):
        ledger.catch_up()
    seconds = time.monotonic() - began
    is_over.set()
    thread.join()
    other.close()

    assert 2 > seconds


def test_new_connection_waits_for_the_commits_of_others_too(on_sqlite, opened):
    ledger = opened(on_sqlite)
    ledger.journal.close()
    lock = file_locked(on_sqlite)
    lock.__enter__()
    threading.Timer(1, lock.__exit__, [None, None, None]).start()

    assert 1 == ledger.book(*parties(ledger), 2).number


def test_commit_waits_for_those_who_read_the_file(on_sqlite, opened, monkeypatch):
    ledger = opened(on_sqlite)
    reader = sqlite3.connect(file_of(on_sqlite), isolation_level=None, check_same_thread=False)
    append = Transaction.append

    def append_while_another_reads(transaction, entries):
        append(transaction, entries)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM bookings").fetchall()

    monkeypatch.setattr(Transaction, "append", append_while_another_reads)
    threading.Timer(0.3, reader.execute, ["ROLLBACK"]).start()

    assert 1 == ledger.book(*parties(ledger), 2).number
    assert BOOKED == in_memory(ledger) == in_journal(on_sqlite)
    reader.close()


def test_commit_that_others_never_let_through_booked_nothing_for_certain(on_sqlite, opened):
    ledger = opened(on_sqlite)
    reading = holding(on_sqlite, "BEGIN", "SELECT * FROM bookings")
    with reading, quick_limits(), pytest.raises(JournalError, match="^database is locked$") as error:
        ledger.book(*parties(ledger), 2, TOKEN)

    assert not isinstance(error.value, CommitInDoubt)
    assert [] == in_memory(ledger) == in_journal(on_sqlite)
    assert 1 == ledger.book(*parties(ledger), 2, TOKEN).number


# What is away


def test_database_that_is_away_books_nothing_until_it_is_back(database, served):
    ledger = served(database.url)
    john = Secretary(JOHN)
    with database.away():
        assert (503, [NOT_BOOKED]) == says(john.post("/purchasePlaces", **FORM))
        assert (200, [MAY_BE_OLD]) == says(john.get("/showSummary"))

    assert 303 == john.post("/purchasePlaces", **FORM).status
    assert BOOKED == in_memory(ledger) == in_journal(database.url)


def test_connections_that_died_while_idle_are_replaced(database, served):
    ledger = served(database.url)
    john = Secretary(JOHN)
    for number in (1, 2):
        database.cut()
        assert 303 == john.book("1").status
        assert [(LIFT, OPEN, 1, 3)] * number == in_memory(ledger) == in_journal(database.url)


def test_connection_that_comes_late_is_closed(monkeypatch):
    class Late:
        is_closed = False

        def close(self):
            self.is_closed = True

    connection = Late()
    may_come = threading.Event()

    with databases.time_limit(0.05), pytest.raises(JournalError, match="^the database does not answer$"):
        databases.connect_in_time(lambda: may_come.wait(10) and connection)

    may_come.set()
    wait_until(lambda: connection.is_closed)


def test_connection_that_fails_late_is_nobodys_concern():
    may_fail = threading.Event()
    threads_before = threading.active_count()

    def fail():
        may_fail.wait(10)
        raise ConnectionRefusedError

    with databases.time_limit(0.05), pytest.raises(JournalError, match="^the database does not answer$"):
        databases.connect_in_time(fail)

    may_fail.set()
    wait_until(lambda: threads_before == threading.active_count())


def test_long_silence_leaves_few_connections_and_threads_behind(proxied, database, served):
    url, proxy = proxied
    served(url)
    john = Secretary(JOHN)
    with network_silent(proxy), quick_limits():
        for _ in range(30):
            john.get("/showSummary")
        threads = [thread.name for thread in threading.enumerate() if "(run)" in thread.name]

    assert 30 > len(threads)
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


# Commits


def test_connection_cut_before_the_commit_books_nothing(database, opened, monkeypatch):
    ledger = opened(database.url)
    append = Transaction.append

    def append_and_lose(transaction, entries):
        append(transaction, entries)
        database.cut()
        transaction.execute(sqlalchemy.text("SELECT 1"))

    monkeypatch.setattr(Transaction, "append", append_and_lose)
    with pytest.raises(JournalError) as error:
        ledger.book(*parties(ledger), 2, TOKEN)
    monkeypatch.undo()

    assert not isinstance(error.value, CommitInDoubt)
    assert [] == in_memory(ledger) == in_journal(database.url)
    assert 1 == ledger.book(*parties(ledger), 2, TOKEN).number


def test_commit_on_a_connection_that_was_cut_is_in_doubt(database, opened, monkeypatch):
    ledger = opened(database.url)
    append = Transaction.append

    def append_and_lose(transaction, entries):
        append(transaction, entries)
        database.cut()

    monkeypatch.setattr(Transaction, "append", append_and_lose)
    with pytest.raises(CommitInDoubt):
        ledger.book(*parties(ledger), 2, TOKEN)
    monkeypatch.undo()

    assert [] == in_memory(ledger) == in_journal(database.url)
    assert 1 == ledger.book(*parties(ledger), 2, TOKEN).number


def test_commit_whose_answer_is_lost_is_in_doubt_and_its_form_books_once(proxied, database, served):
    url, proxy = proxied
    ledger = served(url)
    john = Secretary(JOHN)
    proxy.be_silent_after(b"COMMIT")

    with quick_limits():
        page = john.post("/purchasePlaces", **FORM)

    assert (503, [IN_DOUBT]) == says(page)
    assert BOOKED == in_journal(database.url)
    assert [] == in_memory(ledger)
    proxy.go_on()
    assert 2 == john.figures()[2]
    assert (303, "/showSummary") == john.post("/purchasePlaces", **page.form("/purchasePlaces")).redirect
    assert BOOKED == in_memory(ledger) == in_journal(database.url)


def test_commit_that_the_server_refused_booked_nothing_for_certain(database, opened):
    ledger = opened(database.url)
    run_sql(
        database.url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$refused$$; END'",
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON bookings DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse()",
    )

    with pytest.raises(JournalError, match="^refused$") as error:
        ledger.book(*parties(ledger), 2, TOKEN)

    assert not isinstance(error.value, CommitInDoubt)
    run_sql(database.url, "DROP TRIGGER late ON bookings")
    assert [] == in_memory(ledger) == in_journal(database.url)
    assert 1 == ledger.book(*parties(ledger), 2, TOKEN).number


@pytest.mark.parametrize("is_made", [True, False])
def test_commit_of_sqlite_that_met_a_disk_error_is_in_doubt_and_its_form_books_once(
    on_sqlite, served, monkeypatch, is_made
):
    ledger = served(on_sqlite)
    john = Secretary(JOHN)
    execute = Transaction.execute

    def execute_on_a_bad_disk(transaction, statement, values=None):
        if statement is not COMMIT:
            return execute(transaction, statement, values)
        if is_made:
            execute(transaction, statement)
        raise sqlalchemy.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(Transaction, "execute", execute_on_a_bad_disk)
    page = john.post("/purchasePlaces", **FORM)
    monkeypatch.setattr(Transaction, "execute", execute)

    assert (503, [IN_DOUBT]) == says(page)
    assert 2 * is_made == john.figures()[2]
    assert 303 == john.post("/purchasePlaces", **page.form("/purchasePlaces")).status
    assert BOOKED == in_memory(ledger) == in_journal(on_sqlite)


def test_sentences_stay_true_where_two_processes_see_copies_of_a_form(proxied, database, serve, opened):
    url, proxy = proxied
    here = serve(opened(url))
    john = Secretary(JOHN)
    proxy.be_silent_after(b"COMMIT")
    with quick_limits():
        assert (503, [IN_DOUBT]) == says(john.post("/purchasePlaces", **FORM))

    there = serve(opened(database.url))
    john = Secretary(JOHN)
    with database.away():
        page = john.post("/purchasePlaces", **FORM)
        assert (503, [NOT_BOOKED]) == says(page)  # by this try; and the table holds it
    assert BOOKED == in_journal(database.url)

    proxy.go_on()
    assert 303 == john.post("/purchasePlaces", **page.form("/purchasePlaces")).status
    here.catch_up()
    assert BOOKED == in_memory(here) == in_memory(there) == in_journal(database.url)


@pytest.mark.parametrize("token", [{}, {"token": TOKEN}, {"token": "short"}])
def test_page_that_met_no_journal_sends_the_same_form_again(database, served, token):
    ledger = served(database.url)
    john = Secretary(JOHN)
    with database.away():
        first = john.book("2", **token).form("/purchasePlaces")
        second = john.post("/purchasePlaces", **first).form("/purchasePlaces")

    assert first == second
    assert token.get("token") in (first["token"], None, "short")
    for _ in range(2):
        assert 303 == john.post("/purchasePlaces", **second).status
    assert BOOKED == in_memory(ledger) == in_journal(database.url)


def test_return_that_met_no_journal_is_sent_again_as_a_return(database, served):
    ledger = served(database.url)
    john = Secretary(JOHN)
    john.book("3")
    with database.away():
        form = john.give_back("1").form("/cancelPlaces")

    assert 303 == john.post("/cancelPlaces", **form).status

    assert [(LIFT, OPEN, 3, 9), (LIFT, OPEN, -1, -3)] == in_memory(ledger) == in_journal(database.url)


# The disk


def test_full_disk_books_nothing(on_sqlite, opened):
    ledger = opened(on_sqlite)
    atlas = parties(ledger, "Atlas Barbell")
    ledger.journal.close()

    def limit_size(connection, record):
        connection.execute("PRAGMA max_page_count=9")

    sqlalchemy.event.listen(ledger.journal._database.engine, "connect", limit_size)
    with pytest.raises(JournalError, match="^database or disk is full$") as error:
        for number in range(1000):
            ledger.book(*atlas, 1, f"{number:04}" + "x" * 60)
            ledger.give_back(*atlas, 1, f"{number:04}" + "x" * 60)
    sqlalchemy.event.remove(ledger.journal._database.engine, "connect", limit_size)
    ledger.journal.close()

    assert not isinstance(error.value, CommitInDoubt)
    assert 10 < len(ledger.entries)
    assert in_memory(ledger) == in_journal(on_sqlite)
    assert ledger.entries[-1].number + 1 == ledger.book(*atlas, 1).number
    assert in_memory(ledger) == in_journal(on_sqlite)


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

    assert ledger.entries[-1].number + 1 == ledger.book(*atlas, 1).number
    assert in_memory(ledger) == in_journal(on_sqlite)


@pytest.mark.parametrize(
    ("words", "in_doubt"),
    [
        ("database is locked", False),
        ("database or disk is full", False),
        ("disk I/O error", True),
        ("database disk image is malformed", True),
    ],
)
def test_commit_of_sqlite_is_in_doubt_unless_its_error_says_that_it_failed(on_sqlite, words, in_doubt):
    error = sqlalchemy.exc.OperationalError("COMMIT", None, sqlite3.OperationalError(words))

    assert in_doubt is databases.open_database(on_sqlite, ".").leaves_commit_in_doubt(error)


def test_read_only_file_books_nothing(on_sqlite, served):
    ledger = served(on_sqlite)
    john = Secretary(JOHN)
    john.post("/purchasePlaces", **FORM)
    ledger.journal.close()
    file = file_of(on_sqlite)
    file.chmod(0o444)
    for folder in list(file.parents)[:3]:
        folder.chmod(0o755)
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)  # root may write everywhere
    try:
        with pytest.raises(JournalError, match="readonly") as error:
            ledger.book(*parties(ledger), 1)
        assert (7, 18, 2) == john.figures()
    finally:
        os.seteuid(user)
        ledger.journal.close()

    file.chmod(0o644)
    assert not isinstance(error.value, CommitInDoubt)
    assert BOOKED == in_memory(ledger) == in_journal(on_sqlite)
    assert 2 == ledger.book(*parties(ledger), 1).number


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


@pytest.mark.parametrize("which", ["number = 3", "number > 1", "number > 0"])
def test_rows_that_are_gone_are_noticed(database, served, caplog, which):
    served(database.url)
    john = Secretary(JOHN)
    for _ in range(3):
        john.book("1")

    run_sql(database.url, f"DELETE FROM bookings WHERE {which}")

    assert 503 == john.get("/health").status
    assert (200, [MAY_BE_OLD]) == says(john.get("/showSummary"))
    assert (503, [NOT_BOOKED]) == says(john.book("1"))
    assert "restart" in caplog.text


def test_rows_that_are_gone_are_noticed_though_others_took_their_numbers(url, served, opened):
    ledger = served(url)
    ledger.book(*parties(ledger), 1)
    john = Secretary(JOHN)
    assert (10, 19, 1) == john.figures()

    run_sql(url, "DELETE FROM bookings")
    other = opened(url)  # which was started anew
    other.book(*parties(other, "Atlas Barbell"), 1)

    assert 503 == john.get("/health").status
    assert (200, [MAY_BE_OLD]) == says(john.get("/showSummary"))
    assert [(LIFT, OPEN, 1, 3)] == in_memory(ledger)


def test_sign_outs_that_are_gone_do_not_hide_new_ones(url, served):
    served(url)
    here = server.sign_outs
    for sign_in in ("first", "second"):
        here.end(sign_in, server.ledger.now())
    Secretary().get("/")
    served(url)
    there = server.sign_outs

    run_sql(url, "DELETE FROM ended_sign_ins WHERE sign_in = 'second'")
    here.end("third", server.ledger.now())
    Secretary().get("/")

    for sign_in in ("first", "second", "third"):
        assert there.has_ended(sign_in)


# Rows edited by hand

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
TYPED = ["places given back at a price", "points given away", "no places", "absurdly many", "no club"]
TYPED += ["the largest number of PostgreSQL"]  # what the types of PostgreSQL allow
CASES = [("sqlite", edit) for edit in EDITED] + [("postgresql", edit) for edit in TYPED]


@pytest.mark.parametrize(("url", "edit"), CASES, indirect=["url"])
def test_row_that_cannot_be_right_stops_the_start(url, edit, opened):
    opened(url)
    run_sql(url, f"INSERT INTO bookings (number, at_utc, club, competition, places, points) VALUES {GOOD}")
    assert 1 == len(opened(url).entries)
    run_sql(url, EDITED[edit])

    with pytest.raises(JournalError) as error:
        opened(url)

    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("url", "edit"), CASES, indirect=["url"])
def test_row_that_cannot_be_right_is_a_journal_that_is_away(url, edit, served):
    ledger = served(url)
    john = Secretary(JOHN)
    run_sql(
        url,
        f"INSERT INTO bookings (number, at_utc, club, competition, places, points) VALUES {GOOD}",
        EDITED[edit],
    )

    assert (200, [MAY_BE_OLD]) == says(john.get("/showSummary"))
    assert 503 == john.get("/health").status
    assert (503, [NOT_BOOKED]) == says(john.book("1"))
    assert [] == in_memory(ledger)
    assert (13, 20, 0) == john.figures()

    run_sql(url, "DELETE FROM bookings")
    assert 303 == john.book("1").status


def test_row_without_a_value_is_a_journal_that_is_away(database, served):
    ledger = served(database.url)
    john = Secretary(JOHN)
    insert = f"INSERT INTO bookings (number, at_utc, club, competition, places, points) VALUES {GOOD}"
    for column in ("at_utc", "club", "competition", "places", "points"):
        run_sql(database.url, f"ALTER TABLE bookings ALTER {column} DROP NOT NULL", "DELETE FROM bookings", insert)
        run_sql(database.url, f"UPDATE bookings SET {column} = NULL")
        assert (200, [MAY_BE_OLD]) == says(john.get("/showSummary"))
    assert [] == in_memory(ledger)


@pytest.mark.parametrize("edit", ["at_utc = 'yesterday'", "at_utc = 20260102", "sign_in = x'00'", "sign_in = ''"])
def test_sign_out_that_cannot_be_right_is_a_journal_that_is_away(on_sqlite, served, edit):
    served(on_sqlite)
    run_sql(
        on_sqlite,
        "INSERT INTO ended_sign_ins VALUES (1, '2026-01-02 03:04:05.000006', 'first')",
        f"UPDATE ended_sign_ins SET {edit}",
    )

    assert (200, [MAY_BE_OLD]) == says(Secretary().get("/"))


def test_totals_that_only_hands_can_make_are_named_and_shown_within_bounds(url, opened, serve):
    opened(url)
    run_sql(
        url,
        "INSERT INTO bookings (number, at_utc, club, competition, places, points) VALUES "
        f"(1, '2026-01-02 03:04:05.000006', '{LIFT}', '{OPEN}', -50, -150)",
    )

    ledger = serve(opened(url))

    assert (13, 20, 0) == Secretary(JOHN).figures()
    assert 3 == len(ledger.mismatches())
    assert f"{LIFT}: -50 places are held in {OPEN}, of 12" in ledger.mismatches()


def test_nothing_is_written_that_could_not_be_read_again(url, opened):
    opened(url)
    last = GOOD.replace("(1,", "(1000000000,")
    run_sql(url, f"INSERT INTO bookings (number, at_utc, club, competition, places, points) VALUES {last}")
    ledger = opened(url)

    with pytest.raises(JournalError, match="^booking 1000000001 cannot be right"):
        ledger.book(*parties(ledger), 1)

    assert 1 == len(opened(url).entries)


# Signing out


@pytest.fixture
def eager(monkeypatch):
    """Let the background try every tenth of a second to write sign-outs."""
    monkeypatch.setattr("gudlft.sign_outs.SECONDS_BETWEEN_TRIES", 0.1)


def test_sign_out_while_the_journal_is_locked_is_written_later(url, served, eager):
    served(url)
    john = Secretary(JOHN)
    with writer_lock_taken(url):
        began = time.monotonic()
        assert (303, "/") == john.post("/logout").redirect
        assert 1 > time.monotonic() - began
        assert (303, "/") == john.get("/showSummary").redirect
        assert [] == run_sql(url, "SELECT * FROM ended_sign_ins")

    wait_until(lambda: run_sql(url, "SELECT * FROM ended_sign_ins"))


def test_nobody_waits_for_a_sign_out_where_the_journal_is_known_to_be_away(unreadable, served, eager, monkeypatch):
    url, make_unreadable = unreadable
    served(url)
    secretaries = [Secretary(JOHN) for _ in range(3)]
    monkeypatch.setattr("gudlft.sign_outs.SECONDS_TO_WRITE", 10)
    with make_unreadable(), quick_limits():
        began = time.monotonic()
        for secretary in secretaries:
            assert (303, "/") == secretary.post("/logout").redirect
        seconds = time.monotonic() - began

    assert 2 > seconds
    wait_until(lambda: 3 == len(run_sql(url, "SELECT * FROM ended_sign_ins")))
