"""What the tests in browsers share: Chromium, its windows, finding elements, leaving pages, forms, keys."""

import json
from contextlib import contextmanager

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.support import PROJECT, book_address, needed

WAIT = 20  # seconds, for a page, a script or a tool of the browser
CHROMIUM, CHROMEDRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
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
AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
NU = PROJECT / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
TEXT_SIZE = "document.documentElement.style.fontSize = arguments[0] + '%';"
FOCUS = """
const {tagName, innerText} = document.activeElement;
const {outlineStyle, outlineWidth} = getComputedStyle(document.activeElement);
// the head of folded details has no name of its own in WebKit
return [tagName, `${outlineStyle} ${outlineWidth}`, tagName === "SUMMARY" ? innerText.trim() : null];
"""


# Chromium


@contextmanager
def chromium(profile):
    needed(CHROMIUM, CHROMEDRIVER)
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.set_page_load_timeout(WAIT)
    driver.set_script_timeout(WAIT)
    yield driver
    driver.quit()


def be_new(browser):
    """Make the browser that of a new visitor: no cookies, a wide window, light colours, scripts on."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    let_scripts_run(browser, True)
    show(browser, 1280)


def let_scripts_run(browser, are_on):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not are_on})


def resize(browser, width, height=740):
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def show(browser, width, height=740, text=100, media="", **features):
    """Give the window a size, the text one (per cent), and media features, like `prefers_color_scheme="dark"`."""
    resize(browser, width, height)
    listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": listed})
    browser.execute_script(TEXT_SIZE, text)


def html_as_sent(browser):
    """Return the page's source as the server sent it, even after a POST; None if no page came since the last call."""
    events = [json.loads(entry["message"])["message"]["params"] for entry in browser.get_log("performance")]
    pages = [event["requestId"] for event in events if event.get("type") == "Document" and "response" in event]
    if not pages:
        return None
    return browser.execute_cdp_cmd("Network.getResponseBody", {"requestId": pages[-1]})["body"]


# Pages


def find(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def text(browser, selector):
    return find(browser, selector).text


def texts(browser, selector):
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]


def box(browser, selector):
    """Return where the first element that matches a selector lies in the window, in pixels."""
    return browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect()", selector)


def gone(element):
    """Tell whether the element's page was left; chromedriver has several errors for that."""
    try:
        element.is_enabled()
    except WebDriverException:
        return True
    return False


def leave(browser, action, expected):
    """Do what leads to another page, and wait for an element on it: a bare click may return before that is there."""
    page = find(browser, "html")
    action()
    WebDriverWait(browser, WAIT).until(lambda _: gone(page))
    return WebDriverWait(browser, WAIT).until(lambda _: find(browser, expected))


def send(browser, form, expected, **fields):
    """Fill in the form that a selector finds, press its button, and wait for what is expected on the next page."""
    for name, typed in fields.items():
        field = find(browser, f"{form} [name={name}]")
        field.clear()
        field.send_keys(typed)
    leave(browser, find(browser, f"{form} button").click, expected)


def sign_in(browser, site, email):
    """Sign in as the secretary with an email address, whoever was signed in before."""
    browser.get(f"{site}/logout")
    send(browser, "[action='/showSummary']", ".points", email=email)


def book(browser, site, club, competition, places, expected=".success"):
    browser.get(site + book_address(competition, club))
    send(browser, "[action='/purchasePlaces']", expected, places=places)


# The keyboard


def press(browser, *keys):
    ActionChains(browser).send_keys(*keys).perform()


def tab_to(browser, name):
    """Press Tab until the element with this name has the focus; check that the focus can be seen on the way."""
    for _ in range(60):
        press(browser, Keys.TAB)
        element = browser.switch_to.active_element
        tag, outline, head = browser.execute_script(FOCUS)
        assert tag == "BODY" or outline == "solid 3px"  # Tab also passes through the browser's own window
        if name in (head, element.accessible_name):
            return element
    raise AssertionError(f"Tab never reaches {name}")


def focused(browser):
    return browser.switch_to.active_element.get_attribute("class")


def give_two_back(browser):
    """Go by the keyboard from the summary, after three places were booked, to the field for it, and give two back."""
    tab_to(browser, "See or give back")
    leave(browser, lambda: press(browser, Keys.ENTER), ".figures")
    field = browser.switch_to.active_element
    assert "places-back" == field.get_attribute("id")  # the browser unfolds it
    field.clear()  # WebKit puts the caret into a field that a link led to only after a key or a touch
    field.send_keys("2")
    tab_to(browser, "Give back")
    leave(browser, lambda: press(browser, Keys.SPACE), ".success")
