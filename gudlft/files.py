"""Reading clubs.json and competitions.json, and saying all that is wrong in them."""

import json
import os
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from .model import Club, Competition
from .text import comparable, printable

LONGEST_NAME = 200  # longer ones might not fit in a browser's 4 kB cookie
LONGEST_EMAIL = 254  # the longest address that mail can be sent to (RFC 5321)
LARGEST_FIGURE = 1_000_000
NOT_IN_AN_EMAIL = set(" ,;<>")
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

    return (
        [Club(values["name"], values["email"], values["points"]) for values in clubs],
        [Competition(values["name"], values["date"], values["numberOfPlaces"]) for values in competitions],
    )


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
    """Return the name of a club or a competition."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_NAME:
        raise must_be("a text of 1 to 200 characters", value)
    kinds = {unicodedata.category(character) for character in value}
    has_control_characters = "Cc" in kinds
    has_lone_surrogates = "Cs" in kinds
    if has_control_characters or has_lone_surrogates or value in (".", ".."):
        raise must_be('without control characters and not "." or ".."', value)
    return value


def read_email(value: object) -> str:
    """Return an email address."""
    if not isinstance(value, str) or not value.isascii() or "@" not in value:
        raise must_be("an email address, with an @ and in ASCII", value)
    before, _, after = value.partition("@")
    if not before or not after or "@" in after:
        raise must_be("an email address, with one @ and something before and after it", value)
    if not value.isprintable() or NOT_IN_AN_EMAIL.intersection(value):
        raise must_be("an email address, without blanks, control characters or any of , ; < >", value)
    if len(value) > LONGEST_EMAIL:
        raise must_be(f"an email address of at most {LONGEST_EMAIL} characters", value)
    return value


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


Readers = Mapping[str, Callable[[object], object]]
CLUB_FIELDS: Readers = {"name": read_name, "email": read_email, "points": read_number}
COMPETITION_FIELDS: Readers = {"name": read_name, "date": read_date, "numberOfPlaces": read_number}
FIELDS_THAT_DIFFER = ("name", "email")


# Files


@dataclass
class Item:
    """An item of a file's list as far as it could be read: its values by field, and what is wrong with it."""

    title: str
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_file(file: Path, noun: str, readers: Readers, problems: list[str]) -> list[dict]:
    """Return the values of each item by field; add a line to the problems for each mistake."""
    try:
        written_list = read_list(file, f"{noun}s")
    except ValueError as error:
        problems.append(f"{file.name}: {error}")
        return []

    items = []
    for number, written_item in enumerate(written_list, start=1):
        title = title_of(noun, number, written_item)
        items.append(read_item(title, written_item, readers))
    for name in FIELDS_THAT_DIFFER:
        find_repeated(name, items)

    for item in items:
        problems.extend(f"{file.name}: {item.title}: {problem}" for problem in item.problems)
    return [item.values for item in items]


def read_list(file: Path, key: str) -> list:
    """Return the list that a JSON file holds under a key; raise ValueError with what is wrong."""
    try:
        data = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(printable(f"cannot be read as JSON in UTF-8: {error}")) from None
    if not isinstance(data, dict) or not isinstance(data.get(key), list):
        raise ValueError(f'must hold a list named "{key}"')
    return data[key]


def title_of(noun: str, number: int, written: object) -> str:
    """Return what an item is called in a line about it, like "club 2 (Iron Temple)"."""
    title = f"{noun} {number}"
    if isinstance(written, dict) and isinstance(written.get("name"), str):
        name = printable(written["name"])
        title += f" ({name[:80]})"
    return title


def read_item(title: str, written: object, readers: Readers) -> Item:
    """Return an item as its readers read it; fields without a reader are ignored."""
    item = Item(title)
    if not isinstance(written, dict):
        item.problems.append("must be an object")
        return item

    for key, read in readers.items():
        if key not in written:
            item.problems.append(f"{key} is missing")
            continue
        try:
            item.values[key] = read(written[key])
        except ValueError as error:
            item.problems.append(f"{key} {error}")
    return item


def find_repeated(key: str, items: list[Item]) -> None:
    """Add a problem to each item that repeats a value of an earlier one; case and outer blanks do not count."""
    seen = set()
    for item in items:
        if key not in item.values:
            continue
        value = item.values[key]
        if comparable(value) in seen:
            item.problems.append(f"{key} must not be the same twice, like {printable(value)}")
        seen.add(comparable(value))


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
