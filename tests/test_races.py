"""Threads that fight for the same places, under an amplifier; and each race again with its lock taken out."""

import threading
from collections import Counter

import pytest

from gudlft.model import Club
from tests.amplifier import amplified, guard_no_memory, take_no_turns
from tests.support import (
    ATLAS,
    OPEN,
    TOKEN,
    Secretary,
    check_conservation,
    make_ledger,
    parties,
    tomorrow,
)


def in_threads(number, action):
    """Let so many threads do it at once, each with its number; return what they answered."""
    answers = []
    gate = threading.Barrier(number)

    def run(index):
        gate.wait()
        try:
            answers.append(action(index))
        except Exception as error:
            answers.append(error)

    with amplified():
        threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [] == [answer for answer in answers if isinstance(answer, Exception)]
    return answers


# Races for the turn to write


def sell_the_last_places(serve, take_out):
    """Let twenty clubs fight for ten places."""
    clubs = [Club(f"Club {number}", f"{number}@club.example", 3) for number in range(20)]
    ledger = serve(make_ledger(clubs, [tomorrow(OPEN, 10)]))
    secretaries = [Secretary(club.email) for club in clubs]
    take_out(ledger)

    pages = in_threads(20, lambda index: secretaries[index].book("1"))

    assert {303: 10, 400: 10} == Counter(page.status for page in pages)
    assert 10 == len(ledger.entries)
    check_conservation(ledger)


def send_the_same_form_at_once(serve, take_out):
    """Let one form arrive eight times."""
    ledger = serve(make_ledger())
    secretaries = [Secretary(ATLAS) for _ in range(8)]
    take_out(ledger)

    pages = in_threads(8, lambda index: secretaries[index].book("2", token=TOKEN))

    assert [303] * 8 == [page.status for page in pages]
    assert [2] == [entry.places for entry in ledger.entries]
    check_conservation(ledger)


def give_the_last_places_back(serve, take_out):
    """Let a club that holds four places give one back eight times."""
    ledger = serve(make_ledger())
    secretaries = [Secretary(ATLAS) for _ in range(8)]
    secretaries[0].book("4")
    take_out(ledger)

    pages = in_threads(8, lambda index: secretaries[index].give_back("1"))

    assert {303: 4, 400: 4} == Counter(page.status for page in pages)
    assert [4, -1, -1, -1, -1] == [entry.places for entry in ledger.entries]
    check_conservation(ledger)


RACES = pytest.mark.parametrize("race", [sell_the_last_places, send_the_same_form_at_once, give_the_last_places_back])


@RACES
def test_race_for_the_turn_breaks_no_rule(serve, race):
    for _ in range(3):
        race(serve, take_out=lambda ledger: None)


@RACES
def test_race_is_lost_where_every_thread_writes_at_once(serve, race):
    with pytest.raises(AssertionError):
        for _ in range(100):
            race(serve, take_out=take_no_turns)


# A race for the memory


def read_while_others_book(take_out):
    """Let threads read a club's figures while others book for it: what it paid is what it holds."""
    ledger = make_ledger()
    club, competition = parties(ledger, "Atlas Barbell")
    take_out(ledger)

    def book_or_read(index):
        if index < 2:
            for _ in range(6):
                ledger.book(club, competition, 1)
            return []
        return [ledger.figures(club, [competition]) for _ in range(20)]

    for figures in sum(in_threads(6, book_or_read), []):
        held = figures.standings[0].places_held
        assert (60 - 3 * held, 20 - held) == (figures.points_left, figures.standings[0].places_left)
        assert figures.points_left in [row.points for row in figures.points_board if row.club == club.name]
    check_conservation(ledger)


def test_figures_of_a_page_are_of_one_moment_while_others_book():
    for _ in range(3):
        read_while_others_book(take_out=lambda ledger: None)


def test_figures_of_a_page_do_not_agree_where_nothing_guards_the_memory():
    with pytest.raises(AssertionError):
        for _ in range(20):
            read_while_others_book(take_out=guard_no_memory)
