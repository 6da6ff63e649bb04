"""The SQL journal: bookings in SQLite or PostgreSQL, durable, shared by processes and machines. It judges nothing.

Every failure of the database is raised as a JournalError, and nobody waits without limit: readers for pages wait half
a second, the writer of bookings four seconds, and longer only while many rows keep coming.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone

import sqlalchemy as sql
from sqlalchemy import Column, Integer, Table, Text

from ..model import Entry
from . import (
    FORGOTTEN_AT_ONCE,
    SECONDS_FOR_A_PAGE,
    SECONDS_FOR_BOOKINGS,
    CommitInDoubt,
    JournalError,
    MissingJournal,
    Revocation,
    Transaction,
)
from .databases import open_database
from .sqlite import NOTHING_COMMITTED
from .time_limit import renew_time_limit, time_limit

APP = "GÜDLFT Registration"
VERSION = 1
BATCH_SIZE = 10_000  # rows read at once
NEVER_COMMITTED = Entry(0, datetime.now(timezone.utc), APP, APP, places=1, points=1, token=None)

# Tables


class UtcDateTime(sql.TypeDecorator):
    """A time that the database keeps in UTC without saying so, because SQLite knows no time zones."""

    impl = sql.DateTime
    cache_ok = True

    def process_bind_param(self, value, dialect):
        """Return the time as it is kept."""
        return value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value, dialect):
        """Return the time as the app knows it."""
        return value and value.replace(tzinfo=timezone.utc)


metadata = sql.MetaData()

owner = Table("journal", metadata, Column("app", Text), Column("version", Integer))

bookings = Table(
    "bookings",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_utc", UtcDateTime, key="at", nullable=False),
    Column("club", Text, nullable=False),
    Column("competition", Text, nullable=False),
    Column("places", Integer, nullable=False),
    Column("points", Integer, nullable=False),
    Column("token", Text),
    sql.UniqueConstraint("club", "competition", "places", "token"),  # the same form books once
)

revocations = Table(
    "ended_sign_ins",  # the name that it had first: databases have it
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_utc", UtcDateTime, key="at", nullable=False),
    Column("sign_in", Text, key="id", nullable=False),
)

# Statements

BOOKINGS_FROM = (
    sql.select(bookings)
    .where(bookings.c.number >= sql.bindparam("first"))
    .order_by(bookings.c.number)
    .limit(sql.bindparam("most"))
)
REVOCATIONS_FROM = (
    sql.select(revocations).where(revocations.c.number >= sql.bindparam("first")).order_by(revocations.c.number)
)


def in_last_row(column: Column) -> sql.ScalarSelect:
    """Return the part of a statement that finds a column's value in the last row of its table."""
    number = column.table.c.number
    return sql.select(column).order_by(number.desc()).limit(1).scalar_subquery()


LAST_ROWS = sql.select(
    in_last_row(bookings.c.number),
    in_last_row(bookings.c.at),
    in_last_row(revocations.c.number),
    in_last_row(revocations.c.at),
)
LAST_REVOCATION = sql.func.coalesce(sql.func.max(revocations.c.number), 0)
NEXT_REVOCATION = sql.select(LAST_REVOCATION + 1).scalar_subquery()
OLDEST_REVOCATIONS = sql.select(revocations.c.number).order_by(revocations.c.number).limit(sql.bindparam("most"))
ADD_BOOKING = bookings.insert()
ADD_REVOCATION = revocations.insert().values(number=NEXT_REVOCATION)
FORGET_REVOCATIONS = revocations.delete().where(
    revocations.c.number.in_(OLDEST_REVOCATIONS),
    revocations.c.at < sql.bindparam("moment"),
)
COMMIT = sql.text("COMMIT")

# Transactions


