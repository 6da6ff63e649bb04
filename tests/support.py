"""The one toolbox of the tests: data, a page reader, a secretary, the conservation check, a served app."""

import csv
import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from copy import copy
from datetime import datetime, timedelta
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import lxml.html
import pytest
from bs4 import BeautifulSoup

import server
from gudlft.accounts import Accounts
from gudlft.files import Data, NewerNames
from gudlft.health import Health
from gudlft.journal import CommitInDoubt, JournalError, Revocation
from gudlft.journal.revocations import Revocations
from gudlft.ledger import Ledger
from gudlft.model import Club, Competition
from gudlft.opening import Opened
from gudlft.reader import Reader
from gudlft.rules import Terms
from gudlft.text import fold

PROJECT = Path(__file__).parent.parent

# The demo's data; of its competitions the tests need an open, a small and a past one

OPEN = "Spring Festival 2050"
SMALL = "Novice Cup 2050"
PAST = "Spring Festival"
JOHN = "john@simplylift.co"  # Simply Lift, 13 points
IRON = "admin@irontemple.com"  # Iron Temple, 4 points
KATE = "kate@shelifts.co.uk"  # She Lifts, 12 points
ATLAS = "office@atlasbarbell.example"  # Atlas Barbell, 60 points
ANN = "ann@federation.example"  # an organiser
TOKEN = "a-token_of-16-ch"
KEY = "0123456789abcdef"
KEPT = {"JOURNAL": "sqlite:///bookings.db", "SECRET_KEY": KEY}  # settings that keep bookings and sign-ins
MAILED = {"MAIL": "smtp://127.0.0.1:1", "MAIL_FROM": "registration@club.example"}  # settings that ask for codes

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

CLUBS = [
    Club("Simply Lift", (JOHN,), 13),
    Club("Iron Temple", (IRON,), 4),
    Club("She Lifts", (KATE,), 12),
    Club("Atlas Barbell", (ATLAS,), 60),
]
COMPETITIONS = [
    Competition(name, datetime.fromisoformat(date).astimezone(), places)
    for name, date, places in [
        (PAST, "2020-03-27 10:00:00", 25),
        ("Fall Classic", "2020-10-22 13:30:00", 13),
        (OPEN, "2050-03-27 11:11:00", 20),
        (SMALL, "2050-11-05 09:00:00", 5),
    ]
]


def make_ledger(clubs=CLUBS, competitions=COMPETITIONS, cost=3, cap=12, **options):
    return Ledger(clubs, competitions, Terms(cost, cap), **options)


def let_pages_show(ledger, patch, organisers=()):
    """Let the app's pages show a ledger, with a journal or without, until the patch is undone; return the ledger."""
    revocations = Revocations(ledger.journal)
    reader = Reader(ledger.journal, ledger, revocations)
    opened = Opened(
        journal=ledger.journal,
        ledger=ledger,
        accounts=Accounts(ledger.clubs.values(), organisers),
        revocations=revocations,
        reader=reader,
        health=Health(ledger, reader),
        newer_names=NewerNames(PROJECT, Data([], [], [])),
    )
    patch.setattr(server, "opened", opened)
    return ledger


def tomorrow(name, places):
    return Competition(name, datetime.now().astimezone() + timedelta(days=1), places)


def parties(ledger, club="Simply Lift", competition=OPEN):
    return ledger.clubs[club], ledger.competitions[competition]


def places_of(entries):
    return [entry.places for entry in entries]


def a_club(name="A", email="a@b", points=1, **others):
    return {"name": name, "email": email, "points": points, **others}


def a_competition(name="A", date="2050-03-27 11:11:00", places=1, **others):
    return {"name": name, "date": date, "numberOfPlaces": places, **others}


def write_data(folder, clubs, competitions):
    (folder / "clubs.json").write_text(json.dumps({"clubs": clubs}), "utf-8")
    (folder / "competitions.json").write_text(json.dumps({"competitions": competitions}), "utf-8")


def signed_in_by_code(module, address):
    """Return a browser that signed in by the code which server.py mailed, and where that led."""
    browser = Secretary(app=module.app)
    browser.sign_in(address)
    return browser, browser.enter(module.mails[-1][1]).redirect


