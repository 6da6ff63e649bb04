"""The lists of a whole season: what rows say, how they are narrowed, what is past, and what a club holds."""

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from gudlft.files import read_data
from tests import season
from tests.support import JOHN, OPEN, PAST, Secretary, book_address, make_ledger, tomorrow, words, write_data

ALL_UPCOMING = [name for _, _, name in season.UPCOMING]
HELD = [name for name in ALL_UPCOMING if name not in season.NOT_HELD]
FULL = season.FULL[0]


@pytest.fixture
def season_ledger(serve, tmp_path):
    """Let the pages show a season with its bookings; return its ledger."""
    write_data(tmp_path, season.clubs(), season.competitions())
    ledger = serve(make_ledger(*read_data(tmp_path)[:2]))
    for club, competition, places in season.orders():
        change = ledger.book if places > 0 else ledger.give_back
        change(ledger.clubs[club], ledger.competitions[competition], abs(places))
    return ledger


@pytest.fixture
def lyon(season_ledger):
    return Secretary(season.email_of(season.CLUB))


class Listing(NamedTuple):
    """The list of competitions that everybody sees, or that of a club."""

    address: str
    secretary: Secretary

    def get(self, **fields):
        """Return the list, narrowed by fields of the address."""
        return self.secretary.get(f"{self.address}?{urlencode(fields)}")


@pytest.fixture
def summary(lyon):
    return Listing("/showSummary", lyon)


@pytest.fixture(params=["/competitions", "/showSummary"])
def listing(request, summary):
    """Return the list of everybody, and that of a club."""
    return summary if request.param == summary.address else Listing(request.param, Secretary())


def names(page, table=".rows"):
    """Return the names of the competitions in a table: upcoming ones stand in rows, past ones in a list."""
    return [row["data-competition"] for row in page.soup.select(f"{table} [data-competition]")]


def row_of(page, competition):
    return page.soup.select_one(f'[data-competition="{competition}"]')


# Rows


def test_months_head_their_competitions_and_can_be_chosen(listing):
    page = listing.get()

    months = {words(body.tr): body for body in page.soup.select(".rows tbody")}
    options = page.soup.select("#month option")
    assert 10 == len(months)
    assert "rowgroup" == months["March 2050"].th["scope"]
    assert ["Marseille Masters", "Lyon Open", "Spring Festival", "Rennes Deadlift Day"] == [
        row["data-competition"] for row in months["March 2050"].select("[data-competition]")
    ]
    assert ALL_UPCOMING == names(page)
    assert ["", "2050-01", "2050-02", "2050-03", "2050-04"] == [option["value"] for option in options[:5]]
    assert ["All", "Jan 2050"] == [words(option) for option in options[:2]]
    assert 1 + 10 == len(options)


@pytest.mark.parametrize(
    ("competition", "facts", "action", "link"),
    [
        ("Lyon Open", "10:00 57 of 60 left", "Book places in Lyon Open", "Book places in Lyon Open"),
        ("Lille Winter Cup", "10:00 22 of 30 left you hold 5", *["Book places in Lille Winter Cup"] * 2),
        ("Toulon Novices", "10:00 4 of 20 left you hold 12", "Maximum held", "Toulon Novices"),
        (FULL, "14:00", "Full", None),
    ],
)
def test_row_says_what_matters_and_has_one_link_at_most(summary, competition, facts, action, link):
    row = row_of(summary.get(), competition)

    expected = {link: book_address(competition, season.CLUB)} if link else {}
    assert expected == {words(element): element["href"] for element in row.select("a")}
    assert action == words(row.select_one(".action"))
    for figure in row.select("data[hidden]"):
        figure.decompose()
    assert facts == words(row.select_one(".facts"))


def test_points_that_buy_no_place_are_told_once_above_the_list_and_in_no_row(season_ledger):
    page = Secretary(season.email_of(season.POOR_CLUB)).get("/showSummary")

    states = {words(cell) for cell in page.soup.select(".rows .action")}
    assert "2 points available Not enough for a place (3 points)" == words(page.soup.select_one(".points"))
    assert 1 == page.text.lower().count("not enough")
    assert {"", "Full"} == states


def test_figures_of_zero_stand_there_hidden(summary):
    page = summary.get()

    zeros = page.soup.select('.rows data[value="0"]')
    assert len(season.FULL) + len(season.NOT_HELD) == len(zeros)
    assert zeros == page.soup.select(".rows data[hidden]")
    assert (0, 0) == (page.figures["places-left", FULL], page.figures["places-held", FULL])


def test_programme_says_what_is_left_and_knows_nothing_that_only_a_club_has(season_ledger):
    page = Secretary().get("/competitions?show=mine")

    assert ALL_UPCOMING == names(page)
    assert "show" not in page.form("/competitions")
    assert "10:00 57 of 60 left" == words(row_of(page, "Lyon Open").select_one(".facts"))
    assert "Full" == words(row_of(page, FULL).select_one(".action"))
    assert 0 == page.figures["places-left", FULL]
    assert [] == page.soup.select("table a[href^='/book']")


# Narrowing


def test_three_links_choose_within_the_name_and_the_month_and_say_how_many(summary):
    all_of_them = views_of(summary.get())
    narrowed = views_of(summary.get(q="lyon", month="2050-03", show="mine"))

    assert {"All 40*": "", "You can book 35": "?show=bookable", "Yours 30": "?show=mine"} == all_of_them
    assert {
        "All 1": "?q=lyon&month=2050-03",
        "You can book 1": "?q=lyon&month=2050-03&show=bookable",
        "Yours 0*": "?q=lyon&month=2050-03&show=mine",
    } == narrowed


