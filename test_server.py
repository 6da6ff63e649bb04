"""The fast suite: rules on the ledger, pages and refusals over HTTP, data files and settings."""

import json
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import flask
import pytest
import rules
from rules import BookingError, Club, Competition, Entry, JournalError, Ledger
from werkzeug.test import EnvironBuilder, create_environ, run_wsgi_app

import server
from tests.amplifier import NoLock, amplified

ODD_NAMES = [
    "/first",
    "a/b/../c",
    "50% off",
    "100%2F",
    "Why?",
    "#1",
    "Rock & <b>Roll</b>",
    "Say \"no\" to 'it'",
    "Haltérophilie d'Évry",
    "trailing dot.",
    "emoji 🏋️‍♀️",
    " blanks ",
    "plus+and;semi=colon",
    "back\\slash",
    "x" * 200,
    "".join(chr(0x1F300 + number) for number in range(200)),
]
MALFORMED = ["abc", "X3", "-5", "1.5", "1_0", "+3", "１", "٣", "²", "\0", "9" * 5000, "1234567", "3 3", "0x3", "\xa03"]
TOKEN = "a-token_of-16-ch"
OPEN, SMALL, PAST = "Spring Festival 2050", "Novice Cup 2050", "Spring Festival"


class Page(HTMLParser):
    """What a person or a script finds on a page."""

    def __init__(self, response):
        super().__init__()
        self.status, self.headers, self.html = response.status_code, response.headers, response.get_data(as_text=True)
        self.text, self.figures, self.fields, self.links, self.path = "", {}, {}, [], []
        self.problem = self.success = ""  # what the error summary and the banner say
        self.feed(self.html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "link", "input"):
            self.path.append((tag, attributes))
        if tag not in ("a", "data", "span", "time"):
            self.text += " "
        if tag == "input":
            self.fields[attributes["name"]] = attributes["value"]
        if tag == "a":
            self.links.append(attributes["href"])

    def handle_endtag(self, tag):
        assert tag == self.path.pop()[0]

    def handle_data(self, text):
        self.text += text
        classes = [attributes.get("class") for _, attributes in self.path]
        if "error-summary" in classes and "li" in [tag for tag, _ in self.path]:
            self.problem += text
        if "banner success" in classes and self.path[-1][0] == "p":
            self.success += text
        if self.path and self.path[-1][0] == "data":
            data = self.path[-1][1]
            assert text == data["value"]
            owner = "data-club" if data["class"] == "points-left" else "data-competition"
            name = next(attributes[owner] for _, attributes in reversed(self.path) if owner in attributes)
            self.figures[name, data["class"]] = int(text)


class Secretary:
    """A browser in the hands of a club's secretary."""

    def __init__(self, email=None):
        self.client = server.app.test_client()
        if email:
            assert 303 == self.post("/showSummary", email=email).status

    def get(self, address, **headers):
        with self.client.get(address, headers=headers) as response:
            return Page(response)

    def post(self, address, headers=None, **form):
        return Page(self.client.post(address, data=form, headers=headers))

    def book(self, places, competition=OPEN, **form):
        return self.post("/purchasePlaces", competition=competition, places=places, **form)

    def give_back(self, places, competition=OPEN, **form):
        return self.post("/cancelPlaces", competition=competition, places=places, **form)

    def form(self, competition=OPEN):
        link = next(link for link in self.get("/showSummary").links if quoted(competition) in link)
        return self.get(link)

    def figures(self, competition=OPEN):
        """Return points left, places left and places held, from the summary."""
        page = self.get("/showSummary")
        club = page.text.split(" – GÜDLFT")[0]
        keys = (club, "points-left"), (competition, "places-left"), (competition, "places-held")
        return tuple(page.figures[key] for key in keys)


def quoted(name):
    return "/book/" + server.NameConverter(None).to_url(name) + "/"


def a_ledger(competitions=(), **settings):
    clubs = [
        Club("Simply Lift", "john@simplylift.co", 13),
        Club("Iron Temple", "admin@irontemple.com", 4),
        Club("She Lifts", "kate@shelifts.co.uk", 12),
        Club("Atlas Barbell", "office@atlasbarbell.example", 60),
    ]
    dates = [(PAST, "2020-03-27 10:00:00", 25), ("Fall Classic", "2020-10-22 13:30:00", 13)]
    dates += [(OPEN, "2050-03-27 11:11:00", 20), (SMALL, "2050-11-05 09:00:00", 5)]
    read = [Competition(name, datetime.fromisoformat(date).astimezone(), places) for name, date, places in dates]
    return Ledger(clubs, [*read, *competitions], **settings)


@pytest.fixture(autouse=True)
def app(monkeypatch):
    monkeypatch.setattr(server, "ledger", a_ledger())
    monkeypatch.setitem(server.app.config, "TESTING", True)
    server.failed_sign_ins.clear()
    return server.app


@pytest.fixture
def john():
    return Secretary("john@simplylift.co")


@pytest.fixture
def atlas():
    return Secretary("office@atlasbarbell.example")


@pytest.fixture
def clock(monkeypatch):
    """Return a function that moves the one clock to a moment."""
    return lambda moment: monkeypatch.setattr(rules, "now", lambda: moment)


def totals(ledger):
    """Recompute what the ledger keeps as running totals, from its entries alone."""
    spent, sold, held, paid = Counter(), Counter(), Counter(), Counter()
    for entry in ledger.entries:
        spent[entry.club] += entry.points
        sold[entry.competition] += entry.places
        held[entry.club, entry.competition] += entry.places
        paid[entry.club, entry.competition] += entry.points
    return spent, sold, held, paid


def check_conservation(ledger):
    """Assert that the totals follow from the entries, and that no rule is broken by them."""
    spent, sold, held, paid = totals(ledger)
    for club in ledger.clubs.values():
        assert club.points - spent[club.name] == ledger.points_left(club) >= 0
        assert [entry for entry in ledger.entries if entry.club == club.name] == ledger.history[club.name]
        for competition in ledger.by_date:
            places = held[club.name, competition.name]
            assert places == ledger.places_held(club, competition)
            assert 0 <= places <= ledger.cap
            assert places or not paid[club.name, competition.name]
        open_and_held = [one for one in ledger.open_and_past()[0] if held[club.name, one.name]]
        figures = [(one, held[club.name, one.name], paid[club.name, one.name]) for one in open_and_held]
        assert figures == ledger.holdings(club)
    for competition in ledger.by_date:
        assert competition.places - sold[competition.name] == ledger.places_left(competition) >= 0
    by_points = sorted(ledger.clubs.values(), key=lambda club: (-ledger.points_left(club), club.name.casefold()))
    assert [club.name for club in by_points] == [name for _, _, name in ledger.board]
    assert list(range(1, len(ledger.entries) + 1)) == [entry.number for entry in ledger.entries]


# Rules, on the ledger


@pytest.fixture
def ledger():
    return server.ledger


def parts(ledger, club="Simply Lift", competition=OPEN):
    return ledger.clubs[club], ledger.competitions[competition]


def test_place_costs_points(ledger):
    club, competition = parts(ledger)
    entry = ledger.book(club, competition, 3)
    assert (1, "Simply Lift", OPEN, 3, 9, None) == (entry.number, *entry[2:])
    assert (4, 17, 3) == (
        ledger.points_left(club),
        ledger.places_left(competition),
        ledger.places_held(club, competition),
    )
    check_conservation(ledger)


@pytest.mark.parametrize(
    ("club", "competition", "most", "binds"),
    [
        ("Simply Lift", OPEN, 4, "points"),
        ("Iron Temple", SMALL, 1, "points"),
        ("Atlas Barbell", SMALL, 5, "places"),
        ("Atlas Barbell", OPEN, 12, "cap"),
    ],
)
def test_most_places_can_be_booked_and_not_one_more(ledger, club, competition, most, binds):
    club, competition = parts(ledger, club, competition)
    assert (most, binds) == ledger.most_places(club, competition)
    with pytest.raises(BookingError):
        ledger.book(club, competition, most + 1)
    assert [] == ledger.entries
    ledger.book(club, competition, most)
    assert 0 == ledger.most_places(club, competition)[0]
    check_conservation(ledger)


def test_full_competition_is_called_full_also_by_a_club_without_points():
    ledger = Ledger([Club("A", "a@b", 12)], [Competition(OPEN, rules.now() + timedelta(days=1), 4)], cap=4)
    ledger.book(*parts(ledger, "A"), 4)
    assert (0, "places") == ledger.most_places(*parts(ledger, "A"))


def test_cap_holds_over_split_orders(ledger):
    club, competition = parts(ledger, "Atlas Barbell")
    ledger.book(club, competition, 7)
    with pytest.raises(BookingError, match="your club holds 7, so at most 5 more"):
        ledger.book(club, competition, 6)
    ledger.book(club, competition, 5)
    ledger.give_back(club, competition, 2)
    assert (2, "cap") == ledger.most_places(club, competition)


@pytest.mark.parametrize("places", [0, -1, -5])
def test_ledger_takes_no_number_below_one(ledger, places):
    ledger.book(*parts(ledger), 2)
    for change in ledger.book, ledger.give_back:
        with pytest.raises(BookingError, match="Number of places must be 1 or more"):
            change(*parts(ledger), places)
    assert 1 == len(ledger.entries)


@pytest.mark.parametrize(("seconds", "is_open"), [(-1, True), (0, False), (1, False)])
def test_competition_is_closed_from_its_start_on(ledger, clock, seconds, is_open):
    club, competition = parts(ledger)
    ledger.book(club, competition, 1)
    clock(competition.date + timedelta(seconds=seconds))
    for change, closed in (ledger.book, "Booking is closed"), (ledger.give_back, "Places can no longer be given back"):
        if is_open:
            change(club, competition, 1)
        else:
            with pytest.raises(BookingError, match=f"^{closed}: {OPEN} started on 27 March 2050 at 11:11$"):
                change(club, competition, 1)
    assert is_open == bool(ledger.holdings(club))
    assert is_open == (competition in ledger.open_and_past()[0]) == (competition not in ledger.open_and_past()[1])
    assert (3 if is_open else 1) == len(ledger.entries)


def test_points_come_back_as_they_were_paid(ledger):
    club, competition = parts(ledger, "Atlas Barbell")
    ledger.book(club, competition, 2)
    ledger.cost = 4
    ledger.book(club, competition, 1)
    assert (50, 3) == (ledger.points_left(club), ledger.places_held(club, competition))
    assert [-3, -3, -4] == [ledger.give_back(club, competition, 1).points for _ in range(3)]
    assert 60 == ledger.points_left(club)
    check_conservation(ledger)


def test_same_form_books_once(ledger):
    first = ledger.book(*parts(ledger), 2, TOKEN)
    assert first is ledger.book(*parts(ledger), 2, TOKEN)
    assert 1 == len(ledger.entries)


