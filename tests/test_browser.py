"""Every page in every state, in a browser: with axe and the Nu checker, in all sizes, light and dark.

One walk through all states serves the whole module; each test asserts a part of what was seen on it.
axe-core and vnu-jar come from npm, by the command in the README.
"""

import json
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tests.browsing import AXE, NU, be_new
from tests.looking import look
from tests.states import every_state
from tests.support import PROJECT, Page, needed

PHONES, LAPTOPS = (320, 360), (900, 1280)
BRAND = "GÜDLFT Registration"
KINDS = {  # of faults that tests/looking.py finds, with the rule that each breaks
    "wide": "no page scrolls sideways even with text twice as large",
    "broken": "no word or number is broken even with text twice as large",
    "split": "states, links of the navigation and dates stand in one line",
    "long": "lines and pages are not too long to read",
    "cut": "select does not cut its value",
    "small": "controls are 44 pixels high and links 24",
    "touching": "controls do not touch",
    "gap": "footer stands at the lower edge of the window on short pages",
    "misordered": "order of focus is order of sight",
    "translated": "browsers that translate leave names alone",
    "primary": "page has one primary button",
    "rings": "message that has the focus has one ring",
    "faint": "forced colours keep plates, panels and the current page",
}


@pytest.fixture(scope="module")
def walk(browser, tmp_path_factory, season_site, organised):
    """Walk through all states once; return what was seen in each."""
    be_new(browser)
    states = every_state(browser, lambda: tmp_path_factory.mktemp("walk"), season_site, organised)
    return {state: look(browser) for state in states}


@pytest.fixture(scope="module")
def pages(walk):
    return {state: Page(None, seen["html"]) for state, seen in walk.items()}


def page_of(state):
    return state.partition(": ")[0]


def faults(walk, kind):
    return {state: seen["faults"][kind] for state, seen in walk.items() if seen["faults"][kind]}


def too_high(walk, part, widths, most):
    """Return in which states and at which widths a part of the page is higher, or lies further down, than it may."""
    found = {(state, width): seen["heights"][width][part] or 0 for state, seen in walk.items() for width in widths}
    return {where: height for where, height in found.items() if height > most}


# Tools


def test_axe_finds_nothing_light_or_dark_on_a_phone_or_a_laptop(walk):
    needed(AXE)

    assert {} == faults(walk, "axe")


def test_nu_checker_finds_nothing_on_pages_style_sheet_and_icon(walk, tmp_path):
    needed("java", NU)
    files = {tmp_path / f"{number}.html": state for number, state in enumerate(walk)}
    for file, state in files.items():
        file.write_text(walk[state]["html"], "utf-8")
    static = [PROJECT / "static" / name for name in ("style.css", "favicon.svg")]

    command = ["java", "-jar", NU, "--also-check-css", "--also-check-svg", "--format", "json", "--stdout"]
    done = subprocess.run([*command, *files, *static], capture_output=True, text=True, timeout=120)

    messages = json.loads(done.stdout)["messages"]
    assert [] == [(files.get(Path(one["url"].removeprefix("file:"))), one["message"]) for one in messages]
    assert 0 == done.returncode


@pytest.mark.parametrize("kind", KINDS, ids=KINDS.values())
def test_no_state_breaks_a_rule_of_sight(walk, kind):
    assert {} == faults(walk, kind)


# Room


def test_header_is_two_lines_on_a_phone_and_one_on_a_laptop(walk):
    assert {} == too_high(walk, "header", PHONES, most=120)
    assert {} == too_high(walk, "header", LAPTOPS, most=76)


def test_rows_of_competitions_are_low_on_a_phone(walk):
    assert {} == too_high(walk, "row", [360], most=96)
    assert {} == too_high(walk, "rowOfTwo", [360], most=130)


def test_season_is_short_enough_to_scroll_on_a_phone(walk):
    summary = walk["summary: season"]

    assert 5_500 >= summary["heights"][360]["page"]
    assert 560 >= summary["heights"][360]["first"]
    assert 60_000 >= len(summary["html"].encode())
    assert 4_500 >= walk["bookings: season"]["heights"][360]["page"]


@pytest.mark.parametrize("page", ["sign-in", "code", "competition"])
def test_form_is_in_view_on_a_phone_also_after_a_refusal(walk, page):
    states = {state: seen for state, seen in walk.items() if page_of(state) == page and "long" not in state}

    assert {} == too_high(states, "field", [360], most=740)
    assert {} == too_high(states, "button", [360], most=740)


# Order, words and signs


def test_refusal_or_success_has_the_focus(walk, pages):
    for state, page in pages.items():
        message = page.soup.select_one("main [autofocus]")
        assert walk[state]["focused"] == (" ".join(message["class"]) if message else ""), state


def test_titles_tell_pages_apart_and_say_error_where_a_field_is_in_error(walk, pages):
    shown_on = defaultdict(set)
    for state, page in pages.items():
        title = walk[state]["title"]
        shown_on[title.removeprefix("Error: ")].add(page_of(state))
        assert bool(page.soup.select("[aria-invalid=true]")) == title.startswith("Error: "), state
        assert title.endswith(f" – {BRAND}"), state

    assert {} == {title: names for title, names in shown_on.items() if len(names) > 1}
