"""The acceptance suite: what secretaries, organisers and testers rely on, in the order in which they meet it.

Each subject has a more detailed suite of its own in tests/.
"""

import os
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import quote

import click
import icalendar
import pytest
from flask.cli import FlaskGroup, ScriptInfo
from werkzeug.test import create_environ, run_wsgi_app

import server
from gudlft.journal import JournalError
from tests.support import (
    ANN,
    ATLAS,
    COMPETITIONS,
    JOHN,
    KEPT,
    OPEN,
    PAST,
    SMALL,
    Figures,
    Secretary,
    a_club,
    a_competition,
    book_address,
    exported_rows,
    make_ledger,
    parties,
    places_of,
    run_command,
    signed_in_by_code,
    statuses,
    tomorrow,
    write_data,
)

# Signing in and out


@pytest.mark.parametrize("typed", [JOHN, "  JOHN@SimplyLift.CO\t"])
def test_secretary_signs_in_with_the_email_address_of_the_club(typed):
    secretary = Secretary()

    answer = secretary.sign_in(typed)

    assert (303, "/showSummary") == answer.redirect
    assert "Simply Lift" == secretary.club
    assert (303, "/showSummary") == secretary.get("/").redirect


@pytest.mark.parametrize(
    ("typed", "status", "sentence"),
    [
        ("", 400, "Enter your email address"),
        ("john", 400, "Enter an email address in the correct format, like name@example.com"),
        ("no@club.example", 404, "We cannot find a club with this email address. Check the address and try again"),
    ],
)
def test_refused_sign_in_says_why_and_keeps_what_was_typed(typed, status, sentence):
    secretary = Secretary()

    page = secretary.sign_in(typed)

    assert (status, sentence) == page.refusal
    assert typed == page.form("/showSummary")["email"]
    assert not secretary.is_signed_in


def test_after_ten_failed_sign_ins_even_a_right_address_has_to_wait():
    secretary = Secretary()
    for _ in range(10):
        secretary.sign_in("no@club.example")

    page = secretary.sign_in(JOHN)

    assert (429, "Too many attempts. Wait a minute and try again") == page.refusal
    assert 0 < int(page.headers["Retry-After"]) <= 60
    assert not secretary.is_signed_in


@pytest.mark.parametrize(
    ("address", "shown_then"),
    [
        ("/showSummary?q=novice", "/showSummary?q=novice"),
        (book_address(OPEN, "Simply Lift"), book_address(OPEN, "Simply Lift")),
        (f"/calendar/{OPEN}", book_address(OPEN, "Simply Lift")),
        (f"/calendar/{PAST}", "/showSummary"),
        ("/bookings?" + "x" * 1000, "/showSummary"),
    ],
)
def test_page_of_a_club_asks_the_signed_out_to_sign_in_and_is_shown_then(address, shown_then):
    secretary = Secretary()

    answer = secretary.get(address)

    assert (303, "/") == answer.redirect
    assert "You are not signed in. Sign in to continue" in secretary.get("/").text
    assert (303, shown_then) == secretary.sign_in(JOHN).redirect


@pytest.mark.parametrize(
    ("form", "competition", "sentence", "address"),
    [
        ("/purchasePlaces", OPEN, "nothing was booked. Sign in to book", book_address(OPEN, "Simply Lift")),
        ("/purchasePlaces", "Nix", "nothing was booked. Sign in to book", "/showSummary"),
        ("/purchasePlaces", None, "nothing was booked. Sign in to book", "/showSummary"),
        ("/cancelPlaces", PAST, "nothing was changed. Sign in to give places back", "/showSummary"),
        ("/cancelPlaces", OPEN, "nothing was changed. Sign in to give places back", book_address(OPEN, "Simply Lift")),
    ],
)
def test_signed_out_form_changes_nothing_and_sign_in_leads_to_it(ledger, john, form, competition, sentence, address):
    john.book("2")
    secretary = Secretary()

    page = secretary.post(form, competition=competition, places="1")

    assert (403, f"You are not signed in and {sentence}") == page.refusal
    assert [2] == places_of(ledger.entries)
    assert (303, address) == secretary.sign_in(JOHN).redirect


def test_signing_out_ends_copies_of_the_cookie_and_what_they_had_to_say(john):
    john.book("1")
    copy = john.cookie

    answer = john.post("/logout")

    assert (303, "/") == answer.redirect
    assert "You are signed out" in john.get("/").text
    assert not john.is_signed_in
    john.take_cookie(copy)
    assert not john.is_signed_in
    assert "" == john.get("/").banner


def test_head_request_signs_nobody_out_and_keeps_no_page_for_later(john):
    secretary = Secretary()

    john.client.head("/logout")
    secretary.client.head("/bookings")

    assert john.is_signed_in
    assert (303, "/showSummary") == secretary.sign_in(JOHN).redirect


# Looking


def test_summary_shows_the_clubs_points_and_the_figures_of_each_competition(john, atlas):
    atlas.book("12")

    john.book("1")

    assert Figures(points_left=10, places_left=7, places_held=1) == john.figures(OPEN)
    assert Figures(points_left=10, places_left=5, places_held=0) == john.figures(SMALL)
    assert Figures(points_left=10, places_left=25, places_held=0) == john.figures(PAST)


