"""Hostile requests: nothing breaks, nothing leaks, nothing comes back as it was sent, nothing changes that must not."""

import logging
from collections import Counter
from io import BytesIO

from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import run_wsgi_app

import server
from gudlft.limits import RateLimit
from tests.hostile import hostile_one_by_one
from tests.odd_names import CLUBS, COMPETITIONS, IN_AN_HOUR, MORNING, email, open_ledger, running
from tests.support import SECURITY_HEADERS, Secretary, check_conservation


def addresses():
    """Return paths and methods: some that lead nowhere, then each of the app, forms twice, signing in and out last."""
    astray = ["", "*", "//evil.example/", "/showSummary/", "/static/../server.py", "/<>"]
    found = [(path, "GET") for path in astray]
    rules = sorted(server.app.url_map.iter_rules(), key=lambda rule: rule.endpoint in ("sign_in", "sign_out"))
    for rule in rules:
        takes_forms = "POST" in rule.methods
        found += [(rule.rule, "POST")] * 2 if takes_forms else [(rule.rule, "GET")]
    return found


ALL = addresses()
ADDRESSES = {
    "all": ALL,
    "strict": ALL,  # also where the app trusts a proxy and knows its host
    "names": [(path, method) for path, method in ALL if "<" in path],
    "pages": [(path, method) for path, method in ALL if method == "GET"],
    "forms": [(path, method) for path, method in ALL if method == "POST"],
}


# What is sent to many addresses


def send_to_each(addresses, request, club, proxies=0, **configuration):
    """Send a request to each address; return how often it got each status and made each kind of change."""
    ledger = open_ledger(
        points=dict.fromkeys(CLUBS, 300),
        places=dict.fromkeys(COMPETITIONS[:-1], 100),
        starts=IN_AN_HOUR | {COMPETITIONS[1]: MORNING},
    )
    for name in CLUBS:
        ledger.book(ledger.clubs[name], ledger.competitions[COMPETITIONS[0]], 3)

    with running(ledger) as patch:
        cookie = Secretary(email(club)).cookie.encode() if club else b""
        set_up(patch, proxies, configuration)
        seen = Counter()
        for path, method in addresses:
            seen += send(ledger, club, request.environ(path, method, cookie))
    check_conservation(ledger)
    return seen


def set_up(patch, proxies, configuration):
    # Werkzeug leaves the files of a broken form to the garbage collector, which would warn
    patch.setattr(server.app.request_class, "_get_file_stream", lambda *_, **__: BytesIO())
    patch.setattr(server.app, "wsgi_app", ProxyFix(server.app.wsgi_app, x_for=proxies, x_proto=proxies))
    patch.setattr(server, "failed_sign_ins", RateLimit(1, seconds=60))
    for name, value in configuration.items():
        patch.setitem(server.app.config, name, value)


def send(ledger, club, environ):
    """Send a request; count its status and, if it changed something, its address, having checked that it may."""
    entries_before = len(ledger.entries)

    status = checked_status(environ)

    new = ledger.entries[entries_before:]
    if not new:
        return Counter([status])
    [entry] = new
    address = "/purchasePlaces" if entry.places > 0 else "/cancelPlaces"
    assert (303, club) == (status, entry.club)
    assert ("POST", address) == (environ["REQUEST_METHOD"], environ["PATH_INFO"])
    assert environ.get("HTTP_SEC_FETCH_SITE", "none") in ("same-origin", "none")
    return Counter([status, address])


def checked_status(environ):
    """Return the status of the answer, having checked that nothing broke, leaked or came back as it was sent."""
    log = []
    server.app.logger.handle = log.append
    try:
        chunks, status_line, headers = run_wsgi_app(server.app, environ, buffered=True)
    finally:
        del server.app.logger.handle
    status = int(status_line[:3])
    body = b"".join(chunks)

    assert 200 <= status < 500
    check_headers(headers)
    assert b"&marker" not in body
    assert b"Traceback" not in body
    if headers.get("Content-Type", "").startswith("text/html"):
        body.decode()
    for record in log:
        assert record.levelno < logging.ERROR
        assert record.exc_info is None
        assert record.getMessage().isprintable()
    return status


def check_headers(headers):
    """Check that the headers are safe, and hold nothing that could end a header or open a tag."""
    assert SECURITY_HEADERS.items() <= dict(headers).items()
    assert server.app.config["HTTPS"] == ("Strict-Transport-Security" in headers)
    for name, value in headers:
        assert not name.startswith("Access-Control")
        assert not set("<>\r\n\0") & set(value)


# Tests


STRICT = {"proxies": 1, "HTTPS": True, "TRUSTED_HOSTS": ["localhost"]}


def test_no_hostile_part_breaks_the_app_or_changes_what_it_may_not():
    seen = Counter()

    for kind, request in hostile_one_by_one():
        seen += send_to_each(ADDRESSES[kind], request, CLUBS[0])
        if kind == "pages":
            seen += send_to_each(ADDRESSES[kind], request, club=None)
        if kind == "strict":
            seen += send_to_each(ADDRESSES[kind], request, CLUBS[0], **STRICT)

    assert 5000 <= sum(seen.values())
    assert {200, 303, 400, 403, 404, 405, 413, 429, "/purchasePlaces", "/cancelPlaces"} <= seen.keys()
