"""What the tests in browsers share: finding elements, leaving pages, sending forms, pressing keys."""

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.support import book_address

WAIT = 20  # seconds, for a page, a script or a tool of the browser


def find(browser, selector):
    """Return the first element that matches a selector."""
    return browser.find_element(By.CSS_SELECTOR, selector)


def text(browser, selector):
    """Return the text of the first element that matches a selector."""
    return find(browser, selector).text


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
    """Book places with the form, and wait for what is expected on the next page."""
    browser.get(site + book_address(competition, club))
    send(browser, "[action='/purchasePlaces']", expected, places=places)


def press(browser, *keys):
    """Press keys, wherever the focus is."""
    ActionChains(browser).send_keys(*keys).perform()


def tab_to(browser, name):
    """Press Tab until the element with this name has the focus; check that the focus can be seen on the way."""
    for _ in range(60):
        press(browser, Keys.TAB)
        element = browser.switch_to.active_element
        if element.tag_name != "body":  # Tab also passes through the browser's own window
            outline = [element.value_of_css_property(f"outline-{part}") for part in ("style", "width")]
            assert ["solid", "3px"] == outline
        if name == element.accessible_name:
            return element
    raise AssertionError(f"Tab never reaches {name}")


def focused(browser):
    """Return the classes of the element that has the focus."""
    return browser.switch_to.active_element.get_attribute("class")


def press_details(browser, name):
    """Open the details with this name from the keyboard."""
    for _ in range(60):
        press(browser, Keys.TAB)
        element = browser.switch_to.active_element
        if element.tag_name == "summary" and name == " ".join(element.get_attribute("textContent").split()):
            press(browser, Keys.ENTER)
            return
    raise AssertionError(f"Tab never reaches {name}")