@pytest.mark.parametrize(
    ("choice", "shown"),
    [("q=NOVICE", {SMALL}), ("month=2050-03", {OPEN}), ("q=fall&show=past", {"Fall Classic"})],
)
def test_everyone_finds_competitions_by_name_and_month_and_a_club_on_its_summary(john, choice, shown):
    programme = Secretary().get(f"/competitions?{choice}")
    answer = john.get(f"/competitions?{choice}")

    assert (200, shown) == (programme.status, listed(programme))
    assert (303, f"/showSummary?{choice}") == answer.redirect
    assert shown == listed(john.get(f"/showSummary?{choice}"))


def test_club_finds_where_it_can_book_and_where_it_holds_places(john):
    john.book("4", SMALL)

    pages = [john.get(f"/showSummary?show={show}") for show in ("bookable", "mine", "past")]

    assert [set(), {SMALL}, {PAST, "Fall Classic"}] == [listed(page) for page in pages]


def listed(page):
    """Return the names of the competitions in a page's list, without those that are folded below it."""
    rows = page.soup.select("tr[data-competition]")
    return {row["data-competition"] for row in rows if not row.find_parent("details")}


def test_sign_in_page_shows_the_next_five_competitions_and_leads_to_all(serve):
    cups = [tomorrow(f"Cup {number}", 9) for number in range(5)]
    serve(make_ledger(competitions=[*COMPETITIONS, *cups]))

    page = Secretary().get("/")

    assert "Set-Cookie" not in page.headers
    assert {cup.name for cup in cups} == page.competitions
    assert "/competitions" == page.links["See all 7 competitions"]


def test_everyone_can_read_the_points_board_and_nobody_an_address(john):
    stranger = Secretary()
    john.book("4")

    for page in [stranger.get("/"), stranger.get("/pointsBoard"), john.get("/pointsBoard")]:
        points = [(club, number) for (kind, club), number in page.figures.items() if kind == "points-left"]
        assert [("Atlas Barbell", 60), ("She Lifts", 12), ("Iron Temple", 4), ("Simply Lift", 1)] == points
        assert "@" not in page.html


def test_competition_is_a_file_for_a_calendar(john):
    john.book("2")

    file = john.get(f"/calendar/{OPEN}")

    assert 200 == file.status
    assert "text/calendar; charset=utf-8" == file.headers["Content-Type"]
    assert "attachment" in file.headers["Content-Disposition"]
    assert "Simply Lift holds 2 places" in file.html


def test_competition_says_where_it_is(serve, john):
    url = "https://club.example/?a='1'&b=2"
    serve(make_ledger(competitions=[replace(COMPETITIONS[2], location='Palais "Sud", Lyon', url=url)]))
    john.book("1")

    page = john.get(book_address(OPEN, "Simply Lift"))

    assert url == page.links['Palais "Sud", Lyon']
    lists = [john.get("/showSummary"), john.get("/bookings"), Secretary().get("/"), Secretary().get("/competitions")]
    assert all('11:11 Palais "Sud", Lyon' in page.text for page in lists)


def test_everyone_can_subscribe_to_the_competitions_to_come(ledger, clock):
    clock(ledger.competitions[OPEN].starts_at)

    file = Secretary().get("/competitions.ics")

    assert "text/calendar; charset=utf-8" == file.headers["Content-Type"]
    assert [SMALL] == [str(event["summary"]) for event in icalendar.Calendar.from_ical(file.html).events]


# Booking


def test_secretary_books_places(john):
    form = john.booking_form(places=" 3 ")

    answer = john.book(**form)

    assert (303, "/showSummary") == answer.redirect
    sentence = f"Great-booking complete! Your club has booked 3 places in {OPEN} for 9 points. 4 points are left"
    assert sentence in john.get("/showSummary").banner
    assert Figures(points_left=4, places_left=17, places_held=3) == john.figures()


@pytest.mark.parametrize(
    ("email", "competition", "held", "places", "sentence", "most"),
    [
        (JOHN, OPEN, 0, "5", "enough points available: 5 places cost 15 points and your club has 13, enough for 4", 4),
        (ATLAS, SMALL, 0, "6", "You can't book more places than available: only 5 places are left", 5),
        (ATLAS, OPEN, 0, "13", "more than 12 places per competition: your club holds 0, so at most 12 more", 12),
        (ATLAS, OPEN, 7, "6", "more than 12 places per competition: your club holds 7, so at most 5 more", 5),
    ],
)
def test_limit_is_told_and_the_number_that_it_names_can_be_booked(email, competition, held, places, sentence, most):
    secretary = Secretary(email)
    secretary.book(str(held), competition)
    before = secretary.figures(competition)

    page = secretary.book(places, competition)

    assert 400 == page.status
    assert sentence in page.problem
    assert before == secretary.figures(competition)
    assert places == page.form("/purchasePlaces")["places"]
    assert most == page.figures["most-places", competition]
    assert 303 == secretary.book(str(most), competition).status
    assert held + most == secretary.figures(competition).places_held


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Enter the number of places"),
        ("1.5", "Number of places must be a whole number, like 3"),
        ("0", "Number of places must be 1 or more"),
    ],
)
def test_number_of_places_must_be_one_or_more(ledger, john, typed, sentence):
    john.book("2")

    booking = john.book(typed)
    giving_back = john.give_back(typed)

    assert (400, sentence) == booking.refusal == giving_back.refusal
    assert typed == booking.form("/purchasePlaces")["places"]
    assert typed == giving_back.form("/cancelPlaces")["places"]
    assert [2] == places_of(ledger.entries)


