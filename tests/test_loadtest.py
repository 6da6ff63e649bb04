"""What the swarm makes of pages, answers and figures."""

from collections import Counter

from loadtest.orders import BOOKING, Order
from loadtest.reconcile import Tally

POINTS = ("points-left", "Simply Lift")
LEFT = ("places-left", "Novice Cup")
HELD = ("places-held", "Simply Lift", "Novice Cup")


def order_of(places, kind=BOOKING, points=0):
    return Order(kind, "Simply Lift", "Novice Cup", places, points)


def unexplained(before, after, carried_out=(), in_doubt=()):
    """Return a line for each figure that these orders leave unexplained."""
    return Tally(Counter(before), carried_out, in_doubt).unexplained(Counter(after))


def test_name_of_a_competition_is_not_read_as_points():
    message = "Your club has booked 1 place in Cup for 5 points. for 3 points. 1 point is left"

    assert 3 == order_of(1).points_said(message)


def test_figure_that_changes_or_is_not_there_is_unexplained():
    assert 1 == len(unexplained({POINTS: 13}, {POINTS: 10}))
    assert 1 == len(unexplained({POINTS: 13}, {}))
    assert 3 == len(unexplained({}, {}, [order_of(3, points=9)]))


def test_order_in_doubt_explains_its_own_figures_and_no_others():
    other = ("points-left", "She Lifts")
    before = {POINTS: 13, LEFT: 5, HELD: 1, other: 12}
    after = {POINTS: 4, LEFT: 2, HELD: 4, other: 9}

    [line] = unexplained(before, after, in_doubt=[order_of(3)])

    assert "She Lifts" in line
