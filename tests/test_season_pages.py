"""The pages of a whole season: finding competitions, the way back, what follows a booking, cards, calendar, contact."""

import random
import re
import time
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import pytest

from gudlft import lists
from gudlft.calendar import time_zone
from gudlft.model import Club, Competition
from tests import season
from tests.support import ATLAS, IRON, JOHN, OPEN, PAST, SMALL, Secretary, book_address, make_ledger, tomorrow, words

ALL_UPCOMING = [name for _, _, name in season.UPCOMING]
FULL = season.FULL[0]


@pytest.fixture
def season_ledger(serve):
    """Let the pages show a season with its bookings; return its ledger."""
    clubs = [Club(*row) for row in season.clubs()]
    competitions = [
        Competition(name, datetime.fromisoformat(date).astimezone(), places)
        for name, date, places in season.competitions()
    ]
    ledger = serve(make_ledger(clubs, competitions))
    for club, competition, places in season.orders():
        change = ledger.book if places > 0 else ledger.give_back
        change(ledger.clubs[club], ledger.competitions[competition], abs(places))
    return ledger


@pytest.fixture
def lyon(season_ledger):
    """Return the secretary of the club with 30 holdings."""
    return Secretary(season.email_of(season.CLUB))


def names(page, table=".competitions"):
    """Return the names of the competitions in a table."""
    return [row["data-competition"] for row in page.soup.select(f"{table} tr[data-competition]")]


def summary(secretary, **fields):
    """Return the summary, narrowed by fields of the address."""
    return secretary.get("/showSummary?" + urlencode(fields))


# Narrowing the summary


def test_months_head_their_competitions(lyon):
    page = lyon.get("/showSummary")

    march = next(body for body in page.soup.select("tbody") if words(body.tr) == "March 2050")
    assert "rowgroup" == march.th["scope"]
    assert ["Marseille Masters", "Lyon Open", "Spring Festival", "Rennes Deadlift Day"] == [
        row["data-competition"] for row in march.select("tr[data-competition]")
    ]
    assert 10 == len(page.soup.select(".competitions .month"))
    assert ALL_UPCOMING == names(page)


def test_name_month_and_choice_narrow_together(lyon):
    assert ["Lyon Open", "Lyon Juniors", "Lyon Masters"] == names(summary(lyon, q="LYON"))
    assert ["Lyon Open"] == names(summary(lyon, q="lyon", month="2050-03"))
    assert ["Lyon Juniors", "Lyon Masters"] == names(summary(lyon, q="lyon", show="mine"))
    assert [] == names(summary(lyon, q="lyon", month="2050-03", show="mine"))


def test_yours_are_those_where_the_club_holds_places(lyon):
    assert [name for name in ALL_UPCOMING if name not in season.NOT_HELD] == names(summary(lyon, show="mine"))


def test_bookable_are_those_where_a_place_can_be_booked(lyon, season_ledger):
    closed_to_it = {*season.FULL, *(name for name in ALL_UPCOMING if held(season_ledger, name) == 12)}

    assert 5 == len(closed_to_it)
    assert [name for name in ALL_UPCOMING if name not in closed_to_it] == names(summary(lyon, show="bookable"))
    assert [] == names(summary(Secretary(season.email_of(season.POOR_CLUB)), show="bookable"))


def held(ledger, competition):
    """Return the places that the club with 30 holdings holds at a competition."""
    return ledger.standing(ledger.clubs[season.CLUB], ledger.competitions[competition]).places_held


@pytest.mark.parametrize("fields", [{"month": "2050-13"}, {"month": "x"}, {"show": "x"}, {"show": "all"}, {"q": "  "}])
def test_what_means_nothing_narrows_nothing(lyon, fields):
    page = summary(lyon, **fields)

    assert ALL_UPCOMING == names(page)
    assert "Show all" not in page.links


def test_form_keeps_what_was_chosen(lyon):
    page = summary(lyon, q=" lyon  <b>", month="2050-03", show="mine")

    fields = page.form("/showSummary")
    assert "lyon <b>" == fields["q"]
    assert "2050-03" == page.soup.select_one("#month [selected]")["value"]
    assert "mine" == page.soup.select_one("#show [selected]")["value"]


