"""Sign-in and session, requests from elsewhere, headers, input, hosts and proxies, the log."""

import re
import time
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from io import BytesIO
from itertools import product
from urllib.parse import quote

import pytest
from werkzeug.test import EnvironBuilder, create_environ

import server
from gudlft.ledger import Ledger
from tests.support import (
    ATLAS,
    JOHN,
    KATE,
    KEPT,
    KEY,
    OPEN,
    PROJECT,
    SECURITY_HEADERS,
    Secretary,
    book_address,
    statuses,
)

NOBODY = "no@club.example"


def with_cookie(value):
    secretary = Secretary()
    secretary.take_cookie(value)
    return secretary.get("/showSummary")


# Sessions


def test_signing_in_anew_clears_what_was_left_behind_and_ends_copies_of_the_cookie(john):
    with john.client.session_transaction() as session:
        session["planted"] = "by a stranger"
    copy = john.cookie

    john.sign_in(KATE)

    assert {"address", "id", "since", "_permanent"} == set(john.session)
    assert 303 == with_cookie(copy).status
    assert "She Lifts" == john.club


def test_cookie_that_was_signed_with_another_key_or_tampered_with_counts_as_none(start, data, john):
    other_key = Secretary(JOHN, start(**KEPT).app)

    other_key.move_to(start(SECRET_KEY=f"not {KEY}").app)

    assert not other_key.is_signed_in
    assert [303, 303, 303] == statuses(with_cookie(value) for value in (john.cookie[:-2], "x" * 3000, ""))


@pytest.mark.parametrize(
    ("seconds", "is_signed_in"), [(1795, True), (1801, False), (-2, True), (-59, True), (-90, False)]
)
def test_idle_sign_in_lasts_half_an_hour_and_a_clock_may_step_back_by_a_minute(
    john, clock, monkeypatch, seconds, is_signed_in
):
    moment = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: moment)
    clock(datetime.fromtimestamp(moment).astimezone())

    assert is_signed_in == john.is_signed_in


def test_each_page_prolongs_the_sign_in(john, monkeypatch):
    copy = john.cookie
    signed_in_at = time.time()
    for minutes in [20, 40, 60]:
        moment = signed_in_at + 60 * minutes
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        assert john.is_signed_in

    assert 303 == with_cookie(copy).status


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 303)])
def test_sign_in_ends_after_eight_hours_in_all(john, clock, seconds, status):
    signed_in_at = datetime.fromtimestamp(john.session["since"]).astimezone()

    clock(signed_in_at + timedelta(hours=8, seconds=seconds))

    assert status == john.get("/showSummary").status


@pytest.mark.parametrize(
    ("settings", "name", "flags_of_https"), [({}, "session", set()), ({"HTTPS": "true"}, "__Host-session", {"Secure"})]
)
def test_cookie_is_kept_from_scripts_and_other_sites_and_secure_with_https(start, settings, name, flags_of_https):
    answer = Secretary(app=start(**settings).app).sign_in(JOHN)

    cookie, *flags = answer.headers["Set-Cookie"].split("; ")
    expected = {"HttpOnly", "Path=/", "SameSite=Lax"} | flags_of_https
    assert re.match(f"{name}_[0-9a-f]{{8}}=", cookie)
    assert expected == {flag for flag in flags if not flag.startswith("Expires=")}


def test_copies_of_the_app_with_keys_of_their_own_sign_nobody_out_of_each_other(start):
    here = start(SECRET_KEY=KEY)
    there = start(SECRET_KEY=f"not {KEY}")
    john = Secretary(JOHN, here.app)
    cookie_here = john.client.get_cookie(here.app.config["SESSION_COOKIE_NAME"])

    kate = Secretary(KATE, there.app)  # in the same browser: a cookie of a host counts for all its ports
    kate.client.set_cookie(cookie_here.key, cookie_here.value)

    assert "She Lifts" == kate.club
    assert cookie_here.value == kate.client.get_cookie(cookie_here.key).value
    assert here.app.config["SESSION_COOKIE_NAME"] == start(SECRET_KEY=KEY).app.config["SESSION_COOKIE_NAME"]


# Failed sign-ins


def test_failed_sign_ins_are_limited_by_a_setting_and_do_not_keep_out_another_client(start):
    stranger = Secretary(app=start(FAILED_SIGN_INS_PER_MINUTE=1).app)

    failed = statuses(stranger.sign_in(NOBODY) for _ in range(2))
    other = stranger.client.post("/showSummary", data={"email": JOHN}, environ_base={"REMOTE_ADDR": "127.0.0.2"})

    assert [404, 429, 303] == [*failed, other.status_code]


