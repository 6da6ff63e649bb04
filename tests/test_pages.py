"""What every page has, in each of its states: a title, one h1, links that can be told apart by name.

Headings, landmarks, labels and ids are axe's and the Nu checker's in test_browser.
"""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

import server
from gudlft.model import Club
from tests.support import (
    ATLAS,
    CLUBS,
    COMPETITIONS,
    JOHN,
    KATE,
    OPEN,
    SMALL,
    Secretary,
    book_address,
    let_pages_show,
    make_ledger,
    tomorrow,
    words,
)

NIL = "nil@club.example"  # a club without points
WRONG_FIELD = "[aria-invalid=true]"


def long_lists():
    """Return a ledger with more clubs, competitions and bookings than a page shows; one club holds all it can."""
    clubs = [*CLUBS, Club("Nil", (NIL,), 0), *(Club(f"Club {n:03}", (f"{n}@club.example",), 5) for n in range(110))]
    cups = [tomorrow(f"Cup {number:03}", 9) for number in range(100)]
    full = make_ledger(clubs, [*COMPETITIONS, *cups])
    full.book(full.clubs["Atlas Barbell"], full.competitions[OPEN], 12)
    full.book(full.clubs["Atlas Barbell"], full.competitions[SMALL], 5)
    for _ in range(51):
        full.book(full.clubs["She Lifts"], full.competitions[OPEN], 1)
        full.give_back(full.clubs["She Lifts"], full.competitions[OPEN], 1)
    return full


# States


def seen(email, address):
    return lambda: Secretary(email).get(address)


def after_sign_in_was_asked_for():
    stranger = Secretary()
    stranger.get("/bookings")
    return stranger.get("/")


def after_a_booking():
    john = Secretary(JOHN)
    john.book("1")
    return john.get("/showSummary")


def after_a_return():
    atlas = Secretary(ATLAS)
    atlas.give_back("1")
    return atlas.get("/bookings")


@dataclass(frozen=True)
class State:
    """A state of a page: a function that shows it, its status, its h1, and whether a field is in error."""

    show: Callable
    status: int
    h1: str
    in_error: bool = False


STATES = {
    "sign-in": State(seen(None, "/"), 200, "Sign in to book places"),
    "sign-in refused": State(lambda: Secretary().sign_in("no@club.example"), 404, "Sign in to book places", True),
    "not signed in": State(after_sign_in_was_asked_for, 200, "Sign in to book places"),
    "booking signed out": State(lambda: Secretary().book("1"), 403, "Sign in to book places"),
    "programme": State(seen(None, "/competitions"), 200, "Competitions"),
    "summary": State(seen(JOHN, "/showSummary"), 200, "Simply Lift"),
    "summary without points": State(seen(NIL, "/showSummary"), 200, "Nil"),
    "past of a club": State(seen(JOHN, "/showSummary?show=past"), 200, "Past competitions"),
    "unknown competition": State(lambda: Secretary(JOHN).book("1", "Nix"), 404, "Simply Lift"),
    "booked": State(after_a_booking, 200, "Simply Lift"),
    "competition": State(seen(JOHN, book_address(OPEN, "Simply Lift")), 200, f"Book places in {OPEN}"),
    "competition with bookings": State(seen(KATE, book_address(OPEN, "She Lifts")), 200, f"Book places in {OPEN}"),
    "booking refused": State(lambda: Secretary(JOHN).book("9"), 400, f"Book places in {OPEN}", True),
    "nothing to book": State(seen(JOHN, book_address(SMALL, "Simply Lift")), 200, SMALL),
    "giving back refused": State(lambda: Secretary(ATLAS).give_back("6", SMALL), 400, SMALL, True),
    "nothing given back": State(lambda: Secretary(JOHN).give_back("6", SMALL), 400, SMALL),
    "given back": State(after_a_return, 200, "My bookings"),
    "bookings": State(seen(ATLAS, "/bookings"), 200, "My bookings"),
    "no bookings": State(seen(JOHN, "/bookings"), 200, "My bookings"),
    "history": State(seen(KATE, "/bookings?show=all"), 200, "Booking history"),
    "board": State(seen(None, "/pointsBoard"), 200, "Points board"),
    "board, second page": State(seen(JOHN, "/pointsBoard?page=2"), 200, "Points board"),
    "not found": State(seen(None, "/nix"), 404, "Page not found"),
    "another club": State(seen(JOHN, book_address(OPEN, "Nil")), 403, "This is not possible"),
}


@pytest.fixture(params=STATES.values(), ids=STATES.keys())
def state(request):
    return request.param


@pytest.fixture
def page(state):
    return show_once(state)


@cache
def show_once(state, root="/"):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(server.app.config, "APPLICATION_ROOT", root)
        let_pages_show(long_lists(), patch)
        page = state.show()
    assert state.status == page.status
    return page


