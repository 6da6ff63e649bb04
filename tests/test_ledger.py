"""The ledger in memory: bookings and returns, what follows from them, and what it makes of a journal."""

import random
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from gudlft.journal import (
    LARGEST_IN_A_ROW,
    AnotherProcessBooks,
    JournalError,
    NoJournal,
    Revocation,
    check_revocation,
    checked_entries,
)
from gudlft.model import BookingError, Entry, Kind, Order, Outcome
from tests.support import (
    COMPETITIONS,
    OPEN,
    PAST,
    SMALL,
    TOKEN,
    check_conservation,
    make_ledger,
    parties,
    tomorrow,
)

AT = datetime(2030, 5, 6, 20, 15, tzinfo=timezone.utc)


# Booking and giving back


def test_booking_and_return_become_entries():
    ledger = make_ledger(clock=lambda: AT)

    outcomes = [ledger.book(*parties(ledger), 3, TOKEN), ledger.give_back(*parties(ledger), 2, TOKEN)]

    booking = Entry(1, AT, "Simply Lift", OPEN, 3, 9, TOKEN)
    return_ = Entry(2, AT, "Simply Lift", OPEN, -2, -6, TOKEN)
    assert [Outcome(booking, points_left=4), Outcome(return_, points_left=10)] == outcomes
    assert [booking, return_] == ledger.entries
    assert (10, 19, 1) == ledger.totals.standing(*parties(ledger))[:3]


def test_clock_is_read_when_the_order_is_judged():
    ledger = make_ledger(competitions=[tomorrow("Cup", 9)])
    club, competition = parties(ledger, competition="Cup")
    moments = iter([competition.starts_at])
    ledger.now = lambda: next(moments)

    with pytest.raises(BookingError, match="^Booking is closed"):
        ledger.book(club, competition, 1)


# Copies of a form


@pytest.mark.parametrize("kind", ["book", "give_back"])
def test_negative_number_under_a_token_is_no_copy_of_the_opposite_order(ledger, kind):
    opposite = ledger.give_back if kind == "book" else ledger.book
    ledger.book(*parties(ledger), 2)
    opposite(*parties(ledger), 2, TOKEN)

    with pytest.raises(BookingError, match="^Number of places must be 1 or more$"):
        getattr(ledger, kind)(*parties(ledger), -2, TOKEN)

    assert 2 == len(ledger.entries)


def test_orders_that_wait_together_are_judged_one_after_the_other(ledger):
    atlas = parties(ledger, "Atlas Barbell", SMALL)
    john = parties(ledger, "Simply Lift", SMALL)
    orders = [(*atlas, 3), (*john, 1, TOKEN), (*john, 2), (*john, 1), (*atlas, 1), (*john, 1, TOKEN)]
    waiting = [ledger.writer.submit(Order(Kind.BOOKING, *order)) for order in orders]

    ledger.writer.write_waiting()

    first, second, too_many, third, too_late, copy = [one.exception() or one.result() for one in waiting]
    assert [(1, 3), (2, 1), (3, 1)] == [(entry.number, entry.places) for entry in ledger.entries]
    assert [51, 10, 7, 10] == [outcome.points_left for outcome in (first, second, third, copy)]
    assert "You can't book more places than available: only 1 place is left" == str(too_many)
    assert "There are no places left in this competition" == str(too_late)
    check_conservation(ledger)


# What must hold after any history


@pytest.mark.parametrize("seed", range(5))
def test_points_and_places_are_conserved_in_any_history(seed):
    draw = random.Random(seed)
    ledger = make_ledger(cost=draw.choice([1, 3]), cap=draw.choice([4, 12]))
    clubs = list(ledger.clubs.values())

    for _ in range(300):
        change = draw.choice([ledger.book, ledger.book, ledger.give_back])
        club = draw.choice(clubs)
        competition = draw.choice(ledger.by_start)
        before = len(ledger.entries), ledger.totals.standing(club, competition)
        try:
            change(club, competition, draw.randint(-1, 6), draw.choice([None, TOKEN]))
        except BookingError:
            assert before == (len(ledger.entries), ledger.totals.standing(club, competition))

    check_conservation(ledger)
    assert 10 < len(ledger.entries)


# What follows from the entries


