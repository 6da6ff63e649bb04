"""What people do in a browser: by keyboard alone, going back and again, on a phone, by a mailed code."""

from collections import Counter

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests import season
from tests.browsing import (
    book,
    box,
    find,
    focused,
    give_two_back,
    leave,
    let_scripts_run,
    press,
    send,
    show,
    sign_in,
    tab_to,
    text,
    texts,
)
from tests.states import ATLAS, JOHN, OPEN, WRONG_CODE, few, sign_in_by_code, wait_for_code

SENT = "If a club has this email address, a code is on its way to it. Enter it here within 10 minutes"
TOP_OF_PAGE = {"clip": {"x": 0, "y": 0, "width": 360, "height": 160, "scale": 1}}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with few(tmp_path_factory.mktemp("few")) as address:
        yield address


# By keyboard alone


def test_keyboard_alone_books_and_gives_back_without_scripts(visitor, site):
    show(visitor, 320)
    let_scripts_run(visitor, False)
    visitor.get(f"{site}/bookings")
    assert "You are not signed in. Sign in to continue" in text(visitor, ".banner")

    tab_to(visitor, "Email address")
    leave(visitor, lambda: press(visitor, JOHN, Keys.ENTER), ".club")
    assert "My bookings" == text(visitor, "h1")

    tab_to(visitor, "Summary")
    leave(visitor, lambda: press(visitor, Keys.ENTER), ".points")
    tab_to(visitor, f"Book places in {OPEN}")
    leave(visitor, lambda: press(visitor, Keys.ENTER), "#places")
    tab_to(visitor, "Number of places")
    leave(visitor, lambda: press(visitor, "13", Keys.ENTER), ".error-summary")
    check_that_the_error_leads_to_its_field(visitor, "places", "13")

    leave(visitor, lambda: press(visitor, Keys.DELETE * 2, "3", Keys.ENTER), ".success")
    assert "banner success" in focused(visitor)
    assert "Enough for 1 place at 3 points each" in text(visitor, ".points")

    give_two_back(visitor)
    assert "banner success" in focused(visitor)
    assert f"2 places in {OPEN} given back. 6 points returned, 10 points available" in text(visitor, ".banner")

    tab_to(visitor, "Sign out")
    leave(visitor, lambda: press(visitor, Keys.ENTER), "#email")
    assert "You are signed out" == text(visitor, ".banner")
    assert "banner" == focused(visitor)


def check_that_the_error_leads_to_its_field(visitor, field, typed):
    """Assert that the error summary has the focus, and that its link leads to the field with what was typed."""
    assert "error-summary" == focused(visitor)
    link = tab_to(visitor, text(visitor, ".error-summary a"))
    press(visitor, Keys.ENTER)
    reached = visitor.switch_to.active_element
    assert (field, typed, "true") == tuple(map(reached.get_attribute, ("id", "value", "aria-invalid")))
    assert f"Error: {link.text}" == " ".join(text(visitor, ".error").split())


def test_keyboard_alone_signs_in_by_a_mailed_code_without_scripts(visitor, organised):
    site, postbox, _ = organised
    number = len(postbox.mails) + 2
    show(visitor, 320)
    let_scripts_run(visitor, False)
    visitor.get(f"{site}/bookings")
    tab_to(visitor, "Email address")
    leave(visitor, lambda: press(visitor, season.email_of(season.CLUB), Keys.ENTER), "#code")
    assert SENT in text(visitor, "main")

    tab_to(visitor, "Code")
    leave(visitor, lambda: press(visitor, WRONG_CODE, Keys.ENTER), ".error-summary")
    check_that_the_error_leads_to_its_field(visitor, "code", WRONG_CODE)

    tab_to(visitor, "Ask for another code")
    leave(visitor, lambda: press(visitor, Keys.ENTER), "#email")
    tab_to(visitor, "Email address")
    leave(visitor, lambda: press(visitor, season.email_of(season.CLUB), Keys.ENTER), "#code")

    tab_to(visitor, "Code")
    leave(visitor, lambda: press(visitor, wait_for_code(postbox, number).lower(), Keys.ENTER), ".club")

    assert f"{site}/bookings" == visitor.current_url


