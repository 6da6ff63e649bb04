"""Reading clubs.json and competitions.json, and saying all that is wrong in them."""

import json
import os
import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
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
EMAIL_FORM = (
    "an email address like name@club.example: ASCII before its one @, "
    "without blanks, control characters or any of , ; < > :, of at most 254 characters"
)
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
    clubs = read_file(folder / "clubs.json", "club", CLUB_FIELDS)
    competitions = read_file(folder / "competitions.json", "competition", COMPETITION_FIELDS)
    items = [*clubs, *competitions]
    problems = time_zone_problems(os.environ.get("TZ", ""))
    problems += [f"{item.title}: {problem}" for item in items for problem in item.problems]
    if problems:
        raise BadFiles("\n".join(problems))

    return Data(
        clubs=[club_of(**item.values) for item in clubs],
        competitions=[Competition(**item.values) for item in competitions],
        unread_fields=[f"{item.title}: {unread}" for item in items for unread in item.unread],
    )


def club_of(emails: tuple[str, ...], **values: Any) -> Club:
    """Return the club with these values."""
    first_email = emails[0] if emails else None
    return Club(email=first_email, other_emails=emails[1:], **values)


def changed_at(file: Path) -> datetime:
    """Return when a file was changed last, in the server's time zone."""
    return datetime.fromtimestamp(file.stat().st_mtime).astimezone()


def time_zone_problems(zone: str) -> list[str]:
    """Return a line if this value of TZ names no time zone of the system: the C library silently takes UTC for it."""
    is_file = any(os.path.isfile(os.path.join(folder, zone)) for folder in zoneinfo.TZPATH)
    with suppress(ValueError):  # a path, or a file of another kind
        if zone in ("", "UTC") or (is_file and zoneinfo.ZoneInfo(zone)):
            return []
    return [f"TZ {must_be('the name of a time zone, like Europe/Paris', zone)}"]


# Fields: each reader returns the value as the app keeps it, or raises ValueError, which says what it must be


def must_be(meaning: str, value: object) -> ValueError:
    """Return the error that says what a value must be."""
    return ValueError(f"must be {meaning}, not {shown(value)}")


def shown(value: object) -> str:
    """Return a value as JSON, in one line of at most 80 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return printable(text)[:80]


def read_name(value: object) -> str:
    """Return the name of a club, a competition or a place."""
    if not isinstance(value, str) or not normalize_name(value) or len(value) > LONGEST_NAME:
        raise must_be("a text of 1 to 200 characters", value)
    if NO_TEXT.search(value) or normalize_name(value) in (".", ".."):
        raise must_be('without control characters and not "." or ".."', value)
    return value


def read_names(value: object) -> tuple[str, ...]:
    """Return the names of a list."""
    if not isinstance(value, list):
        raise must_be("a list of names", value)
    return tuple(read_name(name) for name in value)


def read_emails(value: object) -> tuple[str, ...]:
    """Return the email addresses of a list, or a single one."""
    addresses = value if isinstance(value, list) else [value]
    return tuple(read_email(address) for address in addresses)


def read_email(value: object) -> str:
    """Return an email address as mail servers take it: cleaned of what people paste, its domain in ASCII."""
    email = email_in_ascii(value) if isinstance(value, str) else ""
    if not re.fullmatch(EMAIL, email) or len(email) > LONGEST_EMAIL:
        raise must_be(EMAIL_FORM, value)
    return email


def read_number(value: object) -> int:
    """Return a number of points or places: an integer, or a text of digits."""
    text = str(value) if type(value) is int else value  # a boolean is an int too
    if not isinstance(text, str) or not re.fullmatch("[0-9]+", text):
        raise must_be("a whole number of 0 or more", value)
    short = re.fullmatch("0*([0-9]{1,7})", text)  # int() refuses thousands of digits
    if not short or int(short[1]) > LARGEST_FIGURE:
        raise must_be("at most 1,000,000", value)
    return int(short[1])


def read_date(value: object) -> datetime:
    """Return a date and time in the server's time zone; a time that clocks show twice means the first."""
    if not isinstance(value, str) or not re.fullmatch(DATE_FORM, value):
        raise must_be("a date and time like 2050-03-27 11:11:00", value)
    try:
        written = datetime.fromisoformat(value)
        local = written.astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"must be in the calendar, not {value}") from None
    if local.replace(tzinfo=None) != written:
        raise ValueError(f"must be a time that clocks show: a change to summer time skips {value}")
    return local


def read_url(value: object) -> str:
    """Return an https address."""
    if not isinstance(value, str) or not re.fullmatch(HTTPS_ADDRESS, value) or len(value) > LONGEST_URL:
        raise must_be(f"an https address of at most {LONGEST_URL} characters", value)
    return value


def read_true_or_false(value: object) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        raise must_be("true or false", value)
    return value


class Field(NamedTuple):
    """A field of an item: what the app calls it, its reader, and whether it may be left out."""

    name: str
    read: Callable[[object], object]
    is_optional: bool = False


