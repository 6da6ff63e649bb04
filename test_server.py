"""The acceptance suite: what secretaries, organisers and testers rely on. Finer suites lie in tests/, one a subject."""

import csv
import time
from datetime import datetime, timedelta

import pytest

import server
from gudlft.model import Club
from tests.support import (
    ATLAS,
    IRON,
    JOHN,
    KATE,
    OPEN,
    PAST,
    SMALL,
    TOKEN,
    Secretary,
    book_address,
    check_conservation,
    make_ledger,
    tomorrow,
    write_data,
)

# Signing in and out


def test_secretary_signs_in_with_the_email_address_of_the_club():
    secretary = Secretary()

    answer = secretary.post("/showSummary", email=JOHN)

    assert (303, "/showSummary") == answer.redirect
    assert "Simply Lift" == secretary.get("/showSummary").heading


@pytest.mark.parametrize("typed", ["JOHN@SimplyLift.CO", "  john@simplylift.co\t"])
def test_case_of_an_email_address_and_blanks_around_it_do_not_matter(typed):
    secretary = Secretary()

    secretary.post("/showSummary", email=typed)

    assert "Simply Lift" == secretary.club


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

    page = secretary.post("/showSummary", email=typed)

    assert (status, sentence) == page.refusal
    assert typed == page.form("/showSummary")["email"]
    assert 303 == secretary.get("/showSummary").status


def test_after_ten_failed_sign_ins_even_a_right_address_has_to_wait():
    secretary = Secretary()
    for _ in range(10):
        assert 404 == secretary.post("/showSummary", email="no@club.example").status

    page = secretary.post("/showSummary", email=JOHN)

    assert (429, "Too many attempts. Wait a minute and try again") == page.refusal
    assert 0 < int(page.headers["Retry-After"]) <= 60
    assert 303 == secretary.get("/showSummary").status


def test_first_page_leads_the_signed_in_to_their_summary(john):
    answer = john.get("/")

    assert (303, "/showSummary") == answer.redirect


@pytest.mark.parametrize("address", ["/showSummary", "/bookings", book_address(OPEN, "Simply Lift")])
def test_page_of_a_club_leads_the_signed_out_to_the_sign_in_page(address):
    secretary = Secretary()

    answer = secretary.get(address)

    assert (303, "/") == answer.redirect
    assert "You are not signed in. Sign in to continue" in secretary.get("/").text
    assert "You are not signed in" not in secretary.get("/").text


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/purchasePlaces", "You are not signed in and nothing was booked. Sign in to book"),
        ("/cancelPlaces", "You are not signed in and nothing was changed. Sign in to book"),
    ],
)
def test_form_of_the_signed_out_changes_nothing(ledger, john, address, sentence):
    john.book("2")

    page = Secretary().post(address, competition=OPEN, places="1")

    assert (403, sentence) == page.refusal
    assert page.form("/showSummary")
    assert 1 == len(ledger.entries)


def test_secretary_signs_out(john):
    copy = john.cookie

    answer = john.post("/logout")

    assert (303, "/") == answer.redirect
    assert 303 == john.get("/showSummary").status
    john.client.set_cookie("session", copy)
    assert 303 == john.get("/showSummary").status


def test_sign_in_ends_after_half_an_hour_without_a_page(john, monkeypatch):
    half_an_hour_later = time.time() + 1801

    monkeypatch.setattr(time, "time", lambda: half_an_hour_later)

    assert 303 == john.get("/showSummary").status


def test_link_signs_out_too(john):
    assert 303 == john.client.head("/logout").status_code
    assert 200 == john.get("/showSummary").status

    assert 303 == john.get("/logout").status
    assert 303 == john.get("/showSummary").status


# Looking


def test_summary_shows_the_clubs_points_and_the_figures_of_each_competition(john, atlas):
    atlas.book("12")
    john.book("1")

    figures = john.get("/showSummary").figures

    assert 10 == figures["points-left", "Simply Lift"]
    assert (7, 1) == (figures["places-left", OPEN], figures["places-held", OPEN])
    assert (5, 0) == (figures["places-left", SMALL], figures["places-held", SMALL])
    assert (25, 0) == (figures["places-left", PAST], figures["places-held", PAST])


