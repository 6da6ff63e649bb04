"""Odd names and long lists: every link and form works, and lists are shown in pages."""

import pytest

import server
from gudlft import lists, pagination
from gudlft.model import Club, Competition
from gudlft.search import Choice
from tests.support import (
    COMPETITIONS,
    JOHN,
    OPEN,
    PAST,
    Secretary,
    book_address,
    make_ledger,
    tomorrow,
    write_data,
)

ODD_NAMES = [
    "/first",
    "a/b/../c",
    "//",
    "50% off",
    "100%2F",
    "Why?",
    "#1",
    "Rock & <b>Roll</b>",
    'A/B? "50%" <c> & #1',
    "Say \"no\" to 'it'",
    "{{ 7 * 7 }}",
    "Haltérophilie d'Évry",
    "trailing dot.",
    "emoji 🏋️‍♀️",
    " blanks ",
    "plus+and;semi=colon",
    "back\\slash",
    "x" * 200,
    "".join(chr(0x1F300 + number) for number in range(200)),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_works_in_every_link_and_form(serve, name):
    clubs = [Club(name, "a@b.example", 9), Club(f"b/{name}", "c@d.example", 9)]
    ledger = serve(make_ledger(clubs, [tomorrow(name, 9)]))

    for club in clubs:
        secretary = Secretary(club.email)
        assert book_address(name, club.name) in secretary.get("/showSummary").links.values()

        page = secretary.get(book_address(name, club.name))
        assert f"Book places in {' '.join(name.split())}" == page.heading
        secretary.post("/purchasePlaces", **page.form("/purchasePlaces") | {"places": "2"})
        assert f"2 places in {' '.join(name.split())} for 6 points" in secretary.get("/showSummary").banner

        form = secretary.get("/bookings").form("/cancelPlaces", name)
        secretary.post("/cancelPlaces", **form | {"places": "1"})
        assert 6 == secretary.get("/showSummary").figures["points-left", club.name]

    assert [2, -1, 2, -1] == [entry.places for entry in ledger.entries]
    assert (7, 1) == (page_figure(secretary, "places-left", name), page_figure(secretary, "places-held", name))


def page_figure(secretary, kind, name):
    """Return one figure from the summary."""
    return secretary.get("/showSummary").figures[kind, name]


def test_unknown_competition_may_have_any_name(john):
    for name in ["spring festival 2050", f"{OPEN} ", "a/b", "?", "%", "\0", "x" * 5000]:
        page = john.get(book_address(name, "Simply Lift"))
        assert (404, "We cannot find this competition. Choose one from the list") == page.refusal


@pytest.mark.parametrize("name", ["", "spring festival 2050", f"{OPEN} ", "\0", None])
def test_forms_name_a_competition_exactly(ledger, john, name):
    form = {"places": "1"} if name is None else {"places": "1", "competition": name}

    assert 404 == john.post("/purchasePlaces", **form).status
    assert 404 == john.post("/cancelPlaces", **form).status
    assert [] == ledger.entries


@pytest.mark.parametrize("name", ["simply lift", "SIMPLY LIFT", "Simply Lift ", "Nix"])
def test_booking_page_of_no_club_is_an_unknown_address(john, name):
    page = john.get(book_address(OPEN, name))

    assert (404, "Page not found") == (page.status, page.heading)


@pytest.mark.parametrize("competition", [OPEN, "Nix", PAST])
def test_booking_page_of_another_club_is_refused_whatever_the_competition(john, competition):
    page = john.get(book_address(competition, "She Lifts"))

    assert 403 == page.status
    assert "This page belongs to another club. You are signed in as Simply Lift" in page.text


# Long lists


def many_clubs(number):
    """Return this many clubs, the first with the most points."""
    return [Club(f"Club {n:04}", f"{n}@club.example", 5000 - n) for n in range(1, number + 1)]


def many_competitions(number):
    """Return this many open competitions, soonest first."""
    return [Competition(f"Cup {n:03}", tomorrow("", 0).starts_at.replace(year=2060 + n), 50) for n in range(number)]


def names(page, kind):
    """Return the owners of a page's figures of one kind, in order."""
    return [name for shown, name in page.figures if shown == kind]


def page_links(page):
    """Return the addresses of the links to other pages of the list."""
    return [link["href"] for link in page.soup.select("[rel=prev], [rel=next]")]


def test_board_is_shown_in_pages(serve):
    serve(make_ledger(many_clubs(1250)))
    stranger = Secretary()

    first = stranger.get("/pointsBoard")
    assert "Clubs 1 to 100 of 1,250" in first.text
    assert [f"Club {n:04}" for n in range(1, 101)] == names(first, "points-left")
    assert ["/pointsBoard?page=2"] == page_links(first)

    second = stranger.get("/pointsBoard?page=2")
    assert "Clubs 101 to 200 of 1,250" in second.text
    assert ["/pointsBoard?page=1", "/pointsBoard?page=3"] == page_links(second)

    last = stranger.get("/pointsBoard?page=13")
    assert "Clubs 1,201 to 1,250 of 1,250" in last.text
    assert 50 == len(names(last, "points-left"))
    assert ["/pointsBoard?page=12"] == page_links(last)


def test_long_board_below_another_page_is_short_and_links_to_all(serve):
    serve(make_ledger(many_clubs(1250), COMPETITIONS))

    for page in [Secretary().get("/"), Secretary("1@club.example").get("/showSummary")]:
        assert 30 > len(names(page, "points-left"))
        assert "/pointsBoard" == page.links["See the points of all 1,250 clubs"]


def test_summary_shows_open_competitions_in_pages_with_the_latest_past_ones(serve):
    serve(make_ledger(competitions=[*COMPETITIONS, *many_competitions(103)]))
    john = Secretary(JOHN)

    first = names(john.get("/showSummary"), "places-left")
    second = names(john.get("/showSummary?page=2"), "places-left")

    past = ["Fall Classic", PAST]
    open_ones = [competition.name for competition in server.ledger.upcoming(server.ledger.now())]
    assert open_ones[:100] + past == first
    assert open_ones[100:] + past == second


def test_history_is_shown_in_pages_newest_first(serve):
    ledger = serve(make_ledger([Club("Busy", "busy@club.example", 5000)], many_competitions(120)))
    for competition in ledger.by_start:
        ledger.book(ledger.clubs["Busy"], competition, 1)
    busy = Secretary("busy@club.example")

    pages = [busy.get("/bookings"), busy.get("/bookings?page=2")]

    assert "Bookings 1 to 100 of 120" in pages[0].text
    numbers = [[int(cell.get_text()) for cell in page.soup.select("th[scope=row]")] for page in pages]
    assert [[*range(120, 20, -1)], [*range(20, 0, -1)]] == numbers
    assert [100, 20] == [len(page.forms("/cancelPlaces")) for page in pages]


def test_full_page_is_the_last_one(serve):
    serve(make_ledger(many_clubs(100)))

    page = Secretary().get("/pointsBoard")

    assert [] == page_links(page)
    assert "Clubs 1 to 100" not in page.text
    assert 404 == Secretary().get("/pointsBoard?page=2").status


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "", "1.0", "01", "٣", "9" * 5000])
@pytest.mark.parametrize("address", ["/pointsBoard", "/showSummary", "/bookings"])
def test_page_that_is_not_there_is_not_found(john, address, page):
    assert 404 == john.get(f"{address}?page={page}").status


