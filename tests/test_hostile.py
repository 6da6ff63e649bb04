"""Hostile requests: nothing breaks, nothing leaks, nothing comes back as it was sent, nothing changes that must not."""

import logging
import re
from collections import Counter
from io import BytesIO, StringIO
from itertools import product
from urllib.parse import quote_from_bytes

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import create_environ, run_wsgi_app

import server
from gudlft.limits import RateLimit
from tests.odd_names import CLUBS, COMPETITIONS, IN_AN_HOUR, MORNING, email, open_ledger
from tests.support import SECURITY_HEADERS, Secretary, check_conservation, let_pages_show

# Bytes in places where they hurt

MARKER = b"<\"'&marker>"  # never comes back as it was sent
NAMES = [name.encode() for name in CLUBS + COMPETITIONS]
EMAILS = [email(club).encode() for club in CLUBS] + [b"nobody@example.com"]
METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", ""]
FIELDS = [b"email", b"competition", b"places", b"club", b"token", b"code", MARKER]
PIECES = [MARKER, *NAMES, *EMAILS, b"a-token-of-some-characters"]
PIECES += [b"", b"1", b"2", b"-1", b"9" * 5000, b"a" * 5000]
PIECES += [b"\0", b"%", b"%00", b"%2F", b"/", b"..", b"\\", b"{{7*7}}", b"&amp;", b";", b",", b"=", b'"']
PIECES += [b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xae"]  # not UTF-8, a lone surrogate, a change of writing direction

COOKIE = server.app.config["SESSION_COOKIE_NAME"].encode() + b"="
HEADERS = {
    "Host": [b"localhost", b"evil.example", b"localhost:0", b"[::1]", b"a:b:c", b"localhost\\@evil.example"],
    "Origin": [b"http://localhost", b"null", b"https://evil.example", b"http://[", b"http://localhost:99999"],
    "Sec-Fetch-Site": [b"same-origin", b"none", b"cross-site", b"same-site"],
    "Range": [b"bytes=0-1", b"bytes=5-", b"bytes=-1", b"bytes=9-1", b"bytes=0-1,3-4", b"bytes=99999-", b"lines=1"],
    "If-None-Match": [b"*", b'"a"', b'W/"', b'"' * 100],
    "If-Modified-Since": [b"Sat, 26 Mar 2050 09:00:00 GMT", b"Sat, 99 Mar 99999999 09:00:00 GMT"],
    "If-Range": [b'"a"', b"Sat, 26 Mar 2050 09:00:00 GMT"],
    "Content-Type": [
        b"application/json",
        b"text/plain; charset=utf-16",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
    ],
    "Content-Length": [b"0", b"7", b"16385", b"-1", b"+5", b"1e3", b"9" * 30, "٣".encode()],
    "Transfer-Encoding": [b"chunked", b"gzip, chunked"],
    "X-Forwarded-For": [b"1.2.3.4", b"1.2.3.4, 5.6.7.8", b","],
    "X-Forwarded-Proto": [b"https", b"javascript", b","],
    "X-Forwarded-Host": [b"evil.example"],
    "X-Forwarded-Port": [b"443", b"x"],
    "X-Forwarded-Prefix": [b"/evil", b"//evil.example"],
    "Cookie": [COOKIE, COOKIE + b"a.b.c", b"a" * 9000, COOKIE + b'"\\400"', b"=;=;;", b"__Host-" + COOKIE + b"x"],
}

# Bodies, with their content types

FORM = {b"competition": NAMES[len(CLUBS)], b"places": b"1", b"email": EMAILS[0]}
URLENCODED = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=limit"


def urlencoded(form):
    return b"&".join(quoted(name) + b"=" + quoted(value) for name, value in form.items())


def quoted(value):
    return quote_from_bytes(value).encode()


BOOKING = URLENCODED, urlencoded(FORM)

PART = b'--limit\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
PARTS = b"".join(PART % field for field in FORM.items())
END = b"--limit--\r\n"

BODIES = [(URLENCODED, urlencoded(FORM) + more) for more in (b"&a" * 2000, b"a" * 20_000, b"%")]
BODIES += [(URLENCODED, b"&".join(name + b"=" + MARKER + b"\xff" for name in FIELDS))]
BODIES += [(MULTIPART, PARTS + END[:length]) for length in (0, 2, 8, 10, 11)]
BODIES += [(MULTIPART, PARTS[:-20])]
BODIES += [(MULTIPART + more, PARTS + END) for more in (b"s", b'"', MARKER)]
BODIES += [(MULTIPART, PARTS * times + END) for times in (2, 200)]
BODIES += [
    (MULTIPART, PARTS.replace(b'"\r\n', b'"' + more + b"\r\n") + END)
    for more in (b'; filename="x"', b"\r\nContent-Type: text/plain; charset=utf-7", b"\r\nx", b"\0")
]
BODIES += list(product([b"", b"application/json", URLENCODED], [MARKER, b"\xff", b"[" * 9000]))

# Addresses


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
WITH_NAMES = [(path, method) for path, method in ALL if "<" in path]
PAGES = [(path, method) for path, method in ALL if method == "GET"]
FORMS = [(path, method) for path, method in ALL if method == "POST"]


def hostile_parts():
    """Yield one hostile part of a request after another, with the addresses that read it."""
    for method in METHODS:
        yield ALL, {"method": method}
    for piece in PIECES:
        yield WITH_NAMES, {"name": piece}
        yield PAGES, {"query": piece}
        yield PAGES, {"query": b"q=" + quoted(piece)}
    for name, values in HEADERS.items():
        for value in [*values, MARKER]:
            yield ALL, {"headers": {name: value}}
    for name, piece in product(FIELDS, PIECES):
        yield FORMS, {"body": (URLENCODED, urlencoded(FORM | {name: piece}))}
    for body in BODIES:
        yield FORMS, {"body": body}
    for start, length, instead in product([0, 5, 30, 100], [0, 1, 99], [b"", b".", b"\xff"]):
        yield PAGES, {"tampering": (start, start + length, instead)}


# Sending

ENVIRON = create_environ()


def environ_of(
    path,
    own_method,
    cookie,
    method=None,
    name=NAMES[0],
    query=b"",
    headers=None,
    tampering=(0, 0, b""),
    body=BOOKING,
):
    """Return what a WSGI server passes on, bytes as Latin-1 text: a booking's request, but for what is given."""
    start, end, instead = tampering
    content_type, content = body
    sent = {
        "Host": b"localhost",
        "Cookie": COOKIE + cookie[:start] + instead + cookie[end:],
        "Content-Type": content_type,
        "Content-Length": b"%d" % len(content),
        **(headers or {}),
    }
    return {
        **ENVIRON,
        **{environ_key(header): latin_1(re.sub(b"[\r\n]", b"", value)) for header, value in sent.items()},
        "REQUEST_METHOD": own_method if method is None else method,
        "PATH_INFO": re.sub("<[^>]*>", lambda _: latin_1(name), path),
        "QUERY_STRING": latin_1(query),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(content),
        "wsgi.input_terminated": "Transfer-Encoding" in sent,
        "wsgi.errors": StringIO(),
    }


def environ_key(header):
    name = header.upper().replace("-", "_")
    return name if name.startswith("CONTENT") else f"HTTP_{name}"


def latin_1(value):
    return value.decode("latin-1")


def send_to_each(addresses, part, club, proxies=0, **configuration):
    """Send a request to each address; return how often it got each status and made each kind of change."""
    ledger = open_ledger(
        points=dict.fromkeys(CLUBS, 300),
        places=dict.fromkeys(COMPETITIONS[:-1], 100),
        starts=IN_AN_HOUR | {COMPETITIONS[1]: MORNING},
    )
    for name in CLUBS:
        ledger.book(ledger.clubs[name], ledger.competitions[COMPETITIONS[0]], 3)

    with pytest.MonkeyPatch.context() as patch:
        let_pages_show(ledger, patch)
        # Werkzeug leaves the files of a broken form to the garbage collector, which would warn
        patch.setattr(server.app.request_class, "_get_file_stream", lambda *_, **__: BytesIO())
        patch.setattr(server.app, "wsgi_app", ProxyFix(server.app.wsgi_app, x_for=proxies, x_proto=proxies))
        patch.setattr(server, "failed_sign_ins", RateLimit(1, seconds=60))
        cookie = Secretary(email(club)).cookie.encode() if club else b""
        for name, value in configuration.items():
            patch.setitem(server.app.config, name, value)
        seen = Counter()
        for path, method in addresses:
            seen += send(ledger, club, environ_of(path, method, cookie, **part))
    check_conservation(ledger)
    return seen


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
    assert SECURITY_HEADERS.items() <= dict(headers).items()
    assert server.app.config["HTTPS"] == ("Strict-Transport-Security" in headers)
    for name, value in headers:
        assert not name.startswith("Access-Control")
        assert not set("<>\r\n\0") & set(value)


STRICT = {"proxies": 1, "HTTPS": True, "TRUSTED_HOSTS": ["localhost"]}  # behind a proxy that is trusted


def test_no_hostile_part_breaks_the_app_or_changes_what_it_may_not():
    seen = Counter()

    for addresses, part in hostile_parts():
        seen += send_to_each(addresses, part, CLUBS[0])
        if addresses is PAGES:
            seen += send_to_each(addresses, part, club=None)
        if {"Host", "Origin", "X-Forwarded-For", "X-Forwarded-Proto"} & part.get("headers", {}).keys():
            seen += send_to_each(addresses, part, CLUBS[0], **STRICT)

    assert 5000 <= sum(seen.values())
    assert {200, 303, 400, 403, 404, 405, 413, 429, "/purchasePlaces", "/cancelPlaces"} <= seen.keys()
