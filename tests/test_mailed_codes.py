"""Signing in by a mailed code, with the whole app. How codes look: test_codes. How they are sent: test_mail."""

import statistics
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from gudlft.journal import CommitInDoubt, JournalError
from gudlft.limits import RateLimit
from gudlft.mail import outbox as outbox_module
from tests.support import (
    JOHN,
    KATE,
    KEPT,
    KEY,
    MAILED,
    OPEN,
    Secretary,
    a_club,
    a_competition,
    at_once,
    book_address,
    statuses,
    words,
    write_data,
)

JOHN_IN_THE_FILE = "John@SimplyLift.co"
UNKNOWN = "joan@simplylift.co"  # as long as John's
WRONG = "2222-2222"
DOES_NOT_WORK = "This code does not work. Check it, or ask for a new one"
REFUSED = (400, DOES_NOT_WORK)
NOBODY_CAN_SIGN_IN = (503, "Nobody can sign in at the moment. Try again in a minute")


@pytest.fixture(autouse=True)
def capitals(data):
    """Let an email address in the file have capitals."""
    clubs = [a_club("Simply Lift", JOHN_IN_THE_FILE, 13), a_club("She Lifts", KATE, 12)]
    write_data(data, clubs, [a_competition(OPEN, "2050-03-27 11:11:00", 20)])


@pytest.fixture
def app(start):
    return start(**MAILED)


@pytest.fixture
def journaled(start):
    return start(**MAILED, **KEPT)


def visitor(app):
    return Secretary(app=app.app)


@pytest.fixture
def browser(app):
    return visitor(app)


def ask(browser, app, address=JOHN):
    assert (303, "/code") == browser.sign_in(address).redirect
    return app.mails[-1][1]


def copy_of(browser, app):
    copy = visitor(app)
    copy.take_cookie(browser.cookie)
    return copy


def move_clock(app, monkeypatch, **difference):
    """Stop the app's clock at a moment that differs from now by this much."""
    moment = datetime.now().astimezone() + timedelta(**difference)
    monkeypatch.setattr(app.opened.ledger, "now", lambda: moment)


# Asking for a code


@pytest.mark.parametrize(
    "address",
    [
        *(UNKNOWN, f"{JOHN}%40evil.example", "john+1@simplylift.co", '"john"@simplylift.co', "john@[simplylift.co]"),
        *("john(eve)@simplylift.co", "=?utf-8?q?john?=@simplylift.co"),
    ],
)
def test_address_that_only_resembles_a_club_s_gets_no_mail(app, browser, address):
    code = ask(browser, app, address)

    assert [None] == [address for address, _ in app.mails]
    assert REFUSED == browser.enter(code).refusal


@pytest.mark.parametrize(  # the sign of kelvin folds to a k
    "address", ["\u212aate@shelifts.co.uk", "ｊohn@simplylift.co", f"{JOHN}\r\nBcc: eve@evil.example", f"{JOHN}\0"]
)
def test_address_that_unicode_would_fold_to_a_club_s_is_malformed(app, address):
    assert 400 == visitor(app).sign_in(address).status
    assert [] == app.mails


# Entering it


def test_code_leads_back_to_the_form_that_was_sent_signed_out(app, browser):
    browser.book("2")
    ask(browser, app)
    browser.enter(WRONG)
    code = ask(browser, app)

    assert (303, book_address(OPEN, "Simply Lift")) == browser.enter(code).redirect


def test_code_works_only_in_the_browser_that_asked(app):
    asking, stranger = visitor(app), visitor(app)
    code = ask(asking, app)
    ask(stranger, app)

    assert REFUSED == stranger.enter(code).refusal == visitor(app).enter(code).refusal
    assert 303 == asking.enter(code).status


@pytest.mark.parametrize(("tries", "status"), [(4, 303), (5, 400)])
def test_five_wrong_codes_end_a_code_whichever_copies_of_its_cookie_send_them(app, browser, monkeypatch, tries, status):
    monkeypatch.setattr(app.opened.revocations, "revoke", lambda *arguments, **options: None)  # not written yet
    code = ask(browser, app)
    for _ in range(tries):
        copy_of(browser, app).enter(WRONG)

    assert status == browser.enter(code).status
    assert 303 == browser.enter(ask(browser, app)).status


# How often


def sign_in_from(app, client, address):
    with app.app.test_client() as browser:
        return browser.post("/showSummary", data={"email": address}, environ_base={"REMOTE_ADDR": client}).status_code


@pytest.mark.parametrize("address", [JOHN, UNKNOWN])
def test_twenty_codes_are_asked_for_an_address_by_all_and_no_more(app, address):
    typed = [address, address.upper(), f" {address}", address.title(), address, address.swapcase()]

    answers = [sign_in_from(app, f"10.0.{number}.1", one) for number in range(4) for one in typed]

    assert [*[303] * 5, 429] * 4 == answers
    assert 429 == sign_in_from(app, "10.0.4.1", address)
    assert 303 == sign_in_from(app, "10.0.4.1", KATE)