def test_summary_links_to_what_can_be_booked(john):
    links = john.get("/showSummary").links.values()

    assert book_address(OPEN, "Simply Lift") in links
    assert book_address(SMALL, "Simply Lift") in links
    assert book_address(PAST, "Simply Lift") not in links


def test_booking_page_shows_the_figures_and_the_most_places(john, atlas):
    atlas.book("3", SMALL)

    page = john.get(book_address(SMALL, "Simply Lift"))

    assert f"Book places in {SMALL}" == page.heading
    assert 13 == page.figures["points-left", "Simply Lift"]
    assert (2, 0) == (page.figures["places-left", SMALL], page.figures["places-held", SMALL])
    assert 2 == page.figures["most-places", SMALL]


def test_everyone_can_read_the_points_board_and_nobody_an_address(john):
    john.book("4")

    for address in ["/", "/pointsBoard"]:
        page = Secretary().get(address)
        points = [(club, points) for (_, club), points in page.figures.items()]
        assert [("Atlas Barbell", 60), ("She Lifts", 12), ("Iron Temple", 4), ("Simply Lift", 1)] == points
        assert "@" not in page.soup.table.text


# Booking


def test_secretary_books_places(john):
    form = john.get(book_address(OPEN, "Simply Lift")).form("/purchasePlaces")

    answer = john.post("/purchasePlaces", **form | {"places": " 3 "})

    assert (303, "/showSummary") == answer.redirect
    assert (4, 17, 3) == john.figures()


def test_booking_is_announced_once(john):
    john.book("3")

    sentence = f"Great-booking complete! Your club has booked 3 places in {OPEN} for 9 points. 4 points are left"
    assert sentence in john.get("/showSummary").banner
    assert "Great-booking complete!" not in john.get("/showSummary").text


@pytest.mark.parametrize(
    ("email", "competition", "places", "sentence", "most"),
    [
        (JOHN, OPEN, "5", "enough points available: 5 places cost 15 points and your club has 13, enough for 4", 4),
        (IRON, OPEN, "2", "enough points available: 2 places cost 6 points and your club has 4, enough for 1", 1),
        (ATLAS, SMALL, "6", "You can't book more places than available: only 5 places are left", 5),
        (ATLAS, OPEN, "13", "You can't book more than 12 places per competition: your club holds 0, so at most 12", 12),
    ],
)
def test_limit_is_told_and_the_number_that_it_names_can_be_booked(email, competition, places, sentence, most):
    secretary = Secretary(email)
    before = secretary.figures(competition)

    page = secretary.book(places, competition)

    assert 400 == page.status
    assert sentence in page.problem
    assert before == secretary.figures(competition)
    assert places == page.form("/purchasePlaces")["places"]
    assert most == page.figures["most-places", competition]
    assert 303 == secretary.post("/purchasePlaces", **page.form("/purchasePlaces") | {"places": str(most)}).status


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Enter the number of places"),
        ("abc", "Number of places must be a whole number, like 3"),
        ("1.5", "Number of places must be a whole number, like 3"),
        ("0", "Number of places must be 1 or more"),
        ("-5", "Number of places must be 1 or more"),
    ],
)
def test_number_of_places_must_be_one_or_more(ledger, john, typed, sentence):
    page = john.book(typed)

    assert (400, sentence) == page.refusal
    assert typed == page.form("/purchasePlaces")["places"]
    assert [] == ledger.entries


def test_club_holds_at_most_twelve_places_over_split_orders(ledger, atlas):
    atlas.book("7")

    page = atlas.book("6")

    assert 400 == page.status
    sentence = "You can't book more than 12 places per competition: your club holds 7, so at most 5 more"
    assert sentence == page.problem
    assert 303 == atlas.book("5").status
    assert "Your club holds the maximum of 12 places in this competition" == atlas.book("1").problem
    assert [7, 5] == [entry.places for entry in ledger.entries]
    check_conservation(ledger)