def test_form_offers_the_months_that_have_some(lyon):
    options = lyon.get("/showSummary").soup.select("#month option")

    assert ["", "2050-01", "2050-02", "2050-03", "2050-04"] == [option["value"] for option in options[:5]]
    assert ["All", "January 2050"] == [words(option) for option in options[:2]]
    assert 11 == len(options)


def test_summary_says_how_many_are_left_and_leads_to_all(lyon):
    assert "40 competitions, soonest first" == caption(lyon.get("/showSummary"))

    page = summary(lyon, q="lyon")

    assert "3 of 40 competitions, soonest first Show all" == caption(page)
    assert "/showSummary" == page.links["Show all"]


def caption(page):
    """Return the caption of the table of competitions."""
    return words(page.soup.select_one(".competitions caption"))


def test_nothing_left_is_a_sentence_with_a_way_to_all(lyon):
    page = summary(lyon, q="nowhere")

    assert "No competition fits what you chose. Show all" in page.text
    assert "/showSummary" == page.links["Show all"]
    assert [] == names(page)


def test_short_list_needs_no_form_but_an_address_narrows_it(john):
    assert [] == john.get("/showSummary").forms("/showSummary")

    page = summary(john, q="novice")

    assert [SMALL] == names(page)
    assert "novice" == page.form("/showSummary")["q"]


def test_other_pages_that_show_the_summary_show_all_of_it(lyon):
    for page in [
        lyon.get(book_address("Nix", season.CLUB) + "?q=lyon"),
        lyon.post("/purchasePlaces?show=past", competition="Nix", places="1"),
    ]:
        assert 404 == page.status
        assert ALL_UPCOMING == names(page)


def test_pages_of_a_long_list_keep_the_choice(serve):
    cups = [tomorrow(f"Cup {number:03}", 9) for number in range(250)]
    serve(make_ledger(competitions=cups))

    page = summary(Secretary(JOHN), q="cup", show="bookable", page=2)

    links = [link["href"] for link in page.soup.select(".pages a")]
    assert [f"/showSummary?page={number}&q=cup&show=bookable" for number in (1, 3)] == links
    assert "Competitions 101 to 200 of 250" in page.text
    assert 100 == len(names(page))


# Past competitions


def test_latest_past_competitions_are_folded_below_the_open_ones(lyon):
    page = lyon.get("/showSummary")

    details = page.soup.details
    assert not details.has_attr("open")
    assert "Past competitions (150)" == words(details.summary)
    assert 5 == len(names(page, ".past"))
    assert "/showSummary?show=past" == page.links["See all 150 past competitions"]
    assert "Closed" not in words(details)


def test_few_past_competitions_need_no_page_of_their_own(john):
    page = john.get("/showSummary")

    assert ["Fall Classic", PAST] == names(page, ".past")
    assert [] == [text for text in page.links if "past competitions" in text]


def test_past_competitions_have_a_page_latest_first(lyon, season_ledger):
    first = summary(lyon, show="past")
    second = summary(lyon, show="past", page=2)

    expected = [competition.name for competition in season_ledger.past(season_ledger.now())]
    assert "Past competitions" == first.heading
    assert expected == names(first, ".past") + names(second, ".past")
    assert [100, 50] == [len(names(page, ".past")) for page in (first, second)]
    assert ["/showSummary"] == [link["href"] for link in first.soup.select("[aria-current=page]")]
    assert ["/showSummary?page=2&show=past"] == [link["href"] for link in first.soup.select(".pages a")]


def test_past_competitions_are_found_by_name_and_month(lyon):
    assert [f"Lyon Open {year}" for year in range(2025, 2019, -1)] == names(
        summary(lyon, show="past", q="lyon"), ".past"
    )

    page = summary(lyon, show="past", q="lyon", month="2023-09")

    assert ["Lyon Open 2023"] == names(page, ".past")
    assert "past" == page.form("/showSummary")["show"]
    assert "/showSummary?show=past" == page.links["Show all"]
    assert "No competition fits" in summary(lyon, show="past", q="nowhere").text


def test_past_page_offers_the_months_that_have_some(lyon, season_ledger):
    page = summary(lyon, show="past", month="2023-09")

    months = {competition.starts_at.strftime("%Y-%m") for competition in season_ledger.past(season_ledger.now())}
    assert ["", *sorted(months)] == [option["value"] for option in page.soup.select("#month option")]
    assert "2023-09" == page.soup.select_one("#month [selected]")["value"]


