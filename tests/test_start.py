"""Starting: what stops it, what it sets, what it imports."""

import json
import re
import subprocess
import sys

import pytest

import server
from tests.support import PROJECT, Secretary, clean_environment, words

COMMANDS = {
    "run": ["-m", "flask", "--app", "server", "run", "--port", "0"],
    "granian": ["-m", "granian", "--interface", "wsgi", "--port", "0", "server:app"],
}


def run_python(*arguments, **settings):
    """Run Python; return the finished process. Settings are named without their prefix."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


# What stops a start


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_bad_files_stop_every_start_without_a_traceback(tmp_path, command):
    (tmp_path / "clubs.json").write_text("[")
    (tmp_path / "competitions.json").write_text('{"competitions": [{"name": "Cup"}]}')

    done = run_python(*command, DATA_DIR=tmp_path)

    assert 1 == done.returncode
    assert [
        "clubs.json: cannot be read as JSON in UTF-8: Expecting value: line 1 column 2 (char 1)",
        "competitions.json: competition 1 (Cup): date is missing",
        "competitions.json: competition 1 (Cup): numberOfPlaces is missing",
    ] == re.findall(r"^\w+\.json: .*", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr


# What a start sets


@pytest.mark.parametrize(
    ("contact", "href"),
    [
        ("office@federation.example", "mailto:office@federation.example"),
        ("https://federation.example/help", "https://federation.example/help"),
        ("the office, 01 23 45", None),
    ],
)
def test_contact_stands_in_the_footer_and_where_an_address_is_unknown(start, contact, href):
    stranger = Secretary(app=start(CONTACT=contact).app)

    page = stranger.sign_in("nobody@nowhere.example")

    expected = f"We cannot find a club with this email address. Check the address and try again, or ask {contact}"
    assert (404, expected) == page.refusal
    assert f"Trouble signing in? Ask {contact}" in page.text
    assert f"Questions? Ask {contact}" in words(page.soup.footer)
    assert href == page.links.get(contact)


def test_without_a_contact_nobody_is_named():
    page = Secretary().sign_in("nobody@nowhere.example")

    assert not {"Ask", "ask"} & set(page.text.split())


def test_footer_says_which_time_zone_that_is(start, set_zone):
    set_zone("Europe/Paris")

    page = Secretary(app=start().app).get("/")

    assert "All times: Europe/Paris" in words(page.soup.footer)


# What is imported


def imported(**settings):
    """Return the modules that a start imports beside Flask, with their files."""
    code = """
import json, sys
import flask
before = set(sys.modules)
import server
print(json.dumps({name: getattr(sys.modules[name], "__file__", None) or "" for name in set(sys.modules) - before}))
"""
    done = run_python("-c", code, **settings)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def test_default_run_imports_flask_and_nothing_else_and_nothing_that_mails(data):
    of_mail = {"smtplib", "email.message", "email.headerregistry", "gudlft.mail", "gudlft.mail.codes"}
    modules = imported(DATA_DIR=data)

    installed = {name.partition(".")[0] for name, file in modules.items() if "site-packages" in file}
    assert {"werkzeug"} == installed  # a requirement of Flask
    assert set() == of_mail & modules.keys()
    assert {"smtplib", "gudlft.mail.codes"} <= imported(DATA_DIR=data, MAIL="smtp://127.0.0.1:25").keys()


# What follows from files


def test_version_of_static_files_changes_with_each_of_them(tmp_path):
    badge = tmp_path / "badges" / "gold.svg"
    badge.parent.mkdir()
    badge.write_text("<svg/>")
    before = server.version_of(tmp_path)
    assert before == server.version_of(tmp_path)

    badge.write_text("<svg></svg>")

    assert before != server.version_of(tmp_path)


def test_benchmarks_follow_the_modules_that_they_measure():
    names = [f"benchmarks.{file.stem}" for file in (PROJECT / "benchmarks").glob("*.py")]

    done = run_python("-c", f"import {', '.join(names)}")  # elsewhere: they set variables of the environment

    assert (0, "") == (done.returncode, done.stderr)
