"""Names in the journal: bookings of a name that looks like a present one, or that was one, are its own."""

from dataclasses import replace

import pytest

from gudlft.model import Club, Competition
from tests.support import (
    CLUBS,
    COMPETITIONS,
    JOHN,
    OPEN,
    TOKEN,
    Secretary,
    book_address,
    check_conservation,
    make_ledger,
    parties,
    places_of,
)

CLUB, *OTHER_CLUBS = CLUBS
CUP = COMPETITIONS[2]
RENAMED_CLUB = replace(CLUB, name="Lift Lyon", former_names=("Simply Lift", "Lift", "Old/Lift Lyon"))
RENAMED_CUP = replace(CUP, name="Gala", former_names=(OPEN, "Spring Gala"))
ALIKE_CLUB = replace(CLUB, name="simply\xa0Lift")
ALIKE_CUP = replace(CUP, name="SPRING Festival\u200b 2050")


def open_with(journal, club, cup, **options):
    """Return a ledger whose files name the club and the competition like this."""
    competitions = [*COMPETITIONS[:2], cup, *COMPETITIONS[3:]]
    return make_ledger([club, *OTHER_CLUBS], competitions, journal=journal, **options)


@pytest.mark.parametrize(("club", "cup"), [(RENAMED_CLUB, RENAMED_CUP), (ALIKE_CLUB, ALIKE_CUP)])
def test_all_figures_and_entries_are_those_of_the_present_name(journal, club, cup):
    before = make_ledger(journal=journal)
    before.book(*parties(before), 3, TOKEN)
    rows = list(journal.rows)

    ledger = open_with(journal, club, cup)
    copy = ledger.book(club, cup, 3, TOKEN)
    ledger.give_back(club, cup, 1)

    assert (club.name, cup.name, 3) == copy.entry[2:5]
    assert (7, 18, 2, 6) == ledger.totals.standing(club, cup)
    assert [-1, 3] == places_of(ledger.latest_entries(club))
    assert [-1, 3] == places_of(ledger.latest_entries(club, cup))
    assert [(club.name, 2)] == [(row.club, row.places) for row in ledger.entry_list(cup.name)]
    assert [] == ledger.mismatches()
    assert rows == journal.rows[:1]
    check_conservation(ledger)


def test_process_with_older_files_knows_what_one_with_newer_files_books(journal):
    old = make_ledger(journal=journal)
    new = open_with(journal, RENAMED_CLUB, RENAMED_CUP)

    new.book(RENAMED_CLUB, RENAMED_CUP, 2)
    old.book(*parties(old), 1)
    new.catch_up()

    assert (4, 17, 3, 9) == old.totals.standing(*parties(old)) == new.totals.standing(RENAMED_CLUB, RENAMED_CUP)
    assert [("Simply Lift", OPEN)] * 2 == [(row.club, row.competition) for row in journal.rows]


def test_names_of_clubs_and_competitions_are_apart(journal):
    club = Club("Gala", (JOHN,), 13, former_names=("Lift",))
    cup = Competition("Lift", CUP.starts_at, 20, former_names=("Gala",))
    ledger = make_ledger([club], [cup], journal=journal)

    ledger.book(club, cup, 1)

    assert ("Lift", "Gala") == journal.rows[0][2:4]
    assert (10, 19, 1, 3) == ledger.totals.standing(club, cup)


def test_page_of_a_former_name_leads_on_whoever_is_asked_for(serve):
    other = replace(OTHER_CLUBS[0], former_names=("Iron",))
    serve(make_ledger([RENAMED_CLUB, other], [RENAMED_CUP]))
    john = Secretary(JOHN)

    former = [("Spring Gala", "Lift Lyon"), ("Gala", "Lift"), ("Gala", "Old/Lift Lyon")]

    lead_on = [john.get(book_address(*names)) for names in former]

    assert [(303, book_address("Gala", "Lift Lyon"))] * 3 == [page.redirect for page in lead_on]
    assert 403 == john.get(book_address("Gala", "Iron")).status
    assert 404 == john.get(book_address("Gala", "lift")).status
    assert 404 == john.get(book_address("Nix", "Lift")).status
    assert 403 == john.book("1", "Gala", club="Iron").status
