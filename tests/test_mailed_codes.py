"""Signing in by a mailed code, with the whole app and a real mail server."""

import http.client
import logging
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Barrier
from urllib.parse import urlencode

import pytest

from gudlft.journal import CommitInDoubt, JournalError
from gudlft.limits import RateLimit
from gudlft.mail import outbox as outbox_module
from tests.mail_servers import Postbox, code_in, mail_server, read_mail, scripted_server
from tests.support import (
    JOHN,
    KATE,
    KEY,
    OPEN,
    PAST,
    SMALL,
    Secretary,
    a_club,
    a_competition,
    book_address,
    serving,
    wait_until,
    words,
    write_data,
)

SENDER = "registration@club.example"
JOHN_IN_THE_FILE = "John@SimplyLift.co"
UNKNOWN = "joan@simplylift.co"  # as long as John's
WRONG = "2222-2222"
SENT = "If a club has this email address, a code is on its way to it. Enter it here within 10 minutes"
DOES_NOT_WORK = "This code does not work. Check it, or ask for a new one"
NOBODY_CAN_SIGN_IN = "Nobody can sign in at the moment. Try again in a minute"
REFUSED = (400, DOES_NOT_WORK)


@pytest.fixture
def postbox():
    """Return the postbox of a running mail server, with its port as an attribute."""
    postbox = Postbox()
    with mail_server(postbox) as postbox.port:
        yield postbox


@pytest.fixture
def folder(tmp_path):
    """Return a folder with data files in which one email address has capitals."""
    write_data(
        tmp_path,
        [a_club("Simply Lift", JOHN_IN_THE_FILE, 13), a_club("She Lifts", KATE, 12)],
        [
            a_competition(PAST, "2020-03-27 10:00:00", 25),
            a_competition(OPEN, "2050-03-27 11:11:00", 20),
            a_competition(SMALL, "2050-11-05 09:00:00", 5),
        ],
    )
    return tmp_path


@pytest.fixture
def start_mailing(start, folder, postbox, monkeypatch):
    """Return a function that starts the app with the mail server and other settings; it sends mail quickly."""
    monkeypatch.setattr(outbox_module, "DELAY", (0.02, 0.02))
    started = []

    def load(**settings):
        mail = {"MAIL": f"smtp://127.0.0.1:{postbox.port}", "MAIL_FROM": SENDER}
        started.append(start(DATA_DIR=folder, **(mail | settings)))
        return started[-1]

    yield load
    for app in started:
        app.opened.mailed_codes.outbox.close()


@pytest.fixture
def app(start_mailing):
    """Return server.py as it starts with a mail server, without a journal."""
    return start_mailing()


@pytest.fixture
def journaled(start_mailing):
    """Return server.py as it starts with a mail server and a journal."""
    return start_mailing(JOURNAL="sqlite:///bookings.db", SECRET_KEY=KEY)


def visitor(app):
    """Return a browser in which nobody is signed in."""
    return Secretary(app=app.app)


def ask(browser, postbox, address=JOHN, form="/showSummary", **fields):
    """Ask for a code for an address in a browser; return the code from its mail."""
    mails_before = len(postbox.mails)
    page = browser.post(form, **(fields or {"email": address}))
    assert (303, "/code") == page.redirect
    wait_until(lambda: len(postbox.mails) > mails_before)
    return code_in(postbox.mails[-1])


def another(browser, postbox):
    """Ask for another code with the button on the page; return it."""
    return ask(browser, postbox, form="/code", another="1")


def session_of(browser):
    """Return what the cookie of a browser holds."""
    with browser.client.session_transaction() as session:
        return dict(session)


def copy_of(browser, app):
    """Return another browser with a copy of the cookie."""
    copy = visitor(app)
    copy.client.set_cookie("session", browser.cookie)
    return copy


def move_clock(app, monkeypatch, **difference):
    """Stop the app's clock at a moment that differs from now by this much."""
    moment = datetime.now().astimezone() + timedelta(**difference)
    monkeypatch.setattr(app.opened.ledger, "now", lambda: moment)


def lines_of(caplog, level=logging.DEBUG):
    """Return all that the app logged, at a level or above it."""
    own = [record for record in caplog.records if record.name.startswith(("server", "gudlft"))]
    return [record.getMessage() for record in own if record.levelno >= level]


# Asking for a code


@pytest.mark.parametrize("address", [JOHN, UNKNOWN, "  JOHN@SIMPLYLIFT.CO ", "a@b", "x" * 241 + "@club.example"])
def test_whatever_well_formed_address_leads_to_the_page_for_the_code(app, address):
    assert (303, "/code") == visitor(app).sign_in(address).redirect


@pytest.mark.parametrize(
    "address", ["", " ", "john", "john@", "john@simplylift.co, eve@evil.example", "x" * 250 + "@b.de"]
)
def test_malformed_address_is_refused_and_asks_for_nothing(app, postbox, address):
    browser = visitor(app)

    page = browser.sign_in(address)

    assert 400 == page.status
    assert "code" not in session_of(browser)
    app.opened.mailed_codes.outbox.close()
    assert [] == postbox.asked_for


