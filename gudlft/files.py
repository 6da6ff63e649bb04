"""Reading clubs.json and competitions.json, and saying all that is wrong in them."""

import json
import os
import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from .model import Club, Competition
from .text import HTTPS_ADDRESS, NO_TEXT, email_in_ascii, normalize_email, normalize_name, printable, resembling

LONGEST_NAME = 200  # longer ones might not fit in a browser's 4 kB cookie
LONGEST_EMAIL = 254  # the longest address that mail can be sent to (RFC 5321)
LONGEST_URL = 500
LARGEST_FIGURE = 1_000_000
EMAIL = "(?!.*[,;<>:])[!-?A-~]+@[!-?A-~]+"  # printable ASCII without blanks, and one @
DATE_FORM = r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}"  # 24:00 belongs to the next day


class BadFiles(Exception):
    """The files hold mistakes, or TZ names no time zone for their dates; a line for each."""


class Data(NamedTuple):
    """What both files hold, and a line for each field that is not read but resembles one that is."""

    clubs: list[Club]
    competitions: list[Competition]
    unread_fields: list[str]


def read_data(folder: Path) -> Data:
    """Return what both files hold; raise BadFiles with all that is wrong in them."""
    problems = time_zone_problems(os.environ.get("TZ", ""))
    unread_fields: list[str] = []
    clubs = read_file(folder / "clubs.json", CLUB_FIELDS, problems, unread_fields)
    competitions = read_file(folder / "competitions.json", COMPETITION_FIELDS, problems, unread_fields)
    if problems:
        raise BadFiles("\n".join(map(printable, problems)))
    return Data(
        clubs=[Club(**values) for values in clubs],
        competitions=[Competition(**values) for values in competitions],
        unread_fields=unread_fields,
    )


def changed_at(file: Path) -> datetime:
    """Return when a file was changed last, in the server's time zone."""
    return datetime.fromtimestamp(file.stat().st_mtime).astimezone()


def time_zone_problems(zone: str) -> list[str]:
    """Return a line if this value of TZ names no time zone of the system: the C library silently takes UTC for it."""
    is_known = zone in ("", "UTC")
    if any(os.path.isfile(os.path.join(folder, zone)) for folder in zoneinfo.TZPATH):
        with suppress(ValueError):  # a path, or a file of another kind
            zoneinfo.ZoneInfo(zone)
            is_known = True
    if is_known:
        return []
    return [f"TZ must be the name of a time zone, like Europe/Paris, not {shown(zone)}"]


def shown(value: object) -> str:
    """Return a value as JSON, in at most 80 characters."""
    return json.dumps(value, ensure_ascii=False)[:80]


# Fields: each reader returns the value as the app keeps it, or raises ValueError, which says what it must be


def read_name(value: object) -> str:
    """Return the name of a club, a competition or a place."""
    if not isinstance(value, str) or not normalize_name(value) or len(value) > LONGEST_NAME:
        raise ValueError("a text of 1 to 200 characters")
    if NO_TEXT.search(value) or normalize_name(value) in (".", ".."):
        raise ValueError('without control characters and not "." or ".."')
    return value


def read_names(value: object) -> tuple[str, ...]:
    """Return the names of a list."""
    if not isinstance(value, list):
        raise ValueError("a list of names")
    return tuple(read_name(name) for name in value)


def read_emails(value: object) -> tuple[str, ...]:
    """Return the email addresses of a list, or a single one."""
    addresses = value if isinstance(value, list) else [value]
    return tuple(read_email(address) for address in addresses)


def read_email(value: object) -> str:
    """Return an email address as mail servers take it: cleaned of what people paste, its domain in ASCII."""
    email = email_in_ascii(value) if isinstance(value, str) else ""
    if not re.fullmatch(EMAIL, email) or len(email) > LONGEST_EMAIL:
        raise ValueError("an email address like name@club.example, of ASCII before its one @")
    return email


def read_number(value: object) -> int:
    """Return a number of points or places: an integer, or a text of digits."""
    digits = str(value)
    if not re.fullmatch("[0-9]+", digits):
        raise ValueError("a whole number of 0 or more")
    if len(digits) > 100 or int(digits) > LARGEST_FIGURE:  # int() refuses thousands of digits
        raise ValueError("at most 1,000,000")
    return int(digits)


def read_date(value: object) -> datetime:
    """Return a date and time in the server's time zone; a time that clocks show twice means the first."""
    text = str(value)
    if not re.fullmatch(DATE_FORM, text):
        raise ValueError("a date and time like 2050-03-27 11:11:00")
    try:
        written = datetime.fromisoformat(text)
        local = written.astimezone()
    except (ValueError, OverflowError):
        raise ValueError("in the calendar") from None
    if local.replace(tzinfo=None) != written:
        raise ValueError("a time that clocks show: a change to summer time skips this one")
    return local


def read_url(value: object) -> str:
    """Return an https address."""
    text = str(value)
    if not re.fullmatch(HTTPS_ADDRESS, text) or len(text) > LONGEST_URL:
        raise ValueError(f"an https address of at most {LONGEST_URL} characters")
    return text


def read_true_or_false(value: object) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


