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


def heights(walk, part, widths):
    """Return the height of a part of the page, or how far down it is, in each state and at each width."""
    return {(state, width): seen["heights"][width][part] or 0 for state, seen in walk.items() for width in widths}


def too_high(walk, part, widths, most):
    """Return where a part of the page is higher, or lies further down, than it may."""
    return {where: height for where, height in heights(walk, part, widths).items() if height > most}


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


# Room


def test_no_page_scrolls_sideways_even_with_text_twice_as_large(walk):
    assert {} == faults(walk, "wide")


def test_no_word_or_number_is_broken_even_with_text_twice_as_large(walk):
    assert {} == faults(walk, "broken")


def test_states_links_of_the_navigation_and_dates_stand_in_one_line(walk):
    assert {} == faults(walk, "split")


def test_lines_and_pages_are_not_too_long_to_read(walk):
    assert {} == faults(walk, "long")


def test_select_does_not_cut_its_value(walk):
    assert {} == faults(walk, "cut")


def test_controls_are_44_pixels_high_and_links_24(walk):
    assert {} == faults(walk, "small")


def test_controls_do_not_touch(walk):
    assert {} == faults(walk, "touching")


def test_footer_stands_at_the_lower_edge_of_the_window_on_short_pages(walk):
    assert {} == faults(walk, "gap")


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


def test_order_of_focus_is_order_of_sight(walk):
    assert {} == faults(walk, "misordered")


def test_browsers_that_translate_leave_names_alone(walk):
    assert {} == faults(walk, "translated")


def test_page_has_one_primary_button(walk):
    assert {} == faults(walk, "primary")


def test_message_that_has_the_focus_has_one_ring(walk):
    assert {} == faults(walk, "rings")


def test_forced_colours_keep_plates_panels_and_the_current_page(walk):
    assert {} == faults(walk, "faint")


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
