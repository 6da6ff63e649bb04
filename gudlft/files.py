"""Reading clubs.json and competitions.json, and saying all that is wrong in them."""

import json
import os
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from .model import Club, Competition
from .text import clean_email, comparable, is_https_address, normalize_name, printable, resembling, with_ascii_domain

LONGEST_NAME = 200  # longer ones might not fit in a browser's 4 kB cookie
LONGEST_EMAIL = 254  # the longest address that mail can be sent to (RFC 5321)
LONGEST_URL = 500
LARGEST_FIGURE = 1_000_000
NOT_IN_AN_EMAIL = set(" ,;<>:")
DATE_FORM = r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}"  # 24:00 belongs to the next day


class BadFiles(Exception):
    """The files hold mistakes, or TZ names no time zone for their dates; one line for each."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


def read_data(folder: Path) -> tuple[list[Club], list[Competition]]:
    """Return the clubs and the competitions; raise BadFiles with all that is wrong in both files."""
    problems = time_zone_problems(os.environ.get("TZ", ""))
    clubs = read_file(folder / "clubs.json", "club", CLUB_FIELDS, problems)
    competitions = read_file(folder / "competitions.json", "competition", COMPETITION_FIELDS, problems)
    if problems:
        raise BadFiles(problems)

    return [club_of(values) for values in clubs], [competition_of(values) for values in competitions]


def club_of(values: Mapping[str, Any]) -> Club:
    """Return the club with these values."""
    first_email, *other_emails = values["email"] or [None]
    return Club(
        name=values["name"],
        email=first_email,
        points=values["points"],
        other_emails=tuple(other_emails),
        former_names=values.get("formerly", ()),
    )


def competition_of(values: Mapping[str, Any]) -> Competition:
    """Return the competition with these values."""
    return Competition(
        name=values["name"],
        starts_at=values["date"],
        places=values["numberOfPlaces"],
        former_names=values.get("formerly", ()),
        booking_closes_at=values.get("bookingCloses"),
        location=values.get("location", ""),
        url=values.get("url", ""),
        is_cancelled=values.get("cancelled", False),
    )


def unread_fields(folder: Path) -> list[str]:
    """Return a line for each field of both files that is not read but resembles one that is; none for a bad file."""
    return [
        *lines_on_unread(folder / "clubs.json", "club", CLUB_FIELDS),
        *lines_on_unread(folder / "competitions.json", "competition", COMPETITION_FIELDS),
    ]


def changed_at(file: Path) -> datetime:
    """Return when a file was changed last, in the server's time zone."""
    return datetime.fromtimestamp(file.stat().st_mtime).astimezone()


# Texts


