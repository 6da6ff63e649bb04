"""Opening the database that a URL names: SQLite or PostgreSQL, whose library is imported only if it is needed."""

from typing import Protocol

import sqlalchemy as sql

from . import JournalError
from .sqlite import Sqlite

DRIVERS = {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}
URL_EXAMPLES = "sqlite:///bookings.db or postgresql+psycopg://name:password@host/database"


class Database(Protocol):
    """A database: the things that SQLite and PostgreSQL do differently."""

    engine: sql.Engine
    begin_writing: sql.TextClause  # begins the transaction of the one writer, as soon as no other process writes

    def is_missing(self) -> bool:
        """Tell whether connecting would make the database."""

    def connect(self) -> sql.Connection:
        """Return a connection; raise JournalError or DBAPIError if the database cannot be reached."""

    def leaves_commit_in_doubt(self, error: sql.exc.DBAPIError) -> bool:
        """Tell whether a commit that ended in the error may have been made."""


def open_database(url: str, folder: str) -> Database:
    """Return the database of a URL; a relative path is relative to the folder.

    Raise JournalError, without the password, if the URL names none; ImportError if its driver is not installed.
    """
    try:
        parsed = parse(url)
    except (TypeError, ValueError, sql.exc.ArgumentError):
        raise JournalError(f"must be a database URL like {URL_EXAMPLES}") from None
    if parsed.get_backend_name() == "sqlite":
        return Sqlite(parsed, folder)

    from .postgresql import Postgresql  # brings psycopg

    return Postgresql(parsed)


def parse(url: str) -> sql.URL:
    """Return the parts of a URL; raise ValueError or an error of SQLAlchemy's unless this app can use its database."""
    parsed = sql.make_url(url)
    database = parsed.database or ":memory:"
    has_options_once = isinstance(parsed.query.get("options", ""), str)  # given twice, it is a tuple
    if parsed.drivername not in DRIVERS or database.startswith((":", "file:")) or not has_options_once:
        raise ValueError("it names no database that this app can use")
    sql.create_engine(parsed)  # which opens no connection, but reads the settings
    return parsed