Fields = Mapping[str, Field]
CLUB_FIELDS: Fields = {
    "name": Field("name", read_name),
    "email": Field("emails", read_emails),
    "points": Field("points", read_number),
    "formerly": Field("former_names", read_names, is_optional=True),
}
COMPETITION_FIELDS: Fields = {
    "name": Field("name", read_name),
    "date": Field("starts_at", read_date),
    "numberOfPlaces": Field("places", read_number),
    "formerly": Field("former_names", read_names, is_optional=True),
    "bookingCloses": Field("booking_closes_at", read_date, is_optional=True),
    "location": Field("location", read_name, is_optional=True),
    "url": Field("url", read_url, is_optional=True),
    "cancelled": Field("is_cancelled", read_true_or_false, is_optional=True),
}


# Files


@dataclass
class Item:
    """A file, or an item of its list: its values by the app's names, what is wrong with it, and what is not read."""

    title: str  # like "clubs.json: club 2 (Iron Temple)"
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read_file(file: Path, noun: str, fields: Fields) -> list[Item]:
    """Return the items of a file's list; the file itself too if something is wrong with it."""
    whole = Item(file.name)
    try:
        text = file.read_bytes().decode("utf-8-sig")
        data = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        whole.problems.append(printable(f"cannot be read as JSON in UTF-8: {error}"))
        return [whole]
    key = f"{noun}s"
    if not isinstance(data, dict) or not isinstance(data.get(key), list):
        whole.problems.append(f'must hold a list named "{key}"')
        return [whole]

    items = []
    for number, written in enumerate(data[key], start=1):
        items.append(read_item(f"{file.name}: {noun} {number}", written, fields))
    find_late_closing(items)
    find_repeated_names(items)
    find_repeated_emails(items)
    whole.problems.extend(repeated_keys(text))
    return [whole, *items] if whole.problems else items


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


def read_item(title: str, written: object, fields: Fields) -> Item:
    """Return an item as the readers of its fields read it."""
    item = Item(title)
    if not isinstance(written, dict):
        item.problems.append("must be an object")
        return item

    if isinstance(written.get("name"), str):
        item.title += f" ({printable(written['name'])[:80]})"
    for key, (name, read, is_optional) in fields.items():
        if key in written:
            try:
                item.values[name] = read(written[key])
            except ValueError as error:
                item.problems.append(f"{key} {error}")
        elif not is_optional:
            item.problems.append(f"{key} is missing")
    for key in sorted(written.keys() - fields.keys()):
        similar = resembling(key, fields, cutoff=0.75)
        if similar:
            item.unread.append(f"{printable(key)[:80]} is not read, did you mean {similar}?")
    return item


# Checks across fields: each adds its problems to the items


def find_late_closing(items: Iterable[Item]) -> None:
    """Find competitions that would take bookings after their start."""
    for item in items:
        starts_at = item.values.get("starts_at")
        closes_at = item.values.get("booking_closes_at")
        if starts_at and closes_at and closes_at > starts_at:
            item.problems.append("bookingCloses must not be after date")


def find_repeated_names(items: Iterable[Item]) -> None:
    """Find names that look like another item's; present ones first, so that a former one is to blame."""
    present = [("name", item.values["name"], item) for item in items if "name" in item.values]
    former = [("formerly", name, item) for item in items for name in item.values.get("former_names", ())]
    owners: dict[str, Item] = {}
    for key, name, item in present + former:
        owner = owners.setdefault(normalize_name(name), item)
        if owner is not item:
            line = f"{key} must not be the same twice, like {printable(name)}: add a town, a date or a round"
            item.problems.append(line)


def find_repeated_emails(items: Iterable[Item]) -> None:
    """Find addresses that stand twice; their case does not count."""
    seen = set()
    for item in items:
        for email in item.values.get("emails", ()):
            if normalize_email(email) in seen:
                item.problems.append(f"email must not be the same twice, like {email}")
            seen.add(normalize_email(email))


# Names that came since: at a reload, processes with older files and with newer ones answer side by side


class NewerNames:
    """The names and addresses that the files hold by now, and did not when this process read them."""

    def __init__(self, folder: Path, clubs: Iterable[Club], competitions: Iterable[Competition]):
        """Remember what this process knows; the files are read when somebody asks, once after each change."""
        self._folder = folder
        self._known = names_of(clubs, competitions)
        self._newer: set[str] = set()
        self._versions: list[tuple[int, int]] = []

    def stand_last_in(self, path: str) -> bool:
        """Tell whether a text is one of them, or a path that ends in one."""
        with suppress(OSError, BadFiles):  # an editor may be exchanging a file
            self._read_what_changed()
        return any(f"/{path}".endswith(f"/{name}") for name in self._newer)

    def _read_what_changed(self) -> None:
        found = [(self._folder / name).stat() for name in ("clubs.json", "competitions.json")]
        versions = [(file.st_mtime_ns, file.st_size) for file in found]
        if versions != self._versions:
            self._versions = versions
            data = read_data(self._folder)
            self._newer = names_of(data.clubs, data.competitions) - self._known


def names_of(clubs: Iterable[Club], competitions: Iterable[Competition]) -> set[str]:
    """Return all names, and the addresses as they are compared: case-folded."""
    names = {name for item in (*clubs, *competitions) for name in item.names}
    return names.union(normalize_email(address) for club in clubs for address in club.emails)
