"""The rules of a booking. Pure functions: no clock, no lock, no storage, no web."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from .model import BookingError, Competition, Kind, Order
from .text import Moment, are, as_seen, plural

# What a form may say


def read_places(text: str) -> int:
    """Return the number of places that was typed; raise BookingError unless it is a whole number of 1 to 6 digits."""
    text = as_seen(text)
    if not text:
        raise BookingError("Enter the number of places")
    if not re.fullmatch("-?[0-9]{1,6}", text):
        raise BookingError("Number of places must be a whole number, like 3")
    return int(text)


def read_token(text: str) -> str | None:
    """Return the token that tells copies of a form from other forms; None if it is malformed."""
    if re.fullmatch("[A-Za-z0-9_-]{16,64}", text):
        return text
    return None


# What a club can book


@dataclass(frozen=True)
class Terms:
    """What a place costs, in points, and how many a club may hold at one competition."""

    cost_per_place: int = 3
    max_places_per_club: int = 12


class Limit(Enum):
    """What keeps a club from booking more, or from booking at all; its value is the word for the latter in lists."""

    CANCELLED = "Cancelled"
    STARTED = "Past"
    CLOSED_EARLY = "Closed"
    PLACES = "Full"
    CAP = "Maximum held"
    POINTS = ""  # no word: it is the same everywhere, and said once above a list


class Standing(NamedTuple):
    """A club's figures at a competition, all at one moment."""

    points_left: int
    places_left: int
    places_held: int
    points_paid: int


class Status(NamedTuple):
    """What a club can do at a competition now."""

    competition: Competition
    standing: Standing
    terms: Terms
    most: int  # places that it can book at once
    limit: Limit  # what keeps it from booking more
    returnable: int  # places that it can give back
    is_past: bool

    @property
    def reason(self) -> str | None:
        """Say why it can book nothing, as a sentence; None if it can book."""
        return None if self.most else why_nothing(self)


def booking_status(competition: Competition, standing: Standing, terms: Terms, now: datetime) -> Status:
    """Return what a club can do at a competition: the one answer, for orders, pages, lists and links alike."""
    limit = what_closes(competition, now)
    is_past = limit is Limit.STARTED or (competition.is_cancelled and competition.has_started(now))
    returnable = 0 if is_past or competition.is_cancelled else standing.places_held
    places = standing.places_left
    cap = max(0, terms.max_places_per_club - standing.places_held)
    points = standing.points_left // terms.cost_per_place
    most = min(places, cap, points)
    if limit:
        most = 0
    elif most == places:
        limit = Limit.PLACES
    elif most == cap:
        limit = Limit.CAP
    else:
        limit = Limit.POINTS
    return Status(competition, standing, terms, most, limit, returnable, is_past)


def what_closes(competition: Competition, now: datetime) -> Limit | None:
    """Return what keeps all clubs from booking, whatever places are left; None if nothing does."""
    if competition.is_cancelled:
        return Limit.CANCELLED
    if competition.has_started(now):
        return Limit.STARTED
    if competition.booking_closes_at and competition.booking_closes_at <= now:
        return Limit.CLOSED_EARLY
    return None


# The points of an order


def points_of(order: Order, standing: Standing, terms: Terms, now: datetime) -> int:
    """Return the points that an order costs, or a share of those paid that it brings back; raise BookingError."""
    status = booking_status(order.competition, standing, terms, now)
    is_booking = order.kind is Kind.BOOKING
    most = status.most if is_booking else status.returnable
    if most == 0 or order.places > most:
        raise BookingError(why_not(order.places, status) if is_booking else why_no_return(status))
    if order.places < 1:
        raise BookingError("Number of places must be 1 or more")
    if is_booking:
        return order.places * terms.cost_per_place
    return standing.points_paid * order.places // standing.places_held


# Reasons, in words


def why_nothing(status: Status) -> str:
    """Say why a club can book nothing."""
    competition = status.competition
    match status.limit:
        case Limit.CANCELLED:
            return f"{competition.name} is cancelled. Places that clubs held there were given back"
        case Limit.STARTED:
            return f"Booking is closed: {competition.name} started on {in_words(competition.start)}"
        case Limit.CLOSED_EARLY:
            closing = competition.closing or competition.start
            return f"Booking is closed: {competition.name} took bookings until {in_words(closing)}"
        case Limit.PLACES:
            return "There are no places left in this competition"
        case Limit.CAP:
            cap = plural(status.terms.max_places_per_club, "place")
            return f"Your club holds the maximum of {cap} in this competition"
    costs = f"a place costs {plural(status.terms.cost_per_place, 'point')}"
    points = status.standing.points_left
    return f"Your club does not have enough points to book a place: {costs} and your club has {points}"


def why_not(places: int, status: Status) -> str:
    """Say why a club cannot book this many places, and how many it can, if any."""
    most = status.most
    if most == 0:
        return why_nothing(status)
    if status.limit is Limit.PLACES:
        return f"You can't book more places than available: only {plural(most, 'place')} {are(most)} left"
    if status.limit is Limit.CAP:
        cap = plural(status.terms.max_places_per_club, "place")
        held = f"your club holds {status.standing.places_held}"
        return f"You can't book more than {cap} per competition: {held}, so at most {most} more"
    costs = f"{plural(places, 'place')} cost {plural(places * status.terms.cost_per_place, 'point')}"
    points = status.standing.points_left
    return f"You don't have enough points available: {costs} and your club has {points}, enough for {most}"


def why_no_return(status: Status) -> str:
    """Say why a club can give nothing back, or not as much as it wants to."""
    name = status.competition.name
    held = status.returnable
    if held:
        return f"Your club holds {plural(held, 'place')} in {name}: enter at most {held}"
    if status.limit is Limit.CANCELLED:
        return why_nothing(status)
    if status.is_past:
        return f"Places can no longer be given back: {name} started on {in_words(status.competition.start)}"
    return f"Your club holds no places in {name}"


def in_words(moment: Moment) -> str:
    """Return a moment as people say it."""
    return f"{moment.day} {moment.month} at {moment.time}"
