"""Print how long a rush takes: everybody opens a booking page, books a place and reads the summary at the same second.

Run it as `.venv/bin/python benchmarks/rush.py` for bare Flask, bookings in memory and on SQLite; add the address of an
empty database for PostgreSQL. It judges nothing but the answers: each club must get its place.
"""

import asyncio
import re
import secrets
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from urllib.parse import urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.floor import visit
from tests.support import a_club, a_competition, serving, write_data

ROUNDS = 4
CLIENTS = 1_000
COMPETITIONS = 5
MANY = 1_000_000  # points, places, places that a club may hold: enough for all rounds on one database
BARE = "bare Flask, 1 x 8"


class Client:
    """A secretary's browser, on one connection that is kept alive."""

    def __init__(self, port, number):
        self.port = port
        self.email = f"{number}@club.example"
        self.visit = visit(f"Club {number}", f"Cup {number % COMPETITIONS}")
        self.cookie = ""

    async def send(self, path, form):
        """Send a GET, or a POST with a form; return the page that it leads to, "" if that is another one."""
        method, expected = ("POST", "303") if form else ("GET", "200")
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
        assert lines.startswith(f"HTTP/1.1 {expected} "), (path, lines)
        return content.decode()

    async def sign_in(self):
        """Connect and sign in."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        await self.send("/showSummary", {"email": self.email})

    async def rush(self):
        """Open the booking page, book a place, read the summary."""
        for path, form in self.visit.values():
            page = await self.send(path, form)
        assert "Great-booking complete!" in page, page
        self.writer.close()


async def rush(port):
    """Let all clients sign in, and then let all of them rush; return the seconds of the rush."""
    browsers = [Client(port, number) for number in range(CLIENTS)]
    await asyncio.gather(*[browser.sign_in() for browser in browsers])
    began = time.perf_counter()
    await asyncio.gather(*[browser.rush() for browser in browsers])
    return time.perf_counter() - began


def measure(app, journal, workers, threads):
    """Serve an app anew, with as many processes and threads in each, and let a rush come; return its seconds."""
    clubs = [a_club(f"Club {number}", f"{number}@club.example", MANY) for number in range(CLIENTS)]
    competitions = [a_competition(f"Cup {number}", "2050-03-27 11:11:00", MANY) for number in range(COMPETITIONS)]
    options = ["--blocking-threads", str(threads), "--backlog", "8192"]  # 8192 connections may wait
    settings = {"SECRET_KEY": secrets.token_hex(), "MAX_PLACES_PER_CLUB": MANY, "JOURNAL": journal}
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), clubs, competitions)
        with serving(Path(folder), app, workers, options, **settings) as (address, _):
            return asyncio.run(rush(urlsplit(address).port))


def setups():
    """Return what to measure, by its name: app, journal, processes, threads."""
    named = {
        BARE: ("benchmarks.floor:app", "", 1, 8),
        "memory, 1 x 8": ("server:app", "", 1, 8),
    }
    for url in ["sqlite:///bookings.db", *sys.argv[1:]]:
        database = url.partition("+")[0].partition(":")[0]
        for workers, threads in [(1, 8), (2, 8), (1, 32)]:
            named[f"{database}, {workers} x {threads}"] = ("server:app", url, workers, threads)
    return named


if __name__ == "__main__":
    taken = defaultdict(list)
    for _ in range(ROUNDS):
        for name, setup in setups().items():
            taken[name].append(measure(*setup))
            print(f"{name}: {taken[name][-1]:.2f} s", file=sys.stderr)

    print(f"{'':20}{'whole rush':>12}{'x bare':>9}")
    for name, rushes in taken.items():
        beside_bare = median(rush / bare for rush, bare in zip(rushes, taken[BARE], strict=True))
        print(f"{name:20}{median(rushes):10.2f} s{beside_bare:9.2f}")