@pytest.mark.parametrize(
    ("skip", "most", "numbers"),
    [(0, 2, [5, 4]), (1, 2, [4, 3]), (4, 2, [1]), (5, 2, []), (9, 2, []), (0, 9, [5, 4, 3, 2, 1]), (0, 0, [])],
)
def test_part_of_a_history_is_counted_from_its_newest_entry(ledger, skip, most, numbers):
    club, competition = parties(ledger, "Atlas Barbell")
    for _ in range(5):
        ledger.book(club, competition, 1)

    for place in [None, competition]:
        assert numbers == [entry.number for entry in ledger.latest_entries(club, place, skip, most)]
    assert 5 == ledger.number_of_entries(club) == ledger.number_of_entries(club, competition)
    assert 0 == ledger.number_of_entries(club, ledger.competitions[SMALL])


def test_competitions_stand_soonest_first_and_past_ones_latest_first_and_then_by_name_whatever_its_accents():
    names = ["Zug", "open", "Évry", "Eton", "Open", "evry"]
    cups = [tomorrow(name, 1) for name in names]
    same_start = [replace(cup, starts_at=cups[0].starts_at) for cup in cups]
    ledger = make_ledger(competitions=[*same_start, *COMPETITIONS])
    by_name = ["Eton", "evry", "Évry", "Open", "open", "Zug"]

    before, then = cups[0].starts_at - timedelta(seconds=1), cups[0].starts_at

    assert [*by_name, OPEN, SMALL] == [competition.name for competition in ledger.upcoming(before)]
    assert [OPEN, SMALL] == [competition.name for competition in ledger.upcoming(then)]
    assert ["Fall Classic", PAST] == [competition.name for competition in ledger.past(before)]
    assert [*by_name, "Fall Classic", PAST] == [competition.name for competition in ledger.past(then)]


def test_entries_of_clubs_and_competitions_that_are_gone_are_kept_and_listed_as_people_look_for_them(journal):
    gone = [Entry(number, AT, name, OPEN, 1, 3, None) for number, name in enumerate(["Zorn", "Évry", "Eton"], start=1)]
    journal.rows = [*gone, Entry(4, AT, "Simply Lift", "Gone Cup", 2, 6, None)]

    ledger = make_ledger(journal=journal)

    assert (7, 17, 0) == ledger.totals.standing(*parties(ledger))[:3]
    assert [] == ledger.holdings(ledger.clubs["Simply Lift"], AT)
    assert [("Eton", 1, AT, AT), ("Évry", 1, AT, AT), ("Zorn", 1, AT, AT)] == ledger.entry_list(OPEN)
    assert [("Simply Lift", 2, AT, AT)] == ledger.entry_list("Gone Cup")
    check_conservation(ledger)


# What it makes of a journal


def test_order_is_judged_after_what_others_booked(journal):
    ledger, other = [make_ledger(journal=journal) for _ in range(2)]
    other.book(*parties(other), 3, TOKEN)
    ledger.catch_up()
    other.give_back(*parties(other), 1)
    other.book(*parties(other), 1)

    with pytest.raises(BookingError, match="your club has 4, enough for 1$"):
        ledger.book(*parties(ledger), 2)
    assert 4 == ledger.book(*parties(ledger), 1).entry.number
    assert 1 == ledger.book(*parties(ledger), 3, TOKEN).entry.number


def test_booking_that_a_page_took_over_while_another_waited_for_the_journal_counts_once(journal, monkeypatch):
    ledger, other = [make_ledger(journal=journal) for _ in range(2)]
    entries = journal.entries

    def read_and_be_overtaken(first):
        monkeypatch.setattr(journal, "entries", entries)
        rows = entries(first)
        ledger.catch_up()
        return rows

    other.book(*parties(other), 1)
    monkeypatch.setattr(journal, "entries", read_and_be_overtaken)
    ledger.book(*parties(ledger, "She Lifts"), 2)

    assert [(1, 1), (2, 2)] == [(entry.number, entry.places) for entry in ledger.entries]
    check_conservation(ledger)


