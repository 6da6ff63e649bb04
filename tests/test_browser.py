"""The pages in a browser: the journey of a secretary, axe, the Nu checker, sizes, scrolling, the first visit.

One browser and one walk through all states serve the whole module; what the walk finds is asserted test by test.
axe-core and vnu-jar come from npm, by the command in the README.
"""

import json
import re
import shutil
import subprocess
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.support import PROJECT, needed, serving, write_data

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
WAIT = 20  # seconds, for a page, a script or a tool of the browser

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
SCHEMES = {"light": [], "dark": ["cat.color"]}  # the rules of axe that can tell: all, or those about colours
ZOOMS = [(320, 1), (360, 1), (1280, 1), (320, 2), (360, 2), (1280, 2)]  # width in CSS pixels, size of the text

RUN_AXE = """
const done = arguments[arguments.length - 1];
const runOnly = axe.getRules(arguments[0]).map(rule => rule.ruleId);
axe.run(document, {runOnly, resultTypes: ["violations", "incomplete"]}).then(
  found => done([...found.violations, ...found.incomplete].map(rule => rule.id + ": " + rule.nodes[0].html)),
  error => done([String(error)]));
"""
SMALL_CONTROLS = """
return [...document.querySelectorAll("a, button, input:not([type=hidden])")]
  .filter(element => {
    const {width, height} = element.getBoundingClientRect();
    return width < 24 || height < (element.matches("input, button, .button") ? 44 : 24);
  })
  .map(element => element.outerHTML);
"""
OVERFLOW = """
document.documentElement.style.fontSize = arguments[0] * 100 + "%";
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
document.documentElement.style.fontSize = "";
return wide;
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
    """Return the browser as a new visitor finds it: no cookies, a wide window, light, scripts on."""
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


def find(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def text(browser, selector):
    return find(browser, selector).text


def gone(element):
    """Tell whether the element's page was left; chromedriver has several words for that."""
    try:
        element.is_enabled()
    except WebDriverException:
        return True
    return False


def leave(browser, action, expected):
    """Do what leads to another page, and wait for an element of it: a bare click may return before it is there."""
    page = find(browser, "html")
    action()
    WebDriverWait(browser, WAIT).until(lambda _: gone(page))
    return WebDriverWait(browser, WAIT).until(lambda _: find(browser, expected))


def send(browser, form, expected, **fields):
    """Fill in the form that leads to an address, and send it with its button."""
    for name, typed in fields.items():
        field = find(browser, f"{form} [name={name}]")
        field.clear()
        field.send_keys(typed)
    leave(browser, find(browser, f"{form} button").click, expected)


def sign_in(browser, site, email):
    browser.get(f"{site}/logout")
    send(browser, "[action='/showSummary']", ".points", email=email)


def book(browser, site, club, competition, places, expected=".success"):
    browser.get(f"{site}/book/{quote(competition)}/{quote(club)}")
    send(browser, "[action='/purchasePlaces']", expected, places=places)


def press(browser, *keys):
    ActionChains(browser).send_keys(*keys).perform()


def tab_to(browser, name):
    """Press Tab until what has this name has the focus, and see the focus on everything on the way."""
    for _ in range(60):
        press(browser, Keys.TAB)
        element = browser.switch_to.active_element
        if element.tag_name != "body":  # the way round leads through the browser's own window
            outline = [element.value_of_css_property(f"outline-{part}") for part in ("style", "width")]
            assert ["solid", "3px"] == outline
        if name == element.accessible_name:
            return element
    raise AssertionError(f"Tab never reaches {name}")


def focused(browser):
    """Return the classes of the element that has the focus."""
    return browser.switch_to.active_element.get_attribute("class")


# The journey


