"""A journal's PostgreSQL database: how to connect to it, and how to give up in time if it does not answer."""

import concurrent.futures

import psycopg
import sqlalchemy as sql

from .time_limit import seconds_left

WRITER_LOCK = 4711205006  # any number that no other program takes for a lock in this database
CONNECT_TIMEOUT = "2"  # seconds, the driver's least: ends the attempts that were given up
LOCK_SECONDS = 3  # the longest that a session may run a statement, wait for a lock, or do nothing in a transaction
SESSION_SETTINGS = {
    "synchronous_commit": "on",
    "default_transaction_isolation": r"read\ committed",
    "client_encoding": "UTF8",
    "statement_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{LOCK_SECONDS}s",
}


class Postgresql:
    """A PostgreSQL database, which machines may share."""

    begin_writing = sql.text(f"BEGIN; SELECT pg_advisory_xact_lock({WRITER_LOCK})")  # together: one round trip

    def __init__(self, url: sql.URL):
        """Open no connection yet. A setting in the URL wins over the app's own."""
        session_options = "".join(f"-c {name}={value} " for name, value in SESSION_SETTINGS.items())
        self.engine = sql.create_engine(
            url.update_query_dict({"connect_timeout": CONNECT_TIMEOUT, **url.query}),
            isolation_level="AUTOCOMMIT",
            connect_args={"options": f"{session_options}{url.query.get('options', '')}"},
        )
        sql.event.listen(self.engine, "do_connect", self._connect)

    def _connect(self, dialect, record, arguments, options) -> psycopg.Connection:
        """Connect in SQLAlchemy's stead; give up in time, and close a connection that comes late.

        The driver alone would wait two seconds at least, and without limit to look up the name of a host.
        """
        attempt = concurrent.futures.ThreadPoolExecutor(1).submit(LimitedConnection.connect, *arguments, **options)
        try:
            return attempt.result(seconds_left())
        except concurrent.futures.TimeoutError:
            attempt.add_done_callback(close_late)
            raise psycopg.OperationalError("the database does not answer") from None

    def is_missing(self) -> bool:
        """Tell that connecting makes no database."""
        return False

    def connect(self) -> sql.Connection:
        """Return a connection, which may have died while it was idle: its first statement will tell."""
        return self.engine.connect()


class LimitedConnection(psycopg.Connection):
    """A connection that gives up when the thread's time is up."""

    def wait(self, *arguments, **options):
        """Wait for the server's answer; raise OperationalError if time is up before it comes."""
        try:
            return super().wait(*arguments, **options | {"timeout": seconds_left()})
        except psycopg.OperationalError as error:
            if seconds_left() > 0:
                raise
            self.close()  # a late answer must not be taken for that of another statement
            raise psycopg.OperationalError("the database does not answer") from error


def close_late(attempt: concurrent.futures.Future) -> None:
    """Close a connection that nobody waits for any more, if one was made."""
    if attempt.exception() is None:
        attempt.result().close()