# Every page


def test_page_has_one_h1_and_its_title_names_it(state, page):
    done = re.match("(Places (booked|given back): )?", page.title)[0]
    title = page.title.removeprefix("Error: ").removeprefix(done).removesuffix(" – GÜDLFT Registration")

    assert 1 == len(page.soup.find_all("h1"))
    assert state.h1 == page.heading
    assert title in (state.h1, f"{state.h1}, page 2")
    assert page.title.endswith(" – GÜDLFT Registration")
    assert state.in_error == page.title.startswith("Error: ") == bool(page.soup.select(WRONG_FIELD))


def test_links_and_buttons_of_one_name_do_one_thing(page):
    targets = {}
    for link in page.soup.select("a[href]"):
        assert words(link)
        assert link["href"] == targets.setdefault(words(link), link["href"])
    buttons = [words(button) for button in page.soup.find_all("button")]
    assert len(buttons) == len(set(buttons))


def test_header_is_the_same_on_every_page_in_the_order_in_which_it_is_seen(page):
    header = words(page.soup.header)

    if "Sign out" in header:
        assert re.fullmatch("GÜDLFT Registration .+ Sign out Summary My bookings Points board", header)
    else:
        assert "GÜDLFT Registration Sign in Competitions Points board" == header


def test_fields_have_nothing_that_gets_in_the_way(page):
    for field in page.soup.select("input:not([type=hidden])"):
        assert "novalidate" in field.find_parent("form").attrs  # the app judges, not the browser
        assert {"placeholder", "required", "style"}.isdisjoint(field.attrs)


def test_message_takes_the_focus(page):
    for message in page.soup.select(".error-summary, .banner.success"):
        assert ("-1", "") == (message["tabindex"], message["autofocus"])
    assert 1 >= len(page.soup.select("[autofocus]"))


def test_error_summary_leads_to_the_field_which_says_the_same(page):
    for field in page.soup.select(WRONG_FIELD):
        link = page.soup.select_one(f'.error-summary a[href="#{field["id"]}"]')
        message = page.soup.find(id=field["aria-describedby"].split()[-1])
        assert f"Error: {words(link)}" == words(message)
        assert field["value"] in ("no@club.example", "9", "6")


def test_pages_run_without_scripts_and_inline_styles(page):
    assert [] == page.soup.find_all(["script", "style", "iframe"])
    for element in page.soup.find_all(True):
        assert not [name for name in element.attrs if name.startswith("on") or name == "style"]


def test_no_sentence_ends_with_a_full_stop(page):
    sentences = [words(element) for element in page.soup.select("p, li, caption")]

    assert [] == [sentence for sentence in sentences if sentence.endswith(".")]


def test_page_leads_nowhere_but_below_the_address_where_the_app_is_mounted(state):
    page = show_once(state, root="/mounted")

    found = [element.get("href") or element.get("action") for element in page.soup.select("[href], [action]")]
    assert [] == [link for link in found if not link.startswith(("/mounted/", "#"))]


# Single pages


@pytest.mark.parametrize(
    ("email", "address"),
    [(None, "/"), (None, "/competitions"), (None, "/pointsBoard"), (JOHN, "/showSummary"), (JOHN, "/bookings")],
)
def test_navigation_marks_the_page_that_is_shown(email, address):
    page = Secretary(email).get(address)

    assert [address] == [link["href"] for link in page.soup.select("header [aria-current=page]")]


def test_empty_lists_are_sentences(serve):
    serve(make_ledger([], []))
    for address, thing in [
        ("/", "clubs yet"),
        ("/pointsBoard", "clubs yet"),
        ("/", "upcoming competitions"),
        ("/competitions", "upcoming competitions"),
        ("/competitions?show=past", "past competitions"),
    ]:
        assert f"There are no {thing}" in Secretary().get(address).text

    serve(make_ledger([Club("Alone", ("alone@club.example",), 3)], []))
    alone = Secretary("alone@club.example")
    assert "There are no upcoming competitions" in alone.get("/showSummary").text
    assert "Your club has no bookings yet" in alone.get("/bookings").text
    assert "/showSummary" == alone.get("/bookings?show=all").links["Choose a competition"]


def test_first_visit_to_the_demo_is_light(start):
    visitor = Secretary(app=start().app)

    page = visitor.get("/")
    fetched = [element.get("href") or element.get("src") for element in page.soup.select("link, [src]")]
    texts = [page.html, *(visitor.get(address).html for address in fetched)]

    assert 3 >= len(texts)
    assert 32_000 >= sum(len(text.encode()) for text in texts)
    assert 10_000 >= sum(len(gzip.compress(text.encode(), compresslevel=1)) for text in texts)  # as nginx does
    assert [] == [address for address in fetched if not address.startswith("/static/")]
    assert [] == [text for text in texts if "url(" in text or "@import" in text]