def test_order_is_not_judged_while_a_page_has_half_added_what_others_booked(journal):
    ledger = make_ledger(journal=journal)
    others = make_ledger(journal=journal)
    others.book(*parties(others, "Atlas Barbell", SMALL), 5)
    is_adding = threading.Event()
    may_go_on = threading.Event()
    add = ledger.totals.add

    def add_slowly(entry):
        is_adding.set()
        may_go_on.wait(10)
        add(entry)

    ledger.totals.add = add_slowly
    page = threading.Thread(target=ledger.catch_up)
    page.start()
    is_adding.wait(10)
    threading.Timer(0.1, may_go_on.set).start()

    with pytest.raises(BookingError, match="no places left"):
        ledger.book(*parties(ledger, "Simply Lift", SMALL), 1)

    page.join()
    check_conservation(ledger)


def test_places_of_a_row_that_was_edited_by_hand_go_back_for_the_points_that_are_left(journal):
    journal.rows = [Entry(1, AT, "Simply Lift", OPEN, 3, 1, None)]
    ledger = make_ledger(journal=journal)

    points = [ledger.give_back(*parties(ledger), 1).entry.points for _ in range(3)]

    assert [0, 0, -1] == points
    assert (13, 20, 0) == ledger.totals.standing(*parties(ledger))[:3]


@pytest.mark.parametrize("lost", [slice(1, 2), slice(0, 2)])
def test_journal_that_lost_bookings_is_noticed(journal, lost):
    ledger = make_ledger(journal=journal)
    ledger.book(*parties(ledger), 1)
    ledger.book(*parties(ledger), 2)

    del journal.rows[lost]

    for action in [ledger.catch_up, lambda: ledger.book(*parties(ledger), 1)]:
        with pytest.raises(JournalError, match="^the journal has lost bookings that were made: restart"):
            action()
    assert (4, 17, 3) == ledger.totals.standing(*parties(ledger))[:3]


@pytest.mark.parametrize(
    "row",
    [(1, AT, ""), (1, AT, None), (1, None, "session"), ("1", AT, "session"), (LARGEST_IN_A_ROW + 1, AT, "session")],
)
def test_row_that_can_be_no_revocation_is_named(row):
    with pytest.raises(JournalError, match=f"^revocation {row[0]} cannot be right: it lacks its time or its id$"):
        check_revocation(Revocation(*row))


@pytest.mark.parametrize(("number", "at"), [(6, AT), (7, AT), (8, None)])
def test_row_that_does_not_follow_the_last_one_or_has_no_time_is_named(number, at):
    row = Entry(number, at, "Simply Lift", OPEN, 1, 3, None)

    with pytest.raises(JournalError, match=f"^booking {number} cannot be right, where 8 may come next"):
        list(checked_entries([row], first=8))


def test_entries_are_in_utc_wherever_the_server_stands(set_zone, journal):
    set_zone("Asia/Tokyo")
    make_ledger(journal=journal).book(*parties(make_ledger()), 1)

    ledger = make_ledger(competitions=[replace(one, is_cancelled=True) for one in COMPETITIONS], journal=journal)
    ledger.give_back_cancelled()

    assert [timezone.utc, timezone.utc] == [entry.at.tzinfo for entry in ledger.entries]


def test_journal_that_keeps_nothing_takes_everything(tmp_path):
    journal = NoJournal(str(tmp_path))
    with journal.writing() as transaction:
        transaction.append([Entry(1, AT, "Simply Lift", OPEN, 1, 3, None)])
        transaction.revoke({"session": AT}, forget_before=AT)

    with journal.reading() as transaction:
        assert [] == transaction.entries(first=1) == transaction.revocations(first=1)
        assert () == transaction.last_rows()
    journal.close()


def test_trial_without_a_journal_fails_while_another_process_books(tmp_path):
    first, second = [NoJournal(str(tmp_path)) for _ in range(2)]
    make_ledger(journal=first).book(*parties(make_ledger()), 1)

    with pytest.raises(AnotherProcessBooks):
        second.try_to_write()
    first.close()
    second.try_to_write()
    second.close()


def test_folder_that_cannot_be_locked_is_named_and_nothing_is_booked(tmp_path):
    folder = tmp_path / "gone"
    ledger = make_ledger(journal=NoJournal(str(folder)))

    with pytest.raises(JournalError, match=f"^{folder} cannot be locked: No such file or directory$"):
        ledger.book(*parties(ledger), 1)

    assert [] == ledger.entries
