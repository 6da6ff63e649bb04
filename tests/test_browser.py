"""The pages in a browser: the journey of a secretary, axe, the Nu checker, sizes, scrolling, the first visit.

One browser and one walk through all states serve the whole module; each test asserts a part of what the walk finds.
axe-core and vnu-jar come from npm, by the command in the README.
"""

import json
import re
import shutil
import subprocess
import urllib.request
from collections import Counter
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests import season
from tests.browsing import (
    WAIT,
    book,
    find,
    focused,
    leave,
    press,
    press_details,
    send,
    sign_in,
    tab_to,
    text,
)
from tests.support import PROJECT, book_address, needed, serving, write_data

CHROMIUM, CHROMEDRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
NU = PROJECT / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]

OPEN, FULL, CUP, PAST = "Spring Festival 2050", "Novice Cup 2050", "Fall Classic 2050", "Spring Festival"
LONG_CUP = "Championnats régionaux d’haltérophilie d’Auvergne-Rhône-Alpes, catégories jeunes et anciens"
LONG_CLUB = "Club d’haltérophilie et de musculation de Villeurbanne-Charpennes-Tonkin"
CLUBS = [
    ("Simply Lift", "john@simplylift.example", 13),
    ("Atlas Barbell", "office@atlasbarbell.example", 90),
    ("Nil", "nil@nil.example", 0),
    (LONG_CLUB, "long@long.example", 30),
    ("W" * 200, "w@w.example", 7),
]
COMPETITIONS = [
    (PAST, "2020-03-27 10:00:00", 25),
    (OPEN, "2050-03-27 11:11:00", 20),
    (CUP, "2050-10-22 12:12:00", 24),
    (FULL, "2050-11-05 09:00:00", 5),
    (LONG_CUP, "2050-12-01 08:30:00", 120),
    ("Q" * 200, "2051-01-01 10:00:00", 1000),
]
LONGEST_OF_SEASON = max((name for _, _, name in season.UPCOMING), key=len)
SEASON_QUERIES = {  # state: what is chosen
    "narrowed": "q=lyon&month=2050-03",
    "yours": "show=mine",
    "nothing found": "q=nowhere",
    "past": "show=past",
    "past, narrowed": "show=past&q=lyon",
}
SCHEMES = {"light": [], "dark": ["cat.color"]}  # the tags of the axe rules that are run; none means all
ZOOMS = [(320, 1), (360, 1), (1280, 1), (320, 2), (360, 2), (1280, 2)]  # width in CSS pixels, factor of the text's size

RUN_AXE = """
const done = arguments[arguments.length - 1];
const runOnly = axe.getRules(arguments[0]).map(rule => rule.ruleId);
axe.run(document, {runOnly, resultTypes: ["violations", "incomplete"]}).then(
  found => done([...found.violations, ...found.incomplete].map(rule => rule.id + ": " + rule.nodes[0].html)),
  error => done([String(error)]));
"""
SMALL_CONTROLS = """
return [...document.querySelectorAll("a, button, select, summary, input:not([type=hidden])")]
  .filter(element => {
    const {width, height} = element.getBoundingClientRect();
    const seen = element.checkVisibility();
    return seen && (width < 24 || height < (element.matches("input, select, button, .button") ? 44 : 24));
  })
  .map(element => element.outerHTML);
"""
TEXT_SIZE = "document.documentElement.style.fontSize = arguments[0] * 100 + '%';"
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"
BROKEN_WORDS = """
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const broken = [];
while (texts.nextNode()) {
  const node = texts.currentNode;
  for (const word of node.data.matchAll(/[^\\s-]{2,}/gu)) {
    const range = document.createRange();
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    const parts = [...range.getClientRects()];
    const width = parts.reduce((sum, part) => sum + part.width, 0);
    const lines = new Set(parts.map(part => Math.round(part.top)));
    const fits = width < 180;  // a longer one, of a name or an address, may have to be broken
    if (lines.size > 1 && fits && !node.parentElement.closest(".visually-hidden, thead")) broken.push(word[0]);
  }
}
return broken;
"""
HEIGHTS = """
const box = selector => document.querySelector(selector)?.getBoundingClientRect();
const rows = [...document.querySelectorAll(".competitions [data-competition]")];
return {
  page: document.documentElement.scrollHeight,
  header: box("header").height,
  first: box(".competitions [data-competition]")?.top,
  row: Math.max(0, ...rows.map(row => row.getBoundingClientRect().height)),
};
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Start the one browser of this module."""
    needed(CHROMIUM, CHROMEDRIVER)
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.set_page_load_timeout(WAIT)
    driver.set_script_timeout(WAIT)
    yield driver
    driver.quit()


