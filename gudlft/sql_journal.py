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


metadata = sql.MetaData()

mark = Table("journal", metadata, Column("app", Text), Column("version", Integer))

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

ended_sign_ins = Table(
    "ended_sign_ins",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_utc", UtcDateTime, key="at", nullable=False),
    Column("sign_in", Text, nullable=False),
)

BOOKINGS_FROM = (
    sql.select(bookings)
    .where(bookings.c.number >= sql.bindparam("first"))
    .order_by(bookings.c.number)
    .limit(BATCH_SIZE)
)
SIGN_OUTS_ABOVE = (
    sql.select(ended_sign_ins).where(ended_sign_ins.c.number > sql.bindparam("above")).order_by(ended_sign_ins.c.number)
)
LAST_NUMBERS = sql.select(
    sql.select(sql.func.max(bookings.c.number)).scalar_subquery(),
    sql.select(sql.func.max(ended_sign_ins.c.number)).scalar_subquery(),
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
        self._first_result = first_result

    def last_numbers(self) -> tuple[int | None, int | None]:
        """Return the numbers of the last booking and the last sign-out, with which reading begins."""
        return tuple(self._first_result.one())

    def execute(self, statement, values=None) -> sql.CursorResult:
        """Execute a statement."""
        return self._database.execute(self._connection, statement, values)

    def entries(self, first: int) -> Iterator[Entry]:
        """Iterate over the entries from a number on, in order."""
        while rows := self.execute(BOOKINGS_FROM, {"first": first}).all():
            for number, at, club, competition, places, points, token in rows:
                yield Entry(number, at, intern(club), intern(competition), places, points, token)
            first = number + 1
            renew_time_limit()  # the database answers, however much there is to read

    def append(self, entries: list[Entry]) -> None:
        """Add entries; they are durable once `writing` has ended."""
        rows = [entry._asdict() for entry in entries]
        if len(rows) == 1:  # several at once have a way of their own in the driver, which costs one alone a third more
            self.execute(bookings.insert(), rows[0])
        elif rows:
            self.execute(bookings.insert(), rows)

    def sign_outs(self, above: int) -> Iterator[tuple[int, datetime, str]]:
        """Iterate over the ended sign-ins above a number, as (number, time, id)."""
        yield from self.execute(SIGN_OUTS_ABOVE, {"above": above})

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


class SqlJournal:
    """Bookings and ended sign-ins in a database; each failure is a JournalError."""

    shared = True

    def __init__(self, url: str, folder: str = "."):
        """Open the database, and create its tables where it is empty; a relative path is relative to the folder."""
        self._database = open_database(url, folder)
        with self.writing() as transaction:
            self.is_new = transaction.prepare()

    def close(self) -> None:
        """Close all connections, which must not be forked; they open again when they are needed."""
        self._database.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Yield a transaction that reads."""
        with self._connected(SECONDS_TO_READ, LAST_NUMBERS) as transaction:
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
        except TimeoutError:
            raise JournalError("the database does not answer") from None
        except (TypeError, ValueError) as error:  # of a row that was edited by hand
            raise JournalError(f"a row cannot be read: {error}") from error

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


def first_line(error: sql.exc.DBAPIError) -> str:
    """Return what the database said, in one line."""
    return str(error.orig).partition("\n")[0]