@pytest.mark.parametrize("email", [JOHN, "", "malformed"])
def test_sign_ins_of_other_kinds_are_not_counted(email):
    secretary = Secretary()

    assert 429 not in statuses(secretary.sign_in(email) for _ in range(30))


# Same origin

FROM_HERE = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {},
    {"Origin": "http://localhost"},
    {"Origin": "http://LOCALHOST:80"},
    {"Origin": "https://localhost:443"},
    {"Origin": "http://localhost:5000", "Host": "localhost:5000"},
]
FROM_ELSEWHERE = [
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "nonsense"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "http://localhost:5001"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "null", "Host": "bad host"},
]


@pytest.mark.parametrize(("headers", "status"), [*product(FROM_HERE, [303]), *product(FROM_ELSEWHERE, [403])], ids=str)
def test_forms_are_carried_out_if_they_come_from_this_app(ledger, john, headers, status):
    assert status == john.post("/purchasePlaces", headers, competition=OPEN, places="1").status
    assert (status == 303) == bool(ledger.entries)
    assert status == Secretary().post("/showSummary", headers, email=KATE).status


@pytest.mark.parametrize("address", ["/showSummary", "/purchasePlaces", "/cancelPlaces", "/logout"])
def test_every_form_asks_where_it_comes_from_and_no_page_does(john, address):
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}

    assert 403 == john.post(address, from_elsewhere, email=KATE).status
    assert "Simply Lift" == john.get("/showSummary", **from_elsewhere).heading


def test_link_signs_out_but_not_from_another_site_nor_before_anybody_wants_it(john):
    assert 403 == john.get("/logout", **{"Sec-Fetch-Site": "cross-site"}).status
    assert 403 == john.get("/logout", **{"Sec-Fetch-Site": "none", "Sec-Purpose": "prefetch;prerender"}).status
    assert john.is_signed_in

    assert 303 == john.get("/logout", **{"Sec-Fetch-Site": "none"}).status
    assert not john.is_signed_in


# Forms of another club


def test_form_that_is_sent_again_after_a_fault_is_that_of_its_club(journal, john):
    journal.fault = "away"
    fields = john.book("2").form("/purchasePlaces")
    journal.fault = None
    john.sign_in(ATLAS)

    assert 403 == john.post("/purchasePlaces", **fields).status
    assert [] == journal.rows


# Headers


def test_every_answer_is_safe(john, monkeypatch):
    stranger = Secretary()
    known = {"If-None-Match": stranger.get("/pointsBoard").headers["ETag"]}
    answers = [
        stranger.get("/"),
        john.get("/showSummary"),
        stranger.get("/static/style.css"),
        stranger.get("/health"),
        stranger.get("/pointsBoard", **known),
        stranger.get("/bookings"),
        stranger.get("/nix"),
        stranger.get("/static/nix.css?v=1"),
        stranger.sign_in("x" * 17_000),
    ]
    monkeypatch.setitem(server.app.config, "TRUSTED_HOSTS", ["localhost"])
    answers.append(stranger.get("/", Host="evil.example"))
    monkeypatch.setitem(server.app.config, "TESTING", False)
    monkeypatch.setattr(Ledger, "upcoming", None)
    answers.append(john.get("/showSummary"))

    assert [200, 200, 200, 200, 304, 303, 404, 404, 413, 400, 500] == statuses(answers)
    for answer in answers:
        names = [name.lower() for name, _ in answer.headers]
        assert SECURITY_HEADERS.items() <= dict(answer.headers).items()
        assert "strict-transport-security" not in names
        assert [] == [name for name in names if name.startswith("access-control")]
        assert [] == [name for name in names if names.count(name) > 1 and name not in ("vary", "set-cookie")]


def test_pages_of_a_club_stay_out_of_caches(john):
    for page in [john.get("/pointsBoard"), john.get("/nix"), john.book("x")]:
        assert "no-store" == page.headers["Cache-Control"]
        assert "ETag" not in page.headers


@pytest.mark.parametrize("address", ["/pointsBoard", "/competitions", "/competitions?show=past", "/competitions.ics"])
def test_caches_keep_what_everyone_may_read_and_ask_whether_it_has_changed(address):
    known = Secretary().get(address)

    again = Secretary().get(address, **{"If-None-Match": known.headers["ETag"]})

    assert "no-cache" == known.headers["Cache-Control"] == again.headers["Cache-Control"]
    assert "Set-Cookie" not in known.headers
    assert "@" not in known.html
    assert (304, "") == (again.status, again.html)


