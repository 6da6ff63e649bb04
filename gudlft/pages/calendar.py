"""Competitions as iCalendar files (RFC 5545), and the time zone of all times that pages show."""

import os
import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from string import punctuation
from urllib.parse import quote
from uuid import UUID, uuid5

from ..ledger import CompetitionFigures
from ..model import Club, Competition
from ..text import plural

PRODUCT = "-//GUDLFT Registration//Competitions//EN"
IDENTIFIERS = UUID("f84c4948-08e0-4a44-a52d-0d3577d70bea")  # the namespace of the entries' identifiers: never change it
BEGIN = datetime(2020, 1, 1, tzinfo=timezone.utc)


class Text(str):
    """A text of an iCalendar file. The library's own would take the characters \\N in a name for a line break."""

    def to_ical(self) -> bytes:
        """Return the text with a backslash before each character that has a meaning in such a file."""
        return re.sub(r"([\\;,])", r"\\\1", self).encode()


def calendar_file(club: Club, figures: CompetitionFigures, changed_at: datetime, now: datetime) -> bytes:
    """Return a competition, and how many places the club holds there, as a calendar with one entry.

    Calendars update the entry that they have if its sequence has grown: it grows with the club's bookings and returns
    there, and with the last change of the file of competitions.
    """
    competition = figures.status.competition
    identity = f"{club.original_name}\n{competition.original_name}"  # no name holds a line break
    event = calendar_entry(competition, identity, now, seconds_of(changed_at) + figures.number_of_entries)
    places = plural(figures.status.standing.places_held, "place")
    event["description"] = Text(f"{club.name} holds {places}")
    return calendar_of([event])


@lru_cache(maxsize=1)  # 2,000 competitions take more than a second
def feed(competitions: tuple[Competition, ...], changed_at: datetime) -> bytes:
    """Return competitions as a calendar that can be subscribed to; what stands in it changes with their file alone."""
    sequence = seconds_of(changed_at)
    return calendar_of([calendar_entry(one, one.original_name, changed_at, sequence) for one in competitions])


def seconds_of(moment: datetime) -> int:
    """Return the seconds from 2020 to a moment: those from 1970 on will be too large for calendars in 2038."""
    return max(0, int((moment - BEGIN).total_seconds()))


def calendar_entry(competition: Competition, identity: str, stamp: datetime, sequence: int):
    """Return the entry of a competition: without an end, as nobody has promised one.

    The same identity makes the same entry, whenever it is asked for.
    """
    from icalendar import Event, vUri  # takes 60 ms: only those who want such a file wait for it

    event = Event.new(
        uid=str(uuid5(IDENTIFIERS, identity)),
        stamp=stamp.astimezone(timezone.utc),
        start=competition.starts_at.astimezone(timezone.utc),
        sequence=sequence,
    )
    event["summary"] = Text(competition.name)
    if competition.location:
        event["location"] = Text(competition.location)
    if competition.url:
        event["url"] = vUri(quote(competition.url, safe=punctuation))
    if competition.is_cancelled:
        event["status"] = "CANCELLED"
    return event


def calendar_of(events: Iterable) -> bytes:
    """Return a calendar file with these entries."""
    from icalendar import Calendar

    calendar = Calendar(version="2.0", prodid=PRODUCT)
    calendar.subcomponents.extend(events)
    return calendar.to_ical()


def time_zone(environment: Mapping[str, str] = os.environ, local_time: Path = Path("/etc/localtime")) -> str:
    """Return the name of the server's time zone, like Europe/Paris; its abbreviation if only that is known."""
    name = environment.get("TZ")
    if name is None and local_time.is_symlink():
        name = os.readlink(local_time).partition("zoneinfo/")[2]
    return (name or time.tzname[0]).removeprefix("Etc/")
