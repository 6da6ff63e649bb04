"""A competition as an iCalendar file (RFC 5545), and the time zone of all times that pages show."""

import os
import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from uuid import UUID, uuid5

from .model import Club, Competition
from .text import fold, plural

PRODUCT = "-//GUDLFT Registration//Competitions//EN"
IDENTIFIERS = UUID("f84c4948-08e0-4a44-a52d-0d3577d70bea")  # the namespace of the entries' identifiers: never change it
LONGEST_FILE_NAME = 60  # characters
REGION_AND_CITY = "[A-Za-z]+(/[A-Za-z0-9_+-]+)+"


class Text(str):
    """A text of an iCalendar file. The library's own would take the characters \\N in a name for a line break."""

    def to_ical(self) -> bytes:
        """Return the text with a backslash before each character that has a meaning in such a file."""
        return re.sub(r"([\\;,])", r"\\\1", self).encode()


def calendar_file(club: Club, competition: Competition, places_held: int, sequence: int, now: datetime) -> bytes:
    """Return a competition, and how many places the club holds there, as a calendar with one entry.

    `sequence` is the number of the club's ledger entries for this competition: it grows with them, so that calendars
    update the entry they have. A competition has a start and no end, so its calendar entry has no end either: calendars
    show it at its start, and not for a time that nobody has promised.
    """
    from icalendar import Calendar, Event  # takes 60 ms: only those who want such a file wait for it

    event = Event.new(
        uid=identifier(club, competition),
        stamp=in_utc(now),
        sequence=sequence,
        start=in_utc(competition.starts_at),
    )
    event["summary"] = Text(competition.name)
    event["description"] = Text(description(club, places_held))

    calendar = Calendar()
    calendar.prodid = PRODUCT
    calendar.version = "2.0"
    calendar.add_component(event)
    return calendar.to_ical()


def identifier(club: Club, competition: Competition) -> str:
    """Return the identifier of the entry: always the same for the same club and competition."""
    return str(uuid5(IDENTIFIERS, f"{club.name}\n{competition.name}"))  # no name holds a line break


def description(club: Club, places_held: int) -> str:
    """Say how many places the club holds."""
    if places_held == 0:
        return f"{club.name} holds no places"
    return f"{club.name} holds {plural(places_held, 'place')}"


def in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC."""
    return moment.astimezone(timezone.utc)


def file_name(competition: Competition) -> str:
    """Return a file name for the competition's calendar file: its date, then its name as far as ASCII goes."""
    day = competition.starts_at.date().isoformat()
    words = re.findall("[a-z0-9]+", fold(competition.name))
    stem = "-".join([day, *words])
    longest = LONGEST_FILE_NAME - len(".ics")
    return stem[:longest].rstrip("-") + ".ics"


def time_zone(environment: Mapping[str, str] = os.environ, local_time: Path = Path("/etc/localtime")) -> str:
    """Return the name of the server's time zone, like Europe/Paris; its abbreviation if only that is known."""
    name = environment.get("TZ")
    if name is None and local_time.is_symlink():
        name = os.readlink(local_time)
    name = (name or "").rpartition("zoneinfo/")[2].lstrip(":").removeprefix("Etc/")
    if re.fullmatch(REGION_AND_CITY, name):
        return name
    return time.tzname[0]
