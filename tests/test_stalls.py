"""A served app while its journal stalls: all answers come in time and are true, and then the app goes on by itself."""

import secrets
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

import pytest

from tests.databases import IN_DOUBT, NOT_BOOKED, run_sql, writer_lock_taken
from tests.support import KEY, ServedSecretary, serving, wait_until

SOON = 1.5  # seconds: one second, and what a busy machine adds
PAGES = {"static": "/static/style.css", "health": "/health", "page": "/showSummary", "board": "/pointsBoard"}


@dataclass
class Answer:
    """How a request was answered, and after how many seconds."""

    seconds: float
    status: int
    text: str


class Crowd:
    """Secretaries who look at pages, book and sign out, all at once; their answers, by kind."""

    def __init__(self, url):
        self._secretaries = [ServedSecretary(url, f"{number}@example.com") for number in range(18)]
        self._threads = []
        self._is_over = threading.Event()
        self.answers = defaultdict(list)
        self.tokens = {}  # the tokens of bookings, with their answers

    def _ask(self, kind, send, *arguments, **form):
        began = time.monotonic()
        page = send(*arguments, **form)
        answer = Answer(time.monotonic() - began, page.status, page.text)
        self.answers[kind].append(answer)
        return answer

    def _look(self, kind, secretary):
        while not self._is_over.wait(0.1):
            self._ask(kind, secretary.get, PAGES[kind])

    def _book(self, secretary):
        token = secrets.token_urlsafe(16)
        self.tokens[token] = self._ask("booking", secretary.book, "1", "Open", token=token)

    def _start(self, action, *arguments):
        thread = threading.Thread(target=action, args=arguments)
        self._threads.append(thread)
        thread.start()

    def begin(self):
        """Let all of them begin; those who look at pages begin a little sooner."""
        for kind, secretary in zip(PAGES, self._secretaries, strict=False):
            self._start(self._look, kind, secretary)
        time.sleep(0.3)
        for secretary in self._secretaries[4:16]:
            self._start(self._book, secretary)
        for secretary in self._secretaries[16:]:
            self._start(self._ask, "sign-out", secretary.post, "/logout")

    def end(self):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def slowest(self, kind):
        return max(answer.seconds for answer in self.answers[kind])


def check_answers(crowd, database, folder):
    """Assert that the answer to each booking fits the journal, and that the log holds no traceback."""
    kept = {token for (token,) in run_sql(database, "SELECT token FROM bookings")}
    for token, answer in crowd.tokens.items():
        assert answer.status in (303, 503)
        if answer.status == 303:
            assert token in kept
        elif NOT_BOOKED in answer.text:
            assert token not in kept
        else:
            assert IN_DOUBT in answer.text
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


@pytest.mark.parametrize("stall", ["SQLite locked", "server silent", "writer's lock taken"], indirect=True)
def test_nobody_waits_long_while_the_journal_stalls(folder, stall):
    url, stalled = stall
    with serving(folder, workers=1, JOURNAL=url, SECRET_KEY=KEY) as (address, _):
        crowd = Crowd(address)
        with stalled():
            crowd.begin()
            time.sleep(2)
        crowd.end()

        for kind in PAGES:
            assert SOON > crowd.slowest(kind)
        assert SOON + 0.5 > crowd.slowest("sign-out")
        assert 4 >= sum(answer.seconds > 1.7 for answer in crowd.answers["booking"])
        check_that_it_goes_on(address, url)
    check_answers(crowd, url, folder)


def test_no_booking_waits_longer_than_ten_seconds(folder, on_sqlite):
    with serving(folder, workers=1, JOURNAL=on_sqlite, SECRET_KEY=KEY) as (address, _):
        crowd = Crowd(address)
        with writer_lock_taken(on_sqlite):
            crowd.begin()
            wait_until(lambda: 12 == len(crowd.answers["booking"]), seconds=15)
        crowd.end()

    assert {503} == {answer.status for answer in crowd.answers["booking"]}
    assert 10 > crowd.slowest("booking")
    for kind in PAGES:
        assert SOON > crowd.slowest(kind)
    check_answers(crowd, on_sqlite, folder)
