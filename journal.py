"""The journal: bookings in an SQL database, durable, shared by processes and machines. It judges nothing."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone

import sqlalchemy as sql

from rules import JournalError

APP, VERSION, ROWS_AT_ONCE = "GÜDLFT Registration", 1, 10_000
READING = {"sqlite": ["PRAGMA busy_timeout=0"], "postgresql": []}  # how it begins
WRITING = {  # the lock first of all, because SQLite refuses a read that is upgraded; {0} is milliseconds
    "sqlite": ["PRAGMA busy_timeout={0}", "PRAGMA journal_mode=DELETE", "PRAGMA synchronous=EXTRA", "BEGIN IMMEDIATE"],
    "postgresql": [  # one string is one journey to the server
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; SET LOCAL TimeZone = 'UTC'; "
        "SET LOCAL lock_timeout = {0}; SET LOCAL idle_in_transaction_session_timeout = {0}; "
        "SELECT pg_advisory_xact_lock(4711205006)",
    ],
}
TABLES, TYPES = sql.MetaData(), {str: sql.Text, int: sql.Integer}
MARK = sql.Table("journal", TABLES, sql.Column("app", sql.Text), sql.Column("version", sql.Integer))
BOOKINGS, ENDED = (
    sql.Table(
        name,
        TABLES,
        sql.Column("number", sql.Integer, primary_key=True, autoincrement=False),
        sql.Column("at_utc", sql.DateTime, key="at", nullable=False),
        *(sql.Column(column, TYPES[kind], nullable=column == "token") for column, kind in columns.items()),
    )
    for name, columns in {
        "bookings": {"club": str, "competition": str, "places": int, "points": int, "token": str},
        "ended_sign_ins": {"sign_in": str},
    }.items()
)
BOOKINGS.append_constraint(sql.UniqueConstraint("club", "competition", "places", "token"))

ABOVE = {
    table.name: sql.select(table).where(table.c.number > sql.bindparam("after")).order_by("number").limit(ROWS_AT_ONCE)
    for table in (BOOKINGS, ENDED)
}


class Connection:
    """What a process reads and, while it is the writer, writes; times are in UTC."""

    def __init__(self, connection: sql.Connection):
        self._connection, self._execute = connection, connection.execute

    def prepare(self) -> None:
        """Create the tables in an empty database; raise JournalError where it is another app's or a newer version's."""
        if not (names := sql.inspect(self._connection).get_table_names()):
            TABLES.create_all(self._connection)
            self._execute(MARK.insert(), {"app": APP, "version": VERSION})
        elif MARK.name not in names or self._execute(sql.select(MARK)).first() != (APP, VERSION):
            raise JournalError("the database is another app's, or that of another version of this app")

    def read(self, after: int, table: str = "bookings") -> Iterator[dict]:
        """Iterate over the bookings, or the ended_sign_ins, above a number."""
        keys, rows = TABLES.tables[table].c.keys(), range(ROWS_AT_ONCE)
        while len(rows) == ROWS_AT_ONCE:
            rows = self._execute(ABOVE[table], {"after": after}).all()
            for after, at, *others in rows:
                yield dict(zip(keys, (after, at.replace(tzinfo=timezone.utc), *others), strict=True))

    def append(self, booking: dict) -> None:
        """Add a booking."""
        self._execute(BOOKINGS.insert(), booking)

    def end(self, sign_in: str, at: datetime, forget_before: datetime) -> None:
        """Add an ended sign-in and forget those that ended before a moment."""
        number = sql.select(sql.func.coalesce(sql.func.max(ENDED.c.number), 0) + 1).scalar_subquery()
        self._execute(ENDED.insert().values(number=number, sign_in=sign_in, at=at))
        self._execute(ENDED.delete().where(ENDED.c.at < forget_before))


class Journal:
    """The bookings and the ended sign-ins in a database, where every failure is a JournalError."""

    def __init__(self, url: str, folder: str = ".", patience: float = 10):
        try:
            url = sql.make_url(url)
            engine, drivers = url.get_backend_name(), ("pysqlite", "psycopg")
            if url.get_driver_name() not in drivers or not url.database or url.database.startswith((":", "file:")):
                raise ValueError("like sqlite:///bookings.db or postgresql+psycopg://name:password@host/database")
            limits = {"connect_timeout": "3", "tcp_user_timeout": "10000", **url.query}
            file = {"database": os.path.join(folder, url.database)}
            url = url.set(**file) if engine == "sqlite" else url.update_query_dict(limits)
            self._engine = sql.create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
            self.shared, self.close = True, self._engine.dispose  # what is closed opens again, also after a fork
        except (ImportError, ValueError, sql.exc.SQLAlchemyError) as error:
            raise JournalError(f"must be a database URL: {error}") from error
        self._reading, self._writing = READING[engine], [one.format(int(1000 * patience)) for one in WRITING[engine]]
        with closing(self), self.writing() as connection:
            connection.prepare()

    def reading(self):
        """Yield a Connection that reads."""
        return self._connected(self._reading)

    def writing(self):
        """Yield the Connection of the one writer over all processes, and commit it; an error then is not certain."""
        return self._connected(self._writing)

    @contextmanager
    def _connected(self, beginning):
        certain = True
        try:
            with self._engine.connect() as connection:
                for statement in beginning:
                    connection.exec_driver_sql(statement)
                yield Connection(connection)
                if beginning is self._writing:
                    certain = False
                    connection.exec_driver_sql("COMMIT")
        except sql.exc.SQLAlchemyError as error:
            reason = str(getattr(error, "orig", error)).partition("\n")[0]
            raise JournalError(reason, certain, busy=reason == "database is locked") from error