def test_twenty_codes_are_asked_for_by_a_client_and_those_that_were_refused_are_not_counted(app, monkeypatch):
    started = time.monotonic()
    asked = [visitor(app).sign_in(UNKNOWN) for _ in range(25)]
    asked += [visitor(app).sign_in(f"{number}@club.example") for number in range(15)]

    assert [*[303] * 5, *[429] * 20, *[303] * 15] == statuses(asked)
    assert [429, 429] == statuses(visitor(app).sign_in(address) for address in (UNKNOWN, KATE))
    assert 303 == sign_in_from(app, "127.0.0.2", KATE)

    monkeypatch.setattr(time, "monotonic", lambda: started + 601)
    assert 303 == visitor(app).sign_in(UNKNOWN).status


# The page


def test_page_says_what_is_on_its_way_and_asks_for_one_thing(app, browser):
    browser.sign_in(JOHN)

    page = browser.get("/code")

    field, *others = page.soup.select("main input")
    label = page.soup.select_one(f"label[for={field['id']}]")
    sentence = "If a club has this email address, a code is on its way to it. Enter it here within 10 minutes"
    assert [] == others
    assert ["code", "one-time-code", "text", ""] == [field[name] for name in ("name", "autocomplete", "type", "value")]
    assert "Code" == label.get_text()
    assert sentence in page.text
    assert "Enter the code that was mailed – GÜDLFT Registration" == page.title
    assert "/" == page.links["Ask for another code"]


@pytest.mark.parametrize("seconds", [None, 601])
def test_page_promises_no_code_that_nobody_asked_for_or_that_is_over(app, browser, monkeypatch, seconds):
    if seconds:
        browser.sign_in(JOHN)
        move_clock(app, monkeypatch, seconds=seconds)

    page = browser.get("/code")

    assert "No code is on its way to this browser: ask for one on the sign-in page" in page.text
    assert "a code is on its way to it" not in page.text


def test_refused_code_is_shown_as_the_field_s_error(app):
    page = visitor(app).enter('abc"<x>')

    field = page.soup.select_one("#code")
    described_by = [words(page.soup.select_one(f"#{name}")) for name in field["aria-describedby"].split()]
    assert "Error: Enter the code that was mailed – GÜDLFT Registration" == page.title
    assert ('abc"<x>', "true") == (field["value"], field["aria-invalid"])
    assert ["8 letters and digits from the mail, like 7QKM-2XPD", f"Error: {DOES_NOT_WORK}"] == described_by
    assert "#code" == page.links[DOES_NOT_WORK]
    assert page.soup.select_one(".error-summary").has_attr("autofocus")


def test_reading_the_page_changes_nothing(app, browser):
    code = ask(browser, app)
    for _ in range(12):
        browser.client.head(f"/code?code={code}")
        browser.client.options("/code")
        browser.get(f"/code?code={code}")

    assert 1 == len(app.mails)
    assert not browser.is_signed_in
    assert 303 == browser.enter(code).status


# Sessions


def test_signed_in_secretary_may_sign_another_club_in(app, browser):
    browser.enter(ask(browser, app))
    johns = copy_of(browser, app)

    code = ask(browser, app, KATE)
    assert 200 == browser.get("/code").status
    assert REFUSED == browser.enter(WRONG).refusal
    assert "Simply Lift" == browser.club

    browser.enter(code)
    assert "She Lifts" == browser.club
    assert not johns.is_signed_in


def test_cookie_holds_what_was_typed_and_nothing_of_the_club(app, browser):
    code = ask(browser, app, " JOHN@simplylift.co ")

    session = browser.session

    assert {"code"} == set(session)
    assert {"id", "at", "address"} == set(session["code"])
    assert "JOHN@simplylift.co" == session["code"]["address"]
    assert abs(time.time() - session["code"]["at"]) < 5
    for secret in [code, code.replace("-", ""), JOHN_IN_THE_FILE, "Simply Lift"]:
        assert secret not in str(session)


def test_cookie_of_the_longest_addresses_is_one_that_browsers_keep(app, browser):
    browser.get(f"/showSummary?q={'%F0%9F%8F%8B' * 65}&x={'ab' * 100}")
    browser.sign_in("x" * 241 + "@club.example")

    assert {"code", "next_address", "message"} == set(browser.session)
    assert len(browser.cookie) < 3500


def test_code_from_before_the_start_is_refused_without_a_journal(start):
    app = start(**MAILED, SECRET_KEY=KEY)
    browser = visitor(app)
    code = ask(browser, app)
    browser.move_to(start(**MAILED).app)

    assert REFUSED == browser.enter(code).refusal


def test_sign_in_without_a_proof_does_not_count_where_one_is_asked_for(start):
    browser = visitor(start(**KEPT))
    browser.sign_in(JOHN)
    assert browser.is_signed_in

    browser.move_to(start(**MAILED).app)

    assert not browser.is_signed_in


# With a journal


