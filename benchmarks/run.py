"""Print what requests cost in CPU time: beside bare Flask, with more data, with a long history.

Run it as `.venv/bin/python benchmarks/run.py`; it takes about three minutes, and judges nothing but statuses.
"""

import logging
import os
import sys
import time
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.update(GUDLFT_MAIL="console:", GUDLFT_ORGANISERS="ann@federation.example")  # for the organiser's pages

import pytest

import server
from benchmarks.floor import app as floor
from benchmarks.floor import visit
from gudlft.model import Club, Competition
from tests.support import ANN, let_pages_show, make_ledger

MANY = 1_000_000  # points, places, places that a club may hold: nothing is refused
PAST = 150  # competitions
VISIT = ["booking page", "purchase", "summary"]
ALL_KINDS = ["summary before", *VISIT, "my bookings", "points board"]


def year_of_competitions(year, number):
    """Return this many competitions, evenly spread over a year."""
    start = datetime(year, 1, 1).astimezone()
    step = timedelta(days=365) / number
    return [Competition(f"Cup {index} of {year}", start + index * step, MANY) for index in range(number)]


def season(clubs, competitions, held):
    """Return a ledger of this size, in which each club holds a place at every second of some upcoming competitions."""
    upcoming = year_of_competitions(2050, competitions)
    past = year_of_competitions(2020, PAST)
    clubs = [Club(f"Club {number}", (f"{number}@club.example",), MANY - number) for number in range(clubs)]
    ledger = make_ledger(clubs, past + upcoming, cap=MANY)
    for number, club in enumerate(clubs):
        for place in range(held):
            competition = upcoming[(number + 2 * place) % competitions]
            ledger.book(club, competition, 1)
    return ledger


class Timed:
    """A WSGI app, and the CPU seconds that its last answer took."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        """Answer; Flask has rendered the page when it returns."""
        before = time.process_time()
        chunks = self.app(environ, start_response)
        self.seconds = time.process_time() - before
        return chunks


class Visitor:
    """A club that comes to an app in this process, signed in; and the CPU seconds of each kind of request."""

    def __init__(self, app, ledger, club, competition):
        self.client = app.test_client()
        self.timed = app.wsgi_app
        self.ledger = ledger
        self.requests = {
            "sign-in": ("/showSummary", {"email": club.email}),
            "summary before": ("/showSummary", None),
            **visit(club.name, competition.name),
            "my bookings": ("/bookings", None),
            "points board": ("/pointsBoard", None),
            "organiser": ("/organiser", None),
            "entry list": (f"/organiser/entries?competition={quote(competition.name)}", None),
        }
        self.seconds = {}
        self.ask("sign-in")

    def ask(self, kind):
        """Send a request of a kind: a GET, or a POST with a form."""
        let_pages_show(self.ledger, pytest.MonkeyPatch(), organisers=[ANN])
        path, form = self.requests[kind]
        method = "POST" if form else "GET"
        response = self.client.open(path, method=method, data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert (303 if form else 200) == response.status_code, (path, response.status)
        self.seconds[kind] = self.timed.seconds


def visitors(app, ledger, clubs):
    """Return a visitor for each club; they book at one competition after another."""
    upcoming = cycle(ledger.upcoming(ledger.now()))
    return [Visitor(app, ledger, club, competition) for club, competition in zip(clubs, upcoming, strict=False)]


def compare(title, kinds, sides):
    """Let the visitors of two sides take turns at each request; print what each kind cost, and the ratio."""
    for number, turns in enumerate(zip(*sides.values(), strict=True)):
        if number % 2:
            turns = turns[::-1]  # who comes second finds warmer caches
        for kind in kinds:
            for visitor in turns:
                visitor.ask(kind)
        for visitor in turns:
            visitor.seconds["together"] = sum(visitor.seconds[kind] for kind in kinds)

    print(f"\n{title:32}" + "".join(f"{name:>16}" for name in sides) + "    ratio")
    for kind in [*kinds, "together"]:
        first, second = [median(visitor.seconds[kind] for visitor in visitors) for visitors in sides.values()]
        print(f"{kind:32}{1000 * first:13.2f} ms{1000 * second:13.2f} ms{second / first:9.2f}", flush=True)


def beside_floor(title, kinds, ledger, clubs):
    """Print what the requests of clubs cost beside bare Flask."""
    ours = visitors(server.app, ledger, clubs)
    compare(title, kinds, {"bare Flask": visitors(floor, ledger, clubs), "ours": ours})


def compare_with_floor():
    """Print what visits cost beside bare Flask: of 1,000 clubs that come once, and of one that comes as often."""
    for competitions in (10, 40):
        ledger = season(1_000, competitions, held=competitions // 2)
        beside_floor(f"{competitions} competitions, cold", VISIT, ledger, list(ledger.clubs.values()))
        beside_floor(f"{competitions} competitions, warm", VISIT, ledger, [ledger.clubs["Club 500"]] * 1_000)

    organisers = [Club("Organiser", (ANN,), 0)] * 200
    beside_floor("40 competitions, 60 clubs", ["organiser"], season(60, 40, held=20), organisers)
    beside_floor("200 clubs at a competition", ["entry list"], season(400, 10, held=10), organisers)


def compare_sizes():
    """Print what more clubs and competitions cost clubs from all over the board, each of which comes once."""
    small = season(1_000, 300, held=10)
    large = season(10_000, 2_000, held=10)
    sides = {
        "1,000 x 300": visitors(server.app, small, list(small.clubs.values())[::4]),
        "10,000 x 2,000": visitors(server.app, large, list(large.clubs.values())[::40]),
    }
    compare("clubs x competitions, cold", ALL_KINDS, sides)


def compare_histories():
    """Print what its own entries cost a club, which comes again and again."""
    short = season(1_000, 40, held=10)
    long = season(1_000, 40, held=10)
    club = long.clubs["Club 500"]
    for competition in long.upcoming(long.now()) * 625:
        long.book(club, competition, 1)
        long.give_back(club, competition, 1)
    sides = {
        "10": visitors(server.app, short, [club] * 250),
        "50,000": visitors(server.app, long, [club] * 250),
    }
    compare("entries of the club, warm", ALL_KINDS, sides)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    for app in (floor, server.app):
        app.wsgi_app = Timed(app.wsgi_app)
    compare_with_floor()
    compare_sizes()
    compare_histories()
