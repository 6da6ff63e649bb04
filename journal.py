"""The journal: bookings in an SQL database, durable, shared by processes and machines. It judges nothing."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import lru_cache, partialmethod

import sqlalchemy as sql

from rules import JournalError

APP, VERSION, ROWS_AT_ONCE = "GÜDLFT Registration", 1, 10_000
READING = {"sqlite": ["PRAGMA busy_timeout=0"], "postgresql": []}  # how it begins
WRITING = {  # the lock before anything is read, because SQLite refuses a read that is upgraded; {0} is milliseconds
    "sqlite": ["PRAGMA busy_timeout={0}", "PRAGMA journal_mode=DELETE", "PRAGMA synchronous=EXTRA", "BEGIN IMMEDIATE"],
    "postgresql": ["SELECT pg_advisory_xact_lock(4711205006)", "BEGIN"],
}
SESSION = r"""-c synchronous_commit=on -c default_transaction_isolation=read\ committed -c TimeZone=UTC
    -c client_encoding=UTF8 -c lock_timeout={0} -c idle_in_transaction_session_timeout={0} """  # of PostgreSQL
LIMITS = {"connect_timeout": "3", "tcp_user_timeout": "10000", "keepalives_idle": "5", "keepalives_interval": "5"}
TABLES, ABOVE, PART = sql.MetaData(), {}, sql.literal_column(str(ROWS_AT_ONCE))
MARK = sql.Table("journal", TABLES, sql.Column("app", sql.Text), sql.Column("version", sql.Integer))
BOOKINGS, ENDED = sql.Table("bookings", TABLES), sql.Table("ended_sign_ins", TABLES)
for table, columns in (BOOKINGS, ["club", "competition", "places", "points", "token"]), (ENDED, ["sign_in"]):
    table.append_column(sql.Column("number", sql.Integer, primary_key=True, autoincrement=False))
    table.append_column(sql.Column("at_utc", sql.DateTime, key="at", nullable=False))
    for column in columns:
        kind = sql.Integer if column in ("places", "points") else sql.Text
        table.append_column(sql.Column(column, kind, nullable=column == "token"))
    above = sql.select(table).where(table.c.number > sql.bindparam(table.name))
    ABOVE[table.name] = above.order_by("number").limit(PART)
BOOKINGS.append_constraint(sql.UniqueConstraint("club", "competition", "places", "token"))
INSERT, COMMIT = BOOKINGS.insert(), sql.text("COMMIT")
joined = lru_cache(lambda *statements: sql.text("; ".join(map(str, statements))))  # each sees what came before it


class Connection:
    """What a process reads and, while it is the writer, writes; times are in UTC, and read without it."""

    def __init__(self, connection: sql.Connection, beginning: list, after: dict[str, int]):
        self._connection, self._execute, self.ending = connection, connection.execute, ([COMMIT], {})
        self._rows = dict(
            zip(after, self.run(beginning + [ABOVE[one] for one in after], after)[-len(after) :], strict=False)
        )

    def run(self, statements: list, values: dict) -> list:
        """Run statements, on PostgreSQL in one journey to the server; return the rows of each that has some."""
        if self._connection.dialect.name == "sqlite":
            return [rows.all() for one in statements if (rows := self._execute(one, values)).returns_rows]
        cursor = self._execute(joined(*statements), values).cursor  # None where the first statement has no rows
        return [one.fetchall() for one in cursor.results() if one.description] if cursor else []

    def prepare(self) -> None:
        """Create the tables in an empty database; raise JournalError where it is another app's or a newer version's."""
        if not (names := sql.inspect(self._connection).get_table_names()):
            TABLES.create_all(self._connection)
            self._execute(MARK.insert(), {"app": APP, "version": VERSION})
        elif MARK.name not in names or self._execute(sql.select(MARK)).first() != (APP, VERSION):
            raise JournalError("the database is another app's, or that of another version of this app")

    def read(self, table: str) -> Iterator[tuple]:
        """Iterate over the rows of bookings, or of ended_sign_ins, above the number that was given."""
        rows = self._rows[table]
        while rows:
            yield from rows
            rows = self.run([ABOVE[table]], {table: rows[-1][0]})[0] if len(rows) == ROWS_AT_ONCE else []

    def append(self, booking: dict) -> None:
        """Add a booking when it commits."""
        self.ending = [INSERT, COMMIT], booking

    def end(self, sign_in: str, at: datetime, forget_before: datetime) -> None:
        """Add an ended sign-in and forget those that ended before a moment."""
        number = sql.select(sql.func.coalesce(sql.func.max(ENDED.c.number), 0) + 1).scalar_subquery()
        self._execute(ENDED.insert().values(number=number, sign_in=sign_in, at=at))
        self._execute(ENDED.delete().where(ENDED.c.at < forget_before))


class Journal:
    """Bookings and ended sign-ins in a database, where each failure is a JournalError. It waits milliseconds."""

    def __init__(self, url: str, folder: str = ".", wait: int = 10_000):
        try:
            url = sql.make_url(url)
            engine, drivers = url.get_backend_name(), ("pysqlite", "psycopg")
            if url.get_driver_name() not in drivers or not url.database or url.database.startswith((":", "file:")):
                raise ValueError
            if engine == "sqlite":
                url, options = url.set(database=os.path.join(folder, url.database)), {}
            else:
                url = url.update_query_dict({**LIMITS, **url.query})
                session = SESSION.format(wait) + url.query.get("options", "")
                options = {"options": session, "cursor_factory": url.get_dialect().import_dbapi().ClientCursor}
            self._engine = sql.create_engine(url, isolation_level="AUTOCOMMIT", connect_args=options)
        except (TypeError, ValueError, sql.exc.SQLAlchemyError):  # whose text may hold the password
            like = "sqlite:///bookings.db or postgresql+psycopg://name:password@host/database"
            raise JournalError(f"must be a database URL like {like}") from None
        self.shared, self.close = True, self._engine.dispose  # what is closed opens again, also after a fork
        self._begin = [[sql.text(one.format(wait)) for one in some] for some in (READING[engine], WRITING[engine])]
        with closing(self), self.writing() as journal:
            journal.prepare()

    @contextmanager
    def _connected(self, lock, **after):
        certain = True
        try:
            with self._engine.connect() as connection:
                yield (journal := Connection(connection, self._begin[lock], after))
                if lock:
                    certain = False
                    journal.run(*journal.ending)
        except sql.exc.DBAPIError as error:
            why = str(error.orig).partition("\n")[0]
            if not (busy := why == "database is locked"):
                self.close()  # what was lost or replaced is opened anew
            raise JournalError(why, certain, busy or error.connection_invalidated) from error

    reading, writing = partialmethod(_connected, False), partialmethod(_connected, True)  # the one writer of them all
