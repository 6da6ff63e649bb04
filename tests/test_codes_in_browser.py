"""Signing in by a mailed code in a browser: the journey with the code from its mail, and each state of its page."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests import test_browser
from tests.mail_servers import Postbox, code_in, mail_server
from tests.support import needed, serving, wait_until, write_data
from tests.test_browser import AXE, CLUBS, COMPETITIONS, NU, focused, leave, look, press, send, show, tab_to, text

JOHN = "john@simplylift.example"
WRONG = "2222-2222"
SENT = "If a club has this email address, a code is on its way to it. Enter it here within 10 minutes"
SETTINGS = {"JOURNAL": "sqlite:///bookings.db", "SECRET_KEY": "0123456789abcdef", "FAILED_SIGN_INS_PER_MINUTE": 2}
ANOTHER_FORM = "[action='/code']:not(:has(#code))"
CODE_FORM = "[action='/code']:has(#code)"

browser = test_browser.browser
visitor = test_browser.visitor


@contextmanager
def mailing(folder, **settings):
    """Serve the app with a mail server; yield the app's address and the server's postbox."""
    write_data(folder, CLUBS, COMPETITIONS)
    postbox = Postbox()
    with mail_server(postbox) as port:
        mail = {"MAIL": f"smtp://127.0.0.1:{port}", "MAIL_FROM": "registration@club.example"}
        with serving(folder, **mail, **settings) as (site, _):
            yield site, postbox


def wait_for_code(postbox, number=1):
    """Wait for the mail with a number, counted from 1; return the code that it brings."""
    wait_until(lambda: len(postbox.mails) >= number)
    return code_in(postbox.mails[number - 1])


# The journey


@pytest.mark.parametrize("width", [320, 1280])
def test_keyboard_alone_signs_in_by_a_mailed_code_without_scripts(visitor, tmp_path, width):
    with mailing(tmp_path) as (site, postbox):
        show(visitor, width)
        visitor.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        visitor.get(f"{site}/bookings")
        tab_to(visitor, "Email address")
        leave(visitor, lambda: press(visitor, JOHN, Keys.ENTER), "#code")
        assert SENT in text(visitor, "main")

        tab_to(visitor, "Code")
        leave(visitor, lambda: press(visitor, WRONG, Keys.ENTER), ".error-summary")
        assert "error-summary" == focused(visitor)
        tab_to(visitor, text(visitor, ".error-summary a"))
        press(visitor, Keys.ENTER)
        field = visitor.switch_to.active_element
        assert ("code", WRONG, "true") == tuple(map(field.get_attribute, ("id", "value", "aria-invalid")))

        tab_to(visitor, "Ask for another code")
        leave(visitor, lambda: press(visitor, Keys.SPACE), ".banner")
        assert "banner notice" == focused(visitor)

        tab_to(visitor, "Code")
        leave(visitor, lambda: press(visitor, wait_for_code(postbox, 2).lower(), Keys.ENTER), ".club")

        assert f"{site}/bookings" == visitor.current_url
        assert "Simply Lift" == text(visitor, ".club")


def test_going_back_after_signing_in_by_a_code_shows_no_form(visitor, tmp_path):
    with mailing(tmp_path) as (site, postbox):
        visitor.get(site)
        send(visitor, "[action='/showSummary']", "#code", email=JOHN)
        send(visitor, CODE_FORM, ".points", code=wait_for_code(postbox))

        leave(visitor, visitor.back, ".points")

        assert f"{site}/showSummary" == visitor.current_url


# One walk through all states of the page


def states(browser, site, postbox, journal):
    """Lead the browser through every state of the page for the code; yield the name of each."""
    browser.get(site)
    send(browser, "[action='/showSummary']", "#code", email=JOHN)
    yield "asked"
    send(browser, CODE_FORM, ".error-summary", code=WRONG)
    yield "refused"
    send(browser, ANOTHER_FORM, ".banner")
    yield "another asked for"

    away = journal.rename(journal.with_suffix(".away"))
    send(browser, CODE_FORM, ".error-summary", code=wait_for_code(postbox, 2))
    yield "journal away"
    away.rename(journal)

    for _ in range(3):
        browser.get(f"{site}/code")
        send(browser, ANOTHER_FORM, ".banner")
    browser.get(f"{site}/code")
    send(browser, ANOTHER_FORM, ".error-summary")
    yield "no more codes"
    send(browser, CODE_FORM, "#code[aria-invalid]", code=WRONG)
    send(browser, CODE_FORM, ".error-summary", code=WRONG)
    yield "too many attempts"


@pytest.fixture(scope="module")
def walk(browser, tmp_path_factory):
    """Walk through all states once; return what `look` found in each."""
    folder = tmp_path_factory.mktemp("codes")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    found = {}
    with mailing(folder, **SETTINGS) as (site, postbox):
        for state in states(browser, site, postbox, folder / "bookings.db"):
            found[state] = look(browser)
            found[state]["problem"] = [one.text for one in browser.find_elements(By.CSS_SELECTOR, ".error-summary li")]
            found[state]["focused"] = focused(browser)
            found[state]["title"] = browser.title
    return found


def test_each_state_says_what_is_wrong_and_whether_the_field_is(walk):
    title = "Enter the code that was mailed – GÜDLFT Registration"
    assert {
        "asked": (title, []),
        "refused": (f"Error: {title}", ["This code does not work. Check it, or ask for a new one"]),
        "another asked for": (title, []),
        "journal away": (title, ["Nobody can sign in at the moment. Try again in a minute"]),
        "no more codes": (title, ["Too many codes. Wait 10 minutes and try again"]),
        "too many attempts": (title, ["Too many attempts. Wait a minute and try again"]),
    } == {state: (found["title"], found["problem"]) for state, found in walk.items()}


@pytest.mark.parametrize("kind", ["axe", "wide", "broken", "small"])
def test_no_state_scheme_and_width_has_a_fault(walk, kind):
    needed(AXE)
    assert {} == {state: found[kind] for state, found in walk.items() if found[kind]}


def test_nu_checker_finds_nothing_in_any_state(walk, tmp_path):
    needed("java", NU)
    files = {tmp_path / f"{number}.html": state for number, state in enumerate(walk)}
    for file, state in files.items():
        file.write_text(walk[state]["html"], "utf-8")

    command = ["java", "-jar", NU, "--format", "json", "--stdout", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)

    messages = json.loads(done.stdout)["messages"]
    assert [] == [(files.get(Path(one["url"].removeprefix("file:"))), one["message"]) for one in messages]
    assert 0 == done.returncode
