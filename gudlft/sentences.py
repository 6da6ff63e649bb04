"""What pages say, but for the refusals of a rule, which stand beside the rules."""

from dataclasses import dataclass

from .model import Club, Competition, Entry
from .rules import Bookable, Limit, Standing, Terms, plural

# Signing in

EMAIL_EMPTY = "Enter your email address"
EMAIL_MALFORMED = "Enter an email address in the correct format, like name@example.com"
EMAIL_UNKNOWN = "We cannot find a club with this email address. Check the address and try again"
TOO_MANY_ATTEMPTS = "Too many attempts. Wait a minute and try again"
SIGN_IN_TO_CONTINUE = "You are not signed in. Sign in to continue"
NOT_SIGNED_IN = {
    "purchase_places": "You are not signed in and nothing was booked. Sign in to book",
    "cancel_places": "You are not signed in and nothing was changed. Sign in to book",
}

# Booking

UNKNOWN_COMPETITION = "We cannot find this competition. Choose one from the list"
ANOTHER_SITE = "This form was sent from another site and nothing was changed. Open the page here and try again"
FIGURES_MAY_BE_OLD = "These figures may be a little old: the bookings cannot be read at the moment"
STATES = {Limit.PLACES: "Full", Limit.CAP: "Maximum held", Limit.POINTS: "Not enough points"}


def another_club(club: Club) -> str:
    """Say that a page or a form is not that of the signed-in club."""
    return f"This page belongs to another club. You are signed in as {club.name}"


def booked(entry: Entry, points_left: int) -> str:
    """Say what was booked and what is left."""
    verb = "is" if points_left == 1 else "are"
    return (
        f"Great-booking complete! Your club has booked {plural(entry.places, 'place')} in {entry.competition} "
        f"for {plural(entry.points, 'point')}. {plural(points_left, 'point')} {verb} left"
    )


def given_back(entry: Entry, points_left: int) -> str:
    """Say what was given back and what it returned."""
    return (
        f"{plural(-entry.places, 'place')} in {entry.competition} given back. "
        f"{plural(-entry.points, 'point')} returned, {plural(points_left, 'point')} available"
    )


def returns(standing: Standing) -> str:
    """Say what the places that a club holds bring back."""
    paid = standing.points_paid
    held = standing.places_held
    if paid % held:
        return f"all return {plural(paid, 'point')}"
    return f"each returns {plural(paid // held, 'point')}"


def why_not_more(bookable: Bookable, standing: Standing, terms: Terms) -> str:
    """Say which limit binds, to end the hint that names the most places."""
    if bookable.limit is Limit.POINTS:
        return f"because your club has {plural(standing.points_left, 'point')}"
    if bookable.limit is Limit.PLACES:
        return f"because {standing.places_left} {'is' if standing.places_left == 1 else 'are'} left"
    return f"because a club may hold {terms.max_places_per_club}"


def state(competition: Competition, bookable: Bookable, now) -> str | None:
    """Say in a word or two why nothing can be booked; None where something can."""
    if competition.has_started(now):
        return "Closed"
    if bookable.places == 0:
        return STATES[bookable.limit]
    return None


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
