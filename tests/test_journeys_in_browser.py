"""What people do in a browser: by keyboard alone, going back and again, on a phone, on their first visit."""

import re
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
from tests.states import JOHN, OPEN, a_season, few
from tests.support import PROJECT

TOP_OF_PAGE = {"clip": {"x": 0, "y": 0, "width": 360, "height": 160, "scale": 1}}


@pytest.fixture
def site(tmp_path):
    """Serve the app with few competitions; return its address."""
    with few(tmp_path) as address:
        yield address


@pytest.fixture(scope="module")
def season_site(tmp_path_factory):
    """Serve the app with a season; return its address."""
    with a_season(tmp_path_factory.mktemp("season")) as address:
        yield address


# By keyboard alone


@pytest.mark.parametrize("width", [320, 1280])
def test_keyboard_alone_books_and_gives_back_without_scripts(visitor, site, width):
    show(visitor, width)
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
    assert "error-summary" == focused(visitor)

    link = tab_to(visitor, text(visitor, ".error-summary a"))
    press(visitor, Keys.ENTER)
    field = visitor.switch_to.active_element
    assert ("places", "13", "true") == tuple(map(field.get_attribute, ("id", "value", "aria-invalid")))
    assert f"Error: {link.text}" == " ".join(text(visitor, ".error").split())

    leave(visitor, lambda: press(visitor, Keys.DELETE * 2, "3", Keys.ENTER), ".success")
    assert "banner success" in focused(visitor)
    assert "Enough for 1 place at 3 points each" in text(visitor, ".points")

    tab_to(visitor, "See or give back")
    leave(visitor, lambda: press(visitor, Keys.ENTER), ".figures")
    tab_to(visitor, "Give places back")
    press(visitor, Keys.ENTER)
    tab_to(visitor, "Places to give back (you hold 3; 3 points each)")
    press(visitor, "2")
    tab_to(visitor, "Give back")
    leave(visitor, lambda: press(visitor, Keys.SPACE), ".success")
    assert "banner success" in focused(visitor)
    assert f"2 places in {OPEN} given back. 6 points returned, 10 points available" in text(visitor, ".banner")

    tab_to(visitor, "Sign out")
    leave(visitor, lambda: press(visitor, Keys.ENTER), "#email")
    assert "You are signed out" == text(visitor, ".banner")
    assert "banner" == focused(visitor)


@pytest.mark.parametrize("size", [100, 175, 200])
def test_nothing_of_the_skip_link_is_seen_until_it_has_the_focus(visitor, season_site, size):
    visitor.get(f"{season_site}/pointsBoard")
    show(visitor, 360, text=size)
    with_link = visitor.execute_cdp_cmd("Page.captureScreenshot", TOP_OF_PAGE)["data"]
    visitor.execute_script("document.querySelector('.skip').style.visibility = 'hidden'")
    without_link = visitor.execute_cdp_cmd("Page.captureScreenshot", TOP_OF_PAGE)["data"]

    assert without_link == with_link


def test_skip_link_leads_past_the_navigation(visitor, season_site):
    visitor.get(f"{season_site}/pointsBoard")
    press(visitor, Keys.TAB)
    assert "Skip to main content" == visitor.switch_to.active_element.text
    assert "none" == visitor.switch_to.active_element.value_of_css_property("clip-path")

    press(visitor, Keys.ENTER)

    assert "main" == visitor.switch_to.active_element.get_attribute("id")


# Going back and again


def test_reload_after_booking_books_nothing(visitor, site):
    sign_in(visitor, site, JOHN)
    book(visitor, site, "Simply Lift", OPEN, "2")
    assert "7" == text(visitor, ".points data")

    leave(visitor, visitor.refresh, ".points")

    assert [] == texts(visitor, ".banner")
    assert "7" == text(visitor, ".points data")


def test_going_back_to_a_form_that_was_sent_shows_fresh_figures(visitor, site):
    sign_in(visitor, site, JOHN)
    book(visitor, site, "Simply Lift", OPEN, "2")

    leave(visitor, visitor.back, "#places")

    assert "7" == text(visitor, "[data-club] .points-left")


def test_back_after_signing_out_shows_nothing(visitor, site):
    sign_in(visitor, site, JOHN)
    visitor.get(f"{site}/bookings")
    send(visitor, ".sign-out", "#email")
    for _ in range(2):
        leave(visitor, visitor.back, "#email")

        assert "Sign in to book places" == text(visitor, "h1")
        assert "You are not signed in. Sign in to continue" in text(visitor, ".banner")


# On a phone, on a laptop


def test_narrowing_takes_two_presses_on_a_phone(visitor, season_site):
    show(visitor, 360)
    sign_in(visitor, season_site, season.email_of(season.CLUB))
    find(visitor, "#month [value='2050-03']").click()

    send(visitor, ".find", ".rows", q="lyon")

    assert ["Lyon Open"] == texts(visitor, ".rows [scope=row]")
    assert 740 >= box(visitor, ".rows .button")["bottom"]
    assert "1 of 40 competitions, soonest first Show all" == text(visitor, ".rows caption")


@pytest.mark.parametrize("address", ["/showSummary?q=lyon", "/bookings"])
@pytest.mark.parametrize("width", [360, 1280])
def test_whole_row_leads_to_its_competition(visitor, season_site, width, address):
    sign_in(visitor, season_site, season.email_of(season.CLUB))
    visitor.get(season_site + address)
    show(visitor, width)
    competition = find(visitor, "[data-competition]").get_attribute("data-competition")

    click_plate = ActionChains(visitor).move_to_element(find(visitor, "[data-competition] .plate")).click()
    leave(visitor, click_plate.perform, "#places")

    assert f"Book places in {competition}" == text(visitor, "h1")


@pytest.mark.parametrize("width", [360, 900])
def test_tables_keep_their_roles(visitor, season_site, width):
    sign_in(visitor, season_site, season.email_of(season.CLUB))
    show(visitor, width)
    find(visitor, "summary").click()

    nodes = visitor.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = Counter(node["role"]["value"] for node in nodes if not node["ignored"])

    rows = len(visitor.find_elements(By.CSS_SELECTOR, "tr"))
    cells = len(visitor.find_elements(By.CSS_SELECTOR, "td:not([hidden])"))
    assert (3, rows, cells) == (roles["table"], roles["row"], roles["cell"])
    assert len(visitor.find_elements(By.CSS_SELECTOR, "th")) == roles["rowheader"] + roles["columnheader"]


def test_board_stays_in_view_while_the_list_scrolls(visitor, season_site):
    sign_in(visitor, season_site, season.email_of(season.CLUB))

    visitor.execute_script("scrollTo(0, 2000)")

    assert 0 <= box(visitor, ".board")["top"] <= 100


# The first visit


def test_first_visit_asks_for_a_page_a_style_sheet_and_an_icon(visitor, tmp_path):
    with few(tmp_path) as site:
        visitor.execute_cdp_cmd("Network.clearBrowserCache", {})
        visitor.get(site)
        asked = re.findall(r'"GET (\S+) HTTP', (tmp_path / "server.log").read_text("utf-8"))
        links = [find(visitor, f"link[rel={rel}]").get_attribute("href") for rel in ("icon", "stylesheet")]

    assert {*asked} - {"/pointsBoard"} <= {"/", *(link.removeprefix(site) for link in links)}
    assert [] == re.findall(r"url\(|@import", (PROJECT / "static" / "style.css").read_text("utf-8"))
