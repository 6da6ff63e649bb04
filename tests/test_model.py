"""What nobody thought of: the app against a plain model, named numbers, hostile requests, races through HTTP.

Hypothesis draws what happens: always the same in the profile "fixed", anew and 30 times as much with
`--hypothesis-profile=long`.
"""

import secrets
from collections import namedtuple
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from urllib.parse import quote

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

import rules
import server

EXAMPLES = settings().max_examples  # of the profile; each test takes a share of its own
CLUBS = ["Simply Lift", "Élan/<Fils> & Co", 'The "Iron" 50%?#.']
COMPETITIONS = ["Spring Festival", "/Coupe d'Été/", "100% <b>Cup</b>?#&.", "💪"]
MORNING = datetime(2050, 3, 27, 9, tzinfo=timezone.utc)


# Reading pages


class Page(HTMLParser):
    """The figures, forms and table rows of a page, as a script reads them."""

    def __init__(self, response):
        super().__init__()
        self.open, self.figures, self.forms, self.rows = [], {}, [], []
        self.feed(response.text)
        self.close()
        self.most = self.figures.pop(("most-places", None), None)

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
            owners = [its.get("data-club", its.get("data-competition")) for _, its in self.open]
            figure = self.open[-1][1]["class"], next(filter(None, reversed(owners)), None)
            assert self.open[-1][1]["value"] == text
            assert self.figures.setdefault(figure, int(text)) == int(text)  # wherever the page shows it

    def record(self):
        """Return (competition, places, points) of each booking shown, those given back negative."""
        words = [(row[2], row[3].split(), row[4].split()) for row in self.rows if len(row) == 5 and row[0].isdigit()]
        signs = {("booked", "spent"): 1, ("back", "returned"): -1}
        return [
            (competition, int(places[0]) * sign, int(points[0]) * sign)
            for competition, places, points in words
            for sign in [signs[places[-1], points[-1]]]
        ]


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
NUMBERS = {str(number): number for number in range(1, 15)} | {" 2 ": 2, "012": 12}  # what is typed, and what it means
NUMBERS |= dict.fromkeys(["", "0", "-1", "1.5", "1_0", "+3", "٣", "x" * 5000, "9" * 6], 0)  # nothing that can be booked

TYPED = st.sampled_from(["2", "1", "3"]) | st.sampled_from(list(NUMBERS))
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
            "cost": st.sampled_from([3, 3, 1, 7]),
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
        self.browsers = [Browser() for _ in range(3)]

    def teardown(self):
        self.patch.undo()

    def make_ledger(self):
        """Return the ledger of a freshly started app."""
        model = self.model
        return make_ledger(model.points, model.places, model.starts, model.cost, model.cap)

    def club(self, browser):
        """Return the club that is signed in: for eight hours."""
        return browser.club if browser.club and self.model.now - browser.since < timedelta(hours=8) else None

    def read(self, browser, response, status):
        """Return the page, having checked its status and that each figure on it agrees with the model."""
        assert status == response.status_code
        page = Page(response)
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

    def send_each(self, forms, typed):
        """Send the forms; return what was sent."""
        return multiple(*[self.post(form, typed) for form in forms])

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

    @initialize(opening=opening_figures(), hours=st.lists(st.sampled_from([2, 1, 5, 12, -1]), min_size=4, max_size=4))
    def start_first(self, opening, hours):
        self.model = Model([MORNING + timedelta(hours=its) for its in hours])
        self.start(opening)

    @precondition(lambda self: len(self.model.bookings) > 2)
    @rule(opening=opening_figures())
    def start_again(self, opening):
        self.start(opening)

    @precondition(lambda self: self.model.bookings)
    @rule(minutes=st.integers(0, 90), seconds=st.sampled_from([-1, 0, 1]))
    def wait(self, minutes, seconds):
        """Wait some minutes, but not past the next start by more than a second."""
        model = self.model
        starts = [start for start in model.starts.values() if start > model.now]
        latest = min(starts, default=model.now) + timedelta(seconds=seconds)
        model.now = max(model.now, min(model.now + timedelta(minutes=minutes), latest))

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
        return self.send_each(self.booking_forms(browser, competition), typed)

    @rule(target=sent, browser=BROWSERS, typed=TYPED)
    def give_back(self, browser, typed):
        return self.send_each(self.forms_to_give_back(browser), typed)

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
        board = Page(server.app.test_client().get("/pointsBoard"))
        ranks = sorted(model.points, key=lambda club: (-model.points_left(club), club.casefold()))
        assert [(("points-left", club), model.points_left(club)) for club in ranks] == list(board.figures.items())
        for browser in self.browsers:
            if club := self.club(browser):
                summary = self.read(browser, browser.client.get("/showSummary"), 200)
                assert model.figures(club) == summary.figures
                bookings = self.read(browser, browser.client.get("/bookings"), 200)
                assert [one[1:] for one in reversed(model.bookings) if one.club == club] == bookings.record()


@pytest.mark.parametrize("app", [AppInMemory])
def test_app_agrees_with_a_plain_model_whatever_happens(app):
    run_state_machine_as_test(app, settings=settings(max_examples=EXAMPLES * 2 // 5, stateful_step_count=40))
