"""The settings: defaults, what a variable may say, and the line for each wrong one."""

import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from gudlft.settings import CONSOLE, KEY_FORM, BadSettings, Contact, read_settings
from tests.support import PROJECT


def read(**variables):
    """Return the settings for variables, which are named without their prefix; others do not count."""
    others = {"COST_PER_PLACE": "x", "X_GUDLFT_COST_PER_PLACE": "x", "gudlft_cost_per_place": "x"}
    return read_settings(others | {f"GUDLFT_{name}": text for name, text in variables.items()}, "/data")


def problems(**variables):
    """Return the lines that say what is wrong with the variables."""
    with pytest.raises(BadSettings) as caught:
        read(**variables)
    return str(caught.value).splitlines()


def test_settings_have_defaults():
    values = read()
    del values["SECRET_KEY"]

    assert {
        "COST_PER_PLACE": 3,
        "MAX_PLACES_PER_CLUB": 12,
        "DATA_DIR": "/data",
        "HTTPS": False,
        "PROXIES": 0,
        "TRUSTED_HOSTS": [],
        "FAILED_SIGN_INS_PER_MINUTE": 10,
        "CONTACT": None,
        "MAIL": None,
        "MAIL_FROM": f"registration@{socket.gethostname()}",
        "ORGANISERS": (),
        "JOURNAL": "",
    } == values


def test_secret_key_is_the_same_until_the_next_start():
    another_start = "from gudlft.settings import read_settings; print(read_settings({}, '')['SECRET_KEY'].decode())"
    program = [sys.executable, "-c", another_start]

    done = subprocess.run(program, cwd=PROJECT, env={}, capture_output=True, text=True, timeout=30, check=True)

    assert read()["SECRET_KEY"] == read()["SECRET_KEY"]
    assert 32 <= len(read()["SECRET_KEY"])
    assert read()["SECRET_KEY"].decode() != done.stdout.strip()


MAIL_SERVERS = [
    "smtp://localhost",
    "smtp+starttls://mail.club.example:1",
    "smtp://[0:0::1]:65535",
    "smtps://john%40club.example:a%3Ab%40%2F%25%20c@localhost:25",
    "smtps://john@club.example:a:b@localhost",
]
READ = {
    "COST_PER_PLACE": {"1": 1, "03": 3},
    "DATA_DIR": {"12": "12"},
    "SECRET_KEY": {
        "12345678901234567890": b"12345678901234567890",
        "  1234567890 \t  ": b"  1234567890 \t  ",
        "é" * 16: os.fsencode("é" * 16),
        "\udcff" * 16: b"\xff" * 16,
    },
    "HTTPS": {"True": True, "1": True, "FALSE": False, "0": False},
    "PROXIES": {"2": 2},
    "TRUSTED_HOSTS": {
        "127.0.0.1": ["127.0.0.1"],
        '["a.example", ".b.example"]': ["a.example", ".b.example"],
        "x" * 63: ["x" * 63],
    },
    "FAILED_SIGN_INS_PER_MINUTE": {"0": 0},
    "CONTACT": {
        " a+b@club.example ": Contact("a+b@club.example", "mailto:a+b@club.example"),
        "100%?a&b@club.example": Contact("100%?a&b@club.example", "mailto:100%25%3Fa%26b@club.example"),
        "<info@müller.example>": Contact("info@müller.example", "mailto:info@xn--mller-kva.example"),
        "https://club.example/?a=@b": Contact("https://club.example/?a=@b", "https://club.example/?a=@b"),
        "https://": Contact("https://"),
        "https://[": Contact("https://["),
        "https://club.example or Ann": Contact("https://club.example or Ann"),
        'https://club.example/"onclick': Contact('https://club.example/"onclick'),
        "http://club.example": Contact("http://club.example"),
        "javascript:alert(1)": Contact("javascript:alert(1)"),
        "Ann in the office, 01 23 45 67": Contact("Ann in the office, 01 23 45 67"),
        "é" * 200: Contact("é" * 200),
        "  ": None,
    },
    "MAIL": {
        "": None,
        "Console:": CONSOLE,
        "SMTPS://Mail.Club.Example:1465": urlsplit("smtps://Mail.Club.Example:1465"),
        **{text: urlsplit(text) for text in MAIL_SERVERS},
    },
    "MAIL_FROM": {"<office@müller.example>": "office@xn--mller-kva.example"},
    "ORGANISERS": {
        "": (),
        "[]": (),
        "ann@club.example": ("ann@club.example",),
        '["ann@club.example", "<bob@müller.example>"]': ("ann@club.example", "bob@xn--mller-kva.example"),
    },
}


