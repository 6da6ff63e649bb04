"""The app against a plain model: whatever secretaries, the clock and an organiser do, pages show the right figures.

Hypothesis draws what happens: always the same in the profile "fixed", but something new and 30 times as much with
`--hypothesis-profile=long`.
"""

import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import settings
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

import server
from gudlft.cookies import CookieSerializer
from gudlft.journal import NoJournal
from gudlft.journal.sql import SqlJournal
from gudlft.model import Kind
from gudlft.text import fold
from tests.odd_names import CLUB, CLUBS, COMPETITION, COMPETITIONS, MORNING, OPENING, email, open_ledger
from tests.plain_model import Booking, PlainModel
from tests.support import (
    Secretary,
    book_address,
    check_conservation,
    exported_rows,
    let_pages_show,
    run_command,
)

EXAMPLES = settings().max_examples  # of the profile
SIGN_IN_LASTS = timedelta(hours=8)
KINDS = {"/purchasePlaces": Kind.BOOKING, "/cancelPlaces": Kind.RETURN}

BROWSER = st.integers(0, 2)
TYPED = st.sampled_from(["1", "2", "1", "3"] * 4 + ["13", "0"])  # small numbers come more often
HOURS_UNTIL_START = st.sampled_from([9, 40, 1, 100, -1])


# What must be


@dataclass
class Model(PlainModel):
    """The plain model, with the time and the forms that were sent so far."""

    now: datetime = MORNING
    forms_sent: set = field(default_factory=set)

    def send(self, club, action, fields, typed):
        """Book or give back what the form says, for the signed-in club, if any; return the status of the answer."""
        if club is None or fields.get("club", club) != club:
            return 403
        competition = fields["competition"]
        if competition not in self.places:
            return 404

        token = fields.get("token")
        form = (club, competition, int(typed), action, token)
        if token and form in self.forms_sent:
            return 303

        booking = self.judge(KINDS[action], club, competition, int(typed), self.now)
        if booking is None:
            return 400
        self.bookings.append(booking)
        self.forms_sent.add(form)
        return 303

    def status_of_page(self, club, competition, owner):
        """Return the status of a club's page of a competition, opened by a signed-in club or, if None, by nobody."""
        if club is None:
            return 303
        if club != owner:
            return 403
        if competition not in self.places:
            return 404
        return 200 if self.is_open(competition, self.now) else 400

    def upcoming(self):
        return {competition for competition in self.places if self.is_open(competition, self.now)}

    def holdings(self, club):
        """Return the upcoming competitions at which a club holds places."""
        return {competition for competition in self.upcoming() if club and self.places_held(club, competition)}

    def figures(self, club):
        """Return the figures that a club's pages must show, or those that the signed-out see if it is None."""
        figures = {("points-left", name): self.points_left(name) for name in self.points}
        for competition in self.places:
            figures["places-left", competition] = self.places_left(competition)
            if club:
                figures["places-held", competition] = self.places_held(club, competition)
        return figures

    def record(self, club):
        """Return what a club booked, newest first, as (competition, places, points)."""
        return [booking[1:] for booking in reversed(self.bookings) if booking.club == club]


# What pages show


def figures_of(page):
    return {key: number for key, number in page.figures.items() if key[0] != "most-places"}


def record_of(page):
    """Return the rows of the club's history: they end with a booking's number. Places given back are negative."""
    record = []
    for competition, _, places, points, _ in [row for row in page.rows if row[-1].startswith("booking ")]:
        sign = -1 if places.endswith("given back") else 1
        assert points.endswith("returned" if sign < 0 else "spent")
        record.append((competition, sign * first_number(places), sign * first_number(points)))
    return record


def first_number(text):
    return int(re.match("[0-9]+", text)[0])


class Browser(Secretary):
    """A secretary's browser: which club signed in there last, and when."""

    signed_in_club = None
    signed_in_at = None


class Form(NamedTuple):
    """A form that a page showed: its browser, the address that it is sent to, its fields."""

    browser: int
    action: str
    fields: dict


# What happens