def test_anything_else_under_a_token_is_a_request_of_its_own(ledger):
    ledger.book(*parts(ledger), 2, TOKEN)
    ledger.book(*parts(ledger), 1, TOKEN)
    ledger.book(*parts(ledger, competition=SMALL), 1, TOKEN)
    ledger.book(*parts(ledger, "She Lifts"), 2, TOKEN)
    ledger.give_back(*parts(ledger), 2, TOKEN)
    assert [2, 1, 1, 2, -2] == [entry.places for entry in ledger.entries]


def test_form_without_token_is_a_request_of_its_own(ledger):
    ledger.book(*parts(ledger), 1)
    ledger.book(*parts(ledger), 1)
    assert 2 == len(ledger.entries)


def test_same_form_shows_its_booking_even_when_nothing_more_can_be_booked(ledger, clock):
    club, competition = parts(ledger)
    first = ledger.book(club, competition, 4, TOKEN)
    assert first is ledger.book(club, competition, 4, TOKEN)
    clock(competition.date)
    assert first is ledger.book(club, competition, 4, TOKEN)


@pytest.mark.parametrize("seed", range(5))
def test_points_and_places_are_conserved_in_any_history(seed):
    draw = random.Random(seed)
    ledger = a_ledger(cost=draw.choice([1, 3]), cap=draw.choice([4, 12]))
    for _ in range(300):
        club, competition = draw.choice([*ledger.clubs.values()]), draw.choice(ledger.by_date)
        before = len(ledger.entries), ledger.points_left(club), ledger.places_left(competition)
        try:
            change = draw.choice([ledger.book, ledger.book, ledger.give_back])
            change(club, competition, draw.randint(-1, 6), draw.choice([None, TOKEN]))
        except BookingError:
            assert before == (len(ledger.entries), ledger.points_left(club), ledger.places_left(competition))
    check_conservation(ledger)
    assert 10 < len(ledger.entries)


def test_figures_of_nothing_fit(ledger):
    nothing = Ledger([Club("A", "a@b", 0)], [Competition(OPEN, rules.now(), 0)])
    assert [] == nothing.misfits() == ledger.misfits()


def test_totals_that_no_longer_fit_are_shown_as_nothing_left(ledger):
    club, competition = parts(ledger, "Atlas Barbell")
    ledger.book(club, competition, 12)
    ledger.clubs[club.name] = poorer = Club(club.name, club.email, 30)
    smaller = Competition(OPEN, competition.date, 10)
    ledger.cap = 6
    assert (0, 0) == (ledger.points_left(poorer), ledger.places_left(smaller))
    assert 0 == ledger.most_places(poorer, smaller)[0]


def test_entries_of_a_club_that_is_gone_are_kept(ledger):
    ledger._apply(Entry(1, rules.now(), "Gone", OPEN, 2, 6, None))
    assert 18 == ledger.places_left(ledger.competitions[OPEN])
    check_conservation(ledger)


def test_only_the_latest_eight_hours_of_ended_sign_ins_are_kept(ledger, clock):
    moment, kept = rules.now(), []
    for hours, sign_in in (0, "first"), (8, "second"), (9, "third"):
        clock(moment + timedelta(hours=hours))
        ledger.end(sign_in)
        kept.append([*ledger.ended])
    assert [["first"], ["first", "second"], ["second", "third"]] == kept


# Races


def in_threads(number, action):
    """Let so many threads do it at once, under the amplifier; return what they answered."""
    answers, gate = [], threading.Barrier(number)

    def run(index):
        gate.wait()
        try:
            answers.append(action(index))
        except Exception as error:
            answers.append(error)

    with amplified():
        threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [] == [answer for answer in answers if isinstance(answer, Exception)]
    return answers


def sell_the_last_places(lock):
    clubs = [Club(f"Club {number}", f"{number}@club.example", 3) for number in range(20)]
    server.ledger = Ledger(clubs, [Competition(OPEN, rules.now() + timedelta(days=1), 10)])
    server.ledger._lock = lock
    secretaries = [Secretary(club.email) for club in clubs]
    pages = in_threads(20, lambda index: secretaries[index].book("1"))
    assert {303: 10, 400: 10} == Counter(page.status for page in pages)
    check_conservation(server.ledger)


def send_the_same_form_at_once(lock):
    server.ledger = a_ledger()
    server.ledger._lock = lock
    secretaries = [Secretary("office@atlasbarbell.example") for _ in range(8)]
    pages = in_threads(8, lambda index: secretaries[index].book("2", token=TOKEN))
    assert [303] * 8 == [page.status for page in pages]
    assert [2] == [entry.places for entry in server.ledger.entries]


def give_the_last_places_back(lock):
    server.ledger = a_ledger()
    server.ledger._lock = lock
    secretaries = [Secretary("office@atlasbarbell.example") for _ in range(8)]
    secretaries[0].book("4")
    pages = in_threads(8, lambda index: secretaries[index].give_back("1"))
    assert {303: 4, 400: 4} == Counter(page.status for page in pages)
    check_conservation(server.ledger)


RACES = pytest.mark.parametrize("race", [sell_the_last_places, send_the_same_form_at_once, give_the_last_places_back])


@RACES
def test_races_break_no_rule(race):
    for _ in range(3):
        race(threading.Lock())


@RACES
def test_races_are_lost_without_the_lock(race):
    with pytest.raises(AssertionError):
        for _ in range(20):
            race(NoLock())


# Sign-in and session


def test_secretary_signs_in_and_out():
    john = Secretary()
    assert "Sign in to book places" in john.get("/").text
    page = john.post("/showSummary", email="john@simplylift.co")
    assert (303, "/showSummary") == (page.status, page.headers["Location"])
    page = john.get("/showSummary")
    assert "13 points available, enough for 4 places at 3 points each" in page.text
    assert (303, "/showSummary") == (john.get("/").status, john.get("/").headers["Location"])
    page = john.post("/logout")
    assert (303, "/") == (page.status, page.headers["Location"])
    assert 303 == john.get("/showSummary").status


@pytest.mark.parametrize("typed", ["  john@simplylift.co\t", "JOHN@SimplyLift.CO"])
def test_blanks_and_case_of_an_email_are_ignored(typed):
    assert 303 == Secretary().post("/showSummary", email=typed).status


@pytest.mark.parametrize(
    ("typed", "status", "message"),
    [
        ("", 400, "Enter your email address"),
        ("  ", 400, "Enter your email address"),
        ("john", 400, "Enter an email address in the correct format, like name@example.com"),
        ("jöhn@simplylift.co", 400, "Enter an email address in the correct format, like name@example.com"),
        ("no@club.example", 404, "We cannot find a club with this email address. Check the address and try again"),
        ('"><b>@x', 404, "We cannot find a club with this email address. Check the address and try again"),
    ],
)
def test_refused_sign_in_says_why_and_keeps_what_was_typed(typed, status, message):
    page = Secretary().post("/showSummary", email=typed)
    assert (status, message) == (page.status, page.problem)
    assert 2 == page.text.count(message)
    assert "#email" in page.links
    assert typed == page.fields["email"]
    assert page.text.startswith("Error: Sign in to book places – GÜDLFT Registration")
    assert 13 == page.figures["Simply Lift", "points-left"]


def test_sign_in_without_a_field_is_refused():
    assert 400 == Secretary().post("/showSummary").status


def test_failed_sign_ins_are_limited_for_each_client(monkeypatch):
    moment = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    stranger, failure = Secretary(), {"email": "no@club.example"}
    assert 404 == stranger.post("/showSummary", **failure).status
    moment += 10
    assert [404] * 9 + [429] == [stranger.post("/showSummary", **failure).status for _ in range(10)]
    page = stranger.post("/showSummary", **failure)
    assert "Too many attempts. Wait a minute and try again" == page.problem
    assert "50" == page.headers["Retry-After"]
    other = {"REMOTE_ADDR": "127.0.0.2"}
    assert 404 == stranger.client.post("/showSummary", data=failure, environ_base=other).status_code
    assert 400 == stranger.post("/showSummary", email="").status
    assert 303 == stranger.post("/showSummary", email="john@simplylift.co").status
    moment += 49.5
    page = stranger.post("/showSummary", **failure)
    assert (429, "1") == (page.status, page.headers["Retry-After"])
    moment += 0.5
    assert [404, 429] == [stranger.post("/showSummary", **failure).status for _ in range(2)]


def test_limit_of_failed_sign_ins_may_be_one(monkeypatch):
    monkeypatch.setitem(server.app.config, "FAILED_SIGN_INS_PER_MINUTE", 1)
    assert [404, 429] == [Secretary().post("/showSummary", email="no@club.example").status for _ in range(2)]


def test_successful_sign_ins_are_not_counted():
    john = Secretary()
    assert {303} == {john.post("/showSummary", email="john@simplylift.co").status for _ in range(30)}


def test_limit_of_failed_sign_ins_can_be_taken_away(monkeypatch):
    monkeypatch.setitem(server.app.config, "FAILED_SIGN_INS_PER_MINUTE", 0)
    stranger = Secretary()
    assert {404} == {stranger.post("/showSummary", email="no@club.example").status for _ in range(30)}


def test_failed_sign_ins_remember_so_many_clients_only(monkeypatch):
    monkeypatch.setattr(server, "CLIENTS_REMEMBERED", 2)
    with server.app.test_request_context():
        assert [0, 0, 0] == [server.seconds_to_wait(client) for client in ("first", "second", "third")]
    assert ["second", "third"] == list(server.failed_sign_ins)


def cookie_of(secretary):
    return secretary.client.get_cookie("session").value


def with_cookie(value, address="/showSummary"):
    return Page(server.app.test_client(use_cookies=False).get(address, headers={"Cookie": f"session={value}"}))


def sign_in_of(secretary):
    with secretary.client.session_transaction() as session:
        return datetime.fromtimestamp(session["since"]).astimezone()


def test_copy_of_a_cookie_is_refused_after_signing_out(john):
    copy = cookie_of(john)
    assert 200 == with_cookie(copy).status
    john.post("/logout")
    assert 303 == with_cookie(copy).status


def test_copy_of_a_cookie_is_refused_after_signing_in_anew(john):
    copy = cookie_of(john)
    john.post("/showSummary", email="kate@shelifts.co.uk")
    assert 303 == with_cookie(copy).status
    assert "12 points available" in john.get("/showSummary").text


def test_idle_sign_in_ends_after_half_an_hour(john, clock, monkeypatch):
    copy, real = cookie_of(john), time.time
    assert "Set-Cookie" not in with_cookie(copy).headers
    clock(rules.now() + timedelta(seconds=1795))
    monkeypatch.setattr(time, "time", lambda: real() + 1795)
    page = with_cookie(copy)
    assert 200 == page.status
    renewed = re.match("session=([^;]+)", page.headers["Set-Cookie"])[1]
    monkeypatch.setattr(time, "time", lambda: real() + 1805)
    assert 303 == with_cookie(copy).status
    page = with_cookie(renewed)
    assert (200, None) == (page.status, page.headers.get("Set-Cookie"))


