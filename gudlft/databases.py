"""What SQLite and PostgreSQL do differently, and a limit of time for whatever is asked of them."""

import concurrent.futures
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import sqlalchemy as sql

from .journal import JournalError

LOCK_SECONDS = 3  # that PostgreSQL lets a session wait for a lock, or keep one without doing anything
WRITER_LOCK = 4711205006  # any number that no other user of a PostgreSQL database takes
NOTHING_COMMITTED = ("database is locked", "database or disk is full")  # SQLite's words for a commit that surely failed
URL_EXAMPLES = "sqlite:///bookings.db or postgresql+psycopg://name:password@host/database"

# Limits of time


class TimeLimit(threading.local):
    """How long databases may take: each thread has seconds of its own, and the moment at which they are over."""

    seconds = math.inf
    deadline = math.inf


limit_of_this_thread = TimeLimit()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let whatever this thread asks of a database in the block end in time, well or in an error."""
    limit_of_this_thread.seconds = seconds
    renew_time_limit()
    try:
        yield
    finally:
        limit_of_this_thread.deadline = math.inf


def renew_time_limit() -> None:
    """Let this thread's limit begin anew: the database has answered."""
    limit_of_this_thread.deadline = time.monotonic() + limit_of_this_thread.seconds


def seconds_left() -> float:
    """Return the seconds that this thread's limit leaves; 0 where its time is over."""
    seconds = limit_of_this_thread.deadline - time.monotonic()
    return max(0, min(seconds, threading.TIMEOUT_MAX))


# Databases


class Sqlite:
    """A SQLite file, which processes of one machine may share."""

    begin_writing = sql.text("BEGIN IMMEDIATE")  # with the lock: SQLite refuses a read that is upgraded

    def __init__(self, url: sql.URL, folder: str):
        """Open no connection yet; a relative path is relative to the folder."""
        self.file = os.path.join(folder, url.database)
        self._identity: tuple[int, int] | None = None
        self.engine = sql.create_engine(
            url.set(database=self.file),
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": 0.01},  # seconds: in longer ones SQLite pauses, and misses gaps between commits
        )
        sql.event.listen(self.engine, "connect", self._set_up)
        sql.event.listen(self.engine, "do_execute", self._execute)

    def _set_up(self, connection: sqlite3.Connection, record) -> None:
        """Make each commit durable before it is answered."""
        when_free(lambda: connection.execute("PRAGMA journal_mode=DELETE"))
        when_free(lambda: connection.execute("PRAGMA synchronous=EXTRA"))

    def _execute(self, cursor: sqlite3.Cursor, statement: str, parameters, context) -> bool:
        """Execute a statement in SQLAlchemy's stead, as soon as other processes let the file free."""
        when_free(lambda: cursor.execute(statement, parameters))
        return True

    def connect(self) -> sql.Connection:
        """Return a connection to the file that lies there now: a backup may have been moved into its place."""
        identity = self._identify_file()
        if identity != self._identity:
            self.engine.dispose()
        connection = self.engine.connect()
        self._identity = identity or self._identify_file()
        return connection

    def _identify_file(self) -> tuple[int, int] | None:
        """Return what tells the file from another in its place; None where SQLite is yet to create it."""
        try:
            status = os.stat(self.file)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self._identity is None:
                return None
            raise JournalError(f"{self.file}: {error.strerror}") from None
        return status.st_dev, status.st_ino

    def leaves_commit_in_doubt(self, error: sql.exc.DBAPIError) -> bool:
        """Tell whether a commit that ended in the error may have been made."""
        return str(error.orig) not in NOTHING_COMMITTED


def when_free(action: Callable[[], object]) -> object:
    """Return what the action returns as soon as SQLite's file is not locked; raise its error when the time is over."""
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if str(error) != "database is locked" or seconds_left() == 0:
                raise


class Postgresql:
    """A PostgreSQL database, which machines may share."""

    begin_writing = sql.text(f"BEGIN; SELECT pg_advisory_xact_lock({WRITER_LOCK})")  # together: one round trip
    file = None  # the server has it

    def __init__(self, url: sql.URL, folder: str):
        """Open no connection yet; there is nothing in the folder."""
        session = {
            "synchronous_commit": "on",
            "default_transaction_isolation": r"read\ committed",
            "TimeZone": "UTC",
            "client_encoding": "UTF8",
            "lock_timeout": f"{LOCK_SECONDS}s",
            "statement_timeout": f"{LOCK_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{LOCK_SECONDS}s",
        }
        options = "".join(f"-c {name}={value} " for name, value in session.items())
        shortest = {"connect_timeout": "2"}  # seconds: so soon ends what `connect_in_time` no longer waits for
        self.engine = sql.create_engine(
            url.update_query_dict({**shortest, **url.query}),
            isolation_level="AUTOCOMMIT",
            connect_args={"options": options + url.query.get("options", "")},
        )
        sql.event.listen(self.engine, "do_connect", self._connect)

    def _connect(self, dialect, record, arguments, options):
        """Connect with a driver that gives up in time."""
        return connect_in_time(lambda: limited_connection_class().connect(*arguments, **options))

    def connect(self) -> sql.Connection:
        """Return a connection, which may have died while it was idle: its first statement will tell."""
        return self.engine.connect()

    def leaves_commit_in_doubt(self, error: sql.exc.DBAPIError) -> bool:
        """Tell whether a commit that ended in the error may have been made."""
        return error.connection_invalidated


def connect_in_time(connect: Callable[[], object]) -> object:
    """Return a new connection; raise psycopg's error where that takes too long, and close it when it comes late.

    The driver itself waits for two seconds at least, and without limit for the address of a host's name.
    """
    import psycopg

    outcome = concurrent.futures.Future()

    def run():
        try:
            outcome.set_result(connect())
        except Exception as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(seconds_left())
    except concurrent.futures.TimeoutError:
        outcome.add_done_callback(close_late)
        raise psycopg.OperationalError("the database does not answer") from None


def close_late(outcome: concurrent.futures.Future) -> None:
    """Close the connection for which nobody waits any more, if it was made at all."""
    if outcome.exception() is None:
        outcome.result().close()


@cache
def limited_connection_class() -> type:
    """Return psycopg's connection, but one that gives up when the thread's time is over."""
    import psycopg

    class LimitedConnection(psycopg.Connection):
        def wait(self, *arguments, **options):
            try:
                return super().wait(*arguments, **options, timeout=seconds_left())
            except psycopg.OperationalError as error:
                if seconds_left() > 0:
                    raise
                self.close()  # a late answer must not be taken for that of another statement
                raise psycopg.OperationalError("the database does not answer") from error

    return LimitedConnection


def open_database(url: str, folder: str) -> Sqlite | Postgresql:
    """Return the database of a URL; raise JournalError, without the password, where it names none."""
    kinds = {"sqlite+pysqlite": Sqlite, "postgresql+psycopg": Postgresql}
    try:
        parsed = sql.make_url(url)
        kind = kinds[f"{parsed.get_backend_name()}+{parsed.get_driver_name()}"]
        if not parsed.database or parsed.database.startswith((":", "file:")):
            raise ValueError
        return kind(parsed, folder)
    except (KeyError, TypeError, ValueError, sql.exc.SQLAlchemyError):
        raise JournalError(f"must be a database URL like {URL_EXAMPLES}") from None
