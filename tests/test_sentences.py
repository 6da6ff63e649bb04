"""What pages say, word for word, unless another suite reads it."""

import pytest

from gudlft import sentences
from gudlft.rules import Limit, Standing, Terms
from gudlft.search import Choice
from gudlft.sentences import Bookable


@pytest.mark.parametrize(
    ("seconds", "wait"),
    [(1, "1 minute"), (60, "1 minute"), (61, "2 minutes"), (600, "10 minutes")],
)
def test_too_many_codes_names_the_minutes_begun(seconds, wait):
    assert f"Too many codes. Wait {wait} and try again" == sentences.too_many_codes(seconds)


@pytest.mark.parametrize(
    ("points", "cost", "sentence"),
    [
        (13, 3, "Enough for 4 places at 3 points each"),
        (3, 3, "Enough for 1 place at 3 points each"),
        (2, 1, "Enough for 2 places at 1 point each"),
        (2, 3, "Not enough for a place (3 points)"),
        (0, 1, "Not enough for a place (1 point)"),
    ],
)
def test_points_are_told_in_places(points, cost, sentence):
    assert sentence == sentences.points_buy(points, cost)


@pytest.mark.parametrize(
    ("bookable", "reason"),
    [
        (Bookable(4, Limit.POINTS), "because your club has 13 points"),
        (Bookable(8, Limit.PLACES), "because 8 are left"),
        (Bookable(7, Limit.CAP), "because a club may hold 12"),
    ],
)
def test_hint_says_which_limit_binds(bookable, reason):
    standing = Standing(points_left=13, places_left=8, places_held=5, points_paid=15)

    assert reason == sentences.why_not_more(bookable, standing, Terms())


def test_hint_knows_that_one_place_is_left():
    standing = Standing(points_left=13, places_left=1, places_held=0, points_paid=0)

    assert "because 1 is left" == sentences.why_not_more(Bookable(1, Limit.PLACES), standing, Terms())


@pytest.mark.parametrize(
    ("paid", "label"),
    [
        (9, "you hold 3; 3 points each"),
        (3, "you hold 3; 1 point each"),
        (10, "you hold 3; all return 10 points"),
    ],
)
def test_label_says_what_giving_back_returns(paid, label):
    assert label == sentences.what_returns(Standing(points_left=0, places_left=5, places_held=3, points_paid=paid))


@pytest.mark.parametrize(
    ("choice", "found", "total", "caption"),
    [
        (Choice.read(), 1, 1, "1 competition, soonest first"),
        (Choice.read(), 1200, 1200, "1,200 competitions, soonest first"),
        (Choice.read("lyon"), 1, 40, "1 of 40 competitions, soonest first"),
        (Choice.read("lyon"), 1, 1, "1 of 1 competition, soonest first"),
        (Choice.read(show="past"), 150, 150, "150 competitions, latest first"),
        (Choice.read("lyon", show="past"), 3, 150, "3 of 150 competitions, latest first"),
    ],
)
def test_caption_says_how_many_of_all_there_are(choice, found, total, caption):
    assert caption == sentences.competitions_found(choice, found, total)
