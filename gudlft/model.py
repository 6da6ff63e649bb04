"""The nouns: clubs, competitions, orders, and the entries that orders become."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup, escape

from .text import Moment, fold, normalize_name


class BookingError(Exception):
    """A broken rule: its text is the sentence that the secretary reads, its field the one of the form to blame."""

    def __init__(self, sentence: str, field: str = "places"):
        super().__init__(sentence)
        self.field = field


class Named:
    """What clubs and competitions have in common: a name, and those that they had."""

    name: str
    former_names: tuple[str, ...]  # oldest first

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name that it has, and those that it had."""
        return (self.name, *self.former_names)

    @property
    def original_name(self) -> str:
        """Return the name that it had first, which the journal and calendars keep for it."""
        return self.former_names[0] if self.former_names else self.name

    @cached_property
    def in_address(self) -> str:
        """Return the name as it stands in addresses, its slashes quoted too."""
        return quote(self.name, safe="")

    @cached_property
    def folded_name(self) -> str:
        """Return the name as it is sorted and looked for."""
        return fold(self.name)


@dataclass(frozen=True)
class Club(Named):
    """A club of clubs.json, with its opening points."""

    name: str
    emails: tuple[str, ...]  # each signs in as the club
    points: int
    former_names: tuple[str, ...] = ()

    @property
    def email(self) -> str | None:
        """Return its first address; None if nobody signs in."""
        return self.emails[0] if self.emails else None


@dataclass(frozen=True)
class Competition(Named):
    """A competition of competitions.json, with its start (in a time zone) and its opening places."""

    name: str
    starts_at: datetime
    places: int
    former_names: tuple[str, ...] = ()
    booking_closes_at: datetime | None = None  # None: at the start
    location: str = ""
    url: str = ""
    is_cancelled: bool = False

    def has_started(self, now: datetime) -> bool:
        """Tell whether it is past: from its start on."""
        return self.starts_at <= now

    @cached_property
    def start(self) -> Moment:
        """Return the start as pages show it."""
        return Moment.of(self.starts_at)

    @cached_property
    def in_html(self) -> Markup:
        """Return the name as it stands in HTML: a list of 40 would take 4 % longer to escape it each time."""
        return escape(self.name)

    @cached_property
    def plate(self) -> Markup:
        """Return the start as a weight plate, in HTML: worked out once, as it stands in each row of each list."""
        start = self.start
        rest = f'<span class="visually-hidden"> {start.month}, {start.time}</span>'
        return Markup(f'<time class="plate" datetime="{start.iso}">{start.weekday} <b>{start.day}</b>{rest}</time>')  # noqa: S704

    @cached_property
    def closing(self) -> Moment | None:
        """Return until when it takes bookings, as pages show it; None if until its start."""
        closes_at = self.booking_closes_at
        return Moment.of(closes_at) if closes_at and closes_at < self.starts_at else None


class PresentNames(dict[str, str]):
    """The names that clubs or competitions have, by any name that the journal may hold for them.

    That is one that they have or had, or one that looks like it. A name that is nobody's stays as it is.
    """

    def __init__(self, owners: Collection[Named]):
        """Look each name up once: comparing how names look takes time."""
        self._by_look = {normalize_name(name): owner.name for owner in owners for name in owner.names}

    def __missing__(self, name: str) -> str:
        """Return the present name for one that is met for the first time."""
        present = self._by_look.get(normalize_name(name), name)
        self[name] = present
        return present


class Kind(IntEnum):
    """What an order does; its value is the sign of the places and points of the entry."""

    BOOKING = 1
    RETURN = -1


# Club, competition, places (below 0 if they are given back) and token: forms that agree in all are copies of one
FormKey = tuple[str, str, int, str]


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
        """Return the form that the order came from; None if it has no copies: without a token, or a place to book."""
        if self.token is None or self.places < 1:
            return None
        return self.club.name, self.competition.name, self.kind * self.places, self.token


CANCELLED = "cancelled-#"  # begins the tokens of what a cancelled competition gives back; a form's token holds no #


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
    def is_of_cancelled(self) -> bool:
        """Tell whether the app itself gave the places back, since the competition is cancelled."""
        return self.token is not None and self.token.startswith(CANCELLED)

    @property
    def form_key(self) -> FormKey | None:
        """Return the form that became this entry; None without a token, since such a form has no copies."""
        if self.token is None:
            return None
        return self.club, self.competition, self.places, self.token


class Outcome(NamedTuple):
    """What an order became, and the points that its club had left as of that entry: below 0 if it overspent."""

    entry: Entry
    points_left: int
