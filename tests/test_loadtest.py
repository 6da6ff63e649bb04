"""What the swarm makes of pages, answers and figures."""

import json

import pytest

from loadtest.answers import Answer, Expected, judge
from loadtest.orders import BOOKING, RETURN, Order
from loadtest.pages import Figure, Page
from loadtest.reconcile import read_figures
from loadtest.tally import Tally
from tests.support import serving, write_data

POINTS = Figure("points-left", club="Simply Lift")
BOARD = '<table><tr data-club="Simply Lift"><td><data class="points-left" value="{}">{}</data></td></tr></table>'
REFUSED = '<div class="error-summary"><div role="alert"><h2>There is a problem</h2><ul><li>{}</li></ul></div></div>'
BOOKED = '<div class="banner success" role="alert"><h2>Success</h2><p>{}</p></div>'
CLOSED = REFUSED.format("Booking is closed: Spring Festival started on 27 March 2020 at 10:00")


def page_with(html):
    """Return a page with this HTML in its body."""
    return Page(f"<!DOCTYPE html>\n<html><body>\n{html}\n</body></html>\n")


def judged(status, path, html, expected):
    """Return what an answer counts as and the text of its failure; None if it is no failure."""
    problem = judge(Answer(status, path, page_with(html)), expected)
    if problem is None:
        return None
    return (problem.counts_as, str(problem))


def order_of(kind=BOOKING, competition="Novice Cup", places=3):
    """Return an order of Simply Lift's."""
    return Order(kind, "Simply Lift", competition, places, price=3, token="a" * 16)


# Pages


def test_figure_belongs_to_the_innermost_element_that_names_an_owner():
    page = page_with(
        '<section data-competition="Cup"><div data-competition="Coupe d&#39;&Eacute;t&eacute; &amp; &lt;b&gt;">'
        '<data class="places-left" value="20">20</data> <data class="places-held" value="3">3</data>'
        '<p data-club="She Lifts"><data class="points-left" value="12">12</data></p></div></section>'
    )

    assert {
        Figure("places-left", competition="Coupe d'Été & <b>"): 20,
        Figure("places-held", competition="Coupe d'Été & <b>"): 3,
        Figure("points-left", club="She Lifts"): 12,
    } == page.figures


def test_most_places_are_read_wherever_they_stand():
    page = page_with('<p>You can book up to <data class="most-places" value="4">4</data> places</p>')

    assert 4 == page.most_places


@pytest.mark.parametrize(
    ("sentence", "price"),
    [
        ("enough for 4 places at 3 points each", 3),
        ("<p>Enough for 1 place at 1 point each</p>", 1),
        ("Not enough for a place (10 points)", 10),
        ("13 points available", 0),
    ],
)
def test_price_is_read_from_what_the_points_buy(sentence, price):
    assert price == page_with(sentence).price


def test_booking_links_are_found_by_competition():
    page = page_with(
        '<a href="/bookings">My bookings</a> <a href="/book/Novice%20Cup/She%20Lifts">Book places</a>'
        '<a href="/book/50%20%25%20%26%20A%2FB/Iron%20%22A%2FB%22%3F">Book places</a>'
    )

    assert {
        "Novice Cup": "/book/Novice%20Cup/She%20Lifts",
        "50 % & A/B": "/book/50%20%25%20%26%20A%2FB/Iron%20%22A%2FB%22%3F",
    } == page.booking_links


def test_calendar_files_are_found_where_a_page_links_to_them():
    assert ["/calendar/Novice%20Cup"] == page_with('<a href="/calendar/Novice%20Cup">Add</a>').calendar_links
    assert [] == page_with('<a href="/bookings">My bookings</a>').calendar_links


def test_forms_are_found_by_their_address_with_all_fields():
    page = page_with(
        '<form action="/logout" method="post"><button>Sign out</button></form>'
        '<form action="/cancelPlaces" method="post"><input type="hidden" name="competition" value="A &amp; B">'
        '<input name="token" value="t1"><input name="places"></form>'
        '<details><form action="/cancelPlaces" method="post"><input name="token" value="t2"></form></details>'
    )

    assert [
        {"competition": "A & B", "token": "t1", "places": None},
        {"token": "t2"},
    ] == page.forms("/cancelPlaces")


# Answers


@pytest.mark.parametrize("path", ["/purchasePlaces", "/cancelPlaces"])
def test_refusal_is_a_failure_with_the_apps_sentence_up_to_the_colon(path):
    sentence = "You don&#39;t have enough points available: 5 places cost 15 points"
    html = REFUSED.format(f'<a href="#places">{sentence}</a>')

    assert ("refusals", "You don't have enough points available") == judged(400, path, html, Expected("/showSummary"))


