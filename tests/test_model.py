"""What nobody thought of: the app against a plain model, named numbers, hostile requests, races through HTTP.

Hypothesis draws what happens: always the same in the profile "fixed", anew and 30 times as much with
`--hypothesis-profile=long`.
"""

import logging
import random
import re
import secrets
import threading
import time
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from csv import DictReader
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial
from html.parser import HTMLParser
from io import BytesIO, StringIO
from itertools import product
from tempfile import TemporaryDirectory
from urllib.parse import quote, quote_from_bytes

import pytest
import rules
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from journal import Journal
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import run_wsgi_app

import server
from tests.amplifier import NoLock, amplified

EXAMPLES = settings().max_examples  # of the profile; each test takes a share of its own
CLUBS = ["Simply Lift", "Élan/<Fils> & Co", 'The "Iron" 50%?#.']
COMPETITIONS = ["Spring Festival", "/Coupe d'Été/", "100% <b>Cup</b>?#&.", "💪"]
MORNING = datetime(2050, 3, 27, 9, tzinfo=timezone.utc)


# Reading pages

OWNER = {"points-left": "data-club", "places-left": "data-competition", "places-held": "data-competition"}


class Page(HTMLParser):
    """The figures, forms and table rows of a page, as a script reads them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.figures, self.most, self.forms, self.rows = [], {}, None, [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append((attributes["action"], {}))
        elif tag == "input":
            self.forms[-1][1][attributes["name"]] = attributes["value"]
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("input", "link", "meta"):
            self.open.append((tag, attributes))

    def handle_endtag(self, tag):
        assert tag == self.open.pop()[0]

    def handle_data(self, text):
        if any(tag in ("td", "th") for tag, _ in self.open):
            self.rows[-1][-1] += text
        if self.open and self.open[-1][0] == "data":
            figure, number = self.open[-1][1]["class"], int(text)
            assert self.open[-1][1]["value"] == text
            if figure == "most-places":
                self.most = number
                return
            owner = OWNER[figure]
            name = next(its[owner] for _, its in reversed(self.open) if owner in its)
            assert self.figures.setdefault((figure, name), number) == number  # wherever the page shows it

    def record(self):
        """Return (competition, places, points) of each booking shown, those given back negative."""
        words = [(row[2], row[3].split(), row[4].split()) for row in self.rows if len(row) == 5 and row[0].isdigit()]
        signs = {("booked", "spent"): 1, ("back", "returned"): -1}
        return [
            (competition, int(places[0]) * sign, int(points[0]) * sign)
            for competition, places, points in words
            for sign in [signs[places[-1], points[-1]]]
        ]


@lru_cache(1000)
def read_page(text):
    """Return the page; most of those that the machine sees have not changed since the last step."""
    return Page(text)


def address(competition, club):
    """Return the address of a booking page."""
    return f"/book/{quote(competition, safe='')}/{quote(club, safe='')}"


def email(club):
    """Return the club's email address in this file's data."""
    return f"club{CLUBS.index(club)}@example.com"


def make_ledger(points, places, starts, cost=3, cap=12, **more):
    """Return a ledger that opens with the points of each club and the places of each competition."""
    clubs = [rules.Club(name, email(name), its) for name, its in points.items()]
    competitions = [rules.Competition(name, starts[name], its) for name, its in places.items()]
    return rules.Ledger(clubs, competitions, cost, cap, **more)


@contextmanager
def running(ledger, proxies=0, **configuration):
    """Run the app with the ledger, and with settings other than its own, in the morning; yield what it logs."""
    log = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "now", lambda: MORNING)
        patch.setattr(server, "ledger", ledger)
        patch.setattr(server, "failed_sign_ins", {})
        patch.setattr(server.app.logger, "handle", log.append)
        # Werkzeug leaves the files of a broken form to the garbage collector, which would warn
        patch.setattr(server.app.request_class, "_get_file_stream", lambda *_, **__: BytesIO())
        patch.setattr(server.app, "wsgi_app", ProxyFix(server.app.wsgi_app, x_for=proxies, x_proto=proxies))
        for name, value in configuration.items():
            patch.setitem(server.app.config, name, value)
        yield log


def signed_in(club):
    """Return the client of a secretary who has signed in."""
    client = server.app.test_client()
    assert client.post("/showSummary", data={"email": email(club)}).status_code == 303
    return client


def assert_conserved(ledger):
    """Opening points are points left and points spent; opening places are places left and places held."""
    clubs, competitions = ledger.clubs.values(), ledger.competitions.values()
    for club in clubs:
        spent = sum(entry.points for entry in ledger.entries if entry.club == club.name)
        assert club.points == ledger.points_left(club) + spent
    for competition in competitions:
        held = [ledger.places_held(club, competition) for club in clubs]
        assert competition.places == ledger.places_left(competition) + sum(held)
        assert sum(held) == sum(entry.places for entry in ledger.entries if entry.competition == competition.name)
        assert max(held, default=0) <= ledger.cap
        assert min(held, default=0) >= 0
    assert sorted(ledger.board) == ledger.board
    assert [number for number, *_ in ledger.entries] == list(range(1, len(ledger.entries) + 1))


# The app against a plain model

Booking = namedtuple("Booking", "club competition places points")
NONSENSE = ["+3", "1_0", "٣", "1.5", "-1", "0", "", "x" * 5000, "9" * 6]  # nothing that can be booked
NUMBERS = {str(number): number for number in range(1, 15)} | {" 2 ": 2, "012": 12} | dict.fromkeys(NONSENSE, 0)
TYPED = st.sampled_from(["1", "2", "1", "3"] * 10 + list(NUMBERS) + NONSENSE)  # small numbers more often
FIELDS = ["club", "competition", "token"]
BROWSERS, CLUB, COMPETITION = st.integers(0, 2), st.sampled_from(CLUBS), st.sampled_from(COMPETITIONS)


class Model:
    """What must be: opening figures, the bookings that were answered, and the few lines that follow from them."""

    def __init__(self, starts):
        self.now, self.starts = MORNING, dict(zip(COMPETITIONS, starts, strict=True))
        self.bookings, self.sent = [], set()

    def open(self, points, places, cost, cap):
        """Take new opening figures."""
        self.points, self.places, self.cost, self.cap = points, places, cost, cap

    def total(self, what, club=None, competition=None):
        its = [one for one in self.bookings if club in (None, one.club) and competition in (None, one.competition)]
        return sum(getattr(one, what) for one in its)

    def points_left(self, club):
        return max(0, self.points[club] - self.total("points", club))

    def places_left(self, competition):
        return max(0, self.places[competition] - self.total("places", None, competition))

    def most(self, club, competition):
        left = self.points_left(club) // self.cost, self.places_left(competition)
        return max(0, min(*left, self.cap - self.total("places", club, competition)))

    def is_open(self, competition):
        return self.now < self.starts[competition]

    def send(self, club, action, fields, typed):
        """Book or give back what the club's form says; return the status that the answer must have."""
        competition, places, kind = fields["competition"], NUMBERS[typed], (action, fields.get("token"))
        if club is None or fields.get("club", club) != club:
            return 403
        if competition not in self.places:
            return 404
        if fields.get("token") and (club, competition, places, *kind) in self.sent:
            return 303
        held, paid = (self.total(what, club, competition) for what in ("places", "points"))
        booking = action == "/purchasePlaces"
        most = self.most(club, competition) if booking else held
        if not (self.is_open(competition) and 1 <= places <= most):
            return 400
        change = (places, places * self.cost) if booking else (-places, -(paid * places // held))
        self.bookings.append(Booking(club, competition, *change))
        self.sent.add((club, competition, places, *kind))
        return 303

    def figures(self, club=None):
        """Return what the pages that the club sees must show."""
        shown = {("points-left", name): self.points_left(name) for name in self.points}
        for name in self.places if club else ():
            shown["places-left", name] = self.places_left(name)
            shown["places-held", name] = self.total("places", club, name)
        return shown


class Browser:
    """A secretary's browser: who is signed in, and since when."""

    def __init__(self):
        self.client, self.club, self.since = server.app.test_client(), None, None


def opening_figures():
    """Draw what a start of the app reads: files and settings; a competition may be missing."""
    return st.fixed_dictionaries(
        {
            "points": st.fixed_dictionaries({club: st.integers(5, 60) for club in CLUBS}),
            "places": st.fixed_dictionaries(
                {COMPETITIONS[0]: st.integers(3, 25)},
                optional={name: st.integers(0, 25) for name in COMPETITIONS[1:]},
            ),
            "cost": st.sampled_from([3, 1, 7, 2]),
            "cap": st.sampled_from([12, 12, 5]),
        }
    )


class AppInMemory(RuleBasedStateMachine):
    """Several secretaries, a clock and an organiser who restarts the app: all bookings are gone after it."""

    survives = False
    forms = Bundle("forms")  # (browser, address, fields) of forms that a page showed
    sent = Bundle("sent")  # (such a form, what was typed) of forms that were sent

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(rules, "now", lambda: self.model.now)
        self.patch.setattr(server.app.logger, "handle", lambda record: None)
        self.browsers = [Browser() for _ in range(3)]

    def teardown(self):
        self.patch.undo()

    def make_ledger(self, **more):
        """Return the ledger of a freshly started app."""
        model = self.model
        return make_ledger(model.points, model.places, model.starts, model.cost, model.cap, **more)

    def club(self, browser):
        """Return the club that is signed in: for eight hours."""
        return browser.club if browser.club and self.model.now - browser.since < timedelta(hours=8) else None

    def read(self, browser, response, status):
        """Return the page, having checked its status and that each figure on it agrees with the model."""
        assert status == response.status_code
        page = read_page(response.text)
        assert page.figures.items() <= self.model.figures(self.club(browser)).items()
        return page

    def sign_in(self, browser, club):
        browser = self.browsers[browser]
        typed = f" {email(club).upper()} "
        self.read(browser, browser.client.post("/showSummary", data={"email": typed}), 303)
        browser.club, browser.since = club, self.model.now

    def booking_forms(self, number, competition, owner=None):
        """Open a booking page, the club's own unless another is named; return its form as a list of one, or none."""
        browser, model = self.browsers[number], self.model
        club = self.club(browser)
        owner = owner or club or CLUBS[0]
        known = competition in model.places
        obstacles = {303: not club, 403: club != owner, 404: not known, 400: not model.is_open(competition)}
        status = next((status for status, stands in obstacles.items() if stands), 200)
        page = self.read(browser, browser.client.get(address(competition, owner)), status)
        assert page.most == (model.most(club, competition) or None if status == 200 else None)
        forms = [(number, *form) for form in page.forms if form[0] == "/purchasePlaces"]
        assert [competition] * (page.most is not None) == [fields["competition"] for _, _, fields in forms]
        return forms

    def forms_to_give_back(self, number):
        """Open the bookings page; return the forms that give places back: one for each open competition with any."""
        browser, model = self.browsers[number], self.model
        club = self.club(browser)
        page = self.read(browser, browser.client.get("/bookings"), 200 if club else 303)
        forms = [(number, *form) for form in page.forms if form[0] == "/cancelPlaces"]
        held = {name for name in model.places if model.is_open(name) and club and model.total("places", club, name)}
        assert held == {fields["competition"] for _, _, fields in forms}
        return forms

    def post(self, form, typed, browser=None):
        """Send a form, from the browser that opened it or another; check the answer; return what was sent."""
        number, action, fields = form
        browser = self.browsers[number if browser is None else browser]
        status = self.model.send(self.club(browser), action, fields, typed)
        self.read(browser, browser.client.post(action, data=fields | {"places": typed}), status)
        return form, typed

    def start(self, opening):
        """Start the app, where each club signs in; in memory the bookings are gone and all were signed out."""
        self.model.open(**opening)
        if not self.survives:
            self.model.bookings, self.model.sent = [], set()
            self.patch.setitem(server.app.config, "SECRET_KEY", secrets.token_bytes())
        self.patch.setattr(server, "ledger", self.make_ledger())
        for number, browser in enumerate(self.browsers):
            browser.club = browser.club if self.survives else None
            self.forms_to_give_back(number)
            self.sign_in(number, CLUBS[number])

    @initialize(opening=opening_figures(), hours=st.lists(st.sampled_from([9, 40, 1, 100, -1]), min_size=4, max_size=4))
    def start_first(self, opening, hours):
        self.model = Model([MORNING + timedelta(hours=its) for its in hours])
        self.start(opening)

    @precondition(lambda self: len(self.model.bookings) > 1)
    @rule(target=sent, opening=opening_figures(), typed=st.sampled_from(["1", "2"]))
    def start_again(self, opening, typed):
        """Start again, perhaps at another price; let each club book a place more and then give some back."""
        self.start(opening)
        for number in (0, 1, 2):
            for form in self.booking_forms(number, COMPETITIONS[0]):
                self.post(form, "1")
        return self.give_back(typed)

    @precondition(lambda self: self.model.bookings)
    @rule(browser=BROWSERS, minutes=st.sampled_from([10, 90, 480]), seconds=st.sampled_from([0, -1, 1]))
    def wait(self, browser, minutes, seconds):
        """Open forms, wait some minutes, but not past the next start by more than a second, and send them.

        Clubs whose sign-in has ended by then sign in again, except in this browser.
        """
        model = self.model
        forms = [form for competition in COMPETITIONS for form in self.booking_forms(browser, competition)]
        forms += self.forms_to_give_back(browser)
        starts = [start for start in model.starts.values() if start > model.now]
        moments = [model.now + timedelta(minutes=minutes), *(start + timedelta(seconds=seconds) for start in starts)]
        model.now = max(model.now, min(moments))
        for form in forms:
            self.post(form, "1")
        for competition in COMPETITIONS:
            self.booking_forms(browser, competition)
        for number, other in enumerate(self.browsers):
            if number != browser and other.club and not self.club(other):
                self.sign_in(number, other.club)

    @precondition(lambda self: self.model.bookings)
    @rule(browser=BROWSERS, club=st.none() | CLUB)
    def sign_out_and_in(self, browser, club):
        """Sign out, see that a copy of the cookie is refused, and sign in as another club or not at all."""
        signed_out = self.browsers[browser]
        copy = signed_out.client.get_cookie("session")
        self.read(signed_out, signed_out.client.post("/logout"), 303)
        signed_out.club = None
        if copy:
            signed_out.client.set_cookie("session", copy.value)
            self.read(signed_out, signed_out.client.get("/bookings"), 303)
        if club:
            self.sign_in(browser, club)

    @rule(target=sent, browser=BROWSERS, competition=COMPETITION, typed=TYPED)
    def book(self, browser, competition, typed):
        return multiple(*[self.post(form, typed) for form in self.booking_forms(browser, competition)])

    @precondition(lambda self: self.model.bookings)
    @rule(target=sent, typed=TYPED)
    def give_back(self, typed):
        """Let each browser give places back wherever its club holds any."""
        return multiple(*[self.post(form, typed) for number in (0, 1, 2) for form in self.forms_to_give_back(number)])

    @rule(target=forms, browser=BROWSERS, competition=COMPETITION, owner=st.none() | CLUB)
    def open_forms(self, browser, competition, owner):
        return multiple(*self.booking_forms(browser, competition, owner), *self.forms_to_give_back(browser))

    @rule(target=sent, form=forms, typed=TYPED, browser=st.none() | BROWSERS)
    def send(self, form, typed, browser):
        return self.post(form, typed, browser)

    @rule(form=sent, browser=st.none() | BROWSERS)
    def send_again(self, form, browser):
        self.post(*form, browser)

    @rule(target=sent, form=sent, other=forms, taken=st.sets(st.sampled_from(FIELDS), min_size=1))
    def send_forged(self, form, other, taken):
        """Send a form again with names or the token of another form, or with none."""
        (browser, action, fields), typed = form
        fields = {name: its for name, its in fields.items() if name not in taken}
        fields |= {name: its for name, its in other[-1].items() if name in taken}
        return self.post((browser, action, fields), typed)

    @invariant()
    def everything_agrees(self):
        model, ledger = self.model, server.ledger
        assert model.bookings == [entry[2:6] for entry in ledger.entries]
        if not self.survives:  # otherwise an organiser may have opened with less than was booked
            assert_conserved(ledger)
        board = read_page(server.app.test_client().get("/pointsBoard").text)
        ranks = sorted(model.points, key=lambda club: (-model.points_left(club), club.casefold()))
        assert [(("points-left", club), model.points_left(club)) for club in ranks] == list(board.figures.items())
        for browser in self.browsers:
            if club := self.club(browser):
                summary = self.read(browser, browser.client.get("/showSummary"), 200)
                assert model.figures(club) == summary.figures
                bookings = self.read(browser, browser.client.get("/bookings"), 200)
                assert [one[1:] for one in reversed(model.bookings) if one.club == club] == bookings.record()


class AppWithJournal(AppInMemory):
    """The same, with a journal in SQLite: bookings and sign-outs survive a restart, and can be exported."""

    survives = True

    def __init__(self):
        super().__init__()
        self.folder, self.journal = TemporaryDirectory(), None

    def teardown(self):
        super().teardown()
        if self.journal:  # Hypothesis may give up before the first start
            self.journal.close()
        self.folder.cleanup()

    def make_ledger(self):
        if self.journal:
            self.journal.close()
        self.journal = Journal("sqlite:///bookings.db", self.folder.name)
        return super().make_ledger(journal=self.journal)

    @invariant()
    def export_agrees(self):
        export = server.app.test_cli_runner().invoke(args=["bookings"]).stdout_bytes.decode("utf-8-sig")
        rows = [tuple(row[column] for column in Booking._fields) for row in DictReader(StringIO(export))]
        assert [tuple(map(str, one)) for one in self.model.bookings] == rows


@pytest.mark.parametrize("app", [AppInMemory, AppWithJournal])
def test_app_agrees_with_a_plain_model_whatever_happens(app):
    run_state_machine_as_test(app, settings=settings(max_examples=EXAMPLES // 5, stateful_step_count=40))


# Numbers that are named

OPEN = dict.fromkeys(COMPETITIONS, MORNING + timedelta(hours=1))


@settings(max_examples=EXAMPLES * 2)
@given(
    opening=opening_figures(),
    earlier=st.lists(st.tuples(CLUB, COMPETITION, st.integers(1, 12)), max_size=12),
    club=CLUB,
    excess=st.integers(1, 30),
    data=st.data(),
)
def test_number_that_a_hint_or_a_refusal_names_can_be_booked(opening, earlier, club, excess, data):
    competition = data.draw(st.sampled_from(sorted(opening["places"])))
    ledger = make_ledger(**opening, starts=OPEN)
    for who, where, places in earlier:
        with suppress(KeyError, rules.BookingError):
            ledger.book(ledger.clubs[who], ledger.competitions[where], places)
    with running(ledger):
        client = signed_in(club)

        def post(action, places):
            return client.post(action, data={"competition": competition, "places": places})

        most = Page(client.get(address(competition, club)).text).most
        refused = post("/purchasePlaces", (most or 0) + excess)
        assert 400 == refused.status_code
        assert most == Page(refused.text).most
        if most:
            assert most == int(re.search(r"(?:enough for|only|at most) (\d+)", refused.text)[1])
            assert 303 == post("/purchasePlaces", most).status_code
        held = ledger.places_held(ledger.clubs[club], ledger.competitions[competition])
        if held:
            refused = post("/cancelPlaces", held + excess)
            assert 400 == refused.status_code
            assert 303 == post("/cancelPlaces", re.search(r"enter at most (\d+)", refused.text)[1]).status_code
            assert 0 == ledger.places_held(ledger.clubs[club], ledger.competitions[competition])
        assert_conserved(ledger)


# Hostile requests

MARKER = b"<\"'&marker>"
TOKEN = b"a-token-of-some-characters"
NAMES = [name.encode() for name in CLUBS + COMPETITIONS]
EMAILS = [email(club).encode() for club in CLUBS] + [b"nobody@example.com"]
PIECES = [
    MARKER,
    *NAMES,
    *EMAILS,
    TOKEN,
    b"",
    b"1",
    b"2",
    b"-1",
    b"\0",
    b"%",
    b"%00",
    b"%2F",
    b"/",
    b"..",
    b"\\",
    b"\xff",
]
PIECES += [b"\xed\xa0\x80", b"\xe2\x80\xae", b"{{7*7}}", b"&amp;", b";", b",", b"=", b'"', b"a" * 5000, b"9" * 5000]
JOINED = st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), min_size=1, max_size=3).map(b"".join)
BYTES = st.just(MARKER) | JOINED
VALUE = st.sampled_from([*NAMES, *EMAILS, TOKEN, b"1", b"2"]) | BYTES

CONFIGURATION = st.fixed_dictionaries(
    {
        "TRUSTED_HOSTS": st.sampled_from([[], [], ["localhost"]]),
        "FAILED_SIGN_INS_PER_MINUTE": st.sampled_from([1, 0]),
        "HTTPS": st.booleans(),
    }
)
OWN = "the address's own method"
METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", ""]
RULES = sorted(server.app.url_map.iter_rules(), key=lambda rule: rule.endpoint in ("sign_in", "sign_out"))
ADDRESSES = [(path, "GET") for path in ("", "*", "//evil.example/", "/showSummary/", "/static/../server.py", "/<>")]
ADDRESSES += [(rule.rule, "POST" if "POST" in rule.methods else "GET") for rule in RULES for _ in range(2)]

SENT_HEADERS = {
    "Host": [b"localhost", b"evil.example", b"localhost:0", b"[::1]", b"a:b:c", b"localhost\\@evil.example"],
    "Origin": [b"http://localhost", b"null", b"https://evil.example", b"http://[", b"http://localhost:99999"],
    "Sec-Fetch-Site": [b"same-origin", b"none", b"cross-site", b"same-site"],
    "Range": [b"bytes=0-1", b"bytes=5-", b"bytes=-1", b"bytes=9-1", b"bytes=0-1,3-4", b"bytes=99999-", b"lines=1"],
    "If-None-Match": [b"*", b'"a"', b'W/"', b'"' * 100],
    "If-Modified-Since": [b"Sat, 26 Mar 2050 09:00:00 GMT", b"Sat, 99 Mar 99999999 09:00:00 GMT"],
    "If-Range": [b'"a"', b"Sat, 26 Mar 2050 09:00:00 GMT"],
    "Authorization": [b"Basic //", b"Basic", b"Digest a=b,,"],
    "Content-Type": [
        b"application/json",
        b"text/plain; charset=utf-16",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
    ],
    "Content-Length": [b"0", b"7", b"16385", b"-1", b"+5", b"1e3", b"9" * 30, "٣".encode()],
    "Transfer-Encoding": [b"chunked", b"gzip, chunked"],
    "X-Forwarded-For": [b"1.2.3.4", b"1.2.3.4, 5.6.7.8", b","],
    "X-Forwarded-Proto": [b"https", b"javascript", b","],
    "X-Forwarded-Host": [b"evil.example"],
    "X-Forwarded-Port": [b"443", b"x"],
    "X-Forwarded-Prefix": [b"/evil", b"//evil.example"],
    "X-HTTP-Method-Override": [b"POST"],
    "Cookie": [b"session=", b"session=a.b.c", b"a" * 9000, b'session="\\400"', b"=;=;;", b"__Host-session=x"],
    "Accept-Encoding": [b"gzip;q=x"],
    "Expect": [b"100-continue"],
    "User-Agent": [b""],
    "Referer": [b"https://evil.example/"],
}
HEADER = st.sampled_from([(name, value) for name, values in SENT_HEADERS.items() for value in values])
HEADER |= st.tuples(st.sampled_from(list(SENT_HEADERS)), BYTES)

FIELD = [b"email", b"competition", b"places", b"club", b"token", MARKER]
FORM = st.fixed_dictionaries(
    {
        b"competition": st.sampled_from(NAMES[len(CLUBS) :]),
        b"places": st.sampled_from([b"1", b"2"]),
        b"email": st.sampled_from(EMAILS),
    },
    optional={b"token": st.just(TOKEN)},
).map(lambda form: list(form.items()))
FIELDS_SENT = FORM | st.lists(st.tuples(st.sampled_from(FIELD), VALUE), max_size=5)


def urlencoded(fields, quoted, end):
    """Return (type, body) of a form with the fields, perhaps not quoted, and with something after it."""
    quote_value = quote_from_bytes if quoted else lambda value: value.decode("latin-1")
    body = "&".join(f"{quote_value(name)}={quote_value(value)}" for name, value in fields)
    return b"application/x-www-form-urlencoded", body.encode("latin-1") + end


def multipart(fields, boundary, times, end, cut):
    """Return (type, body) of a multipart form with the fields, many times, perhaps cut off."""
    parts = [
        b'--limit\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name, end, value)
        for name, value in fields
    ]
    body = b"".join(parts) * times + b"--limit--\r\n"
    return b"multipart/form-data; boundary=" + boundary, body[: len(body) - cut]


PLAIN = {
    "method": st.just(OWN),
    "value": st.sampled_from(NAMES),
    "query": st.just(b""),
    "headers": st.just({}),
    "tamper": st.none(),
    "body": st.builds(urlencoded, FORM, st.just(True), st.just(b"")),
}
HOSTILE = {
    "method": st.sampled_from(METHODS),
    "value": VALUE,
    "query": VALUE | VALUE.map(b"page=%b".__mod__) | st.sampled_from([b"page=1", b"v=1"]),
    "headers": st.lists(HEADER, min_size=1, max_size=3).map(dict),
    "tamper": st.tuples(st.integers(0, 200), st.integers(0, 3), st.binary(max_size=2)),
    "body": st.builds(urlencoded, FIELDS_SENT, st.booleans(), st.sampled_from([b"", b"&a" * 2000, b"a" * 20_000, b"%"]))
    | st.builds(
        multipart,
        FIELDS_SENT,
        st.sampled_from([b"limit", b"limit", b"limits", b'"limit', MARKER]),
        st.sampled_from([1, 1, 2, 500]),
        st.sampled_from([b"", b'; filename="x"', b"\r\nContent-Type: text/plain; charset=utf-7", b"\r\nx", b"\0"]),
        st.sampled_from([0, 0, 1, 3, 9, 30]),
    )
    | st.tuples(st.sampled_from([b"", b"application/json", b"application/x-www-form-urlencoded"]), BYTES),
}
REQUEST = st.sets(st.sampled_from(list(HOSTILE)), min_size=1, max_size=4).flatmap(
    lambda hostile: st.fixed_dictionaries(PLAIN | {part: HOSTILE[part] for part in HOSTILE if part in hostile})
)


def hostile_one_by_one():
    """Yield requests of which one part is hostile, and all others are those of a booking."""
    form = {b"competition": NAMES[len(CLUBS)], b"places": b"1", b"email": EMAILS[0]}
    body = urlencoded(form.items(), True, b"")
    plain = {"method": OWN, "value": NAMES[0], "query": b"", "headers": {}, "tamper": None, "body": body}
    yield from (plain | {"method": method} for method in METHODS)
    yield from (plain | {part: value} for part in ("value", "query") for value in PIECES)
    yield from (plain | {"headers": {name: value}} for name in SENT_HEADERS for value in [*SENT_HEADERS[name], MARKER])
    for name, value in product(FIELD, PIECES):
        yield plain | {"body": urlencoded((form | {name: value}).items(), True, b"")}


def environment(path, own_method, cookie, method, value, query, headers, tamper, body):
    """Return what a WSGI server passes on: bytes as Latin-1 text."""
    if tamper:
        start, length, instead = tamper
        cookie = cookie[:start] + instead + cookie[start + length :]
    content_type, content = body
    headers = {
        "Host": b"localhost",
        "Cookie": b"session=" + cookie,
        "Content-Type": content_type,
        "Content-Length": b"%d" % len(content),
    } | headers
    keys = {name: name.upper().replace("-", "_") for name in headers}
    return {
        **{
            key if key.startswith("CONTENT") else f"HTTP_{key}": re.sub(b"[\r\n]", b"", headers[name]).decode("latin-1")
            for name, key in keys.items()
        },
        "REQUEST_METHOD": own_method if method == OWN else method,
        "SCRIPT_NAME": "",
        "PATH_INFO": re.sub("<[^>]*>", lambda _: value.decode("latin-1"), path),
        "QUERY_STRING": query.decode("latin-1"),
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(content),
        "wsgi.input_terminated": "Transfer-Encoding" in headers,
        "wsgi.errors": StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


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


def answer(environ, log):
    """Return the status of the answer, having checked that nothing broke, leaked or came back as it was sent."""
    chunks, line, headers = run_wsgi_app(server.app, environ, buffered=True)
    body, status = b"".join(chunks), int(line[:3])
    assert 200 <= status < 500
    assert SECURITY_HEADERS.items() <= dict(headers).items()
    assert server.app.config["HTTPS"] == ("Strict-Transport-Security" in headers)
    assert not any(name.startswith("Access-Control") for name, _ in headers)
    assert b"&marker" not in body
    assert b"Traceback" not in body
    assert not any(character in value for _, value in headers for character in "<>\r\n\0")
    if headers.get("Content-Type", "").startswith("text/html"):
        body.decode()
    for record in log:
        assert record.levelno < logging.ERROR
        assert record.exc_info is None
        assert record.getMessage().isprintable()
    log.clear()
    return status


def send_everywhere(club, request, proxies=0, **configuration):
    """Send a request to each address; return how often it got each status and changed what."""
    points, places = dict.fromkeys(CLUBS, 300), dict.fromkeys(COMPETITIONS[:-1], 100)
    ledger, seen = make_ledger(points, places, OPEN | {COMPETITIONS[1]: MORNING}), Counter()
    with running(ledger, proxies, **configuration) as log:
        cookie = signed_in(club).get_cookie("session").value.encode() if club else b""
        for name in CLUBS:
            ledger.book(ledger.clubs[name], ledger.competitions[COMPETITIONS[0]], 3)
        for address in ADDRESSES:
            before = len(ledger.entries)
            environ = environment(*address, cookie, **request)
            status = answer(environ, log)
            seen[status] += 1
            if len(ledger.entries) > before:
                (entry,) = ledger.entries[before:]
                change = "/purchasePlaces" if entry.places > 0 else "/cancelPlaces"
                assert (303, club) == (status, entry.club)
                assert ("POST", change) == (environ["REQUEST_METHOD"], environ["PATH_INFO"])
                assert environ.get("HTTP_SEC_FETCH_SITE", "none") in ("same-origin", "none")
                seen[change] += 1
        assert_conserved(ledger)
    return seen


def test_no_hostile_part_breaks_the_app_or_changes_what_it_may_not():
    seen = Counter()
    for request in hostile_one_by_one():
        seen += send_everywhere(CLUBS[0], request)
    assert 5000 <= sum(seen.values())
    assert {200, 303, 400, 403, 404, 405, 413, "/purchasePlaces", "/cancelPlaces"} <= seen.keys()


@settings(max_examples=EXAMPLES * 3 // 2)
@given(st.sampled_from([*CLUBS, None]), REQUEST, st.sampled_from([0, 1]), CONFIGURATION)
def test_no_hostile_request_breaks_the_app_or_changes_what_it_may_not(club, request, proxies, configuration):
    send_everywhere(club, request, proxies, **configuration)


# Races


def at_once(*actions):
    """Call each action in a thread of its own, all at the same moment and amplified; return what they return."""
    barrier = threading.Barrier(len(actions))

    def call(action):
        barrier.wait(30)
        return action()

    with amplified(), ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(call, actions))


def give_the_last_places_back_at_once(lock):
    """Let 20 threads give back one of six places each: six succeed."""
    club, competition = CLUBS[0], COMPETITIONS[0]
    ledger = make_ledger({club: 60}, {competition: 12}, OPEN)
    ledger._lock = lock
    ledger.book(ledger.clubs[club], ledger.competitions[competition], 6)
    with running(ledger):
        clients = [signed_in(club) for _ in range(20)]
        form = {"competition": competition, "places": "1"}
        answers = at_once(*[partial(client.post, "/cancelPlaces", data=form) for client in clients])
    assert {303: 6, 400: 14} == Counter(its.status_code for its in answers)
    assert 60 == ledger.points_left(ledger.clubs[club])
    assert_conserved(ledger)


def sign_out_while_booking(lock):
    """Let ten sign-ins of a club book while each is signed out: what was answered counts, and nothing after it."""
    club, competition = CLUBS[0], COMPETITIONS[0]
    ledger = make_ledger({club: 600}, {competition: 200}, OPEN, cap=200)
    ledger._lock = lock
    with running(ledger):
        clients = [signed_in(club) for _ in range(10)]
        actions = []
        for client in clients:
            other = server.app.test_client()
            other.set_cookie("session", client.get_cookie("session").value)
            signed_out = threading.Event()
            actions += [partial(book_on, client, competition, signed_out), partial(sign_out, other, signed_out)]
        answers = Counter(one for its in at_once(*actions) for one in its)
    assert {(False, 303), (True, 403)} <= answers.keys() <= {(False, 303), (False, 403), (True, 403)}
    assert answers[False, 303] == len(ledger.entries)
    assert_conserved(ledger)


def book_on(client, competition, signed_out):
    """Book until refused after the sign-out; return (whether that had been answered before, status) of each."""
    answers, late = [], False
    while not late:
        late = signed_out.is_set() or len(answers) > 18 and signed_out.wait(30)
        form = {"competition": competition, "places": "1"}
        answers.append((late, client.post("/purchasePlaces", data=form).status_code))
    return answers


def sign_out(client, signed_out):
    """Sign out, and say when that has been answered."""
    time.sleep(random.random() / 50)
    client.post("/logout")
    signed_out.set()
    return []


RACES = [give_the_last_places_back_at_once, sign_out_while_booking]


@pytest.mark.parametrize("race", RACES)
def test_requests_at_the_same_moment_are_judged_one_by_one(race):
    for _ in range(10):
        race(threading.Lock())


@pytest.mark.parametrize("race", RACES)
def test_race_is_lost_without_the_lock(race):
    with pytest.raises(AssertionError):
        for _ in range(40):
            race(NoLock())
