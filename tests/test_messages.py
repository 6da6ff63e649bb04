"""What a page says once: what an order did, and other messages; and what another version of the app left to be said."""

from itertools import product

import pytest

from tests.support import JOHN, OPEN, Secretary

BOOKED = "Great-booking complete!"


def keep(secretary, **parts):
    with secretary.client.session_transaction() as session:
        session.update(parts)


def banners(page):
    return [banner.get_text(" ", strip=True) for banner in page.soup.select(".banner")]


@pytest.mark.parametrize(
    ("form", "address"),
    [
        *product(["/logout"], ["/", "/competitions", "/competitions?show=past", "/pointsBoard", "/nix"]),
        *product(["/purchasePlaces"], ["/showSummary", "/bookings", "/pointsBoard", "/nix"]),
    ],
)
def test_what_was_done_is_said_on_the_next_page_whichever_it_is_and_on_no_other(john, form, address):
    john.post(form, competition=OPEN, places="1")

    pages = [john.get(address), john.get(address)]

    assert [1, 0] == [len(banners(page)) for page in pages]


def test_page_that_is_only_prefetched_keeps_the_receipt_for_the_one_that_is_seen(john):
    john.book("1")

    prefetched = john.get("/showSummary", **{"Sec-Purpose": "prefetch"})

    assert "Set-Cookie" not in prefetched.headers
    assert BOOKED in john.get("/showSummary").banner


@pytest.mark.parametrize(
    "address", ["/", "/purchasePlaces", f"/calendar/{OPEN}", "/competitions.ics", "/health", "/static/style.css"]
)
def test_redirect_and_file_keep_what_is_to_be_said_for_the_next_page(john, address):
    john.book("1")

    john.get(address)

    assert BOOKED in john.get("/showSummary").banner


def test_page_that_a_browser_knows_is_sent_again_with_a_message(john):
    john.post("/logout")
    known = Secretary().get("/competitions").headers["ETag"]

    pages = [john.get("/competitions", **{"If-None-Match": known}) for _ in range(2)]

    assert [200, 304] == [page.status for page in pages]


@pytest.mark.parametrize("receipt", [{"number": 1, "points_left": 10}, 3, "2", None, 1])  # the first is another club's
def test_receipt_of_another_version_or_club_is_not_shown(john, atlas, receipt):
    atlas.book("1")
    john.book("1")
    keep(john, receipt=receipt)

    page = john.get("/showSummary")

    assert (200, []) == (page.status, banners(page))


@pytest.mark.parametrize("part", ["message", "next", "next_address", "next_competition", "_flashes"])
@pytest.mark.parametrize("value", [None, 2, [OPEN], {"address": "/bookings"}])
def test_what_another_version_left_to_be_said_or_gone_to_does_not_count(part, value):
    stranger = Secretary()
    keep(stranger, **{part: value})

    page = stranger.get("/")

    assert (200, []) == (page.status, banners(page))
    assert (303, "/showSummary") == stranger.sign_in(JOHN).redirect


@pytest.mark.parametrize("part", ["address", "id", "since"])
def test_sign_in_of_another_version_that_lacks_a_part_does_not_count(john, part):
    with john.client.session_transaction() as session:
        del session[part]

    assert not john.is_signed_in
    assert (303, "/showSummary") == john.sign_in(JOHN).redirect


def test_code_that_another_version_asked_for_is_none(mailing):
    right = {"id": "an-id", "at": 1, "address": JOHN}
    wrong = [right | {"address": 2}, right | {"at": "two"}, right | {"id": None}, right | {"more": 1}]

    for number, code in enumerate([None, "text", [], {}, {"id": "an-id", "at": 1}, *wrong]):
        browser = Secretary(app=mailing.app)
        keep(browser, code=code)

        assert 400 == browser.enter("AAAA-AAAA").status
        assert (303, "/code") == browser.sign_in(f"{number}@club.example").redirect