@pytest.mark.parametrize(
    "typed",
    [JOHN, JOHN_IN_THE_FILE, "JOHN@SIMPLYLIFT.CO", f" {JOHN}\t", f"<mailto:{JOHN}>\u200b", "john@simplylift\u3002co"],
)
def test_code_goes_to_the_address_as_the_file_has_it(app, postbox, typed):
    ask(visitor(app), postbox, typed)

    [envelope] = postbox.mails
    assert (SENDER, [JOHN_IN_THE_FILE]) == (envelope.mail_from, envelope.rcpt_tos)
    assert JOHN_IN_THE_FILE == read_mail(envelope)["To"]


STRANGERS = [
    UNKNOWN,
    f"{JOHN}%40evil.example",
    "john+1@simplylift.co",
    '"john"@simplylift.co',
    "john@[simplylift.co]",
    "john(eve)@simplylift.co",
    "=?utf-8?q?john?=@simplylift.co",
]


@pytest.mark.parametrize("address", STRANGERS)
def test_address_that_only_resembles_a_club_s_gets_no_mail(app, postbox, address):
    assert 303 == visitor(app).sign_in(address).status

    ask(visitor(app), postbox, KATE)

    assert [KATE] == postbox.asked_for


REFUSED_ADDRESSES = [
    "\u212aate@shelifts.co.uk",  # the sign of kelvin folds to a k
    "ｊohn@simplylift.co",
    f"{JOHN}\r\nBcc: eve@evil.example",
    f"{JOHN}\0",
]


@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_address_that_unicode_would_fold_to_a_club_s_is_malformed(app, postbox, address):
    assert 400 == visitor(app).sign_in(address).status

    ask(visitor(app), postbox, KATE)

    assert [KATE] == postbox.asked_for


def test_mail_brings_the_code_and_says_how_long_it_works(app, postbox):
    code = ask(visitor(app), postbox)

    [envelope] = postbox.mails
    mail = read_mail(envelope)
    assert f"Your code for GÜDLFT Registration: {code}" == mail["Subject"]
    assert code in mail.get_content()
    assert "10 minutes" in mail.get_content()
    assert "text/plain" == mail.get_content_type()


def test_signing_in_by_the_address_alone_is_over(app, postbox):
    browser = visitor(app)

    browser.sign_in(JOHN)

    assert (303, "/") == browser.get("/showSummary").redirect
    assert 403 == browser.book("1").status
    assert [] == app.opened.ledger.entries


def test_no_request_waits_for_the_mail_server(start_mailing, monkeypatch):
    monkeypatch.setattr(outbox_module, "SECONDS_AT_THE_END", 0)
    with scripted_server(GREETING=[]) as silent:
        app = start_mailing(MAIL=f"smtp://127.0.0.1:{silent.port}")
        started = time.monotonic()
        for address in [JOHN, KATE, UNKNOWN]:
            assert 303 == visitor(app).sign_in(address).status
        seconds = time.monotonic() - started

    assert seconds < 1


# Entering it


def test_right_code_signs_in(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)

    page = browser.enter(code)

    assert (303, "/showSummary") == page.redirect
    assert "Simply Lift" == browser.club
    assert 303 == browser.book("1").status


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        lambda code: code.replace("-", ""),
        " - ".join,
        lambda code: f"\t{code}\u00a0",
        lambda code: code[:1].lower() + code[1:],
    ],
    ids=["lower case", "no hyphen", "blanks and hyphens", "blanks around", "one letter small"],
)
def test_blanks_hyphens_and_case_do_not_count(app, postbox, change):
    browser = visitor(app)
    code = ask(browser, postbox)

    assert 303 == browser.enter(change(code)).status
    assert "Simply Lift" == browser.club


@pytest.mark.parametrize(
    "address",
    [book_address(OPEN, "Simply Lift"), "/showSummary?q=novice&show=mine", "/bookings", "/showSummary?show=past"],
)
def test_code_leads_to_the_page_that_was_asked_for(app, postbox, address):
    browser = visitor(app)
    assert (303, "/") == browser.get(address).redirect
    code = ask(browser, postbox)
    browser.enter(WRONG)
    browser.get("/code")

    assert (303, address) == browser.enter(code).redirect


def test_code_leads_back_to_the_form_that_was_sent_signed_out(app, postbox):
    browser = visitor(app)
    assert 403 == browser.book("2").status
    code = ask(browser, postbox)
    code = another(browser, postbox)

    assert (303, book_address(OPEN, "Simply Lift")) == browser.enter(code).redirect


MALFORMED = ["", " ", "-", "7QKM", "7QKM-2XPDA", "\0" * 8, "ｋ" * 8, "🏋" * 8, "' OR 1=1", "%s{0}", "A" * 15_000]