class App(RuleBasedStateMachine):
    """Several secretaries, a clock and an organiser who restarts the app: only a journal in SQLite survives that."""

    forms = Bundle("forms")

    def __init__(self, patch):
        super().__init__()
        self.patch = patch
        self.patch.setattr(server.app.logger, "disabled", True)
        self.browsers = [Browser() for _ in range(3)]
        self.folder = TemporaryDirectory()
        self.journal = None
        self.seen = None  # the state of the model with which all pages agreed last

    def teardown(self):
        if self.journal:  # Hypothesis may give up before the first start
            for browser in range(3):
                for competition in COMPETITIONS:
                    self.send_what_a_refusal_names(browser, competition, excess=1)
            self.journal.close()
        self.folder.cleanup()

    # Starting

    @initialize(opening=OPENING, hours=st.lists(HOURS_UNTIL_START, min_size=4, max_size=4), keeps=st.booleans())
    def start_first(self, opening, hours, keeps):
        starts = [MORNING + timedelta(hours=number) for number in hours]
        self.keeps_bookings = keeps
        self.model = Model(**opening, starts=dict(zip(COMPETITIONS, starts, strict=True)))
        self.start()

    @precondition(lambda self: len(self.model.bookings) > 1)
    @rule(opening=OPENING, typed=st.sampled_from(["1", "2"]))
    def start_again(self, opening, typed):
        """Start again, perhaps at another price; let each club book one more place and then give some back."""
        self.journal.close()
        self.model = replace(self.model, **opening)
        if not self.keeps_bookings:
            self.model = replace(self.model, bookings=[], forms_sent=set())
        self.start()

        for browser in (0, 1, 2):
            for form in self.forms_to_book(browser, COMPETITIONS[0]):
                self.post(form, "1")
        self.give_back(typed)

    def start(self):
        """Start the app and sign each club in: all were signed out, unless there is a journal."""
        self.seen = None
        model = self.model
        folder = self.folder.name
        self.journal = SqlJournal("sqlite:///bookings.db", folder) if self.keeps_bookings else NoJournal(folder)
        data = model.points, model.places, model.starts, model.cost, model.cap
        let_pages_show(open_ledger(*data, clock=lambda: self.model.now, journal=self.journal), self.patch)
        salt = "session" if self.keeps_bookings else secrets.token_hex()
        self.patch.setattr(server, "cookie_serializer", CookieSerializer(server.app.secret_key, salt))
        for browser, club in enumerate(CLUBS):
            self.sign_in(browser, club)

    # Pages

    def club_of(self, browser):
        if browser.signed_in_club and self.model.now - browser.signed_in_at < SIGN_IN_LASTS:
            return browser.signed_in_club
        return None

    def see(self, browser, page, status):
        """Return a page, having checked its status and that each figure on it agrees with the model."""
        assert status == page.status
        assert figures_of(page).items() <= self.model.figures(self.club_of(browser)).items()
        return page

    def open_competition(self, number, competition, owner=None):
        """Open a competition's page, the club's own unless another is named; return its forms."""
        browser = self.browsers[number]
        club = self.club_of(browser)
        owner = owner or club or CLUBS[0]
        status = self.model.status_of_page(club, competition, owner)
        is_shown = status == 200
        most = self.model.most_places(club, competition) if is_shown else 0
        held = self.model.places_held(club, competition) if is_shown else 0

        page = self.see(browser, browser.get(book_address(competition, owner)), status)

        forms = [Form(number, action, fields) for action in KINDS for fields in page.forms(action)]
        possible = [("/purchasePlaces", competition)] * (most > 0) + [("/cancelPlaces", competition)] * (held > 0)
        assert possible == [(form.action, form.fields["competition"]) for form in forms]
        assert most == page.figures.get(("most-places", competition), 0)
        return forms

    def forms_to_book(self, number, competition):
        return [form for form in self.open_competition(number, competition) if form.action == "/purchasePlaces"]

    def forms_to_give_back(self, number):
        """Open the competitions where My bookings says that places are held; return the forms that give them back."""
        browser = self.browsers[number]
        club = self.club_of(browser)

        page = self.see(browser, browser.get("/bookings"), 200 if club else 303)

        held = {name for kind, name in page.figures if kind == "places-held"}
        assert self.model.holdings(club) == held
        assert self.model.record(club)[:10] == record_of(page)
        forms = [form for competition in sorted(held) for form in self.open_competition(number, competition)]
        return [form for form in forms if form.action == "/cancelPlaces"]

    @rule(target=forms, browser=BROWSER, competition=COMPETITION, owner=st.none() | CLUB)
    def open_forms(self, browser, competition, owner):
        return multiple(*self.open_competition(browser, competition, owner))

    # Forms

    def post(self, form, typed, browser=None):
        """Send a form, from the browser that opened it or another; return the answer, having checked it."""
        sender = self.browsers[form.browser if browser is None else browser]
        status = self.model.send(self.club_of(sender), form.action, form.fields, typed)
        return self.see(sender, sender.post(form.action, **form.fields | {"places": typed}), status)

    @rule(browser=BROWSER, competition=COMPETITION, typed=TYPED)
    def book(self, browser, competition, typed):
        for form in self.forms_to_book(browser, competition):
            self.post(form, typed)

    @precondition(lambda self: self.model.bookings)
    @rule(typed=TYPED)
    def give_back(self, typed):
        """Let each browser give places back wherever its club holds any."""
        for browser in (0, 1, 2):
            for form in self.forms_to_give_back(browser):
                self.post(form, typed)

    @rule(form=forms, typed=TYPED, browser=st.none() | BROWSER)
    def send(self, form, typed, browser):
        """Send a form that was opened some time ago, perhaps for the second time, or from another club's browser."""
        self.post(form, typed, browser)

    @rule(browser=BROWSER, competition=COMPETITION, excess=st.integers(1, 30))
    def send_what_a_refusal_names(self, browser, competition, excess):
        """Ask for too much: whatever number the refusal names can be booked, or given back, at once."""
        model = self.model
        for form in self.open_competition(browser, competition):
            parties = self.club_of(self.browsers[browser]), competition
            is_booking = form.action == "/purchasePlaces"
            most = model.most_places(*parties) if is_booking else model.places_held(*parties)
            refused = self.post(form, str(most + excess))
            named = re.search(r"(?:enough for|only|at most) (\d+)", refused.problem)[1]
            assert str(most) == named
            self.post(form, named)

    # Signing in and out, and time

    def sign_in(self, number, club):
        browser = self.browsers[number]
        self.see(browser, browser.post("/showSummary", email=f" {email(club).upper()} "), 303)
        browser.signed_in_club = club
        browser.signed_in_at = self.model.now

    @precondition(lambda self: self.model.bookings)
    @rule(number=BROWSER, club=st.none() | CLUB)
    def sign_out_and_in(self, number, club):
        """Sign out, see that a copy of the cookie is refused, and sign in as another club or not at all."""
        browser = self.browsers[number]
        copy = browser.client.get_cookie(server.app.config["SESSION_COOKIE_NAME"])
        self.see(browser, browser.post("/logout"), 303)
        browser.signed_in_club = None
        if copy:
            browser.take_cookie(copy.value)
            self.see(browser, browser.get("/bookings"), 303)
        if club:
            self.sign_in(number, club)

    @precondition(lambda self: self.model.bookings)
    @rule(number=BROWSER, minutes=st.sampled_from([10, 90, 480]), seconds=st.sampled_from([0, -1, 1]))
    def wait(self, number, minutes, seconds):
        """Open forms, wait some minutes, but not past the next start by more than a second, and send them.

        Clubs whose sign-in has ended by then sign in again, except in this browser.
        """
        model = self.model
        forms = [form for competition in COMPETITIONS for form in self.open_competition(number, competition)]
        moments = [start + timedelta(seconds=seconds) for start in model.starts.values() if start > model.now]
        model.now = max(model.now, min([model.now + timedelta(minutes=minutes), *moments]))

        for form in forms:
            self.post(form, "1")
        for competition in COMPETITIONS:
            self.open_competition(number, competition)
        for other, browser in enumerate(self.browsers):
            if other != number and browser.signed_in_club and not self.club_of(browser):
                self.sign_in(other, browser.signed_in_club)

    # What must agree after each step

    @invariant()
    def all_agrees(self):
        """Compare the bookings with the model, and all pages if anything has changed since they agreed."""
        model = self.model
        assert model.bookings == [Booking(*entry[2:6]) for entry in server.opened.ledger.entries]
        state = (model.now, len(model.bookings), [self.club_of(browser) for browser in self.browsers])
        if state != self.seen:
            self.seen = state
            self.check_pages_of_everybody()
            for browser in filter(self.club_of, self.browsers):
                self.check_pages_of_a_club(browser)

    def check_pages_of_everybody(self):
        model = self.model
        board = Secretary().get("/pointsBoard")
        points = {club: model.points_left(club) for club in CLUBS}
        ranked = sorted(CLUBS, key=lambda club: (-points[club], fold(club)))
        assert [(("points-left", club), points[club]) for club in ranked] == list(board.figures.items())
        programme = {("places-left", name): model.places_left(name) for name in model.upcoming()}
        assert programme == Secretary().get("/competitions").figures
        if self.keeps_bookings:
            rows = exported_rows(run_command("bookings"))[1:]
            assert [[str(value) for value in booking] for booking in model.bookings] == [row[2:] for row in rows]
        else:  # with a journal, the organiser may have restarted with less than was booked
            check_conservation(server.opened.ledger)

    def check_pages_of_a_club(self, browser):
        club = self.club_of(browser)
        summary = self.see(browser, browser.get("/showSummary"), 200)
        history = self.see(browser, browser.get("/bookings?show=all"), 200)
        assert self.model.figures(club) == figures_of(summary)
        assert self.model.record(club)[:100] == record_of(history)


def test_app_agrees_with_a_plain_model_whatever_happens(monkeypatch):
    histories = settings(max_examples=EXAMPLES // 8, stateful_step_count=40)

    run_state_machine_as_test(lambda: App(monkeypatch), settings=histories)