def test_refusal_without_link_is_a_refusal_too():
    assert ("refusals", "Booking is closed") == judged(400, "/purchasePlaces", CLOSED, Expected("/showSummary"))


@pytest.mark.parametrize("status", [200, 303, 403, 404, 500])
def test_sentence_with_another_status_is_not_a_refusal(status):
    counts_as, text = judged(status, "/purchasePlaces", CLOSED, Expected("/showSummary"))

    assert "faults" == counts_as
    assert text.startswith("Unexpected: ")


def test_status_400_without_sentence_is_a_fault():
    html = "<h1>This cannot be read</h1>"

    assert ("faults", "Unexpected: status 400") == judged(400, "/purchasePlaces", html, Expected("/showSummary"))


def test_status_400_of_another_page_is_a_fault():
    assert ("faults", "Unexpected: status 400") == judged(400, "/book/x/y", CLOSED, Expected("/book/x/y"))


def test_broken_connection_is_a_lost_answer():
    problem = judge(Answer(0, "/showSummary", Page("")), Expected("/showSummary"))

    assert "lost answers" == problem.counts_as
    assert "Unexpected: the connection broke" == str(problem) == repr(problem)


def test_another_page_is_a_fault():
    expected = ("faults", "Unexpected: / instead of /showSummary")

    assert expected == judged(200, "/", "<h1>Sign in</h1>", Expected("/showSummary"))


def test_page_that_is_cut_off_is_a_fault():
    page = Page("<!DOCTYPE html>\n<html><body>" + BOARD.format(4, 4))

    problem = judge(Answer(200, "/pointsBoard", page), Expected("/pointsBoard", figure=POINTS))

    assert "faults" == problem.counts_as
    assert "Unexpected: the answer does not end with </html>" == str(problem)


def test_calendar_file_is_expected_to_be_one():
    expected = Expected("/calendar/Cup", ending="END:VCALENDAR")
    file = Page("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")

    assert judge(Answer(200, "/calendar/Cup", file), expected) is None
    assert "faults" == judge(Answer(200, "/calendar/Cup", page_with("")), expected).counts_as


def test_expected_page_is_no_failure():
    html = BOARD.format(4, 4) + BOOKED.format(
        "Great-booking complete! Your club has booked 3 places in A &amp; (B)? for 9 points. 4 points are left"
    )
    expected = Expected("/showSummary", POINTS, order_of(competition="A & (B)?").sentence)

    assert judged(200, "/showSummary", html, expected) is None


def test_page_of_another_club_is_a_fault():
    expected = Expected("/showSummary", Figure("points-left", club="Iron Temple"))

    assert ("faults", "Unexpected: a figure is missing") == judged(200, "/showSummary", BOARD.format(4, 4), expected)


def test_board_may_show_any_clubs_points():
    expected = Expected("/pointsBoard", Figure("points-left"))

    assert judged(200, "/pointsBoard", BOARD.format(4, 4), expected) is None
    assert ("faults", "Unexpected: a figure is missing") == judged(200, "/pointsBoard", "", expected)


@pytest.mark.parametrize(
    ("value", "text"), [("-3", "-3"), ("4", "5"), ("four", "four"), ("1.5", "1.5"), ("٣", "٣"), ("", "")]
)
def test_figure_that_cannot_be_is_a_fault(value, text):
    expected = ("faults", f"Unexpected: points-left cannot be {text}, its value being {value}")

    assert expected == judged(200, "/pointsBoard", BOARD.format(value, text), Expected("/pointsBoard"))


# What the app says it has done


@pytest.mark.parametrize("said", ["", "Your club has booked 2 places in Novice Cup for 6 points. 0 points are left"])
def test_page_that_does_not_say_what_was_booked_is_a_fault(said):
    expected = Expected("/showSummary", sentence=order_of().sentence)

    assert ("faults", "Unexpected: the page does not say what was done") == judged(
        200, "/showSummary", BOOKED.format(said), expected
    )


def test_banner_may_hold_more_than_the_sentence():
    page = page_with(
        '<div class="banner success" role="alert"><h2>Places booked</h2><p>Great-booking complete! Your club has '
        "booked 1 place in Novice Cup for 3 points. 10 points are left</p><p>Booking 12</p>"
        '<ul><li><a href="/bookings#c3">See or give back</a></li></ul></div>'
    )

    assert 3 == order_of(places=1).points_said_by(page)


def test_number_of_places_given_back_is_the_whole_number():
    page = page_with(BOOKED.format("13 places in Novice Cup given back. 39 points returned, 52 points available"))

    assert 39 == order_of(RETURN, places=13).points_said_by(page)
    assert "the page does not say" in str(
        judge(Answer(200, "/bookings", page), Expected("/bookings", sentence=order_of(RETURN, places=3).sentence))
    )