def test_full_competition_shows_the_reason_and_no_form(john, atlas):
    atlas.book("5", SMALL)

    page = john.get(book_address(SMALL, "Simply Lift"))

    assert 200 == page.status
    assert "There are no places left in this competition" in page.text
    assert [] == page.forms("/purchasePlaces")
    assert book_address(SMALL, "Simply Lift") not in john.get("/showSummary").links.values()


@pytest.mark.parametrize("typed", ["1", "abc"])
def test_club_without_points_reads_the_reason_whatever_it_sends(typed):
    iron = Secretary(IRON)
    iron.book("1")

    page = iron.book(typed, SMALL)

    sentence = "Your club does not have enough points to book a place: a place costs 3 points and your club has 1"
    assert (400, sentence) == page.refusal
    assert [] == page.forms("/purchasePlaces")


def test_same_form_sent_twice_books_once_and_shows_the_booking(john):
    form = john.get(book_address(OPEN, "Simply Lift")).form("/purchasePlaces") | {"places": "4"}
    john.post("/purchasePlaces", **form)

    again = john.post("/purchasePlaces", **form)

    assert 303 == again.status
    assert "has booked 4 places" in john.get("/showSummary").banner
    assert (1, 16, 4) == john.figures()


@pytest.mark.parametrize("token", [{}, {"token": ""}, {"token": "malformed!"}])
def test_forms_without_a_good_token_are_requests_of_their_own(john, token):
    john.book("1", **token)
    john.book("1", **token)

    assert (7, 18, 2) == john.figures()


@pytest.mark.parametrize("typed", ["1", "abc"])
def test_past_competition_is_closed(ledger, john, typed):
    page = john.book(typed, PAST)

    assert (400, "Booking is closed: Spring Festival started on 27 March 2020 at 10:00") == page.refusal
    assert "Simply Lift" == page.heading
    assert page.problem == john.get(book_address(PAST, "Simply Lift")).problem
    assert [] == ledger.entries


def test_page_that_was_opened_before_the_start_books_nothing_after_it(ledger, clock):
    start = ledger.competitions[OPEN].starts_at
    clock(start - timedelta(seconds=1))
    john = Secretary(JOHN)
    form = john.get(book_address(OPEN, "Simply Lift")).form("/purchasePlaces")

    clock(start)
    page = john.post("/purchasePlaces", **form | {"places": "1"})

    assert (400, f"Booking is closed: {OPEN} started on 27 March 2050 at 11:11") == page.refusal
    assert [] == ledger.entries


def test_unknown_competition_is_told_on_the_list(ledger, john):
    pages = [john.book("1", "Nix"), john.give_back("1", "Nix"), john.get(book_address("Nix", "Simply Lift"))]

    sentence = "We cannot find this competition. Choose one from the list"
    assert [(404, sentence)] * 3 == [page.refusal for page in pages]
    assert ["Simply Lift", "My bookings", "Simply Lift"] == [page.heading for page in pages]


def test_signed_in_club_pays_whatever_the_form_says(ledger, john):
    john.book("1")
    pages = [
        john.get(book_address(OPEN, "She Lifts")),
        john.book("1", club="She Lifts"),
        john.book("1", club="Nix"),
        john.book("1", club=""),
        john.give_back("1", club="She Lifts"),
    ]

    assert [403] * 5 == [page.status for page in pages]
    for page in pages:
        assert "This page belongs to another club. You are signed in as Simply Lift" in page.text
    assert ["Simply Lift"] == [entry.club for entry in ledger.entries]


def test_booking_page_of_a_club_that_does_not_exist_is_not_found(john):
    assert 404 == john.get(book_address(OPEN, "simply lift")).status


# Giving back


def test_secretary_gives_places_back(john):
    john.book("3")
    form = john.get("/bookings").form("/cancelPlaces", OPEN)

    answer = john.post("/cancelPlaces", **form | {"places": "2"})

    assert (303, "/bookings") == answer.redirect
    sentence = f"2 places in {OPEN} given back. 6 points returned, 10 points available"
    assert sentence in john.get("/bookings").banner
    assert (10, 19, 1) == john.figures()


