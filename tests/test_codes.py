"""Codes by mail: how they look, that nobody can predict them, when they work, and the mail that brings one."""

import email
import hmac
from collections import Counter
from datetime import datetime, timedelta, timezone
from email.policy import default

import pytest

from gudlft.accounts import Accounts
from gudlft.limits import RateLimit, TooOften
from gudlft.mail.codes import CodeRequest, MailedCodes, code_for, is_right
from gudlft.mail.outbox import code_mail

KEY = b"0123456789abcdef"
REQUEST = CodeRequest("5dN1mZ0rT3aXqL2w", 1_800_000_000, "john@simplylift.co")
SENDER = "registration@club.example"
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def test_every_character_is_equally_likely_at_every_place():
    number = 12_000
    requests = [REQUEST._replace(id=str(index)) for index in range(number)]

    codes = [code_for(request, KEY).replace("-", "") for request in requests]

    expected = number / len(LETTERS)
    for place in range(8):
        seen = Counter(code[place] for code in codes)
        chi_square = sum((seen[letter] - expected) ** 2 / expected for letter in LETTERS)
        assert set(LETTERS) == set(seen)
        assert chi_square < 59.7  # 30 degrees of freedom: p = 0.001


def test_code_is_that_of_its_request_alone_in_every_process():
    others = [
        REQUEST._replace(id="5dN1mZ0rT3aXqL2x"),
        REQUEST._replace(at=1_800_000_001),
        REQUEST._replace(address="kate@shelifts.co.uk"),
        CodeRequest("5dN1mZ0rT3aXqL2w1", 800_000_000, "john@simplylift.co"),  # the same characters in a row
    ]

    assert "Q8QA-7EE7" == code_for(REQUEST, KEY)
    assert "Q8QA-7EE7" not in [code_for(other, KEY) for other in others]


def test_only_letters_and_digits_count():
    assert is_right('- \u00a0\u200b\0."'.join("Q8QA-7EE7"), REQUEST, KEY)


@pytest.mark.parametrize(
    "typed",
    [
        *("", "-", "7QKM", "Q8QA-7EE8", "Q8QA-7EE\0", "7QKM-2XPÄ", "\ud800", "７ＱＫＭ-２ＸＰＤ"),
        *("7" * 100_000, "🏋" * 8),
        *("Q8QA-7EE7A", "Q8QA-7EE77", "Q8QA-7EE7é", "Q8QA-7EE7²", "Q8QA-7EE7ｋ"),  # the right one, and more
    ],
)
def test_malformed_code_is_simply_wrong(typed):
    assert not is_right(typed, REQUEST, KEY)


def test_codes_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or True)

    assert is_right("wrong", REQUEST, KEY)

    code = code_for(REQUEST, KEY).replace("-", "").encode()
    assert [(b"WRONG", code)] == compared


@pytest.mark.parametrize(
    ("age", "works"), [(0, True), (600, True), (601, False), (86_400, False), (-60, True), (-61, False)]
)
def test_code_works_for_ten_minutes_and_where_clocks_differ_by_one(age, works):
    assert works == REQUEST.is_current(REQUEST.at + age)


def read(mail):
    """Return a mail as a mail program reads it."""
    return email.message_from_bytes(bytes(mail), policy=default)


def test_mail_says_what_the_code_is_and_how_long_it_works():
    mail = read(code_mail(SENDER, "john@simplylift.co", "7QKM-2XPD"))

    text = mail.get_content()
    assert "text/plain" == mail.get_content_type()
    assert "://" not in text and "www." not in text
    assert "Your code for GÜDLFT Registration: 7QKM-2XPD" == mail["Subject"]
    assert "7QKM-2XPD" in text.split()
    assert "10 minutes" in text
    assert "If you did not ask for it, ignore it" in text


def test_mail_names_sender_club_and_time_and_asks_for_no_automatic_answer():
    before = datetime.now(timezone.utc) - timedelta(seconds=1)

    mail = read(code_mail(SENDER, "john@simplylift.co", "7QKM-2XPD"))

    assert (SENDER, "john@simplylift.co") == (mail["From"], mail["To"])
    assert "auto-generated" == mail["Auto-Submitted"]
    assert before <= mail["Date"].datetime <= datetime.now(timezone.utc)
    assert mail["Message-ID"].endswith("@club.example>")
    assert not mail.defects


def test_mail_goes_through_servers_that_take_neither_8_bits_nor_long_lines():
    raw = bytes(code_mail(SENDER, "john@simplylift.co", "7QKM-2XPD"))

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "address",
    ["o'brien+gym@lift.example", "x" * 64 + "@" + "a." * 90 + "example", "first.last=cup!{1}~@lift.example", "a@[::1]"],
)
def test_address_stands_in_the_mail_as_it_is_in_the_file(address):
    mail = read(code_mail(SENDER, address, "7QKM-2XPD"))

    assert address == mail["To"]


@pytest.mark.parametrize(
    ("seconds", "wait"),
    [(1, "1 minute"), (60, "1 minute"), (61, "2 minutes"), (600, "10 minutes")],
)
def test_too_many_codes_names_the_minutes_begun(seconds, wait, monkeypatch):
    monkeypatch.setattr(RateLimit, "seconds_to_wait", lambda limit, key: seconds)
    codes = MailedCodes(KEY, Accounts([]), outbox=None, revocations=None)

    with pytest.raises(TooOften, match=f"^Too many codes. Wait {wait} and try again$"):
        codes.ask(REQUEST.address, "client", datetime.now(timezone.utc))
