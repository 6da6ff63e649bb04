"""Print how long a rush takes: everybody opens a booking page, books a place and reads the summary at the same second.

`.venv/bin/python benchmarks/rush.py` compares bookings in memory with bookings on SQLite, and with PostgreSQL where the
address of an empty database is given: `--postgresql postgresql+psycopg://name:password@host/database`. It judges
nothing but the answers: each club must get its place, and no competition sells more than it has.
"""

import argparse
import asyncio
import re
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlencode

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support import serving, write_data

COMPETITIONS = 5
CONNECTIONS_AT_ONCE = 128  # while clients sign in; in the rush itself all are open at once


@dataclass
class Setup:
    """How the app is served: its journal, the number of its processes, and the threads of each."""

    name: str
    journal: str | None
    workers: int
    threads: int


@dataclass
class Rush:
    """What one rush took: in all and for each booking, in seconds; and its number of requests."""

    whole: float
    bookings: list[float]
    requests: int


class Client:
    """A secretary's browser, on one connection that is kept alive."""

    def __init__(self, port, number):
        self.port = port
        self.club = f"Club {number}"
        self.email = f"{number}@club.example"
        self.competition = f"Cup {number % COMPETITIONS}"
        self.cookie = ""

    async def send(self, method, path, form=None):
        """Send a request; return the status and the body of its answer."""
        body = urlencode(form or {}).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"(?i)^content-length: (\d+)", lines, re.MULTILINE)
        content = await self.reader.readexactly(int(length[1]))
        cookie = re.search(r"(?i)^set-cookie: ([^;]+)", lines, re.MULTILINE)
        if cookie:
            self.cookie = cookie[1]
        return int(lines.split(" ", 2)[1]), content.decode()

    async def sign_in(self, gate):
        """Connect and sign in."""
        async with gate:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
            status, _ = await self.send("POST", "/showSummary", {"email": self.email})
            assert status == 303, status

    async def rush(self):
        """Open the booking page, book a place, read the summary; return the seconds that the booking took."""
        status, page = await self.send("GET", f"/book/{quote(self.competition)}/{quote(self.club)}")
        assert status == 200, status
        form = {
            "competition": self.competition,
            "places": "1",
            "token": re.search('name="token" value="([^"]+)"', page)[1],
        }
        began = time.perf_counter()
        status, _ = await self.send("POST", "/purchasePlaces", form)
        seconds = time.perf_counter() - began
        assert status == 303, status
        status, page = await self.send("GET", "/showSummary")
        assert status == 200 and "Great-booking complete!" in page, status
        self.writer.close()
        return seconds


async def rush(port, clients, tell):
    """Let this many clients sign in, and then let all of them rush."""
    browsers = [Client(port, number) for number in range(clients)]
    gate = asyncio.Semaphore(CONNECTIONS_AT_ONCE)
    tell("signing in")
    await asyncio.gather(*[browser.sign_in(gate) for browser in browsers])
    tell("rushing")
    began = time.perf_counter()
    bookings = await asyncio.gather(*[browser.rush() for browser in browsers])
    return Rush(time.perf_counter() - began, bookings, 3 * clients)


def measure(setup, clients, tell):
    """Serve the app anew and let a rush come."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clubs = [(f"Club {number}", f"{number}@club.example", 12) for number in range(clients)]
        write_data(folder, clubs, [(f"Cup {number}", "2050-03-27 11:11:00", clients) for number in range(COMPETITIONS)])
        settings = {"SECRET_KEY": secrets.token_hex()}
        if setup.journal:
            settings["JOURNAL"] = setup.journal
        options = ["--blocking-threads", str(setup.threads), "--backlog", "8192"]  # 8192 connections may wait
        with serving(folder, workers=setup.workers, options=options, **settings) as (address, _):
            return asyncio.run(rush(int(address.rsplit(":", 1)[1]), clients, tell))


def empty(url):
    """Drop all tables of a database."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        for table in sqlalchemy.inspect(connection).get_table_names():
            connection.exec_driver_sql(f'DROP TABLE "{table}"')
    engine.dispose()


def setups(postgresql):
    """Return the setups to compare; the others are printed as multiples of memory."""
    sqlite = "sqlite:///bookings.db"
    rows = [
        Setup("memory, 1 x 8", None, 1, 8),
        Setup("SQLite, 1 x 8", sqlite, 1, 8),
        Setup("SQLite, 2 x 8", sqlite, 2, 8),
        Setup("SQLite, 1 x 32", sqlite, 1, 32),
    ]
    if postgresql:
        rows.append(Setup("PostgreSQL, 1 x 8", postgresql, 1, 8))
        rows.append(Setup("PostgreSQL, 2 x 8", postgresql, 2, 8))
        rows.append(Setup("PostgreSQL, 1 x 32", postgresql, 1, 32))
    return rows


def report(results):
    """Print the table: medians of all rounds."""
    unit = median(rush.whole for rush in results["memory, 1 x 8"])
    print(f"{'':20}{'whole rush':>12}{'x memory':>10}{'requests/s':>12}{'booking p50':>13}{'slowest':>10}")
    for name, rushes in results.items():
        whole = median(rush.whole for rush in rushes)
        rate = median(rush.requests / rush.whole for rush in rushes)
        middle = median(median(rush.bookings) for rush in rushes)
        slowest = median(max(rush.bookings) for rush in rushes)
        print(f"{name:20}{whole:10.2f} s{whole / unit:10.2f}{rate:12.0f}{middle:11.2f} s{slowest:8.2f} s")


def main():
    """Run the rounds, each setup once a round, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgresql", metavar="URL")
    arguments = parser.parse_args()

    results = {}
    for number in range(1, arguments.rounds + 1):
        for setup in setups(arguments.postgresql):
            if setup.journal == arguments.postgresql and setup.journal:
                empty(setup.journal)

            def tell(what, name=setup.name, number=number):
                print(f"\rround {number}: {name}, {what} ...{'':20}", end="", file=sys.stderr, flush=True)

            results.setdefault(setup.name, []).append(measure(setup, arguments.clients, tell))
    print("\r", end="", file=sys.stderr)
    report(results)


if __name__ == "__main__":
    main()
