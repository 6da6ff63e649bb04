"""Choosing from a list of competitions: what can be asked for, and what matches it. Pure: no clock, no web."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from typing import NamedTuple

from .model import Competition
from .text import fold

LONGEST_TYPED = 200  # characters; anything typed beyond them is ignored
NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters and lone surrogates
# Names


@cache
def folded_name(name: str) -> str:
    """Return a competition's name as it is compared. Cached for good: there are only as many names as competitions."""
    return fold(name)


# Months


class Month(NamedTuple):
    """A month of a year. Months sort by time."""

    year: int
    number: int

    @classmethod
    def of(cls, competition: Competition) -> "Month":
        """Return the month in which a competition starts, in its own time zone."""
        return cls(competition.starts_at.year, competition.starts_at.month)

    @classmethod
    def read(cls, text: str) -> "Month | None":
        """Return the month of a text like 2027-03; None for any other text."""
        if not re.fullmatch("[0-9]{4}-[0-9]{2}", text):
            return None
        try:
            first_day = date.fromisoformat(f"{text}-01")
        except ValueError:
            return None
        return cls(first_day.year, first_day.month)

    @property
    def value(self) -> str:
        """Return the month as it is written in addresses and forms, like 2027-03."""
        return f"{self.year:04}-{self.number:02}"

    @property
    def words(self) -> str:
        """Return the month as people say it, like March 2027."""
        return f"{date(self.year, self.number, 1):%B} {self.year}"


def months_of(competitions: Sequence[Competition], chosen: Month | None = None) -> tuple[Month, ...]:
    """Return the months in which competitions start, and the chosen one, in order, each once.

    The competitions must be sorted by their starts, so that all those of a month can be skipped at once.
    """
    months = {chosen} if chosen else set()
    index = 0
    while index < len(competitions):
        month = Month.of(competitions[index])
        months.add(month)
        index = bisect_right(competitions, month, lo=index, key=Month.of)
    return tuple(sorted(months))


# Choices


class Show(Enum):
    """Which competitions to show: all, those where the club can book or holds places, or past ones."""

    ALL = "all"
    BOOKABLE = "bookable"
    MINE = "mine"
    PAST = "past"


@dataclass(frozen=True)
class Choice:
    """What a secretary wants to see of the competitions: a name as it was typed, a month, and which to show."""

    name: str = ""
    month: Month | None = None
    show: Show = Show.ALL

    @classmethod
    def read(cls, q: str = "", month: str = "", show: str = "") -> "Choice":
        """Return the choice of an address; an unknown month or kind of list counts as absent."""
        words = NO_TEXT.sub(" ", q).split()
        name = " ".join(words)[:LONGEST_TYPED].rstrip()
        shows = {member.value: member for member in Show}
        return cls(name, Month.read(month), shows.get(show, Show.ALL))

    @property
    def is_narrow(self) -> bool:
        """Tell whether it leaves some out: of the upcoming competitions or, if it shows those, of the past ones."""
        return bool(self.name or self.month) or self.show in (Show.BOOKABLE, Show.MINE)

    def fields(self) -> dict[str, str]:
        """Return the fields of an address that asks for this choice; what it leaves open has no field."""
        fields = {}
        if self.name:
            fields["q"] = self.name
        if self.month:
            fields["month"] = self.month.value
        if self.show is not Show.ALL:
            fields["show"] = self.show.value
        return fields


EVERYTHING = Choice()


def find(competitions: Iterable[Competition], choice: Choice) -> list[Competition]:
    """Return the competitions that match the name and the month of a choice, in their order."""
    found = list(competitions)
    for word in set(fold(choice.name).split()):
        found = [competition for competition in found if word in folded_name(competition.name)]
    if choice.month:
        found = [competition for competition in found if Month.of(competition) == choice.month]
    return found