@pytest.fixture
def visitor(browser):
    """Return the browser as it is for a new visitor: no cookies, a wide window, light, scripts on."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    show(browser, 1280)
    return browser


@pytest.fixture
def site(tmp_path):
    """Serve the app with data of its own; return its address."""
    write_data(tmp_path, CLUBS, COMPETITIONS)
    with serving(tmp_path) as (address, _):
        yield address


def show(browser, width, scheme="light"):
    """Give the window a width and a colour scheme."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


# The journey


@pytest.mark.parametrize("width", [320, 1280])
def test_keyboard_alone_books_and_gives_back_without_scripts(visitor, site, width):
    show(visitor, width)
    visitor.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    visitor.get(f"{site}/bookings")
    assert "You are not signed in. Sign in to continue" in text(visitor, ".banner")

    tab_to(visitor, "Email address")
    leave(visitor, lambda: press(visitor, "john@simplylift.example", Keys.ENTER), ".history, h2")
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

    leave(visitor, lambda: press(visitor, Keys.DELETE * 2, "4", Keys.ENTER), ".success")
    assert "banner success" == focused(visitor)
    assert "Not enough for a place (3 points)" in text(visitor, ".points")

    tab_to(visitor, "See or give back")
    leave(visitor, lambda: press(visitor, Keys.ENTER), ".card")
    assert "booking-1" == find(visitor, ":target").get_attribute("id")
    press_details(visitor, f"Give places back in {OPEN}")
    tab_to(visitor, f"Places to give back in {OPEN} (you hold 4; 3 points each)")
    press(visitor, "3")
    tab_to(visitor, f"Give back places in {OPEN}")
    leave(visitor, lambda: press(visitor, Keys.SPACE), ".success")
    assert "banner success" == focused(visitor)
    assert f"3 places in {OPEN} given back. 9 points returned, 10 points available" in text(visitor, ".banner")

    tab_to(visitor, "Sign out")
    leave(visitor, lambda: press(visitor, Keys.ENTER), "#email")
    assert "You are signed out" == text(visitor, ".banner")
    assert "banner notice" == focused(visitor)


def test_skip_link_appears_and_leads_past_the_navigation(visitor, site):
    visitor.get(f"{site}/pointsBoard")
    skip = find(visitor, ".skip")
    assert 0 > skip.rect["y"]
    press(visitor, Keys.TAB)
    assert 0 < skip.rect["y"]
    press(visitor, Keys.ENTER)
    assert "main" == visitor.switch_to.active_element.get_attribute("id")


def test_reload_after_booking_books_nothing(visitor, site):
    sign_in(visitor, site, "john@simplylift.example")
    book(visitor, site, "Simply Lift", OPEN, "2")
    assert "7" == text(visitor, ".points data")
    leave(visitor, visitor.refresh, ".points")
    assert [] == visitor.find_elements(By.CSS_SELECTOR, ".banner")
    assert "7" == text(visitor, ".points data")


def test_form_sent_again_by_going_back_books_once(visitor, site):
    sign_in(visitor, site, "john@simplylift.example")
    book(visitor, site, "Simply Lift", OPEN, "2")
    leave(visitor, visitor.back, "#places")
    assert "7" == text(visitor, "[data-club] .points-left")  # fresh figures: the browser kept nothing


def test_back_after_signing_out_shows_nothing(visitor, site):
    sign_in(visitor, site, "john@simplylift.example")
    visitor.get(f"{site}/bookings")
    send(visitor, ".sign-out", "#email")
    for _ in range(2):
        leave(visitor, visitor.back, "#email")
        assert "Sign in to book places" == text(visitor, "h1")
        assert "You are not signed in. Sign in to continue" in text(visitor, ".banner")


# A phone, a printer, forced colours, a screen reader


@pytest.fixture
def demo(tmp_path):
    """Serve the app with the bundled data; return its address."""
    for name in ("clubs.json", "competitions.json"):
        shutil.copy(PROJECT / name, tmp_path)
    with serving(tmp_path) as (address, _):
        yield address


def show_phone(browser):
    """Give the window the size of a phone."""
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def in_view(browser, selector):
    """Tell whether the whole of an element is in view on a phone without scrolling."""
    box = browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect()", selector)
    return box["top"] >= 0 and box["bottom"] <= 740


