"""Accounts: an address is looked up at each request, whatever was in the files when it signed in."""

from gudlft.accounts import Account, Accounts
from gudlft.model import Club
from tests.support import JOHN, KATE, KEPT, OPEN, Secretary, a_club, a_competition, write_data

CUP = a_competition(OPEN, "2050-03-27 11:11:00", 20)


def test_address_is_a_clubs_an_organisers_or_both():
    club = Club("A", ("a@club.example", "b@club.example"), 1)
    accounts = Accounts([club, Club("B", (), 1)], ["B@club.example", "ann@federation.example"])

    assert Account("a@club.example", club) == accounts.find(" A@club.example ")
    assert Account("b@club.example", club, is_organiser=True) == accounts.find("b@club.example")
    assert Account("ann@federation.example", is_organiser=True) == accounts.find("Ann@federation.example")
    assert accounts.find("jane@club.example") is None


def restarted(data, start, *clubs):
    write_data(data, clubs, [CUP])
    return start(**KEPT)


def test_address_that_was_taken_out_of_the_files_is_signed_out_at_the_next_request(data, start):
    john = Secretary(JOHN, restarted(data, start, a_club("Simply Lift", JOHN, 13)).app)
    after = restarted(data, start, a_club("Simply Lift", "jane@simplylift.co", 13))

    john.move_to(after.app)

    assert 403 == john.book("1").status
    assert (303, "/") == john.get("/showSummary").redirect
    assert [] == after.opened.ledger.entries


def test_address_that_is_another_clubs_now_acts_for_that_club(data, start):
    john = Secretary(JOHN, restarted(data, start, a_club("Simply Lift", JOHN, 13), a_club("She Lifts", KATE, 12)).app)
    form = john.booking_form("1")
    after = restarted(data, start, a_club("Simply Lift", "jane@simplylift.co", 13), a_club("She Lifts", JOHN, 12))

    john.move_to(after.app)
    old_form = john.post("/purchasePlaces", **form)
    new_form = john.post("/purchasePlaces", **john.booking_form("1"))

    assert "She Lifts" == john.club
    assert [403, 303] == [old_form.status, new_form.status]
    assert ["She Lifts"] == [entry.club for entry in after.opened.ledger.entries]
