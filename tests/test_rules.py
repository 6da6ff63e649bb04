"""The rules of a booking, as pure functions: no server, no ledger, no clock."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from gudlft.model import BookingError, Club, Competition, Kind, Order
from gudlft.rules import Limit, Standing, Terms, booking_status, points_of, read_places, read_token

START = datetime(2050, 3, 7, 9, 5, tzinfo=timezone.utc)
CLOSING = datetime(2050, 3, 1, 18, 0, tzinfo=timezone.utc)
BEFORE = START - timedelta(seconds=1)
CLUB = Club("Simply Lift", ("john@simplylift.co",), 13)
CUP = Competition("Spring Festival 2050", START, 20)
TERMS = Terms(cost_per_place=3, max_places_per_club=12)


def standing(points_left=100, places_left=100, places_held=0, points_paid=0):
    """Return figures; by default nothing but the cap limits what can be booked."""
    return Standing(points_left, places_left, places_held, points_paid)


def status(figures, terms=TERMS, moment=BEFORE, cup=CUP):
    return booking_status(cup, figures, terms, moment)


def price(places, figures=None, terms=TERMS, moment=BEFORE):
    return points_of(Order(Kind.BOOKING, CLUB, CUP, places), figures or standing(), terms, moment)


def refund(places, figures, moment=BEFORE):
    return points_of(Order(Kind.RETURN, CLUB, CUP, places), figures, TERMS, moment)


def refusal(function, *arguments, **options):
    """Return the sentence with which a call is refused."""
    with pytest.raises(BookingError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_number_of_places_is_read_from_ascii_digits():
    assert [999_999, 0, -5] == [read_places(text) for text in ("999999", "0", "-5")]
    assert [3, 3, 12] == [read_places(text) for text in (" 3\t\r\n", "\xa0003\u2003", "\u200b\ufeff1\u20602\u200e")]


@pytest.mark.parametrize("text", ["", " ", "\r\n\t ", "\u200b \ufeff"])
def test_number_of_places_must_be_typed(text):
    assert "Enter the number of places" == refusal(read_places, text)


@pytest.mark.parametrize(
    "text",
    [
        *("abc", "X3", "1.5", "1,5", "1_0", "1e3", "0x3", "+3", "--5", "-", "3 3", "3\n3", "- 5"),
        *("１", "٣", "²", "½", "\0", "3\0", "9" * 5000, "1234567", "-1234567"),
    ],
)
def test_number_of_places_must_be_whole(text):
    assert "Number of places must be a whole number, like 3" == refusal(read_places, text)


@pytest.mark.parametrize("text", ["x" * 16, "x" * 64, "Aa0_-" * 4])
def test_token_is_read_as_it_is(text):
    assert text == read_token(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x" * 15, "x" * 65, "with blanks in between", "nul\0nul\0nul\0nul\0nul", "é" * 20, "x" * 20 + "\n"),
        "cancelled-#1234567890",  # of a return that the app itself makes
    ],
)
def test_malformed_token_counts_as_none(text):
    assert read_token(text) is None


@pytest.mark.parametrize(
    ("figures", "most", "limit"),
    [
        (standing(points_left=12), 4, Limit.POINTS),
        (standing(points_left=2), 0, Limit.POINTS),
        (standing(places_left=5), 5, Limit.PLACES),
        (standing(places_left=0), 0, Limit.PLACES),
        (standing(), 12, Limit.CAP),
        (standing(places_held=7), 5, Limit.CAP),
        (standing(places_held=12), 0, Limit.CAP),
        (standing(places_held=15), 0, Limit.CAP),
        (standing(points_left=13, places_left=3, places_held=10), 2, Limit.CAP),
        (standing(points_left=0, places_left=0, places_held=12), 0, Limit.PLACES),
        (standing(points_left=0, places_held=12), 0, Limit.CAP),
    ],
)
def test_tightest_limit_says_how_many_places_can_be_booked(figures, most, limit):
    assert (most, limit) == (status(figures).most, status(figures).limit)


@pytest.mark.parametrize("points_left", [*range(0, 40, 7), 100])
@pytest.mark.parametrize("places_left", [0, 1, 4, 100])
@pytest.mark.parametrize("places_held", [0, 5, 11, 12])
def test_most_places_can_be_booked_and_not_one_more(points_left, places_left, places_held):
    figures = standing(points_left, places_left, places_held)
    most = status(figures).most

    if most:
        assert 3 * most == price(most, figures)
        assert status(figures).reason is None
    else:
        assert refusal(price, 1, figures) == status(figures).reason
    refusal(price, most + 1, figures)


@pytest.mark.parametrize(
    ("moment", "limit", "returnable"),
    [
        (CLOSING - timedelta(seconds=1), Limit.CAP, 5),
        (CLOSING, Limit.CLOSED_EARLY, 5),
        (BEFORE, Limit.CLOSED_EARLY, 5),
        (START, Limit.STARTED, 0),
    ],
)
def test_booking_may_close_early_and_giving_back_goes_on_until_the_start(moment, limit, returnable):
    cup = replace(CUP, booking_closes_at=CLOSING)

    now = status(standing(places_held=5), moment=moment, cup=cup)

    assert (limit, returnable, moment == START) == (now.limit, now.returnable, now.is_past)
    assert limit is Limit.CAP or now.most == 0
    if now.is_past:
        assert "Booking is closed: Spring Festival 2050 started on 7 March 2050 at 09:05" == now.reason


def test_words_are_singular_for_one():
    terms = Terms(cost_per_place=1, max_places_per_club=1)

    assert (
        "Your club does not have enough points to book a place: a place costs 1 point and your club has 0"
    ) == refusal(price, 1, standing(points_left=0), terms)
    assert "You can't book more than 1 place per competition: your club holds 0, so at most 1 more" == refusal(
        price, 2, standing(), terms
    )
    assert "Your club holds the maximum of 1 place in this competition" == refusal(
        price, 1, standing(places_held=1), terms
    )


@pytest.mark.parametrize("places", [0, -5, 1, 99])
def test_where_nothing_can_be_booked_the_reason_is_told_whatever_was_asked_for(places):
    assert "There are no places left in this competition" == refusal(price, places, standing(places_left=0))


@pytest.mark.parametrize("moment", [START, START + timedelta(seconds=1)])
@pytest.mark.parametrize("places", [1, 0, 99])
def test_nothing_is_booked_or_given_back_from_the_start_on(moment, places):
    figures = standing(places_held=2, points_paid=6)

    started = "Spring Festival 2050 started on 7 March 2050 at 09:05"
    assert f"Booking is closed: {started}" == refusal(price, places, figures, moment=moment)
    assert f"Places can no longer be given back: {started}" == refusal(refund, places, figures, moment)


@pytest.mark.parametrize(
    ("places", "held", "paid", "points"),
    [(1, 3, 9, 3), (1, 3, 10, 3), (2, 3, 10, 6), (1, 2, 7, 3), (1, 1, 4, 4), (3, 3, 10, 10), (1, 2, 0, 0)],
)
def test_points_come_back_as_they_were_paid(places, held, paid, points):
    assert points == refund(places, standing(places_held=held, points_paid=paid))
