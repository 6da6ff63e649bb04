"""The nouns: clubs, competitions, orders, and the entries that orders become."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple


class BookingError(Exception):
    """A broken rule; its text is the sentence that the secretary reads."""


@dataclass(frozen=True)
class Club:
    """A club of clubs.json, with its opening points."""

    name: str
    email: str
    points: int


@dataclass(frozen=True)
class Competition:
    """A competition of competitions.json, with its start (in a time zone) and its opening places."""

    name: str
    starts_at: datetime
    places: int

    def has_started(self, now: datetime) -> bool:
        """Tell whether it is closed: from its start on."""
        return self.starts_at <= now


class Kind(IntEnum):
    """What an order does; its value is the sign of the places and points of the entry."""

    BOOKING = 1
    RETURN = -1


class FormKey(NamedTuple):
    """The fields of a form: two forms that agree in all of them are copies of one."""

    kind: Kind
    club: str
    competition: str
    places: int
    token: str


@dataclass(frozen=True)
class Order:
    """What a form asks for."""

    kind: Kind
    club: Club
    competition: Competition
    places: int
    token: str | None = None

    @property
    def form_key(self) -> FormKey | None:
        """Return the form that the order came from; None without a token, since such a form has no copies."""
        if self.token is None:
            return None
        return FormKey(self.kind, self.club.name, self.competition.name, self.places, self.token)


class Entry(NamedTuple):
    """A line of the ledger; places and points that were given back are negative. The time is in UTC."""

    number: int
    at: datetime
    club: str
    competition: str
    places: int
    points: int
    token: str | None

    @property
    def form_key(self) -> FormKey | None:
        """Return the form that became this entry; None without a token, since such a form has no copies."""
        if self.token is None:
            return None
        kind = Kind.BOOKING if self.places > 0 else Kind.RETURN
        return FormKey(kind, self.club, self.competition, abs(self.places), self.token)


class Outcome(NamedTuple):
    """What an order became, and the points that its club had left as of that entry."""

    entry: Entry
    points_left: int