@pytest.mark.parametrize("width", [320, 1280])
def test_keyboard_alone_books_and_gives_back_without_scripts(visitor, site, width):
    show(visitor, width)
    visitor.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    visitor.get(site)
    press(visitor, Keys.TAB)
    assert "Skip to main content" == visitor.switch_to.active_element.text
    tab_to(visitor, "Email address")
    leave(visitor, lambda: press(visitor, "john@simplylift.example", Keys.ENTER), ".points")
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
    assert "1 point available, enough for 0 places at 3 points each" == " ".join(text(visitor, ".points").split())
    tab_to(visitor, "My bookings")
    leave(visitor, lambda: press(visitor, Keys.ENTER), ".record")
    tab_to(visitor, "Number of places to give back, of 4 held; each returns 3 points")
    press(visitor, "3")
    tab_to(visitor, f"Give back places in {OPEN}")
    leave(visitor, lambda: press(visitor, Keys.SPACE), ".success")
    assert "banner success" == focused(visitor)
    assert f"3 places in {OPEN} given back. 9 points returned, 10 points available" in text(visitor, ".banner")
    tab_to(visitor, "Sign out")
    leave(visitor, lambda: press(visitor, Keys.ENTER), "#email")


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
    assert "7" == text(visitor, "[data-club] .points-left")  # fresh figures: nothing was kept by the browser


def test_back_after_signing_out_shows_nothing(visitor, site):
    sign_in(visitor, site, "john@simplylift.example")
    visitor.get(f"{site}/bookings")
    send(visitor, ".sign-out", "#email")
    for _ in range(2):
        leave(visitor, visitor.back, "#email")
        assert "Sign in to book places" == text(visitor, "h1")
        assert "You are not signed in. Sign in to continue" in text(visitor, ".banner")


# One walk through all states


def states(browser, site):
    """Lead the browser through every page and state; yield the name of each."""
    browser.get(site)
    yield "sign-in"
    browser.get(f"{site}/bookings")
    yield "sign-in, needed"
    for refused in ("unknown", "unknown again", "too many"):
        send(browser, "[action='/showSummary']", ".error-summary", email="nobody@nowhere.example")
        yield f"sign-in, {refused}"
    browser.get(f"{site}/pointsBoard")
    yield "board"
    browser.get(f"{site}/nowhere")
    yield "not found"
    browser.get(f"{site}/purchasePlaces")
    yield "wrong method"
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
    send(browser, ".cards li:nth-child(2) form", ".error-summary", places="6")
    yield "bookings, refused"
    send(browser, ".cards li:nth-child(2) form", ".success", places="1")
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


def states_of_no_data(browser, site):
    """Lead the browser through the pages of empty lists."""
    browser.get(site)
    yield "sign-in, no clubs"
    browser.get(f"{site}/pointsBoard")
    yield "board, no clubs"


def book_often(site, competition):
    """Book and give back a place 51 times as the first club, without the browser."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    forms = [("showSummary", {"email": "0@club.example"})]
    forms += [(view, {"competition": competition, "places": 1}) for view in ("purchasePlaces", "cancelPlaces") * 51]
    for view, form in forms:
        opener.open(f"{site}/{view}", urlencode(form).encode(), timeout=WAIT).close()


def html_as_sent(browser):
    """Return the page's source as the server sent it, also after a POST."""
    events = [json.loads(entry["message"])["message"]["params"] for entry in browser.get_log("performance")]
    pages = [event["requestId"] for event in events if event.get("type") == "Document" and "response" in event]
    return browser.execute_cdp_cmd("Network.getResponseBody", {"requestId": pages[-1]})["body"]


def look(browser):
    """Return what is wrong with the page that is shown, by kind, and its source."""
    found = {"html": html_as_sent(browser), "wide": [], "small": [], "axe": []}
    for width, zoom in ZOOMS:
        show(browser, width)
        if (wide := browser.execute_script(OVERFLOW, zoom)) > 0:
            found["wide"].append((width, zoom, wide))
        if zoom == 1:
            found["small"] += browser.execute_script(SMALL_CONTROLS)
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
        (states_of_no_data, [], []),
    ]
    found = {}
    for walk_through, clubs, competitions in data:
        folder = tmp_path_factory.mktemp("walk")
        write_data(folder, clubs, competitions)
        with serving(folder, FAILED_SIGN_INS_PER_MINUTE=2) as (site, _):
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
