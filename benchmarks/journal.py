"""Print bookings a second on a journal, beside the single-row commits a second of a bare script on the same database.

Then print what the app needs to start, without bookings and with a million, in time and memory. Run it as
`.venv/bin/python benchmarks/journal.py` for SQLite in a temporary folder, or add the address of an empty PostgreSQL
database.
"""

import multiprocessing
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg

from gudlft.journal.sql import SqlJournal
from gudlft.ledger import Ledger
from gudlft.model import Club, Competition, Entry
from gudlft.rules import Terms
from tests.support import PROJECT, a_club, a_competition, clean_environment, write_data

SECONDS = 2
BATCH = 10_000
ROUNDS = 5
MANY = 1_000_000  # points, places, bookings at a start
SHAPES = [(1, 1), (1, 8), (1, 32), (4, 1), (4, 8)]  # processes, threads in each
CLUBS = [Club(f"Club {number}", (f"{number}@club.example",), MANY) for number in range(32)]
CUP = Competition("Cup", datetime.now().astimezone() + timedelta(days=9000), MANY)
BARE = (
    "CREATE TABLE IF NOT EXISTS bare (number INTEGER PRIMARY KEY, at TIMESTAMP, a TEXT, b TEXT, c INT, d INT, e TEXT)"
)
INSERT = """INSERT INTO bare
VALUES ((SELECT coalesce(max(number), 0) + 1 FROM bare), CURRENT_TIMESTAMP, 'Club', 'Cup', 1, 3, 'token')"""


def make_booking(url):
    """Return a function that books a place for a club, on a ledger like that of a process of the app."""
    ledger = Ledger(CLUBS, [CUP], Terms(3, MANY), SqlJournal(url))
    return lambda number: ledger.book(CLUBS[number], CUP, 1, secrets.token_urlsafe(16))


def make_commit(url):
    """Return a function that commits one row of the same size under a lock, with equal settings, without SQLAlchemy."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=EXTRA")
        statements = ["BEGIN IMMEDIATE", INSERT, "COMMIT"]
    else:
        connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        statements = ["BEGIN", "SELECT pg_advisory_xact_lock(1)", INSERT, "COMMIT"]
    connection.execute(BARE)
    return lambda number: [connection.execute(statement) for statement in statements]


def run_process(make, url, threads, barrier, counts):
    """Let this many threads repeat an action, starting with all other processes; hand over how often they did."""
    action = make(url)
    barrier.wait()
    until = time.monotonic() + SECONDS

    def repeat(number):
        count = 0
        while time.monotonic() < until:
            action(number)
            count += 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        counts.put(sum(pool.map(repeat, range(threads))))


def rate(make, url, processes, threads):
    """Return how many actions a second all manage together."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    counts = context.Queue()
    arguments = (make, url, threads, barrier, counts)
    started = [context.Process(target=run_process, args=arguments) for _ in range(processes)]
    for process in started:
        process.start()
    count = sum(counts.get() for _ in started)
    for process in started:
        process.join()
    return count / SECONDS


def print_bookings(url):
    """Print a line for each shape: our bookings, the commits of one bare writer just before, and their ratio."""
    print("processes x threads   bookings/s   bare commits/s   ratio")
    for processes, threads in SHAPES:
        bare = []
        ours = []
        for _ in range(ROUNDS):
            bare.append(rate(make_commit, url, 1, 1))
            ours.append(rate(make_booking, url, processes, threads))
        ratio = median(one / two for one, two in zip(ours, bare, strict=True))
        print(f"{processes:9} x {threads:<7}{median(ours):13.0f}{median(bare):17.0f}{ratio:8.2f}", flush=True)


def fill(url):
    """Add bookings to a journal until it has a million."""
    at = datetime(2026, 1, 2, 3, 4, 5, 6, timezone.utc)
    journal = SqlJournal(url)
    with journal.reading() as transaction:
        last, *_ = transaction.last_rows()
    for first in range(last + 1, MANY + 1, BATCH):
        numbers = range(first, min(first + BATCH, MANY + 1))
        entries = [Entry(number, at, f"Club {number % 32}", "Cup", 1, 3, f"token-{number:016}") for number in numbers]
        with journal.writing() as transaction:
            transaction.append(entries)
    journal.close()


def print_start(name, module, **settings):
    """Import a module in a new process; print its CPU time and its memory."""
    code = f"import resource, time, {module}; print(time.process_time(), resource.getrusage(0).ru_maxrss // 1024)"
    environment = clean_environment(**settings)
    answer = subprocess.check_output([sys.executable, "-c", code], cwd=PROJECT, env=environment, text=True)
    seconds, memory = answer.split()
    print(f"start {name}: {float(seconds):.2f} s, {memory} MB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        database = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/bookings.db"
        SqlJournal(database).close()  # creates its tables first: it refuses a database that has others
        print_bookings(database)
        fill(database)
        clubs = [a_club(club.name, list(club.emails), MANY) for club in CLUBS]
        write_data(Path(folder), clubs, [a_competition("Cup", "2050-01-01 10:00:00", MANY)])
        kept = {"JOURNAL": database, "SECRET_KEY": secrets.token_hex(), "MAX_PLACES_PER_CLUB": MANY}
        print_start("Flask alone", "flask")
        print_start("without bookings", "server", DATA_DIR=folder)
        print_start(f"with {MANY:,} bookings", "server", DATA_DIR=folder, **kept)
