"""The pages in all their states, as a browser meets them: with few competitions, a season, long lists, no data, codes.

Each generator leads the browser from state to state, and yields the name of each while it is shown: "page: state".
"""

import json
import urllib.request
from contextlib import contextmanager
from http.cookiejar import CookieJar
from urllib.parse import urlencode

from selenium.webdriver.common.by import By

from tests import season
from tests.browsing import WAIT, book, send, sign_in
from tests.mail_servers import Postbox, code_in, mail_server
from tests.support import ANN, KEPT, a_club, a_competition, book_address, serving, wait_until, write_data

OPEN, FULL, CUP, PAST = "Spring Festival 2050", "Novice Cup 2050", "Fall Classic 2050", "Spring Festival"
LONG_CUP = "Championnats régionaux d’haltérophilie d’Auvergne-Rhône-Alpes, catégories jeunes et anciens"
LONG_CLUB = "Club d’haltérophilie et de musculation de Villeurbanne-Charpennes-Tonkin"
CANCELLED = "Doomed Open"
LONGEST_CUP, LONGEST_CLUB = "Q" * 200, "W" * 200
JOHN, ATLAS = "john@simplylift.example", "office@atlasbarbell.example"
CLUBS = [
    a_club("Simply Lift", JOHN, 13),
    a_club("Atlas Barbell", ATLAS, 90),
    a_club("Without Points", "none@club.example", 0),
    a_club(LONG_CLUB, "long@club.example", 30),
    a_club(LONGEST_CLUB, "longest@club.example", 7),
]
HALL = {"location": "Palais des Sports de Gerland, Lyon", "url": "https://club.example/open"}
COMPETITIONS = [
    a_competition(PAST, "2020-03-27 10:00:00", 25),
    a_competition(OPEN, "2050-03-27 11:11:00", 20),
    a_competition(CUP, "2050-10-22 12:12:00", 24, bookingCloses="2050-10-15 18:00:00", **HALL),
    a_competition(FULL, "2050-11-05 09:00:00", 5),
    a_competition(LONG_CUP, "2050-12-01 08:30:00", 120),
    a_competition(LONGEST_CUP, "2051-01-01 10:00:00", 1000),
    a_competition(CANCELLED, "2051-02-01 10:00:00", 20, cancelled=True, location="Nice"),
]
LONGEST_OF_SEASON = max((name for _, _, name in season.UPCOMING), key=len)
NAMES = [one["name"] for one in [*CLUBS, *COMPETITIONS, *season.clubs(), *season.competitions()]]
SETTINGS = {**KEPT, "FAILED_SIGN_INS_PER_MINUTE": 2, "CONTACT": "registration@federation.example"}
WRONG_CODE = "2222-2222"
SIGN_IN_FORM = "[action='/showSummary']"
CODE_FORM = "[action='/code']:has(#code)"
ANOTHER_FORM = "[action='/code']:not(:has(#code))"


def every_state(browser, new_folder):
    """Lead the browser through every state of every page; `new_folder` makes a folder for data."""
    with few(new_folder()) as site:
        yield from signed_out(browser, site)
        yield from club_without_points(browser, site)
        yield from bookings_and_returns(browser, site)
        yield from long_names(browser, site)
        yield from session_ended(browser, site)
    folder = new_folder()
    with few(folder) as site:
        yield from journal_away(browser, site, folder / "bookings.db")
    with a_season(new_folder()) as site:
        yield from season_signed_out(browser, site)
        yield from season_of_the_club(browser, site)
        yield from season_without_points(browser, site)
    with serving_data(new_folder(), *long_lists()) as site:
        yield from last_pages(browser, site)
    with serving_data(new_folder(), [], []) as site:
        yield from no_data(browser, site)
    folder = new_folder()
    with mailing(folder) as (site, postbox):
        yield from codes(browser, site, postbox, folder / "bookings.db")
    with organising(new_folder()) as (site, postbox):
        yield from organiser(browser, site, postbox)
        yield from organiser_of_a_club(browser, site, postbox)