@pytest.mark.parametrize("typed", [WRONG, *MALFORMED])
def test_wrong_or_malformed_code_is_refused(app, postbox, typed):
    browser = visitor(app)
    ask(browser, postbox)

    assert REFUSED == browser.enter(typed).refusal
    assert (303, "/") == browser.get("/showSummary").redirect


HOSTILE = [
    (b"code=%ff%fe%00", "application/x-www-form-urlencoded"),
    (b"code=A&code=B&code[]=C", "application/x-www-form-urlencoded"),
    (b'{"code": "A"}', "application/json"),
    (
        b'--x\r\nContent-Disposition: form-data; name="code"; filename="a"\r\n\r\nA\r\n--x--',
        "multipart/form-data; boundary=x",
    ),
    (b"\xff" * 1000, "multipart/form-data"),
    (b"", "text/plain"),
]


@pytest.mark.parametrize(("body", "content_type"), HOSTILE)
def test_form_in_any_other_shape_is_refused_too(app, postbox, body, content_type):
    browser = visitor(app)
    code = ask(browser, postbox)

    with browser.client.post("/code", data=body, content_type=content_type) as response:
        assert 400 == response.status_code
        assert DOES_NOT_WORK in response.text
    assert 303 == browser.enter(code).status


def test_form_without_its_field_is_refused(app, postbox):
    browser = visitor(app)
    ask(browser, postbox)

    assert REFUSED == browser.post("/code").refusal


@pytest.mark.parametrize(("seconds", "status"), [(598, 303), (602, 400)])
def test_code_works_for_ten_minutes(app, postbox, monkeypatch, seconds, status):
    browser = visitor(app)
    code = ask(browser, postbox)
    move_clock(app, monkeypatch, seconds=seconds)

    assert status == browser.enter(code).status


def test_code_from_before_the_clock_stepped_back_is_refused_until_it_is_due(app, postbox, monkeypatch):
    browser = visitor(app)
    code = ask(browser, postbox)

    move_clock(app, monkeypatch, minutes=-2)
    assert REFUSED == browser.enter(code).refusal

    move_clock(app, monkeypatch, seconds=-55)
    assert 303 == browser.enter(code).status


def test_clock_that_steps_back_makes_no_used_code_work_again(app, postbox, monkeypatch):
    browser = visitor(app)
    code = ask(browser, postbox)
    copy = copy_of(browser, app)
    move_clock(app, monkeypatch, seconds=500)
    browser.enter(code)

    move_clock(app, monkeypatch, seconds=-30)

    assert REFUSED == copy.enter(code).refusal


