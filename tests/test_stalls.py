"""A served app while its journal stalls: all answers come in time and are true, and then the app goes on by itself."""

import secrets
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.databases import IN_DOUBT, NOT_BOOKED, run_sql, writer_lock_taken
from tests.support import KEY, ServedSecretary, serving, wait_until

SOON = 1.5  # seconds: one second, and what a busy machine adds
PAGES = {"static": "/static/style.css", "health": "/health", "page": "/showSummary", "board": "/pointsBoard"}


class Answer(NamedTuple):
    """How a request was answered, after how many seconds, and the token of its form."""

    seconds: float
    status: int
    text: str
    token: str | None


def answers_of_a_crowd(url, stalled, wait):
    """Let secretaries look at pages, book and sign out while the journal stalls; return the answers, by kind.

    The stall lasts until `wait`, which is called with the answers so far, returns.
    """
    secretaries = [ServedSecretary(url, f"{number}@example.com") for number in range(18)]
    answers = defaultdict(list)
    is_over = threading.Event()

    def ask(kind, send, *arguments, **form):
        began = time.monotonic()
        page = send(*arguments, **form)
        answers[kind].append(Answer(time.monotonic() - began, page.status, page.text, form.get("token")))

    def look(kind, secretary):
        while not is_over.wait(0.1):
            ask(kind, secretary.get, PAGES[kind])

    with ThreadPoolExecutor(len(secretaries)) as threads, stalled():
        for kind, secretary in zip(PAGES, secretaries, strict=False):
            threads.submit(look, kind, secretary)
        time.sleep(0.3)
        for secretary in secretaries[4:16]:
            threads.submit(ask, "booking", secretary.book, "1", "Open", token=secrets.token_urlsafe(16))
        for secretary in secretaries[16:]:
            threads.submit(ask, "sign-out", secretary.post, "/logout")
        try:
            wait(answers)
        finally:
            is_over.set()
    return answers


def slowest(answers):
    return max(answer.seconds for answer in answers)


def check_answers(answers, url, folder):
    """Assert that pages came soon, that each booking's answer fits the journal, and that the log has no traceback."""
    for kind in PAGES:
        assert SOON > slowest(answers[kind])
    kept = {token for (token,) in run_sql(url, "SELECT token FROM bookings")}
    assert 12 == len(answers["booking"])
    for booking in answers["booking"]:
        assert booking.status in (303, 503)
        if booking.status == 303:
            assert booking.token in kept
        elif NOT_BOOKED in booking.text:
            assert booking.token not in kept
        else:
            assert IN_DOUBT in booking.text
    assert "Traceback" not in (folder / "server.log").read_text()


def check_that_it_goes_on(address, database):
    """Assert that the app books again by itself, and that its figures fit the journal."""
    secretary = ServedSecretary(address, "0@example.com")
    wait_until(lambda: 200 == secretary.get("/health").status, seconds=3)
    assert 303 == secretary.book("1", "Open").status
    [(sold,)] = run_sql(database, "SELECT sum(places) FROM bookings")
    assert 1000 - sold == secretary.figures("Open").places_left
    wait_until(lambda: 2 == signed_out(secretary, database))


def signed_out(secretary, database):
    """Open a page, which writes what is pending; return how many sessions the journal says were ended."""
    secretary.get("/health")
    [(number,)] = run_sql(database, "SELECT count(*) FROM ended_sign_ins")
    return number


@pytest.mark.parametrize("stall", ["SQLite locked", "server silent"], indirect=True)
def test_nobody_waits_long_while_the_journal_stalls(folder, stall):
    url, stalled = stall
    with serving(folder, workers=1, JOURNAL=url, SECRET_KEY=KEY) as (address, _):
        answers = answers_of_a_crowd(address, stalled, wait=lambda _: time.sleep(2))

        check_answers(answers, url, folder)
        assert SOON + 0.5 > slowest(answers["sign-out"])
        assert 4 >= sum(answer.seconds > 1.7 for answer in answers["booking"])
        check_that_it_goes_on(address, url)


def test_no_booking_waits_longer_than_ten_seconds(folder, on_sqlite):
    def wait_for_bookings(answers):
        wait_until(lambda: 12 == len(answers["booking"]), seconds=15)

    with serving(folder, workers=1, JOURNAL=on_sqlite, SECRET_KEY=KEY) as (address, _):
        answers = answers_of_a_crowd(address, lambda: writer_lock_taken(on_sqlite), wait_for_bookings)

    check_answers(answers, on_sqlite, folder)
    assert {503} == {answer.status for answer in answers["booking"]}
    assert 10 > slowest(answers["booking"])