def test_club_gives_back_no_more_than_it_holds_there(ledger, john, atlas):
    atlas.book("5")
    john.book("1", SMALL)
    john.book("2")

    page = john.give_back("3", SMALL)

    assert (400, f"Your club holds 1 place in {SMALL}: enter at most 1") == page.refusal
    assert "3" == page.form("/cancelPlaces", SMALL)["places"]
    assert "" == page.form("/cancelPlaces", OPEN)["places"]
    assert 3 == len(ledger.entries)


def test_club_that_holds_nothing_gives_nothing_back(ledger, john):
    page = john.give_back("1")

    assert (400, f"Your club holds no places in {OPEN}") == page.refusal
    assert [] == ledger.entries


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Enter the number of places"),
        ("abc", "Number of places must be a whole number, like 3"),
        ("-5", "Number of places must be 1 or more"),
    ],
)
def test_number_of_places_to_give_back_must_be_one_or_more(ledger, john, typed, sentence):
    john.book("2")

    page = john.give_back(typed)

    assert (400, sentence) == page.refusal
    assert typed == page.form("/cancelPlaces", OPEN)["places"]
    assert 1 == len(ledger.entries)


@pytest.mark.parametrize("typed", ["1", "0", "", "abc"])
def test_nothing_is_given_back_after_the_start(john, typed):
    page = john.give_back(typed, PAST)

    sentence = "Places can no longer be given back: Spring Festival started on 27 March 2020 at 10:00"
    assert (400, sentence) == page.refusal
    assert "My bookings" == page.heading


# Names and lists


def test_competition_and_club_may_have_names_with_slashes_and_signs(serve):
    name = 'A/B? "50%" <c> & #1'
    serve(make_ledger([Club(name, "a@b.example", 9)], [tomorrow(name, 9)]))
    secretary = Secretary("a@b.example")

    page = secretary.get(book_address(name, name))
    secretary.post("/purchasePlaces", **page.form("/purchasePlaces") | {"places": "2"})

    assert book_address(name, name) in secretary.get("/showSummary").links.values()
    assert (3, 7, 2) == secretary.figures(name)


def test_page_of_a_list_that_is_not_there_is_not_found(john):
    assert 200 == john.get("/pointsBoard?page=1").status
    assert 404 == john.get("/pointsBoard?page=2").status


# Requests from elsewhere


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://[::1"},
    ],
)
def test_form_from_another_site_changes_nothing(ledger, john, headers):
    page = john.post("/purchasePlaces", headers, competition=OPEN, places="1")

    assert 403 == page.status
    sentence = "This form was sent from another site and nothing was changed. Open the page here and try again"
    assert sentence in page.text
    assert [] == ledger.entries


def test_link_on_another_site_signs_nobody_out(john):
    assert 403 == john.get("/logout", **{"Sec-Fetch-Site": "cross-site"}).status
    assert 200 == john.get("/showSummary").status


# Headers and errors


@pytest.mark.parametrize("address", ["/", "/showSummary", "/pointsBoard", "/static/style.css", "/health", "/nix"])
def test_every_answer_has_the_security_headers(address):
    headers = Secretary().get(address).headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert ("nosniff", "DENY") == (headers["X-Content-Type-Options"], headers["X-Frame-Options"])


def test_pages_stay_out_of_caches_and_static_files_in_them(john):
    page = john.get("/showSummary")
    assert "no-store" == page.headers["Cache-Control"]

    style_sheet = john.get(page.soup.select_one("link[rel=stylesheet]")["href"])

    assert "public, max-age=31536000, immutable" == style_sheet.headers["Cache-Control"]
    assert "Set-Cookie" not in style_sheet.headers


def test_errors_have_a_page_of_the_app_with_a_way_on(john, monkeypatch):
    monkeypatch.setitem(server.app.config, "TRUSTED_HOSTS", ["localhost"])
    pages = [
        john.get("/nix"),
        john.post("/bookings"),
        john.post("/purchasePlaces", places="x" * 17_000),
        john.get("/", Host="evil.example"),
    ]

    assert [404, 405, 413, 400] == [page.status for page in pages]
    for page in pages:
        assert page.title.endswith(" – GÜDLFT Registration")
        assert {"/", "/pointsBoard"} <= set(page.links.values())


