"""Words: English that depends on a number, dates, how texts are compared, and how addresses and terminals show them."""

import calendar
import difflib
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

INVISIBLE = "Cf"  # Unicode's format characters
CONTROLS = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"  # control characters and lone surrogates
NO_TEXT = re.compile(f"[{CONTROLS}]")
AROUND_ADDRESSES = " \t\r\n\xa0<>.,;\"'“”‘’"
LONGEST_DOMAIN = 253  # characters
HTTPS_ADDRESS = rf'(?i:https)://[\w.-]+(:[0-9]+)?([/?#][^\s"<>{CONTROLS}]*)?'
NOT_COMPARED = {"Mn", "Me", INVISIBLE}  # Unicode's accents, enclosing marks and invisible joiners
HYPHENS = {number: "-" for number in range(0x30A1) if unicodedata.category(chr(number)) == "Pd"}
SIGNS = HYPHENS | str.maketrans("−’‘‛ʼ", "-''''")  # a minus sign is no hyphen to Unicode
# that Unicode does not split into letter and accent, and what phones put for other signs
LETTERS = SIGNS | str.maketrans("łøđðħı“”„«»`", 'loddhi"""""\'') | {ord("æ"): "ae", ord("œ"): "oe", ord("þ"): "th"}

# Numbers


def plural(number: int, noun: str) -> str:
    """Return "1 place" or "2 places"."""
    return f"{number} {noun_for(number, noun)}"


def noun_for(number: int, noun: str) -> str:
    """Return "place" or "places"."""
    return noun if number == 1 else f"{noun}s"


def are(number: int) -> str:
    """Return "is" or "are"."""
    return "is" if number == 1 else "are"


# Dates

WEEKDAYS = list(calendar.day_abbr)  # from a Monday on
MONTHS = list(calendar.month_name)  # from the number 1 on


class Moment(NamedTuple):
    """A moment as pages show it."""

    iso: str  # 2050-03-27T11:11
    weekday: str  # Sun
    day: int  # 27
    month: str  # March 2050
    year_month: str  # 2050-03
    time: str  # 11:11
    words: str  # Sun 27 March 2050, 11:11

    @classmethod
    def of(cls, moment: datetime) -> "Moment":
        """Return the parts of a moment, in its own time zone."""
        iso = moment.isoformat("T", "minutes")[:16]
        weekday = WEEKDAYS[moment.weekday()]
        month = f"{MONTHS[moment.month]} {moment.year}"
        year_month = iso[:7]
        time = iso[11:]
        words = f"{weekday} {moment.day} {month}, {time}"
        return cls(iso, weekday, moment.day, month, year_month, time, words)


def short_month(year_month: str) -> str:
    """Return a month like 2027-03 as a list of months shows it: Mar 2027."""
    year, month = year_month.split("-")
    return f"{MONTHS[int(month)][:3]} {year}"


# What people type and paste


def as_seen(text: str) -> str:
    """Return what people see of a text: without invisible characters, and without white space around it."""
    return "".join(character for character in text if unicodedata.category(character) != INVISIBLE).strip()


def clean_email(text: str) -> str:
    """Return an email address without what surrounds it where people copy it from."""
    bare = as_seen(text).strip(AROUND_ADDRESSES)
    address = re.sub("^mailto:([^?]*).*", r"\1", bare, flags=re.IGNORECASE)  # without the subject that a link may bring
    return address.strip(AROUND_ADDRESSES)


def email_in_ascii(text: str) -> str:
    """Return an email address, cleaned, with its domain as mail servers know it, unless it has no such form."""
    email = clean_email(text)
    before, at, domain = email.rpartition("@")
    if len(domain) > LONGEST_DOMAIN:
        return email
    with suppress(UnicodeError):
        domain = ".".join(ascii_label(label) for label in domain.split("."))
    return before + at + domain


def ascii_label(label: str) -> str:
    """Return a part of a domain in ASCII; raise UnicodeError."""
    if "ß" in label or "ς" in label:  # Python's codec would take ß for ss: another domain
        return "xn--" + label.lower().encode("punycode").decode()
    return label.encode("idna").decode()


# How texts are compared and shown


def normalize_name(name: str) -> str:
    """Return a name as it is compared: those that look alike are equal; "" if nothing of it can be seen.

    Case, white space, invisible characters, and the kinds of apostrophes and hyphens do not count.
    """
    folded = unicodedata.normalize("NFKC", as_seen(name)).casefold()
    words = folded.translate(SIGNS).split()
    return " ".join(words)


def normalize_email(email: str) -> str:
    """Return an email address as it is compared: without blanks around it, and with its case folded."""
    return email.strip().casefold()


def fold(text: str) -> str:
    """Return the text as people look for it: without accents and case, and with ligatures and ß spelled out."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = [letter for letter in decomposed if unicodedata.category(letter) not in NOT_COMPARED]
    return "".join(letters).casefold().translate(LETTERS)


def printable(text: str) -> str:
    """Return the text as one line for a terminal or a log, with line breaks and the like escaped."""
    if text.isprintable():
        return text
    return ascii(text)[1:-1]


def resembling(text: str, names: Iterable[str]) -> str | None:
    """Return the name that a text resembles most, as people look for it; None if it resembles none."""
    by_folded = {fold(name): name for name in names}
    similar = difflib.get_close_matches(fold(text[:200]), by_folded, n=1)
    return by_folded[similar[0]] if similar else None
