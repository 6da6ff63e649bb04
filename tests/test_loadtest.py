"""What the swarm makes of pages, answers and figures."""

import json
from collections import Counter

from loadtest.orders import BOOKING, Order
from loadtest.pages import Page, Row
from loadtest.reconcile import Tally, read_emails

POINTS = ("points-left", "Simply Lift")
LEFT = ("places-left", "Novice Cup")
HELD = ("places-held", "Simply Lift", "Novice Cup")


def order_of(places, kind=BOOKING, points=0):
    """Return an order of Simply Lift's."""
    return Order(kind, "Simply Lift", "Novice Cup", places, points)


def unexplained(before, after, carried_out=(), in_doubt=()):
    """Return a line for each figure that these orders leave unexplained."""
    tally = Tally()
    tally.figures_before = Counter(before)
    tally.carried_out = list(carried_out)
    tally.in_doubt = list(in_doubt)
    return tally.unexplained(Counter(after))


def test_rows_of_a_summary_are_read_whatever_their_names():
    page = Page(
        '<table><tr data-competition="Coupe d&#39;&Eacute;t&eacute; &amp; &lt;b&gt;"><td>11:11'
        '<td><data class="places-left" value="18">18</data> left<data class="places-held" value="0" hidden>0</data>'
        '<td><a href="/calendar/Coupe">Add</a> <a class="button" href="/book/Coupe/She%20Lifts">Book</a>'
        '<tr data-competition="Past"><td><data class="places-held" value="3">3</data> held'
        '<td><data class="places-left" value="2" hidden>2</data></table>'
    )

    assert [
        Row("Coupe d'Été & <b>", places_left=18, places_held=0, link="/book/Coupe/She%20Lifts"),
        Row("Past", places_left=2, places_held=3, link=None),
    ] == page.rows


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


def test_club_signs_in_with_the_first_of_its_addresses(tmp_path, monkeypatch):
    emails = {
        "Simply Lift": "john@simplylift.co",
        "Iron Temple": ["a@irontemple.com", "b@irontemple.com"],
        "Closed": [],
    }
    clubs = [{"name": name, "email": email} for name, email in emails.items()]
    (tmp_path / "clubs.json").write_text(json.dumps({"clubs": clubs}), "utf-8-sig")
    monkeypatch.setenv("GUDLFT_DATA_DIR", str(tmp_path))

    assert {"Simply Lift": "john@simplylift.co", "Iron Temple": "a@irontemple.com"} == read_emails()