@pytest.mark.parametrize(("seconds", "renewed"), [(30, False), (31, True)])
def test_cookie_is_renewed_when_it_is_older_than_half_a_minute(john, clock, seconds, renewed):
    clock(sign_in_of(john) + timedelta(seconds=seconds))
    assert renewed == ("Set-Cookie" in with_cookie(cookie_of(john)).headers)


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 303)])
def test_sign_in_ends_after_eight_hours(john, clock, seconds, status):
    clock(sign_in_of(john) + timedelta(hours=8, seconds=seconds))
    assert status == with_cookie(cookie_of(john)).status


def test_club_that_is_no_longer_in_the_file_is_signed_out(john):
    del server.ledger.clubs["Simply Lift"]
    assert 303 == john.get("/showSummary").status


def test_session_holds_the_club_an_id_and_times_only(john):
    with john.client.session_transaction() as session:
        assert {"club", "id", "since", "seen", "_permanent"} == set(session)
        first = session["id"]
    john.post("/showSummary", email="john@simplylift.co")
    with john.client.session_transaction() as session:
        assert first != session["id"]


def test_cookie_from_before_a_restart_is_refused_unless_a_journal_knows_who_signed_out(john, monkeypatch):
    signed_in = int(sign_in_of(john).timestamp())
    monkeypatch.setattr(server, "STARTED", signed_in)
    assert 200 == with_cookie(cookie_of(john)).status
    monkeypatch.setattr(server, "STARTED", signed_in + 1)
    assert 303 == with_cookie(cookie_of(john)).status
    monkeypatch.setattr(server, "ledger", another_process(FakeJournal()))
    assert 200 == with_cookie(cookie_of(john)).status


def test_options_of_a_page_are_told_to_anyone():
    response = Secretary().client.options("/purchasePlaces")
    assert (200, None) == (response.status_code, response.headers.get("Set-Cookie"))


def test_tampered_cookie_counts_as_none(john):
    assert 303 == with_cookie(cookie_of(john)[:-2]).status
    assert 303 == with_cookie("x" * 3000).status


def test_cookie_is_kept_from_scripts_and_other_sites():
    page = Secretary().post("/showSummary", email="john@simplylift.co")
    flags = set(page.headers["Set-Cookie"].split("; ")[2:])
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} == flags


@pytest.mark.parametrize("address", ["/showSummary", "/bookings", f"/book/{OPEN}/Simply Lift"])
def test_pages_send_the_signed_out_to_the_sign_in_page(address):
    stranger = Secretary()
    page = stranger.get(address)
    assert (303, "/") == (page.status, page.headers["Location"])
    assert "You are not signed in. Sign in to continue" in stranger.get("/").text
    assert "You are not signed in" not in stranger.get("/").text


def test_forms_of_the_signed_out_change_nothing():
    stranger = Secretary()
    page = stranger.book("1")
    assert 403 == page.status
    assert "You are not signed in and nothing was booked. Sign in to book" in page.text
    assert "email" in page.fields
    page = stranger.give_back("1")
    assert 403 == page.status
    assert "You are not signed in and nothing was changed. Sign in to book" in page.text
    assert [] == server.ledger.entries


def test_signing_out_twice_is_harmless():
    assert 303 == Secretary().post("/logout").status


def test_link_signs_out_but_not_from_another_site(john):
    assert 303 == john.client.head("/logout").status_code
    assert 403 == john.get("/logout", **{"Sec-Fetch-Site": "cross-site"}).status
    assert 200 == john.get("/showSummary").status
    assert 303 == john.get("/logout", **{"Sec-Fetch-Site": "none"}).status
    assert 303 == john.get("/showSummary").status


# Booking


def test_figures_of_a_booking_page_agree_while_others_book(monkeypatch):
    ledger, atlas = server.ledger, Secretary("office@atlasbarbell.example")
    places_left = ledger.places_left

    def overtaken(competition):
        left = places_left(competition)
        ledger._apply(Entry(len(ledger.entries) + 1, rules.now(), "She Lifts", SMALL, 1, 3, None))
        return left

    monkeypatch.setattr(ledger, "places_left", overtaken)
    page = atlas.get(f"/book/{SMALL}/Atlas Barbell")
    assert (5, 5) == (page.figures[SMALL, "places-left"], page.figures[SMALL, "most-places"])


def test_secretary_books_places(john):
    form = john.form()
    assert 200 == form.status
    assert "You can book up to 4 places (limit: your points)" in form.text
    assert {"club": "Simply Lift", "competition": OPEN, "places": ""}.items() <= form.fields.items()
    assert 4 == form.figures[OPEN, "most-places"]
    page = john.post("/purchasePlaces", **form.fields | {"places": " 3 "})
    assert (303, "/showSummary") == (page.status, page.headers["Location"])
    banner = f"Great-booking complete! Your club has booked 3 places in {OPEN} for 9 points. 4 points are left"
    assert banner == john.get("/showSummary").success
    assert banner not in john.get("/showSummary").text
    assert (4, 17, 3) == john.figures()
    record = john.get("/bookings").text
    assert f"{OPEN} 3 booked 9 spent" in record
    assert "of 3 held; each returns 3 points" in record