@pytest.mark.parametrize(("name", "texts"), READ.items(), ids=READ)
def test_setting_is_read_from_its_variable(name, texts):
    for text, value in texts.items():
        assert value == read(**{"MAIL": "console:", name: text})[name]


@pytest.mark.parametrize(
    ("name", "texts", "must_be"),
    [
        (
            "COST_PER_PLACE",
            ["0", "00", "-1", "+1", "1.5", "x", "", "true", '"3"', "[]", "1e3", "1_0", "３", "9" * 5000],
            "a whole number, 1 or more",
        ),
        ("MAX_PLACES_PER_CLUB", ["0", "null"], "a whole number, 1 or more"),
        ("DATA_DIR", [""], "a folder"),
        ("SECRET_KEY", ["", "x" * 15, "$(openssl rand -hex 32)", "`openssl rand -hex 32`"], KEY_FORM),
        ("HTTPS", ["", "maybe", "2", "null"], "true or false"),
        ("PROXIES", ["-1", "true", ""], "a whole number, 0 or more"),
        (
            "TRUSTED_HOSTS",
            ["", "a b", "a,b", "http://x", "a..b", "x" * 64, "[5]", "Upper", "[" * 100_000, "a\n"],
            "a host name in lower case or a JSON list of them",
        ),
        ("FAILED_SIGN_INS_PER_MINUTE", ["-1", "ten"], "a whole number, 0 or more"),
        (
            "CONTACT",
            ["x" * 201, "two\nlines", "a\x1bb", "\udcff"],
            "an email address, an https address or words, at most 200 characters",
        ),
        (
            "ORGANISERS",
            ["ann", "a@b, c@d", "[1]", '["a@b.example", ""]', "null", "[" * 100_000],
            "an email address or a JSON list of them",
        ),
        (
            "MAIL",
            [
                *("mail.club.example", "smtp:mail.club.example", "http://host", "://host", "smtp://", "smtp://host/"),
                *("smtp://host?x", "smtp://two hosts", "smtp://hôte", "smtp://host:0", "smtp://host:65536"),
                *("smtp://::1", "smtp://[x]", "smtp://secret@host", "smtp://:secret@host", "smtp://john:@host"),
                *(
                    "smtp://john:secret@",
                    "smtp://john:secret@host:x",
                    "smtp://john:secret%FF@host",
                    "smtp://john:a/b@host",
                ),
                *("smtp://jöhn:secret@host", "https://john:secret@host", "console", "console://host"),
            ],
            "smtp://, smtp+starttls:// or smtps:// and then [name:password@]host[:port], or console:",
        ),
        ("MAIL_FROM", ["", "registration", "a@b@c", "Club <a@b>", "a@b\nBcc: c"], "an email address"),
    ],
)
def test_wrong_setting_is_told_in_a_line(name, texts, must_be):
    for text in texts:
        assert [f"GUDLFT_{name} must be {must_be}"] == problems(**{name: text})


def test_all_wrong_settings_are_told_at_once():
    lines = problems(PROXIES="x", HTTPS="x", COST_PER_PLACES="5", ZOOM="2")

    assert [
        "GUDLFT_HTTPS must be true or false",
        "GUDLFT_PROXIES must be a whole number, 0 or more",
        "GUDLFT_COST_PER_PLACES is not a setting, did you mean GUDLFT_COST_PER_PLACE?",
        "GUDLFT_ZOOM is not a setting",
    ] == lines


def test_some_settings_need_another():
    line = "GUDLFT_ORGANISERS must be set together with GUDLFT_MAIL"
    assert [line] == problems(ORGANISERS="ann@club.example") == problems(ORGANISERS="ann@club.example", MAIL="")
    assert 1 == len(problems(ORGANISERS="ann@club.example", MAIL="nonsense"))

    line = "GUDLFT_JOURNAL must be set together with GUDLFT_SECRET_KEY"
    assert [line] == problems(JOURNAL="sqlite:///bookings.db")
    assert [f"GUDLFT_SECRET_KEY must be {KEY_FORM}"] == problems(JOURNAL="sqlite:///bookings.db", SECRET_KEY="short")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("cost_per_place", "GUDLFT_cost_per_place is not a setting, did you mean GUDLFT_COST_PER_PLACE?"),
        ("SECRETKEY", "GUDLFT_SECRETKEY is not a setting, did you mean GUDLFT_SECRET_KEY?"),
        ("", "GUDLFT_ is not a setting"),
        ("A\nB\udcff", "GUDLFT_A\\nB\\udcff is not a setting"),
        ("X" * 5000, f"GUDLFT_{'X' * 73} is not a setting"),
    ],
)
def test_variable_that_is_no_setting_is_told_in_a_line(name, line):
    assert [line] == problems(**{name: "5"})