# Sites


@contextmanager
def serving_data(folder, clubs, competitions, **settings):
    """Serve the app with data of its own; yield its address."""
    write_data(folder, clubs, competitions)
    with serving(folder, **settings) as (site, _):
        yield site


def few(folder, **settings):
    """Serve the app with few competitions, some with very long names."""
    return serving_data(folder, CLUBS, COMPETITIONS, **SETTINGS | settings)


@contextmanager
def a_season(folder):
    """Serve the app with a season, as it stands after its bookings."""
    with serving_data(folder, season.clubs(), season.competitions()) as site:
        book_a_season(site)
        yield site


@contextmanager
def mail_settings():
    """Run a mail server; yield its postbox, and the settings of an app that mails there."""
    postbox = Postbox()
    with mail_server(postbox) as port:
        yield postbox, {"MAIL": f"smtp://127.0.0.1:{port}", "MAIL_FROM": "registration@club.example"}


@contextmanager
def mailing(folder):
    """Serve the app with a mail server; yield the app's address and the server's postbox."""
    with mail_settings() as (postbox, mail), few(folder, **mail) as site:
        yield site, postbox


@contextmanager
def organising(folder):
    """Serve a season, where all clubs come to one competition, with two organisers; yield its address and a postbox."""
    data = season.clubs(), season.competitions()
    with serving_data(folder, *data, **KEPT, COST_PER_PLACE=1) as site:  # so that each can pay for one more
        book_a_season(site)
        for club in season.clubs():
            order(signed_in(site, club["email"]), site, season.OF_ALL_CLUBS, 1)
    organisers = json.dumps([ANN, season.email_of(season.CLUB)])
    with (
        mail_settings() as (postbox, mail),
        serving_data(folder, *data, **KEPT, **mail, ORGANISERS=organisers) as site,
    ):
        yield site, postbox


def wait_for_code(postbox, number=1):
    """Wait for the mail with a number, counted from 1; return the code that it brings."""
    wait_until(lambda: len(postbox.mails) >= number)
    return code_in(postbox.mails[number - 1])


def long_lists():
    """Return clubs and competitions that fill more than one page of each list."""
    clubs = [a_club(f"Club {number:04}", f"{number}@club.example", 9) for number in range(2431)]
    return clubs, [a_competition(f"Cup {number:03}", "2050-01-01 10:00:00", number) for number in range(105)]


def book_a_season(site):
    """Send the bookings and returns of a season without the browser, each club with a session of its own."""
    emails = {club["name"]: club["email"] for club in season.clubs()}
    clubs = {}
    for club, competition, places in season.orders():
        if club not in clubs:
            clubs[club] = signed_in(site, emails[club])
        order(clubs[club], site, competition, places)


