"""Requests that nobody sends by accident: bytes in places where they hurt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from itertools import product
from typing import NamedTuple
from urllib.parse import quote_from_bytes

import server
from tests.odd_names import CLUBS, COMPETITIONS, email

MARKER = b"<\"'&marker>"  # never comes back as it was sent
TOKEN = b"a-token-of-some-characters"
NAMES = [name.encode() for name in CLUBS + COMPETITIONS]
EMAILS = [email(club).encode() for club in CLUBS] + [b"nobody@example.com"]
OWN = "the address's own method"
METHODS = [OWN, "GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", ""]
FIELDS = [b"email", b"competition", b"places", b"club", b"token", b"code", MARKER]
URLENCODED = b"application/x-www-form-urlencoded"

PIECES = [MARKER, *NAMES, *EMAILS, TOKEN]
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
    "Authorization": [b"Basic //", b"Basic", b"Digest a=b,,"],
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
    "X-HTTP-Method-Override": [b"POST"],
    "Cookie": [COOKIE, COOKIE + b"a.b.c", b"a" * 9000, COOKIE + b'"\\400"', b"=;=;;", b"__Host-" + COOKIE + b"x"],
    "Accept-Encoding": [b"gzip;q=x"],
    "Expect": [b"100-continue"],
    "User-Agent": [b""],
    "Referer": [b"https://evil.example/"],
}


# Requests


class Body(NamedTuple):
    """The body of a request, and the content type that the request states."""

    content_type: bytes
    content: bytes


def urlencoded(fields, is_quoted=True, end=b""):
    """Return a form with the fields, perhaps not quoted, and with something after it."""
    pairs = []
    for name, value in fields:
        pairs.append(quoted(name) + b"=" + quoted(value) if is_quoted else name + b"=" + value)
    return Body(URLENCODED, b"&".join(pairs) + end)


def quoted(value):
    return quote_from_bytes(value).encode()


def multipart(fields, boundary=b"limit", times=1, end=b"", cut=0):
    """Return a multipart form with the fields, many times, with something after each name, perhaps cut off."""
    parts = []
    for name, value in fields:
        parts.append(b'--limit\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name, end, value))
    content = b"".join(parts) * times + b"--limit--\r\n"
    return Body(b"multipart/form-data; boundary=" + boundary, content[: len(content) - cut])


PLAIN_FORM = {b"competition": NAMES[len(CLUBS)], b"places": b"1", b"email": EMAILS[0]}
PLAIN_FIELDS = list(PLAIN_FORM.items())

BODIES = [urlencoded(PLAIN_FIELDS, end=end) for end in (b"&a" * 2000, b"a" * 20_000, b"%")]
BODIES += [urlencoded([(name, MARKER + b"\xff") for name in FIELDS], is_quoted=False)]
BODIES += [multipart(PLAIN_FIELDS, cut=cut) for cut in (0, 1, 3, 9, 30)]
BODIES += [multipart(PLAIN_FIELDS, boundary) for boundary in (b"limits", b'"limit', MARKER)]
BODIES += [multipart(PLAIN_FIELDS, times=times) for times in (2, 200)]
BODIES += [
    multipart(PLAIN_FIELDS, end=end)
    for end in (b'; filename="x"', b"\r\nContent-Type: text/plain; charset=utf-7", b"\r\nx", b"\0")
]
BODIES += [
    Body(kind, piece) for kind in (b"", b"application/json", URLENCODED) for piece in (MARKER, b"\xff", b"[" * 9000)
]


@dataclass(frozen=True)
class HostileRequest:
    """A request that is sent to each address of the app. Its parts are those of a booking, unless they are hostile."""

    method: str = OWN
    name_in_path: bytes = NAMES[0]
    query: bytes = b""
    headers: Mapping[str, bytes] = field(default_factory=dict)
    tampering: tuple = (0, 0, b"")  # where in the session's cookie bytes are replaced, up to where, and by what
    body: Body = urlencoded(PLAIN_FIELDS)

    def environ(self, path, own_method, cookie):
        """Return what a WSGI server passes on: bytes as Latin-1 text."""
        start, end, instead = self.tampering
        headers = {
            "Host": b"localhost",
            "Cookie": COOKIE + cookie[:start] + instead + cookie[end:],
            "Content-Type": self.body.content_type,
            "Content-Length": b"%d" % len(self.body.content),
            **self.headers,
        }
        return {
            **{environ_key(name): latin_1(re.sub(b"[\r\n]", b"", value)) for name, value in headers.items()},
            "REQUEST_METHOD": own_method if self.method == OWN else self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": re.sub("<[^>]*>", lambda _: latin_1(self.name_in_path), path),
            "QUERY_STRING": latin_1(self.query),
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(self.body.content),
            "wsgi.input_terminated": "Transfer-Encoding" in headers,
            "wsgi.errors": StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }


def environ_key(header):
    name = header.upper().replace("-", "_")
    return name if name.startswith("CONTENT") else f"HTTP_{name}"


def latin_1(value):
    return value.decode("latin-1")


def hostile_one_by_one():
    """Yield requests with one hostile part, all others being those of a booking, and which addresses read that part."""
    yield from (("all", HostileRequest(method=method)) for method in METHODS)
    yield from (("names", HostileRequest(name_in_path=piece)) for piece in PIECES)
    yield from (("pages", HostileRequest(query=query)) for piece in PIECES for query in (piece, b"q=" + quoted(piece)))
    for name, values in HEADERS.items():
        kind = "strict" if name in ("Host", "Origin") or name.startswith("X-Forwarded") else "all"
        yield from ((kind, HostileRequest(headers={name: value})) for value in [*values, MARKER])
    for name, piece in product(FIELDS, PIECES):
        yield "forms", HostileRequest(body=urlencoded({**PLAIN_FORM, name: piece}.items()))
    yield from (("forms", HostileRequest(body=body)) for body in BODIES)
    for start, length, instead in product([0, 5, 30, 100], [0, 1, 99], [b"", b".", b"\xff"]):
        yield "pages", HostileRequest(tampering=(start, start + length, instead))