def test_past_page_offers_months_that_have_one_competition_each(serve):
    starts = [datetime(2024, month, 5, 10).astimezone() for month in (1, 2, 4)]
    serve(make_ledger(competitions=[Competition(f"Cup {start:%B}", start, 9) for start in starts]))

    page = summary(Secretary(JOHN), show="past", q="cup")

    assert ["2024-01", "2024-02", "2024-04"] == [option["value"] for option in page.soup.select("#month option")[1:]]


def test_month_that_was_chosen_is_offered_though_it_has_none(lyon):
    for page in [summary(lyon, month="2077-07"), summary(lyon, show="past", month="1977-07")]:
        assert page.soup.select_one("#month [selected]")["value"] in ("2077-07", "1977-07")


def test_past_page_says_what_the_club_held(serve, clock):
    ledger = serve(make_ledger())
    john = Secretary(JOHN)
    john.book("3")
    clock(datetime(2050, 3, 28).astimezone())

    page = summary(Secretary(JOHN), show="past")

    assert 3 == page.figures["places-held", OPEN]
    assert 3 == len(ledger.past(ledger.now()))
    assert [] == page.forms("/showSummary")


def test_nothing_past_is_a_sentence(serve):
    serve(make_ledger(competitions=[tomorrow("Cup", 5)]))
    john = Secretary(JOHN)

    assert "There are no past competitions." in summary(john, show="past").text
    assert [] == john.get("/showSummary").soup.select("details")


# Rows and panels


def test_rows_say_what_the_club_holds(lyon):
    rows = {row["data-competition"]: row for row in lyon.get("/showSummary").soup.select(".competitions tr")[2:3]}

    assert ["You hold 2"] == [words(row.select_one(".held .tag")) for row in rows.values()]
    page = lyon.get("/showSummary")
    lyon_open = page.soup.select_one('[data-competition="Lyon Open"]')
    assert "0 held" == words(lyon_open.select_one(".held"))
    assert 0 == page.figures["places-held", "Lyon Open"]


@pytest.mark.parametrize(
    ("email", "sentences"),
    [
        (JOHN, "13 points available Enough for 4 places at 3 points each"),
        (IRON, "4 points available Enough for 1 place at 3 points each"),
        ("poor@club.example", "1 point available Not enough for a place (3 points)"),
    ],
)
def test_points_panel_says_what_they_buy(serve, email, sentences):
    clubs = [Club("Simply Lift", JOHN, 13), Club("Iron Temple", IRON, 4), Club("Poor", "poor@club.example", 1)]
    serve(make_ledger(clubs))

    assert sentences == words(Secretary(email).get("/showSummary").soup.select_one(".points"))


def test_board_on_the_summary_is_short_and_has_the_own_club(season_ledger):
    poor = Secretary(season.email_of(season.POOR_CLUB)).get("/showSummary")
    rows = poor.soup.select(".board tbody tr")

    first = [row.club for row in season_ledger.points_board[:5]]
    assert [*first, season.POOR_CLUB] == [row["data-club"] for row in rows]
    assert f"{season.POOR_CLUB} your club" == words(rows[-1].th)
    assert "/pointsBoard" == poor.links["See the points of all 60 clubs"]


def test_own_club_stands_once_on_a_short_board(season_ledger):
    club = season_ledger.clubs[season_ledger.points_board[2].club]

    assert season_ledger.points_board[:5] == list(lists.short_board(season_ledger.points_board, club))
    assert season_ledger.points_board[:5] == list(lists.short_board(season_ledger.points_board, None))


def test_ten_clubs_are_all_shown(serve):
    serve(make_ledger([Club(f"Club {n}", f"{n}@club.example", n) for n in range(10)]))

    page = Secretary().get("/")

    assert 10 == len(page.soup.select(".board tbody tr"))
    assert "/pointsBoard" == page.links["Points board"]
    assert [] == [text for text in page.links if text.startswith("See the points")]


# The way back