def test_replaced_code_and_one_tried_too_often_are_over_in_other_processes(start, journaled):
    there = start()
    replaced, tried = [visitor(journaled) for _ in range(2)]
    codes = [ask(browser, journaled) for browser in (replaced, tried)]
    copies = [copy_of(browser, there) for browser in (replaced, tried)]

    ask(replaced, journaled)
    for _ in range(5):
        tried.enter(WRONG)

    for copy, code in zip(copies, codes, strict=True):
        assert REFUSED == copy.enter(code).refusal


@pytest.mark.parametrize("settings", [{}, KEPT])
def test_code_that_is_sent_twice_at_once_signs_in_once(start, settings):
    here = start(**MAILED, FAILED_SIGN_INS_PER_MINUTE=0, **settings)
    there = start() if settings else here
    browser = visitor(here)
    code = ask(browser, here)
    copies = [copy_of(browser, app) for app in [here, there] * 4]

    pages = at_once([lambda copy=copy: copy.enter(code) for copy in copies])

    assert {303: 1, 400: 7} == Counter(statuses(pages))


@contextmanager
def away(*arguments):
    """Fail like a journal that is away."""
    raise JournalError("connection refused")
    yield


def test_code_and_another_can_be_asked_for_while_the_journal_is_away_and_nobody_waits_for_it(journaled, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(journaled.opened.journal, "reading", away)
        patch.setattr(journaled.opened.journal, "writing", None)
        browser = visitor(journaled)
        replaced = ask(browser, journaled)
        code = ask(browser, journaled)
        assert 200 == browser.get("/code").status

    assert [400, 303] == statuses(browser.enter(one) for one in (replaced, code))


@pytest.mark.parametrize(("is_made", "status"), [(True, 400), (False, 303)])
def test_code_whose_commit_is_in_doubt_signs_nobody_in_twice(journaled, monkeypatch, is_made, status):
    browser = visitor(journaled)
    code = ask(browser, journaled)
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
        assert NOBODY_CAN_SIGN_IN == browser.enter(code).refusal
    assert not browser.is_signed_in

    assert status == browser.enter(code).status


# What tells a known address from an unknown one: nothing


def without_cookie(headers):
    """Return the headers of an answer, but only the flags of its cookie: the value holds random ids."""
    return [(name, value.partition(";")[2] if name == "Set-Cookie" else value) for name, value in headers.items()]


def test_answers_and_log_are_the_same_for_known_and_unknown_addresses(app, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(app, "failed_sign_ins", RateLimit(0, seconds=60))
    move_clock(app, monkeypatch, seconds=0)
    seen = []
    for address in [JOHN, UNKNOWN]:
        caplog.clear()
        browser = visitor(app)
        answers = [browser.sign_in(address), browser.get("/code")]
        answers += [browser.enter(WRONG) for _ in range(6)]
        answers += [browser.sign_in(address) for _ in range(4)]
        answers += [browser.get("/code"), browser.sign_in(address)]
        parts = [(page.status, page.html.replace(address, "…"), without_cookie(page.headers)) for page in answers]
        seen.append((parts, [line.replace(address, "…") for line in caplog.messages]))

    known, unknown = seen
    assert [303, 200, *[400] * 6, *[303] * 4, 200, 429] == [status for status, _, _ in known[0]]
    assert "127.0.0.1 -: a code was asked for" == known[1][0]
    assert known == unknown


def test_no_line_of_the_log_holds_a_code(app, browser, caplog):
    caplog.set_level("DEBUG")
    used = ask(browser, app)
    copy = copy_of(browser, app)
    browser.enter(used)
    copy.enter(used)
    replaced = ask(browser, app, KATE)
    latest = ask(browser, app, KATE)
    browser.enter(replaced)
    browser.post("/code", headers={"Sec-Fetch-Site": "cross-site"}, code=latest)

    log = "\n".join(caplog.messages)
    assert "127.0.0.1 Simply Lift: signed in" in log
    for code in [used, replaced, latest]:
        assert code not in log
        assert code.replace("-", "") not in log


def test_known_and_unknown_addresses_are_answered_in_the_same_time(app, monkeypatch):
    for limit in ["_asked_by_client_for_address", "_asked_for_address", "_asked_by_client"]:
        monkeypatch.setattr(app.opened.mailed_codes, limit, RateLimit(0, seconds=600))
    monkeypatch.setattr(outbox_module, "MOST_JOBS", 1000)
    monkeypatch.setattr(outbox_module, "send", lambda *mail: None)
    monkeypatch.setattr(threading, "main_thread", threading.Thread)  # which has not started: the outbox ends at once
    del app.opened.mailed_codes.outbox.put  # the real one costs time too
    durations = {JOHN: [], UNKNOWN: []}
    for _ in range(200):
        for address, taken in durations.items():
            browser = visitor(app)
            started = time.perf_counter()
            browser.sign_in(address)
            taken.append(time.perf_counter() - started)

    known, unknown = [statistics.median(taken) for taken in durations.values()]
    assert 0.8 < known / unknown < 1.25
