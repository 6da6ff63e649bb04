"""What SQLite and PostgreSQL do differently, and a limit of time for whatever is asked of them."""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import sqlalchemy as sql

from .journal import JournalError

ADVISORY_LOCK = sql.text("SELECT pg_advisory_xact_lock(4711205006)")  # any number that no other user takes
LOCK_SECONDS = 4  # that PostgreSQL lets a session wait for a lock, or keep one without doing anything
URL_EXAMPLES = "sqlite:///bookings.db or postgresql+psycopg://name:password@host/database"

# Limits of time

thread = threading.local()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let whatever this thread asks of a database in the block end in time, well or in an error."""
    thread.seconds = seconds
    renew_time_limit()
    try:
        yield
    finally:
        thread.deadline = math.inf


def renew_time_limit() -> None:
    """Let this thread's limit begin anew: the database has answered."""
    thread.deadline = time.monotonic() + thread.seconds


def seconds_left() -> float:
    """Return the seconds that this thread's limit leaves."""
    return getattr(thread, "deadline", math.inf) - time.monotonic()


def in_time(action: Callable[[], object]) -> object:
    """Return what the action returns; raise TimeoutError where it takes too long, and leave it to itself."""
    outcome = Future()

    def run():
        try:
            outcome.set_result(action())
        except Exception as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome.result(min(seconds_left(), threading.TIMEOUT_MAX))


# Databases


class Sqlite:
    """A SQLite file, which processes of one machine may share."""

    begin = sql.text("BEGIN IMMEDIATE")  # with the lock: SQLite refuses a read that is upgraded

    def __init__(self, url: sql.URL, folder: str):
        """Open no connection yet; a relative path is relative to the folder."""
        self.path = os.path.join(folder, url.database)
        self._identity: tuple[int, int] | None = None
        self.engine = sql.create_engine(
            url.set(database=self.path),
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": 0.5},  # seconds, for `_set_up`
        )
        sql.event.listen(self.engine, "connect", self._set_up)

    def _set_up(self, connection, record):
        """Make each commit durable before it is answered, and let `execute` wait for locks from now on."""
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.execute("PRAGMA busy_timeout=10")  # ms: SQLite's pauses grow, and miss the gaps between commits

    def connect(self) -> sql.Connection:
        """Return a connection to the file that lies there now: a backup may have been moved into its place."""
        identity = self._identify_file()
        if identity != self._identity:
            self.engine.dispose()
        connection = self.engine.connect()
        self._identity = identity or self._identify_file()
        return connection

    def _identify_file(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            if self._identity:
                raise JournalError(f"{self.path} is no longer there") from None
            return None
        return status.st_dev, status.st_ino

    def execute(self, connection: sql.Connection, statement, values=None) -> sql.CursorResult:
        """Execute a statement as soon as other processes let the file free, or raise in the end."""
        while True:
            try:
                return connection.execute(statement, values)
            except sql.exc.OperationalError as error:
                if str(error.orig) != "database is locked" or seconds_left() <= 0:
                    raise

    def lock(self, execute: Callable) -> None:
        """Do nothing: `begin` has taken the lock."""

    def leaves_commit_in_doubt(self, error: sql.exc.DBAPIError) -> bool:
        """Tell whether a commit that ended in the error may have been made."""
        return "disk I/O error" in str(error.orig)


class Postgresql:
    """A PostgreSQL database, which machines may share."""

    begin = sql.text("BEGIN")

    def __init__(self, url: sql.URL, folder: str):
        """Open no connection yet."""
        session = {
            "synchronous_commit": "on",
            "default_transaction_isolation": r"read\ committed",
            "TimeZone": "UTC",
            "client_encoding": "UTF8",
            "lock_timeout": f"{LOCK_SECONDS}s",
            "statement_timeout": f"{LOCK_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{LOCK_SECONDS}s",
        }
        options = " ".join(f"-c {name}={value}" for name, value in session.items())
        asked_for = url.query.get("options", "")
        self.engine = sql.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            connect_args={"options": f"{options} {asked_for}"},
        )
        sql.event.listen(self.engine, "do_connect", self._connect)

    def _connect(self, dialect, record, arguments, options):
        """Connect in time: the driver itself would wait two seconds at least."""
        return in_time(lambda: limited_connection_class().connect(*arguments, **options))

    def connect(self) -> sql.Connection:
        """Return a connection."""
        return self.engine.connect()

    def execute(self, connection: sql.Connection, statement, values=None) -> sql.CursorResult:
        """Execute a statement."""
        return connection.execute(statement, values)

    def lock(self, execute: Callable) -> None:
        """Become the one writer until the transaction ends."""
        execute(ADVISORY_LOCK)

    def leaves_commit_in_doubt(self, error: sql.exc.DBAPIError) -> bool:
        """Tell whether a commit that ended in the error may have been made."""
        return error.connection_invalidated


def limited_connection_class() -> type:
    """Return psycopg's connection, but one that gives up when the thread's time is over."""
    import psycopg

    class LimitedConnection(psycopg.Connection):
        def wait(self, *arguments, **options):
            timeout = max(0, seconds_left())
            try:
                return super().wait(*arguments, **options, timeout=min(timeout, threading.TIMEOUT_MAX))
            except psycopg.OperationalError:
                if seconds_left() <= 0:
                    self.close()  # a late answer must not be taken for that of another statement
                raise

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