def test_field_and_button_are_in_view_on_a_phone(visitor, demo):
    show_phone(visitor)
    sign_in(visitor, demo, "john@simplylift.co")
    visitor.get(demo + book_address(OPEN, "Simply Lift"))

    assert in_view(visitor, "#places")
    assert in_view(visitor, "main button")

    send(visitor, "main form", ".error-summary", places="5")

    assert in_view(visitor, ".error-summary")
    assert in_view(visitor, ".error")
    assert in_view(visitor, "#places")
    assert in_view(visitor, "main button")


def test_narrowing_takes_two_presses_on_a_phone(visitor, tmp_path):
    write_data(tmp_path, season.clubs(), season.competitions())
    with serving(tmp_path) as (address, _):
        show_phone(visitor)
        sign_in(visitor, address, season.email_of(season.CLUB))
        find(visitor, "#month [value='2050-03']").click()
        send(visitor, ".find", ".competitions", q="lyon")

        found = visitor.find_elements(By.CSS_SELECTOR, ".competitions [scope=row]")
        assert ["Lyon Open"] == [one.text for one in found]
        assert in_view(visitor, ".competitions .button")
        assert "1 of 40 competitions, soonest first Show all" == text(visitor, ".competitions caption")


def test_tables_keep_their_roles_on_a_phone(visitor, demo):
    show_phone(visitor)
    sign_in(visitor, demo, "john@simplylift.co")
    visitor.execute_script("document.querySelector('details').open = true")
    nodes = visitor.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = Counter(node["role"]["value"] for node in nodes if not node["ignored"])

    rows = len(visitor.find_elements(By.CSS_SELECTOR, "tr"))
    cells = len(visitor.find_elements(By.CSS_SELECTOR, "td:not([hidden])"))
    assert (3, rows, cells) == (roles["table"], roles["row"], roles["cell"])
    assert len(visitor.find_elements(By.CSS_SELECTOR, "th")) == roles["rowheader"] + roles["columnheader"]


def test_forced_colours_keep_the_current_page_and_the_panels(visitor, demo):
    sign_in(visitor, demo, "john@simplylift.co")
    visitor.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "forced-colors", "value": "active"}]})
    edges = [
        link.value_of_css_property("border-bottom-color") for link in visitor.find_elements(By.CSS_SELECTOR, "nav a")
    ]

    assert edges[0] != edges[1] == edges[2]
    for panel in (".points", ".board", "header"):
        assert "1px" == find(visitor, panel).value_of_css_property("border-top-width")


def test_print_of_my_bookings_has_the_club_and_the_date_and_no_forms(visitor, site):
    sign_in(visitor, site, "john@simplylift.example")
    book(visitor, site, "Simply Lift", OPEN, "2")
    visitor.get(f"{site}/bookings")
    visitor.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})

    hidden = visitor.find_elements(By.CSS_SELECTOR, "nav, form, details, .links, .skip")
    shown = [one.get_attribute("outerHTML") for one in hidden if one.is_displayed()]
    after = visitor.execute_script("return getComputedStyle(document.querySelector('h1'), '::after').content")
    assert [] == shown
    assert '": Simply Lift"' == after
    printed = visitor.execute_script("return getComputedStyle(document.querySelector('caption'), '::after').content")
    assert "Printed on" in printed
    assert find(visitor, ".history").is_displayed()
    assert "You hold 2" in text(visitor, ".card")


# One walk through all states


