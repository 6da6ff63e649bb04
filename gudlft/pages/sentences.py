"""The sentences of pages and of errors. Refusals stand beside their rules, in rules.py."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from ..model import Club, Entry, Outcome
from ..rules import Limit, Standing, Status, Terms
from ..settings import Contact
from ..text import MONTHS, WEEKDAYS, Moment, are, noun_for, plural
from .search import Choice, Show

# Signing in

EMAIL_EMPTY = "Enter your email address"
EMAIL_MALFORMED = "Enter an email address in the correct format, like name@example.com"
TOO_MANY_ATTEMPTS = "Too many attempts. Wait a minute and try again"
CODE_HINT = "8 letters and digits from the mail, like 7QKM-2XPD"
CODE_SENT = "If a club has this email address, a code is on its way to it. Enter it here within 10 minutes"
NO_CODE_SENT = "No code is on its way to this browser: ask for one on the sign-in page"
CODE_WRONG = "This code does not work. Check it, or ask for a new one"
CODE_CANNOT_BE_CHECKED = "Nobody can sign in at the moment. Try again in a minute"
SIGNED_OUT = "You are signed out"
SIGN_IN_TO_CONTINUE = "You are not signed in. Sign in to continue"
SIGN_IN_TO_BOOK = "You are not signed in and nothing was booked. Sign in to book"
SIGN_IN_TO_GIVE_BACK = "You are not signed in and nothing was changed. Sign in to give places back"


def email_unknown(contact: Contact | None) -> str:
    """Say that no club has the address, and whom to ask if somebody is named."""
    sentence = "We cannot find a club with this email address. Check the address and try again"
    if contact:
        return f"{sentence}, or ask {contact.text}"
    return sentence


# Booking

UNKNOWN_COMPETITION = "We cannot find this competition. Choose one from the list"
ANOTHER_SITE = "This form was sent from another site and nothing was changed. Open the page here and try again"
NO_CLUB = "You are signed in as an organiser. Places are booked and given back by clubs"
FIGURES_MAY_BE_OLD = "These figures may be a little old: the bookings cannot be read at the moment"
NO_CLUBS = "There are no clubs yet"
NO_UPCOMING = "There are no upcoming competitions"
NO_PAST = "There are no past competitions"
NO_BOOKINGS = "Your club has no bookings yet."
NO_HOLDINGS = "Your club holds no places at upcoming competitions."
NO_ENTRIES = "No club holds places at this competition"
NOTHING_FOUND = "No competition fits what you chose."
CLUBS_BOOK = "Clubs book places with their points"
ORDER_OF_BOARD = "Most points first, then by name"
ORDER_OF_BOOKINGS = "Newest first. Quote the number if you ask about a booking"
ORDER_OF_HOLDINGS = "Places held, soonest first"
ORDER_OF_NEXT = "Soonest first"
ORDER_OF_PAST = "Latest first. Booking closed when they started"
PLACES_MAY_COME_BACK = "Places that other clubs give back appear here at once"
VIEWS = {Show.ALL: "All", Show.BOOKABLE: "You can book", Show.MINE: "Yours"}


def another_club(club: Club) -> str:
    """Say that a page or a form is not that of the signed-in club."""
    return f"This page belongs to another club. You are signed in as {club.name}"


def only_for_organisers(club: Club) -> str:
    """Say that a page is not for the signed-in club."""
    return f"This page is for organisers. You are signed in as {club.name}"


def what_was_done(outcome: Outcome) -> str:
    """Say what was booked or given back, and how many points were left as of it."""
    entry = outcome.entry
    places = plural(abs(entry.places), "place")
    points = plural(abs(entry.points), "point")
    left = plural(outcome.points_left, "point")
    if outcome.points_left < 0:
        now = overspent(-outcome.points_left)
    elif entry.places > 0:
        now = f"{left} {are(outcome.points_left)} left"
    else:
        now = f"{left} available"

    if entry.places > 0:
        return f"Great-booking complete! Your club has booked {places} in {entry.competition} for {points}. {now}"
    return f"{places} in {entry.competition} given back. {points} returned, {now}"


def overspent(points: int) -> str:
    """Say that a club has spent more than it has: the organiser lowered its points."""
    return f"{plural(points, 'point')} more {are(points)} spent than your club has"


def oversold(places: int) -> str:
    """Say that more places are booked than there are: the organiser lowered their number."""
    return f"{places} more {are(places)} booked than there are"


def given_back(entry: Entry) -> str:
    """Say how many places an entry gave back, and why if nobody asked for it."""
    if entry.is_of_cancelled:
        return f"{plural(-entry.places, 'place')} given back: cancelled"
    return f"{-entry.places} given back"


def points_buy(points: int, terms: Terms) -> str:
    """Say how many places a club's points pay for."""
    cost = terms.cost_per_place
    if points < cost:
        return f"Not enough for a place ({plural(cost, 'point')})"
    return f"Enough for {plural(points // cost, 'place')} at {plural(cost, 'point')} each"