def views_of(page):
    """Return where the views of a summary lead, by what they say; the current one has a star."""
    return {
        words(link) + "*" * ("aria-current" in link.attrs): link["href"].removeprefix("/showSummary")
        for link in page.soup.select(".views a")
    }


@pytest.mark.parametrize(("number", "words_of_all"), [(200, "All 200"), (201, "All")])
def test_links_count_up_to_two_hundred(serve, number, words_of_all):
    serve(make_ledger(competitions=[tomorrow(f"Cup {index:03}", 9) for index in range(number)]))

    page = Secretary(JOHN).get("/showSummary")

    assert words_of_all == words(page.soup.select_one(".views a"))


def test_form_keeps_what_was_chosen_and_what_is_shown(summary):
    page = summary.get(q=' lyon  <"b">', month="2050-03", show="mine")

    fields = page.form("/showSummary")
    assert ('lyon <"b">', "mine") == (fields["q"], fields["show"])
    assert "hidden" == page.soup.select_one("[name=show]")["type"]
    assert ["2050-03"] == [option["value"] for option in page.soup.select("#month [selected]")]
    assert "show" not in summary.get(q="lyon").form("/showSummary")


@pytest.mark.parametrize(("fields", "leads_to"), [({}, ""), ({"show": "past"}, "?show=past")])
def test_nothing_left_is_a_sentence_with_a_way_to_all(listing, fields, leads_to):
    page = listing.get(**fields, q="nowhere")

    assert "No competition fits what you chose. Show all" in page.text
    assert f"{listing.address}{leads_to}" == page.links["Show all"]
    assert "nowhere" == page.form(listing.address)["q"]


# Past competitions


def test_latest_past_competitions_are_folded_below_the_upcoming_ones(listing, season_ledger):
    page = listing.get()

    details = page.soup.details
    latest = season_ledger.past(season_ledger.now())[:5]
    assert not details.has_attr("open")
    assert "Past competitions (150)" == words(details.summary)
    assert [competition.name for competition in latest] == [words(name) for name in details.select("tbody th")]
    assert f"{listing.address}?show=past" == page.links["See all 150 past competitions"]


def test_past_competitions_have_a_page_latest_first(listing, season_ledger):
    first = listing.get(show="past")
    second = listing.get(show="past", page=2)

    expected = [competition.name for competition in season_ledger.past(season_ledger.now())]
    assert "Past competitions" == first.heading
    assert expected == names(first, ".list") + names(second, ".list")
    assert [100, 50] == [len(names(page, ".list")) for page in (first, second)]
    assert [listing.address] == [link["href"] for link in first.soup.select("[aria-current=page]")]
    assert [f"{listing.address}?show=past&page=2"] == [link["href"] for link in first.soup.select(".pages a")]


def test_past_competitions_are_found_by_name_and_month(listing, season_ledger):
    by_name = listing.get(show="past", q="lyon")
    by_both = listing.get(show="past", q="lyon", month="2023-09")

    months = {f"{competition.starts_at:%Y-%m}" for competition in season_ledger.past(season_ledger.now())}
    assert [f"Lyon Open {year}" for year in range(2025, 2019, -1)] == names(by_name, ".list")
    assert ["Lyon Open 2023"] == names(by_both, ".list")
    assert "past" == by_both.form(listing.address)["show"]
    assert ["", *sorted(months)] == [option["value"] for option in by_both.soup.select("#month option")]


@pytest.mark.parametrize("address", ["/showSummary", "/showSummary?show=past"])
def test_past_competition_says_what_the_club_held(clock, john, address):
    john.book("3")
    before = john.get(address)
    clock(datetime(2050, 3, 28).astimezone())

    page = Secretary(JOHN).get(address)

    assert ["Competition", "Date"] == [words(head) for head in before.soup.select(".list thead th")]
    assert ["Competition", "Date", "Places held"] == [words(head) for head in page.soup.select(".list thead th")]
    [held] = page.soup.select(".list data:not([hidden])")
    assert "3 held" == words(held.parent)
    assert (3, 17) == (page.figures["places-held", OPEN], page.figures["places-left", OPEN])
    assert (0, 25) == (page.figures["places-held", PAST], page.figures["places-left", PAST])


# My bookings


def test_my_bookings_say_in_one_line_what_is_held_and_lead_to_each_competition(lyon):
    page = lyon.get("/bookings")

    rows = page.soup.select(".rows [data-competition]")
    leads_to = {row["data-competition"]: [link["href"] for link in row.select("a")] for row in rows}
    assert "157 places at 30 competitions; next: Sun 9 January 2050" == words(page.soup.main.p)
    assert HELD == names(page)
    assert {name: [f"{book_address(name, season.CLUB)}#places-back"] for name in HELD} == leads_to
    assert ["10:00 55 of 60 left", "2 places"] == [words(cell) for cell in rows[0].select("td")[1:]]
    assert [] == page.soup.select("main form, main details")


@pytest.mark.parametrize("address", ["/bookings", "/bookings?show=all", book_address(OPEN, "Simply Lift")])
def test_print_has_the_club_and_the_day(clock, address):
    clock(datetime(2027, 3, 14, 15, 30).astimezone())

    page = Secretary(JOHN).get(address)

    assert ": Simply Lift" == words(page.soup.h1.select_one(".printed"))
    assert "As of Sun 14 March 2027, 15:30 (UTC)" == words(page.soup.select_one("p.printed"))