def test_refusal_is_shown_whatever_page_its_address_names(john):
    pages = [
        john.post("/purchasePlaces?page=7", competition="Nix", places="1"),
        john.post("/cancelPlaces?page=7", competition=OPEN, places="1"),
        john.get(book_address(PAST, "Simply Lift") + "?page=7"),
        john.post("/showSummary?page=7", email=""),
    ]

    assert [404, 400, 400, 400] == [page.status for page in pages]
    assert [] == [page for page in pages if not page.problem]


def test_page_size_stands_in_one_place(tmp_path, monkeypatch, start):
    monkeypatch.setattr(pagination, "ROWS_PER_PAGE", 50)
    clubs = [(f"Club {n:02}", f"{n}@club.example", 3) for n in range(80)]
    write_data(tmp_path, clubs, [(OPEN, "2050-03-27 11:11:00", 20)])

    stranger = Secretary(app=start(DATA_DIR=tmp_path).app)

    assert "Clubs 1 to 50 of 80" in stranger.get("/pointsBoard").text
    assert "Clubs 51 to 80 of 80" in stranger.get("/pointsBoard?page=2").text
    assert "See the points of all 80 clubs" in stranger.get("/").text


# What can be booked


@pytest.mark.parametrize(("points", "bookable"), [(3, [OPEN]), (2, [])])
def test_bookable_are_those_where_one_place_can_be_booked(serve, points, bookable):
    serve(make_ledger([Club("Simply Lift", JOHN, points)], [tomorrow(OPEN, 9)]))

    page = Secretary(JOHN).get("/showSummary?show=bookable")

    assert bookable == [row["data-competition"] for row in page.soup.select(".competitions tr[data-competition]")]