# By the keys of a file: what the app calls the field, and its reader
Fields = Mapping[str, tuple[str, Callable[[object], object]]]
CLUB_FIELDS: Fields = {
    "name": ("name", read_name),
    "email": ("emails", read_emails),
    "points": ("points", read_number),
    "formerly": ("former_names", read_names),
}
COMPETITION_FIELDS: Fields = {
    "name": ("name", read_name),
    "date": ("starts_at", read_date),
    "numberOfPlaces": ("places", read_number),
    "formerly": ("former_names", read_names),
    "bookingCloses": ("booking_closes_at", read_date),
    "location": ("location", read_name),
    "url": ("url", read_url),
    "cancelled": ("is_cancelled", read_true_or_false),
}
OPTIONAL = ("formerly", "bookingCloses", "location", "url", "cancelled")


# Files

Values = dict[str, Any]  # of an item, by the app's names
Items = dict[str, Values]  # by titles like "clubs.json: club 2 (Iron Temple)"


def read_file(file: Path, fields: Fields, problems: list[str], unread_fields: list[str]) -> list[Values]:
    """Return the values of the items of a file's list; add a line for each problem, and for each unread field."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
        data = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{file.name}: cannot be read as JSON in UTF-8: {error}")
        return []
    if not isinstance(data, dict) or not isinstance(data.get(file.stem), list):
        problems.append(f'{file.name}: must hold a list named "{file.stem}"')
        return []

    problems += [f"{file.name}: {problem}" for problem in repeated_keys(text)]
    items: Items = {}
    for number, written in enumerate(data[file.stem], start=1):
        title = f"{file.name}: {file.stem[:-1]} {number}"
        if not isinstance(written, dict):
            problems.append(f"{title}: must be an object")
            continue
        if isinstance(written.get("name"), str):
            title += f" ({written['name'][:80]})"
        items[title] = read_item(title, written, fields, problems)
        unread_fields += fields_not_read(title, written, fields)
    problems += problems_across(items)
    return list(items.values())


def repeated_keys(text: str) -> Iterator[str]:
    """Iterate over lines on the keys that stand twice in one object of a JSON text, which json takes silently."""
    keys_of_open_objects: list[set[str]] = []
    for sign in re.finditer(r'(?P<text>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|[{}]', text):
        if sign[0] == "{":
            keys_of_open_objects.append(set())
        elif sign[0] == "}":
            keys_of_open_objects.pop()
        elif sign["colon"]:
            key = json.loads(sign["text"])
            if key in keys_of_open_objects[-1]:
                yield str(json.JSONDecodeError(f"{shown(key)} stands twice in one object", text, sign.start()))
            keys_of_open_objects[-1].add(key)


def read_item(title: str, written: Mapping, fields: Fields, problems: list[str]) -> Values:
    """Return the values of an item as the readers of its fields read them; add a line for each problem."""
    values = {}
    for key, (name, read) in fields.items():
        if key in written:
            try:
                values[name] = read(written[key])
            except ValueError as error:
                problems.append(f"{title}: {key} must be {error}, not {shown(written[key])}")
        elif key not in OPTIONAL:
            problems.append(f"{title}: {key} is missing")
    return values


def fields_not_read(title: str, written: Mapping, fields: Fields) -> Iterator[str]:
    """Iterate over a line for each field of an item that is not read but resembles one that is."""
    for key in sorted(written.keys() - fields.keys()):
        similar = resembling(key, fields)
        if similar:
            yield f"{title}: {key[:80]} is not read, did you mean {similar}?"


def problems_across(items: Items) -> Iterator[str]:
    """Iterate over a line for each closing after the start, and each name or address that stands twice."""
    titles: dict[str, str] = {}  # by name, as names are compared
    emails = set()
    for title, values in items.items():
        starts_at = values.get("starts_at")
        closes_at = values.get("booking_closes_at")
        if starts_at and closes_at and closes_at > starts_at:
            yield f"{title}: bookingCloses must not be after date"
        names = [values["name"]] if "name" in values else []
        for name in [*names, *values.get("former_names", ())]:
            first_title = titles.setdefault(normalize_name(name), title)
            if first_title != title:
                yield f"{title}: name must not be the same twice, like {name}: add a town, a date or a round"
        for email in map(normalize_email, values.get("emails", ())):
            if email in emails:
                yield f"{title}: email must not be the same twice, like {email}"
            emails.add(email)


# Names that came since: at a reload, processes with older files and with newer ones answer side by side


class NewerNames:
    """The names and addresses that the files hold by now, and did not when this process read them."""

    def __init__(self, folder: Path, data: Data):
        """Remember what this process knows; the files are read when somebody asks, once after each change."""
        self._folder = folder
        self._known = names_of(data)
        self._newer: set[str] = set()
        self._versions = versions_of(folder)

    def stand_last_in(self, path: str) -> bool:
        """Tell whether a text is one of them, or a path that ends in one."""
        with suppress(OSError, BadFiles):  # an editor may be exchanging a file
            versions = versions_of(self._folder)
            if versions != self._versions:
                self._versions = versions
                self._newer = names_of(read_data(self._folder)) - self._known
        return any(f"/{path}".endswith(f"/{name}") for name in self._newer)


def versions_of(folder: Path) -> list[tuple[int, int]]:
    """Return what tells both files from what they become."""
    files = [(folder / name).stat() for name in ("clubs.json", "competitions.json")]
    return [(file.st_mtime_ns, file.st_size) for file in files]


def names_of(data: Data) -> set[str]:
    """Return all names, and the addresses as they are compared: case-folded."""
    names = {name for item in (*data.clubs, *data.competitions) for name in item.names}
    return names.union(normalize_email(address) for club in data.clubs for address in club.emails)
