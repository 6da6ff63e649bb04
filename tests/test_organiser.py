"""The organiser's pages: who sees them, what they say, and that nothing on them changes anything."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from gudlft.accounts import Accounts
from gudlft.model import Club, Competition, Entry
from tests.odd_names import ODD_NAMES
from tests.support import (
    ANN,
    COMPETITIONS,
    JOHN,
    OPEN,
    PAST,
    SMALL,
    Secretary,
    a_competition,
    make_ledger,
    parties,
    signed_in_by_code,
    statuses,
    tomorrow,
    write_data,
)


@pytest.fixture
def show(mailing, ann, monkeypatch):
    """Return a function that lets the app show a ledger to an organiser, and returns her browser."""

    def show_to_organiser(ledger, *clubs_too):
        accounts = Accounts(ledger.clubs.values(), [ANN, *clubs_too])
        monkeypatch.setattr(mailing, "opened", replace(mailing.opened, ledger=ledger, accounts=accounts))
        return ann

    return show_to_organiser


def entries_of(competition):
    return f"/organiser/entries?competition={quote(competition, safe='')}"


def row_of(page, competition):
    """Return what the row of a competition says."""
    row = page.soup.find("tr", {"data-competition": competition})
    return [" ".join(cell.get_text().split()) for cell in row.find_all(["th", "td"])]


def test_organiser_whose_address_is_a_clubs_has_the_pages_of_both(mailing, start):
    module = start(ORGANISERS=JOHN)

    john, led_to = signed_in_by_code(module, JOHN)

    assert (303, "/showSummary") == led_to
    assert "/organiser" == john.get("/showSummary").links["Organiser"]
    assert 303 == john.book("2").status
    assert "2 of 20 booked" in john.get("/organiser").text


def test_address_that_was_taken_out_of_the_setting_is_signed_out_at_the_next_request(ann, start):
    ann.move_to(start(ORGANISERS="").app)

    assert 404 == ann.get("/organiser").status
    assert (303, "/") == ann.get("/showSummary").redirect


@pytest.mark.parametrize(
    ("address", "shown_then"),
    [
        ("/organiser?show=past", "/organiser?show=past"),
        (entries_of(OPEN), entries_of(OPEN)),
        (f"/organiser/entries.csv?competition={quote(OPEN)}", entries_of(OPEN)),
        ("/organiser/clubs.csv", "/organiser"),
        ("/bookings", "/bookings"),
    ],
)
def test_after_signing_in_organiser_comes_to_what_was_asked_for(mailing, address, shown_then):
    ann = Secretary(app=mailing.app)
    ann.get(address)
    ann.sign_in(ANN)

    assert (303, shown_then) == ann.enter(mailing.mails[-1][1]).redirect


def test_form_that_an_organiser_sent_signed_out_leads_to_the_organisers_page(mailing):
    ann = Secretary(app=mailing.app)
    ann.book("1")
    ann.sign_in(ANN)

    assert (303, "/organiser") == ann.enter(mailing.mails[-1][1]).redirect


def test_pages_of_everybody_know_the_organiser_and_no_cache_keeps_them(show):
    ann = show(make_ledger())

    board = ann.get("/pointsBoard")
    unknown = ann.get("/nix")

    for page in [board, unknown]:
        assert "no-store" == page.headers["Cache-Control"]
        assert "ETag" not in page.headers
        assert ANN in page.soup.header.get_text()
        assert ["/pointsBoard", "/organiser"] == [link["href"] for link in page.soup.select("nav[aria-label=Main] a")]
    assert [] == board.soup.select(".own")
    assert "Sign in to book" not in board.text
    assert "/" == unknown.links["Go to the organiser's page"]


def test_upcoming_competitions_stand_by_month_with_what_is_booked_and_left(show):
    tomorrows = replace(tomorrow("Early Bird", 10), booking_closes_at=datetime.now().astimezone(), location="Évry")
    doomed = replace(tomorrow("Doomed Open", 16), is_cancelled=True)
    ledger = make_ledger(competitions=[*COMPETITIONS, tomorrows, doomed])
    ledger.book(*parties(ledger), 3)
    ledger.book(*parties(ledger, "Atlas Barbell"), 2)
    ledger.book(*parties(ledger, "Atlas Barbell", SMALL), 5)

    page = show(ledger).get("/organiser")

    assert "10 of 51 places booked at 4 competitions" in page.text
    assert ["11:11 5 of 20 booked 2 clubs", "15 left"] == row_of(page, OPEN)[2:]
    assert ["09:00 5 of 5 booked 1 club", "Full"] == row_of(page, SMALL)[2:]
    assert "Évry 0 of 10 booked" in row_of(page, "Early Bird")[2]
    assert "Closed" == row_of(page, "Early Bird")[3]
    assert "Cancelled" == row_of(page, "Doomed Open")[3]
    assert ["March 2050", "November 2050"] == [month.get_text() for month in page.soup.select(".month th")][1:]
    assert [("0 0 20 1", "M0 .5h5"), ("0 0 5 1", "M0 .5h5")] == [
        (bar["viewbox"], bar.path["d"]) for bar in page.soup.select("svg.bar")
    ]


def test_past_competitions_have_a_page_of_their_own(show):
    cancelled = [replace(one, is_cancelled=one.name == "Fall Classic") for one in COMPETITIONS]
    ann = show(make_ledger(competitions=cancelled))

    page = ann.get(ann.get("/organiser").links["Past competitions (2)"])

    assert "Organiser: past competitions" == page.heading
    assert ["Fall Classic", PAST] == [row["data-competition"] for row in page.soup.select("tr[data-competition]")]
    assert ["10:00 0 of 25 booked", ""] == row_of(page, PAST)[2:]
    assert "Cancelled" == row_of(page, "Fall Classic")[3]
    entry_list = ann.get(page.links[PAST])
    assert "No club holds places at this competition" in entry_list.text
    assert "/organiser?show=past" == entry_list.links["Back to all competitions"]


def test_long_lists_have_pages_and_empty_ones_a_sentence(show):
    cups = [tomorrow(f"Cup {number:03}", 9) for number in range(101)]
    past = [replace(cup, starts_at=cup.starts_at - timedelta(days=9)) for cup in cups]
    ann = show(make_ledger(competitions=cups))

    assert "/organiser?page=2" == ann.get("/organiser").links["Next page"]
    assert "There are no past competitions" in ann.get("/organiser?show=past").text
    ann = show(make_ledger(competitions=past))
    assert "/organiser?show=past&page=2" == ann.get("/organiser?show=past").links["Next page"]
    assert "There are no upcoming competitions" in ann.get("/organiser").text


def test_entry_list_says_who_comes_since_when_in_the_servers_time(show, journal, set_zone):
    set_zone("Asia/Tokyo")
    may_6 = datetime(2030, 5, 6, 20, 15, tzinfo=timezone.utc)
    orders = [("Simply Lift", 3), ("Atlas Barbell", 1), ("Simply Lift", -1)]
    journal.rows = [
        Entry(1 + days, may_6 + timedelta(days), club, OPEN, places, 3 * places, None)
        for days, (club, places) in enumerate(orders)
    ]

    page = show(make_ledger(journal=journal)).get(entries_of(OPEN))

    assert [
        ["Club", "Places", "First booked", "Last change"],
        ["Atlas Barbell", "1 place", "booked Wed 8 May 2030, 05:15", "changed Wed 8 May 2030, 05:15"],
        ["Simply Lift", "2 places", "booked Tue 7 May 2030, 05:15", "changed Thu 9 May 2030, 05:15"],
        ["2 clubs", "3 places", "17 of 20 left"],
    ] == page.rows
    times = [time["datetime"] for time in page.soup.select("tbody time")]
    assert ["2030-05-08T05:15", "2030-05-08T05:15", "2030-05-07T05:15", "2030-05-09T05:15"] == times


def test_name_that_only_newer_files_have_is_not_told_to_be_unknown(ann, data):
    write_data(data, [], [a_competition("Gala", "2050-03-27 11:11:00", 20, formerly=[OPEN])])

    pages = [ann.get(entries_of("Gala")), ann.get("/organiser/entries.csv?competition=Gala")]

    assert [503, 503] == statuses(pages)
    assert 404 == ann.get(entries_of("Nix")).status


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_of_any_kind_lead_to_their_entry_list_and_its_file(show, name):
    ledger = make_ledger([Club(name, ("odd@club.example",), 9)], [Competition(name, COMPETITIONS[2].starts_at, 20)])
    ledger.book(*parties(ledger, name, name), 2)
    ann = show(ledger)

    row = ann.get("/organiser").soup.select_one("tr[data-competition]")
    page = ann.get(row.a["href"])
    file = ann.get(page.soup.select_one("a.button")["href"])

    assert name == row["data-competition"] == row.a.get_text()
    assert name == page.soup.select_one("tbody th").get_text()
    assert 200 == file.status
    assert name.replace('"', '""') in file.html
