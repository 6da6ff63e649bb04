"""Lists: any name works in every link and form, ranks, and pages of a hundred."""

from datetime import timedelta

import pytest

from gudlft.model import Club, Competition
from tests.odd_names import ODD_NAMES
from tests.support import (
    COMPETITIONS,
    JOHN,
    PAST,
    Secretary,
    book_address,
    make_ledger,
    places_of,
    statuses,
    tomorrow,
    words,
)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_works_in_every_link_and_form(serve, name):
    clubs = [Club(name, ("a@b.example",), 9), Club(f"b/{name}", ("c@d.example",), 9)]
    ledger = serve(make_ledger(clubs, [tomorrow(name, 9)]))
    shown = " ".join(name.split())

    for club in clubs:
        secretary = Secretary(club.email)
        page = secretary.get(secretary.get("/showSummary").links[f"Book places in {shown}"])
        assert f"Book places in {shown}" == page.heading
        secretary.post("/purchasePlaces", **page.form("/purchasePlaces") | {"places": "2"})
        assert f"2 places in {shown} for 6 points" in secretary.get("/showSummary").banner

        page = secretary.get(secretary.get("/bookings").links[shown])
        secretary.post("/cancelPlaces", **page.form("/cancelPlaces") | {"places": "1"})
        assert f"1 place in {shown} given back" in secretary.get("/bookings").banner
        assert 200 == secretary.get(page.links["Add to calendar"]).status

    assert [2, -1, 2, -1] == places_of(ledger.entries)
    figures = secretary.get("/showSummary").figures
    assert 6 == figures["points-left", f"b/{name}"]
    assert (7, 1) == (figures["places-left", name], figures["places-held", name])


def many_clubs(number):
    return [Club(f"Club {n:04}", (f"{n}@club.example",), 5000 - n) for n in range(1, number + 1)]


def test_clubs_with_equal_points_share_a_rank(serve):
    points = {"Zug": 5, "Évry": 5, "Metz": 9, "Eton": 1}
    serve(make_ledger([Club(name, (f"{name}@club.example",), number) for name, number in points.items()]))

    page = Secretary().get("/pointsBoard")

    assert [["1", "Metz", "9"], ["2", "Évry", "5"], ["2", "Zug", "5"], ["4", "Eton", "1"]] == page.rows[1:]


@pytest.mark.parametrize(
    ("clubs", "rank", "shown", "links"), [(10, [], 10, []), (11, ["2nd of 11"], 5, ["See all 11 clubs"])]
)
def test_board_of_more_than_ten_clubs_is_cut_short_and_says_the_rank_above_it(serve, clubs, rank, shown, links):
    serve(make_ledger(many_clubs(clubs)))

    board = Secretary("2@club.example").get("/pointsBoard")
    sign_in_page = Secretary().get("/")

    assert ["2 Club 0002 your club 4998"] == [words(row) for row in board.soup.select("tr.own")]
    assert rank == [text for text in board.links if " of " in text]
    assert shown == len(sign_in_page.soup.select(".board tbody tr"))
    assert links == [text for text in sign_in_page.links if text.endswith(" clubs")]


@pytest.mark.parametrize(
    ("number", "rank", "address"),
    [
        (100, "100th of 1,250", "/pointsBoard#your-club"),
        (101, "101st of 1,250", "/pointsBoard?page=2#your-club"),
    ],
)
def test_club_reads_its_rank_above_a_long_board_and_is_led_to_its_row(serve, number, rank, address):
    serve(make_ledger(many_clubs(1250)))
    secretary = Secretary(f"{number}@club.example")

    page = secretary.get("/pointsBoard")

    assert address == page.links[rank]
    [row] = secretary.get(address).soup.select("#your-club")
    assert f"{number} Club {number:04} your club {5000 - number}" == words(row)


@pytest.mark.parametrize(("number", "shown"), [(5, 5), (6, 6), (731, 6)])
def test_long_board_beside_the_summary_has_the_first_five_and_the_own_club(serve, number, shown):
    serve(make_ledger(many_clubs(1250)))

    page = Secretary(f"{number}@club.example").get("/showSummary")

    rows = page.soup.select(".board tbody tr")
    assert ["1 Club 0001 4999", "2 Club 0002 4998"] == [words(row) for row in rows[:2]]
    assert f"{number} Club {number:04} your club {5000 - number}" == words(rows[-1])
    assert shown == len(rows)
    assert "/pointsBoard" == page.links["See all 1,250 clubs"]


def many_competitions(number):
    first = tomorrow("", 0).starts_at
    return [Competition(f"Cup {n:03}", first + timedelta(days=n), 50) for n in range(number)]


def names_shown(page, kind):
    return [name for shown, name in page.figures if shown == kind]


def page_links(page):
    return [link["href"] for link in page.soup.select("[rel=prev], [rel=next]")]