# Reading pages


class Page:
    """What a person or a script finds on a page."""

    def __init__(self, status, html, headers=None):
        self.status = status
        self.html = html
        self.headers = headers or {}

    @property
    def redirect(self):
        return self.status, self.headers["Location"]

    @property
    def refusal(self):
        return self.status, self.problem

    @cached_property
    def soup(self):
        return BeautifulSoup(self.html, "lxml")

    @cached_property
    def tree(self):
        """Return the page, parsed twenty times as fast as `soup`, for what long histories read at every step."""
        return lxml.html.document_fromstring(self.html)

    @cached_property
    def title(self):
        return self.soup.title.get_text()

    @cached_property
    def heading(self):
        """Return the h1, as the screen shows it."""
        h1 = copy(self.soup.h1)
        for printed in h1.select(".printed"):
            printed.decompose()
        return words(h1)

    @cached_property
    def text(self):
        return words(self.soup.body)

    @cached_property
    def problem(self):
        """Return what the error summary says, without its heading; "" if there is none."""
        return " ".join(words(item) for item in self.soup.select(".error-summary li"))

    @cached_property
    def banner(self):
        """Return the sentences of the banner that reports a success; "" if there is none."""
        return " ".join(words(item) for item in self.soup.select(".banner.success p"))

    @cached_property
    def links(self):
        return {words(link): link["href"] for link in self.soup.select("a[href]")}

    @cached_property
    def figures(self):
        """Return the figures as {(class, club or competition): number}; check that repeated ones agree."""
        figures = {}
        for data in self.tree.iter("data"):
            kind = data.get("class").split()[0]
            owner = "data-club" if kind == "points-left" else "data-competition"
            name = next(element.get(owner) for element in data.iterancestors() if element.get(owner))
            assert data.get("value") == data.text_content()
            assert figures.setdefault((kind, name), int(data.get("value"))) == int(data.get("value"))
        return figures

    @property
    def competitions(self):
        return {name for kind, name in self.figures if kind == "places-left"}

    def form(self, action, competition=None):
        """Return the fields of the form that is sent to an address, for a competition if there are several."""
        return next(fields for fields in self.forms(action) if competition in (None, fields.get("competition")))

    def forms(self, action):
        """Return the fields of each form that is sent to an address."""
        return [
            {field.get("name"): field.get("value", "") for field in form.iterfind(".//*[@name]")}
            for form in self.tree.iter("form")
            if form.get("action") == action
        ]

    @cached_property
    def rows(self):
        """Return the texts of the cells of each row of the tables."""
        return [
            [" ".join(" ".join(cell.itertext()).split()) for cell in row.iterchildren("th", "td")]
            for row in self.tree.iter("tr")
        ]


def statuses(pages):
    return [page.status for page in pages]


def words(element):
    return " ".join(element.get_text().split())


def book_address(competition, club):
    return f"/book/{quote(competition, safe='')}/{quote(club, safe='')}"


class Figures(NamedTuple):
    """What the summary says of the signed-in club at a competition."""

    points_left: int
    places_left: int
    places_held: int


class Secretary:
    """A browser in the hands of a club's secretary, signed in if an email address is given."""

    def __init__(self, email=None, app=server.app):
        self.client = app.test_client()
        if email:
            assert 303 == self.sign_in(email).status

    def get(self, address, **headers):
        with self.client.get(address, headers=headers) as response:
            return Page(response.status_code, response.get_data(as_text=True), response.headers)

    def post(self, address, headers=None, **form):
        with self.client.post(address, data=form, headers=headers) as response:
            return Page(response.status_code, response.get_data(as_text=True), response.headers)

    def sign_in(self, email):
        return self.post("/showSummary", email=email)

    @property
    def is_signed_in(self):
        return 200 == self.get("/showSummary").status

    def enter(self, code):
        return self.post("/code", code=code)

    def booking_form(self, places, competition=OPEN):
        page = self.get(book_address(competition, self.club))
        return page.form("/purchasePlaces") | {"places": places}

    def return_form(self, places, competition=OPEN):
        """Return the fields of the form by which a competition's page takes places back, with the places typed."""
        page = self.get(book_address(competition, self.club))
        return page.form("/cancelPlaces") | {"places": places}

    def book(self, places, competition=OPEN, **form):
        return self.post("/purchasePlaces", competition=competition, places=places, **form)

    def give_back(self, places, competition=OPEN, **form):
        return self.post("/cancelPlaces", competition=competition, places=places, **form)

    @property
    def cookie(self):
        return self.client.get_cookie(self._cookie_name).value

    @property
    def _cookie_name(self):
        return self.client.application.config["SESSION_COOKIE_NAME"]

    def take_cookie(self, value):
        self.client.set_cookie(self._cookie_name, value)

    @property
    def session(self):
        with self.client.session_transaction() as session:
            return dict(session)

    def move_to(self, app):
        value = self.cookie
        self.client = app.test_client()
        self.take_cookie(value)

    @property
    def club(self):
        return self.get("/showSummary").heading

    def figures(self, competition=OPEN):
        page = self.get("/showSummary")
        return Figures(
            points_left=page.figures["points-left", page.heading],
            places_left=page.figures["places-left", competition],
            places_held=page.figures["places-held", competition],
        )


