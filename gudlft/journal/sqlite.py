"""A journal's SQLite file: how it is opened, and how to wait while another process writes to it."""

import os
import sqlite3
from collections.abc import Callable

import sqlalchemy as sql

from . import JournalError
from .time_limit import seconds_left

BUSY = "database is locked"  # SQLite's words
NOTHING_COMMITTED = (BUSY, "database or disk is full")  # what it says of a commit that surely failed


class Sqlite:
    """A SQLite file, which processes of one machine may share."""

    begin_writing = sql.text("BEGIN IMMEDIATE")  # takes the lock at once: SQLite may refuse to turn a read into a write

    def __init__(self, url: sql.URL, folder: str):
        """Open no connection yet; a relative path is relative to the folder."""
        self.file = os.path.join(folder, url.database or "")
        self._identity: tuple[int, int] | None = None
        self.engine = sql.create_engine(
            url.set(database=self.file),
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": 0.01},  # seconds: with more, SQLite sleeps and misses gaps between commits
        )
        sql.event.listen(self.engine, "connect", self._set_up)
        sql.event.listen(self.engine, "do_execute", self._execute)

    def _set_up(self, connection: sqlite3.Connection, record) -> None:
        """Make each commit durable before it is answered."""
        when_free(lambda: connection.executescript("PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA"))

    def _execute(self, cursor: sqlite3.Cursor, statement: str, parameters, context) -> bool:
        """Execute a statement in SQLAlchemy's stead, as soon as other processes release the file."""
        when_free(lambda: cursor.execute(statement, parameters))
        return True

    def is_missing(self) -> bool:
        """Tell whether the file is yet to be made, in a folder that is there."""
        folder = os.path.dirname(self.file) or "."
        return os.path.isdir(folder) and not os.path.exists(self.file)

    def connect(self) -> sql.Connection:
        """Return a connection to the file that is there now: a backup may have replaced it."""
        identity = self._identify_file()
        if identity != self._identity:
            self.engine.dispose()
        connection = self.engine.connect()
        self._identity = identity or self._identify_file()
        return connection

    def _identify_file(self) -> tuple[int, int] | None:
        """Return what tells the file from another in its place; None if SQLite has yet to create it."""
        try:
            status = os.stat(self.file)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self._identity is None:
                return None
            raise JournalError(f"{self.file}: {error.strerror}") from None
        return status.st_dev, status.st_ino


def when_free(action: Callable[[], object]) -> object:
    """Repeat an action until SQLite's file is not locked, and return its result; raise its error when time is up."""
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if str(error) != BUSY or seconds_left() == 0:
                raise