@pytest.mark.parametrize("typed", ["1", "abc"])
def test_refusal_where_nothing_can_be_booked_says_why_and_shows_no_field(john, typed):
    john.book("4")

    page = john.book(typed)

    sentence = "Your club does not have enough points to book a place: a place costs 3 points and your club has 1"
    assert (400, sentence) == page.refusal
    assert [] == page.forms("/purchasePlaces")
    assert "1 point available" in john.get("/showSummary").text


def test_receipt_shows_the_points_as_of_its_booking_on_one_page_alone(john):
    john.book("1")
    Secretary(JOHN).book("2", SMALL)
    john.get("/purchasePlaces")

    pages = [john.get("/bookings"), john.get("/showSummary")]

    assert "10 points are left" in pages[0].banner
    assert "" == pages[1].banner
    assert 4 == pages[1].figures["points-left", "Simply Lift"]


@pytest.mark.parametrize("hours_to_the_start", [1, 0])
def test_same_form_sent_twice_books_once_and_shows_the_booking(ledger, clock, hours_to_the_start):
    start = ledger.competitions[OPEN].starts_at
    clock(start - timedelta(hours=1))
    john = Secretary(JOHN)
    form = john.booking_form(places="4")
    john.book(**form)

    clock(start - timedelta(hours=hours_to_the_start))
    again = john.book(**form)

    assert 303 == again.status
    assert "has booked 4 places" in john.get("/showSummary").banner
    assert Figures(points_left=1, places_left=16, places_held=4) == john.figures()


def test_competition_that_has_started_is_closed(ledger, john):
    pages = [john.get(book_address(PAST, "Simply Lift")), john.book("1", PAST), john.give_back("1", PAST)]

    started = "Spring Festival started on 27 March 2020 at 10:00"
    assert [(400, f"Booking is closed: {started}")] * 2 == [page.refusal for page in pages[:2]]
    assert (400, f"Places can no longer be given back: {started}") == pages[2].refusal
    assert ["Simply Lift", "Simply Lift", "My bookings"] == [page.heading for page in pages]
    assert [] == ledger.entries


def test_booking_may_close_before_the_start_and_giving_back_goes_on(serve, john, clock):
    closing = COMPETITIONS[2].starts_at.replace(day=20, hour=18, minute=0)
    ledger = serve(make_ledger(competitions=[replace(COMPETITIONS[2], booking_closes_at=closing)]))
    john.book("3")
    assert "Booking until Sun 20 March 2050, 18:00" in john.get(book_address(OPEN, "Simply Lift")).text

    clock(closing)
    john.sign_in(JOHN)
    refused = john.book("1")
    summary = john.get("/showSummary?show=bookable")
    public = Secretary().get("/competitions")
    given_back = john.give_back("1")

    sentence = f"Booking is closed: {OPEN} took bookings until 20 March 2050 at 18:00"
    assert (400, sentence) == refused.refusal
    assert [] == refused.forms("/purchasePlaces")
    assert sentence in john.get(book_address(OPEN, "Simply Lift")).text
    assert set() == summary.competitions
    assert "Closed" == john.get("/showSummary").rows[2][3] == public.rows[2][3]
    assert 303 == given_back.status
    assert [3, -1] == places_of(ledger.entries)


def test_unknown_competition_is_told_on_the_list(john):
    pages = [
        john.book("1", "Nix"),
        john.get(book_address("Nix", "Simply Lift")),
        john.get("/calendar/Nix"),
        john.give_back("1", "Nix"),
    ]

    for page in pages:
        assert (404, "We cannot find this competition. Choose one from the list") == page.refusal
    assert "My bookings" == pages[-1].heading


def test_signed_in_club_pays_whatever_the_form_says(ledger, john):
    pages = [
        john.get(book_address(OPEN, "She Lifts")),
        john.book("1", club="She Lifts"),
        john.book("1", club="Nix"),
        john.book("1", club=""),
        john.book("1", club="simply lift"),
        john.give_back("1", club="She Lifts"),
    ]

    for page in pages:
        assert 403 == page.status
        assert "This page belongs to another club. You are signed in as Simply Lift" in page.text
    assert [] == ledger.entries


# Giving back


def test_secretary_gives_places_back(john):
    john.book("3")
    form = john.return_form(places="2")

    answer = john.give_back(**form)

    assert (303, "/bookings") == answer.redirect
    sentence = f"2 places in {OPEN} given back. 6 points returned, 10 points available"
    assert sentence in john.get("/bookings").banner
    assert Figures(points_left=10, places_left=19, places_held=1) == john.figures()


def test_club_gives_back_no_more_than_it_holds_there(ledger, john, atlas):
    atlas.book("5")
    john.book("1", SMALL)

    too_many = john.give_back("3", SMALL)
    where_none_is_held = john.give_back("abc", OPEN)

    assert (400, f"Your club holds 1 place in {SMALL}: enter at most 1") == too_many.refusal
    assert "3" == too_many.form("/cancelPlaces")["places"]
    assert (400, f"Your club holds no places in {OPEN}") == where_none_is_held.refusal
    assert [5, 1] == places_of(ledger.entries)


