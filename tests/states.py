"""The pages in all their states, as a browser meets them: with few competitions, a season, long lists, no data, codes.

Each generator leads the browser from state to state, and yields the name of each while it is shown: "page: state".
"""

import json
from contextlib import contextmanager
from urllib.parse import quote

from selenium.webdriver.common.by import By

from gudlft.files import read_data
from gudlft.journal.sql import SqlJournal
from gudlft.ledger import Ledger
from gudlft.rules import Terms
from tests import season
from tests.browsing import book, send, sign_in
from tests.mail_servers import code_in, mail_server
from tests.support import ANN, KEPT, a_club, a_competition, book_address, parties, serving, wait_until, write_data

OPEN, FULL, CUP, PAST = "Spring Festival 2050", "Novice Cup 2050", "Fall Classic 2050", "Spring Festival"
CANCELLED = "Doomed Open"
LONGEST_CUP, LONGEST_CLUB = "Q" * 200, "W" * 200
JOHN, ATLAS = "john@simplylift.example", "office@atlasbarbell.example"
CLUBS = [
    a_club("Simply Lift", JOHN, 13),
    a_club("Atlas Barbell", ATLAS, 90),
    a_club("Without Points", "none@club.example", 0),
    a_club(LONGEST_CLUB, "longest@club.example", 7),
]
HALL = {"location": "Palais des Sports de Gerland, Lyon", "url": "https://club.example/open"}
COMPETITIONS = [
    a_competition(PAST, "2020-03-27 10:00:00", 25),
    a_competition(OPEN, "2050-03-27 11:11:00", 20),
    a_competition(CUP, "2050-10-22 12:12:00", 24, bookingCloses="2050-10-15 18:00:00", **HALL),
    a_competition(FULL, "2050-11-05 09:00:00", 5),
    a_competition(LONGEST_CUP, "2051-01-01 10:00:00", 1000),
    a_competition(CANCELLED, "2051-02-01 10:00:00", 20, cancelled=True, location="Nice"),
]
LONGEST_OF_SEASON = max((name for _, _, name in season.UPCOMING), key=len)
NAMES = [one["name"] for one in [*CLUBS, *COMPETITIONS, *season.clubs(), *season.competitions()]]
SETTINGS = {**KEPT, "FAILED_SIGN_INS_PER_MINUTE": 2, "CONTACT": "registration@federation.example"}
WRONG_CODE = "2222-2222"
SIGN_IN_FORM = "[action='/showSummary']"
CODE_FORM = "[action='/code']:has(#code)"
BOOK_FORM, RETURN_FORM = "[action='/purchasePlaces']", "[action='/cancelPlaces']"


def every_state(browser, new_folder, season_site, organised):
    """Lead the browser through every state of every page; `new_folder` makes a folder for data."""
    folder = new_folder()
    with few(folder) as site:
        yield from signed_out(browser, site)
        yield from club_without_points(browser, site)
        yield from bookings_and_returns(browser, site)
        yield from long_names(browser, site)
        yield from form_without_a_session(browser, site)
        yield from journal_away(browser, site, folder / "bookings.db")
    yield from season_of_clubs(browser, season_site)
    with long_lists(new_folder()) as site:
        yield from last_pages(browser, site)
    with serving_data(new_folder(), [], []) as site:
        yield from open_each(browser, site, OF_NO_DATA)
    yield from codes(browser, *organised)
    yield from organisers(browser, *organised[:2])


# Sites


@contextmanager
def serving_data(folder, clubs, competitions, orders=(), cost=3, app="server:app", **settings):
    """Serve the app with data of its own, and with what clubs booked and gave back; yield its address."""
    write_data(folder, clubs, competitions)
    keep(folder, orders, cost)
    with serving(folder, app, **KEPT | settings) as (site, _):
        yield site


def keep(folder, orders, cost):
    data = read_data(folder)
    ledger = Ledger(data.clubs, data.competitions, Terms(cost, max_places_per_club=12))
    for club, competition, places in orders:
        act = ledger.book if places > 0 else ledger.give_back
        act(*parties(ledger, club, competition), abs(places))
    journal = SqlJournal(KEPT["JOURNAL"], folder)
    with journal.writing() as transaction:
        transaction.append(ledger.entries)
    journal.close()


