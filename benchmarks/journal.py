"""Print bookings a second on a journal, beside the commits a second of a bare script on the same engine, in one run.

Run it as `.venv/bin/python benchmarks/journal.py` for SQLite in a temporary folder, or with the address of an empty
PostgreSQL database behind it. Each writer is a process. Then print how long the app takes to start with a million
bookings, and their memory.
"""

import multiprocessing
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg
import rules
import sqlalchemy
from journal import BOOKINGS, Journal
from tests.conftest import PROJECT, write_data

SECONDS, ROUNDS, REPLAYED = 2, 5, 1_000_000
CLUBS = [rules.Club(f"Club {number}", f"{number}@club.example", 1_000_000) for number in range(8)]
CUP = rules.Competition("Cup", rules.now() + timedelta(days=9000), 1_000_000)
BARE = "CREATE TABLE bare (number INTEGER PRIMARY KEY, at TIMESTAMP, a TEXT, b TEXT, c INTEGER, d INTEGER, e TEXT)"
INSERT = """INSERT INTO bare
VALUES ((SELECT coalesce(max(number), 0) + 1 FROM bare), CURRENT_TIMESTAMP, 'Club', 'Cup', 1, 3, 'token')"""


def book(url, writer):
    """Return a function that books a place, as a process of its own would."""
    ledger = rules.Ledger(CLUBS, [CUP], cap=1_000_000, journal=Journal(url))
    return lambda: ledger.book(CLUBS[writer], CUP, 1, secrets.token_urlsafe(16))


def commit(url, writer):
    """Return a function that commits a row as large under the same lock with the same settings, without SQLAlchemy."""
    if url.startswith("sqlite"):
        bare = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=10)
        statements = ["BEGIN IMMEDIATE", INSERT, "COMMIT"]
        bare.execute("PRAGMA journal_mode=DELETE")
        bare.execute("PRAGMA synchronous=EXTRA")
    else:
        bare = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        statements = ["BEGIN; SELECT pg_advisory_xact_lock(1)", INSERT, "COMMIT"]
    return lambda: [bare.execute(statement) for statement in statements]


def write(make, url, writer, barrier, results):
    """Do it for some seconds, beginning with all others; put the seconds of each into the results."""
    once, taken = make(url, writer), []
    barrier.wait()
    end = time.monotonic() + SECONDS
    while (before := time.monotonic()) < end:
        once()
        taken.append(time.monotonic() - before)
    results.put(taken)


def measure(make, url, writers):
    """Return the number a second of all writers together, and their median and 99th percentile in milliseconds."""
    barrier, results = multiprocessing.Barrier(writers), multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=write, args=(make, url, writer, barrier, results)) for writer in range(writers)
    ]
    for process in processes:
        process.start()
    taken = [seconds for _ in processes for seconds in results.get()]
    for process in processes:
        process.join()
    return len(taken) / SECONDS, 1000 * median(taken), 1000 * quantiles(taken, n=100)[98]


def start(folder, **settings):
    """Start the app in a process of its own; return the seconds, its bookings and its memory in MB."""
    code = "import resource, server; "
    code += "print(len(server.ledger.entries), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    variables = {f"GUDLFT_{name}": value for name, value in {"DATA_DIR": folder, **settings}.items()}
    before = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | variables, cwd=PROJECT, stdout=subprocess.PIPE)
    return time.perf_counter() - before, *map(int, done.stdout.split())


def replay(url):
    """Fill the journal up, and print what a start with it costs beside a start without."""
    engine, at = sqlalchemy.create_engine(url), rules.now()
    with engine.begin() as connection:
        connection.execute(BOOKINGS.delete())
        for first in range(1, REPLAYED, 50_000):
            numbers = range(first, first + 50_000)
            rows = [(n, at, CLUBS[n % 8].name, "Cup", 1, 3, f"token-{n:016}") for n in numbers]
            connection.execute(BOOKINGS.insert(), [dict(zip(BOOKINGS.c.keys(), row, strict=True)) for row in rows])
    engine.dispose()
    with tempfile.TemporaryDirectory() as folder:
        clubs = [(club.name, club.email, club.points) for club in CLUBS]
        write_data(Path(folder), clubs, [("Cup", "2050-01-01 10:00:00", 1_000_000)])
        bare, _, least = start(folder)
        seconds, number, most = start(folder, JOURNAL=url, SECRET_KEY=secrets.token_hex())
    print(f"start with {number:,} bookings: {seconds - bare:.1f} s more, {most - least} MB more")


def run(url):
    """Print the table for a database."""
    Journal(url).close()
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(BARE)
    engine.dispose()
    print("writers   bookings/s  p50 ms  p99 ms    commits/s  p50 ms  p99 ms    ratio")
    for writers in (1, 4, 8):
        rounds = [(measure(book, url, writers), measure(commit, url, writers)) for _ in range(ROUNDS)]
        ours, bare = (max(column) for column in zip(*rounds, strict=True))
        ratio = median(one[0] / two[0] for one, two in rounds)
        cells = "".join(f"{rate:13.0f}{middle:8.1f}{high:8.1f}" for rate, middle, high in (ours, bare))
        print(f"{writers:7}{cells}{ratio:9.2f}", flush=True)
    replay(url)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(f"sqlite:///{folder}/bookings.db")