@pytest.mark.parametrize(
    "address",
    [
        "/bookings",
        "/bookings?page=1",
        "/showSummary?q=caf%C3%A9+%26+co&month=2050-03&show=mine",
        "/showSummary?show=past&page=1",
        "/book/Spring%20Festival%202050/Simply%20Lift",
        "/calendar/Spring%20Festival%202050",
    ],
)
def test_sign_in_leads_to_the_page_that_was_asked_for(address):
    stranger = Secretary()
    assert "/" == stranger.get(address).headers["Location"]

    answer = stranger.sign_in(JOHN)

    assert (303, address) == answer.redirect


@pytest.mark.parametrize("name", ["a/b", "100%", "//evil.example", "?x#y", "🏋"])
def test_way_back_leads_to_competitions_of_any_name(serve, name):
    serve(make_ledger(competitions=[tomorrow(name, 5)]))
    address = book_address(name, "Simply Lift")
    stranger = Secretary()
    stranger.get(address)

    assert (303, address) == stranger.sign_in(JOHN).redirect


def test_way_back_is_kept_over_refusals_and_other_pages():
    stranger = Secretary()
    stranger.get("/bookings")
    stranger.sign_in("nobody@nowhere.example")
    stranger.get("/pointsBoard")
    stranger.get("/")

    assert (303, "/bookings") == stranger.sign_in(JOHN).redirect


def test_way_back_is_gone_once_it_was_taken():
    stranger = Secretary()
    stranger.get("/bookings")
    stranger.sign_in(JOHN)

    assert (303, "/showSummary") == stranger.sign_in(JOHN).redirect


def test_sign_in_without_a_page_asked_for_leads_to_the_summary():
    stranger = Secretary()
    stranger.get("/pointsBoard")

    assert (303, "/showSummary") == stranger.sign_in(JOHN).redirect


@pytest.mark.parametrize(
    ("form", "address"),
    [
        ({"competition": OPEN, "club": "Simply Lift"}, book_address(OPEN, "Simply Lift")),
        ({"competition": OPEN}, book_address(OPEN, "Simply Lift")),
        ({"competition": "Nix"}, "/showSummary"),
        ({}, "/showSummary"),
    ],
)
def test_booking_form_sent_after_the_session_leads_to_its_competition(form, address):
    stranger = Secretary()
    assert 403 == stranger.post("/purchasePlaces", places="2", **form).status

    assert (303, address) == stranger.sign_in(JOHN).redirect


def test_form_that_gives_back_after_the_session_leads_to_my_bookings():
    stranger = Secretary()
    assert 403 == stranger.give_back("1").status

    assert (303, "/bookings") == stranger.sign_in(JOHN).redirect


@pytest.mark.parametrize(("length", "wanted"), [(1000, True), (1001, False)])
def test_address_of_more_than_1000_characters_is_not_kept(length, wanted):
    address = "/showSummary?q=".ljust(length, "x")
    stranger = Secretary()
    stranger.get("/bookings")
    stranger.get(address)

    assert (303, address if wanted else "/showSummary") == stranger.sign_in(JOHN).redirect


@pytest.mark.parametrize(
    "address",
    ["/showSummary?_external=1&_scheme=ftp", "/showSummary?endpoint=x", "/showSummary?next=//evil.example", "//x/"],
)
def test_way_back_never_leads_to_another_site(address):
    stranger = Secretary()
    stranger.get(address, Host="localhost")

    status, location = stranger.sign_in(JOHN).redirect

    assert 303 == status
    assert re.match("/[a-zA-Z]", location)


def test_head_request_keeps_no_page_for_later():
    stranger = Secretary()
    stranger.client.head("/bookings")

    assert (303, "/showSummary") == stranger.sign_in(JOHN).redirect


@pytest.mark.parametrize(("address", "leads_to"), [("/purchasePlaces", "/showSummary"), ("/cancelPlaces", "/bookings")])
def test_going_back_to_a_sent_form_leads_to_its_list(john, address, leads_to):
    assert (303, leads_to) == john.get(address).redirect
    assert (303, leads_to) == Secretary().get(address).redirect


@pytest.mark.parametrize("method", ["get", "post"])
def test_signing_out_says_so_once(john, method):
    getattr(john, method)("/logout")

    assert "You are signed out" == words(john.get("/").soup.select_one(".banner"))
    assert [] == john.get("/").soup.select(".banner")


def test_signed_out_header_leads_to_sign_in_and_board():
    page = Secretary().get("/pointsBoard")

    assert ["Sign in", "Points board"] == [words(link) for link in page.soup.select("nav a")]
    assert "/" == page.links["Sign in"]
    assert [] == page.soup.select(".sign-out")