def few(folder):
    return serving_data(folder, CLUBS, COMPETITIONS, **SETTINGS)


def a_season(folder):
    return serving_data(folder, season.clubs(), season.competitions(), season.orders())


def long_lists(folder):
    """Serve the app with clubs, competitions and a history that fill more than one page of each list."""
    clubs = [a_club(f"Club {number:04}", f"{number}@club.example", 9) for number in range(2431)]
    competitions = [a_competition(f"Cup {number:03}", "2050-01-01 10:00:00", number) for number in range(105)]
    orders = [("Club 0000", "Cup 104", places) for places in (1, -1)] * 51
    return serving_data(folder, clubs, competitions, orders)


@contextmanager
def organising(folder):
    """Serve a season, where all clubs come to one competition, with two organisers; yield its address and a postbox.

    Codes are mailed at once.
    """
    orders = [*season.orders(), *[(club["name"], season.OF_ALL_CLUBS, 1) for club in season.clubs()]]
    data = season.clubs(), season.competitions(), orders
    organisers = json.dumps([ANN, season.email_of(season.CLUB)])
    with mail_server() as postbox:
        settings = {"MAIL": f"smtp://127.0.0.1:{postbox.port}", "MAIL_FROM": "registration@club.example"}
        app = "tests.hasty_app:app"
        with serving_data(folder, *data, cost=1, app=app, ORGANISERS=organisers, **settings) as site:
            yield site, postbox


def wait_for_code(postbox, number):
    """Wait for the mail with a number, counted from 1; return the code that it brings."""
    wait_until(lambda: len(postbox.mails) >= number)
    return code_in(postbox.mails[number - 1])


def sign_in_by_code(browser, site, postbox, email):
    number = len(postbox.mails) + 1
    browser.get(f"{site}/logout")
    send(browser, SIGN_IN_FORM, "#code", email=email)
    send(browser, CODE_FORM, ".club", code=wait_for_code(postbox, number))


def open_each(browser, site, addresses):
    for state, address in addresses.items():
        browser.get(site + address)
        yield state


# States with few competitions


def signed_out(browser, site):
    addresses = {"error: not found": "/nowhere", "sign-in: first visit": "/", "sign-in: needed": "/bookings"}
    yield from open_each(browser, site, addresses)
    send(browser, SIGN_IN_FORM, ".error-summary", email="nobody@nowhere.example")
    yield "sign-in: refused"


def club_without_points(browser, site):
    sign_in(browser, site, "none@club.example")
    addresses = {
        "summary: no points": "/showSummary",
        "bookings: none": "/bookings",
        "competition: no points": book_address(OPEN, "Without Points"),
        "competition: cancelled": book_address(CANCELLED, "Without Points"),
    }
    yield from open_each(browser, site, addresses)


def bookings_and_returns(browser, site):
    club = "Atlas Barbell"
    sign_in(browser, site, ATLAS)
    browser.get(site + book_address(CUP, club))
    yield "competition: bookable"
    send(browser, BOOK_FORM, ".error-summary", places="13")
    yield "competition: refused"
    send(browser, BOOK_FORM, ".success", places="12")
    yield "summary: booked"
    addresses = {
        "competition: at the cap": book_address(CUP, club),
        "summary: closed": book_address(PAST, club),
        "error: another club": book_address(OPEN, "Simply Lift"),
    }
    yield from open_each(browser, site, addresses)
    book(browser, site, club, FULL, "5")
    browser.get(site + book_address(FULL, club))
    send(browser, RETURN_FORM, ".error-summary", places="6")
    yield "competition: return refused"
    send(browser, RETURN_FORM, ".success", places="1")
    yield "bookings: given back"


def long_names(browser, site):
    sign_in(browser, site, "longest@club.example")
    browser.get(site + book_address(LONGEST_CUP, LONGEST_CLUB))
    yield "competition: long names"
    book(browser, site, LONGEST_CLUB, LONGEST_CUP, "1")
    yield "summary: long names"
    browser.get(f"{site}/bookings")
    yield "bookings: long names"