def test_latest_ten_bookings_and_returns_lead_to_all_in_pages(ledger, john):
    for _ in range(51):
        ledger.book(*parties(ledger), 1)
        ledger.give_back(*parties(ledger), 1)

    pages = [john.get(f"/bookings{query}") for query in ("", "?show=all", "?show=all&page=2")]

    assert "/bookings?show=all" == pages[0].links["See all 102 bookings"]
    assert "/bookings?show=all&page=2" == pages[1].links["Next page"]
    assert [(102, 93), (102, 3), (2, 1)] == [(numbers[0], numbers[-1]) for numbers in map(booking_numbers, pages)]


def booking_numbers(page):
    """Return the numbers of the bookings and returns in a history."""
    return [int(row[-1].removeprefix("booking ")) for row in page.rows if row[-1].startswith("booking ")]


# What goes wrong


def test_address_of_a_form_leads_to_its_list_when_it_is_opened(john):
    assert (303, "/showSummary") == john.get("/purchasePlaces").redirect
    assert (303, "/bookings") == john.get("/cancelPlaces").redirect


def test_form_from_another_site_changes_nothing(ledger, john):
    for headers in [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "http://[::1"}]:
        page = john.post("/purchasePlaces", headers, competition=OPEN, places="1")

        assert 403 == page.status
        sentence = "This form was sent from another site and nothing was changed. Open the page here and try again"
        assert sentence in page.text
        assert [] == ledger.entries


def test_errors_have_a_page_of_the_app_with_a_way_on(john, monkeypatch):
    monkeypatch.setitem(server.app.config, "TRUSTED_HOSTS", ["localhost"])

    pages = [
        john.get("/nix"),
        john.get("/code"),
        john.get(book_address(OPEN, "No Such Club")),
        john.post("/bookings"),
        john.post("/logout", places="x" * 17_000),
        john.get("/", Host="evil.example"),
    ]

    assert [404, 404, 404, 405, 413, 400] == statuses(pages)
    for page in pages:
        assert page.title.endswith(" – GÜDLFT Registration")
        assert {"/", "/pointsBoard"} <= set(page.links.values())
    assert {"GET", "HEAD", "OPTIONS"} == set(pages[3].headers["Allow"].split(", "))
    assert "The form is too large" == pages[4].heading


def test_fault_after_a_booking_says_that_it_was_made(ledger, john, monkeypatch):
    monkeypatch.setitem(server.app.config, "TESTING", False)
    monkeypatch.setattr(server.sentences, "what_was_done", None)

    page = john.book("1")

    assert 500 == page.status
    assert "Your request was carried out, but its page could not be shown" in page.text
    assert 1 == len(ledger.entries)


def test_browsers_keep_this_style_sheet_and_no_page(john):
    page = john.get("/showSummary")
    address = page.soup.select_one("link[rel=stylesheet]")["href"]

    assert "no-store" == page.headers["Cache-Control"]
    assert "public, max-age=31536000, immutable" == john.get(address).headers["Cache-Control"]
    assert "no-cache" == john.get(f"{address}0").headers["Cache-Control"]
    assert "no-store" == john.get(address.replace("style", "nix")).headers["Cache-Control"]


# The journal


def test_while_the_journal_is_away_pages_stay_and_no_order_is_judged(journal, john):
    john.book("1")
    journal.fault = "away"

    pages = [john.book("1"), john.book("abc"), john.give_back("abc")]

    assert [503, 503, 503] == statuses(pages)
    assert Figures(points_left=10, places_left=19, places_held=1) == john.figures()
    assert "These figures may be a little old" in john.get("/showSummary").text


def test_monitor_reads_whether_the_journal_is_away_and_that_a_booking_was_not_taken_until_one_is(journal, john):
    answers = [john.get("/health")]
    for fault in ["away", "full", None]:
        journal.fault = fault
        john.book("1")
        answers.append(john.get("/health"))

    ok, away, full = (200, "ok"), (503, "the journal is away"), (503, "the journal takes no bookings")
    assert [ok, away, full, ok] == [(answer.status, answer.html) for answer in answers]
    assert {"text/plain; charset=utf-8"} == {answer.headers["Content-Type"] for answer in answers}


def test_monitor_tries_the_journal_at_most_once_a_second(journal, john, monkeypatch):
    monkeypatch.setattr("gudlft.limits.time", SimpleNamespace(monotonic=lambda: seconds))
    journal.fault = "full"
    john.book("1")
    answers = []
    for seconds in [100, 100.9, 101.0, 101.9, 102.1]:
        journal.fault = "full" if seconds < 101.5 else None
        answers.append((Secretary().get("/health").status, journal.trials))

    assert [(503, 1), (503, 1), (503, 2), (503, 2), (200, 3)] == answers


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("away", "Nothing was booked or given back by this try. Send the form again in a minute"),
        ("in doubt", "It is not certain whether your places were booked or given back"),
        ("in doubt, not made", "It is not certain whether your places were booked or given back"),
    ],
)
def test_form_that_met_a_fault_of_the_journal_books_once_when_it_is_sent_again(journal, john, fault, sentence):
    journal.fault = fault
    page = john.book("2")

    journal.fault = None
    for _ in range(2):
        answer = john.book(**page.form("/purchasePlaces"))
        assert 303 == answer.status

    assert 503 == page.status
    assert sentence in page.text
    assert [2] == places_of(journal.rows)


