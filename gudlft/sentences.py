"""The sentences of the pages. Refusals stand beside their rules; headings, labels and links in the templates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .model import Club
from .rules import Limit, Standing, Terms
from .search import Choice, Show
from .text import are, noun_for, plural

ABOUT = "GÜDLFT Registration: places at strength-sport competitions, for points."

# Signing in

SIGN_IN = "Sign in with your club's email address to book places at competitions with your club's points."
EMAIL_EMPTY = "Enter your email address"
EMAIL_MALFORMED = "Enter an email address in the correct format, like name@example.com"
TOO_MANY_ATTEMPTS = "Too many attempts. Wait a minute and try again"
CODE_HINT = "8 letters and digits from the mail, like 7QKM-2XPD"
CODE_SENT = "If a club has this email address, a code is on its way to it. Enter it here within 10 minutes"
ANOTHER_CODE = "Another code was asked for. Only the latest one works"
CODE_WRONG = "This code does not work. Check it, or ask for a new one"
CODE_CANNOT_BE_CHECKED = "Nobody can sign in at the moment. Try again in a minute"
SIGNED_OUT = "You are signed out"
SIGN_IN_TO_CONTINUE = "You are not signed in. Sign in to continue"
SIGN_IN_TO_BOOK = "You are not signed in and nothing was booked. Sign in to book"
SIGN_IN_TO_GIVE_BACK = "You are not signed in and nothing was changed. Sign in to book"


def email_unknown(contact: str | None) -> str:
    """Say that no club has the address, and whom to ask if somebody is named."""
    sentence = "We cannot find a club with this email address. Check the address and try again"
    if contact:
        return f"{sentence}, or ask {contact}"
    return sentence


def too_many_codes(seconds: int) -> str:
    """Say how long to wait, in minutes, rounded up."""
    return f"Too many codes. Wait {plural(math.ceil(seconds / 60), 'minute')} and try again"


# Booking

UNKNOWN_COMPETITION = "We cannot find this competition. Choose one from the list"
ANOTHER_SITE = "This form was sent from another site and nothing was changed. Open the page here and try again"
FIGURES_MAY_BE_OLD = "These figures may be a little old: the bookings cannot be read at the moment"
NO_CLUBS = "There are no clubs yet."
NO_UPCOMING = "There are no upcoming competitions."
NO_PAST = "There are no past competitions."
NO_BOOKINGS = "Your club has no bookings yet."
ORDER_OF_BOARD = "Most points first, then by name."
ORDER_OF_BOOKINGS = "Newest first. Quote the booking number when you ask about one"
ORDER_OF_PAST = "Latest first. Booking closed when they started"
NOTHING_FOUND = "No competition fits what you chose."
PLACES_MAY_COME_BACK = "Places that other clubs give back appear here at once."
SHOW_CHOICES = {Show.ALL: "All", Show.BOOKABLE: "You can book", Show.MINE: "Yours"}


def another_club(club: Club) -> str:
    """Say that a page or a form is not that of the signed-in club."""
    return f"This page belongs to another club. You are signed in as {club.name}"


class Receipt(NamedTuple):
    """What an order did, for the page after it: places and points that were given back are negative."""

    number: int
    competition: str
    places: int
    points: int
    points_left: int
    page_number: int  # of My bookings, where the competition's card is

    @classmethod
    def read(cls, kept: Mapping) -> "Receipt | None":
        """Return the receipt that a session kept; None if there is none, or another version of the app kept it."""
        kinds = {name: type(value) for name, value in kept.items()}
        return cls(**kept) if kinds == cls.__annotations__ else None

    @property
    def title(self) -> str:
        """Say in two or three words what was done."""
        if self.places > 0:
            return "Places booked"
        return "Places given back"

    @property
    def sentence(self) -> str:
        """Say what was booked or given back, and what is left."""
        if self.places > 0:
            return (
                f"Great-booking complete! Your club has booked {plural(self.places, 'place')} in {self.competition} "
                f"for {plural(self.points, 'point')}. {plural(self.points_left, 'point')} {are(self.points_left)} left"
            )
        return (
            f"{plural(-self.places, 'place')} in {self.competition} given back. "
            f"{plural(-self.points, 'point')} returned, {plural(self.points_left, 'point')} available"
        )


def points_buy(points: int, cost: int) -> str:
    """Say how many places a club's points pay for."""
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


class Bookable(NamedTuple):
    """What the hint of the booking form is made of: the most places, and the limit that binds."""

    places: int
    limit: Limit


def why_not_more(bookable: Bookable, standing: Standing, terms: Terms) -> str:
    """Say which limit binds, to end the hint that names the most places."""
    if bookable.limit is Limit.POINTS:
        return f"because your club has {plural(standing.points_left, 'point')}"
    if bookable.limit is Limit.PLACES:
        return f"because {standing.places_left} {are(standing.places_left)} left"
    return f"because a club may hold {terms.max_places_per_club}"


def competitions_found(choice: Choice, found: int, total: int) -> str:
    """Say how many of all competitions match a choice, and how they are sorted."""
    noun = noun_for(total, "competition")
    order = "latest first" if choice.show is Show.PAST else "soonest first"
    if choice.is_narrow:
        return f"{found:,} of {total:,} {noun}, {order}"
    return f"{total:,} {noun}, {order}"


# Errors


@dataclass(frozen=True)
class ErrorText:
    """The title of an error's page, and what to do."""

    title: str
    advice: str


ERRORS = {
    400: ErrorText("This request cannot be read", "Open the page again from its link and try once more."),
    404: ErrorText("Page not found", "Check the address, or go on from one of the pages below."),
    405: ErrorText(
        "This address does not work that way",
        "Nothing was changed. Open the page from its link and use its buttons.",
    ),
    413: ErrorText("The form is too large", "Nothing was changed. Send only what the fields of the page ask for."),
    500: ErrorText("Sorry, something went wrong", "Nothing was booked or given back. Try again in a minute."),
}
CARRIED_OUT = ErrorText(
    "Sorry, something went wrong",
    "Your request was carried out, but its page could not be shown: My bookings has it.",
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
