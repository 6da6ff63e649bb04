"""Opening the database that a URL names: SQLite or PostgreSQL, whose library is imported only if it is needed."""

from typing import TYPE_CHECKING

import sqlalchemy as sql

from . import JournalError
from .sqlite import Sqlite

if TYPE_CHECKING:
    from .postgresql import Postgresql

DRIVERS = {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}
URL_EXAMPLES = "sqlite:///bookings.db or postgresql+psycopg://name:password@host/database"


def open_database(url: str, folder: str) -> "Sqlite | Postgresql":
    """Return the database of a URL; a relative path is relative to the folder.

    Raise JournalError, without the password, if the URL names none; ImportError if its driver is not installed.
    """
    try:
        parsed = parse(url)
        if parsed.get_backend_name() == "sqlite":
            return Sqlite(parsed, folder)

        from .postgresql import Postgresql  # brings psycopg

        return Postgresql(parsed)
    except (TypeError, ValueError, sql.exc.ArgumentError):
        raise JournalError(f"must be a database URL like {URL_EXAMPLES}") from None


def parse(url: str) -> sql.URL:
    """Return the parts of a URL; raise ValueError or an error of SQLAlchemy's unless this app can use its database."""
    parsed = sql.make_url(url)
    database = parsed.database or ":memory:"
    if parsed.drivername not in DRIVERS or database.startswith((":", "file:")):
        raise ValueError("it names no database that this app can use")
    return parsed
