"""Opening a journal: where it lies, what stops a start with one line, and what is left as it was."""

import sys

import pytest
import sqlalchemy

from gudlft.journal import JournalError
from gudlft.journal.sql import SqlJournal
from gudlft.model import Club, Competition
from gudlft.opening import open_journal
from tests.databases import Database, file_of, in_journal, quick_limits, run_sql, writer_lock_taken
from tests.support import (
    COMPETITIONS,
    JOHN,
    KEPT,
    KEY,
    Secretary,
    at_once,
    wait_until,
)

# Where it lies


@pytest.mark.parametrize(
    "address",
    [
        "bookings.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:bookings.db?uri=true",
        "sqlite+pysqlcipher:///bookings.db",
        "postgresql+psycopg://name:secret@127.0.0.1",
        "postgresql://name:secret@127.0.0.1/name",
        "postgresql+psycopg://name:secret",
        "mysql://host/name",
        "sqlite:///bookings.db?timeout=soon",
        "postgresql+psycopg://name:secret@/name?host=one:1&host=two:port",
    ],
)
def test_address_without_a_database_that_this_app_can_use_is_refused(address):
    with pytest.raises(JournalError) as error:
        SqlJournal(address)

    expected = "must be a database URL like sqlite:///bookings.db or postgresql+psycopg://name:password@host/database"
    assert expected == str(error.value)


def test_relative_file_lies_in_this_folder_unless_another_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()

    SqlJournal("sqlite:///here.db").close()
    SqlJournal("sqlite:///there.db", "data").close()

    assert {"data", "data/there.db", "here.db"} == {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")}


def test_settings_of_the_address_are_kept(database):
    url = f"{database.url}?application_name=club&connect_timeout=7"

    journal = SqlJournal(url)
    with journal.reading() as transaction:
        name = transaction.connection.execute(sqlalchemy.text("SHOW application_name")).scalar_one()
    journal.close()

    assert "club" == name


# What stops a start


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("sqlite:///no/such/folder/bookings.db", "unable to open database file"),
        ("sqlite:///clubs.json/bookings.db", "Not a directory"),
        ("sqlite:///clubs.json", "file is not a database"),
        ("postgresql+psycopg://name:secret@127.0.0.1:1/name", "Connection refused"),
    ],
)
def test_journal_that_cannot_be_opened_is_told_in_one_line(folder, setting, line):
    with pytest.raises(JournalError) as error:
        SqlJournal(setting, str(folder))

    assert "\n" not in str(error.value)
    assert line in str(error.value)
    assert "secret" not in str(error.value)


def test_silent_database_is_told_in_one_line(cluster):
    with cluster.silent(), pytest.raises(JournalError, match="^connection timeout expired$"):
        SqlJournal(f"{cluster.url}/postgres?connect_timeout=2")  # the least that PostgreSQL takes


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE journal", "UPDATE journal SET version = 2", "UPDATE journal SET app = 'Other'", "DELETE FROM journal"],
)
def test_journal_of_another_app_or_a_newer_version_stops_the_start(on_sqlite, opened, statement):
    opened(on_sqlite)
    run_sql(on_sqlite, statement)

    with pytest.raises(JournalError, match="^the database is another app's, or that of another version of this app$"):
        opened(on_sqlite)


def test_several_processes_may_start_on_an_empty_database_at_once(url):
    journals = at_once([lambda: SqlJournal(url)] * 6)

    for journal in journals:
        journal.close()


def test_no_connection_is_open_when_a_server_forks_after_the_start(database, start):
    start(JOURNAL=database.url, SECRET_KEY=KEY)

    wait_until(lambda: 0 == database.count_connections())  # the server notices a moment later


def test_names_are_kept_whole_in_a_database_of_another_encoding(cluster, opened):
    database = Database(cluster, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    clubs = [Club("Ömer's <Gym>", ("omer@example.com",), 40)]
    cup = Competition("Cup/2050 ✓", COMPETITIONS[2].starts_at, 15)
    ledger = opened(database.url, clubs, [cup])

    ledger.book(*clubs, cup, 1)

    assert ledger.entries == opened(database.url).entries


# What the log and the commands say of it


def tables_of(url):
    engine = sqlalchemy.create_engine(url)
    names = sqlalchemy.inspect(engine).get_table_names()
    engine.dispose()
    return names


def test_looking_at_an_empty_database_makes_no_tables(url):
    if url.startswith("sqlite"):
        file_of(url).touch()

    journal = open_journal({"JOURNAL": url, "DATA_DIR": "."}, makes_journal=False)

    assert not journal.shared
    assert [] == tables_of(url)


def test_looking_at_a_journal_needs_no_turn_of_the_writer_and_leaves_no_trial_in_it(url, opened):
    opened(url)

    with writer_lock_taken(url):
        journal = open_journal({"JOURNAL": url, "DATA_DIR": "."}, makes_journal=False)
        with quick_limits(), pytest.raises(JournalError, match="locked|not answer"):
            journal.try_to_write()
    journal.try_to_write()
    journal.close()

    assert journal.shared
    assert [] == in_journal(url)


def test_start_says_that_the_journal_is_new_until_it_holds_a_booking(data, start, caplog):
    caplog.set_level("INFO")
    for _ in range(2):
        assert 303 == Secretary(JOHN, start(**KEPT).app).book("1").status

    assert 1 == caplog.text.count("the journal is new: it holds no bookings yet")


def test_library_that_is_missing_is_told_as_the_journals_error_where_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gudlft.journal.postgresql", None)

    open_journal({"JOURNAL": "sqlite:///bookings.db", "DATA_DIR": tmp_path}).close()
    with pytest.raises(JournalError, match="gudlft.journal.postgresql"):
        open_journal({"JOURNAL": "postgresql+psycopg://127.0.0.1/name", "DATA_DIR": tmp_path})
