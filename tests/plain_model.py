"""The rules again, as plainly as can be: every figure is a sum over the bookings, and nothing else is kept."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from gudlft.model import Kind


class Booking(NamedTuple):
    """What was booked, and what it cost; negative if places were given back."""

    club: str
    competition: str
    places: int
    points: int


@dataclass
class PlainModel:
    """Opening figures by name, the terms, and the bookings that were made."""

    points: dict[str, int]
    places: dict[str, int]
    starts: dict[str, datetime]
    cost: int
    cap: int
    bookings: list[Booking] = field(default_factory=list)

    def points_left(self, club):
        spent = sum(booking.points for booking in self.bookings if booking.club == club)
        return max(0, self.points[club] - spent)

    def places_left(self, competition):
        sold = sum(booking.places for booking in self.bookings if booking.competition == competition)
        return max(0, self.places[competition] - sold)

    def places_held(self, club, competition):
        return sum(booking.places for booking in self._bookings_at(club, competition))

    def points_paid(self, club, competition):
        return sum(booking.points for booking in self._bookings_at(club, competition))

    def _bookings_at(self, club, competition):
        return [booking for booking in self.bookings if (booking.club, booking.competition) == (club, competition)]

    def is_open(self, competition, now):
        return now < self.starts[competition]

    def most_places(self, club, competition):
        affordable = self.points_left(club) // self.cost
        allowed = self.cap - self.places_held(club, competition)
        return max(0, min(affordable, allowed, self.places_left(competition)))

    def judge(self, kind, club, competition, places, now):
        """Return the booking that an order must become; None if it must be refused."""
        held = self.places_held(club, competition)
        most = held if kind is Kind.RETURN else self.most_places(club, competition)
        if not self.is_open(competition, now) or not 1 <= places <= most:
            return None
        if kind is Kind.BOOKING:
            return Booking(club, competition, places, places * self.cost)
        refund = self.points_paid(club, competition) * places // held
        return Booking(club, competition, -places, -refund)
