"""What pages say, word for word, unless another suite reads it."""

from datetime import datetime, timezone

import pytest

from gudlft.model import CANCELLED, Competition, Entry, Outcome
from gudlft.pages import sentences
from gudlft.pages.search import Choice
from gudlft.rules import Standing, Terms, booking_status

BEFORE = datetime(2050, 3, 27, 11, 10, tzinfo=timezone.utc)
CUP = Competition("Cup", datetime(2050, 3, 27, 11, 11, tzinfo=timezone.utc), 20)


def test_points_are_told_in_places():
    assert "Enough for 4 places at 3 points each" == sentences.points_buy(13, Terms(3))
    assert "Enough for 1 place at 3 points each" == sentences.points_buy(3, Terms(3))
    assert "Enough for 2 places at 1 point each" == sentences.points_buy(2, Terms(1))
    assert "Not enough for a place (3 points)" == sentences.points_buy(2, Terms(3))
    assert "Not enough for a place (1 point)" == sentences.points_buy(0, Terms(1))


@pytest.mark.parametrize(
    ("points", "left", "held", "cost", "hint"),
    [
        (13, 20, 0, 3, "places at 3 points each, because your club has 13 points"),
        (1, 20, 0, 1, "place at 1 point each, because your club has 1 point"),
        (60, 8, 0, 3, "places at 3 points each, because 8 are left"),
        (60, 1, 0, 3, "place at 3 points each, because 1 is left"),
        (60, 20, 0, 3, "places at 3 points each, because a club may hold 12"),
        (60, 20, 11, 3, "place at 3 points each, because a club may hold 12 and yours holds 11"),
    ],
)
def test_hint_says_the_price_and_which_limit_binds(points, left, held, cost, hint):
    standing = Standing(points_left=points, places_left=left, places_held=held, points_paid=3 * held)
    status = booking_status(CUP, standing, Terms(cost_per_place=cost), BEFORE)

    assert hint == sentences.why_not_more(status)


def test_label_says_what_giving_back_returns():
    labels = {9: "3 points each", 3: "1 point each", 10: "all return 10 points"}

    for paid, label in labels.items():
        standing = Standing(points_left=0, places_left=5, places_held=3, points_paid=paid)
        assert f"you hold 3; {label}" == sentences.what_returns(standing)


def test_caption_says_how_many_of_all_there_are():
    caption = sentences.competitions_found

    assert "1 competition, soonest first" == caption(Choice.read({}), 1, 1)
    assert "1,200 competitions, soonest first" == caption(Choice.read({}), 1200, 1200)
    assert "1 of 40 competitions, soonest first" == caption(Choice.read({"q": "lyon"}), 1, 40)
    assert "1 of 1 competition, soonest first" == caption(Choice.read({"q": "lyon"}), 1, 1)
    assert "150 competitions, latest first" == caption(Choice.read({"show": "past"}), 150, 150)
    assert "3 of 150 competitions, latest first" == caption(Choice.read({"q": "lyon", "show": "past"}), 3, 150)


def test_line_above_holdings_says_how_many_and_which_is_next():
    twelve, three, one = [booking_status(CUP, Standing(0, 20, held, 0), Terms(), BEFORE) for held in (12, 3, 1)]

    assert "15 places at 2 competitions; next: Sun 27 March 2050" == sentences.places_held([twelve, three])
    assert "1 place at 1 competition; next: Sun 27 March 2050" == sentences.places_held([one])


def test_rank_is_told_as_people_say_it():
    ranks = [1, 2, 3, 4, 11, 12, 13, 22, 31, 103, 112, 1211, 1221]

    ordinals = "1st 2nd 3rd 4th 11th 12th 13th 22nd 31st 103rd 112th 1,211th 1,221st"
    assert [f"{ordinal} of 2,400" for ordinal in ordinals.split()] == [
        sentences.rank_in_words(rank, 2400) for rank in ranks
    ]


def test_what_was_done_tells_the_points_that_are_left():
    booking = Entry(1, BEFORE, "Simply Lift", "Cup", 2, 6, None)
    given_back = booking._replace(places=-2, points=-6)

    done = "Great-booking complete! Your club has booked 2 places in Cup for 6 points"
    assert f"{done}. 1 point is left" == sentences.what_was_done(Outcome(booking, 1))
    assert f"{done}. 0 points are left" == sentences.what_was_done(Outcome(booking, 0))
    done = "2 places in Cup given back. 6 points returned, 0 points available"
    assert done == sentences.what_was_done(Outcome(given_back, 0))
    given_back = given_back._replace(token=f"{CANCELLED}1")
    assert "2 places given back: cancelled" == sentences.given_back(given_back)


def test_organiser_reads_how_full_competitions_are():
    assert "1 of 1 place booked at 1 competition" == sentences.places_booked(1, 1, 1)
    assert "1,200 of 2,000 places booked at 40 competitions" == sentences.places_booked(1200, 2000, 40)


def test_address_may_break_behind_its_at_and_a_name_is_the_last_in_its_sentence():
    assert "ask a@<wbr>b.example" == sentences.breakable("ask a@b.example")
    html = '&lt;b&gt; in <span translate="no">&lt;b&gt;</span>: &#34;3&#34;'
    assert html == sentences.untranslated('<b> in <b>: "3"', "<b>")