def test_fault_after_a_booking_says_that_it_was_made(ledger, john, monkeypatch):
    monkeypatch.setitem(server.app.config, "TESTING", False)
    monkeypatch.setattr(server, "flash", None)

    page = john.book("1")

    assert 500 == page.status
    assert "Your request was carried out, but its page could not be shown" in page.text
    assert 1 == len(ledger.entries)


# The journal


def test_process_shows_what_another_booked(journal, serve, john):
    john.book("3", token=TOKEN)

    serve(make_ledger(journal=journal))
    john.book("3", token=TOKEN)

    assert (4, 17, 3) == john.figures()


def test_while_the_journal_is_away_pages_stay_and_nothing_is_booked(journal, john):
    john.book("1")
    journal.fault = "away"

    page = john.book("1", token=TOKEN)

    assert 503 == page.status
    assert "Nothing was booked or given back by this try. Send the form again in a minute" in page.text
    assert (10, 19, 1) == john.figures()
    assert "These figures may be a little old" in john.get("/showSummary").text
    assert (503, "the journal is away") == (john.get("/health").status, john.get("/health").html)


def test_form_that_met_no_journal_can_be_sent_again_from_its_page(journal, john):
    journal.fault = "away"
    page = john.book("2", token=TOKEN)

    journal.fault = None
    answers = [john.post("/purchasePlaces", **page.form("/purchasePlaces")) for _ in range(2)]

    assert [303, 303] == [answer.status for answer in answers]
    assert [(2, TOKEN)] == [(entry.places, entry.token) for entry in journal.rows]


@pytest.mark.parametrize("fault", ["in doubt", "in doubt, not made"])
def test_commit_in_doubt_says_so_and_its_form_books_at_most_once(journal, john, fault):
    journal.fault = fault
    page = john.book("2")

    journal.fault = None
    answer = john.post("/purchasePlaces", **page.form("/purchasePlaces"))

    assert (503, "Check your bookings") == (page.status, page.heading)
    assert "It is not certain whether your places were booked or given back" in page.text
    assert 303 == answer.status
    assert [2] == [entry.places for entry in journal.rows]


def test_monitor_reads_that_all_is_well(john):
    page = john.get("/health")

    assert (200, "ok", "text/plain; charset=utf-8") == (page.status, page.html, page.headers["Content-Type"])
    assert "Set-Cookie" not in page.headers


# A season: finding, the way back, calendars


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/showSummary?q=NOVICE", {SMALL}),
        ("/showSummary?month=2050-03", {OPEN}),
        ("/showSummary?show=mine", {SMALL}),
        ("/showSummary?show=bookable", {OPEN}),
    ],
)
def test_summary_is_narrowed_by_name_month_and_choice(ledger, john, atlas, address, shown):
    john.book("1", SMALL)
    atlas.book("4", SMALL)

    page = john.get(address)

    upcoming = {competition.name for competition in ledger.upcoming(ledger.now())}
    assert shown == upcoming & {name for kind, name in page.figures if kind == "places-left"}


def test_past_competitions_have_a_page_of_their_own(john):
    page = john.get("/showSummary?show=past")

    assert {PAST, "Fall Classic"} == {name for kind, name in page.figures if kind == "places-left"}


def test_secretary_lands_on_the_page_that_was_asked_for():
    secretary = Secretary()
    secretary.get("/showSummary?q=novice")

    answer = secretary.post("/showSummary", email=JOHN)

    assert (303, "/showSummary?q=novice") == answer.redirect


def test_address_that_is_too_long_to_keep_leads_to_the_summary():
    secretary = Secretary()
    secretary.client.head("/bookings")
    secretary.get("/showSummary?q=" + "x" * 1000)

    assert (303, "/showSummary") == secretary.post("/showSummary", email=JOHN).redirect


