"""Starting: what stops it, what it imports, what it tolerates."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.support import PROJECT, Page, Secretary, clean_environment, words

COMMANDS = {
    "run": ["-m", "flask", "--app", "server", "run", "--port", "0"],
    "granian": ["-m", "granian", "--interface", "wsgi", "--port", "0", "server:app"],
}


def run_python(*arguments, folder=PROJECT, **settings):
    """Run Python in a folder; return the finished process. Settings are named without their prefix."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


def run_code(code, **options):
    """Run code in a process of its own; return what it printed as JSON."""
    done = run_python("-c", code, **options)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


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
    return run_code(code, **settings)


def test_default_run_imports_flask_and_nothing_else_and_nothing_that_mails(data):
    of_mail = {"smtplib", "email.message", "email.headerregistry", "gudlft.mail", "gudlft.mail.codes"}
    modules = imported(DATA_DIR=data)

    installed = {name.partition(".")[0] for name, file in modules.items() if "site-packages" in file}
    assert {"werkzeug"} == installed  # a requirement of Flask
    assert set() == of_mail & modules.keys()
    assert {"smtplib", "gudlft.mail.codes"} <= imported(DATA_DIR=data, MAIL="smtp://127.0.0.1:25").keys()


# What a start tolerates


@pytest.fixture
def copy(tmp_path):
    """Return a folder with a copy of the app, whose files may be changed."""
    for name in ["gudlft", "static", "templates"]:
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ["server.py", "clubs.json", "competitions.json"]:
        shutil.copy(PROJECT / name, tmp_path)
    return tmp_path


def test_address_of_the_style_sheet_changes_with_each_static_file(copy):
    badge = copy / "static" / "badges" / "gold.svg"
    badge.parent.mkdir()
    badge.write_text("<svg/>")
    before = style_sheet_address(copy)
    assert before == style_sheet_address(copy)

    badge.write_text("<svg></svg>")

    assert before != style_sheet_address(copy)


def style_sheet_address(folder):
    code = """
import json, server
print(json.dumps(server.app.test_client().get("/").text))
"""
    page = Page(200, run_code(code, folder=folder))
    return page.soup.select_one("link[rel=stylesheet]")["href"]


def test_benchmarks_follow_the_modules_that_they_measure():
    names = [f"benchmarks.{file.stem}" for file in (PROJECT / "benchmarks").glob("*.py")]

    done = run_python("-c", f"import {', '.join(names)}")  # elsewhere: they set variables of the environment

    assert (0, "") == (done.returncode, done.stderr)