def test_code_works_once(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    copy = copy_of(browser, app)
    assert 303 == browser.enter(code).status

    assert REFUSED == copy.enter(code).refusal
    assert REFUSED == browser.enter(code).refusal
    assert (303, "/") == copy.get("/showSummary").redirect
    assert "Simply Lift" == browser.club


def test_code_does_not_work_after_signing_out(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    copy = copy_of(browser, app)
    browser.enter(code)
    browser.post("/logout")

    assert REFUSED == browser.enter(code).refusal
    assert REFUSED == copy.enter(code).refusal


def test_code_works_only_in_the_browser_that_asked(app, postbox):
    asking = visitor(app)
    code = ask(asking, postbox)
    stranger = visitor(app)
    ask(stranger, postbox)

    assert REFUSED == stranger.enter(code).refusal
    assert REFUSED == visitor(app).enter(code).refusal
    assert 303 == asking.enter(code).status


def test_code_of_one_club_does_not_sign_another_one_in(app, postbox):
    browser = visitor(app)
    john = ask(browser, postbox, JOHN)
    ask(browser, postbox, KATE)

    assert REFUSED == browser.enter(john).refusal


def test_code_is_refused_where_none_was_asked_for(app):
    assert REFUSED == visitor(app).enter(WRONG).refusal


def test_no_code_works_for_an_address_that_no_club_has(app, postbox, monkeypatch):
    codes = []
    monkeypatch.setattr(app.opened.mailed_codes.outbox, "put", lambda address, code: codes.append((address, code)))
    browser = visitor(app)
    browser.sign_in(UNKNOWN)
    [(address, code)] = codes

    assert address is None
    assert REFUSED == browser.enter(code).refusal


def test_only_the_latest_code_of_a_browser_works(app, postbox):
    browser = visitor(app)
    first = ask(browser, postbox)
    copy = copy_of(browser, app)
    second = another(browser, postbox)

    assert REFUSED == browser.enter(first).refusal
    assert REFUSED == copy.enter(first).refusal
    assert 303 == browser.enter(second).status


def test_five_wrong_codes_end_a_code(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    for _ in range(5):
        assert REFUSED == browser.enter(WRONG).refusal

    assert REFUSED == browser.enter(code).refusal


def test_right_code_is_refused_at_once_while_five_wrong_ones_are_being_written(app, postbox, monkeypatch):
    monkeypatch.setattr(app.opened.revocations, "revoke", lambda *arguments: None)
    browser = visitor(app)
    code = ask(browser, postbox)
    for _ in range(5):
        browser.enter(WRONG)

    assert REFUSED == browser.enter(code).refusal


def test_four_wrong_codes_end_none(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    for _ in range(4):
        browser.enter(WRONG)

    assert 303 == browser.enter(code).status


def test_copies_of_a_cookie_share_its_five_tries(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    for _ in range(5):
        copy_of(browser, app).enter(WRONG)

    assert REFUSED == browser.enter(code).refusal


def test_another_code_works_after_five_wrong_ones(app, postbox):
    browser = visitor(app)
    ask(browser, postbox)
    for _ in range(5):
        browser.enter(WRONG)

    code = another(browser, postbox)

    assert 303 == browser.enter(code).status


def test_wrong_code_counts_as_failed_sign_in(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    for _ in range(10):
        assert 400 == visitor(app).enter(WRONG).status

    for page in [browser.enter(code), browser.sign_in(JOHN)]:
        assert (429, "Too many attempts. Wait a minute and try again") == page.refusal
        assert 0 < int(page.headers["Retry-After"]) <= 60
    assert (303, "/") == browser.get("/showSummary").redirect


def test_code_still_works_after_the_minute_is_over(app, postbox, monkeypatch):
    monkeypatch.setattr(app, "failed_sign_ins", RateLimit(1, seconds=1))
    browser = visitor(app)
    code = ask(browser, postbox)
    visitor(app).enter(WRONG)
    assert 429 == browser.enter(code).status

    wait_until(lambda: app.failed_sign_ins.seconds_to_wait("127.0.0.1") == 0)

    assert 303 == browser.enter(code).status


# How often


@pytest.mark.parametrize("address", [JOHN, UNKNOWN])
def test_five_codes_are_asked_for_an_address_and_no_sixth(app, postbox, address):
    spellings = [address, address.upper(), f" {address}", address.title(), address]
    for typed in spellings:
        assert 303 == visitor(app).sign_in(typed).status

    page = visitor(app).sign_in(address.swapcase())

    assert (429, "Too many codes. Wait 10 minutes and try again") == page.refusal
    assert 590 < int(page.headers["Retry-After"]) <= 600
    assert 303 == visitor(app).sign_in(KATE).status


def sign_in_from(app, client, address):
    """Ask for a code from another client's address; return the status."""
    with app.app.test_client() as browser:
        return browser.post("/showSummary", data={"email": address}, environ_base={"REMOTE_ADDR": client}).status_code


@pytest.mark.parametrize("address", [JOHN, UNKNOWN])
def test_one_client_keeps_no_other_from_asking_for_an_address(app, address):
    for _ in range(12):
        visitor(app).sign_in(address)

    assert 429 == visitor(app).sign_in(address).status
    assert 303 == sign_in_from(app, "127.0.0.2", address)


@pytest.mark.parametrize("address", [JOHN, UNKNOWN])
def test_twenty_codes_are_asked_for_an_address_by_all_and_no_more(app, address):
    statuses = [sign_in_from(app, f"10.0.{number}.1", address) for number in range(4) for _ in range(5)]

    assert [303] * 20 == statuses
    assert 429 == sign_in_from(app, "10.0.4.1", address)
    assert 303 == sign_in_from(app, "10.0.4.1", KATE)


def test_clubs_get_no_more_than_five_mails_by_one_client(app, postbox):
    for _ in range(12):
        visitor(app).sign_in(JOHN)
    visitor(app).sign_in(KATE)
    app.opened.mailed_codes.outbox.close()

    assert {JOHN_IN_THE_FILE: 5, KATE: 1} == Counter(postbox.asked_for)


def test_twenty_codes_are_asked_for_by_a_client_and_no_more(app):
    for number in range(20):
        assert 303 == visitor(app).sign_in(f"{number}@club.example").status

    for address in [JOHN, UNKNOWN]:
        page = visitor(app).sign_in(address)

        assert (429, "Too many codes. Wait 10 minutes and try again") == page.refusal
        assert 590 < int(page.headers["Retry-After"]) <= 600


def test_codes_of_one_client_are_not_counted_for_another(app):
    for number in range(20):
        visitor(app).sign_in(f"{number}@club.example")

    assert 303 == sign_in_from(app, "127.0.0.2", KATE)


def test_forged_headers_make_no_other_client(app):
    addresses = [f"{number}@club.example" for number in range(21)]

    pages = [
        visitor(app).post("/showSummary", headers={"X-Forwarded-For": f"10.0.0.{number}"}, email=address)
        for number, address in enumerate(addresses)
    ]

    assert {303: 20, 429: 1} == Counter(page.status for page in pages)


def test_codes_that_were_refused_are_not_counted(app, monkeypatch):
    started = time.monotonic()
    for _ in range(5):
        visitor(app).sign_in(UNKNOWN)
    for _ in range(20):
        assert 429 == visitor(app).sign_in(UNKNOWN).status

    for number in range(15):
        assert 303 == visitor(app).sign_in(f"{number}@club.example").status
    assert 429 == visitor(app).sign_in(KATE).status

    monkeypatch.setattr(time, "monotonic", lambda: started + 601)
    assert 303 == visitor(app).sign_in(UNKNOWN).status


def test_asking_too_often_at_once_mails_no_more(app, postbox):
    statuses = at_once(16, lambda index: visitor(app).sign_in(JOHN).status)

    assert {303: 5, 429: 11} == Counter(statuses)


def test_code_that_was_mailed_still_works_when_no_more_are(app, postbox):
    for _ in range(4):
        visitor(app).sign_in(JOHN)
    wait_until(lambda: 4 == len(postbox.mails))
    browser = visitor(app)
    code = ask(browser, postbox)

    page = browser.post("/code", another="1")

    assert (429, "Too many codes. Wait 10 minutes and try again") == page.refusal
    assert "Enter the code that was mailed" == page.heading
    assert 590 < int(page.headers["Retry-After"]) <= 600
    assert JOHN not in page.html.lower()
    assert 303 == browser.enter(code).status


def at_once(number, action):
    """Call an action in this many threads at once, each with its number; return what the calls return."""
    gate = Barrier(number)

    def run(index):
        gate.wait(10)
        return action(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


# The page


def test_page_says_what_is_on_its_way_and_asks_for_one_thing(app):
    browser = visitor(app)
    browser.sign_in(JOHN)

    page = browser.get("/code")

    field, *others = page.soup.select("main input")
    label = page.soup.select_one(f"label[for={field['id']}]")
    assert 200 == page.status
    assert [] == others
    assert ("code", "one-time-code", "text", "") == (
        field["name"],
        field["autocomplete"],
        field["type"],
        field["value"],
    )
    assert "Code" == label.get_text()
    assert SENT in page.text
    assert "Enter the code that was mailed – GÜDLFT Registration" == page.title
    assert "no-store" == page.headers["Cache-Control"]
    assert "/" == page.links["Back to the sign-in page"]


def test_page_shows_no_address(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    pages = [browser.get("/code"), browser.enter(WRONG), browser.enter(code[:4])]

    for page in pages:
        assert "simplylift" not in page.html.lower()
        assert "Simply Lift" not in page.html


def test_refused_code_is_shown_as_the_field_s_error(app):
    page = visitor(app).enter('abc"<x>')

    field = page.soup.select_one("#code")
    described_by = [words(page.soup.select_one(f"#{name}")) for name in field["aria-describedby"].split()]
    assert "Error: Enter the code that was mailed – GÜDLFT Registration" == page.title
    assert ('abc"<x>', "true") == (field["value"], field["aria-invalid"])
    assert ["8 letters and digits from the mail, like 7QKM-2XPD", f"Error: {DOES_NOT_WORK}"] == described_by
    assert "#code" == page.links[DOES_NOT_WORK]
    assert page.soup.select_one(".error-summary").has_attr("autofocus")
    assert 1 == len(page.soup.select("h1"))


def test_field_is_not_to_blame_where_too_much_was_tried(app, monkeypatch):
    monkeypatch.setattr(app, "failed_sign_ins", RateLimit(1, seconds=60))
    browser = visitor(app)
    browser.enter(WRONG)

    page = browser.enter("7QKM-2XPD")

    field = page.soup.select_one("#code")
    assert (429, "Too many attempts. Wait a minute and try again") == page.refusal
    assert "Enter the code that was mailed – GÜDLFT Registration" == page.title
    assert ("7QKM-2XPD", "code-hint") == (field["value"], field["aria-describedby"])
    assert not field.has_attr("aria-invalid")


def test_another_code_can_be_asked_for_with_the_page_s_button(app, postbox):
    browser = visitor(app)
    ask(browser, postbox)
    button = browser.get("/code").soup.select_one("button.secondary")
    assert "Ask for another code" == button.get_text()
    assert ("post", "/code") == (button.find_parent("form")["method"], button.find_parent("form")["action"])

    ask(browser, postbox, form="/code", **{button["name"]: button["value"]})

    assert [JOHN_IN_THE_FILE] * 2 == postbox.asked_for
    assert "Another code was asked for. Only the latest one works" in browser.get("/code").text
    assert "Another code" not in browser.get("/code").text


def test_another_code_of_a_browser_that_asked_for_none_begins_with_the_address(app):
    assert (303, "/") == visitor(app).post("/code", another="1").redirect
    assert 0 == app.failed_sign_ins.seconds_to_wait("127.0.0.1")


def test_signed_in_secretary_who_asks_for_no_code_is_led_on(app, postbox):
    browser = visitor(app)
    browser.enter(ask(browser, postbox))

    assert (303, "/showSummary") == browser.get("/code").redirect


@pytest.mark.parametrize("status", [200, 404])
def test_codes_have_pages_only_where_they_are_mailed(start, status, request):
    app = start() if status == 404 else request.getfixturevalue("app")
    browser = visitor(app)
    john = visitor(app)
    john.sign_in(JOHN)

    assert status == browser.get("/code").status
    assert status == browser.client.head("/code").status_code
    assert status == browser.client.options("/code").status_code
    if status == 404:
        assert 404 == browser.enter(WRONG).status
        assert 404 == browser.post("/code", another="1").status
        assert 404 == john.get("/code").status
        assert 404 == john.enter(WRONG).status


def test_reading_the_page_changes_nothing(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    for _ in range(12):
        browser.client.head(f"/code?code={code}&another=1")
        browser.client.options("/code")
        browser.get(f"/code?code={code}&another=1")

    assert 1 == len(postbox.mails)
    assert (303, "/") == browser.get("/showSummary").redirect
    assert 303 == browser.enter(code).status


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_code_from_another_site_is_refused(app, postbox, headers):
    browser = visitor(app)
    code = ask(browser, postbox)

    assert 403 == browser.post("/code", headers=headers, code=code).status
    assert 403 == browser.post("/code", headers=headers, another="1").status
    assert 403 == browser.post("/showSummary", headers=headers, email=JOHN).status
    assert 303 == browser.enter(code).status
    app.opened.mailed_codes.outbox.close()
    assert 1 == len(postbox.mails)


def test_form_that_is_too_large_is_refused(app):
    assert 413 == visitor(app).enter("A" * 17_000).status


# Sessions


def test_session_begins_anew_with_the_sign_in(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox)
    with browser.client.session_transaction() as session:
        session["planted"] = "by a stranger"
        session["id"] = "fixed"
    assert "planted" in session_of(browser)

    browser.enter(code)

    session = session_of(browser)
    assert {"address", "id", "since", "_permanent"} == set(session)
    assert "fixed" != session["id"]
    assert [JOHN_IN_THE_FILE, True] == [session["address"], session["_permanent"]]


def test_signed_in_secretary_may_sign_another_club_in(app, postbox):
    browser = visitor(app)
    browser.enter(ask(browser, postbox))
    johns = copy_of(browser, app)

    code = ask(browser, postbox, KATE)
    assert 200 == browser.get("/code").status
    assert "Simply Lift" == browser.club

    browser.enter(code)
    assert "She Lifts" == browser.club
    assert (303, "/") == johns.get("/showSummary").redirect


def test_wrong_code_leaves_who_is_signed_in(app, postbox):
    browser = visitor(app)
    browser.enter(ask(browser, postbox))
    ask(browser, postbox, KATE)

    assert REFUSED == browser.enter(WRONG).refusal
    assert "Simply Lift" == browser.club


def test_cookie_holds_what_was_typed_and_nothing_of_the_club(app, postbox):
    browser = visitor(app)
    code = ask(browser, postbox, " JOHN@simplylift.co ")

    session = session_of(browser)

    assert {"code"} == set(session)
    assert {"id", "at", "address"} == set(session["code"])
    assert "JOHN@simplylift.co" == session["code"]["address"]
    assert abs(time.time() - session["code"]["at"]) < 5
    for secret in [code, code.replace("-", ""), JOHN_IN_THE_FILE, "Simply Lift"]:
        assert secret not in str(session)


def test_cookie_of_the_longest_addresses_is_one_that_browsers_keep(app):
    browser = visitor(app)
    browser.get(f"/showSummary?q={'%F0%9F%8F%8B' * 65}&x={'ab' * 100}")
    browser.sign_in("x" * 241 + "@club.example")

    assert {"code", "next_address", "message"} == set(session_of(browser))
    assert len(browser.cookie) < 3500


@pytest.mark.parametrize("settings", [{}, {"SECRET_KEY": KEY}])
def test_code_from_before_the_start_is_refused_without_a_journal(start_mailing, postbox, settings):
    browser = visitor(start_mailing(**settings))
    code = ask(browser, postbox)
    browser.move_to(start_mailing(**settings).app)

    assert REFUSED == browser.enter(code).refusal


def test_sign_in_without_a_proof_does_not_count_where_one_is_asked_for(start, start_mailing, folder):
    settings = {"JOURNAL": "sqlite:///bookings.db", "SECRET_KEY": KEY}
    browser = visitor(start(DATA_DIR=folder, **settings))
    browser.sign_in(JOHN)
    assert "Simply Lift" == browser.club

    browser.move_to(start_mailing(**settings).app)

    assert (303, "/") == browser.get("/showSummary").redirect


# With a journal


def test_code_works_in_another_process_and_is_used_in_all(start_mailing, journaled, postbox):
    there = start_mailing()
    browser = visitor(journaled)
    code = ask(browser, postbox)
    copy = copy_of(browser, journaled)
    browser.move_to(there.app)

    assert 303 == browser.enter(code).status
    assert "Simply Lift" == browser.club
    assert REFUSED == copy.enter(code).refusal
    assert REFUSED == copy_of(copy, there).enter(code).refusal


def test_restart_keeps_what_was_used_and_what_was_not(start_mailing, journaled, postbox):
    browsers = [visitor(journaled) for _ in range(2)]
    used, unused = [ask(browser, postbox) for browser in browsers]
    copy = copy_of(browsers[0], journaled)
    browsers[0].enter(used)
    after = start_mailing()

    assert REFUSED == copy_of(copy, after).enter(used).refusal
    assert 303 == copy_of(browsers[1], after).enter(unused).status


def test_replaced_code_and_one_tried_too_often_are_over_in_other_processes(start_mailing, journaled, postbox):
    there = start_mailing()
    replaced, tried = [visitor(journaled) for _ in range(2)]
    codes = [ask(browser, postbox) for browser in (replaced, tried)]
    copies = [copy_of(browser, there) for browser in (replaced, tried)]

    another(replaced, postbox)
    for _ in range(5):
        tried.enter(WRONG)

    for copy, code in zip(copies, codes, strict=True):
        assert REFUSED == copy.enter(code).refusal


def test_code_under_another_key_does_not_work(start_mailing, journaled, postbox):
    browser = visitor(journaled)
    code = ask(browser, postbox)

    browser.move_to(start_mailing(SECRET_KEY="another key of 16").app)

    assert REFUSED == browser.enter(code).refusal


@pytest.mark.parametrize("with_journal", [False, True])
def test_code_that_is_sent_twice_at_once_signs_in_once(start_mailing, postbox, with_journal):
    settings = {"JOURNAL": "sqlite:///bookings.db", "SECRET_KEY": KEY} if with_journal else {}
    apps = [start_mailing(FAILED_SIGN_INS_PER_MINUTE=0, **settings)]
    if with_journal:
        apps.append(start_mailing())
    browser = visitor(apps[0])
    code = ask(browser, postbox)
    copies = [copy_of(browser, apps[index % len(apps)]) for index in range(8)]

    pages = at_once(8, lambda index: copies[index].enter(code))

    assert {303: 1, 400: 7} == Counter(page.status for page in pages)


@contextmanager
def away(*arguments):
    """Fail like a journal that is away."""
    raise JournalError("connection refused")
    yield


@pytest.mark.parametrize("direction", ["reading", "writing"])
def test_code_waits_for_a_journal_that_is_away(journaled, postbox, monkeypatch, direction):
    browser = visitor(journaled)
    code = ask(browser, postbox)
    with monkeypatch.context() as patch:
        patch.setattr(journaled.opened.journal, direction, away)
        for _ in range(7):
            page = browser.enter(code)
            assert (503, NOBODY_CAN_SIGN_IN) == page.refusal
    assert (303, "/") == browser.get("/showSummary").redirect

    assert 303 == browser.enter(code).status
    assert "Simply Lift" == browser.club


def test_page_of_a_journal_that_is_away_keeps_the_code_in_its_field(journaled, monkeypatch, caplog):
    monkeypatch.setattr(journaled.opened.journal, "reading", away)

    page = visitor(journaled).enter("7QKM-2XPD")

    field = page.soup.select_one("#code")
    assert "Enter the code that was mailed – GÜDLFT Registration" == page.title
    assert "7QKM-2XPD" == field["value"]
    assert not field.has_attr("aria-invalid")
    assert "These figures" not in page.text
    assert "7QKM" not in str(lines_of(caplog))


def test_code_can_be_asked_for_while_the_journal_is_away(journaled, postbox, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(journaled.opened.journal, "reading", away)
        browser = visitor(journaled)
        code = ask(browser, postbox)
        assert 200 == browser.get("/code").status

    assert 303 == browser.enter(code).status


@pytest.mark.parametrize(("is_made", "status"), [(True, 400), (False, 303)])
def test_code_whose_commit_is_in_doubt_signs_nobody_in_twice(journaled, postbox, monkeypatch, is_made, status):
    browser = visitor(journaled)
    code = ask(browser, postbox)
    real = journaled.opened.journal.writing

    @contextmanager
    def in_doubt(*arguments):
        with real(*arguments) as transaction:
            yield transaction
            if not is_made:
                raise CommitInDoubt("connection lost")
        raise CommitInDoubt("connection lost")

    with monkeypatch.context() as patch:
        patch.setattr(journaled.opened.journal, "writing", in_doubt)
        page = browser.enter(code)
    assert (503, NOBODY_CAN_SIGN_IN) == page.refusal
    assert (303, "/") == browser.get("/showSummary").redirect

    assert status == browser.enter(code).status


# What tells a known address from an unknown one: nothing


def without_cookie(headers):
    """Return the headers of an answer, but only the flags of its cookie: the value holds random ids."""
    return [(name, value.partition(";")[2] if name == "Set-Cookie" else value) for name, value in headers.items()]


def test_answers_for_known_and_unknown_addresses_are_the_same(app, monkeypatch):
    monkeypatch.setattr(app, "failed_sign_ins", RateLimit(0, seconds=60))
    move_clock(app, monkeypatch, seconds=0)
    seen = []
    for address in [JOHN, UNKNOWN]:
        browser = visitor(app)
        answers = [browser.sign_in(address), browser.get("/code")]
        answers += [browser.enter(WRONG) for _ in range(6)]
        answers += [browser.post("/code", another="1") for _ in range(4)]
        answers += [browser.get("/code"), browser.post("/code", another="1")]
        seen.append([(page.status, page.html, without_cookie(page.headers)) for page in answers])

    known, unknown = seen
    assert [303, 200, *[400] * 6, *[303] * 4, 200, 429] == [status for status, _, _ in known]
    assert known == unknown


def test_log_at_info_is_the_same_for_known_and_unknown_addresses(app, postbox, caplog):
    logs = []
    for address in [JOHN, UNKNOWN]:
        caplog.clear()
        browser = visitor(app)
        browser.sign_in(address)
        browser.enter(WRONG)
        browser.post("/code", another="1")
        logs.append(lines_of(caplog, logging.INFO))

    app.opened.mailed_codes.outbox.close()
    assert 2 == len(postbox.mails)
    assert logs[0] == logs[1]
    assert 3 == len(logs[0])
    assert "127.0.0.1 -: a code was asked for" == logs[0][0]


def test_no_line_of_the_log_holds_a_code(app, postbox, caplog):
    caplog.set_level(logging.DEBUG)
    browser = visitor(app)
    used = ask(browser, postbox)
    copy = copy_of(browser, app)
    browser.enter(used)
    copy.enter(used)
    replaced = ask(browser, postbox, KATE)
    latest = another(browser, postbox)
    browser.enter(replaced)
    browser.post("/code", headers={"Sec-Fetch-Site": "cross-site"}, code=latest)
    log = "\n".join(lines_of(caplog))

    assert "127.0.0.1 Simply Lift: signed in" in log
    for code in [used, replaced, latest]:
        assert code not in log
        assert code.replace("-", "") not in log


def test_known_and_unknown_addresses_are_answered_in_the_same_time(app, postbox, monkeypatch):
    for limit in ["_asked_by_client_for_address", "_asked_for_address", "_asked_by_client"]:
        monkeypatch.setattr(app.opened.mailed_codes, limit, RateLimit(0, seconds=600))
    monkeypatch.setattr(outbox_module, "DELAY", (1, 5))
    monkeypatch.setattr(outbox_module, "MOST_JOBS", 1000)
    durations = {JOHN: [], UNKNOWN: []}
    for _ in range(200):
        for address, taken in durations.items():
            browser = visitor(app)
            started = time.perf_counter()
            browser.sign_in(address)
            taken.append(time.perf_counter() - started)

    known, unknown = [statistics.median(taken) for taken in durations.values()]
    print(f"medians: {known * 1000:.3f} ms known, {unknown * 1000:.3f} ms unknown")
    assert 0.8 < known / unknown < 1.25


# In several processes


def send(url, address, cookie="", **form):
    """Send a form with a cookie over a connection of its own; return the status and the cookie that came back."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", address, urlencode(form), headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers.get("Set-Cookie", "").partition(";")[0]


@pytest.mark.slow
def test_code_signs_in_once_in_four_workers_that_share_a_journal(folder, postbox):
    settings = {
        "MAIL": f"smtp://127.0.0.1:{postbox.port}",
        "MAIL_FROM": SENDER,
        "JOURNAL": "sqlite:///bookings.db",
        "SECRET_KEY": KEY,
        "FAILED_SIGN_INS_PER_MINUTE": 0,
    }
    with serving(folder, workers=4, **settings) as (url, _):
        _, asked = send(url, "/showSummary", email=JOHN)
        wait_until(lambda: postbox.mails)
        code = code_in(postbox.mails[0])

        at_once_statuses = [status for status, _ in at_once(12, lambda _: send(url, "/code", asked, code=code))]
        later_statuses = [send(url, "/code", asked, code=code)[0] for _ in range(12)]

    assert {303: 1, 400: 11} == Counter(at_once_statuses)
    assert [400] * 12 == later_statuses
    assert code not in (folder / "server.log").read_text()


def test_five_wrong_codes_end_a_code_in_all_processes(app, postbox):
    browser = visitor(app)
    ask(browser, postbox)
    asking = session_of(browser)["code"]["id"]
    for _ in range(4):
        browser.post("/code", code=WRONG)
    ended_after_four = app.opened.revocations.is_revoked(asking)

    browser.post("/code", code=WRONG)

    assert not ended_after_four
    assert app.opened.revocations.is_revoked(asking)


def test_another_code_is_announced_without_alarm(app, postbox):
    browser = visitor(app)
    ask(browser, postbox)
    another(browser, postbox)

    banner = browser.get("/code").soup.select_one(".banner")

    assert ["banner"] == banner["class"]