# Figures before and after


def unexplained(tally, before, after):
    """Return how many figures are unexplained if only the points of Simply Lift were read."""
    figures = [{} if number is None else {POINTS: number} for number in (before, after)]
    return len([line for line in tally.unexplained(*figures) if "points-left" in line])


def tally_of(booked=0, booked_unknown=0, returned_unknown=0):
    """Return a tally of this many places, booked or with an unknown outcome, for 3 points each."""
    tally = Tally()
    tally.begin()
    if booked:
        tally.note_sent(order_of(places=booked))
        tally.note_carried_out(order_of(places=booked), points=booked * 3)
    if booked_unknown:
        tally.note_sent(order_of(places=booked_unknown))
    if returned_unknown:
        tally.note_sent(order_of(RETURN, places=returned_unknown))
    return tally


def test_figures_are_explained_by_what_was_answered_and_nothing_else():
    assert 0 == unexplained(tally_of(booked=3), 13, 4)
    assert 1 == unexplained(tally_of(booked=3), 13, 7)
    assert 1 == unexplained(tally_of(booked=3), 13, 13)
    assert 1 == unexplained(tally_of(), 13, 10)


def test_figure_that_vanished_or_appeared_is_unexplained():
    assert 1 == unexplained(tally_of(), 13, None)
    assert 1 == unexplained(tally_of(), None, 13)
    assert 1 == unexplained(tally_of(booked=3), None, None)


@pytest.mark.parametrize(("after", "expected"), [(12, 1), (13, 0), (14, 0), (20, 0), (22, 0), (23, 1)])
def test_lost_answers_explain_no_more_than_they_could_have_changed(after, expected):
    tally = tally_of(booked=1, booked_unknown=2, returned_unknown=1)

    assert expected == unexplained(tally, 22, after)


def test_refused_order_explains_nothing():
    tally = tally_of()
    tally.note_sent(order_of())
    tally.note_refused(order_of())

    assert 1 == unexplained(tally, 13, 4)


def test_order_changes_points_left_places_left_and_places_held():
    tally = tally_of(booked=3)
    before = {
        POINTS: 13,
        Figure("places-left", competition="Novice Cup"): 5,
        Figure("places-held", "Simply Lift", "Novice Cup"): 1,
    }
    after = dict(zip(before, (4, 2, 4), strict=True))

    assert [] == tally.unexplained(before, after)
    assert [
        "unexplained: places-held of Simply Lift of Novice Cup was 1, is 1, answers say +3",
        "unexplained: places-left of Novice Cup was 5, is 5, answers say -3",
        "unexplained: points-left of Simply Lift was 13, is 13, answers say -9",
    ] == tally.unexplained(before, before)


def test_places_held_by_a_club_that_was_not_read_need_no_explanation():
    before = {POINTS: 13, Figure("places-left", competition="Novice Cup"): 5}
    after = {POINTS: 4, Figure("places-left", competition="Novice Cup"): 2}

    assert [] == tally_of(booked=3).unexplained(before, after)


def test_tally_of_a_worker_is_added_to_the_masters():
    worker = tally_of(booked=1, booked_unknown=2, returned_unknown=1)
    worker.count("refusals")
    master = tally_of(booked=1)

    master.add(json.loads(json.dumps(worker.hand_in())))

    assert {"bookings": 2, "refusals": 1} == master.counts
    assert 6 == master.points_spent
    assert [1, 0, 0, 1] == [unexplained(master, 22, after) for after in (9, 10, 19, 20)]


def test_tally_that_was_handed_in_is_empty_and_closed():
    worker = tally_of(booked=1)

    worker.hand_in()

    assert not worker.is_open
    assert {} == worker.counts
    assert 1 == unexplained(worker, 13, 10)


def test_figures_are_read_from_all_pages_of_long_lists(tmp_path):
    club = ("Simply Lift", "john@simplylift.co", 13)
    clubs = [club, *((f"Club {n}", f"{n}@example.com", n) for n in range(119))]
    upcoming = [(f"Cup {n}", "2050-03-27 11:11:00", n) for n in range(120)]
    past = [(f"Past {n}", "2020-03-27 11:11:00", n) for n in range(8)]
    write_data(tmp_path, clubs, upcoming + past)

    with serving(tmp_path) as (address, _):
        figures = read_figures(address, [{"name": "Simply Lift", "email": "john@simplylift.co"}])

    expected = {Figure("points-left", club=name): points for name, _, points in clubs}
    for name, _, places in upcoming + past:
        expected[Figure("places-left", competition=name)] = places
        expected[Figure("places-held", "Simply Lift", name)] = 0
    assert expected == figures