def test_header_comes_in_the_order_in_which_it_is_seen(john):
    header = john.get("/showSummary").soup.header

    assert "GÜDLFT Registration Simply Lift Sign out Summary My bookings Points board" == words(header)


def test_refused_form_marks_the_page_that_it_shows(john):
    for page, address in [
        (john.give_back("1"), "/bookings"),
        (john.post("/purchasePlaces", competition="Nix", places="1"), "/showSummary"),
        (Secretary().sign_in(""), "/"),
    ]:
        assert page.status >= 400
        assert [address] == [link["href"] for link in page.soup.select("[aria-current=page]")]


# After a booking


def test_banner_has_the_number_and_what_to_do_next(john):
    john.book("2")
    page = john.get("/showSummary")

    assert "Places booked: Simply Lift – GÜDLFT Registration" == page.title
    assert "Booking 1 See or give back Add to calendar" == words(page.soup.select_one(".banner .links"))
    assert "/bookings#booking-1" == page.links["See or give back"]
    assert "/calendar/Spring%20Festival%202050" == page.links["Add to calendar"]
    assert john.get("/bookings").soup.select_one("#booking-1")
    assert "Simply Lift – GÜDLFT Registration" == john.get("/showSummary").title


def test_banner_after_giving_back_leads_to_booking_again(john):
    john.book("2")
    john.get("/showSummary")
    john.give_back("1")
    page = john.get("/bookings")

    assert "Places given back: My bookings – GÜDLFT Registration" == page.title
    assert book_address(OPEN, "Simply Lift") == page.links["Book again"]
    assert 200 == john.get(page.links["Book again"]).status


def test_banner_of_a_session_that_ended_has_no_links(john):
    john.book("2")
    copy = Secretary()
    copy.client.set_cookie("session", john.cookie)
    john.get("/logout")

    page = copy.get("/")

    assert "Great-booking complete!" in page.banner
    assert "See or give back" not in page.links


@pytest.mark.parametrize(
    "plane", [(0x20, 0x7E), (0xC0, 0x24F), (0x4E00, 0x9FFF), (0x1F300, 0x1F5FF), (0x20000, 0x2A6DF)]
)
def test_cookie_holds_the_longest_names(serve, plane):
    letters = random.Random(1)
    club, first, second = ("".join(chr(letters.randint(*plane)) for _ in range(200)) for _ in range(3))
    serve(make_ledger([Club(club, JOHN, 30)], [tomorrow(first, 9), tomorrow(second, 9)]))
    john = Secretary(JOHN)

    for competition in (first, second):
        john.book("2", competition)
        assert 4093 > len(f"session={john.cookie}")

    assert f"in {words_of(second)} for 6 points" in john.get("/showSummary").banner


def words_of(text):
    """Return a text with each run of blanks as one."""
    return " ".join(text.split())


# My bookings


def test_cards_come_first_soonest_first_and_say_what_is_held(lyon, season_ledger):
    page = lyon.get("/bookings")
    cards = page.soup.select(".card")

    assert ["Places held", "Booking history"] == [words(heading) for heading in page.soup.select("h2")]
    assert [name for name in ALL_UPCOMING if name not in season.NOT_HELD] == [words(card.h3) for card in cards]
    numbers = [entry.number for entry in season_ledger.entries_by_club[season.CLUB] if entry.places > 0]
    assert f"Booking {numbers[0]}, {numbers[30]}" == words(cards[0].select_one(".numbers"))
    assert f"booking-{numbers[30]}" == cards[0]["id"]
    assert "You hold 2" == words(cards[0].strong)
    assert "Sun 9 January 2050, 10:00" == words(cards[0].time)


def test_card_leads_to_more_places_where_some_can_be_booked(lyon, season_ledger):
    cards = {words(card.h3): card for card in lyon.get("/bookings").soup.select(".card")}
    with_link = [name for name, card in cards.items() if "Book more places" in words(card)]

    assert [name for name in cards if held(season_ledger, name) < 12] == with_link
    assert 28 == len(with_link)