class ServedSecretary(Secretary):
    """A secretary whose browser reaches a served app, with a new connection for each request."""

    def __init__(self, url, email=None):
        self._host = urlsplit(url).netloc
        self._cookie = None
        if email:
            assert 303 == self.sign_in(email).status

    def get(self, address, **headers):
        return self._ask("GET", address, None, headers)

    def post(self, address, headers=None, **form):
        return self._ask("POST", address, urlencode(form), headers or {})

    def _connect(self):
        return http.client.HTTPConnection(self._host, timeout=60)

    def _ask(self, method, address, body, headers):
        headers = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        if self._cookie:
            headers["Cookie"] = self._cookie
        with closing(self._connect()) as connection:
            connection.request(method, address, body, headers)
            response = connection.getresponse()
            html = response.read().decode()
        if "Set-Cookie" in response.headers:
            self._cookie = response.headers["Set-Cookie"].partition(";")[0]
        return Page(response.status, html, response.headers)


# Commands


def run_command(*arguments, app=server.app):
    """Run a command of the app; return its exit_code, stdout, stdout_bytes and stderr."""
    return app.test_cli_runner().invoke(args=arguments)


def exported_rows(result):
    """Return the rows of the CSV file that a command wrote, as spreadsheets read it."""
    return list(csv.reader(StringIO(result.stdout_bytes.decode("utf-8-sig"), newline="")))


# A journal without a database


def last_rows_of(*tables):
    """Return number and time of the last row of each table, as a transaction gives them."""
    return tuple(value for rows in tables for value in (rows[-1][:2] if rows else (None, None)))


class FakeJournal:
    """A journal in lists, which several ledgers may share.

    Its fault may be "away"; "full", when it can be read; or that the answer to a commit is lost: "in doubt" if the
    commit was made, "in doubt, not made" if it was not.
    """

    shared = True

    def __init__(self):
        self.rows = []
        self.revoked = []
        self.fault = None
        self.trials = 0

    @contextmanager
    def reading(self):
        if self.fault == "away":
            raise JournalError("away")
        yield self

    @contextmanager
    def writing(self, seconds=None):
        with self.reading():
            rows_before = list(self.rows)
            yield self
        if self.fault == "full":
            self.rows = rows_before
            raise JournalError("full")
        if self.fault == "in doubt, not made":
            self.rows = rows_before
        if self.fault:
            raise CommitInDoubt("connection lost")

    def try_to_write(self, seconds=None):
        self.trials += 1
        if self.fault:
            raise JournalError(self.fault)

    def last_rows(self):
        return last_rows_of(self.rows, self.revoked)

    def entries(self, first):
        return [entry for entry in self.rows if entry.number >= first]

    def append(self, entries):
        self.rows.extend(entries)

    def revocations(self, first):
        return [row for row in self.revoked if row.number >= first]

    def revoke(self, revoked, forget_before):
        number = self.revoked[-1].number if self.revoked else 0
        for id, revoked_at in revoked.items():
            number += 1
            self.revoked.append(Revocation(number, revoked_at, id))
        most = 2 * len(revoked)
        self.revoked = [row for row in self.revoked[:most] if row.at >= forget_before] + self.revoked[most:]


