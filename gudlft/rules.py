"""The rules of a booking. Pure functions: no clock, no lock, no storage, no web."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from .model import BookingError, Competition, Kind, Order
from .text import are, plural

# What a form may say


def read_places(text: str) -> int:
    """Return the number of places that was typed; raise BookingError unless it is a whole number of 1 to 6 digits."""
    text = text.strip(" \t\r\n")
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
    """What keeps a club from booking more."""

    PLACES = "places"
    CAP = "cap"
    POINTS = "points"


class Bookable(NamedTuple):
    """The most places that a club can book at once, and the limit that binds."""

    places: int
    limit: Limit


class Standing(NamedTuple):
    """A club's figures at a competition, all at one moment."""

    points_left: int
    places_left: int
    places_held: int
    points_paid: int

    def bookable(self, terms: Terms) -> Bookable:
        """Return how many places can be booked while the competition is open, and which limit is the tightest."""
        places = self.places_left
        cap = max(0, terms.max_places_per_club - self.places_held)
        points = self.points_left // terms.cost_per_place

        most = min(places, cap, points)
        if most == places:
            return Bookable(most, Limit.PLACES)
        if most == cap:
            return Bookable(most, Limit.CAP)
        return Bookable(most, Limit.POINTS)


# The points of an order


def points_of(order: Order, standing: Standing, terms: Terms, now: datetime) -> int:
    """Return the points that an order costs, or brings back; raise BookingError if a rule forbids it."""
    if order.kind is Kind.BOOKING:
        return price(order, standing, terms, now)
    return refund(order, standing, now)


def price(order: Order, standing: Standing, terms: Terms, now: datetime) -> int:
    """Return the points that a booking costs; raise BookingError if a rule forbids it."""
    if order.competition.has_started(now):
        raise BookingError(booking_closed(order.competition))

    check_bookable(standing, terms, places=1)  # if nothing can be booked, it does not matter how many were wanted
    check_at_least_one(order.places)
    check_bookable(standing, terms, order.places)
    return order.places * terms.cost_per_place


def refund(order: Order, standing: Standing, now: datetime) -> int:
    """Return the points that come back, a share of those paid; raise BookingError if a rule forbids it."""
    if order.competition.has_started(now):
        raise BookingError(returns_closed(order.competition))

    check_at_least_one(order.places)
    held = standing.places_held
    if held == 0:
        raise BookingError(f"Your club holds no places in {order.competition.name}")
    if order.places > held:
        raise BookingError(f"Your club holds {plural(held, 'place')} in {order.competition.name}: enter at most {held}")
    return standing.points_paid * order.places // held


def check_bookable(standing: Standing, terms: Terms, places: int) -> None:
    """Raise BookingError if this many places cannot be booked."""
    reason = reason_not_to_book(standing, terms, places)
    if reason:
        raise BookingError(reason)


def check_at_least_one(places: int) -> None:
    """Raise BookingError unless the number is 1 or more."""
    if places < 1:
        raise BookingError("Number of places must be 1 or more")


# Reasons, in words


def reason_not_to_book(standing: Standing, terms: Terms, places: int = 1) -> str | None:
    """Say why this many places, 1 or more, cannot be booked; return None if they can."""
    bookable = standing.bookable(terms)
    if places <= bookable.places:
        return None
    if bookable.limit is Limit.POINTS:
        return not_enough_points(standing, terms, places, bookable.places)
    if bookable.limit is Limit.PLACES:
        return not_enough_places(bookable.places)
    return over_the_cap(standing, terms, bookable.places)


def not_enough_points(standing: Standing, terms: Terms, places: int, most: int) -> str:
    """Say that the club's points do not pay for this many places, and for how many they do."""
    points = standing.points_left
    if most == 0:
        return (
            "Your club does not have enough points to book a place: "
            f"a place costs {plural(terms.cost_per_place, 'point')} and your club has {points}"
        )
    return (
        f"You don't have enough points available: {plural(places, 'place')} cost "
        f"{plural(places * terms.cost_per_place, 'point')} and your club has {points}, enough for {most}"
    )


def not_enough_places(most: int) -> str:
    """Say that the competition does not have this many places left, and how many it has."""
    if most == 0:
        return "There are no places left in this competition"
    return f"You can't book more places than available: only {plural(most, 'place')} {are(most)} left"


def over_the_cap(standing: Standing, terms: Terms, most: int) -> str:
    """Say that no club may hold this many places there, and how many this one may still book."""
    cap = plural(terms.max_places_per_club, "place")
    if most == 0:
        return f"Your club holds the maximum of {cap} in this competition"
    return (
        f"You can't book more than {cap} per competition: "
        f"your club holds {standing.places_held}, so at most {most} more"
    )


def booking_closed(competition: Competition) -> str:
    """Say that nothing can be booked any more."""
    return f"Booking is closed: {started(competition)}"


def returns_closed(competition: Competition) -> str:
    """Say that nothing can be given back any more."""
    return f"Places can no longer be given back: {started(competition)}"


def started(competition: Competition) -> str:
    """Say when a competition started, as the end of a refusal."""
    start = competition.starts_at
    return f"{competition.name} started on {start.day} {start:%B %Y} at {start:%H:%M}"
