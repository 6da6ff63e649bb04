"""Requests of one club at the same moment, under an amplifier; and each race again with its lock taken out."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from gudlft.model import Club
from tests.amplifier import amplified, take_no_turns
from tests.support import OPEN, Secretary, check_conservation, make_ledger, tomorrow

EMAIL = "rich@club.example"
LONGEST_WAIT = 30  # seconds


def serve_one_club(serve, points, places, cap=12):
    """Serve a ledger with one club and one competition; return it."""
    return serve(make_ledger([Club("Rich Club", EMAIL, points)], [tomorrow(OPEN, places)], cap=cap))


def at_once(actions):
    """Call each action in a thread of its own, all at the same moment; return what they return."""
    barrier = threading.Barrier(len(actions))

    def call(action):
        barrier.wait(LONGEST_WAIT)
        return action()

    with amplified(), ThreadPoolExecutor(len(actions)) as threads:
        futures = [threads.submit(call, action) for action in actions]
    assert [] == [future.exception() for future in futures if future.exception()]
    return [future.result() for future in futures]


# Giving back


def give_the_last_places_back(serve, take_out):
    """Let twenty browsers give back one of six places each: six succeed."""
    ledger = serve_one_club(serve, points=60, places=12)
    secretaries = [Secretary(EMAIL) for _ in range(20)]
    secretaries[0].book("6")
    take_out(ledger)

    pages = at_once([lambda browser=browser: browser.give_back("1") for browser in secretaries])

    assert {303: 6, 400: 14} == Counter(page.status for page in pages)
    assert 60 == ledger.points_left(ledger.clubs["Rich Club"])
    check_conservation(ledger)


# Signing out


class BusySecretary(Secretary):
    """A secretary who books on and on, while her sign-in is ended elsewhere."""

    def __init__(self):
        super().__init__(EMAIL)
        self.signed_out = threading.Event()
        self.other_window = Secretary()
        self.other_window.client.set_cookie("session", self.cookie)

    def book_on(self):
        """Book until refused after the sign-out; return (whether that had been answered before, status) of each try."""
        answers = []
        was_signed_out = False
        while not was_signed_out:
            if len(answers) > 18:
                self.signed_out.wait(LONGEST_WAIT)
            was_signed_out = self.signed_out.is_set()
            answers.append((was_signed_out, self.book("1").status))
        return answers

    def sign_out(self):
        """Sign out in the other window, and say when that was answered."""
        time.sleep(random.random() / 50)
        self.other_window.post("/logout")
        self.signed_out.set()
        return []


def sign_out_while_booking(serve, take_out):
    """Let ten sign-ins of a club book while each is signed out: what was answered counts, and nothing after it."""
    ledger = serve_one_club(serve, points=600, places=200, cap=200)
    secretaries = [BusySecretary() for _ in range(10)]
    take_out(ledger)

    actions = [action for secretary in secretaries for action in (secretary.book_on, secretary.sign_out)]
    answers = Counter(answer for answers in at_once(actions) for answer in answers)

    assert {(False, 303), (True, 403)} <= answers.keys() <= {(False, 303), (False, 403), (True, 403)}
    assert len(ledger.entries) == answers[False, 303]
    check_conservation(ledger)


# Tests

RACES = pytest.mark.parametrize("race", [give_the_last_places_back, sign_out_while_booking])


@RACES
def test_requests_at_the_same_moment_are_judged_one_by_one(serve, race):
    for _ in range(10):
        race(serve, take_out=lambda ledger: None)


@RACES
def test_race_is_lost_where_every_thread_writes_at_once(serve, race):
    with pytest.raises(AssertionError):
        for _ in range(40):
            race(serve, take_out=take_no_turns)