def test_skip_link_is_not_seen_until_it_has_the_focus_and_leads_past_the_navigation(visitor, season_site):
    visitor.get(f"{season_site}/pointsBoard")
    for size in (100, 175, 200):
        show(visitor, 360, text=size)
        with_link = visitor.execute_cdp_cmd("Page.captureScreenshot", TOP_OF_PAGE)["data"]
        visitor.execute_script("document.querySelector('.skip').style.visibility = 'hidden'")
        without_link = visitor.execute_cdp_cmd("Page.captureScreenshot", TOP_OF_PAGE)["data"]
        visitor.execute_script("document.querySelector('.skip').style.visibility = ''")
        assert without_link == with_link, size

    link = tab_to(visitor, "Skip to main content")
    assert "none" == link.value_of_css_property("clip-path")
    press(visitor, Keys.ENTER)
    assert "main" == visitor.switch_to.active_element.get_attribute("id")


# Going back and again


def test_neither_reload_nor_back_after_booking_books_again_or_shows_old_figures(visitor, site):
    sign_in(visitor, site, ATLAS)
    book(visitor, site, "Atlas Barbell", OPEN, "2")

    leave(visitor, visitor.refresh, ".points")
    assert [] == texts(visitor, ".banner")
    assert "84" == text(visitor, ".points data")

    leave(visitor, visitor.back, "#places")
    assert "84" == text(visitor, "[data-club] .points-left")


def test_back_after_signing_out_shows_nothing(visitor, site):
    sign_in(visitor, site, JOHN)
    visitor.get(f"{site}/bookings")
    send(visitor, ".sign-out", "#email")
    for _ in range(2):
        leave(visitor, visitor.back, "#email")

        assert "Sign in to book places" == text(visitor, "h1")
        assert "You are not signed in. Sign in to continue" in text(visitor, ".banner")


def test_back_after_signing_in_by_a_code_shows_no_form(visitor, organised):
    site, postbox, _ = organised
    sign_in_by_code(visitor, site, postbox, season.email_of(season.CLUB))

    leave(visitor, visitor.back, ".points")

    assert f"{site}/showSummary" == visitor.current_url


# On a phone, on a laptop


def test_narrowing_takes_two_presses_on_a_phone(visitor, season_site):
    show(visitor, 360)
    sign_in(visitor, season_site, season.email_of(season.CLUB))
    find(visitor, "#month [value='2050-03']").click()

    send(visitor, ".find", ".rows", q="lyon")

    assert ["Lyon Open"] == texts(visitor, ".rows [scope=row]")
    assert 740 >= box(visitor, ".rows .button")["bottom"]
    assert "1 of 40 competitions, soonest first Show all" == text(visitor, ".rows caption")


@pytest.mark.parametrize(("width", "address"), [(360, "/showSummary?q=lyon"), (1280, "/bookings")])
def test_whole_row_leads_to_its_competition(visitor, season_site, width, address):
    sign_in(visitor, season_site, season.email_of(season.CLUB))
    visitor.get(season_site + address)
    show(visitor, width)
    competition = find(visitor, "[data-competition]").get_attribute("data-competition")

    click_plate = ActionChains(visitor).move_to_element(find(visitor, "[data-competition] .plate")).click()
    leave(visitor, click_plate.perform, "#places")

    assert f"Book places in\n{competition}" == text(visitor, "h1")


def test_tables_keep_their_roles_and_the_board_stays_in_view(visitor, season_site):
    sign_in(visitor, season_site, season.email_of(season.CLUB))
    find(visitor, "summary").click()
    for width in (360, 900):
        show(visitor, width)
        nodes = visitor.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = Counter(node["role"]["value"] for node in nodes if not node["ignored"])
        rows = len(visitor.find_elements(By.CSS_SELECTOR, "tr"))
        cells = len(visitor.find_elements(By.CSS_SELECTOR, "td:not([hidden])"))
        assert (3, rows, cells) == (roles["table"], roles["row"], roles["cell"])
        assert len(visitor.find_elements(By.CSS_SELECTOR, "th")) == roles["rowheader"] + roles["columnheader"]

    show(visitor, 1280)
    visitor.execute_script("scrollTo(0, 2000)")

    assert 0 <= box(visitor, ".board")["top"] <= 100