class SqlTransaction(Transaction):
    """A transaction; what the writer adds is durable once the block of `SqlJournal.writing` has ended."""

    def __init__(self, connection: sql.Connection):
        """Go on with a connection whose transaction has begun."""
        self.connection = connection

    def is_empty(self) -> bool:
        """Tell whether the database has no tables yet; raise JournalError if it has another app's."""
        names = sql.inspect(self.connection).get_table_names()
        if not names:
            return True
        if owner.name not in names or self.connection.execute(sql.select(owner)).first() != (APP, VERSION):
            raise JournalError("the database is another app's, or that of another version of this app")
        return False

    def last_rows(self) -> sql.Row:
        """Return number and time of the last entry, and of the last revocation."""
        [last_rows] = fetch(execute_first(self.connection, LAST_ROWS))  # fetches all, so that SQLite releases its lock
        return last_rows

    def entries(self, first: int) -> Iterator[Entry]:
        """Iterate over the entries from a number on."""
        while True:
            rows = fetch(self.connection.execute(BOOKINGS_FROM, {"first": first, "most": BATCH_SIZE}))
            yield from map(Entry._make, rows)
            if len(rows) < BATCH_SIZE:
                return
            first = rows[-1].number + 1
            renew_time_limit()  # the database does answer, however much there is to read

    def revocations(self, first: int) -> list[Revocation]:
        """Return the revocations from a number on."""
        rows = fetch(self.connection.execute(REVOCATIONS_FROM, {"first": first}))
        return [Revocation._make(row) for row in rows]

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries."""
        rows = [entry._asdict() for entry in entries]
        if len(rows) == 1:  # the driver's way for several would cost a single one a third more
            self.connection.execute(ADD_BOOKING, rows[0])
        elif rows:
            self.connection.execute(ADD_BOOKING, rows)

    def revoke(self, revoked: Mapping[str, datetime], forget_before: datetime) -> None:
        """Add revocations, by id; for each, forget up to two of the oldest if they are from before a moment."""
        self.connection.execute(ADD_REVOCATION, [{"id": id, "at": moment} for id, moment in revoked.items()])
        most = FORGOTTEN_AT_ONCE * len(revoked)
        self.connection.execute(FORGET_REVOCATIONS, {"most": most, "moment": forget_before})


# The journal


class SqlJournal:
    """Bookings and revocations in a database; each failure is a JournalError."""

    shared = True

    def __init__(self, url: str, folder: str = ".", makes_tables: bool = True):
        """Open the database, whose relative path is relative to the folder; raise JournalError.

        In an empty one create the tables; without `makes_tables` write nothing, and raise MissingJournal.
        """
        self._database = open_database(url, folder)
        try:
            if makes_tables:
                self._make_tables()
            else:
                self._look_for_tables()
        finally:
            self.close()

    def _make_tables(self) -> None:
        with self.writing() as transaction:
            if transaction.is_empty():
                metadata.create_all(transaction.connection)
                transaction.connection.execute(owner.insert(), {"app": APP, "version": VERSION})

    def _look_for_tables(self) -> None:
        if self._database.is_missing():
            raise MissingJournal("there is no such file")
        with self.reading() as transaction:
            if transaction.is_empty():
                raise MissingJournal("the database is empty")

    def close(self) -> None:
        """Close all connections, which must not be forked; they open again when they are needed."""
        self._database.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """Yield what reads."""
        with self._connected(SECONDS_FOR_A_PAGE) as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def writing(self, seconds: float = SECONDS_FOR_BOOKINGS) -> Iterator[SqlTransaction]:
        """Yield the transaction of the one writer of all processes; commit it at the end, unless the block raises."""
        with self._connected(seconds) as connection:
            execute_first(connection, self._database.begin_writing)
            yield SqlTransaction(connection)
            try:
                connection.execute(COMMIT)
            except sql.exc.DBAPIError as error:
                if str(error.orig) in NOTHING_COMMITTED:
                    raise
                raise CommitInDoubt(first_line(error)) from error

    def try_to_write(self, seconds: float = SECONDS_FOR_BOOKINGS) -> None:
        """Add a booking and undo it; raise JournalError if the database does not take it."""
        with self._connected(seconds) as connection:  # which rolls back what is not committed
            execute_first(connection, self._database.begin_writing)
            SqlTransaction(connection).append([NEVER_COMMITTED])

    @contextmanager
    def _connected(self, seconds: float) -> Iterator[sql.Connection]:
        """Yield a connection, which in the end rolls back what was not committed; turn errors into JournalErrors."""
        try:
            with time_limit(seconds), self._database.connect() as connection:
                yield connection
        except sql.exc.DBAPIError as error:
            raise JournalError(first_line(error)) from error


def execute_first(connection: sql.Connection, statement: sql.Executable) -> sql.CursorResult:
    """Execute the first statement of a transaction, once more if the connection had died while it was idle."""
    try:
        return connection.execute(statement)
    except sql.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
    connection.rollback()  # from here on SQLAlchemy connects anew
    return connection.execute(statement)


def fetch(result: sql.CursorResult) -> Sequence[sql.Row]:
    """Return all rows of a result; raise JournalError if one was edited by hand and cannot be read."""
    try:
        return result.all()
    except (TypeError, ValueError) as error:
        raise JournalError(f"a row cannot be read: {error}") from None


def first_line(error: sql.exc.DBAPIError) -> str:
    """Return what the database said, in one line."""
    return str(error.orig).partition("\n")[0]