@pytest.mark.parametrize(("points", "can_book_more"), [(6, True), (5, False)])
def test_card_offers_more_where_one_place_can_be_booked(serve, points, can_book_more):
    serve(make_ledger([Club("Simply Lift", JOHN, points)], [tomorrow(OPEN, 9)]))
    john = Secretary(JOHN)
    john.book("1")

    page = john.get("/bookings")

    assert can_book_more == (book_address(OPEN, "Simply Lift") in page.links.values())


# The way to a card


@pytest.fixture
def holder(serve):
    """Return a secretary whose club holds places at 101 competitions, and the name of the one that starts last."""
    club = Club("Holder", "holder@club.example", 999)
    competitions = [tomorrow(f"Cup {number:03}", 9) for number in range(101)]
    ledger = serve(make_ledger([club], competitions))
    for competition in competitions:
        ledger.book(club, competition, 1)
    return Secretary(club.email)


def test_receipt_leads_to_the_page_with_the_competitions_card(holder):
    holder.book("1", "Cup 100")

    address = holder.get("/showSummary").links["See or give back"]

    assert "/bookings?page=2#booking-102" == address
    assert holder.get(address).soup.select_one("#booking-102")


def test_refused_return_shows_the_page_with_the_competitions_card(holder):
    page = holder.give_back("2", "Cup 100")

    assert 400 == page.status
    assert "#places-101" == page.links["Your club holds 1 place in Cup 100: enter at most 1"]
    assert "2" == page.soup.select_one("#places-101")["value"]


def test_receipt_of_a_form_that_is_sent_again_leads_to_its_booking(john):
    first_form = {"competition": OPEN, "places": "1", "token": "first-form-0123456"}
    john.post("/purchasePlaces", **first_form)
    john.book("1", OPEN)
    john.post("/purchasePlaces", **first_form)

    address = john.get("/showSummary").links["See or give back"]

    assert "/bookings#booking-1" == address
    assert john.get("/bookings").soup.select_one("#booking-1")


def test_competition_without_a_card_leads_to_the_first_page(holder):
    club = server.ledger.clubs["Holder"]

    assert 2 == lists.card_page_number(server.ledger, club, "Cup 100")
    assert 1 == lists.card_page_number(server.ledger, club, "Nix")


def test_figures_are_asked_for_only_where_they_decide_what_is_shown(ledger, monkeypatch):
    monkeypatch.setattr(ledger, "standings", None)
    club = ledger.clubs["Simply Lift"]

    found = lists.upcoming_to_show(ledger, club, Choice.read(show="all"), ledger.now())

    assert 2 == len(found)


@pytest.mark.parametrize(("number", "typed", "is_offered"), [(10, "", False), (11, "", True), (10, "cup", True)])
def test_list_of_more_than_ten_competitions_or_a_narrowed_one_has_a_form(number, typed, is_offered):
    competitions = [tomorrow(f"Cup {index}", 5) for index in range(number)]

    months = lists.months_to_choose(competitions, Choice.read(typed))

    assert is_offered == (months is not None)