def shown(value: object) -> str:
    """Return a value as JSON, in one line of at most 80 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return printable(text)[:80]


def must_be(meaning: str, value: object) -> ValueError:
    """Return the error that says what a value must be."""
    return ValueError(f"must be {meaning}, not {shown(value)}")


# Fields: each reader returns the value as the app keeps it, or raises ValueError, which says what it must be


def read_name(value: object) -> str:
    """Return the name of a club, a competition or a place."""
    if not isinstance(value, str) or not normalize_name(value) or len(value) > LONGEST_NAME:
        raise must_be("a text of 1 to 200 characters", value)
    kinds = {unicodedata.category(character) for character in value}
    has_control_characters = "Cc" in kinds
    has_lone_surrogates = "Cs" in kinds
    if has_control_characters or has_lone_surrogates or normalize_name(value) in (".", ".."):
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
    email = with_ascii_domain(clean_email(value)) if isinstance(value, str) else ""
    if not email.isascii() or "@" not in email:
        raise must_be("an email address, with an @ and in ASCII before it", value)
    before, _, after = email.partition("@")
    if not before or not after or "@" in after:
        raise must_be("an email address, with one @ and something before and after it", value)
    if not email.isprintable() or NOT_IN_AN_EMAIL.intersection(email):
        raise must_be("an email address, without blanks, control characters or any of , ; < > :", value)
    if len(email) > LONGEST_EMAIL:
        raise must_be(f"an email address of at most {LONGEST_EMAIL} characters", value)
    return email


def is_email(text: str) -> bool:
    """Tell whether a club could have this email address."""
    try:
        read_email(text)
    except ValueError:
        return False
    return True


def read_number(value: object) -> int:
    """Return a number of points or places: an integer, or a text of digits."""
    text = value
    if type(value) is int:  # a boolean is an int too
        text = str(value)
    if not isinstance(text, str) or not re.fullmatch("[0-9]+", text):
        raise must_be("a whole number of 0 or more", value)
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(LARGEST_FIGURE)) or int(digits) > LARGEST_FIGURE:
        raise must_be("at most 1,000,000", value)
    return int(digits)


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
    if not isinstance(value, str) or not value.isprintable() or not is_https_address(value) or len(value) > LONGEST_URL:
        raise must_be(f"an https address of at most {LONGEST_URL} characters", value)
    return value


def read_true_or_false(value: object) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        raise must_be("true or false", value)
    return value


class Field(NamedTuple):
    """A field of an item: its reader, and whether it may be left out."""

    read: Callable[[object], object]
    is_optional: bool = False


Fields = Mapping[str, Field]
CLUB_FIELDS: Fields = {
    "name": Field(read_name),
    "email": Field(read_emails),
    "points": Field(read_number),
    "formerly": Field(read_names, is_optional=True),
}
COMPETITION_FIELDS: Fields = {
    "name": Field(read_name),
    "date": Field(read_date),
    "numberOfPlaces": Field(read_number),
    "formerly": Field(read_names, is_optional=True),
    "bookingCloses": Field(read_date, is_optional=True),
    "location": Field(read_name, is_optional=True),
    "url": Field(read_url, is_optional=True),
    "cancelled": Field(read_true_or_false, is_optional=True),
}


# Files


@dataclass
class Item:
    """An item of a file's list as far as it could be read: its values by field, and what is wrong with it."""

    title: str
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_file(file: Path, noun: str, fields: Fields, problems: list[str]) -> list[dict]:
    """Return the values of each item by field; add a line to the problems for each mistake."""
    try:
        text = read_text(file)
        written_list = read_list(text, f"{noun}s")
    except ValueError as error:
        problems.append(f"{file.name}: {error}")
        return []

    problems.extend(f"{file.name}: {problem}" for problem in repeated_keys(text))
    items = []
    for number, written_item in enumerate(written_list, start=1):
        title = title_of(noun, number, written_item)
        items.append(read_item(title, written_item, fields))
    find_late_closing(items)
    find_repeated_names(items)
    find_repeated_emails(items)

    for item in items:
        problems.extend(f"{file.name}: {item.title}: {problem}" for problem in item.problems)
    return [item.values for item in items]


def read_text(file: Path) -> str:
    """Return the text of a file; raise ValueError with what is wrong."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise unreadable(error) from None


def unreadable(error: Exception) -> ValueError:
    """Return the error that says why a file cannot be read."""
    return ValueError(printable(f"cannot be read as JSON in UTF-8: {error}"))


def read_list(text: str, key: str) -> list:
    """Return the list that a JSON text holds under a key; raise ValueError with what is wrong."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(error) from None
    if not isinstance(data, dict) or not isinstance(data.get(key), list):
        raise ValueError(f'must hold a list named "{key}"')
    return data[key]


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


def title_of(noun: str, number: int, written: object) -> str:
    """Return what an item is called in a line about it, like "club 2 (Iron Temple)"."""
    title = f"{noun} {number}"
    if isinstance(written, dict) and isinstance(written.get("name"), str):
        name = printable(written["name"])
        title += f" ({name[:80]})"
    return title