@pytest.mark.parametrize("address", ["/pointsBoard", "/competitions"])
def test_board_and_programme_are_asked_for_again_by_their_content(john, address):
    stranger = Secretary()
    known = {"If-None-Match": stranger.get(address).headers["ETag"]}

    john.book("1")
    assert 200 == stranger.get(address, **known).status

    john.give_back("1")
    assert 304 == stranger.get(address, **known).status


def style_sheet_address():
    return Secretary().get("/").soup.select_one("link[rel=stylesheet]")["href"]


def test_edited_style_sheet_has_a_new_address_in_debug_mode(tmp_path, monkeypatch):
    monkeypatch.setattr(server.app, "static_folder", str(tmp_path))
    monkeypatch.setattr(server.app, "debug", True)
    before = style_sheet_address()

    (tmp_path / "style.css").write_text("body { color: navy }")
    after = style_sheet_address()

    assert before != after
    assert "public, max-age=31536000, immutable" == Secretary().get(after).headers["Cache-Control"]


def test_what_depends_on_nobody_has_no_cookie(john):
    style_sheet = "/static/style.css"

    pages = [
        john.get("/health"),
        john.get("/competitions.ics"),
        john.get(style_sheet),
        john.get(style_sheet, Range="bytes=0-9"),
        john.get(style_sheet, Range="bytes=999999-"),
        john.get(style_sheet, **{"If-Match": '"x"'}),
    ]

    assert [200, 200, 200, 206, 416, 412] == statuses(pages)
    for page in pages:
        assert not {"Set-Cookie", "Vary"} & set(page.headers.keys())


# Input


@pytest.mark.parametrize(("rest", "status"), [(b"", 303), (b"&" * 17_000, 413)])
def test_form_of_unknown_length_is_read_up_to_the_limit(ledger, john, rest, status):
    environ = create_environ("/purchasePlaces", method="POST", content_type="application/x-www-form-urlencoded")
    environ["wsgi.input"] = BytesIO(f"competition={OPEN}&places=1".encode() + rest)
    environ["wsgi.input_terminated"] = True
    del environ["CONTENT_LENGTH"]

    answer = john.client.open(EnvironBuilder.from_environ(environ))

    assert status == answer.status_code
    assert (status == 303) == bool(ledger.entries)


def test_token_of_a_form_has_256_bits_and_is_another_each_time(john):
    tokens = [john.get(book_address(OPEN, "Simply Lift")).form("/purchasePlaces")["token"] for _ in range(2)]

    assert [32, 32] == [len(urlsafe_b64decode(token + "=")) for token in tokens]
    assert tokens[0] != tokens[1]


def test_fault_says_that_nothing_was_booked(ledger, john, monkeypatch):
    monkeypatch.setitem(server.app.config, "TESTING", False)
    monkeypatch.setattr(server, "read_places", None)

    page = john.book("1")

    assert (500, "Sorry, something went wrong") == (page.status, page.heading)
    assert "Nothing was booked or given back" in page.text
    assert [] == ledger.entries


def test_everything_typed_is_escaped(john):
    typed = "a<i>'\"&"
    asked = f"q={quote(typed)}"
    pages = [
        john.book(typed),
        Secretary().sign_in(typed + "@x"),
        john.get(f"/showSummary?{asked}"),
        john.get(f"/showSummary?show=past&{asked}"),
        Secretary().get(f"/competitions?{asked}"),
        john.get(book_address(typed, "Simply Lift")),
        john.get(f"/{typed}"),
    ]

    for page in pages:
        assert "<i>" not in page.html
        assert "'\"" not in page.html
    assert typed == pages[0].form("/purchasePlaces")["places"]
    assert typed + "@x" == pages[1].form("/showSummary")["email"]
    assert [typed] * 3 == [page.soup.select_one("#q")["value"] for page in pages[2:5]]


# Hosts and proxies


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "LocalHost:8000"])
def test_host_is_the_same_in_capitals(john, monkeypatch, host):
    monkeypatch.setitem(server.app.config, "TRUSTED_HOSTS", ["localhost"])
    headers = {"Host": host, "Origin": f"http://{host}"}

    assert 303 == john.post("/purchasePlaces", headers, competition=OPEN, places="1").status


