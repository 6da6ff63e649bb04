"""Databases for the tests: a throw-away PostgreSQL server, SQLite files, and ways to make both fail."""

import http.client
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy

from gudlft.journal.postgresql import Postgresql
from gudlft.journal.time_limit import time_limit
from tests.support import ServedSecretary, free_port, needed

MAY_BE_OLD = "These figures may be a little old: the bookings cannot be read at the moment"
NOT_BOOKED = "Nothing was booked or given back by this try. Send the form again in a minute: it books at most once"
IN_DOUBT = (
    "It is not certain whether your places were booked or given back. "
    "Look at My bookings, or send the form again: it books at most once"
)
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))

# PostgreSQL


class Cluster:
    """An empty PostgreSQL server on a free port of 127.0.0.1."""

    def __init__(self):
        needed("/usr/lib/postgresql")
        self.port = free_port()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}"
        self._folder = tempfile.mkdtemp(prefix="cluster-")
        self._run_as = {"cwd": self._folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self._folder, "postgres", "postgres")
            self._run_as |= {"user": "postgres", "group": "postgres", "extra_groups": []}

        initdb = ["initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--username=postgres", "data"]
        subprocess.run([PROGRAMS[-1] / initdb[0], *initdb[1:]], check=True, **self._run_as)
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-D", "data"]
        options += ["-c", "fsync=off", "-c", "autovacuum=off"]
        self.process = subprocess.Popen([PROGRAMS[-1] / "postgres", *options], **self._run_as)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.run("SELECT 1")
            except sqlalchemy.exc.OperationalError:
                assert self.process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)

    def run(self, *statements):
        """Run statements in the database `postgres`; return the rows of the last."""
        return run_sql(f"{self.url}/postgres", *statements)

    def be_silent(self):
        """Stop all processes of the server: connections are taken, as by a network that fails, and not answered."""
        self._send(signal.SIGSTOP)

    def go_on(self):
        self._send(signal.SIGCONT)

    def _send(self, number):
        self.process.send_signal(number)
        for pid in children_of(self.process.pid):
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, number)

    @contextmanager
    def silent(self):
        self.be_silent()
        try:
            yield
        finally:
            self.go_on()

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)
        shutil.rmtree(self._folder)


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def run_sql(url, *statements):
    """Run statements on a connection of their own; return the rows of the last."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


class Database:
    """A PostgreSQL database of its own, whose connections can be cut and refused."""

    def __init__(self, cluster, options=""):
        self.cluster = cluster
        self.name = f"journal_{secrets.token_hex(6)}"
        self.url = f"{cluster.url}/{self.name}"
        cluster.run(f"CREATE DATABASE {self.name} {options}")

    def count_connections(self):
        [(number,)] = self.cluster.run(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.name}'")
        return number

    def cut(self):
        sessions = f"FROM pg_stat_activity WHERE datname = '{self.name}'"
        self.cluster.run(f"SELECT pg_terminate_backend(pid, 1000) {sessions}")

    @contextmanager
    def away(self):
        """Cut and refuse all connections in the block, like a server that is down."""
        self.cluster.run(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false")
        self.cut()
        try:
            yield
        finally:
            self.cluster.run(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true")


# Where bookings are kept


def new_schema(cluster):
    """Return the address of an empty schema, which is quicker to make than a database."""
    name = f"journal_{secrets.token_hex(6)}"
    cluster.run(f"CREATE SCHEMA {name}")
    return f"{cluster.url}/postgres?options=-csearch_path%3D{name}"


def file_of(url):
    return Path(url.removeprefix("sqlite:///"))


def in_journal(url):
    return run_sql(url, "SELECT club, competition, places, points FROM bookings ORDER BY number")


def in_memory(ledger):
    return [(entry.club, entry.competition, entry.places, entry.points) for entry in ledger.entries]


# Locks


@contextmanager
def holding(url, *statements):
    """Hold in the block the locks that statements take, as another process would."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        yield
        connection.exec_driver_sql("ROLLBACK")
    engine.dispose()


def writer_lock_taken(url):
    if url.startswith("sqlite"):
        return holding(url, "BEGIN IMMEDIATE")
    return holding(url, str(Postgresql.begin_writing))


def file_locked(url):
    return holding(url, "BEGIN EXCLUSIVE")


def restore_copy(copy, file):
    shutil.copy(copy, f"{file}.new")
    os.replace(f"{file}.new", file)


# What the app says, and how long it waits


def says(page):
    """Return the status of a page, and which of the sentences about the journal it has."""
    return page.status, [text for text in (MAY_BE_OLD, NOT_BOOKED, IN_DOUBT) if text in page.text]


@contextmanager
def quick_limits():
    """Cut the time limits of a journal in the block: to 0.15 seconds, for bookings to 0.25."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gudlft.journal.sql.time_limit", lambda seconds: time_limit(max(seconds / 16, 0.15)))
        yield


# Bookings without a pause


@contextmanager
def bookings_made(url, clubs=4):
    """Let clubs book and give back until the block ends, or the server does; yield the tokens sent and answered."""
    made = SimpleNamespace(sent=set(), answered=set())
    is_over = threading.Event()

    def book(club):
        with suppress(OSError, http.client.HTTPException):  # when the server is gone
            secretary = ServedSecretary(url, f"{club}@example.com")
            while not is_over.is_set():
                for send in [secretary.book, secretary.give_back]:
                    token = secrets.token_urlsafe(16)
                    made.sent.add(token)
                    if 303 == send("1", "Open", token=token).status:
                        made.answered.add(token)

    threads = [threading.Thread(target=book, args=[club]) for club in range(clubs)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