# Starting


def test_app_starts_with_the_demo_and_its_settings(start):
    app = start(COST_PER_PLACE=1, MAX_PLACES_PER_CLUB=11, CONTACT="the office").app

    check = run_command("check", app=app)
    page = Secretary(ATLAS, app).get(book_address(OPEN, "Atlas Barbell"))

    assert (0, "") == (check.exit_code, check.stderr)
    assert "clubs.json: 4 clubs, 89 points\ncompetitions.json: 5 competitions, 87 places\n" in check.stdout
    assert check.stdout.endswith("journal: none, a restart resets all bookings\n")
    assert 11 == page.figures["most-places", OPEN]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"COST_PER_PLACE": 0, "HTTPS": "maybe"},
            "GUDLFT_COST_PER_PLACE must be a whole number, 1 or more\nGUDLFT_HTTPS must be true or false",
        ),
        (KEPT | {"JOURNAL": "sqlite:////nowhere/bookings.db"}, "GUDLFT_JOURNAL: unable to open database file"),
    ],
)
def test_whatever_is_wrong_stops_the_start_with_a_line_each(start, settings, message):
    with pytest.raises(SystemExit) as stop:
        start(**settings)

    assert message == stop.value.code


def test_bookings_and_sign_ins_survive_a_restart_with_a_journal(data, start, caplog):
    john = Secretary(JOHN, start(**KEPT).app)
    john.book("3")

    write_data(data, [a_club("Simply Lift", JOHN, 8)], [a_competition(OPEN, "2050-03-27 11:11:00", 20)])
    john.move_to(start().app)

    assert Figures(points_left=0, places_left=17, places_held=3) == john.figures()
    assert "Simply Lift: 9 points are spent, of 8" in caplog.messages


def test_renamed_club_and_competition_keep_their_bookings_and_their_links(data, start):
    john = Secretary(JOHN, start(**KEPT).app)
    form = john.booking_form("3")
    john.post("/purchasePlaces", **form)
    club = a_club("Lift Lyon", JOHN, 13, formerly=["Simply Lift"])
    write_data(data, [club], [a_competition("Gala", "2050-03-27 11:11:00", 20, formerly=[OPEN])])

    john.move_to(start().app)
    john.post("/purchasePlaces", **form)
    john.book("1", OPEN, club="Simply Lift")
    john.give_back("2", OPEN, club="Simply Lift")

    assert Figures(points_left=7, places_left=18, places_held=2) == john.figures("Gala")
    assert ["Gala", "Gala", "Gala"] == [row[0] for row in john.get("/bookings").rows[-3:]]
    assert (303, book_address("Gala", "Lift Lyon")) == john.get(book_address(OPEN, "Simply Lift")).redirect
    assert (303, "/calendar/Gala") == john.get(f"/calendar/{OPEN}").redirect
    assert 404 == john.book("1", OPEN.lower()).status


def test_process_with_older_files_asks_to_try_again_where_newer_ones_know_the_name(data, start):
    old = start(**KEPT)
    john = Secretary(JOHN, old.app)
    clubs = [a_club("Lift Lyon", JOHN, 13, formerly=["Simply Lift"]), a_club("New Club", "new@club.example", 9)]
    write_data(data, clubs, [a_competition("Gala", "2050-03-27 11:11:00", 20, formerly=[OPEN])])
    new_app = start().app
    newcomer = Secretary("new@club.example", new_app)
    newcomer.move_to(old.app)

    pages = [
        john.get(book_address("Gala", "Lift Lyon")),
        john.get(book_address("Gala", "Simply Lift")),
        john.get("/calendar/Gala"),
        john.book("1", "Gala"),
        john.book("1", club="Lift Lyon"),
        john.give_back("1", "Gala"),
        Secretary(app=old.app).sign_in("New@club.example"),
        newcomer.get("/bookings"),
        newcomer.book("1", club="New Club"),
    ]
    unknown = [john.book("1", "Nix"), john.get(book_address("Nix", "Simply Lift")), john.get(book_address(OPEN, "Nix"))]

    for page in pages:
        assert (503, "Clubs or competitions are being changed") == (page.status, page.heading)
        assert "2" == page.headers["Retry-After"]
        assert "Open the page again in a moment, or send the form again: it books at most once" in page.text
    assert [404, 404, 404] == statuses(unknown)
    assert [] == old.opened.ledger.entries
    john.move_to(new_app)
    assert 303 == john.book("1", "Gala").status


def test_receipt_waits_for_a_process_that_knows_what_was_booked(data, start):
    old_app = start(**KEPT).app
    clubs = [a_club("Simply Lift", JOHN, 13), a_club("New Club", "new@club.example", 9)]
    write_data(data, clubs, [a_competition("Gala", "2050-03-27 11:11:00", 20)])
    new_app = start().app

    for secretary in (Secretary(JOHN, new_app), Secretary("new@club.example", new_app)):
        secretary.post("/purchasePlaces", competition="Gala", places="1")
        secretary.move_to(old_app)
        assert "" == secretary.get("/showSummary").banner
        secretary.move_to(new_app)
        assert "Great-booking complete" in secretary.get("/showSummary").banner
        assert "" == secretary.get("/showSummary").banner


