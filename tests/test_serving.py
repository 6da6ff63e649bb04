"""Production as the README describes it: granian behind Debian's nginx, which reads the README's own snippet."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.parse
from contextlib import ExitStack

import pytest

from tests.support import PROJECT, free_port, serving, write_data

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
CLUB, CUP = ("Simply Lift", "john@simplylift.co", 13), ("Spring Festival 2050", "2050-03-27 11:11:00", 20)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def folder(tmp_path):
    write_data(tmp_path, [CLUB, ("a/b", "a@b", 3)], [CUP, ("/C%/..", "2050-03-27 11:11:00", 3)])
    return tmp_path


def snippet(language):
    """Return the README's block of code in this language."""
    return re.search(rf"```{language}\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.S)[1]


def answer(connection, method, path, form=None, **headers):
    """Send a request; return its status, headers and body."""
    body = urllib.parse.urlencode(form) if form is not None else None
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, names | (FORM if form is not None else {}))
    response = connection.getresponse()
    return response.status, response.headers, response.read().decode()


@pytest.fixture
def proxied(folder):
    """Serve the app with HTTPS settings behind nginx as the README has it; yield a function that connects to it."""
    if not NGINX:
        assert "CI" not in os.environ, "nginx is missing"
        pytest.skip("nginx is not installed")
    key, certificate, port = folder / "key.pem", folder / "certificate.pem", free_port()
    names = ["-subj", "/CN=club.example", "-addext", "subjectAltName=DNS:club.example"]
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run([*make, *names], check=True, capture_output=True, timeout=60)
    settings = {"HTTPS": "true", "PROXIES": 1, "TRUSTED_HOSTS": "club.example", "SECRET_KEY": "0123456789abcdef"}
    with serving(folder, workers=1, **settings) as (url, _):
        server = snippet("nginx").replace("http://127.0.0.1:8000", url)
        server = re.sub("listen [^;]+", f"listen 127.0.0.1:{port} ssl", server)
        server = re.sub(
            "(ssl_certificate_key)[^;]+", rf"\1 {key}", re.sub("(ssl_certificate) [^;]+", rf"\1 {certificate}", server)
        )
        paths = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = f"daemon off; pid {folder}/pid; error_log {folder}/nginx.log;\nevents {{}}\n"
        (folder / "nginx.conf").write_text(f"{config}http {{ access_log off; {paths}\n{server}\n}}")
        process = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-e", folder / "nginx.log"])
        context = ssl.create_default_context(cafile=certificate)

        def connect():
            connection = http.client.HTTPSConnection("club.example", port, context=context, timeout=10)
            raw = socket.create_connection(("127.0.0.1", port), timeout=10)
            connection.sock = context.wrap_socket(raw, server_hostname="club.example")
            opened.callback(connection.close)
            return connection

        opened = ExitStack()
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield connect
        finally:
            opened.close()
            process.terminate()
            process.wait(10)


def test_app_behind_the_proxy_of_the_readme_is_secure_and_knows_its_clients(proxied, folder):
    connection = proxied()
    status, headers, _ = answer(connection, "GET", "/")
    assert (200, "max-age=63072000; includeSubDomains") == (status, headers["Strict-Transport-Security"])
    origin = {"Host": "club.example", "Origin": "https://club.example"}
    stranger = {"X_Forwarded_For": "6.6.6.6", "X_Forwarded_Proto": "http", "X_Forwarded_Host": "evil.example"}
    status, headers, _ = answer(connection, "POST", "/showSummary", {"email": CLUB[1]}, **origin, **stranger)
    assert (303, "/showSummary") == (status, headers["Location"])
    cookie, *flags = headers["Set-Cookie"].split("; ")
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(flags)
    status, _, page = answer(connection, "GET", "/showSummary", Cookie=cookie, Host="club.example")
    assert 200 == status
    log = (folder / "server.log").read_text()
    assert "127.0.0.1 Simply Lift: signed in" in log
    assert "6.6.6.6" not in log
    assert "/health" not in log
    for form in {"competition": CUP[0], "places": "1"}, {"competition": "/C%/..", "places": "1"}:
        assert 303 == answer(connection, "POST", "/purchasePlaces", form, Cookie=cookie, **origin)[0]
    link = re.search('href="(/book/%2FC[^"]+)"', page)[1]
    assert 200 == answer(connection, "GET", link, Cookie=cookie, Host="club.example")[0]
    assert 400 == answer(proxied(), "GET", "/", Host="evil.example")[0]
    foreign = {"Host": "club.example", "Origin": "https://evil.example"}
    assert 403 == answer(connection, "POST", "/showSummary", {"email": CLUB[1]}, **foreign)[0]


def test_health_tells_that_the_app_can_work(folder):
    with serving(folder, workers=1) as (url, _):
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        status, headers, body = answer(connection, "GET", "/health")
        assert (200, "ok", None) == (status, body, headers["Set-Cookie"])
        assert "text/plain; charset=utf-8" == headers["Content-Type"]
        connection.close()


def hold(connect, lines, number=120):
    """Return so many connections that have sent only the beginning of a request."""
    connections = [connect() for _ in range(number)]
    for connection in connections:
        connection.sendall(lines.encode())
    return connections


def test_app_answers_while_slow_headers_hold_connections(folder):
    with serving(folder, workers=1) as (url, _), ExitStack() as opened:
        host, port = url.removeprefix("http://").split(":")
        lines = "GET / HTTP/1.1\r\nHost: x\r\n"
        for slow in hold(lambda: socket.create_connection((host, int(port)), timeout=10), lines):
            opened.enter_context(slow)
        for _ in range(5):
            connection = http.client.HTTPConnection(host, int(port), timeout=5)
            opened.callback(connection.close)
            assert 200 == answer(connection, "GET", "/pointsBoard")[0]


def test_app_answers_while_slow_bodies_are_held_by_the_proxy(proxied):
    lines = "POST /showSummary HTTP/1.1\r\nHost: club.example\r\nContent-Length: 1000\r\n\r\nemail="
    slow = hold(lambda: proxied().sock, lines, number=60)
    assert 60 == len(slow)
    for _ in range(5):
        assert 200 == answer(proxied(), "GET", "/pointsBoard")[0]