def test_names_on_my_bookings_are_unique(lyon):
    page = lyon.get("/bookings")

    for selector in ("main a", "main button", "main label", "main summary"):
        named = [words(element) for element in page.soup.select(selector)]
        assert len(named) == len(set(named))
    label = page.soup.label
    assert "Places to give back in New Year Open (you hold 2; 3 points each)" == words(label)


def test_form_is_folded_until_it_was_refused(lyon):
    assert [] == lyon.get("/bookings").soup.select("details[open]")

    page = lyon.give_back("9", "Nantes Juniors")

    opened = page.soup.select("details[open]")
    assert ["Nantes Juniors"] == [details.select_one("[name=competition]")["value"] for details in opened]
    assert "9" == opened[0].select_one("[name=places]")["value"]
    assert f"#{opened[0].label['for']}" == page.links[page.problem]


def test_refused_return_of_what_is_not_held_opens_nothing(lyon):
    page = lyon.give_back("1", "Lyon Open")

    assert (400, "Your club holds no places in Lyon Open") == page.refusal
    assert [] == page.soup.select("details[open]")
    assert not page.title.startswith("Error: ")


def test_print_has_the_club_and_the_date(clock, john):
    john.book("1")
    clock(datetime(2027, 3, 14, 15, 30).astimezone())

    page = Secretary(JOHN).get("/bookings")

    assert ": Simply Lift" == page.soup.h1["data-printed"]
    assert ". Printed on Sun 14 March 2027, 15:30" == page.soup.caption["data-printed"]


# Calendar


def test_competition_is_a_calendar_file(john):
    john.book("2")
    page = john.get("/calendar/Spring%20Festival%202050")

    assert 200 == page.status
    assert "text/calendar; charset=utf-8" == page.headers["Content-Type"]
    assert "attachment; filename=2050-03-27-spring-festival-2050.ics" == page.headers["Content-Disposition"]
    assert "no-store" == page.headers["Cache-Control"]
    assert "SUMMARY:Spring Festival 2050\r\n" in page.html
    assert "DESCRIPTION:Simply Lift holds 2 places\r\n" in page.html


def test_sequence_of_a_calendar_file_grows_with_the_clubs_entries_there(john, atlas):
    sequences = [sequence(john)]
    john.book("2")
    sequences.append(sequence(john))
    john.book("1", SMALL)
    atlas.book("1")
    sequences.append(sequence(john))
    john.give_back("1")
    sequences.append(sequence(john))

    assert [0, 1, 1, 2] == sequences


def sequence(secretary):
    """Return the SEQUENCE of the calendar file of the open competition."""
    return int(re.search(r"SEQUENCE:(\d+)", secretary.get(f"/calendar/{quote(OPEN)}").html)[1])


def test_past_competitions_have_a_calendar_file_and_unknown_ones_none(john):
    assert 200 == john.get(f"/calendar/{quote(PAST)}").status

    page = john.get("/calendar/Nix")

    assert (404, "We cannot find this competition. Choose one from the list") == page.refusal
    assert "Simply Lift" == page.heading


def test_calendar_file_needs_a_sign_in():
    stranger = Secretary()

    assert (303, "/") == stranger.get(f"/calendar/{quote(OPEN)}").redirect
    assert "You are not signed in. Sign in to continue" in stranger.get("/").text


# Whom to ask, and in which time zone times are


@pytest.mark.parametrize(
    ("contact", "href"),
    [
        ("office@federation.example", "mailto:office@federation.example"),
        ("https://federation.example/help", "https://federation.example/help"),
        ("the office, 01 23 45", None),
    ],
)
def test_contact_stands_in_the_footer_and_where_an_address_is_unknown(start, contact, href):
    stranger = Secretary(app=start(CONTACT=contact).app)

    page = stranger.sign_in("nobody@nowhere.example")

    expected = f"We cannot find a club with this email address. Check the address and try again, or ask {contact}"
    assert (404, expected) == page.refusal
    assert f"Questions? Ask {contact}" in words(page.soup.footer)
    assert href == page.links.get(contact)


def test_without_a_contact_nobody_is_named():
    page = Secretary().sign_in("nobody@nowhere.example")

    assert "We cannot find a club with this email address. Check the address and try again" == page.problem
    assert "Questions?" not in page.text


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Paris", "Europe/Paris"),
        (":Europe/Paris", "Europe/Paris"),
        ("/usr/share/zoneinfo/Europe/Paris", "Europe/Paris"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "CET"),
        ("Etc/UTC", "UTC"),
        ("", "UTC"),
    ],
)
def test_time_zone_is_named_by_the_variable(set_zone, zone, shown):
    set_zone(zone)

    assert shown == time_zone()


