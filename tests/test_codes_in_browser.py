"""Signing in by a mailed code in a browser, with the code from its mail. The states of its page: test_browser."""

from selenium.webdriver.common.keys import Keys

from tests.browsing import find, focused, leave, let_scripts_run, press, send, show, tab_to, text
from tests.states import CODE_FORM, JOHN, SIGN_IN_FORM, WRONG_CODE, mailing, organising, wait_for_code
from tests.support import ANN

SENT = "If a club has this email address, a code is on its way to it. Enter it here within 10 minutes"


def test_keyboard_alone_signs_in_by_a_mailed_code_without_scripts(visitor, tmp_path):
    with mailing(tmp_path) as (site, postbox):
        show(visitor, 320)
        let_scripts_run(visitor, False)
        visitor.get(f"{site}/bookings")
        tab_to(visitor, "Email address")
        leave(visitor, lambda: press(visitor, JOHN, Keys.ENTER), "#code")
        assert SENT in text(visitor, "main")

        tab_to(visitor, "Code")
        leave(visitor, lambda: press(visitor, WRONG_CODE, Keys.ENTER), ".error-summary")
        assert "error-summary" == focused(visitor)
        tab_to(visitor, text(visitor, ".error-summary a"))
        press(visitor, Keys.ENTER)
        field = visitor.switch_to.active_element
        assert ("code", WRONG_CODE, "true") == tuple(map(field.get_attribute, ("id", "value", "aria-invalid")))

        tab_to(visitor, "Ask for another code")
        leave(visitor, lambda: press(visitor, Keys.SPACE), ".banner")
        assert "banner" == focused(visitor)

        tab_to(visitor, "Code")
        leave(visitor, lambda: press(visitor, wait_for_code(postbox, 2).lower(), Keys.ENTER), ".club")

        assert f"{site}/bookings" == visitor.current_url
        assert "Simply Lift" == text(visitor, ".club")


def test_organiser_reads_on_a_phone_who_comes_to_the_next_competition(visitor, tmp_path):
    with organising(tmp_path) as (site, postbox):
        show(visitor, 360)
        let_scripts_run(visitor, False)
        visitor.get(site)
        send(visitor, SIGN_IN_FORM, "#code", email=ANN)
        send(visitor, CODE_FORM, ".club", code=wait_for_code(postbox))
        assert f"{site}/organiser" == visitor.current_url

        leave(visitor, find(visitor, ".rows th a").click, ".entries")

        assert "New Year Open: entry list" == text(visitor, "h1")
        assert "Barbell Club Nice" == text(visitor, ".entries tbody th")
        assert find(visitor, "a[href^='/organiser/entries.csv']").is_displayed()


def test_going_back_after_signing_in_by_a_code_shows_no_form(visitor, tmp_path):
    with mailing(tmp_path) as (site, postbox):
        visitor.get(site)
        send(visitor, SIGN_IN_FORM, "#code", email=JOHN)
        send(visitor, CODE_FORM, ".points", code=wait_for_code(postbox))

        leave(visitor, visitor.back, ".points")

        assert f"{site}/showSummary" == visitor.current_url