@pytest.mark.parametrize(
    ("address", "competition", "wanted"),
    [
        ("/purchasePlaces", OPEN, book_address(OPEN, "Simply Lift")),
        ("/purchasePlaces", "Nix", "/showSummary"),
        ("/cancelPlaces", OPEN, "/bookings"),
    ],
)
def test_secretary_whose_session_ended_under_a_form_comes_back_to_it(address, competition, wanted):
    secretary = Secretary()
    secretary.post(address, competition=competition, places="1")

    assert (303, wanted) == secretary.post("/showSummary", email=JOHN).redirect


@pytest.mark.parametrize(("form", "page"), [("/purchasePlaces", "/showSummary"), ("/cancelPlaces", "/bookings")])
def test_address_of_a_form_leads_to_its_list_when_it_is_opened(john, form, page):
    assert (303, page) == john.get(form).redirect


def test_competition_is_a_file_for_a_calendar(john):
    john.book("2")

    file = john.get(f"/calendar/{OPEN}")

    assert (200, "text/calendar; charset=utf-8") == (file.status, file.headers["Content-Type"])
    assert "attachment" in file.headers["Content-Disposition"]
    assert "Simply Lift holds 2 places" in file.html
    assert 404 == john.get("/calendar/Nix").status


# Codes by mail


@pytest.fixture
def mailing(start):
    """Start the app with codes by mail, as Flask's module; what would be mailed is kept in its `mails`."""
    module = start(MAIL="smtp://127.0.0.1:1", MAIL_FROM="registration@club.example")
    module.mails = []
    module.mailed_codes.mailer.send_code = lambda address, code: module.mails.append((address, code))
    return module


def test_mailed_code_signs_in_once(mailing):
    secretary = Secretary(app=mailing.app)

    assert (303, "/code") == secretary.post("/showSummary", email=JOHN.upper()).redirect
    [(address, code)] = mailing.mails
    assert JOHN == address
    assert 400 == secretary.post("/code", code="AAAA-AAAA").status
    assert (303, "/showSummary") == secretary.post("/code", code=code.lower()).redirect
    assert (303, "/showSummary") == secretary.get("/code").redirect
    secretary.post("/logout")
    assert 400 == secretary.post("/code", code=code).status


def test_unknown_address_gets_the_same_answer_and_no_mail(mailing):
    secretary = Secretary(app=mailing.app)

    answer = secretary.post("/showSummary", email="nobody@club.example")

    assert (303, "/code") == answer.redirect
    assert [None] == [address for address, _ in mailing.mails]
    assert "If a club has this email address, a code is on its way to it" in secretary.get("/code").text


def test_another_code_replaces_the_first(mailing):
    secretary = Secretary(app=mailing.app)
    assert (303, "/") == secretary.post("/code", another="1").redirect
    secretary.post("/showSummary", email=JOHN)

    assert (303, "/code") == secretary.post("/code", another="1").redirect

    first, second = [code for _, code in mailing.mails]
    assert 400 == secretary.post("/code", code=first).status
    assert 303 == secretary.post("/code", code=second).status


def test_so_many_codes_are_mailed_and_so_many_tried(mailing):
    secretary = Secretary(app=mailing.app)
    for _ in range(5):
        secretary.post("/showSummary", email=JOHN)

    assert 429 == secretary.post("/showSummary", email=JOHN).status
    assert [400] * 10 + [429] == [secretary.post("/code", code="AAAA-AAAA").status for _ in range(11)]
    assert 5 == len(mailing.mails)


def test_another_code_is_refused_where_too_many_were_mailed(mailing):
    secretary = Secretary(app=mailing.app)
    for _ in range(5):
        secretary.post("/showSummary", email=JOHN)

    page = secretary.post("/code", another="1")

    assert 429 == page.status
    assert "Too many codes. Wait 10 minutes and try again" in page.text
    assert 303 == secretary.post("/code", code=mailing.mails[-1][1]).status