def test_time_zone_is_named_by_the_servers_link(tmp_path, set_zone):
    set_zone("UTC")
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Asia/Kolkata")

    assert "Asia/Kolkata" == time_zone({}, link)
    assert time.tzname[0] == time_zone({}, tmp_path / "none")


def test_footer_says_which_time_zone_that_is(start, set_zone):
    set_zone("Europe/Paris")

    page = Secretary(app=start().app).get("/")

    assert "All times: Europe/Paris" in words(page.soup.footer)


def test_dates_have_their_weekday(john):
    moment = john.get(book_address(OPEN, "Simply Lift")).soup.time

    assert "Sun 27 March 2050, 11:11" == words(moment)
    assert "2050-03-27T11:11" == moment["datetime"]


# Booking


def test_form_comes_before_the_figures(john):
    page = john.get(book_address(OPEN, "Simply Lift"))

    found = [element.name for element in page.soup.select("main form, main dl")]
    assert ["form", "dl"] == found
    assert "go" == page.soup.select_one("#places")["enterkeyhint"]


def test_most_places_is_a_figure_that_can_be_booked(john):
    most = john.get(book_address(OPEN, "Simply Lift")).figures["most-places", OPEN]

    assert 4 == most
    assert 303 == john.book(str(most)).status


def test_full_competition_says_that_places_may_come_back(lyon):
    full = lyon.get(book_address(FULL, season.CLUB))

    assert "There are no places left in this competition" in full.text
    assert "Places that other clubs give back appear here at once" in full.text
    assert [] == full.forms("/purchasePlaces")


def test_maximum_held_says_nothing_about_places_coming_back():
    atlas = Secretary(ATLAS)
    atlas.book("12")

    page = atlas.get(book_address(OPEN, "Atlas Barbell"))

    assert "Your club holds the maximum of 12 places in this competition" in page.text
    assert "Places that other clubs give back" not in page.text


def test_booking_page_shows_the_figures_and_the_most_places(john, atlas):
    atlas.book("3", SMALL)

    page = john.get(book_address(SMALL, "Simply Lift"))

    assert f"Book places in {SMALL}" == page.heading
    assert {
        ("points-left", "Simply Lift"): 13,
        ("places-left", SMALL): 2,
        ("places-held", SMALL): 0,
        ("most-places", SMALL): 2,
    } == page.figures


@pytest.mark.parametrize("typed", ["1", "abc"])
def test_full_competition_has_no_form_and_says_why_whatever_is_sent(john, atlas, typed):
    atlas.book("5", SMALL)

    page = john.book(typed, SMALL)

    assert (400, "There are no places left in this competition") == page.refusal
    assert [] == page.forms("/purchasePlaces")
    assert book_address(SMALL, "Simply Lift") not in john.get("/showSummary").links.values()


@pytest.mark.parametrize("typed", ["1", "abc"])
def test_club_without_points_has_no_form_and_reads_why_whatever_it_sends(typed):
    iron = Secretary(IRON)
    iron.book("1")

    page = iron.book(typed, SMALL)

    sentence = "Your club does not have enough points to book a place: a place costs 3 points and your club has 1"
    assert (400, sentence) == page.refusal
    assert [] == page.forms("/purchasePlaces")


@pytest.mark.parametrize("typed", ["1", "0", "", "abc"])
def test_after_the_start_the_reason_is_told_whatever_is_sent(john, typed):
    assert john.book(typed, PAST).problem.startswith("Booking is closed: ")
    assert john.give_back(typed, PAST).problem.startswith("Places can no longer be given back: ")


def test_page_that_was_opened_before_the_start_books_nothing_after_it(ledger, clock):
    start = ledger.competitions[OPEN].starts_at
    clock(start - timedelta(seconds=1))
    john = Secretary(JOHN)
    form = john.booking_form(places="1")

    clock(start)
    page = john.book(**form)

    assert (400, f"Booking is closed: {OPEN} started on 27 March 2050 at 11:11") == page.refusal
    assert [] == ledger.entries
