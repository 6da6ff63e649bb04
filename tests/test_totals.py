"""The totals that follow from the entries: computed anew, on drafts, and when they no longer fit the files."""

from datetime import datetime, timezone

import pytest

from gudlft.model import Club, Competition, Entry, Kind, Order, Outcome
from gudlft.rules import Standing, Terms
from gudlft.totals import Draft, Totals

AT = datetime(2030, 5, 6, 20, 15, tzinfo=timezone.utc)
CLUB = Club("Simply Lift", ("john@simplylift.co",), 13)
GONE = Club("Gone", ("a@b.example",), 13)
OTHER_CLUB = Club("She Lifts", ("kate@shelifts.co.uk",), 12)
CLUBS = {club.name: club for club in [CLUB, OTHER_CLUB, Club("Nothing", ("b@b.example",), 0)]}
CUP = Competition("Spring Festival 2050", AT, 20)
GONE_CUP = Competition("Gone Cup", AT, 5)
OTHER_CUP = Competition("Novice Cup 2050", AT, 5)
TOKEN = "a-token_of-16-ch"


def entry(places, points, club=CLUB, competition=CUP, token=None):
    """Return an entry; its number and time do not matter to totals."""
    return Entry(1, AT, club.name, competition.name, places, points, token)


def order(places, kind=Kind.BOOKING, club=CLUB, competition=CUP, token=TOKEN):
    return Order(kind, club, competition, places, token)


def totals_of(*entries):
    totals = Totals(CLUBS)
    for one in entries:
        totals.add(one)
    return totals


def test_copy_of_a_form_is_found_and_anything_else_under_its_token_is_none():
    booking = entry(2, 6, token=TOKEN)
    return_ = entry(-1, -3, token=TOKEN)
    totals = totals_of(booking, return_, entry(2, 6, token=None))
    copies = [order(2), order(1, Kind.RETURN)]
    others = [
        order(3),
        order(2, Kind.RETURN),
        order(2, club=OTHER_CLUB),
        order(2, competition=OTHER_CUP),
        order(2, token="another-token_of-this-app"),
        order(2, token=None),
    ]

    found = [totals.outcomes.get(one.form_key) for one in copies + others]

    assert [Outcome(booking, points_left=7), Outcome(return_, points_left=10), *[None] * 6] == found


def test_draft_starts_from_the_totals_and_leaves_them_as_they_are():
    totals = totals_of(entry(1, 3))
    draft = Draft(totals, last_number=1)

    booking = entry(2, 6, token=TOKEN)
    draft.append(booking)

    assert Standing(4, 17, 3, 9) == draft.standing(CLUB, CUP)
    assert Outcome(booking, points_left=4) == draft.outcomes[order(2).form_key]
    assert 3 == draft.next_number
    assert [booking] == draft.entries
    assert totals_of(entry(1, 3)) == totals


@pytest.mark.parametrize(
    ("entries", "lines"),
    [
        ([entry(3, 13)], []),
        ([entry(3, 14)], ["Simply Lift: 14 points are spent, of 13"]),
        ([entry(3, -1)], ["Simply Lift: -1 points are spent, of 13"]),
        ([entry(5, 9, competition=OTHER_CUP)], []),
        ([entry(6, 9, competition=OTHER_CUP)], ["Novice Cup 2050: 6 places are booked, of 5"]),
        ([entry(12, 9)], []),
        ([entry(13, 9)], ["Simply Lift: 13 places are held in Spring Festival 2050, of 12"]),
        (
            [entry(-1, 0)],
            [
                "Spring Festival 2050: -1 places are booked, of 20",
                "Simply Lift: -1 places are held in Spring Festival 2050, of 12",
            ],
        ),
        ([entry(2, 6, GONE), entry(-2, -6, GONE)], []),
        ([entry(2, 6, GONE), entry(1, 3, GONE)], ["Gone: no longer in the files, its bookings stay"]),
        ([entry(1, 3, competition=GONE_CUP)], ["Gone Cup: no longer in the files, its bookings stay"]),
    ],
)
def test_what_no_longer_fits_is_named(entries, lines):
    competitions = {one.name: one for one in [CUP, OTHER_CUP, Competition("No places", AT, 0)]}

    assert lines == list(totals_of(*entries).mismatches(competitions, Terms()))


@pytest.mark.parametrize(
    ("places", "points", "left"),
    [(21, 14, Standing(0, 0, 21, 14)), (-3, -9, Standing(13, 20, 0, 0)), (20, 13, Standing(0, 0, 20, 13))],
)
def test_what_is_left_lies_between_nothing_and_the_files_figures(places, points, left):
    assert left == totals_of(entry(places, points)).standing(CLUB, CUP)
