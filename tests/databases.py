"""Databases for the tests: a throw-away PostgreSQL server, SQLite files, and ways to make both fail."""

import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

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

    def stop(self):
        """Stop the server and remove its files."""
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


# A network that fails


class Proxy:
    """A proxy that passes connections on to a port of 127.0.0.1, unless it is told to fail."""

    def __init__(self, port):
        self._port = port
        self._flows = threading.Event()
        self._flows.set()
        self._last_words = None
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads = []
        self.port = self._listener.getsockname()[1]
        self._in_thread(self._accept)

    def _in_thread(self, action, *arguments):
        thread = threading.Thread(target=action, args=arguments)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self):
        with suppress(OSError):  # once the listener is closed
            while True:
                client, _ = self._listener.accept()
                self._in_thread(self._connect, client)

    def _connect(self, client):
        self._sockets.append(client)
        self._flows.wait()
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            self._sockets.append(server)
            there = self._in_thread(self._pass_on, client, server)
            self._pass_on(server, client)
            there.join()

    def _pass_on(self, source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                if self._last_words and self._last_words in data:
                    self._last_words = None
                    self.be_silent()
                target.sendall(data)
        for end in (source, target):
            hang_up(end)

    def be_silent(self):
        """Accept connections and data, but pass nothing on."""
        self._flows.clear()

    def be_silent_after(self, text):
        """Pass on the next data with this text, and then nothing more: no answer to it comes back."""
        self._last_words = text

    def go_on(self):
        self._flows.set()

    def cut(self):
        for end in self._sockets:
            hang_up(end)

    def close(self):
        """Cut all connections and accept no more."""
        hang_up(self._listener)
        self._listener.close()
        self.cut()
        self.go_on()
        for thread in self._threads:
            thread.join()


def hang_up(end):
    """End a connection, even while another thread reads from it."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


# Where bookings are kept


def new_schema(cluster):
    """Return the address of an empty schema, which is quicker to make than a database."""
    name = f"journal_{secrets.token_hex(6)}"
    cluster.run(f"CREATE SCHEMA {name}")
    return f"{cluster.url}/postgres?options=-csearch_path%3D{name}"


def file_of(url):
    return Path(url.removeprefix("sqlite:///"))


def in_journal(url):
    """Return the journal's bookings as (club, competition, places, points)."""
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


def table_locked(url):
    return holding(url, "BEGIN", "LOCK TABLE bookings")


@contextmanager
def read_only(url):
    """Let the app write nothing to its database in the block, on new connections."""
    if not url.startswith("sqlite"):
        name = url.rpartition("/")[2]
        run_sql(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        yield
        run_sql(url, "SET default_transaction_read_only = off", f"ALTER DATABASE {name} RESET ALL")
        return

    file = file_of(url)
    file.chmod(0o444)
    for folder in list(file.parents)[:3]:
        folder.chmod(0o755)
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)  # root may write everywhere
    try:
        yield
    finally:
        os.seteuid(user)
        file.chmod(0o644)


@contextmanager
def network_silent(proxy):
    proxy.be_silent()
    try:
        yield
    finally:
        proxy.go_on()


@dataclass(frozen=True)
class Stall:
    """A way in which a journal stalls: its address for the app and for the tests, and what stalls it in a block."""

    url: str
    database: str
    hold: Callable


UNREADABLE = ["SQLite locked", "table locked", "network silent"]


def make_stall(kind, fixture):
    """Return a stall of a kind, on an empty database; `fixture` returns a fixture by its name."""
    if kind in ("SQLite locked", "writer's lock on SQLite"):
        url = fixture("on_sqlite")
        lock = file_locked if kind in UNREADABLE else writer_lock_taken
        return Stall(url, url, lambda: lock(url))
    if kind == "network silent":
        url, proxy = fixture("proxied")
        return Stall(url, fixture("database").url, lambda: network_silent(proxy))

    url = new_schema(fixture("cluster"))
    lock = table_locked if kind in UNREADABLE else writer_lock_taken
    return Stall(url, url, lambda: lock(url))


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


@dataclass
class Made:
    """The tokens of the forms that were sent, and of those that were answered by a redirect."""

    sent: set = field(default_factory=set)
    answered: set = field(default_factory=set)


@contextmanager
def bookings_made(url, clubs=4):
    """Let clubs book and give back until the block ends, or the server does; yield what they have made so far."""
    made = Made()
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
