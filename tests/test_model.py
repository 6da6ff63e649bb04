"""The app against a plain model: whatever secretaries, the clock and an organiser do, pages show the right figures.

Hypothesis draws what happens: always the same in the profile "fixed", but something new and 30 times as much with
`--hypothesis-profile=long`.
"""

import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
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
from gudlft.journal.sql import SqlJournal
from gudlft.model import Kind
from gudlft.text import fold
from tests.odd_names import CLUB, CLUBS, COMPETITION, COMPETITIONS, MORNING, OPENING, email, open_ledger
from tests.plain_model import Booking, PlainModel
from tests.support import (
    Page,
    Secretary,
    book_address,
    check_conservation,
    exported_rows,
    let_pages_show,
    run_command,
)

EXAMPLES = settings().max_examples  # of the profile; each test takes a share of its own
SIGN_IN_LASTS = timedelta(hours=8)
TOKEN = re.compile('(?<=name="token" value=")[^"]+')
KINDS = {"/purchasePlaces": Kind.BOOKING, "/cancelPlaces": Kind.RETURN}

NONSENSE = ["+3", "1_0", "٣", "1.5", "-1", "0", "", "x" * 5000, "9" * 6]  # no numbers that can be booked
NUMBERS = {str(number): number for number in range(1, 15)} | {" 2 ": 2, "012": 12} | dict.fromkeys(NONSENSE, 0)

BROWSER = st.integers(0, 2)
TYPED = st.sampled_from(["1", "2", "1", "3"] * 10 + list(NUMBERS) + NONSENSE)  # small numbers come more often
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
        form = (club, competition, NUMBERS[typed], action, token)
        if token and form in self.forms_sent:
            return 303

        booking = self.judge(KINDS[action], club, competition, NUMBERS[typed], self.now)
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
        """Return the competitions that have yet to start."""
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


class Shown(NamedTuple):
    """What the machine looks for on a page."""

    figures: dict  # (class, club or competition): number
    most_places: dict  # by competition
    forms: dict  # the fields of each form, by the address that they are sent to
    record: list  # (competition, places, points), newest first, negative if places were given back

    def names(self, kind):
        """Return the competitions, or the clubs, of which a figure is shown."""
        return {name for one_kind, name in self.figures if one_kind == kind}


def read(page):
    """Return what a page shows, with the tokens of its forms."""
    tokens = iter(TOKEN.findall(page.html))
    shown = read_without_tokens(TOKEN.sub("", page.html))
    forms = {action: [fields | {"token": next(tokens)} for fields in shown.forms[action]] for action in KINDS}
    return shown._replace(forms=forms)


@lru_cache(1000)
def read_without_tokens(html):
    """Return what a page shows; between steps, most pages change in nothing but their tokens."""
    page = Page(200, html)
    most_places = {name: number for (kind, name), number in page.figures.items() if kind == "most-places"}
    return Shown(
        figures={key: number for key, number in page.figures.items() if key[0] != "most-places"},
        most_places=most_places,
        forms={action: page.forms(action) for action in KINDS},
        record=read_record(page),
    )


def read_record(page):
    """Return the rows of the club's history, if the page has any: they end with a booking's number."""
    record = []
    for row in page.rows:
        if row[-1].startswith("booking "):
            competition, _, places, points, _ = row
            sign = -1 if places.endswith("given back") else 1
            assert points.endswith("returned" if sign < 0 else "spent")
            record.append((competition, sign * first_number(places), sign * first_number(points)))
    return record


def first_number(text):
    """Return the number with which a text begins."""
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


class SentForm(NamedTuple):
    """A form, and what was typed before it was sent."""

    form: Form
    typed: str


# What happens