def read_item(title: str, written: object, fields: Fields) -> Item:
    """Return an item as the readers of its fields read it; other fields are ignored."""
    item = Item(title)
    if not isinstance(written, dict):
        item.problems.append("must be an object")
        return item

    for key, (read, is_optional) in fields.items():
        if key not in written:
            if not is_optional:
                item.problems.append(f"{key} is missing")
            continue
        try:
            item.values[key] = read(written[key])
        except ValueError as error:
            item.problems.append(f"{key} {error}")
    return item


# Checks across fields: each adds its problems to the items


def find_late_closing(items: Iterable[Item]) -> None:
    """Find competitions that would take bookings after their start."""
    for item in items:
        start = item.values.get("date")
        closing = item.values.get("bookingCloses")
        if start and closing and closing > start:
            item.problems.append("bookingCloses must not be after date")


def find_repeated_names(items: Iterable[Item]) -> None:
    """Find names that look like another item's; present ones first, so that a former one is to blame."""
    owners: dict[str, Item] = {}
    for key in ("name", "formerly"):
        for item in items:
            for name in names_in(item, key):
                owner = owners.setdefault(normalize_name(name), item)
                if owner is not item:
                    line = f"{key} must not be the same twice, like {printable(name)}: add a town, a date or a round"
                    item.problems.append(line)


def names_in(item: Item, key: str) -> tuple[str, ...]:
    """Return the names that a field of an item holds."""
    value = item.values.get(key, ())
    return (value,) if isinstance(value, str) else value


def find_repeated_emails(items: Iterable[Item]) -> None:
    """Find addresses that stand twice; their case does not count."""
    seen = set()
    for item in items:
        for email in item.values.get("email", ()):
            if comparable(email) in seen:
                item.problems.append(f"email must not be the same twice, like {printable(email)}")
            seen.add(comparable(email))


# Fields that nobody reads


def lines_on_unread(file: Path, noun: str, fields: Fields) -> Iterator[str]:
    """Iterate over lines on the fields of a file that are not read but resemble one that is."""
    try:
        written_list = read_list(read_text(file), f"{noun}s")
    except ValueError:
        return
    for number, written in enumerate(written_list, start=1):
        title = title_of(noun, number, written)
        unread = written.keys() - fields.keys() if isinstance(written, dict) else ()
        for key in sorted(unread):
            similar = resembling(key, fields, cutoff=0.75)
            if similar:
                yield f"{file.name}: {title}: {printable(key)[:80]} is not read, did you mean {similar}?"


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
        with suppress(OSError):  # an editor may be exchanging a file
            self._read_what_changed()
        return any(f"/{path}".endswith(f"/{name}") for name in self._newer)

    def _read_what_changed(self) -> None:
        found = [(self._folder / name).stat() for name in ("clubs.json", "competitions.json")]
        versions = [(file.st_mtime_ns, file.st_size) for file in found]
        if versions != self._versions:
            self._newer = names_on_disk(self._folder) - self._known
            self._versions = versions


def names_on_disk(folder: Path) -> set[str]:
    """Return all names and addresses in both files; none if these are bad."""
    try:
        return names_of(*read_data(folder))
    except BadFiles:
        return set()


def names_of(clubs: Iterable[Club], competitions: Iterable[Competition]) -> set[str]:
    """Return all names, and the addresses as they are compared: case-folded."""
    names = {name for item in (*clubs, *competitions) for name in item.names}
    return names.union(comparable(address) for club in clubs for address in club.emails)


# Time zone: the C library silently takes UTC for any name that it does not know


def time_zone_problems(zone: str) -> list[str]:
    """Return a line if this value of the variable TZ names no time zone, else none."""
    if zone in ("", "UTC") or is_time_zone(zone):
        return []
    return [f"TZ {must_be('the name of a time zone, like Europe/Paris', zone)}"]


def is_time_zone(name: str) -> bool:
    """Tell whether the system has a time zone of this name: the C library does not look into the package tzdata."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return any(os.path.isfile(os.path.join(folder, name)) for folder in zoneinfo.TZPATH)
