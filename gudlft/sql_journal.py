"""The SQL journal: bookings in SQLite or PostgreSQL, durable, shared by processes and machines. It judges nothing.

Everything that can fail in a database is told as JournalError, and nothing is waited for without limit: page
readers wait half a second at most, the writer four.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from sys import intern

import sqlalchemy as sql
from sqlalchemy import Column, Integer, Table, Text

from .databases import open_database, renew_time_limit, time_limit
from .journal import CommitInDoubt, JournalError
from .model import Entry

APP = "GÜDLFT Registration"
VERSION = 1
SECONDS_TO_READ = 0.5
SECONDS_TO_WRITE = 4
BATCH_SIZE = 10_000  # rows read at once

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


class Name(sql.TypeDecorator):
    """A name, of which memory keeps one copy however many rows hold it."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value, dialect):
        """Return the copy that is kept."""
        return value and intern(value)


metadata = sql.MetaData()

mark = Table("journal", metadata, Column("app", Text), Column("version", Integer))

bookings = Table(
    "bookings",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_utc", UtcDateTime, key="at", nullable=False),
    Column("club", Name, nullable=False),
    Column("competition", Name, nullable=False),
    Column("places", Integer, nullable=False),
    Column("points", Integer, nullable=False),
    Column("token", Text),
    sql.UniqueConstraint("club", "competition", "places", "token"),  # the same form books once
)

ended_sign_ins = Table(
    "ended_sign_ins",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_utc", UtcDateTime, key="at", nullable=False),
    Column("sign_in", Text, nullable=False),
)

BOOKINGS_ABOVE = (
    sql.select(bookings)
    .where(bookings.c.number > sql.bindparam("above"))
    .order_by(bookings.c.number)
    .limit(sql.bindparam("most"))
)
SIGN_OUTS_ABOVE = (
    sql.select(ended_sign_ins).where(ended_sign_ins.c.number > sql.bindparam("above")).order_by(ended_sign_ins.c.number)
)


def in_last_row(column: Column) -> sql.ScalarSelect:
    """Return the part of a statement that finds a column's value in the last row of its table."""
    number = column.table.c.number
    return sql.select(column).order_by(number.desc()).limit(1).scalar_subquery()


LAST_ROWS = sql.select(
    in_last_row(bookings.c.number),
    in_last_row(bookings.c.at),
    in_last_row(ended_sign_ins.c.number),
    in_last_row(ended_sign_ins.c.at),
)
COMMIT = sql.text("COMMIT")
NEXT_SIGN_OUT = sql.select(sql.func.coalesce(sql.func.max(ended_sign_ins.c.number), 0) + 1)

# Transactions


class Transaction:
    """What a process reads and, while it is the writer, writes."""

    def __init__(self, database, connection: sql.Connection, first_result: sql.CursorResult):
        """Go on with a connection to the database, whose first statement had this result."""
        self._database = database
        self._connection = connection
        self._first_rows = fetch(first_result) if first_result.returns_rows else []  # which lets SQLite's file free

    def last_rows(self) -> list[tuple]:
        """Return number and time of the last booking and of the last sign-out, with which reading begins."""
        [(number, at, sign_out_number, ended_at)] = self._first_rows
        return [(number, at), (sign_out_number, ended_at)]

    def execute(self, statement, values=None) -> sql.CursorResult:
        """Execute a statement."""
        return self._database.execute(self._connection, statement, values)

    def entries(self, first: int) -> Iterator[Entry]:
        """Iterate over the entries from a number on, in order."""
        last = first - 1
        while rows := fetch(self.execute(BOOKINGS_ABOVE, {"above": last, "most": BATCH_SIZE})):
            yield from map(Entry._make, rows)
            last = rows[-1].number
            renew_time_limit()  # the database answers, however much there is to read

    def append(self, entries: list[Entry]) -> None:
        """Add entries; they are durable once `writing` has ended."""
        rows = [entry._asdict() for entry in entries]
        if len(rows) == 1:  # several at once have a way of their own in the driver, which costs one alone a third more
            self.execute(bookings.insert(), rows[0])
        elif rows:
            self.execute(bookings.insert(), rows)

    def sign_outs(self, first: int) -> list[tuple[int, datetime, str]]:
        """Return the ended sign-ins from a number on, in order, as (number, time, id)."""
        return fetch(self.execute(SIGN_OUTS_ABOVE, {"above": first - 1}))

    def end_sign_ins(self, sign_ins: Mapping[str, datetime], forget_before: datetime) -> None:
        """Add ended sign-ins, by id, and forget those that ended before a moment."""
        number = self.execute(NEXT_SIGN_OUT).scalar_one()
        rows = [
            {"number": number, "at": ended_at, "sign_in": sign_in}
            for number, (sign_in, ended_at) in enumerate(sign_ins.items(), start=number)
        ]
        self.execute(ended_sign_ins.insert(), rows)
        self.execute(ended_sign_ins.delete().where(ended_sign_ins.c.at < forget_before))

    def prepare(self) -> bool:
        """Create the tables in an empty database, and return True; raise JournalError where it is another app's."""
        names = sql.inspect(self._connection).get_table_names()
        if not names:
            metadata.create_all(self._connection)
            self.execute(mark.insert(), {"app": APP, "version": VERSION})
            return True
        if mark.name not in names or self.execute(sql.select(mark)).first() != (APP, VERSION):
            raise JournalError("the database is another app's, or that of another version of this app")
        return False

    def remove_tables(self) -> None:
        """Undo what `prepare` did."""
        metadata.drop_all(self._connection)