def test_board_is_shown_in_pages(serve):
    serve(make_ledger(many_clubs(1250)))
    stranger = Secretary()

    first, second, last = [stranger.get(f"/pointsBoard{query}") for query in ("", "?page=2", "?page=13")]

    assert "Clubs 1 to 100 of 1,250" in first.text
    assert [f"Club {n:04}" for n in range(1, 101)] == names_shown(first, "points-left")
    assert ["/pointsBoard?page=2"] == page_links(first)
    assert "Points board, page 2 – GÜDLFT Registration" == second.title
    assert ["/pointsBoard?page=1", "/pointsBoard?page=3"] == page_links(second)
    assert "Clubs 1,201 to 1,250 of 1,250" in last.text
    assert 50 == len(names_shown(last, "points-left"))
    assert ["/pointsBoard?page=12"] == page_links(last)


@pytest.mark.parametrize(
    ("email", "address"), [(None, "/competitions?q=cup"), (JOHN, "/showSummary?q=cup&show=bookable")]
)
def test_upcoming_competitions_are_shown_in_pages_and_the_choice_is_kept(serve, email, address):
    cups = many_competitions(203)
    serve(make_ledger(competitions=[*COMPETITIONS[:2], *cups]))

    page = Secretary(email).get(f"{address}&page=2")

    assert [cup.name for cup in cups[100:200]] == names_shown(page, "places-left")[:100]
    assert "Competitions 101 to 200 of 203" in page.text
    assert [f"{address}&page=1", f"{address}&page=3"] == page_links(page)
    assert "Past competitions (2)" in page.text


def test_holdings_are_shown_in_pages(serve):
    ledger = serve(make_ledger([Club("Busy", ("busy@club.example",), 5000)], many_competitions(101)))
    for competition in ledger.by_start:
        ledger.book(ledger.clubs["Busy"], competition, 1)
    busy = Secretary("busy@club.example")

    pages = [busy.get("/bookings"), busy.get("/bookings?page=2")]

    assert [100, 1] == [len(names_shown(page, "places-held")) for page in pages]
    assert ["Cup 100"] == names_shown(pages[1], "places-held")
    assert ["/bookings?page=2", "/bookings?page=1"] == [*page_links(pages[0]), *page_links(pages[1])]
    assert "101 places at 101 competitions" in pages[1].text


def test_full_page_is_the_last_one(serve):
    serve(make_ledger(many_clubs(100)))

    page = Secretary().get("/pointsBoard")

    assert [] == page_links(page)
    assert "Clubs 1 to 100" not in page.text


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "01", "٣", "9" * 5000])
def test_page_number_that_is_none_counts_as_absent(serve, page):
    serve(make_ledger(many_clubs(101)))

    assert Secretary().get("/pointsBoard").text == Secretary().get(f"/pointsBoard?page={page}").text


@pytest.mark.parametrize(
    "address",
    ["/pointsBoard?", "/competitions?", "/showSummary?", "/showSummary?show=past&", "/bookings?"],
)
def test_page_after_the_last_one_is_the_last_one(john, address):
    assert john.get(address).text == john.get(f"{address}page=999999").text


def test_refusal_is_shown_whatever_page_its_address_names(john):
    pages = [
        john.post("/purchasePlaces?page=7", competition="Nix", places="1"),
        john.post("/cancelPlaces?page=7", competition="Nix", places="1"),
        john.get(book_address(PAST, "Simply Lift") + "?page=7"),
        john.post("/showSummary?page=7", email=""),
    ]

    assert [404, 404, 400, 400] == statuses(pages)
    assert [] == [page for page in pages if not page.problem]


@pytest.mark.parametrize(("email", "address"), [(None, "/competitions"), (JOHN, "/showSummary")])
@pytest.mark.parametrize(("number", "query", "has_form"), [(10, "", False), (11, "", True), (10, "?q=cup", True)])
def test_list_of_more_than_ten_competitions_or_a_narrowed_one_has_a_form(
    serve, email, address, number, query, has_form
):
    serve(make_ledger(competitions=many_competitions(number)))

    page = Secretary(email).get(address + query)

    assert has_form == bool(page.forms(address))
    assert (has_form and bool(email)) == bool(page.soup.select(".views"))


def test_list_too_long_to_count_asks_for_the_figures_of_one_page_alone(serve, monkeypatch):
    ledger = serve(make_ledger(competitions=[*COMPETITIONS, *many_competitions(201)]))
    standing = ledger.totals.standing
    asked = []

    def count(club, competition):
        asked.append(competition)
        return standing(club, competition)

    monkeypatch.setattr(ledger.totals, "standing", count)
    john = Secretary(JOHN)

    john.get("/showSummary?page=2")

    assert 100 + 2 == len(asked)
    assert john.get("/showSummary?page=3").text == john.get("/showSummary?page=4").text