def what_returns(standing: Standing) -> str:
    """Say what a club holds and what giving it back returns, to end the label of the field for it."""
    paid = standing.points_paid
    held = standing.places_held
    if paid % held:
        return f"you hold {held}; all return {plural(paid, 'point')}"
    return f"you hold {held}; {plural(paid // held, 'point')} each"


def why_not_more(status: Status) -> str:
    """Say what the places cost and which limit binds, to end the hint that names the most places."""
    price = f"{noun_for(status.most, 'place')} at {plural(status.terms.cost_per_place, 'point')} each"
    return f"{price}, because {what_binds(status)}"


def what_binds(status: Status) -> str:
    """Say which limit keeps a club from booking more."""
    standing = status.standing
    if status.limit is Limit.POINTS:
        return f"your club has {plural(standing.points_left, 'point')}"
    if status.limit is Limit.PLACES:
        return f"{standing.places_left} {are(standing.places_left)} left"
    cap = f"a club may hold {status.terms.max_places_per_club}"
    if standing.places_held:
        return f"{cap} and yours holds {standing.places_held}"
    return cap


def places_held(holdings: Sequence[Status]) -> str:
    """Say how many places a club holds, at how many competitions, and when the next of these is."""
    places = sum(status.standing.places_held for status in holdings)
    start = holdings[0].competition.start
    return (
        f"{plural(places, 'place')} at {plural(len(holdings), 'competition')}; "
        f"next: {start.weekday} {start.day} {start.month}"
    )


# Lists


def competitions_found(choice: Choice, found: int, total: int) -> str:
    """Say how many of all competitions match a choice, and how they are sorted."""
    noun = noun_for(total, "competition")
    order = "latest first" if choice.show is Show.PAST else "soonest first"
    if choice.is_narrow:
        return f"{found:,} of {total:,} {noun}, {order}"
    return f"{total:,} {noun}, {order}"


def places_booked(booked: int, places: int, competitions: int) -> str:
    """Say how full competitions are together."""
    return (
        f"{booked:,} of {places:,} {noun_for(places, 'place')} booked "
        f"at {competitions:,} {noun_for(competitions, 'competition')}"
    )


def rank_in_words(rank: int, clubs: int) -> str:
    """Say which place a club has on the points board, like 31st of 60."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    if rank % 100 in (11, 12, 13):
        ending = "th"
    return f"{rank:,}{ending} of {clubs:,}"


def moment(utc: datetime) -> Markup:
    """Return a moment in the server's time zone, as HTML."""
    local = time.localtime(utc.timestamp())  # half the time of astimezone(), and a list has hundreds of moments
    at = f"{local.tm_hour:02}:{local.tm_min:02}"
    iso = f"{local.tm_year}-{local.tm_mon:02}-{local.tm_mday:02}T{at}"
    words = f"{WEEKDAYS[local.tm_wday]} {local.tm_mday} {MONTHS[local.tm_mon]} {local.tm_year}, {at}"
    return Markup(f'<time datetime="{iso}">{words}</time>')  # noqa: S704


def as_of(now: datetime) -> str:
    """Say when a page was made: whoever prints it may do so later."""
    return f"As of {Moment.of(now).words}"


# Names and addresses in sentences


def untranslated(sentence: str, name: str | None) -> str:
    """Return a sentence in which browsers that translate the page leave a name alone."""
    if not name or name not in sentence:
        return sentence
    before, _, after = sentence.rpartition(name)
    return escape(before) + Markup('<span translate="no">') + name + Markup("</span>") + after


def breakable(sentence: str) -> Markup:
    """Return a sentence in which an email address may go to the next line behind its @."""
    return escape(sentence).replace("@", Markup("@<wbr>"))


# Errors


@dataclass(frozen=True)
class ErrorText:
    """The title of an error's page, and what to do."""

    title: str
    advice: str


ERRORS = {
    400: ErrorText("This request cannot be read", "Open the page again from its link and try once more"),
    404: ErrorText("Page not found", "Check the address, or go on from one of the pages below"),
    405: ErrorText(
        "This address does not work that way",
        "Nothing was changed. Open the page from its link and use its buttons",
    ),
    413: ErrorText("The form is too large", "Nothing was changed. Send only what the fields of the page ask for"),
    500: ErrorText("Sorry, something went wrong", "Nothing was booked or given back. Try again in a minute"),
    503: ErrorText(
        "Clubs or competitions are being changed",
        "Open the page again in a moment, or send the form again: it books at most once",
    ),
}
CARRIED_OUT = ErrorText(
    "Sorry, something went wrong",
    "Your request was carried out, but its page could not be shown: My bookings has it",
)
NOT_BOOKED = ErrorText(
    "Bookings are not possible now",
    "Nothing was booked or given back by this try. Send the form again in a minute: it books at most once",
)
IN_DOUBT = ErrorText(
    "Check your bookings",
    "It is not certain whether your places were booked or given back. "
    "Look at My bookings, or send the form again: it books at most once",
)
ANOTHER_COPY = ErrorText(
    "Bookings are taken elsewhere",
    "Another copy of this app takes the bookings. Ask whoever runs it (the log names the setting)",
)