@pytest.mark.parametrize(
    ("proxies", "seen"), [(0, "127.0.0.1 http"), (1, "10.0.0.9 http"), (2, "1.2.3.4 https"), (9, "127.0.0.1 http")]
)
def test_forwarded_headers_count_as_far_as_proxies_are_trusted(start, proxies, seen):
    started = start(PROXIES=proxies)
    started.app.add_url_rule(
        "/who", view_func=lambda: f"{started.request.remote_addr} {started.request.url}", endpoint="static_who"
    )
    headers = {
        "X-Forwarded-For": "6.6.6.6, 1.2.3.4, 10.0.0.9",
        "X-Forwarded-Proto": "ftp, https, http",
        "X-Forwarded-Host": "evil.example",
    }

    page = Secretary(app=started.app).get("/who", **headers)

    assert f"{seen}://localhost/who" == page.html


# Log


@pytest.fixture
def log(caplog):
    """Return what is logged, in its `messages`."""
    caplog.set_level("INFO")
    return caplog


def test_log_tells_who_did_what_and_nothing_of_files_and_monitors(log):
    john = Secretary(JOHN)
    john.book("1")
    john.give_back("1")
    john.get("/health")
    john.get("/static/style.css")
    john.post("/logout")

    assert [
        "127.0.0.1 Simply Lift: signed in",
        f"127.0.0.1 Simply Lift: Great-booking complete! Your club has booked 1 place in {OPEN} for 3 points. "
        "10 points are left (number 1)",
        f"127.0.0.1 Simply Lift: 1 place in {OPEN} given back. 3 points returned, 13 points available (number 2)",
        "127.0.0.1 Simply Lift: signed out",
    ] == log.messages


def test_log_tells_what_was_refused_and_why(john, log):
    Secretary().sign_in(NOBODY)
    john.book("99")
    john.book("1", "Nix")
    john.post("/cancelPlaces", competition=OPEN, places="2")
    john.post("/logout", {"Origin": "null"})
    john.get("/nix")

    assert [
        "127.0.0.1 -: sign_in refused: We cannot find a club with this email address. "
        "Check the address and try again (no@club.example)",
        "127.0.0.1 Simply Lift: purchase_places refused: You don't have enough points available: "
        "99 places cost 297 points and your club has 13, enough for 4 (99)",
        "127.0.0.1 Simply Lift: purchase_places refused: We cannot find this competition. Choose one from the list",
        f"127.0.0.1 Simply Lift: cancel_places refused: Your club holds no places in {OPEN}",
        "127.0.0.1 Simply Lift: 403 POST /logout: This form was sent from another site and nothing was changed. "
        "Open the page here and try again",
    ] == log.messages[:5]


def test_log_tells_when_the_journal_is_away_and_what_failed(journal, john, log):
    journal.fault = "away"
    john.get("/showSummary")
    journal.fault = "in doubt"
    john.book("1")

    assert [
        "127.0.0.1 Simply Lift: the journal is away: away",
        "purchase_places failed: connection lost",
    ] == log.messages


def test_what_came_from_outside_is_cut_in_the_log_and_stays_in_one_line(john, log):
    Secretary().sign_in("evil@x\nfaked %s line\x1b[2J" + "x" * 5000)
    john.book("9" * 5000)
    john.get("/" + "x" * 5000)
    john.client.open("/", method="M" * 5000)

    assert r"(evil@x\nfaked %s line\x1b[2Jxx" in log.messages[0]
    for line in log.messages:
        assert line.isprintable()
        assert 100 < len(line) < 800


# Escaping


NOT_ESCAPED_AGAIN = {
    *("left", "held", "competition.places", "rank", "points"),  # numbers
    *("month", "status.limit.value"),  # words of our own
    *("start.iso", "start.words", "competition.start.time"),
    *("competition.in_address", "own_name"),  # quoted
    *("home", "name", "competition.plate", "months", "rows", "collected"),  # HTML already, see the next test
    "competition.location|e",
}


def test_blocks_that_are_not_escaped_hold_only_what_needs_no_escaping():
    templates = [file.read_text("utf-8") for file in (PROJECT / "templates").glob("*.html")]
    found = [re.findall("{% autoescape false %}(.*?){% endautoescape %}", text, re.DOTALL) for text in templates]
    blocks = "".join(block for blocks in found for block in blocks)

    assert set(re.findall("{{ (.+?) }}", blocks)) == NOT_ESCAPED_AGAIN
    assert {"competition.in_html", "unescaped|e"} == set(re.findall("{% set name = (.+?) %}", blocks))
    assert {"root|e"} == set(re.findall("{% set home = (.+?) %}", "".join(templates)))
    assert not any("|safe" in text for text in templates)
