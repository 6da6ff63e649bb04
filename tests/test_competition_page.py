"""A competition's page: its two forms and when they are there, the bookings there, and the receipts that lead to it."""

from dataclasses import replace
from urllib.parse import quote

import pytest

import server
from gudlft.model import BookingError, Club
from tests.support import COMPETITIONS, JOHN, OPEN, SMALL, TOKEN, Secretary, book_address, make_ledger, tomorrow, words


def test_heading_says_when_and_where(serve):
    url = "https://club.example/"
    headings = {}
    for place in [{"location": "Lyon"}, {"url": url}, {}]:
        serve(make_ledger(competitions=[replace(COMPETITIONS[2], **place)]))
        page = Secretary(JOHN).get(book_address(OPEN, "Simply Lift"))
        headings[words(page.soup.select_one(".heading p"))] = page.links.get("Website")

    when = "Sun 27 March 2050, 11:11"
    assert {f"{when} Lyon": None, f"{when} Website": url, when: None} == headings


def test_form_to_book_comes_first_then_the_one_to_give_back_then_the_figures(john):
    john.book("2")

    page = john.get(book_address(OPEN, "Simply Lift"))

    found = [element.get("action", element.name) for element in page.soup.select("main form, main dl")]
    assert ["/purchasePlaces", "/cancelPlaces", "dl"] == found
    assert "Places to give back (you hold 2; 3 points each)" in page.text
    assert "You can book up to 2 places at 3 points each, because your club has 7 points" in page.text
    assert {
        ("points-left", "Simply Lift"): 7,
        ("places-left", OPEN): 18,
        ("places-held", OPEN): 2,
        ("most-places", OPEN): 2,
    } == page.figures
    assert "Sun 27 March 2050, 11:11" == words(page.soup.time)
    assert "2050-03-27T11:11" == page.soup.time["datetime"]


def test_form_to_give_back_is_folded_until_it_was_refused(john):
    john.book("2")

    before = john.get(book_address(OPEN, "Simply Lift"))
    refused = john.give_back("9")

    assert [False, True] == [page.soup.details.has_attr("open") for page in (before, refused)]
    assert ["", "9"] == [page.form("/cancelPlaces")["places"] for page in (before, refused)]
    assert f"#{refused.soup.details.label['for']}" == refused.links[refused.problem]


def test_form_to_give_back_is_open_where_nothing_can_be_booked(atlas):
    atlas.book("12")

    page = atlas.get(book_address(OPEN, "Atlas Barbell"))

    assert OPEN == page.heading
    assert "Your club holds the maximum of 12 places in this competition" in page.text
    assert "Places that other clubs give back" not in page.text
    assert page.soup.details.has_attr("open")


def panel_of(secretary, competition):
    page = secretary.get(book_address(competition, "Simply Lift"))
    *sentences, way_on = [words(paragraph) for paragraph in page.soup.select("div.panel p")]
    assert "Choose another competition" == way_on
    return sentences


def test_full_competition_says_that_places_may_come_back(john, atlas):
    atlas.book("5", SMALL)

    come_back = "Places that other clubs give back appear here at once"
    assert ["There are no places left in this competition", come_back] == panel_of(john, SMALL)


def test_places_of_an_oversold_competition_do_not_come_back(journal, serve, john, atlas):
    john.book("4", SMALL)
    atlas.book("1", SMALL)

    serve(make_ledger(competitions=[tomorrow(SMALL, 3)], journal=journal))
    assert ["There are no places left in this competition", "2 more are booked than there are"] == panel_of(john, SMALL)

    john.give_back("1", SMALL)
    assert "1 more is booked than there are" == panel_of(john, SMALL)[1]
    assert "Book again" not in john.get("/bookings").links


def test_places_that_no_other_club_holds_do_not_come_back(serve):
    serve(make_ledger([Club("Simply Lift", (JOHN,), 30)], [tomorrow(SMALL, 5), tomorrow("Nobody", 0)]))
    john = Secretary(JOHN)
    john.book("5", SMALL)

    assert ["There are no places left in this competition"] == panel_of(john, SMALL) == panel_of(john, "Nobody")


def test_club_that_has_spent_more_than_it_has_is_told_so_and_its_receipts_add_up(journal, serve, john):
    john.book("4", token=TOKEN)
    serve(make_ledger([Club("Simply Lift", (JOHN,), 5)], journal=journal))
    assert "0 points available 7 points more are spent than your club has" in john.get("/showSummary").text
    assert "7 points more are spent than your club has" == panel_of(john, OPEN)[1]

    john.give_back("2")
    assert john.get("/bookings").banner.endswith("6 points returned, 1 point more is spent than your club has")

    john.book("4", token=TOKEN)
    assert john.get("/showSummary").banner.endswith("for 12 points. 7 points more are spent than your club has")

    john.give_back("1")
    assert john.get("/bookings").banner.endswith("3 points returned, 2 points available")


@pytest.mark.parametrize(("number", "leads_to"), [(10, None), (11, "/bookings?show=all")])
def test_page_shows_the_latest_ten_bookings_there_and_leads_to_all(john, atlas, number, leads_to):
    for _ in range(number - 1):
        atlas.book("1")
    atlas.give_back("1")
    atlas.book("1", SMALL)
    john.book("1")

    page = atlas.get(book_address(OPEN, "Atlas Barbell"))

    latest = [f"Booking {index}" for index in range(number, number - 10, -1)]
    assert [["1 given back", "3 returned"], ["1 booked", "3 spent"]] == [row[2:] for row in page.rows[1:3]]
    assert latest == [row[0] for row in page.rows[1:]]
    assert leads_to == page.links.get("See all bookings of your club")


def test_receipt_of_a_booking_has_the_number_and_what_to_do_next(john):
    john.book("2")

    page = john.get("/showSummary")

    assert "Places booked: Simply Lift – GÜDLFT Registration" == page.title
    assert "Booking 1 See or give back Add to calendar" == words(page.soup.select_one(".banner .links"))
    assert f"{book_address(OPEN, 'Simply Lift')}#places-back" == page.links["See or give back"]
    assert f"/calendar/{quote(OPEN)}" == page.links["Add to calendar"]


@pytest.mark.parametrize(("points", "links"), [(9, "Number 2 Book again"), (8, "Number 2")])
def test_receipt_of_a_return_leads_to_booking_again_where_that_is_possible(serve, points, links):
    ledger = serve(make_ledger([Club("Simply Lift", (JOHN,), points)], COMPETITIONS))
    john = Secretary(JOHN)
    john.book("2")
    ledger.terms = make_ledger(cost=6).terms
    john.give_back("1")

    page = john.get("/bookings")

    banner = page.soup.select_one(".banner")
    assert "Places given back: My bookings – GÜDLFT Registration" == page.title
    assert links == words(banner.select_one(".links"))
    assert links.endswith("Book again") == ("bookable" in banner["class"])
    address = book_address(OPEN, "Simply Lift")
    assert page.links.get("Book again", address) == address


def test_refusal_leads_to_the_field_that_its_rule_blames(john, monkeypatch):
    def refuse(text):
        raise BookingError("Note must be shorter", field="note")

    john.book("1")
    monkeypatch.setattr(server, "read_places", refuse)

    pages = [john.book("1", note="long"), john.give_back("1", note="long")]

    assert [(400, "Note must be shorter")] * 2 == [page.refusal for page in pages]
    assert ["#note", "#note-back"] == [page.links["Note must be shorter"] for page in pages]
