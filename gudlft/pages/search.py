"""Choosing from a list of competitions: what can be asked for, and what matches it. Pure: no clock, no web."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlencode

from ..model import Competition
from ..text import NO_TEXT, as_seen, fold

LONGEST_LIST = 10  # most competitions in a list that needs no form to narrow it
LONGEST_TYPED = 200  # characters; anything typed beyond them is ignored
MONTH = re.compile("(?!0000)[0-9]{4}-(0[1-9]|1[0-2])")

# Choices


class Show(Enum):
    """Which competitions to show: all, those where the club can book or holds places, or past ones."""

    ALL = "all"
    BOOKABLE = "bookable"
    MINE = "mine"
    PAST = "past"


SHOWS = {show.value: show for show in Show}


class Choice(NamedTuple):
    """What a secretary wants to see of the competitions: a name as it was typed, a month, and which to show."""

    name: str = ""
    month: str = ""  # like 2027-03
    show: Show = Show.ALL

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "Choice":
        """Return the choice of an address by its fields; an unknown month or kind of list counts as absent."""
        words = NO_TEXT.sub(" ", as_seen(fields.get("q", ""))).split()
        name = " ".join(words)[:LONGEST_TYPED].rstrip()
        month = fields.get("month", "")
        known_month = month if MONTH.fullmatch(month) else ""
        show = SHOWS.get(fields.get("show", ""), Show.ALL)
        return cls(name, known_month, show)

    @property
    def is_narrow(self) -> bool:
        """Tell whether it leaves some out: of the upcoming competitions or, if it shows those, of the past ones."""
        return bool(self.name or self.month) or self.show in (Show.BOOKABLE, Show.MINE)

    def for_everybody(self) -> "Choice":
        """Return the choice without what only a club can ask for: where it can book, and what it holds."""
        return self._replace(show=Show.PAST if self.show is Show.PAST else Show.ALL)

    def fields(self) -> dict[str, str]:
        """Return the fields of an address that asks for this choice; what it leaves open has no field."""
        fields = {}
        if self.name:
            fields["q"] = self.name
        if self.month:
            fields["month"] = self.month
        if self.show is not Show.ALL:
            fields["show"] = self.show.value
        return fields

    def query(self, show: Show) -> str:
        """Return the end of an address that asks for another list, within the same name and month."""
        fields = self._replace(show=show).fields()
        return f"?{urlencode(fields)}" if fields else ""


EVERYTHING = Choice()


def months_to_choose(competitions: Sequence[Competition], choice: Choice) -> list[str]:
    """Return the months, like 2027-03, that the form for finding offers; none if the list is too short to need it."""
    if len(competitions) <= LONGEST_LIST and not choice.is_narrow:
        return []
    months = {competition.start.year_month for competition in competitions}
    if choice.month:
        months.add(choice.month)
    return sorted(months)


def find(competitions: Iterable[Competition], choice: Choice) -> list[Competition]:
    """Return the competitions that match the name and the month of a choice, in their order."""
    found = list(competitions)
    for word in set(fold(choice.name).split()):
        found = [competition for competition in found if word in competition.folded_name]
    if choice.month:
        found = [competition for competition in found if competition.start.year_month == choice.month]
    return found