class AppInMemory(RuleBasedStateMachine):
    """Several secretaries, a clock and an organiser who restarts the app: a restart loses all bookings."""

    keeps_bookings = False
    forms = Bundle("forms")
    sent = Bundle("sent")

    def __init__(self, patch):
        super().__init__()
        self.patch = patch
        self.patch.setattr(server.app.logger, "disabled", True)
        self.browsers = [Browser() for _ in range(3)]

    # Starting

    @initialize(opening=OPENING, hours=st.lists(HOURS_UNTIL_START, min_size=4, max_size=4))
    def start_first(self, opening, hours):
        starts = [MORNING + timedelta(hours=number) for number in hours]
        self.model = Model(**opening, starts=dict(zip(COMPETITIONS, starts, strict=True)))
        self.start()

    @precondition(lambda self: len(self.model.bookings) > 1)
    @rule(target=sent, opening=OPENING, typed=st.sampled_from(["1", "2"]))
    def start_again(self, opening, typed):
        """Start again, perhaps at another price; let each club book one more place and then give some back."""
        self.model = replace(self.model, **opening)
        if not self.keeps_bookings:
            self.model = replace(self.model, bookings=[], forms_sent=set())
        self.start()

        for browser in (0, 1, 2):
            for form in self.forms_to_book(browser, COMPETITIONS[0]):
                self.post(form, "1")
        return self.give_back(typed)

    def start(self):
        """Start the app and sign each club in: all were signed out, unless there is a journal."""
        let_pages_show(self.open_ledger(), self.patch)
        salt = "session" if self.keeps_bookings else secrets.token_hex()
        sessions = type(server.app.session_interface)
        self.patch.setattr(server.app, "session_interface", sessions(server.app, salt))
        for browser, club in enumerate(CLUBS):
            self.sign_in(browser, club)

    def open_ledger(self, journal=None):
        """Return the ledger of an app that has just been started."""
        model = self.model
        return open_ledger(
            model.points,
            model.places,
            model.starts,
            model.cost,
            model.cap,
            clock=lambda: self.model.now,
            journal=journal,
        )

    # Pages

    def club_of(self, browser):
        """Return the club that is signed in in a browser; None if there is none."""
        if browser.signed_in_club and self.model.now - browser.signed_in_at < SIGN_IN_LASTS:
            return browser.signed_in_club
        return None

    def see(self, browser, page, status):
        """Return what a page shows, having checked its status and that each figure on it agrees with the model."""
        assert status == page.status
        shown = read(page)
        assert shown.figures.items() <= self.model.figures(self.club_of(browser)).items()
        return shown

    def open_competition(self, number, competition, owner=None):
        """Open a competition's page, the club's own unless another is named; return its forms."""
        browser = self.browsers[number]
        club = self.club_of(browser)
        owner = owner or club or CLUBS[0]
        status = self.model.status_of_page(club, competition, owner)
        is_shown = status == 200
        most = self.model.most_places(club, competition) if is_shown else 0
        held = self.model.places_held(club, competition) if is_shown else 0

        shown = self.see(browser, browser.get(book_address(competition, owner)), status)

        forms = [Form(number, action, fields) for action in KINDS for fields in shown.forms[action]]
        possible = [("/purchasePlaces", competition)] * (most > 0) + [("/cancelPlaces", competition)] * (held > 0)
        assert possible == [(form.action, form.fields["competition"]) for form in forms]
        assert most == shown.most_places.get(competition, 0)
        return forms

    def forms_to_book(self, number, competition):
        """Open a competition's page; return a list of the form that books there, or of none."""
        return [form for form in self.open_competition(number, competition) if form.action == "/purchasePlaces"]

    def forms_to_give_back(self, number):
        """Open the competitions where My bookings says that places are held; return the forms that give them back."""
        browser = self.browsers[number]
        club = self.club_of(browser)

        shown = self.see(browser, browser.get("/bookings"), 200 if club else 303)

        held = shown.names("places-held")
        assert self.model.holdings(club) == held
        assert self.model.record(club)[:10] == shown.record
        forms = [form for competition in sorted(held) for form in self.open_competition(number, competition)]
        return [form for form in forms if form.action == "/cancelPlaces"]

    @rule(target=forms, browser=BROWSER, competition=COMPETITION, owner=st.none() | CLUB)
    def open_forms(self, browser, competition, owner):
        return multiple(*self.open_competition(browser, competition, owner))

    # Forms

    def post(self, form, typed, browser=None):
        """Send a form, from the browser that opened it or another; check the answer; return what was sent."""
        sender = self.browsers[form.browser if browser is None else browser]
        status = self.model.send(self.club_of(sender), form.action, form.fields, typed)
        self.see(sender, sender.post(form.action, **form.fields | {"places": typed}), status)
        return SentForm(form, typed)

    @rule(target=sent, browser=BROWSER, competition=COMPETITION, typed=TYPED)
    def book(self, browser, competition, typed):
        return multiple(*[self.post(form, typed) for form in self.forms_to_book(browser, competition)])

    @precondition(lambda self: self.model.bookings)
    @rule(target=sent, typed=TYPED)
    def give_back(self, typed):
        """Let each browser give places back wherever its club holds any."""
        forms = [form for browser in (0, 1, 2) for form in self.forms_to_give_back(browser)]
        return multiple(*[self.post(form, typed) for form in forms])

    @rule(target=sent, form=forms, typed=TYPED, browser=st.none() | BROWSER)
    def send(self, form, typed, browser):
        return self.post(form, typed, browser)

    @rule(sent_form=sent, browser=st.none() | BROWSER)
    def send_again(self, sent_form, browser):
        self.post(sent_form.form, sent_form.typed, browser)

    @rule(
        target=sent,
        sent_form=sent,
        other=forms,
        names=st.sets(st.sampled_from(["club", "competition", "token"]), min_size=1),
    )
    def send_forged(self, sent_form, other, names):
        """Send a form again with the names or the token of another form, or without them."""
        form = sent_form.form
        own_fields = {name: value for name, value in form.fields.items() if name not in names}
        other_fields = {name: value for name, value in other.fields.items() if name in names}
        return self.post(form._replace(fields=own_fields | other_fields), sent_form.typed)

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
    def bookings_agree(self):
        assert self.model.bookings == [Booking(*entry[2:6]) for entry in server.opened.ledger.entries]
        if not self.keeps_bookings:  # else the organiser may have restarted with less than was booked
            check_conservation(server.opened.ledger)

    @invariant()
    def points_board_agrees(self):
        board = read(Secretary().get("/pointsBoard"))

        points = {club: self.model.points_left(club) for club in CLUBS}
        ranked = sorted(CLUBS, key=lambda club: (-points[club], fold(club)))
        assert [(("points-left", club), points[club]) for club in ranked] == list(board.figures.items())

    @invariant()
    def programme_agrees(self):
        programme = read(Secretary().get("/competitions"))

        figures = {("places-left", name): self.model.places_left(name) for name in self.model.upcoming()}
        assert figures == programme.figures

    @invariant()
    def pages_of_the_signed_in_agree(self):
        for browser in self.browsers:
            club = self.club_of(browser)
            if club:
                summary = self.see(browser, browser.get("/showSummary"), 200)
                history = self.see(browser, browser.get("/bookings?show=all"), 200)
                assert self.model.figures(club) == summary.figures
                assert self.model.record(club)[:100] == history.record


class AppWithJournal(AppInMemory):
    """The same app with a journal in SQLite: bookings and sign-outs survive a restart, and can be exported."""

    keeps_bookings = True

    def __init__(self, patch):
        super().__init__(patch)
        self.folder = TemporaryDirectory()
        self.journal = None

    def teardown(self):
        if self.journal:  # Hypothesis may give up before the first start
            self.journal.close()
        self.folder.cleanup()

    def open_ledger(self):
        if self.journal:
            self.journal.close()
        self.journal = SqlJournal("sqlite:///bookings.db", self.folder.name)
        return super().open_ledger(self.journal)

    @invariant()
    def export_agrees(self):
        rows = exported_rows(run_command("bookings"))[1:]

        assert [[str(value) for value in booking] for booking in self.model.bookings] == [row[2:] for row in rows]


@pytest.mark.parametrize("app", [AppInMemory, AppWithJournal])
def test_app_agrees_with_a_plain_model_whatever_happens(app, monkeypatch):
    histories = settings(max_examples=EXAMPLES // 10, stateful_step_count=40)

    run_state_machine_as_test(lambda: app(monkeypatch), settings=histories)