@pytest.fixture
def tokyo():
    """Let the server stand in Tokyo."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_record_shows_the_servers_local_time(john, clock, tokyo):
    clock(datetime.fromisoformat("2030-05-06 20:15:00+00:00"))
    with john.client.session_transaction() as session:
        session["since"] = session["seen"] = int(rules.now().timestamp())
    john.book("1")
    assert f"7 May 2030, 05:15 {OPEN} 1 booked" in john.get("/bookings").text


def test_bookings_and_sign_outs_are_kept_in_utc(journal, tokyo):
    john = Secretary("john@simplylift.co")
    john.book("1")
    john.post("/logout")
    assert [timedelta(0)] * 2 == [row["at"].utcoffset() for row in journal.rows + journal.signed_out]


def test_words_are_singular_for_one(john):
    iron = Secretary("admin@irontemple.com")
    iron.book("1")
    page = iron.get("/showSummary")
    assert f"Your club has booked 1 place in {OPEN} for 3 points. 1 point is left" in page.text
    assert "1 point available, enough for 0 places" in page.text
    iron.give_back("1")
    assert f"1 place in {OPEN} given back. 3 points returned, 4 points available" in iron.get("/bookings").text
    Secretary("kate@shelifts.co.uk").book("4", SMALL)
    assert "only 1 place is left" in john.book("2", SMALL).text


@pytest.mark.parametrize("typed", ["", "  ", None])
def test_number_of_places_must_be_typed(john, typed):
    page = john.post("/purchasePlaces", competition=OPEN, **({} if typed is None else {"places": typed}))
    assert 400 == page.status
    assert "Enter the number of places" == page.problem
    assert 2 == page.text.count(page.problem)
    assert "" == page.fields["places"].strip()
    assert [] == server.ledger.entries


@pytest.mark.parametrize("typed", MALFORMED)
def test_number_of_places_must_be_whole(john, typed):
    john.book("1")
    for change in john.book, john.give_back:
        page = change(typed)
        assert 400 == page.status
        assert "Number of places must be a whole number, like 3" == page.problem
        assert 2 == page.text.count(page.problem)
        assert page.links[5].startswith("#places")
        assert typed.replace("\0", "\ufffd") == page.fields["places"].replace("\0", "\ufffd")
        assert page.text.startswith("Error: ")
    assert 1 == len(server.ledger.entries)


@pytest.mark.parametrize("typed", ["0", "000000"])
def test_number_of_places_must_be_one_or_more(john, typed):
    page = john.book(typed)
    assert 400 == page.status
    assert "Number of places must be 1 or more" == page.problem


REFUSALS = [
    (
        "john@simplylift.co",
        OPEN,
        "5",
        "You don't have enough points available: 5 places cost 15 points and your club has 13, enough for 4",
    ),
    (
        "office@atlasbarbell.example",
        SMALL,
        "6",
        "You can't book more places than available: only 5 places are left",
    ),
    (
        "office@atlasbarbell.example",
        OPEN,
        "13",
        "You can't book more than 12 places per competition: your club holds 0, so at most 12 more",
    ),
    (
        "office@atlasbarbell.example",
        SMALL,
        "999999",
        "You can't book more places than available: only 5 places are left",
    ),
]


@pytest.mark.parametrize(("email", "competition", "places", "message"), REFUSALS)
def test_limit_is_told_and_the_number_it_names_can_be_booked(email, competition, places, message):
    secretary = Secretary(email)
    before = secretary.figures(competition)
    page = secretary.book(places, competition)
    assert (400, message) == (page.status, page.problem)
    assert 2 == page.text.count(message)
    assert "#places" in page.links
    assert places == page.fields["places"]
    assert before == secretary.figures(competition)
    most = page.figures[competition, "most-places"]
    assert str(most) in message.split(":")[1]
    assert 303 == secretary.post("/purchasePlaces", **page.fields | {"places": str(most)}).status


def full(atlas):
    atlas.book("5", SMALL)
    return Secretary("john@simplylift.co"), SMALL


def no_points(atlas):
    iron = Secretary("admin@irontemple.com")
    iron.book("1", SMALL)
    return iron, OPEN


def cap_reached(atlas):
    atlas.book("12")
    return atlas, OPEN


@pytest.mark.parametrize(
    ("prepare", "word", "sentence"),
    [
        (full, "Full", "There are no places left in this competition"),
        (
            no_points,
            "Not enough points",
            "Your club does not have enough points to book a place: a place costs 3 points and your club has 1",
        ),
        (cap_reached, "12 of 12 held", "Your club holds the maximum of 12 places in this competition"),
    ],
)
@pytest.mark.parametrize("typed", ["1", "abc"])
def test_where_nothing_can_be_booked_there_is_a_reason_and_no_form(atlas, prepare, word, sentence, typed):
    secretary, competition = prepare(atlas)
    summary = secretary.get("/showSummary")
    assert word in summary.text
    assert not [link for link in summary.links if quoted(competition) in link]
    club = summary.text.split(" – ")[0]
    for page in secretary.get(quoted(competition) + club), secretary.book(typed, competition):
        assert 1 == page.text.count(sentence)
        assert {} == page.fields
        assert not page.text.startswith("Error: ")
    assert (400, sentence) == (page.status, page.problem)


def test_same_form_sent_twice_books_once_and_shows_the_booking(john):
    form = john.form().fields | {"places": "4"}
    for _ in range(2):
        assert 303 == john.post("/purchasePlaces", **form).status
        assert "has booked 4 places" in john.get("/showSummary").text
    assert (1, 16, 4) == john.figures()


@pytest.mark.parametrize("token", ["", "short", "x" * 65, "with blank and more", "nul\0nul\0nul\0nul\0nul", "é" * 20])
def test_malformed_token_counts_as_none(john, token):
    john.book("1", token=token)
    john.book("1", token=token)
    assert (7, 18, 2) == john.figures()
    assert {None} == {entry.token for entry in server.ledger.entries}


@pytest.mark.parametrize("token", ["x" * 16, "x" * 64])
def test_token_of_the_right_length_counts(john, token):
    john.book("1", token=token)
    john.book("1", token=token)
    assert (10, 19, 1) == john.figures()


def test_past_competition_is_closed_for_pages_and_forms(john):
    sentence = "Booking is closed: Spring Festival started on 27 March 2020 at 10:00"
    assert not [link for link in john.get("/showSummary").links if quoted(PAST) in link]
    for page in john.get(f"/book/{PAST}/Simply Lift"), john.book("1", PAST), john.book("abc", PAST):
        assert 400 == page.status
        assert 1 == page.text.count(sentence)
        assert page.text.startswith("Simply Lift – GÜDLFT Registration")
    for typed in "1", "0", "", "abc":
        page = john.give_back(typed, PAST)
        sentence = "Places can no longer be given back: Spring Festival started on 27 March 2020 at 10:00"
        assert (400, sentence) == (page.status, page.problem)
        assert page.text.startswith("My bookings – ")
    assert [] == server.ledger.entries


def test_page_that_was_opened_before_the_start_books_nothing_after_it(john, clock):
    form = john.form().fields | {"places": "1"}
    john.book("1", token=TOKEN)
    start = server.ledger.competitions[OPEN].date
    with john.client.session_transaction() as session:
        session["since"] = session["seen"] = int(start.timestamp())
    clock(start)
    sentence = f"Booking is closed: {OPEN} started on 27 March 2050 at 11:11"
    pages = [john.post("/purchasePlaces", **form), john.book("abc", token=TOKEN)]
    for page in *pages, john.get(f"/book/{OPEN}/Simply Lift"):
        assert (400, sentence) == (page.status, page.problem)
        assert page.text.startswith("Simply Lift – ")
    page = john.give_back("abc")
    sentence = f"Places can no longer be given back: {OPEN} started on 27 March 2050 at 11:11"
    assert (400, sentence) == (page.status, page.problem)
    assert 1 == len(server.ledger.entries)


@pytest.mark.parametrize("name", ["", "spring festival 2050", OPEN + " ", "\0", "Nix"])
def test_unknown_competition_is_told_on_the_list(john, name):
    sentence = "We cannot find this competition. Choose one from the list"
    for page in john.book("1", name), john.give_back("1", name), john.get(f"/book/{name or 'nix'}/Simply Lift"):
        assert (404, sentence) == (page.status, page.problem)
        assert 1 == page.text.count(sentence)
        assert not page.text.startswith("Error: ")
    assert [] == server.ledger.entries


def test_form_without_a_competition_is_refused(john):
    assert 404 == john.post("/purchasePlaces", places="1").status


def test_signed_in_club_pays_whatever_the_form_says(john):
    sentence = "This page belongs to another club. You are signed in as Simply Lift"
    pages = [john.book("1", club="She Lifts"), john.book("1", "Nix", club="She Lifts"), john.book("1", club="")]
    for page in *pages, john.get(f"/book/{OPEN}/She Lifts"), john.get("/book/Nix/She Lifts"):
        assert 403 == page.status
        assert sentence in page.text
    assert [] == server.ledger.entries


def test_secretary_gives_places_back(john):
    john.book("3")
    fields = john.get("/bookings").fields
    page = john.post("/cancelPlaces", **fields | {"places": "1"})
    assert (303, "/bookings") == (page.status, page.headers["Location"])
    page = john.get("/bookings")
    assert f"1 place in {OPEN} given back. 3 points returned, 7 points available" == page.success
    assert f"{OPEN} 1 given back 3 returned" in page.text
    assert page.text.index("1 given back") < page.text.index("3 booked")
    assert (7, 18, 2) == john.figures()
    assert 303 == john.post("/cancelPlaces", **fields | {"places": "1"}).status
    assert (7, 18, 2) == john.figures()


def test_club_gives_back_no_more_than_it_holds(john, atlas):
    atlas.book("5")
    john.book("2")
    page = john.give_back("3")
    assert 400 == page.status
    assert 2 == page.text.count(f"Your club holds 2 places in {OPEN}: enter at most 2")
    assert "3" == page.fields["places"]
    assert page.text.startswith("Error: My bookings")
    page = john.give_back("1", SMALL)
    assert 400 == page.status
    assert 1 == page.text.count(f"Your club holds 0 places in {SMALL}: enter at most 0")
    assert (7, 13, 2) == john.figures()


def test_label_says_what_comes_back_when_places_were_paid_differently(atlas):
    atlas.book("2")
    server.ledger.cost = 4
    atlas.book("1")
    assert "of 3 held; all return 10 points" in atlas.get("/bookings").text


def test_bookings_page_stands_while_another_secretary_gives_all_back(atlas, monkeypatch):
    atlas.book("2")
    holdings = server.ledger.holdings

    def then_give_back(club):
        rows = holdings(club)
        server.ledger.give_back(club, rows[0][0], 2)
        return rows

    monkeypatch.setattr(server.ledger, "holdings", then_give_back)
    assert "of 2 held; each returns 3 points" in atlas.get("/bookings").text


def test_refused_form_among_several_is_the_one_with_the_error(atlas):
    atlas.book("1")
    atlas.book("2", SMALL)
    page = atlas.give_back("9", SMALL)
    assert "#places-2" in page.links
    assert ["", "9"] == re.findall(r'name="places"[^>]*value="(.*?)"', page.html)


def test_club_without_bookings_reads_a_sentence(john):
    assert "Your club has no bookings yet" in john.get("/bookings").text


def test_price_and_cap_follow_the_settings():
    server.ledger = a_ledger(cost=1, cap=1)
    john = Secretary("john@simplylift.co")
    assert "13 points available, enough for 13 places at 1 point each" in john.get("/showSummary").text
    page = john.book("2")
    assert "You can't book more than 1 place per competition: your club holds 0, so at most 1 more" in page.text
    john.book("1")
    assert "Your club holds the maximum of 1 place in this competition" in john.book("1").text


# Names, lists, board


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_works_in_every_link_and_form(name):
    competition = Competition(name, rules.now() + timedelta(days=1), 9)
    server.ledger = Ledger([Club(name, "a@b", 9), Club("b/" + name, "c@d", 9)], [competition])
    for email in "a@b", "c@d":
        secretary = Secretary(email)
        form = secretary.form(name)
        assert f"Book places in {' '.join(name.split())}" in form.text
        assert 303 == secretary.post("/purchasePlaces", **form.fields | {"places": "2"}).status
        assert f"2 places in {' '.join(name.split())} for 6 points" in secretary.get("/showSummary").text
        fields = secretary.get("/bookings").fields
        assert 303 == secretary.post("/cancelPlaces", **fields | {"places": "1"}).status
        page = secretary.get("/showSummary")
        assert 6 == page.figures[{"a@b": name, "c@d": "b/" + name}[email], "points-left"]
    assert (7, 1) == (page.figures[name, "places-left"], page.figures[name, "places-held"])
    assert [2, -1, 2, -1] == [entry.places for entry in server.ledger.entries]


def test_competitions_stand_in_the_order_in_which_they_matter(john):
    text = john.get("/showSummary").text
    names = [OPEN, "Fall Classic", "Spring Festival "]
    server.ledger = a_ledger([Competition("Sooner", rules.now() + timedelta(days=1), 1)])
    text = john.get("/showSummary").text
    assert sorted(names := ["Sooner", OPEN, SMALL, "Fall Classic 22", "Spring Festival 27"], key=text.index) == names


def test_board_shows_every_club_and_no_email():
    Secretary("office@atlasbarbell.example").book("12")
    page = Secretary().get("/pointsBoard")
    figures = [(name, value) for (name, kind), value in page.figures.items() if kind == "points-left"]
    assert [("Atlas Barbell", 24), ("Simply Lift", 13), ("She Lifts", 12), ("Iron Temple", 4)] == figures
    assert "@" not in page.html


def test_clubs_with_equal_points_stand_by_name():
    server.ledger = Ledger([Club(name, f"{name}@x", 6) for name in ("beta", "Alpha", "Gamma")], [])
    assert ["Alpha", "beta", "Gamma"] == [name for name, _ in Secretary().get("/pointsBoard").figures]


def test_last_place_that_can_be_booked_has_a_link():
    iron = Secretary("admin@irontemple.com")
    assert [link for link in iron.get("/showSummary").links if quoted(OPEN) in link]
    assert "You can book up to 1 place (limit: your points)" in iron.form().text


def test_page_shows_what_binds(atlas):
    assert "You can book up to 12 places (limit: 12 for each club)" in atlas.form().text
    assert "You can book up to 5 places (limit: places left)" in atlas.form(SMALL).text


def test_links_stay_below_the_address_where_the_app_is_mounted(john):
    cookie = {"Cookie": f"session={cookie_of(john)}"}
    anywhere = server.app.test_client(use_cookies=False)
    page = Page(anywhere.get("/showSummary", base_url="http://localhost/mounted", headers=cookie))
    assert ["#main"] == [link for link in page.links if not link.startswith("/mounted/")]


def test_empty_lists_are_sentences():
    server.ledger = Ledger([], [])
    assert "There are no clubs yet" in Secretary().get("/").text
    assert "There are no clubs yet" in Secretary().get("/pointsBoard").text
    server.ledger = Ledger([Club("Alone", "a@b", 3)], [])
    assert "There are no upcoming competitions" in Secretary("a@b").get("/showSummary").text


def long_lists():
    clubs = [Club(f"Club {number:04}", f"{number}@x", 5000 - number) for number in range(1250)]
    starts = [rules.now() + timedelta(days=day) for day in (*range(1, 151), *range(-100, 0))]
    return Ledger(clubs, [Competition(f"Cup {day}", date, 50) for day, date in enumerate(starts)], cap=50)


def test_long_lists_are_shown_in_pages():
    server.ledger = long_lists()
    secretary = Secretary("0@x")
    page = secretary.get("/pointsBoard")
    assert "Clubs 1 to 100 of 1,250" in page.text
    assert 100 == len(page.figures)
    assert ["/pointsBoard?page=2"] == [link for link in page.links if "page=" in link]
    page = secretary.get("/pointsBoard?page=13")
    assert "Clubs 1,201 to 1,250 of 1,250" in page.text
    assert 50 == len(page.figures)
    assert ["/pointsBoard?page=12"] == [link for link in page.links if "page=" in link]


def test_summary_has_open_and_past_competitions_in_pages():
    server.ledger = long_lists()
    secretary = Secretary("0@x")
    first, second, third = (secretary.get(f"/showSummary?page={number}") for number in (1, 2, 3))
    assert "Competitions 101 to 200 of 250" in second.text
    assert ("Cup 0", "Cup 100", "Cup 199") == tuple(list(page.figures)[1][0] for page in (first, second, third))
    assert "Closed" not in first.text
    assert "Closed" in second.text
    assert "There are no upcoming competitions on this page" in third.text
    assert 20 == sum("points-left" == kind for _, kind in first.figures) - ("Club 0000" not in first.text)
    assert "See the points of all 1,250 clubs" in first.text
    assert "See the points of all 1,250 clubs" in Secretary().get("/").text


def test_full_page_is_the_last_one():
    server.ledger = Ledger([Club(f"Club {number}", f"{number}@x", 3) for number in range(100)], [])
    assert (200, 404) == tuple(Secretary().get(f"/pointsBoard?page={number}").status for number in (1, 2))


def test_refusal_is_shown_whatever_page_its_address_names(john):
    assert 404 == john.post("/purchasePlaces?page=7", competition="Nix", places="1").status
    assert "We cannot find" in john.post("/purchasePlaces?page=7", competition="Nix", places="1").problem
    assert "Booking is closed" in john.get(f"/book/{PAST}/Simply Lift?page=7").problem


def test_bookings_are_shown_in_pages_newest_first():
    server.ledger = long_lists()
    club = server.ledger.clubs["Club 0000"]
    for number in range(120):
        server.ledger.book(club, server.ledger.competitions[f"Cup {number}"], 1)
    secretary = Secretary("0@x")
    first, second = secretary.get("/bookings"), secretary.get("/bookings?page=2")
    assert "Bookings 1 to 100 of 120" in first.text
    assert ["120", "21"] == re.findall(r'scope="row" class="number">(\d+)', first.html)[::99]
    assert ["20", "1"] == re.findall(r'scope="row" class="number">(\d+)', second.html)[::19]
    assert (100, 20) == (first.html.count("/cancelPlaces"), second.html.count("/cancelPlaces"))


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "", "1.0", "٣", "9" * 5000])
def test_page_that_is_not_there_is_not_found(john, page):
    assert 404 == john.get(f"/pointsBoard?page={page}").status


@pytest.mark.parametrize("address", ["/pointsBoard", "/static/style.css", "/nix"])
def test_query_of_any_bytes_is_read(address):
    environ = create_environ(address) | {"QUERY_STRING": "v=\x80"}
    status = run_wsgi_app(server.app, environ, buffered=True)[1]
    assert ("404" if address == "/nix" else "200") == status[:3]


# Requests from elsewhere, headers, errors

SAME_ORIGIN_CASES = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "nonsense"}, False),
    ({"Sec-Fetch-Site": ""}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
    ({}, True),
    ({"Origin": "http://localhost"}, True),
    ({"Origin": "http://LOCALHOST:80"}, True),
    ({"Origin": "https://localhost:443"}, True),
    ({"Origin": "http://localhost:5000", "Host": "localhost:5000"}, True),
    ({"Origin": "http://localhost:5001"}, False),
    ({"Origin": "http://localhost.evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": "http://[::1"}, False),
    ({"Origin": "null", "Host": "bad host"}, False),
]


@pytest.mark.parametrize(("headers", "passes"), SAME_ORIGIN_CASES)
def test_form_from_another_site_changes_nothing(john, headers, passes):
    page = john.post("/purchasePlaces", headers, competition=OPEN, places="1")
    assert (303 if passes else 403) == page.status
    assert passes == bool(server.ledger.entries)
    sentence = "This form was sent from another site and nothing was changed. Open the page here and try again"
    assert passes or sentence in page.text
    assert (303 if passes else 403) == Secretary().post("/showSummary", headers, email="kate@shelifts.co.uk").status


def test_reading_from_another_site_is_allowed(john):
    assert 200 == john.get("/showSummary", **{"Sec-Fetch-Site": "cross-site"}).status


HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def every_kind_of_answer(monkeypatch):
    """Yield a response of each status that the app can give."""
    john, stranger = Secretary("john@simplylift.co"), Secretary()
    yield 200, stranger.get("/")
    yield 200, john.get("/showSummary")
    yield 200, john.get("/static/style.css")
    yield 303, Secretary().get("/bookings")
    yield 304, stranger.get("/pointsBoard", **{"If-None-Match": stranger.get("/pointsBoard").headers["ETag"]})
    yield 400, john.book("x")
    yield 403, john.book("1", club="She Lifts")
    yield 404, john.get("/nix")
    yield 404, john.get("/static/nix.css?v=1")
    yield 405, john.get("/purchasePlaces")
    yield 413, john.post("/showSummary", email="x" * 17000)
    for _ in range(11):
        page = stranger.post("/showSummary", email="no@club.example")
    yield 429, page
    monkeypatch.setattr(server.ledger, "_lock", LockThatWaits())
    yield 503, john.book("1")
    monkeypatch.setitem(server.app.config, "TESTING", False)
    monkeypatch.setattr(Ledger, "open_and_past", None)
    yield 500, john.get("/showSummary")
    monkeypatch.setitem(server.app.config, "TRUSTED_HOSTS", ["club.example"])
    yield 400, john.get("/", Host="evil.example")


@pytest.mark.parametrize("https", [False, True])
def test_every_answer_has_the_security_headers(monkeypatch, https):
    monkeypatch.setitem(server.app.config, "HTTPS", https)
    for status, page in every_kind_of_answer(monkeypatch):
        assert status == page.status
        assert HEADERS.items() <= dict(page.headers).items()
        assert https == ("max-age=63072000; includeSubDomains" == page.headers.get("Strict-Transport-Security"))
        assert not [name for name in dict(page.headers) if name.startswith("Access-Control")]


def test_every_error_is_a_page_of_the_app_with_a_way_on(monkeypatch):
    for status, page in every_kind_of_answer(monkeypatch):
        if status >= 400:
            assert {"/", "/showSummary", "/bookings", "/pointsBoard", "#main"} <= set(page.links)
            assert " – GÜDLFT Registration" in page.text


def test_pages_stay_out_of_caches_and_static_files_in_them(john):
    for page in john.get("/showSummary"), john.get("/pointsBoard"), Secretary().get("/"), john.get("/nix"):
        assert "no-store" == page.headers["Cache-Control"]
        assert "ETag" not in page.headers
    style = re.search(r'"(/static/style.css\?v=\w+)"', john.get("/showSummary").html)[1]
    page = john.get(style)
    assert "public, max-age=31536000, immutable" == page.headers["Cache-Control"]
    assert "no-cache" == john.get("/static/style.css").headers["Cache-Control"]
    assert not {"Set-Cookie", "Vary"} & set(page.headers.keys())


def test_board_is_sent_again_only_when_it_changed(john):
    stranger = Secretary()
    page = stranger.get("/pointsBoard")
    assert "no-cache" == page.headers["Cache-Control"]
    known = {"If-None-Match": page.headers["ETag"]}
    assert 304 == stranger.get("/pointsBoard", **known).status
    john.book("1")
    assert 200 == stranger.get("/pointsBoard", **known).status
    john.give_back("1")
    assert 304 == stranger.get("/pointsBoard", **known).status


@pytest.mark.parametrize("address", ["/showSummary", "/purchasePlaces", "/cancelPlaces", "/logout"])
def test_form_that_is_too_large_is_refused(john, address):
    page = john.post(address, email="x" * 17000)
    assert 413 == page.status
    assert "The form is too large" in page.text
    assert 200 == john.get("/showSummary").status


def test_form_of_unknown_length_that_is_too_large_is_refused(john):
    environ = create_environ("/purchasePlaces", method="POST", content_type="application/x-www-form-urlencoded")
    body = f"competition={OPEN}&places=1".encode()
    for rest, status in (b"", 303), (b"&" * 17000, 413):
        environ |= {"wsgi.input": BytesIO(body + rest), "wsgi.input_terminated": True}
        environ.pop("CONTENT_LENGTH", None)
        assert status == john.client.open(EnvironBuilder.from_environ(environ)).status_code
    assert 1 == len(server.ledger.entries)


def test_fault_says_that_nothing_was_booked(john, monkeypatch):
    monkeypatch.setitem(server.app.config, "TESTING", False)
    monkeypatch.setattr(Ledger, "_apply", None)
    page = john.book("1")
    assert 500 == page.status
    assert "Nothing was booked or given back" in page.text


def test_fault_after_a_booking_says_that_it_was_carried_out(john, monkeypatch):
    monkeypatch.setitem(server.app.config, "TESTING", False)
    monkeypatch.setattr(server, "flash", None)
    page = john.book("1")
    assert 500 == page.status
    assert "Your request was carried out" in page.text
    assert 1 == len(server.ledger.entries)


def test_everything_typed_is_escaped(john):
    for page in john.book("<b>'\"&"), Secretary().post("/showSummary", email="<b>'\"&@x"), john.get("/book/<b>/x"):
        assert "<b>" not in page.html


def test_log_has_a_line_for_each_event(john, caplog):
    caplog.set_level("INFO")
    Secretary().post("/showSummary", email="evil@x\nfaked %s line")
    john = Secretary("john@simplylift.co")
    john.book("1")
    john.book("99")
    john.book("1", "Nix")
    john.give_back("1")
    john.post("/logout", {"Origin": "null"})
    john.post("/logout")
    assert [
        "127.0.0.1 -: sign_in refused: We cannot find a club with this email address. "
        r"Check the address and try again (evil@x\nfaked %s line)",
        "127.0.0.1 Simply Lift: signed in",
        f"127.0.0.1 Simply Lift: Great-booking complete! Your club has booked 1 place in {OPEN} for 3 points. "
        "10 points are left (number 1)",
        "127.0.0.1 Simply Lift: purchase_places refused: You don't have enough points available: "
        "99 places cost 297 points and your club has 10, enough for 3 (99)",
        "127.0.0.1 Simply Lift: purchase_places refused: We cannot find this competition. Choose one from the list",
        f"127.0.0.1 Simply Lift: 1 place in {OPEN} given back. 3 points returned, 13 points available (number 2)",
        "127.0.0.1 Simply Lift: 403 POST /logout: This form was sent from another site and nothing was changed. "
        "Open the page here and try again",
        "127.0.0.1 Simply Lift: signed out",
    ] == caplog.messages


# Data files


def write(folder, clubs='{"clubs": []}', competitions='{"competitions": []}'):
    for name, text in ("clubs.json", clubs), ("competitions.json", competitions):
        if text is not None:
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))


def problems(folder, **files):
    write(folder, **files)
    with pytest.raises(SystemExit) as stop:
        rules.read_data(folder)
    return stop.value.code.split("\n")


def test_bundled_files_hold_the_demo_data():
    clubs, competitions = rules.read_data(Path(server.__file__).parent)
    assert [("Simply Lift", 13), ("Iron Temple", 4), ("She Lifts", 12), ("Atlas Barbell", 60)] == [
        (club.name, club.points) for club in clubs
    ]
    assert [25, 13, 20, 24, 5] == [competition.places for competition in competitions]
    assert "2050-03-27 11:11:00" == competitions[2].date.isoformat(" ")[:19]


def test_numbers_may_be_integers_and_other_fields_are_ignored(tmp_path):
    written = [
        {"name": "A", "email": "a@b", "points": 7, "city": ["x"]},
        {"name": "B", "email": "b@b", "points": "007"},
    ]
    cup = {"name": "C", "date": "2050-03-27 11:11:00", "numberOfPlaces": 1000000}
    write(tmp_path, "\ufeff" + json.dumps({"clubs": written}), json.dumps({"competitions": [cup], "more": 1}))
    clubs, competitions = rules.read_data(tmp_path)
    assert [7, 7] == [club.points for club in clubs]
    assert [1000000] == [competition.places for competition in competitions]


BAD_FILES = [
    (None, "clubs.json: cannot be read as JSON in UTF-8: [Errno 2] No such file or directory"),
    (b'{"clubs": "\xff"}', "clubs.json: cannot be read as JSON in UTF-8: 'utf-8' codec can't decode byte 0xff"),
    ('{"clubs": []}'.encode("utf-16"), "clubs.json: cannot be read as JSON in UTF-8: 'utf-8' codec"),
    ('{"clubs":\n [}', "clubs.json: cannot be read as JSON in UTF-8: Expecting value: line 2 column 3"),
    ("", "clubs.json: cannot be read as JSON in UTF-8: Expecting value: line 1 column 1"),
    ("9" * 5000, "clubs.json: cannot be read as JSON in UTF-8: Exceeds the limit"),
    ("[" * 100_000, "clubs.json: cannot be read as JSON in UTF-8: maximum recursion depth exceeded"),
    ("[]", 'clubs.json: must hold a list named "clubs"'),
    ('{"clubs": {}}', 'clubs.json: must hold a list named "clubs"'),
    ('{"Clubs": []}', 'clubs.json: must hold a list named "clubs"'),
    ('{"clubs": ["A"]}', "clubs.json: club 1: must be an object"),
]


@pytest.mark.parametrize(("text", "line"), BAD_FILES)
def test_file_that_cannot_be_read_stops_the_start(tmp_path, text, line):
    lines = problems(tmp_path, clubs=text)
    assert 1 == len(lines)
    assert lines[0].startswith(line)


WHOLE = "must be a whole number of 0 or more, not"
NAME = "name must be a text of 1 to 200 characters, not"
SAFE = 'name must be without control characters and not "." or "..", not'
EMAIL = "email must be an email address, with an @ and in ASCII, not"
DATE = "date must be a date and time like 2050-03-27 11:11:00, not"
BAD_FIELDS = [
    ("points", "four", f'points {WHOLE} "four"'),
    ("points", "", f'points {WHOLE} ""'),
    ("points", " 5", f'points {WHOLE} " 5"'),
    ("points", "１", f'points {WHOLE} "１"'),
    ("points", "1_0", f'points {WHOLE} "1_0"'),
    ("points", "-1", f'points {WHOLE} "-1"'),
    ("points", -1, f"points {WHOLE} -1"),
    ("points", 1.0, f"points {WHOLE} 1.0"),
    ("points", True, f"points {WHOLE} true"),
    ("points", None, f"points {WHOLE} null"),
    ("points", [], f"points {WHOLE} []"),
    ("points", 1_000_001, "points must be at most 1,000,000, not 1000001"),
    ("points", "9" * 5000, "points must be at most 1,000,000, not " + '"' + "9" * 79),
    ("numberOfPlaces", "x", f'numberOfPlaces {WHOLE} "x"'),
    ("numberOfPlaces", "1000001", 'numberOfPlaces must be at most 1,000,000, not "1000001"'),
    ("name", "", f'{NAME} ""'),
    ("name", " \xa0", f'{NAME} " \\xa0"'),
    ("name", 5, f"{NAME} 5"),
    ("name", None, f"{NAME} null"),
    ("name", "x" * 201, f'{NAME} "{"x" * 79}'),
    ("name", ".", f'{SAFE} "."'),
    ("name", "..", f'{SAFE} ".."'),
    ("name", "a\nb", f'{SAFE} "a\\nb"'),
    ("name", "a\x7fb", f'{SAFE} "a\\x7fb"'),
    ("name", "a\x85b", f'{SAFE} "a\\x85b"'),
    ("name", "a\ud800b", f'{SAFE} "a\\ud800b"'),
    ("email", "", f'{EMAIL} ""'),
    ("email", "john", f'{EMAIL} "john"'),
    ("email", "jöhn@x", f'{EMAIL} "jöhn@x"'),
    ("email", ["@"], f'{EMAIL} ["@"]'),
    ("date", "2050-3-27 11:11:00", f'{DATE} "2050-3-27 11:11:00"'),
    ("date", "2050-03-27T11:11:00", f'{DATE} "2050-03-27T11:11:00"'),
    ("date", "2050-03-27 11:11", f'{DATE} "2050-03-27 11:11"'),
    ("date", "2050-03-27 11:11:00Z", f'{DATE} "2050-03-27 11:11:00Z"'),
    ("date", "2050-03-27 24:00:00", f'{DATE} "2050-03-27 24:00:00"'),
    ("date", "２050-03-27 11:11:00", f'{DATE} "２050-03-27 11:11:00"'),
    ("date", 20500327, f"{DATE} 20500327"),
    ("date", "2050-02-30 11:11:00", "date must be in the calendar, not 2050-02-30 11:11:00"),
    ("date", "2050-03-27 11:60:00", "date must be in the calendar, not 2050-03-27 11:60:00"),
]


@pytest.mark.parametrize(("field", "value", "line"), BAD_FIELDS)
def test_wrong_field_stops_the_start_with_a_line(tmp_path, field, value, line):
    club = {"name": "A", "email": "a@b", "points": 1}
    competition = {"name": "A", "date": "2050-03-27 11:11:00", "numberOfPlaces": 1}
    item = club if field in club else competition
    item[field] = value
    key = "clubs" if item is club else "competitions"
    lines = problems(tmp_path, **{key: json.dumps({key: [item]})})
    assert 1 == len(lines)
    assert re.match(rf"{key}\.json: {key[:-1]} 1( \(.*\))?: ", lines[0])
    assert lines[0].endswith(f": {line}")
    assert lines[0].isprintable()


def test_line_about_a_wrong_entry_shows_eighty_characters_of_what_is_long(tmp_path):
    club = {"name": "x" * 201, "email": "a@b", "points": 1}
    assert [f'clubs.json: club 1 ({"x" * 80}): {NAME} "{"x" * 79}'] == problems(
        tmp_path, clubs=json.dumps({"clubs": [club]})
    )


@pytest.mark.parametrize("field", ["name", "email", "points"])
def test_missing_field_stops_the_start(tmp_path, field):
    club = {"name": "A", "email": "a@b", "points": 1}
    del club[field]
    lines = problems(tmp_path, clubs=json.dumps({"clubs": [club]}))
    assert [f"clubs.json: club 1{' (A)' if 'name' in club else ''}: {field} is missing"] == lines


def test_all_problems_of_both_files_are_told_at_once(tmp_path):
    clubs = [
        {"name": "Iron Temple", "email": "A@b", "points": "four"},
        {"name": " iron temple", "email": "a@B ", "points": 1},
        "x",
    ]
    cups = [{"name": name, "date": "2050-03-27 11:11:00", "numberOfPlaces": 1} for name in ("STRASSE", "straße")]
    assert [
        'clubs.json: club 1 (Iron Temple): points must be a whole number of 0 or more, not "four"',
        "clubs.json: club 2 ( iron temple): name must not be the same twice, like  iron temple",
        "clubs.json: club 2 ( iron temple): email must not be the same twice, like a@B ",
        "clubs.json: club 3: must be an object",
        "competitions.json: competition 2 (straße): name must not be the same twice, like straße",
    ] == problems(tmp_path, clubs=json.dumps({"clubs": clubs}), competitions=json.dumps({"competitions": cups}))


# Settings and start


@pytest.fixture
def settings(monkeypatch):
    """Return a function that gives the configuration for GUDLFT_ variables."""

    def configured(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"GUDLFT_{name}", value)
        app = flask.Flask("other")
        server.configure(app)
        return app.config

    return configured


def test_settings_have_defaults(settings):
    config = settings()
    assert (3, 12, False, 0, [], 10, "") == tuple(
        config[name] for name in server.SETTINGS if name not in ("DATA_DIR", "SECRET_KEY")
    )
    assert config["SECRET_KEY"] == settings()["SECRET_KEY"]
    assert 32 <= len(config["SECRET_KEY"])


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("COST_PER_PLACE", "1", 1),
        ("MAX_PLACES_PER_CLUB", "99", 99),
        ("DATA_DIR", "12", "12"),
        ("SECRET_KEY", "12345678901234567890", b"12345678901234567890"),
        ("SECRET_KEY", "\udcff" * 16, b"\xff" * 16),
        ("HTTPS", "True", True),
        ("HTTPS", "true", True),
        ("HTTPS", "1", True),
        ("HTTPS", "FALSE", False),
        ("HTTPS", "0", False),
        ("PROXIES", "2", 2),
        ("TRUSTED_HOSTS", "club.example", ["club.example"]),
        ("TRUSTED_HOSTS", '["a.example", ".b.example"]', ["a.example", ".b.example"]),
        ("FAILED_SIGN_INS_PER_MINUTE", "0", 0),
    ],
)
def test_setting_is_read_from_the_environment(settings, name, text, value):
    assert value == settings(**{name: text})[name]


@pytest.mark.parametrize(
    ("name", "texts", "line"),
    [
        ("COST_PER_PLACE", ["0", "-1", "1.5", "x", "", "true", '"3"', "[]", "1e3"], "a whole number, 1 or more"),
        ("MAX_PLACES_PER_CLUB", ["0", "null"], "a whole number, 1 or more"),
        ("DATA_DIR", [""], "a folder"),
        ("SECRET_KEY", ["", "x" * 15], "a text of 16 characters or more"),
        ("HTTPS", ["", "maybe", "2", "null"], "true or false"),
        ("PROXIES", ["-1", "true"], "a whole number, 0 or more"),
        (
            "TRUSTED_HOSTS",
            ["", "5", "a b", "a,b", "http://x", "a..b", "x" * 64, "[5]", "Upper"],
            "a host name in lower",
        ),
        ("FAILED_SIGN_INS_PER_MINUTE", ["-1", "ten"], "a whole number, 0 or more"),
    ],
)
def test_wrong_setting_stops_the_start_with_a_line(settings, name, texts, line):
    for text in texts:
        with pytest.raises(SystemExit) as stop:
            settings(**{name: text})
        assert stop.value.code.startswith(f"GUDLFT_{name} must be {line}")
        assert "\n" not in stop.value.code


def test_settings_of_flask_follow(settings):
    config = settings()
    assert (16384, timedelta(minutes=30)) == (config["MAX_CONTENT_LENGTH"], config["PERMANENT_SESSION_LIFETIME"])
    assert (False, "Lax") == (config["SESSION_REFRESH_EACH_REQUEST"], config["SESSION_COOKIE_SAMESITE"])
    with pytest.raises(SystemExit, match="^GUDLFT_HTTPS must be true or false\nGUDLFT_PROXIES must be .*$"):
        settings(PROXIES="x", HTTPS="x")


def test_https_makes_cookies_secure(settings):
    config = settings(HTTPS="true")
    assert (True, "__Host-session") == (config["SESSION_COOKIE_SECURE"], config["SESSION_COOKIE_NAME"])
    config = settings(HTTPS="false")
    assert (False, "session") == (config["SESSION_COOKIE_SECURE"], config["SESSION_COOKIE_NAME"])


def start(folder, *command, **variables):
    """Run a command of the project with the data files in the folder; return status, output, errors."""
    environment = {"PATH": "", "GUDLFT_DATA_DIR": str(folder)} | variables
    root = Path(server.__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=root, env=environment, capture_output=True, text=True, timeout=30
    )
    return done.returncode, done.stdout, done.stderr


def test_check_says_what_the_files_hold(monkeypatch):
    monkeypatch.setattr(server, "ledger", Ledger([Club("A", "a@b", 1)], []))
    done = server.app.test_cli_runner().invoke(args=["check"])
    assert (0, "clubs.json: 1 club, 1 point\ncompetitions.json: 0 competitions, 0 places\n") == (
        done.exit_code,
        done.output,
    )


@pytest.mark.parametrize(
    "command",
    [
        ("flask", "--app", "server", "check"),
        ("flask", "--app", "server", "run", "--port", "0"),
        ("granian", "--interface", "wsgi", "--port", "0", "server:app"),
    ],
)
def test_bad_files_and_settings_stop_every_start_without_a_traceback(tmp_path, command):
    write(tmp_path, "[", "[")
    status, _, errors = start(tmp_path, *command)
    assert 1 == status
    assert ["clubs.json", "competitions.json"] == re.findall(r"^(\w+.json): ", errors, re.M)
    status, _, errors = start(tmp_path, *command, GUDLFT_PROXIES="x")
    assert 1 == status
    assert 1 == errors.count("GUDLFT_PROXIES must be")
    assert "Traceback" not in errors


def test_default_run_imports_flask_and_nothing_else(tmp_path):
    write(tmp_path)
    code = "import sys, flask; before = set(sys.modules); import server; print(*(set(sys.modules) - before))"
    status, output, _ = start(tmp_path, "timeit", "-n", "1", "-r", "1", code)
    new = {name.split(".")[0] for name in output.split("\n")[0].split()} - set(sys.stdlib_module_names)
    assert {"server", "rules", "werkzeug"} >= new
    assert 0 == status


@pytest.mark.parametrize(("proxies", "seen"), [("1", "10.0.0.9 http"), ("2", "1.2.3.4 https")])
def test_proxies_are_trusted_with_the_clients_address_and_scheme(monkeypatch, proxies, seen):
    monkeypatch.setenv("GUDLFT_PROXIES", proxies)
    app = flask.Flask("other")
    app.add_url_rule("/who", view_func=lambda: f"{flask.request.remote_addr} {flask.request.url}")
    server.configure(app)
    headers = {
        "X-Forwarded-For": "6.6.6.6, 1.2.3.4, 10.0.0.9",
        "X-Forwarded-Proto": "ftp, https, http",
        "X-Forwarded-Host": "evil.example",
    }
    assert f"{seen}://localhost/who" == app.test_client().get("/who", headers=headers).text


def test_forwarded_headers_count_only_from_trusted_proxies(tmp_path, monkeypatch):
    write(tmp_path)
    code = (
        "import server\n"
        "server.app.add_url_rule('/who', view_func=lambda: server.request.remote_addr + server.request.url)\n"
        "headers = {'X-Forwarded-For': '1.2.3.4', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'evil.example'}\n"
        "print(server.app.test_client().get('/who', headers=headers).text)"
    )
    for proxies, expected in ("0", "127.0.0.1http://localhost/who"), ("1", "1.2.3.4https://localhost/who"):
        run = start(tmp_path, "timeit", "-n", "1", "-r", "1", code, GUDLFT_PROXIES=proxies)
        assert expected == run[1].split("\n")[0]


# The journal: what the ledger makes of it (tests/test_journal.py has the databases)


class FakeJournal:
    """A journal in lists, which several ledgers may share; with a fault it is away, or commits end in doubt."""

    shared = True

    def __init__(self):
        self.rows, self.signed_out, self.fault = [], [], None

    @contextmanager
    def reading(self, **after):
        self.after = after
        fault, self.fault = self.fault, None if self.fault == "busy once" else self.fault
        if fault == "away":
            raise JournalError(fault)
        if fault in ("busy", "busy once"):
            raise JournalError(fault, again=True)
        yield self

    @contextmanager
    def writing(self, **after):
        before = len(self.rows)
        with self.reading(**after):
            yield self
        if self.fault in ("commit lost", "answer lost", "answer lost, then away"):
            if self.fault == "commit lost":
                del self.rows[before:]
            self.fault = "away" if self.fault.endswith("away") else None
            raise JournalError("connection lost", certain=False)

    def read(self, table):
        rows = self.rows if table == "bookings" else self.signed_out
        return [tuple(row.values()) for row in rows if row["number"] > self.after[table]]

    def append(self, booking):
        self.rows.append(booking)

    def end(self, sign_in, at, forget_before):
        self.signed_out.append({"number": len(self.signed_out) + 1, "at": at, "sign_in": sign_in})

    def close(self):
        pass


@pytest.fixture
def journal(monkeypatch):
    journal = FakeJournal()
    monkeypatch.setattr(server, "ledger", another_process(journal))
    return journal


def another_process(journal):
    ledger = a_ledger()
    return Ledger([*ledger.clubs.values()], ledger.by_date, journal=journal)


def test_booking_and_sign_out_of_one_process_are_known_to_the_other(journal):
    john, copy = Secretary("john@simplylift.co"), None
    other = another_process(journal)
    john.book("3", token=TOKEN)
    server.ledger = other
    assert (4, 17, 3) == john.figures()
    john.book("3", token=TOKEN)
    assert (4, 17, 3) == john.figures()
    copy = cookie_of(john)
    john.post("/logout")
    server.ledger = another_process(journal)
    assert 303 == with_cookie(copy).status
    assert 1 == len(journal.rows)
    check_conservation(server.ledger)


def test_booking_that_a_page_took_over_while_another_waited_for_the_lock_counts_once(journal, monkeypatch):
    ledger, other, writing = another_process(journal), another_process(journal), journal.writing

    def wait(**after):
        monkeypatch.setattr(journal, "writing", writing)
        other.book(*parts(other, "Simply Lift"), 1)
        ledger.catch_up()
        return writing(**after)

    monkeypatch.setattr(journal, "writing", wait)
    ledger.book(*parts(ledger, "She Lifts"), 2)
    assert [(1, 1), (2, 2)] == [(entry.number, entry.places) for entry in ledger.entries]
    check_conservation(ledger)


def test_memory_that_is_caught_up_refuses_also_while_the_journal_is_away(journal):
    other = another_process(journal)
    john, competition = other.emails["john@simplylift.co"], other.competitions[OPEN]
    server.ledger.book(john, competition, 3)
    assert 2 == other.book(john, competition, 1).number
    journal.fault = "away"
    with pytest.raises(BookingError, match="a place costs 3 points and your club has 1$"):
        other.book(john, competition, 2)
    journal.fault = None
    server.ledger.give_back(john, competition, 2)
    assert 4 == other.book(john, competition, 2).number


@pytest.fixture
def waited(monkeypatch):
    """Return the seconds that were slept, each of them; nothing else moves the monotonic clock."""
    start, waited = time.monotonic(), []
    monkeypatch.setattr(time, "monotonic", lambda: start + sum(waited))
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def test_while_the_journal_is_away_pages_stay_and_nothing_is_booked(journal, caplog, waited):
    john = Secretary("john@simplylift.co")
    john.book("1")
    journal.fault = "away"
    page = john.book("1")
    assert 503 == page.status
    assert "Nothing was booked or given back" in page.text
    assert (10, 19, 1) == john.figures()
    assert (503, "the journal is away") == (john.get("/health").status, john.get("/health").text)
    copy = cookie_of(john)
    john.post("/logout")
    assert 303 == with_cookie(copy).status
    assert [] == journal.signed_out
    assert "127.0.0.1 Simply Lift: other processes will know later: away" in caplog.messages
    assert [] == waited
    journal.fault = None
    kate = Secretary("kate@shelifts.co.uk")
    assert (200, "ok") == (kate.get("/health").status, kate.get("/health").text)
    assert 303 == kate.book("1").status
    assert 1 == len(journal.signed_out)
    assert {} == server.ledger._unwritten
    check_conservation(server.ledger)


@pytest.mark.parametrize(("fault", "status", "places"), [("answer lost", 303, [2]), ("commit lost", 503, [])])
def test_commit_in_doubt_is_looked_up(journal, caplog, fault, status, places):
    john = Secretary("john@simplylift.co")
    journal.fault = fault
    page = john.book("2")
    assert status == page.status
    assert places == [row["places"] for row in journal.rows] == [entry.places for entry in server.ledger.entries]
    assert status == 303 or "Nothing was booked" in page.text
    assert (status == 503) == ("purchase_places failed: connection lost" in caplog.messages)
    check_conservation(server.ledger)


def test_commit_that_stays_in_doubt_asks_to_check(journal):
    john = Secretary("john@simplylift.co")
    journal.fault = "answer lost, then away"
    page = john.book("2", token=TOKEN)
    assert 503 == page.status
    assert "Check your bookings" in page.text
    journal.fault = None
    assert 303 == john.book("2", token=TOKEN).status
    assert [2] == [row["places"] for row in journal.rows] == [entry.places for entry in server.ledger.entries]


def test_form_in_doubt_stays_in_doubt_until_the_journal_can_tell(journal):
    john = Secretary("john@simplylift.co")
    for fault in "answer lost, then away", "away":
        journal.fault = fault
        assert "Check your bookings" in john.book("2", token=TOKEN).text
    assert "Nothing was booked" in john.book("2", token="another-form-of-it").text
    journal.fault = None
    assert 303 == john.book("1").status
    journal.fault = "away"
    assert "Nothing was booked" in john.book("1", token=TOKEN).text
    assert (303, "/showSummary") == ((page := john.book("2", token=TOKEN)).status, page.headers["Location"])
    assert [2, 1] == [row["places"] for row in journal.rows]


def test_form_without_a_token_is_nobodys_copy(journal):
    john = Secretary("john@simplylift.co")
    for fault, title in ("answer lost, then away", "Check your bookings"), ("away", "Nothing was booked"):
        journal.fault = fault
        assert title in john.book("2", token="").text


def test_form_in_doubt_that_was_not_booked_may_be_refused_for_certain(journal):
    john, kate = Secretary("john@simplylift.co"), Secretary("kate@shelifts.co.uk")
    journal.fault = "answer lost, then away"
    john.book("2", token=TOKEN)
    del journal.rows[:]  # the commit was not made
    journal.fault = None
    assert 303 == kate.book("1").status
    journal.fault = "away"
    assert "Nothing was booked" in john.book("2", token=TOKEN).text


@pytest.mark.parametrize("free", [True, False])
def test_copy_of_a_form_that_is_being_booked_asks_to_check(journal, monkeypatch, free):
    ledger, wish, writing = server.ledger, (*parts(server.ledger), 2), journal.writing
    waiting, going = threading.Event(), threading.Event()

    def wait(**after):
        waiting.set()
        going.wait(10)
        return writing(**after)

    monkeypatch.setattr(journal, "writing", wait)
    first = threading.Thread(target=ledger.book, args=[*wish, TOKEN])
    first.start()
    waiting.wait(10)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_lock", LockThatWaits())
        for certain, token in (False, TOKEN), (True, None), (True, "another-form-of-it"):
            with pytest.raises(JournalError) as error:
                ledger.book(*wish, token)
            assert certain == error.value.certain

        def finish():
            going.set()
            first.join()

        patch.setattr(ledger, "_lock", LockThatWaits(finish, free))
        assert [ledger.book(*wish, TOKEN)] == ledger.entries  # the copy was booked while this one waited
        patch.setattr(ledger, "_lock", None)
        assert [ledger.book(*wish, TOKEN)] == ledger.entries  # what is known needs no lock


def test_pages_that_waited_for_one_that_failed_read_themselves(journal):
    ledger, failures = server.ledger, []

    def page():
        with pytest.raises(JournalError):
            ledger.catch_up()
        failures.append("away")

    threads = [threading.Thread(target=page) for _ in range(4)]
    with ledger._reading:
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        journal.fault = "away"
    for thread in threads:
        thread.join()
    assert 4 == len(failures)


class LockThatWaits:
    """A lock for which something is waited, and which is free then or not."""

    def __init__(self, wait=lambda: None, free=False):
        self._wait, self._free = wait, free

    def acquire(self, timeout):
        self.waited = timeout
        self._wait()
        return self._free

    def release(self):
        pass


def test_booking_that_finds_the_lock_taken_gives_up(john, monkeypatch):
    monkeypatch.setattr(server.ledger, "_lock", LockThatWaits())
    assert 503 == john.book("1").status
    assert 10 == server.ledger._lock.waited
    assert [] == server.ledger.entries


def test_page_waits_a_second_for_another_that_reads(journal, monkeypatch):
    another_process(journal).book(*parts(server.ledger), 1)
    monkeypatch.setattr(server.ledger, "_reading", LockThatWaits())
    assert (13, 20, 0) == Secretary("john@simplylift.co").figures()
    assert 1 == server.ledger._reading.waited


def test_page_reads_again_where_the_journal_was_busy_for_a_moment(journal, waited):
    another_process(journal).book(*parts(server.ledger), 1)
    journal.fault = "busy once"
    assert (10, 19, 1) == Secretary("john@simplylift.co").figures()
    assert 0.1 > sum(waited)


def test_page_waits_a_second_for_a_journal_that_stays_busy(journal, waited):
    journal.fault = "busy"
    with pytest.raises(JournalError, match="^busy$"):
        server.ledger.catch_up()
    assert pytest.approx(1, abs=0.1) == sum(waited)


def test_bookings_within_one_tick_of_the_clock_are_all_taken_over(journal, waited):
    for number in 1, 2:
        another_process(journal).book(*parts(server.ledger), 1)
        server.ledger.catch_up()
        assert number == len(server.ledger.entries)


def test_page_that_waited_for_another_to_catch_up_does_not_read_again(journal):
    server.ledger._read_at = time.monotonic() + 60
    another_process(journal).book(*parts(server.ledger), 1)
    server.ledger.catch_up()
    assert [] == server.ledger.entries


def test_sign_out_is_written_as_soon_as_it_can_be_and_pages_are_answered_until_then(journal, monkeypatch):
    def end(*_):
        raise JournalError("full")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "end", end)
        Secretary("kate@shelifts.co.uk").post("/logout")
        assert 200 == Secretary("john@simplylift.co").get("/showSummary").status
        assert [] == journal.signed_out
    Secretary().get("/")
    assert 1 == len(journal.signed_out)
    assert {} == server.ledger._unwritten


def test_sign_out_that_another_request_wrote_meanwhile_is_not_written_twice(journal, monkeypatch):
    john = Secretary("john@simplylift.co")
    monkeypatch.setattr(server.ledger, "_ending", LockThatWaits(server.ledger._unwritten.clear, free=True))
    assert 303 == john.post("/logout").status
    assert 303 == john.get("/showSummary").status
    assert [] == journal.signed_out


def test_page_does_not_wait_for_another_that_writes_sign_outs_but_a_sign_out_does(journal, monkeypatch):
    john, lock = Secretary("john@simplylift.co"), LockThatWaits()
    monkeypatch.setattr(server.ledger, "_ending", lock)
    server.ledger._unwritten["another"] = rules.now()
    assert 200 == john.get("/showSummary").status
    assert 0 == lock.waited
    john.post("/logout")
    assert 10 == lock.waited
    assert [] == journal.signed_out


def test_second_process_without_a_journal_books_nothing(settings, tmp_path, monkeypatch):
    club = {"name": "A", "email": "a@b", "points": 9}
    cup = {"name": OPEN, "date": "2050-03-27 11:11:00", "numberOfPlaces": 3}
    write(tmp_path, json.dumps({"clubs": [club]}), json.dumps({"competitions": [cup]}))
    first, second = (server.open_ledger(settings(DATA_DIR=str(tmp_path))) for _ in range(2))
    with pytest.raises(BookingError):
        second.book(*parts(second, "A"), 4)
    first.book(*parts(first, "A"), 1)
    with pytest.raises(BookingError):
        first.book(*parts(first, "A"), 4)
    reason = "another process books: set GUDLFT_JOURNAL, and they share their bookings"
    with pytest.raises(JournalError, match=f"^{reason}$"):
        second.book(*parts(second, "A"), 1)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    second.book(*parts(second, "A"), 1)
    assert 1 == len(second.entries)


def test_bookings_survive_in_a_database(settings, tmp_path, caplog):
    club = {"name": "A", "email": "a@b", "points": 9}
    cup = {"name": OPEN, "date": "2050-03-27 11:11:00", "numberOfPlaces": 3}
    write(tmp_path, json.dumps({"clubs": [club]}), json.dumps({"competitions": [cup]}))
    variables = {"DATA_DIR": str(tmp_path), "JOURNAL": "sqlite:///bookings.db", "SECRET_KEY": "x" * 16}
    ledger = server.open_ledger(settings(**variables))
    ledger.book(*parts(ledger, "A"), 3)
    ledger.journal.close()
    assert (tmp_path / "bookings.db").exists()
    ledger = server.open_ledger(settings(COST_PER_PLACE="1", **variables))
    assert (0, 0) == (ledger.points_left(ledger.clubs["A"]), ledger.places_left(ledger.competitions[OPEN]))
    assert [] == caplog.messages
    ledger.journal.close()
    write(tmp_path, json.dumps({"clubs": [club | {"points": 8}]}), json.dumps({"competitions": [cup]}))
    ledger = server.open_ledger(settings(**variables))
    assert ["A: 9 points are spent, of 8"] == caplog.messages
    ledger.journal.close()


def test_journal_needs_a_key_and_an_address(settings):
    with pytest.raises(SystemExit, match="^GUDLFT_JOURNAL must be set together with GUDLFT_SECRET_KEY$"):
        settings(JOURNAL="sqlite:///bookings.db")
    with pytest.raises(SystemExit, match="^GUDLFT_JOURNAL: must be a database URL like "):
        server.open_ledger(settings(JOURNAL="nonsense", SECRET_KEY="x" * 16))


def run_command(*arguments):
    done = server.app.test_cli_runner().invoke(args=[*arguments])
    return done.exit_code, done.stdout_bytes.decode()


def test_check_tells_what_the_journal_holds(journal, monkeypatch):
    monkeypatch.setitem(server.app.config, "JOURNAL", "any")
    server.ledger.book(*parts(server.ledger), 4)
    del server.ledger.clubs["Simply Lift"]
    status, output = run_command("check")
    assert 0 == status
    assert output.endswith("journal: 1 line\nSimply Lift: no longer in the files, its bookings stay\n")


def test_bookings_are_exported_safe_for_a_spreadsheet(clock):
    clock(datetime.fromisoformat("2030-05-06 20:15:00+00:00"))
    evil = Club("=1+1", "evil@x", 30)
    server.ledger = Ledger([evil, *a_ledger().clubs.values()], a_ledger().by_date)
    server.ledger.book(*parts(server.ledger, "=1+1"), 4)
    server.ledger.give_back(*parts(server.ledger, "=1+1"), 1)
    server.ledger.book(*parts(server.ledger, competition=SMALL), 1)
    status, output = run_command("bookings")
    assert 0 == status
    assert [
        "\ufeffnumber,time in UTC,club,competition,places,points",
        "1,2030-05-06 20:15:00,'=1+1,Spring Festival 2050,4,12",
        "2,2030-05-06 20:15:00,'=1+1,Spring Festival 2050,-1,-3",
        "3,2030-05-06 20:15:00,Simply Lift,Novice Cup 2050,1,3",
        "",
    ] == output.split("\r\n")
    assert (0, "\ufeffclub,places held\r\n'=1+1,3\r\n") == run_command("bookings", "--competition", OPEN)
    assert (0, "\ufeffclub,places held\r\n") == run_command("bookings", "--competition", "Fall Classic")
    assert (1, "There is no competition Nix\n") == run_command("bookings", "--competition", "Nix")


def test_export_without_a_journal_says_that_there_is_none():
    done = server.app.test_cli_runner().invoke(args=["bookings"])
    expected = (
        "\ufeffnumber,time in UTC,club,competition,places,points\r\n",
        "GUDLFT_JOURNAL is not set: no bookings are kept\n",
    )
    assert expected == (done.stdout_bytes.decode(), done.stderr)


def test_export_with_a_journal_says_nothing_else(journal):
    assert "" == server.app.test_cli_runner().invoke(args=["bookings"]).stderr


def test_refused_host_is_told_on_a_page_of_the_app(monkeypatch):
    monkeypatch.setitem(server.app.config, "TRUSTED_HOSTS", ["club.example"])
    page = Secretary().get("/", Host="evil.example")
    assert 400 == page.status
    assert "This request cannot be read" in page.text
    assert 400 == Secretary().post("/showSummary", {"Host": "evil.example", "Origin": "http://evil.example"}).status
    assert 200 == Secretary().get("/", Host="club.example:8000").status