def signed_in(site, email):
    """Sign in without the browser; return what opens addresses in that session."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    post(opener, f"{site}/showSummary", email=email)
    return opener


def order(opener, site, competition, places):
    """Book places without the browser or, with a negative number, give them back."""
    view = "purchasePlaces" if places > 0 else "cancelPlaces"
    post(opener, f"{site}/{view}", competition=competition, places=abs(places))


def post(opener, address, **form):
    """Send a form without the browser."""
    opener.open(address, urlencode(form).encode(), timeout=WAIT).close()


# States with few competitions


def signed_out(browser, site):
    """Lead the browser through the pages of those who are not signed in."""
    browser.get(site)
    yield "sign-in: first visit"
    browser.get(f"{site}/bookings")
    yield "sign-in: needed"
    send(browser, SIGN_IN_FORM, ".error-summary", email="nobody@nowhere.example")
    yield "sign-in: refused"
    browser.get(f"{site}/competitions")
    yield "competitions: few"
    browser.get(f"{site}/pointsBoard")
    yield "board: signed out"
    browser.get(f"{site}/nowhere")
    yield "error: not found"


def club_without_points(browser, site):
    """Lead the browser through the pages of a club that can book nothing."""
    sign_in(browser, site, "none@club.example")
    yield "summary: no points"
    browser.get(f"{site}/bookings")
    yield "bookings: none"
    browser.get(site + book_address(OPEN, "Without Points"))
    yield "competition: no points"
    browser.get(site + book_address(CANCELLED, "Without Points"))
    yield "competition: cancelled"


def bookings_and_returns(browser, site):
    """Lead the browser through what a club does at competitions, and what it meets on the way."""
    club = "Atlas Barbell"
    sign_in(browser, site, ATLAS)
    yield "summary: few"
    book(browser, site, club, FULL, "5")
    browser.get(site + book_address(CUP, club))
    yield "competition: bookable"
    send(browser, "[action='/purchasePlaces']", ".error-summary", places="13")
    yield "competition: refused"
    book(browser, site, club, CUP, "12")
    yield "summary: booked"
    browser.get(site + book_address(FULL, club))
    yield "competition: full"
    browser.get(site + book_address(CUP, club))
    yield "competition: at the cap"
    browser.get(site + book_address(PAST, club))
    yield "summary: closed"
    browser.get(site + book_address(OPEN, "Simply Lift"))
    yield "error: another club"
    browser.get(f"{site}/bookings")
    yield "bookings: few"
    browser.get(site + book_address(FULL, club))
    send(browser, "[action='/cancelPlaces']", ".error-summary", places="6")
    yield "competition: return refused"
    send(browser, "[action='/cancelPlaces']", ".success", places="1")
    yield "bookings: given back"
    browser.get(f"{site}/bookings?show=all")
    yield "history: few"
    browser.get(f"{site}/showSummary?q=cup")
    yield "summary: narrowed by its address"


def long_names(browser, site):
    """Lead the browser through the pages of clubs and competitions with long names."""
    sign_in(browser, site, "long@club.example")
    book(browser, site, LONG_CLUB, LONG_CUP, "2")
    yield "summary: long names"
    browser.get(site + book_address(LONGEST_CUP, LONG_CLUB))
    yield "competition: long names"
    sign_in(browser, site, "longest@club.example")
    book(browser, site, LONGEST_CLUB, LONGEST_CUP, "1")
    yield "summary: longest names"
    browser.get(f"{site}/bookings")
    yield "bookings: longest names"


def session_ended(browser, site):
    """Lead the browser to the sign-in page by a form without a session."""
    browser.get(site + book_address(OPEN, LONGEST_CLUB))
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    send(browser, "[action='/purchasePlaces']", ".error-summary", places="1")
    yield "sign-in: nothing was booked"


def journal_away(browser, site, journal):
    """Lead the browser through the pages while the file of the journal is away."""
    sign_in(browser, site, JOHN)
    browser.get(site + book_address(OPEN, "Simply Lift"))
    away = journal.rename(journal.with_suffix(".away"))
    send(browser, "[action='/purchasePlaces']", "h1", places="2")
    yield "error: nothing booked by this try"
    browser.get(f"{site}/showSummary")
    yield "summary: old figures"
    away.rename(journal)


# States of a season


def season_signed_out(browser, site):
    """Lead the browser through what everybody sees of a season."""
    browser.get(f"{site}/logout")
    yield "sign-in: season"
    browser.get(f"{site}/competitions")
    yield "competitions: season"
    browser.get(f"{site}/competitions?q=lyon&month=2050-03")
    yield "competitions: narrowed"
    browser.get(f"{site}/competitions?show=past&page=2")
    yield "past: signed out"


def season_of_the_club(browser, site):
    """Lead the browser through the pages of a club with 30 holdings, in a season of 190 competitions."""
    sign_in(browser, site, season.email_of(season.CLUB))
    yield "summary: season"
    for state, query in {
        "summary: narrowed": "q=lyon&month=2050-03",
        "past: narrowed": "show=past&q=lyon",
    }.items():
        browser.get(f"{site}/showSummary?{query}")
        for details in browser.find_elements(By.CSS_SELECTOR, "details"):
            details.click()
        yield state
    browser.get(f"{site}/bookings")
    yield "bookings: season"
    browser.get(f"{site}/pointsBoard")
    yield "board: season"
    browser.get(site + book_address(LONGEST_OF_SEASON, season.CLUB))
    yield "competition: season"


def season_without_points(browser, site):
    """Lead the browser through the pages of a club that can book nothing all season."""
    sign_in(browser, site, season.email_of(season.POOR_CLUB))
    browser.get(f"{site}/showSummary?show=bookable")
    yield "summary: nothing to book"


# States of long lists, of no data, and of codes


def last_pages(browser, site):
    """Lead the browser through lists of more than 100 rows."""
    opener = signed_in(site, "0@club.example")
    for _ in range(51):
        order(opener, site, "Cup 104", 1)
        order(opener, site, "Cup 104", -1)
    browser.get(f"{site}/logout")
    browser.get(f"{site}/competitions?page=2")
    yield "competitions: last page"
    browser.get(f"{site}/pointsBoard?page=25")
    yield "board: last page"
    sign_in(browser, site, "0@club.example")
    browser.get(f"{site}/showSummary?page=2")
    yield "summary: last page"
    browser.get(f"{site}/bookings?show=all&page=2")
    yield "history: last page"


def no_data(browser, site):
    """Lead the browser through the pages of empty lists."""
    browser.get(f"{site}/logout")
    browser.get(site)
    yield "sign-in: no data"
    browser.get(f"{site}/competitions")
    yield "competitions: no data"
    browser.get(f"{site}/pointsBoard")
    yield "board: no data"


def codes(browser, site, postbox, journal):
    """Lead the browser through every state of the page for the mailed code."""
    browser.get(f"{site}/logout")
    browser.get(site)
    send(browser, SIGN_IN_FORM, "#code", email=JOHN)
    yield "code: asked"
    send(browser, CODE_FORM, ".error-summary", code=WRONG_CODE)
    yield "code: refused"
    send(browser, ANOTHER_FORM, ".banner")
    yield "code: another asked for"

    away = journal.rename(journal.with_suffix(".away"))
    send(browser, CODE_FORM, ".error-summary", code=wait_for_code(postbox, 2))
    yield "code: journal away"
    away.rename(journal)


# States of the organiser's pages


def sign_in_by_code(browser, site, postbox, email):
    """Sign in with the code that is mailed, whoever was signed in before."""
    number = len(postbox.mails) + 1
    browser.get(f"{site}/logout")
    send(browser, SIGN_IN_FORM, "#code", email=email)
    send(browser, CODE_FORM, ".club", code=wait_for_code(postbox, number))


def organiser(browser, site, postbox):
    """Lead the browser through what an organiser sees who is no club."""
    sign_in_by_code(browser, site, postbox, ANN)
    yield "organiser: season"
    browser.get(f"{site}/organiser?show=past&page=2")
    yield "organiser: past"
    browser.get(f"{site}/organiser/entries?competition=Nix")
    yield "organiser: unknown competition"
    browser.get(f"{site}/organiser/entries?{urlencode({'competition': season.FULL[0]})}")
    yield "entries: one club"
    browser.get(f"{site}/organiser/entries?{urlencode({'competition': LONGEST_OF_SEASON})}")
    yield "entries: some clubs"
    browser.get(f"{site}/organiser/entries?{urlencode({'competition': season.OF_ALL_CLUBS})}")
    yield "entries: many clubs"
    browser.get(f"{site}/organiser/entries?competition=Paris+Open+2020")
    yield "entries: none"
    browser.get(f"{site}/pointsBoard")
    yield "board: organiser"


def organiser_of_a_club(browser, site, postbox):
    """Lead the browser through what an organiser sees whose address is a club's too, and a club that is none."""
    sign_in_by_code(browser, site, postbox, season.email_of(season.CLUB))
    yield "summary: organiser"
    browser.get(f"{site}/organiser")
    yield "organiser: a club's"
    sign_in_by_code(browser, site, postbox, season.email_of(season.POOR_CLUB))
    browser.get(f"{site}/organiser")
    yield "error: not for clubs"