def test_cancelled_competition_gives_back_what_clubs_hold_and_says_so_everywhere(data, start):
    john = Secretary(JOHN, start(**KEPT).app)
    john.book("3")

    club = a_club("Simply Lift", JOHN, 13)
    cup = a_competition(OPEN, "2050-03-27 11:11:00", 20)
    write_data(data, [club], [cup | {"cancelled": True}])
    app = start().app
    john.move_to(app)
    page = john.get(book_address(OPEN, "Simply Lift"))
    answers = [john.book("1"), john.give_back("1"), john.post("/purchasePlaces", competition=OPEN, places="x")]
    [entry] = icalendar.Calendar.from_ical(john.get(f"/calendar/{OPEN}").html).events
    [public] = icalendar.Calendar.from_ical(john.get("/competitions.ics").html).events

    sentence = f"{OPEN} is cancelled. Places that clubs held there were given back"
    assert sentence in page.text
    assert [] == page.forms("/purchasePlaces") + page.forms("/cancelPlaces")
    assert [(400, sentence)] * 3 == [answer.refusal for answer in answers]
    assert Figures(points_left=13, places_left=20, places_held=0) == john.figures()
    assert "Cancelled" == john.get("/showSummary").rows[2][3] == Secretary(app=app).get("/competitions").rows[2][3]
    assert set() == john.get("/showSummary?show=bookable").competitions
    assert "3 places given back: cancelled" in john.get("/bookings").text
    assert "CANCELLED" == entry["status"] == public["status"]

    write_data(data, [club], [cup])
    john.move_to(start().app)
    assert Figures(points_left=13, places_left=20, places_held=0) == john.figures()
    assert 303 == john.book("1").status


def test_second_process_without_a_journal_books_nothing(data, start):
    first = Secretary(JOHN, start().app)
    second = Secretary(JOHN, start().app)
    first.book("1")

    page = second.book("1")

    assert 503 == page.status
    assert "Another copy of this app takes the bookings. Ask whoever runs it (the log names the setting)" in page.text
    assert [200, 503] == [secretary.get("/health").status for secretary in (first, second)]


def test_app_is_secure_behind_a_trusted_proxy(data, start, caplog):
    caplog.set_level("INFO")
    secretary = Secretary(app=start(HTTPS="true", PROXIES=1).app)
    headers = {"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Proto": "https"}

    answer = secretary.post("/showSummary", headers, email=JOHN)

    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))
    assert "max-age=63072000" == answer.headers["Strict-Transport-Security"]
    assert ["10.0.0.9 Simply Lift: signed in"] == caplog.messages


def test_log_names_the_setting_of_forgotten_proxies_once(start, caplog):
    stranger = Secretary(app=start().app)

    for address in ["/", "/health", "/"]:
        stranger.get(address, **{"X-Forwarded-For": "1.2.3.4"})

    [line] = caplog.messages
    assert "set GUDLFT_PROXIES if a proxy sent it" in line


@pytest.mark.parametrize(("address", "status"), [("/competitions", "200"), ("/static/style.css", "200"), ("/x", "404")])
def test_client_that_names_no_host_and_asks_in_any_bytes_is_answered(address, status):
    environ = create_environ(address) | {"QUERY_STRING": "v=\x80"}
    del environ["HTTP_HOST"]

    _, answered, _ = run_wsgi_app(server.app, environ, buffered=True)

    assert answered.startswith(status)


# Codes by mail


def test_mailed_code_signs_in_once(mailing):
    secretary = Secretary(app=mailing.app)

    assert (303, "/code") == secretary.sign_in(JOHN.upper()).redirect
    assert "If a club has this email address, a code is on its way to it" in secretary.get("/code").text
    [(address, code)] = mailing.mails
    assert JOHN == address
    assert 400 == secretary.enter("AAAA-AAAA").status
    assert not secretary.is_signed_in
    assert (303, "/showSummary") == secretary.enter(code.lower()).redirect
    assert (303, "/showSummary") == secretary.get("/code").redirect

    secretary.post("/logout")
    assert 400 == secretary.enter(code).status


def test_another_code_replaces_the_first(mailing):
    secretary = Secretary(app=mailing.app)

    for _ in range(2):
        secretary.sign_in(JOHN)

    first, second = [code for _, code in mailing.mails]
    assert 400 == secretary.enter(first).status
    assert 303 == secretary.enter(second).status


def test_five_codes_are_mailed_and_ten_are_tried(mailing):
    secretary = Secretary(app=mailing.app)
    for _ in range(5):
        secretary.sign_in(JOHN)

    refused = secretary.sign_in(JOHN)

    assert (429, "Too many codes. Wait 10 minutes and try again") == refused.refusal
    assert 590 < int(refused.headers["Retry-After"]) <= 600
    assert 5 == len(mailing.mails)
    assert 303 == secretary.enter(mailing.mails[-1][1]).status
    *wrong, too_many = [secretary.enter("AAAA-AAAA") for _ in range(11)]
    assert [400] * 10 == statuses(wrong)
    assert (429, "Too many attempts. Wait a minute and try again") == too_many.refusal
    assert "Enter the code that was mailed – GÜDLFT Registration" == too_many.title  # no field is in error