class SqlJournal:
    """Bookings and ended sign-ins in a database; each failure is a JournalError."""

    shared = True

    def __init__(self, url: str, folder: str = "."):
        """Open the database, and create its tables where it is empty; a relative path is relative to the folder."""
        self._database = open_database(url, folder)
        try:
            with self.writing() as transaction:
                self.is_new = transaction.prepare()
        except JournalError:
            self.close()
            raise

    def take_back(self) -> None:
        """Remove the tables that this start made, and their file, unless something was booked meanwhile."""
        with self.writing() as transaction:
            if any(transaction.entries(first=1)):
                return
            transaction.remove_tables()
        self.close()
        self._database.remove_file()

    def close(self) -> None:
        """Close all connections, which must not be forked; they open again when they are needed."""
        self._database.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Yield a transaction that reads."""
        with self._connected(SECONDS_TO_READ, LAST_ROWS) as transaction:
            yield transaction

    @contextmanager
    def writing(self, seconds: float = SECONDS_TO_WRITE) -> Iterator[Transaction]:
        """Yield the transaction of the one writer of all processes; it is committed at the end, unless one raises."""
        with self._connected(seconds, self._database.begin) as transaction:
            self._database.lock(transaction.execute)
            yield transaction
            self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        try:
            transaction.execute(COMMIT)
        except sql.exc.DBAPIError as error:
            if self._database.leaves_commit_in_doubt(error):
                raise CommitInDoubt(first_line(error)) from error
            raise

    @contextmanager
    def _connected(self, seconds: float, first_statement) -> Iterator[Transaction]:
        """Yield a transaction that is rolled back in the end, unless it was committed; make errors JournalErrors."""
        try:
            with time_limit(seconds):
                connection, result = self._begin(first_statement)
                with connection:
                    yield Transaction(self._database, connection, result)
        except sql.exc.DBAPIError as error:
            raise JournalError(first_line(error)) from error

    def _begin(self, statement) -> tuple[sql.Connection, sql.CursorResult]:
        """Execute the first statement, on another connection where the first had died while it was idle."""
        try:
            return self._try_to_begin(statement)
        except sql.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._try_to_begin(statement)

    def _try_to_begin(self, statement) -> tuple[sql.Connection, sql.CursorResult]:
        connection = self._database.connect()
        try:
            return connection, self._database.execute(connection, statement)
        except sql.exc.DBAPIError:
            connection.close()
            raise


def fetch(result: sql.CursorResult) -> list[sql.Row]:
    """Return all rows of a result; raise JournalError where one was edited by hand into what cannot be read."""
    try:
        return result.all()
    except (TypeError, ValueError) as error:
        raise JournalError(f"a row cannot be read: {error}") from None


def first_line(error: sql.exc.DBAPIError) -> str:
    """Return what the database said, in one line."""
    return str(error.orig).partition("\n")[0]
