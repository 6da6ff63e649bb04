"""The way back: where signing in leads to, and what the header marks."""

import re

import pytest

from tests.support import JOHN, OPEN, Secretary, book_address, make_ledger, tomorrow

LONGEST = "/showSummary?q=".ljust(1000, "x")


@pytest.mark.parametrize(
    ("visits", "leads_to"),
    [
        (["/showSummary?q=caf%C3%A9+%26+co&month=2050-03"], "/showSummary?q=caf%C3%A9+%26+co&month=2050-03"),
        ([LONGEST], LONGEST),
        (["/bookings", "/pointsBoard", "/"], "/bookings"),
        (["/bookings", "/calendar/Nix"], "/showSummary"),
        ([f"/calendar/{OPEN}", "/bookings"], "/bookings"),
    ],
)
def test_sign_in_leads_once_to_what_was_asked_for_last_over_refusals_and_other_pages(visits, leads_to):
    stranger = Secretary()
    for address in visits:
        stranger.get(address)
    stranger.sign_in("nobody@nowhere.example")

    assert [(303, leads_to), (303, "/showSummary")] == [stranger.sign_in(JOHN).redirect for _ in range(2)]


@pytest.mark.parametrize("name", ["a/b", "100%", "//evil.example", "?x#y", "🏋"])
def test_way_back_leads_to_competitions_of_any_name(serve, name):
    serve(make_ledger(competitions=[tomorrow(name, 5)]))
    stranger = Secretary()
    stranger.get(book_address(name, "Simply Lift"))

    assert (303, book_address(name, "Simply Lift")) == stranger.sign_in(JOHN).redirect


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


def test_refused_form_marks_the_page_that_it_shows(john):
    for page, address in [
        (john.give_back("1", "Nix"), "/bookings"),
        (john.book("1", "Nix"), "/showSummary"),
        (Secretary().sign_in(""), "/"),
    ]:
        assert page.status >= 400
        assert [address] == [link["href"] for link in page.soup.select("[aria-current=page]")]