def form_without_a_session(browser, site):
    browser.get(site + book_address(OPEN, LONGEST_CLUB))
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    send(browser, BOOK_FORM, ".error-summary", places="1")
    yield "sign-in: nothing was booked"


def journal_away(browser, site, journal):
    sign_in(browser, site, JOHN)
    browser.get(site + book_address(OPEN, "Simply Lift"))
    away = journal.rename(journal.with_suffix(".away"))
    send(browser, BOOK_FORM, "h1", places="2")
    yield "error: nothing booked by this try"
    browser.get(f"{site}/showSummary")
    yield "summary: old figures"
    away.rename(journal)


# States of a season, of long lists, of no data


def season_of_clubs(browser, site):
    """Lead the browser through a season of 190 competitions: of everybody, of 30 holdings, of no points."""
    browser.get(f"{site}/logout")
    yield from open_each(browser, site, {"competitions: season": "/competitions"})
    sign_in(browser, site, season.email_of(season.CLUB))
    addresses = {
        "summary: season": "/showSummary",
        "bookings: season": "/bookings",
        "board: season": "/pointsBoard",
        "competition: season": book_address(LONGEST_OF_SEASON, season.CLUB),
        "past: narrowed": "/showSummary?show=past&q=lyon",
        "summary: narrowed": "/showSummary?q=lyon&month=2050-03",
    }
    for state in open_each(browser, site, addresses):
        if "narrowed" in state:
            for details in browser.find_elements(By.CSS_SELECTOR, "details"):
                details.click()
        yield state
    sign_in(browser, site, season.email_of(season.POOR_CLUB))
    yield from open_each(browser, site, {"summary: nothing to book": "/showSummary?show=bookable"})


def last_pages(browser, site):
    browser.get(f"{site}/logout")
    lists = {"competitions: last page": "/competitions?page=2", "board: last page": "/pointsBoard?page=25"}
    yield from open_each(browser, site, lists)
    sign_in(browser, site, "0@club.example")
    lists = {"summary: last page": "/showSummary?page=2", "history: last page": "/bookings?show=all&page=2"}
    yield from open_each(browser, site, lists)


OF_NO_DATA = {
    "sign-in: no data": "/",
    "competitions: no data": "/competitions",
    "board: no data": "/pointsBoard",
}

# States of codes, and of the organiser's pages


def codes(browser, site, postbox, journal):
    browser.get(f"{site}/logout")
    number = len(postbox.mails) + 1
    send(browser, SIGN_IN_FORM, "#code", email=ANN)
    yield "code: asked"
    send(browser, CODE_FORM, ".error-summary", code=WRONG_CODE)
    yield "code: refused"
    away = journal.rename(journal.with_suffix(".away"))
    send(browser, CODE_FORM, ".error-summary", code=wait_for_code(postbox, number))
    yield "code: journal away"
    away.rename(journal)


def organisers(browser, site, postbox):
    """Lead the browser through what organisers see, one of them a club's, and through what other clubs see of it."""
    sign_in_by_code(browser, site, postbox, ANN)
    yield from open_each(browser, site, OF_ORGANISERS)
    sign_in_by_code(browser, site, postbox, season.email_of(season.CLUB))
    yield from open_each(browser, site, {"summary: organiser": "/showSummary?q=lyon"})
    sign_in_by_code(browser, site, postbox, season.email_of(season.POOR_CLUB))
    yield from open_each(browser, site, {"error: not for clubs": "/organiser"})


ENTRIES = "/organiser/entries?competition="
OF_ORGANISERS = {
    "organiser: season": "/organiser",
    "organiser: past": "/organiser?show=past&page=2",
    "entries: some clubs": ENTRIES + quote(LONGEST_OF_SEASON),
    "entries: many clubs": ENTRIES + quote(season.OF_ALL_CLUBS),
    "entries: none": f"{ENTRIES}Paris+Open+2020",
}