def states(browser, site):
    """Lead the browser through the pages with few competitions, in all states; yield the name of each."""
    browser.get(site)
    yield "sign-in"
    browser.get(f"{site}/bookings")
    yield "sign-in, needed"
    send(browser, "[action='/showSummary']", ".error-summary", email="nobody@nowhere.example")
    yield "sign-in, unknown"
    browser.get(f"{site}/pointsBoard")
    yield "board"
    browser.get(f"{site}/nowhere")
    yield "not found"
    browser.get(f"{site}/logout")
    yield "sign-in, signed out"
    sign_in(browser, site, "nil@nil.example")
    yield "summary, no points"
    browser.get(f"{site}/bookings")
    yield "bookings, none"
    sign_in(browser, site, "office@atlasbarbell.example")
    yield "summary"
    book(browser, site, "Atlas Barbell", FULL, "5")
    browser.get(f"{site}/book/{quote(CUP)}/Atlas%20Barbell")
    yield "booking"
    book(browser, site, "Atlas Barbell", CUP, "13", ".error-summary")
    yield "booking, refused"
    book(browser, site, "Atlas Barbell", CUP, "12")
    yield "summary, booked, full and at the cap"
    browser.get(f"{site}/book/{quote(FULL)}/Atlas%20Barbell")
    yield "booking, full"
    browser.get(f"{site}/book/{quote(CUP)}/Atlas%20Barbell")
    yield "booking, at the cap"
    browser.get(f"{site}/book/{quote(PAST)}/Atlas%20Barbell")
    yield "summary, closed"
    browser.get(f"{site}/book/None/Atlas%20Barbell")
    yield "summary, unknown competition"
    browser.get(f"{site}/book/{quote(OPEN)}/Nil")
    yield "another club"
    browser.get(f"{site}/bookings")
    yield "bookings"
    find(browser, ".card:nth-child(2) summary").click()
    send(browser, ".card:nth-child(2) form", ".error-summary", places="6")
    yield "bookings, refused"
    send(browser, ".card:nth-child(2) form", ".success", places="1")
    yield "bookings, given back"
    browser.get(f"{site}/pointsBoard")
    yield "board, signed in"
    sign_in(browser, site, "long@long.example")
    book(browser, site, LONG_CLUB, LONG_CUP, "2")
    yield "summary, long names"
    browser.get(f"{site}/book/{'Q' * 200}/{quote(LONG_CLUB)}")
    yield "booking, long names"
    sign_in(browser, site, "w@w.example")
    book(browser, site, "W" * 200, "Q" * 200, "1")
    yield "summary, longest names"
    browser.get(f"{site}/bookings")
    yield "bookings, longest names"
    browser.get(f"{site}/book/{quote(OPEN)}/{'W' * 200}")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    send(browser, "[action='/purchasePlaces']", ".error-summary", places="1")
    yield "sign-in, nothing was booked"
    for _ in range(2):
        send(browser, "[action='/showSummary']", ".error-summary", email="nobody@nowhere.example")
    yield "sign-in, too many"


def states_of_long_lists(browser, site):
    """Lead the browser through the pages of lists with more than 100 rows."""
    browser.get(site)
    yield "sign-in, many clubs"
    browser.get(f"{site}/pointsBoard?page=2")
    yield "board, second page"
    sign_in(browser, site, "0@club.example")
    yield "summary, many competitions"
    browser.get(f"{site}/showSummary?page=2")
    yield "summary, second page"
    browser.get(f"{site}/bookings")
    yield "bookings, many"


def states_of_a_season(browser, site):
    """Lead the browser through the pages of a club with 30 holdings, in a season of 190 competitions."""
    book_a_season(site)
    sign_in(browser, site, season.email_of(season.CLUB))
    yield "season"
    browser.get(f"{site}/showSummary")
    find(browser, "summary").click()
    yield "season, past unfolded"
    for state, query in SEASON_QUERIES.items():
        browser.get(f"{site}/showSummary?{query}")
        yield f"season, {state}"
    browser.get(f"{site}/bookings")
    yield "season, bookings"
    find(browser, ".card:nth-child(2) summary").click()
    send(browser, ".card:nth-child(2) form", ".error-summary", places="13")
    yield "season, bookings refused"
    browser.get(f"{site}/pointsBoard")
    yield "season, board"
    for competition in (season.FULL[0], LONGEST_OF_SEASON):
        browser.get(site + book_address(competition, season.CLUB))
        yield f"season, booking {competition}"
    sign_in(browser, site, season.email_of(season.POOR_CLUB))
    yield "season, no points"
    browser.get(f"{site}/showSummary?show=bookable")
    yield "season, nothing to book"


def book_a_season(site):
    """Send the bookings and returns of a season, each club with a session of its own."""
    emails = {name: email for name, email, _ in season.clubs()}
    clubs = {}
    for club, competition, places in season.orders():
        if club not in clubs:
            clubs[club] = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            post(clubs[club], f"{site}/showSummary", email=emails[club])
        view = "purchasePlaces" if places > 0 else "cancelPlaces"
        post(clubs[club], f"{site}/{view}", competition=competition, places=abs(places))


def post(opener, address, **form):
    """Send a form without the browser."""
    opener.open(address, urlencode(form).encode(), timeout=WAIT).close()


def states_of_no_data(browser, site):
    """Lead the browser through the pages of empty lists."""
    browser.get(site)
    yield "sign-in, no clubs"
    browser.get(f"{site}/pointsBoard")
    yield "board, no clubs"


def book_often(site, competition):
    """Book and give back a place 51 times as the first club, without the browser."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    post(opener, f"{site}/showSummary", email="0@club.example")
    for view in ("purchasePlaces", "cancelPlaces") * 51:
        post(opener, f"{site}/{view}", competition=competition, places=1)


def html_as_sent(browser):
    """Return the page's source as the server sent it, even after a POST."""
    events = [json.loads(entry["message"])["message"]["params"] for entry in browser.get_log("performance")]
    pages = [event["requestId"] for event in events if event.get("type") == "Document" and "response" in event]
    return browser.execute_cdp_cmd("Network.getResponseBody", {"requestId": pages[-1]})["body"]