@pytest.mark.parametrize("transaction", ["reading", "writing"])
def test_no_code_is_taken_while_the_journal_is_away(mailing, monkeypatch, transaction):
    def fail(*_):
        raise JournalError("away")

    secretary = Secretary(app=mailing.app)
    secretary.sign_in(JOHN)
    [(_, code)] = mailing.mails

    with monkeypatch.context() as patch:
        patch.setattr(mailing.opened.journal, transaction, fail)
        pages = [secretary.enter(code) for _ in range(6)]

    assert {(503, "Nobody can sign in at the moment. Try again in a minute")} == {page.refusal for page in pages}
    assert 303 == secretary.enter(code).status


# The organiser's pages


ENTRIES = f"/organiser/entries?competition={quote(OPEN)}"
ENTRIES_FILE = f"/organiser/entries.csv?competition={quote(OPEN)}"


def test_organiser_finds_who_comes_to_a_competition(mailing):
    john, _ = signed_in_by_code(mailing, JOHN)
    john.book("3")

    ann, led_to = signed_in_by_code(mailing, ANN)
    page = ann.get("/organiser")
    entries = ann.get(page.links[OPEN])

    assert (303, "/organiser") == led_to
    assert ENTRIES == page.links[OPEN]
    assert "3 of 20 places booked at 1 competition" in page.text
    assert f"{OPEN}: entry list" == entries.heading
    assert ["Simply Lift", "3 places"] == entries.rows[1][:2]
    assert ["1 club", "3 places", "17 of 20 left"] == entries.rows[-1][:3]
    assert "no-store" == entries.headers["Cache-Control"]


def test_organiser_downloads_the_tables_that_the_command_writes(mailing, ann):
    for address, name, arguments in [
        (ENTRIES_FILE, "2050-03-27-entries", ["--competition", OPEN]),
        ("/organiser/competitions.csv", f"{date.today()}-competitions", ["--totals", "competitions"]),
        ("/organiser/clubs.csv", f"{date.today()}-clubs", ["--totals", "clubs"]),
    ]:
        file = ann.get(address)

        assert run_command("bookings", *arguments, app=mailing.app).stdout_bytes == file.html.encode()
        assert "text/csv; charset=utf-8" == file.headers["Content-Type"]
        assert f"attachment; filename={name}.csv" == file.headers["Content-Disposition"]


def test_organisers_pages_are_for_organisers_alone(mailing):
    john, _ = signed_in_by_code(mailing, JOHN)
    stranger = Secretary(app=mailing.app)

    for address in ["/organiser", ENTRIES, ENTRIES_FILE, "/organiser/competitions.csv", "/organiser/clubs.csv"]:
        refused = john.get(address)
        assert 403 == refused.status
        assert "This page is for organisers. You are signed in as Simply Lift" in refused.text
        assert (303, "/") == stranger.get(address).redirect
        assert 404 == Secretary().get(address).status  # of an app without organisers


def test_organiser_without_a_club_is_led_to_the_organisers_page_and_books_nothing(mailing, ann):
    for address in ["/", "/competitions", "/showSummary", "/bookings", "/code", book_address(OPEN, "Simply Lift")]:
        assert (303, "/organiser") == ann.get(address).redirect
    for page in [ann.book("1"), ann.give_back("1")]:
        assert 403 == page.status
        assert "Places are booked and given back by clubs" in page.text
    assert [] == mailing.opened.ledger.entries


def test_entry_list_of_an_unknown_competition_is_told_on_the_organisers_page(ann):
    for address in [
        "/organiser/entries",
        "/organiser/entries?competition=Nix",
        "/organiser/entries.csv?competition=Nix",
    ]:
        page = ann.get(address)

        assert (404, "We cannot find this competition. Choose one from the list") == page.refusal
        assert "Organiser" == page.heading


def test_entry_list_is_found_by_a_former_name(mailing, ann):
    by_any_name = mailing.opened.ledger.competitions_by_any_name
    by_any_name["Spring Cup"] = by_any_name[OPEN]

    for address in ["/organiser/entries", "/organiser/entries.csv"]:
        answer = ann.get(f"{address}?competition=Spring+Cup")
        assert (303, f"{address}?competition=Spring+Festival+2050") == answer.redirect


# Commands


def test_check_says_what_the_journal_holds_and_what_no_longer_fits(journal, serve, john):
    john.book("4")
    serve(make_ledger(clubs=[], journal=journal))

    result = run_command("check")

    assert 0 == result.exit_code
    assert [
        "journal: 1 line, and it can be written",
        "Simply Lift: no longer in the files, its bookings stay",
        "note: no CONTACT is set",
    ] == result.output.splitlines()[4:]


def test_check_fails_with_a_line_if_the_journal_cannot_be_written(journal):
    journal.fault = "full"

    result = run_command("check")

    assert 1 == result.exit_code
    assert "GUDLFT_JOURNAL: it cannot be written: full\n" == result.output


