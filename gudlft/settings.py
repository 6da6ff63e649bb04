"""The settings: the default of each, how its variable is read, and the sentence for a wrong value."""

import json
import os
import re
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from .files import read_email, read_emails
from .rules import Terms
from .text import HTTPS_ADDRESS, clean_email, printable, resembling

PREFIX = "GUDLFT_"
RANDOM_KEY = secrets.token_hex().encode()
LONGEST_CONTACT = 200
HOST = r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*"
MAIL_SERVER = (
    r"console:|(smtp|smtp\+starttls|smtps)://([^:/?#]+:[^/?#]+@)?"
    rf"({HOST}|\[[0-9a-f:.]+\])(:[0-9]{{1,5}})?"
)
KEY_FORM = "a text of 16 characters or more, and not a command like $(...), which only a shell runs"
MAIL_FORM = "smtp://, smtp+starttls:// or smtps:// and then [name:password@]host[:port], or console:"


class BadSettings(Exception):
    """Settings are wrong; a line for each."""


# What settings become


class Contact(NamedTuple):
    """Whom to ask: the words that pages show, and the address they link to, if any."""

    text: str
    href: str | None = None


CONSOLE = urlsplit("console:")  # no server: mails are printed to standard error, for trying it out


# Readers: each returns the value of a variable's text, or raises ValueError


def read_list(text: str) -> list:
    """Return the values of a JSON list, or a single text."""
    return json.loads(text) if text.startswith("[") else [text]


def read_hosts(text: str) -> list[str]:
    """Return the host names of a JSON list, or a single one; a dot before a name means it and all below it."""
    hosts = read_list(text)
    for host in hosts:
        if not re.fullmatch(rf"\.?{HOST}", host):
            raise ValueError
    return hosts


def read_organisers(text: str) -> tuple[str, ...]:
    """Return the email addresses of a JSON list, or a single one."""
    return read_emails(read_list(text))


def read_contact(text: str) -> Contact:
    """Return whom to ask."""
    text = text.strip()
    if not text.isprintable() or len(text) > LONGEST_CONTACT:
        raise ValueError
    if re.fullmatch(HTTPS_ADDRESS, text):  # first, since an https address with an @ could pass as an email address
        return Contact(text, href=text)
    try:
        return Contact(clean_email(text), href="mailto:" + quote(read_email(text), safe="@+"))
    except ValueError:
        return Contact(text)


def read_mail_server(text: str) -> SplitResult:
    """Return the parts of an address like smtps://name:password@host:465."""
    server = urlsplit(text)
    if server.port == 0 or not unquote(text).isascii():  # mail servers take nothing else
        raise ValueError
    return server


# The table


class Setting(NamedTuple):
    """A setting: its default, what its variable must be, the reader of that, and the form that it must have."""

    default: object
    must_be: str
    read: Callable[[str], object]
    form: str = ".*"


ONE_OR_MORE = ("a whole number, 1 or more", int, "0*[1-9][0-9]*")
ANY_NUMBER = ("a whole number, 0 or more", int, "[0-9]+")

SETTINGS = {
    "COST_PER_PLACE": Setting(Terms.cost_per_place, *ONE_OR_MORE),
    "MAX_PLACES_PER_CLUB": Setting(Terms.max_places_per_club, *ONE_OR_MORE),
    "DATA_DIR": Setting(None, "a folder", str, ".+"),  # its default is the folder of server.py
    "SECRET_KEY": Setting(RANDOM_KEY, KEY_FORM, os.fsencode, r"(?!.*(\$\(|`)).{16,}"),
    "HTTPS": Setting(False, "true or false", lambda text: text.lower() in ("true", "1"), "true|false|1|0"),
    "PROXIES": Setting(0, *ANY_NUMBER),
    "TRUSTED_HOSTS": Setting([], "a host name in lower case or a JSON list of them", read_hosts),
    "FAILED_SIGN_INS_PER_MINUTE": Setting(10, *ANY_NUMBER),
    "CONTACT": Setting(None, "an email address, an https address or words, at most 200 characters", read_contact),
    "MAIL": Setting(None, MAIL_FORM, read_mail_server, MAIL_SERVER),
    "MAIL_FROM": Setting(f"registration@{socket.gethostname()}", "an email address", read_email),
    "ORGANISERS": Setting((), "an email address or a JSON list of them", read_organisers),
    "JOURNAL": Setting("", "a database URL", str),
}
MAY_BE_EMPTY = ("CONTACT", "MAIL", "ORGANISERS", "JOURNAL")  # which is as if they were not set


def read_settings(environment: Mapping[str, str], folder: str) -> dict[str, object]:
    """Return every setting by its name without the prefix; raise BadSettings with all mistakes."""
    values = {name: setting.default for name, setting in SETTINGS.items()}
    values["DATA_DIR"] = folder
    problems = []
    for name, setting in SETTINGS.items():
        text = environment.get(PREFIX + name)
        if text is None or (name in MAY_BE_EMPTY and not text.strip()):
            continue
        try:
            if not re.fullmatch(setting.form, text, re.DOTALL | re.IGNORECASE):
                raise ValueError
            values[name] = setting.read(text)
        except (ValueError, TypeError, RecursionError):  # a list may hold anything
            problems.append(f"{PREFIX}{name} must be {setting.must_be}")

    if values["JOURNAL"] and f"{PREFIX}SECRET_KEY" not in environment:
        problems.append(f"{PREFIX}JOURNAL must be set together with {PREFIX}SECRET_KEY")
    if values["ORGANISERS"] and not environment.get(f"{PREFIX}MAIL"):
        problems.append(f"{PREFIX}ORGANISERS must be set together with {PREFIX}MAIL")
    problems.extend(unknown_settings(environment))
    if problems:
        raise BadSettings("\n".join(problems))
    return values


def unknown_settings(environment: Mapping[str, str]) -> Iterator[str]:
    """Iterate over a line for each variable that has the prefix but is no setting."""
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in SETTINGS:
            similar = resembling(name, SETTINGS)
            hint = f", did you mean {PREFIX}{similar}?" if similar else ""
            yield f"{printable(variable)[:80]} is not a setting{hint}"