def look(browser):
    """Return what is wrong with the page that is shown, by kind, with its source and its heights."""
    found = {"html": html_as_sent(browser), "wide": [], "broken": [], "small": [], "axe": []}
    for width, zoom in ZOOMS:
        show(browser, width)
        browser.execute_script(TEXT_SIZE, zoom)
        wide = browser.execute_script(OVERFLOW)
        if wide > 0:
            found["wide"].append((width, zoom, wide))
        found["broken"] += [(width, zoom, word) for word in browser.execute_script(BROKEN_WORDS)]
        if zoom == 1:
            found["small"] += browser.execute_script(SMALL_CONTROLS)
    browser.execute_script(TEXT_SIZE, 1)
    show(browser, 360)
    found["heights"] = browser.execute_script(HEIGHTS)
    if AXE.exists():
        browser.execute_script(AXE.read_text("utf-8"))
        for scheme, tags in SCHEMES.items():
            for width in (360, 1280):
                show(browser, width, scheme)
                found["axe"] += [f"{scheme} {width} {one}" for one in browser.execute_async_script(RUN_AXE, tags)]
    show(browser, 1280)
    return found


@pytest.fixture(scope="module")
def walk(browser, tmp_path_factory):
    """Walk through all states once; return what `look` found in each."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    many = [(f"Cup {number:03}", "2050-01-01 10:00:00", number) for number in range(105)]
    data = [
        (states, CLUBS, COMPETITIONS),
        (states_of_long_lists, [(f"Club {number:04}", f"{number}@club.example", 9) for number in range(2431)], many),
        (states_of_a_season, season.clubs(), season.competitions()),
        (states_of_no_data, [], []),
    ]
    found = {}
    for walk_through, clubs, competitions in data:
        folder = tmp_path_factory.mktemp("walk")
        write_data(folder, clubs, competitions)
        with serving(folder, FAILED_SIGN_INS_PER_MINUTE=2, CONTACT="registration@federation.example") as (site, _):
            if walk_through is states_of_long_lists:
                book_often(site, "Cup 104")
            for state in walk_through(browser, site):
                found[state] = look(browser)
    return found


def faults(walk, kind):
    return {state: found[kind] for state, found in walk.items() if found[kind]}


def test_axe_finds_nothing_in_any_state_scheme_and_width(walk):
    needed(AXE)
    assert {} == faults(walk, "axe")


def test_no_page_scrolls_sideways_even_with_text_twice_as_large(walk):
    assert {} == faults(walk, "wide")


def test_no_word_or_number_is_broken_even_with_text_twice_as_large(walk):
    assert {} == faults(walk, "broken")


def test_header_is_two_lines_on_a_phone(walk):
    assert 120 >= max(found["heights"]["header"] for found in walk.values())


def test_season_is_short_enough_to_scroll_on_a_phone(walk):
    summary = walk["season"]["heights"]

    assert 7_500 >= summary["page"]
    assert 560 >= summary["first"]
    assert 130 >= summary["row"]
    assert 60_000 >= len(walk["season"]["html"].encode())
    assert 14_000 >= walk["season, bookings"]["heights"]["page"]


def test_controls_are_44_pixels_high_and_links_24(walk):
    assert {} == faults(walk, "small")


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


def test_first_visit_is_three_requests_and_14_kilobytes(visitor, tmp_path):
    for name in ("clubs.json", "competitions.json"):
        shutil.copy(PROJECT / name, tmp_path)
    with serving(tmp_path) as (site, _):
        visitor.execute_cdp_cmd("Network.clearBrowserCache", {})
        visitor.get(site)
        asked = re.findall(r'"GET (\S+) HTTP', (tmp_path / "server.log").read_text("utf-8"))
        links = [find(visitor, f"link[rel={rel}]").get_attribute("href") for rel in ("icon", "stylesheet")]
        assert 0 == len(visitor.find_elements(By.CSS_SELECTOR, "[src], script, iframe"))
        sizes = [len(urllib.request.urlopen(urljoin(site, link), timeout=WAIT).read()) for link in ("/", *links)]
    assert {*asked} - {"/pointsBoard"} <= {"/", *(link.removeprefix(site) for link in links)}
    assert [] == re.findall(r"url\(|@import", (PROJECT / "static" / "style.css").read_text("utf-8"))
    assert 14_000 >= sum(sizes)