def test_check_says_what_a_cancelled_competition_would_give_back(data, start):
    Secretary(JOHN, start(**KEPT).app).book("3")
    club = a_club("Simply Lift", JOHN, 13)
    write_data(data, [club], [a_competition(OPEN, "2050-03-27 11:11:00", 20, cancelled=True)])

    with click.Context(FlaskGroup()):  # as Flask loads an app in order to run one of its commands
        before = run_command("check", app=start().app)
    start()
    afterwards = run_command("check", app=start().app)

    line = f"{OPEN}: cancelled, 3 places of 1 club would be given back\n"
    assert 0 == before.exit_code
    assert line in before.output
    assert "cancelled" not in afterwards.output


@pytest.mark.parametrize(("contact", "points", "status"), [("", 13, 1), ("the office", 2, 1), ("the office", 13, 0)])
def test_strict_check_fails_for_a_note_or_a_mismatch(data, start, contact, points, status):
    Secretary(JOHN, start(**KEPT, CONTACT=contact).app).book("1")
    write_data(data, [a_club("Simply Lift", JOHN, points)], [a_competition(OPEN, "2050-03-27 11:11:00", 20)])
    app = start().app

    assert [0, status] == [run_command("check", *strict, app=app).exit_code for strict in ([], ["--strict"])]


def test_check_says_whether_the_mail_server_takes_mail(mailing, monkeypatch):
    while_away = run_command("check", app=mailing.app)

    asked = []
    monkeypatch.setattr("gudlft.mail.smtp.check_server", lambda server, sender: asked.append(sender))
    then = run_command("check", app=mailing.app)

    assert [1, 0] == [while_away.exit_code, then.exit_code]
    assert while_away.output.splitlines()[-1].startswith("mail: 127.0.0.1: ")
    assert [
        "journal: new, and it can be written",
        "mail: 127.0.0.1 takes mail from registration@club.example",
    ] == then.stdout.splitlines()[4:6]
    assert ["registration@club.example"] == asked


def test_check_notes_that_printed_mails_are_for_trying_it_out(start):
    result = run_command("check", app=start(MAIL="console:", CONTACT="Ann").app)

    assert 0 == result.exit_code
    assert [
        "mail: printed to standard error",
        "note: MAIL prints codes to standard error, which is for trying it out alone",
    ] == result.stdout.splitlines()[-2:]


def test_organiser_exports_all_bookings_and_the_entry_list_of_a_competition(journal, clock, set_zone):
    set_zone("Asia/Tokyo")
    clock(datetime.fromisoformat("2030-05-06 20:15:30.999+00:00"))
    john = Secretary(JOHN)
    john.book("3")
    john.give_back("1")
    john.book("1", SMALL)

    all_bookings = run_command("bookings")
    entry_list = run_command("bookings", "--competition", OPEN)

    moment = "2030-05-07 05:15:30+09:00"
    assert [
        ["number", "time", "club", "competition", "places", "points"],
        ["1", moment, "Simply Lift", OPEN, "3", "9"],
        ["2", moment, "Simply Lift", OPEN, "-1", "-3"],
        ["3", moment, "Simply Lift", SMALL, "1", "3"],
    ] == exported_rows(all_bookings)
    assert [["Simply Lift", JOHN, "2", moment, moment]] == exported_rows(entry_list)[1:]


def test_export_says_that_no_bookings_are_kept_and_which_competition_is_unknown():
    result = run_command("bookings", "--competition", "Nix")

    assert 1 == result.exit_code
    assert "GUDLFT_JOURNAL is not set: no bookings are kept\nThere is no competition Nix\n" == result.output


def test_club_that_is_no_longer_in_the_files_is_exported_with_what_is_known(journal, serve, john):
    john.book("1")
    serve(make_ledger([], journal=journal))

    assert ["Simply Lift", "", "1"] == exported_rows(run_command("bookings", "--competition", OPEN))[1][:3]


def test_totals_stand_alone():
    for others in (["--places"], ["--competition", OPEN]):
        result = run_command("bookings", "--totals", "clubs", *others)

        assert 2 == result.exit_code
        assert "--totals cannot be combined with --competition or --places" in result.output


def test_commands_look_at_a_journal_and_make_none(data, start):
    with click.Context(FlaskGroup()):  # as Flask loads an app in order to run one of its commands
        app = start(**KEPT).app

    check = run_command("check", app=app)
    export = run_command("bookings", app=app)

    assert 0 == check.exit_code
    assert "journal: missing, it will be made at the start\n" in check.output
    assert 1 == export.exit_code
    assert "GUDLFT_JOURNAL: this database is missing or empty, so it holds no bookings\n" == export.output
    assert not (data / "bookings.db").exists()


def closed_pipe():
    """Return a pipe to write to, whose other end is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("command", ["bookings", "check"])
@pytest.mark.parametrize(
    ("output", "reason"), [(lambda: "/dev/full", "No space left on device"), (closed_pipe, "Broken pipe")]
)
def test_output_that_cannot_be_written_is_told_in_one_line(monkeypatch, journal, command, output, reason):
    with open(output(), "w") as stdout, pytest.raises(SystemExit) as stop:
        monkeypatch.setattr(sys, "stdout", stdout)
        server.app.cli.main([command], obj=ScriptInfo(create_app=lambda: server.app))

    assert f"The output cannot be written: {reason}" == stop.value.code