def wait_until(condition, seconds=10):
    """Wait until a condition holds, which another thread or process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def at_once(actions):
    """Call each action in a thread of its own, all at the same moment; return what they return."""
    barrier = threading.Barrier(len(actions))

    def call(action):
        barrier.wait(30)
        return action()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(call, actions))


# What must hold after everything


def check_conservation(ledger):
    """Assert that the totals follow from the entries, and that they break no rule."""
    spent = Counter()
    sold = Counter()
    held = Counter()
    paid = Counter()
    for entry in ledger.entries:
        spent[entry.club] += entry.points
        sold[entry.competition] += entry.places
        held[entry.club, entry.competition] += entry.places
        paid[entry.club, entry.competition] += entry.points

    for club in ledger.clubs.values():
        assert club.points - spent[club.name] == ledger.totals.points_left(club) >= 0
        assert [entry for entry in reversed(ledger.entries) if entry.club == club.name] == ledger.latest_entries(club)
        for competition in ledger.by_start:
            places = held[club.name, competition.name]
            points = paid[club.name, competition.name]
            standing = ledger.totals.standing(club, competition)
            assert places == standing.places_held
            assert points == standing.points_paid
            assert 0 <= places <= ledger.terms.max_places_per_club
            assert places > 0 or points == 0
            assert competition.places - sold[competition.name] == standing.places_left >= 0
            pair = (club.name, competition.name)
            there = [entry for entry in reversed(ledger.entries) if (entry.club, entry.competition) == pair]
            assert there == ledger.latest_entries(club, competition)
        expected = [one for one in ledger.upcoming(ledger.now()) if held[club.name, one.name]]
        assert expected == [holding.competition for holding in ledger.holdings(club, ledger.now())]

    for competition, occupancy in ledger.occupancies(ledger.by_start):
        holding = [club for (club, name), places in held.items() if name == competition.name and places]
        assert sorted(holding) == sorted(row.club for row in ledger.entry_list(competition.name))
        assert (sold[competition.name], len(holding)) == (occupancy.booked, occupancy.clubs)

    shown = [(club.name, ledger.totals.points_left(club)) for club in ledger.clubs.values()]
    shown.sort(key=lambda row: (-row[1], fold(row[0]), row[0]))
    assert shown == [(row.club, row.points) for row in ledger.points_board]
    numbers = [entry.number for entry in ledger.entries]
    assert sorted(set(numbers)) == numbers


# Tools that may be missing


def needed(*files):
    """Skip the test if a tool is not installed; in CI fail it."""
    missing = [str(file) for file in files if not (shutil.which(file) or Path(file).exists())]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


# A started app


def load_server():
    """Run server.py as a start does, with the environment of now; return the module, which replaces no imported one."""
    spec = importlib.util.spec_from_file_location("server", PROJECT / "server.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url):
    """Tell whether anything answers at the address, whatever its status."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def clean_environment(**settings):
    """Return the environment with these settings of the app and no others; they are written without their prefix."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GUDLFT_")}
    return environment | {f"GUDLFT_{name}": str(value) for name, value in settings.items()}


@contextmanager
def serving(folder, app="server:app", workers=0, options=(), variables=None, **settings):
    """Serve the app with the data files in `folder`; yield (address, process), its log being `folder`/server.log.

    Without workers Flask's own server is used, otherwise granian with this many processes of 8 threads, and `options`.
    Settings are GUDLFT_ variables, written without their prefix; `variables` are others.
    """
    port = free_port()
    program = [sys.executable, "-m"]
    if workers:
        program += ["granian", "--interface", "wsgi", "--blocking-threads", "8", "--no-ws", *options]
        program += ["--workers", str(workers), "--workers-kill-timeout", "8", "--port", str(port), app]
    else:
        program += ["flask", "--app", app, "run", "--port", str(port)]
    environment = clean_environment(DATA_DIR=folder, **settings) | (variables or {})
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen(program, cwd=PROJECT, env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not answers(f"http://127.0.0.1:{port}/pointsBoard"):
                assert process.poll() is None and time.monotonic() < deadline, (folder / "server.log").read_text()
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.terminate()
            process.wait(30)
