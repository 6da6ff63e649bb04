"""Threads that fight for the same places, under an amplifier; and each race lost once its lock is taken out."""

from collections import Counter

import pytest

from gudlft.model import Club
from tests.amplifier import amplified, guard_no_memory, take_no_turns
from tests.support import (
    ATLAS,
    OPEN,
    SMALL,
    TOKEN,
    Secretary,
    at_once,
    check_conservation,
    make_ledger,
    parties,
    places_of,
    statuses,
    tomorrow,
)


def fight(actions):
    """Call all actions at once, with the amplifier on; return what they return."""
    with amplified():
        return at_once(actions)


# Races for the turn to write


def sell_the_last_places(serve, take_out):
    """Let twenty clubs fight for ten places."""
    clubs = [Club(f"Club {number}", (f"{number}@club.example",), 3) for number in range(20)]
    ledger = serve(make_ledger(clubs, [tomorrow(OPEN, 10)]))
    secretaries = [Secretary(club.email) for club in clubs]
    take_out(ledger)

    pages = fight([lambda browser=browser: browser.book("1") for browser in secretaries])

    assert {303: 10, 400: 10} == Counter(statuses(pages))
    assert 10 == len(ledger.entries)
    check_conservation(ledger)


def send_the_same_form_at_once(serve, take_out):
    """Let one form arrive eight times."""
    ledger = serve(make_ledger())
    secretaries = [Secretary(ATLAS) for _ in range(8)]
    take_out(ledger)

    pages = fight([lambda browser=browser: browser.book("2", token=TOKEN) for browser in secretaries])

    assert [303] * 8 == statuses(pages)
    assert [2] == places_of(ledger.entries)
    check_conservation(ledger)


def give_the_last_places_back(serve, take_out):
    """Let twenty browsers of a club that holds six places give one back each: six succeed."""
    ledger = serve(make_ledger())
    secretaries = [Secretary(ATLAS) for _ in range(20)]
    secretaries[0].book("6")
    take_out(ledger)

    pages = fight([lambda browser=browser: browser.give_back("1") for browser in secretaries])

    assert {303: 6, 400: 14} == Counter(statuses(pages))
    assert [6] + [-1] * 6 == places_of(ledger.entries)
    check_conservation(ledger)


RACES = pytest.mark.parametrize(
    "race",
    [sell_the_last_places, send_the_same_form_at_once, give_the_last_places_back],
)


@RACES
def test_race_for_the_turn_breaks_no_rule(serve, race):
    for _ in range(10):
        race(serve, take_out=lambda ledger: None)


@RACES
def test_race_is_lost_where_every_thread_writes_fight(serve, race):
    with pytest.raises(AssertionError):
        for _ in range(100):
            race(serve, take_out=take_no_turns)


# A race for the memory


def read_while_others_book(take_out):
    """Let threads read a club's figures while others book for it: its figures always agree."""
    ledger = make_ledger()
    club, competition = parties(ledger, "Atlas Barbell")
    take_out(ledger)

    def book():
        for _ in range(6):
            ledger.book(club, competition, 1)
        return []

    def read():
        return [(read_summary(), ledger.figures_at(club, competition, 99)) for _ in range(10)]

    def read_summary():
        with ledger.one_moment:
            [status] = ledger.statuses(club, [competition], ledger.now())
            return status.standing, ledger.board_row(club), ledger.points_board

    for (standing, own_row, board), there in sum(fight([book, book, read, read, read, read]), []):
        held = there.status.standing.places_held
        assert held == len(there.latest_entries) == there.number_of_entries
        assert 60 - 3 * held == there.balance
        assert 20 - standing.places_held == standing.places_left
        assert 60 - 3 * standing.places_held == own_row.points
        assert own_row in board
    check_conservation(ledger)


def test_figures_of_a_page_are_of_one_moment_while_others_book():
    for _ in range(3):
        read_while_others_book(take_out=lambda ledger: None)


@pytest.mark.parametrize("show", ["mine", "bookable"])
def test_choice_and_rows_of_a_summary_are_of_one_moment(ledger, john, monkeypatch, show):
    john.book("1", SMALL)
    for name in ["statuses", "occupancies"]:
        monkeypatch.setattr(ledger, name, overtaken(ledger, getattr(ledger, name)))

    page = john.get(f"/showSummary?show={show}")

    assert 1 == page.figures["places-held", SMALL]
    assert 4 == page.figures["places-left", SMALL]
    assert 10 == page.figures["points-left", "Simply Lift"]
    assert {"All 2", "You can book 2", "Yours 1"} <= page.links.keys()
    assert 5 == ledger.totals.places_held["Atlas Barbell", SMALL]


def overtaken(ledger, read):
    """Return a reading of figures after which its club gives a place back, and another books all that are left."""

    def read_before_others(*arguments):
        figures = read(*arguments)
        may_others_book = not ledger.one_moment._is_owned()
        if may_others_book and not ledger.totals.places_held["Atlas Barbell", SMALL]:
            ledger.give_back(*parties(ledger, competition=SMALL), 1)
            ledger.book(*parties(ledger, "Atlas Barbell", SMALL), 5)
        return figures

    return read_before_others


def test_figures_of_a_page_do_not_agree_where_nothing_guards_the_memory():
    with pytest.raises(AssertionError):
        for _ in range(20):
            read_while_others_book(take_out=guard_no_memory)
