"""Print bookings a second on a journal, beside the single-row commits a second of a bare script on the same database.

Then print how long the app takes to start with a million bookings, and how much memory they take. Run it as
`.venv/bin/python benchmarks/journal.py` for SQLite in a temporary folder, or add the address of an empty PostgreSQL
database.
"""

import multiprocessing
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg
import sqlalchemy

from gudlft.ledger import Ledger
from gudlft.model import Club, Competition
from gudlft.rules import Terms
from gudlft.sql_journal import SqlJournal, bookings
from tests.support import PROJECT, clean_environment, write_data

SECONDS = 2
ROUNDS = 5
REPLAYED = 1_000_000
SHAPES = [(1, 1), (1, 8), (1, 32), (4, 1), (4, 8)]  # processes, threads in each
CLUBS = [Club(f"Club {number}", f"{number}@club.example", 1_000_000) for number in range(32)]
CUP = Competition("Cup", datetime.now().astimezone() + timedelta(days=9000), 1_000_000)
BARE = "CREATE TABLE bare (number INTEGER PRIMARY KEY, at TIMESTAMP, a TEXT, b TEXT, c INTEGER, d INTEGER, e TEXT)"
INSERT = """INSERT INTO bare
VALUES ((SELECT coalesce(max(number), 0) + 1 FROM bare), CURRENT_TIMESTAMP, 'Club', 'Cup', 1, 3, 'token')"""


def make_booking(url):
    """Return a function that books a place for a club, on a ledger like that of a process of the app."""
    ledger = Ledger(CLUBS, [CUP], Terms(3, 1_000_000), SqlJournal(url))
    return lambda number: ledger.book(CLUBS[number], CUP, 1, secrets.token_urlsafe(16))


def make_commit(url):
    """Return a function that commits one row of the same size under a lock, with equal settings, without SQLAlchemy."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(
            url.removeprefix("sqlite:///"), isolation_level=None, timeout=10, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=EXTRA")
        statements = ["BEGIN IMMEDIATE", INSERT, "COMMIT"]
    else:
        connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        statements = ["BEGIN", "SELECT pg_advisory_xact_lock(1)", INSERT, "COMMIT"]
    return lambda number: [connection.execute(statement) for statement in statements]


def repeat(action, number, until, taken):
    """Repeat an action until a moment; note the seconds that each took."""
    before = time.monotonic()
    while before < until:
        action(number)
        after = time.monotonic()
        taken.append(after - before)
        before = after


def run_process(make, url, threads, barrier, results):
    """Let this many threads repeat an action, starting with all other processes; hand over what each action took."""
    action = make(url)
    taken = []
    barrier.wait()
    until = time.monotonic() + SECONDS
    running = [threading.Thread(target=repeat, args=(action, number, until, taken)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    results.put(taken)


def measure(make, url, processes, threads):
    """Return how many actions a second all manage together, and their median and 99th percentile in milliseconds."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    results = context.Queue()
    arguments = (make, url, threads, barrier, results)
    started = [context.Process(target=run_process, args=arguments) for _ in range(processes)]
    for process in started:
        process.start()
    taken = [seconds for _ in started for seconds in results.get()]
    for process in started:
        process.join()
    return len(taken) / SECONDS, 1000 * median(taken), 1000 * quantiles(taken, n=100)[98]


def print_bookings(url):
    """Print a line for each shape: our bookings, the commits of one bare writer just before, and their ratio."""
    print("processes x threads  bookings/s  p50 ms  p99 ms   bare commits/s  p50 ms  p99 ms   ratio")
    for processes, threads in SHAPES:
        bare = []
        ours = []
        for _ in range(ROUNDS):
            bare.append(measure(make_commit, url, 1, 1))
            ours.append(measure(make_booking, url, processes, threads))
        ratio = median(one[0] / two[0] for one, two in zip(ours, bare, strict=True))
        cells = [median(column) for rows in (ours, bare) for column in zip(*rows, strict=True)]
        print(
            f"{processes:9} x {threads:<7}{cells[0]:12.0f}{cells[1]:8.1f}{cells[2]:8.1f}"
            f"{cells[3]:17.0f}{cells[4]:8.1f}{cells[5]:8.1f}{ratio:8.2f}",
            flush=True,
        )


def start(folder, **settings):
    """Import the app in a process; return the seconds that it takes, the number of entries and the memory in MB."""
    code = (
        "import resource, server; "
        "print(len(server.ledger.entries), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    before = time.perf_counter()
    environment = clean_environment(DATA_DIR=folder, **settings) | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    entries, memory = done.stdout.split()
    return time.perf_counter() - before, int(entries), int(memory)


def print_start(url):
    """Fill the journal anew with a million bookings, and print what the app needs to start with them."""
    engine = sqlalchemy.create_engine(url)
    at = datetime(2026, 1, 2, 3, 4, 5, 6, timezone.utc)
    with engine.begin() as connection:
        connection.execute(bookings.delete())
        for first in range(1, REPLAYED, 50_000):
            numbers = range(first, first + 50_000)
            rows = [(number, at, f"Club {number % 32}", "Cup", 1, 3, f"token-{number:016}") for number in numbers]
            names = bookings.c.keys()
            connection.execute(bookings.insert(), [dict(zip(names, row, strict=True)) for row in rows])
    engine.dispose()

    with tempfile.TemporaryDirectory() as folder:
        clubs = [(club.name, club.email, club.points) for club in CLUBS]
        write_data(Path(folder), clubs, [("Cup", "2050-01-01 10:00:00", 1_000_000)])
        bare, _, least = start(folder)
        seconds, number, most = start(folder, JOURNAL=url, SECRET_KEY=secrets.token_hex())
    print(f"start with {number:,} bookings: {seconds - bare:.1f} s more, {most - least} MB more")


def run(url):
    """Print everything for a database."""
    SqlJournal(url).close()
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS bare")
        connection.exec_driver_sql(BARE)
    engine.dispose()
    print_bookings(url)
    print_start(url)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(f"sqlite:///{folder}/bookings.db")