def test_sign_in_without_a_code_does_not_count_where_one_is_asked_for(data, start):
    settings = {"JOURNAL": "sqlite:///bookings.db", "SECRET_KEY": "0123456789abcdef"}
    john = Secretary(JOHN, start(**settings).app)

    john.move_to(start(**settings, MAIL="smtp://127.0.0.1:1", MAIL_FROM="registration@club.example").app)

    assert 303 == john.get("/showSummary").status


def test_without_mail_there_is_no_page_for_codes(john):
    assert [404, 404] == [john.get("/code").status, john.post("/code", code="AAAA-AAAA").status]


@pytest.mark.parametrize("fault", ["away", "in doubt"])
def test_no_code_is_taken_while_the_journal_is_away(mailing, monkeypatch, fault):
    from gudlft.reader import Reader
    from gudlft.sign_outs import SignOuts
    from tests.support import FakeJournal

    journal = FakeJournal()
    sign_outs = SignOuts(journal)
    monkeypatch.setattr(mailing, "sign_outs", sign_outs)
    monkeypatch.setattr(mailing.mailed_codes, "_sign_outs", sign_outs)
    monkeypatch.setattr(mailing, "reader", Reader(journal, make_ledger(journal=journal), sign_outs))
    secretary = Secretary(app=mailing.app)
    secretary.post("/showSummary", email=JOHN)
    journal.fault = fault

    page = secretary.post("/code", code=mailing.mails[0][1])

    assert 503 == page.status
    assert "Nobody can sign in at the moment. Try again in a minute" in page.text


