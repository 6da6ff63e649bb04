"""Codes that prove an address: derived from a key and stored nowhere; and the mail that brings them."""

import hashlib
import hmac
import json
from datetime import datetime, timezone
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import NamedTuple

from .files import LONGEST_EMAIL
from .journal.revocations import CLOCKS_DIFFER
from .text import comparable

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without I, L, O, 0 and 1, which are easily confused
CODE_LENGTH = 8
SECONDS_VALID = 600

PURPOSE = "GUDLFT Registration: code by mail, version 1"  # sets codes apart: the key signs other things too
FAIR_BYTES = 256 - 256 % len(ALPHABET)  # bytes from here on would favour the first letters

SUBJECT = "Your code for GÜDLFT Registration: {code}"
TEXT = """\
Your code for GÜDLFT Registration is

    {code}

It works once, for {minutes} minutes, in the browser that asked for it.

If you did not ask for it, ignore it. Nobody can sign in without it.
"""


class Asking(NamedTuple):
    """A request for a code: a random id, its moment as Unix time in whole seconds, and the address as it was typed."""

    id: str
    at: int
    address: str

    def is_current(self, now: float) -> bool:
        """Tell whether its code may be used at this moment, a Unix time."""
        age = now - self.at
        return -CLOCKS_DIFFER.total_seconds() <= age <= SECONDS_VALID


# The code


def code_for(asking: Asking, key: bytes) -> str:
    """Return an asking's code as it is shown, like 7QKM-2XPD; all codes are equally likely."""
    letters = []
    block = 0
    while len(letters) < CODE_LENGTH:
        letters += _letters(asking, key, block)
        block += 1

    code = "".join(letters[:CODE_LENGTH])
    half = CODE_LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def _letters(asking: Asking, key: bytes, block: int) -> list[str]:
    """Return about 31 letters, all equally likely, that nobody can predict without the key."""
    facts = json.dumps([PURPOSE, asking.id, asking.at, comparable(asking.address), block])
    digest = hmac.digest(key, facts.encode(), hashlib.sha256)
    return [ALPHABET[byte % len(ALPHABET)] for byte in digest if byte < FAIR_BYTES]


def is_right(typed: str, asking: Asking, key: bytes) -> bool:
    """Tell whether what was typed is the asking's code; blanks, hyphens and case do not count."""
    code = code_for(asking, key)
    return hmac.compare_digest(_bare(typed), _bare(code))


def _bare(text: str) -> bytes:
    """Return the characters that count; none if the text is not ASCII."""
    bare = "".join(text.split()).replace("-", "")
    if not bare.isascii():
        return b""  # upper() would turn a long s into an S
    return bare.upper().encode()


# The mail


def code_mail(sender: str, address: str, code: str) -> EmailMessage:
    """Return the mail that brings a code; raise ValueError if an address is not valid."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = mail_address(sender)
    mail["To"] = mail_address(address)
    mail["Subject"] = SUBJECT.format(code=code)
    mail["Date"] = datetime.now(timezone.utc)
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    text = TEXT.format(code=code, minutes=SECONDS_VALID // 60)
    mail.set_content(text, cte="quoted-printable")  # not every server takes 8-bit text
    return mail


def mail_address(text: str) -> Address:
    """Return the address for a mail's header; raise ValueError unless the text is exactly one address."""
    if not text.isascii() or len(text) > LONGEST_EMAIL:
        raise ValueError("not ASCII, or too long")
    try:
        address = Address(addr_spec=text)
    except (MessageError, IndexError) as error:  # IndexError: an empty part, before Python 3.13
        raise ValueError("not an address") from error
    if address.addr_spec != text:
        raise ValueError("more than an address")
    return address
