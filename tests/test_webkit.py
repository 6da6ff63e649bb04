"""The pages in the engine of Safari: Debian's webkit2gtk-driver, on a virtual display (xvfb).

Its window is at least 447 pixels wide: to be as narrow as on a phone, pages are magnified.
"""

import os
import subprocess
from glob import glob

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.webkitgtk.service import Service

from tests import season
from tests.browsing import WAIT, book, find, focused, give_two_back, leave, press, send, sign_in, tab_to, text
from tests.states import ATLAS, JOHN, OPEN, few
from tests.support import book_address, needed

DRIVER = "/usr/bin/WebKitWebDriver"
BROWSER = next(iter(glob("/usr/lib/*/webkit2gtk-*/MiniBrowser")), "MiniBrowser of webkit2gtk-driver")
ZOOMS = {320: 447 / 320, 360: 447 / 360}  # how far to magnify a page in the smallest window, by the width it gets

IS_WIDE = """
document.documentElement.style.zoom = arguments[0];
return document.documentElement.scrollWidth > innerWidth;
"""


@pytest.fixture(scope="module")
def display():
    needed("Xvfb")
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        yield f":{server.stdout.readline().strip()}"
        server.terminate()


@pytest.fixture(scope="module")
def browser(display):
    needed(DRIVER, BROWSER)
    options = webdriver.WebKitGTKOptions()
    options.binary_location = BROWSER
    options.add_argument("--automation")
    service = Service(DRIVER, env=os.environ | {"DISPLAY": display, "GDK_BACKEND": "x11"})
    service.start()
    # Selenium's own class for this browser warns about its own doings.
    connection = RemoteConnection(client_config=ClientConfig(remote_server_addr=service.service_url))
    driver = webdriver.Remote(connection, options=options)
    driver.set_page_load_timeout(WAIT)
    driver.set_script_timeout(WAIT)
    yield driver
    driver.quit()
    service.stop()


@pytest.fixture
def visitor(browser):
    browser.set_window_size(1280, 900)
    return browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with few(tmp_path_factory.mktemp("few")) as address:
        yield address


def test_keyboard_alone_books_and_gives_back(visitor, site):
    visitor.get(f"{site}/logout")  # tests share the browser, in any order
    visitor.get(site + book_address(OPEN, "Simply Lift"))
    tab_to(visitor, "Email address")
    leave(visitor, lambda: press(visitor, JOHN, Keys.ENTER), "#places")

    tab_to(visitor, "Number of places")
    leave(visitor, lambda: press(visitor, "13", Keys.ENTER), ".error-summary")
    assert "error-summary" == focused(visitor)
    tab_to(visitor, text(visitor, ".error-summary a"))
    press(visitor, Keys.ENTER)
    field = visitor.switch_to.active_element
    assert "places" == field.get_attribute("id")

    field.clear()
    leave(visitor, lambda: field.send_keys("3", Keys.ENTER), ".success")
    assert "banner success" in focused(visitor)

    give_two_back(visitor)
    assert "banner success" in focused(visitor)
    assert "6 points returned, 10 points available" in text(visitor, ".banner")


def test_details_are_closed_until_they_are_pressed_or_hold_a_refused_form(visitor, site):
    sign_in(visitor, site, ATLAS)
    book(visitor, site, "Atlas Barbell", OPEN, "2")
    visitor.get(site + book_address(OPEN, "Atlas Barbell"))
    assert not find(visitor, "#places-back").is_displayed()
    find(visitor, "summary").click()
    assert find(visitor, "#places-back").is_displayed()

    send(visitor, "[action='/cancelPlaces']", ".error-summary", places="3")

    assert "error-summary" == focused(visitor)
    assert find(visitor, "details .error").is_displayed()
    assert "3" == find(visitor, "#places-back").get_attribute("value")


def test_no_page_scrolls_sideways_on_a_phone(visitor, season_site):
    sign_in(visitor, season_site, season.email_of(season.CLUB))
    visitor.set_window_size(447, 740)

    for address in [
        "/showSummary",
        "/showSummary?show=past",
        "/bookings",
        "/bookings?show=all",
        "/pointsBoard",
        book_address("Lyon Open", season.CLUB),
        book_address("Grand Final", season.CLUB),
    ]:
        visitor.get(season_site + address)
        assert [] == [width for width in ZOOMS if visitor.execute_script(IS_WIDE, ZOOMS[width])], address