# Starting


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Let the next start read a folder with one club and one competition; return the folder."""
    monkeypatch.setenv("GUDLFT_DATA_DIR", str(tmp_path))
    write_data(tmp_path, [("Simply Lift", JOHN, 13)], [(OPEN, "2050-03-27 11:11:00", 20)])
    return tmp_path


def test_app_starts_with_the_demo_and_its_settings(start):
    app = start(COST_PER_PLACE=1, MAX_PLACES_PER_CLUB=11).app

    kate = Secretary(KATE, app)
    atlas = Secretary(ATLAS, app)

    assert (12, 5, 0) == kate.figures(SMALL)
    assert 5 == kate.get(book_address(SMALL, "She Lifts")).figures["most-places", SMALL]
    assert 11 == atlas.get(book_address(OPEN, "Atlas Barbell")).figures["most-places", OPEN]


def test_bad_files_stop_the_start_with_a_line_each(data, start):
    (data / "clubs.json").write_text("[]")
    (data / "competitions.json").write_text("{}")

    with pytest.raises(SystemExit) as stop:
        start()

    assert [
        'clubs.json: must hold a list named "clubs"',
        'competitions.json: must hold a list named "competitions"',
    ] == stop.value.code.split("\n")


def test_bad_settings_stop_the_start_with_a_line_each(start):
    with pytest.raises(SystemExit) as stop:
        start(COST_PER_PLACE=0, HTTPS="maybe")

    assert [
        "GUDLFT_COST_PER_PLACE must be a whole number, 1 or more",
        "GUDLFT_HTTPS must be true or false",
    ] == stop.value.code.split("\n")


def test_journal_that_cannot_be_opened_stops_the_start_with_a_line(start):
    with pytest.raises(SystemExit, match="^GUDLFT_JOURNAL: must be a database URL like "):
        start(JOURNAL="nonsense", SECRET_KEY="0123456789abcdef")


def test_bookings_and_sign_ins_survive_a_restart_with_a_journal(data, start, caplog):
    settings = {"JOURNAL": "sqlite:///bookings.db", "SECRET_KEY": "0123456789abcdef"}
    john = Secretary(JOHN, start(**settings).app)
    john.book("3")

    write_data(data, [("Simply Lift", JOHN, 8)], [(OPEN, "2050-03-27 11:11:00", 20)])
    john.move_to(start(**settings).app)

    assert (0, 17, 3) == john.figures()
    assert "Simply Lift: 9 points are spent, of 8" in caplog.messages


def test_sign_in_ends_with_a_restart_where_nobody_keeps_who_signed_out(data, start):
    john = Secretary(JOHN, start(SECRET_KEY="0123456789abcdef").app)

    john.move_to(start().app)

    assert 303 == john.get("/showSummary").status


def test_second_process_without_a_journal_books_nothing(data, start):
    first, second = [Secretary(JOHN, start().app) for _ in range(2)]
    first.book("1")

    page = second.book("1")

    assert 503 == page.status
    assert "Another copy of this app takes the bookings. Ask whoever runs it (the log names the setting)" in page.text


def test_app_is_secure_behind_a_trusted_proxy(data, start, caplog):
    caplog.set_level("INFO")
    headers = {"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Proto": "https"}

    answer = Secretary(app=start(HTTPS="true", PROXIES=1).app).post("/showSummary", headers, email=JOHN)

    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))
    assert "max-age=63072000; includeSubDomains" == answer.headers["Strict-Transport-Security"]
    assert ["10.0.0.9 Simply Lift: signed in"] == caplog.messages


# Commands


def run_command(*arguments):
    """Run a command of the app; return its exit status, its output and its errors."""
    result = server.app.test_cli_runner().invoke(args=arguments)
    return result.exit_code, result.stdout_bytes.decode("utf-8-sig"), result.stderr


def test_check_says_what_the_files_hold():
    status, output, _ = run_command("check")

    assert 0 == status
    assert ["clubs.json: 4 clubs, 89 points", "competitions.json: 4 competitions, 63 places"] == output.splitlines()


def test_check_says_what_the_journal_holds_and_what_no_longer_fits(journal, john):
    john.book("4")
    del server.ledger.clubs["Simply Lift"]

    status, output, _ = run_command("check")

    assert 0 == status
    assert [
        "journal: 1 line",
        "Simply Lift: no longer in the files, its bookings stay",
    ] == output.splitlines()[2:]


def test_organiser_exports_all_bookings(journal, clock):
    clock(datetime.fromisoformat("2030-05-06 20:15:00+00:00"))
    john = Secretary(JOHN)
    john.book("3")
    john.give_back("1")

    status, output, errors = run_command("bookings")

    assert (0, "") == (status, errors)
    assert [
        ["number", "time in UTC", "club", "competition", "places", "points"],
        ["1", "2030-05-06 20:15:00", "Simply Lift", OPEN, "3", "9"],
        ["2", "2030-05-06 20:15:00", "Simply Lift", OPEN, "-1", "-3"],
    ] == list(csv.reader(output.splitlines()))


def test_organiser_exports_the_entry_list_of_a_competition(journal, john, atlas):
    john.book("3")
    atlas.book("5")
    atlas.book("1", SMALL)

    status, output, _ = run_command("bookings", "--competition", OPEN)

    assert 0 == status
    assert [
        ["club", "places held"],
        ["Atlas Barbell", "5"],
        ["Simply Lift", "3"],
    ] == list(csv.reader(output.splitlines()))


def test_entry_list_of_an_unknown_competition_is_an_error(journal):
    status, output, _ = run_command("bookings", "--competition", "Nix")

    assert (1, "There is no competition Nix\n") == (status, output)


def test_export_says_where_no_bookings_are_kept():
    status, _, errors = run_command("bookings")

    assert (0, "GUDLFT_JOURNAL is not set: no bookings are kept\n") == (status, errors)


def test_export_of_a_journal_that_is_new_says_so_and_leaves_none(data, start):
    module = start(JOURNAL="sqlite:///mistyped.db", SECRET_KEY="0123456789abcdef")

    done = module.app.test_cli_runner().invoke(args=["bookings"])

    assert 1 == done.exit_code
    assert "GUDLFT_JOURNAL: this database was empty, so it holds no bookings\n" == done.output
    assert not (data / "mistyped.db").exists()


def test_check_says_whether_the_mail_server_takes_mail(mailing, monkeypatch):
    done = mailing.app.test_cli_runner().invoke(args=["check"])
    assert 1 == done.exit_code
    assert "mail: 127.0.0.1: " in done.output

    monkeypatch.setattr(mailing.mailed_codes, "check", lambda: "mail: it takes mail")
    assert "mail: it takes mail\n" in mailing.app.test_cli_runner().invoke(args=["check"]).output
