"""Production as the documents describe it: granian behind Debian's nginx, which reads the documents' own snippet."""

import http.client
import re
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from tests.databases import bookings_made, run_sql
from tests.mail_servers import make_certificate
from tests.support import (
    JOHN,
    KEY,
    OPEN,
    PROJECT,
    ServedSecretary,
    a_club,
    a_competition,
    book_address,
    clean_environment,
    free_port,
    needed,
    serving,
    wait_until,
    write_data,
)

NGINX = "/usr/sbin/nginx"
HOST = "club.example"
ODD_NAME = "/C%/.."
LONGEST_NAME = "🏋" * 200
LONGEST = "longest@club.example"
SETTINGS = {"HTTPS": "true", "PROXIES": 1, "TRUSTED_HOSTS": HOST, "SECRET_KEY": "0123456789abcdef"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with data files, for the log and all that a server needs."""
    folder = tmp_path_factory.mktemp("serving")
    write_data(
        folder,
        [a_club("Simply Lift", JOHN, 13), a_club(LONGEST_NAME, LONGEST, 13)],
        [a_competition(name, "2050-03-27 11:11:00", 20) for name in (OPEN, ODD_NAME, LONGEST_NAME)],
    )
    return folder


class ProxiedSecretary(ServedSecretary):
    def __init__(self, connect):
        self._connect = connect
        self._cookie = None

    def _ask(self, method, address, body, headers):
        return super()._ask(method, address, body, {"Host": HOST, "Origin": f"https://{HOST}"} | headers)


# nginx, as the documents show it


def documented_servers():
    documents = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
    [block] = re.findall(r"```nginx\n(.*?)```", "".join(file.read_text("utf-8") for file in documents), re.DOTALL)
    return block


def write_configuration(folder, url, port, plain_port):
    """Write a configuration in which the documented servers listen on ports and pass requests on to the app."""
    servers = documented_servers().replace("http://127.0.0.1:8000", url)
    servers = servers.replace("listen 80;", f"listen 127.0.0.1:{plain_port};")
    servers = servers.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    servers = re.sub("ssl_certificate [^;]+", f"ssl_certificate {folder}/certificate.pem", servers)
    servers = re.sub("ssl_certificate_key [^;]+", f"ssl_certificate_key {folder}/key.pem", servers)
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    paths = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/nginx.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}\n{servers}\n}}\n"
    )
    return file


@contextmanager
def running_nginx(folder, configuration):
    process = subprocess.Popen([NGINX, "-c", configuration, "-e", folder / "nginx.log"])
    try:
        wait_until((folder / "pid").exists)  # written once it listens
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def plain_port():
    return free_port()


@pytest.fixture(scope="module")
def connect(folder, plain_port):
    """Serve the app with HTTPS settings behind nginx; return a function that opens a connection as a browser does.

    The connections stay open until all tests of this module are over.
    """
    needed(NGINX)
    port = free_port()
    certificate, _ = make_certificate(folder, HOST)
    trusting = ssl.create_default_context(cafile=certificate)

    def open_connection():
        connection = http.client.HTTPSConnection(HOST, port, context=trusting, timeout=10)
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.sock = trusting.wrap_socket(raw, server_hostname=HOST)
        opened.callback(connection.close)
        return connection

    with serving(folder, workers=1, **SETTINGS) as (url, _):
        configuration = write_configuration(folder, url, port, plain_port)
        with running_nginx(folder, configuration), ExitStack() as opened:
            yield open_connection


# Behind the proxy


def test_secretary_books_behind_the_documented_proxy(connect):
    secretary = ProxiedSecretary(connect)

    page = secretary.sign_in(JOHN)
    assert (303, "/showSummary") == page.redirect
    assert page.headers["Set-Cookie"].startswith("__Host-session")
    assert "Secure" in page.headers["Set-Cookie"].split("; ")

    for name in [OPEN, ODD_NAME]:
        page = secretary.get(book_address(name, "Simply Lift"))
        assert (200, True) == (page.status, "Number of places" in page.html)
        assert 303 == secretary.book("1", name).status


def test_longest_names_pass_the_documented_proxy(connect):
    secretary = ProxiedSecretary(connect)
    assert 403 == secretary.book("1", LONGEST_NAME).status

    status, address = secretary.sign_in(LONGEST).redirect

    assert (303, book_address(LONGEST_NAME, LONGEST_NAME)) == (status, address)
    assert 200 == secretary.get(address).status


def test_app_knows_its_clients_behind_the_documented_proxy(connect, folder):
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}

    assert 303 == ProxiedSecretary(connect).post("/showSummary", forged, email=JOHN).status

    log = (folder / "server.log").read_text()
    assert "127.0.0.1 Simply Lift: signed in" in log
    assert "6.6.6.6" not in log
    assert "/health" not in log


def test_documented_proxy_passes_on_the_host_by_which_strangers_are_refused(connect):
    stranger = ProxiedSecretary(connect)

    assert 400 == stranger.get("/", Host="evil.example").status
    assert 403 == stranger.post("/showSummary", {"Origin": "https://evil.example"}, email=JOHN).status


def test_plain_requests_are_led_to_https_behind_the_documented_proxy(connect, plain_port):
    plain = ProxiedSecretary(lambda: http.client.HTTPConnection("127.0.0.1", plain_port, timeout=10))

    assert (301, f"https://{HOST}/competitions?q=cup") == plain.get("/competitions?q=cup").redirect


def fetch(connection, address, **headers):
    """Return status, headers and bytes of the answer to a browser that takes compressed ones."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", address, headers={"Host": HOST, "Accept-Encoding": "gzip"} | headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def test_documented_proxy_compresses_all_of_a_first_visit(connect):
    page = ProxiedSecretary(connect).get("/")
    addresses = ["/", *re.findall('href="(/static/[^"]+)"', page.html)]

    answers = [fetch(connect(), address) for address in addresses]

    assert 3 == len(answers)
    assert {(200, "gzip")} == {(status, headers["Content-Encoding"]) for status, headers, _ in answers}
    assert 10_000 >= sum(len(content) for _, _, content in answers)


@pytest.mark.parametrize("address", ["/competitions", "/competitions.ics", "/pointsBoard"])
def test_browsers_ask_again_behind_the_documented_proxy_and_are_told_that_nothing_changed(connect, address):
    _, known, _ = fetch(connect(), address)

    status, _, content = fetch(connect(), address, If_None_Match=known["ETag"])

    assert "gzip" == known["Content-Encoding"]
    assert (304, b"") == (status, content)


def test_app_answers_while_the_proxy_holds_slow_forms(connect):
    beginning = f"POST /showSummary HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\nemail="
    for _ in range(60):
        connect().sock.sendall(beginning.encode())

    statuses = [ProxiedSecretary(connect).get("/pointsBoard").status for _ in range(5)]

    assert [200] * 5 == statuses


# Without a proxy


def test_granian_answers_monitors_and_pages_while_slow_headers_hold_connections(folder):
    with serving(folder, workers=1) as (url, _), ExitStack() as opened:
        host, port = url.removeprefix("http://").split(":")
        for _ in range(120):
            connection = socket.create_connection((host, int(port)), timeout=10)
            opened.enter_context(connection)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")

        health = ServedSecretary(url).get("/health")
        statuses = [ServedSecretary(url).get("/pointsBoard").status for _ in range(5)]

    assert (200, "ok", None) == (health.status, health.html, health.headers["Set-Cookie"])
    assert "text/plain; charset=utf-8" == health.headers["Content-Type"]
    assert [200] * 5 == statuses


# Changed files


def check_and_reload(folder, process, **settings):
    """Run the documents' command by which a server takes changed files over; return its exit status."""
    command = f"{sys.executable} -m flask --app server check && kill -HUP {process.pid}"
    environment = clean_environment(DATA_DIR=folder, **settings)
    done = subprocess.run(["sh", "-c", command], cwd=PROJECT, env=environment, capture_output=True, timeout=60)
    return done.returncode


def test_reload_lets_changed_files_count_while_no_request_fails_and_nothing_is_lost(tmp_path, on_sqlite):
    clubs = [a_club(f"Club {number}", f"{number}@example.com", 60) for number in range(4)]
    season = [a_competition("Open", "2050-01-01 10:00:00", 1000)]
    newcomer = a_club("New Club", "new@example.com", 60)
    cup = a_competition("Cup", "2050-01-01 10:00:00", 20)
    settings = {"JOURNAL": on_sqlite, "SECRET_KEY": KEY}
    write_data(tmp_path, clubs, season)
    log = tmp_path / "server.log"
    answers_about_cup = set()

    def workers_are_new():
        answers_about_cup.add(secretary.get(book_address("Cup", "Club 1")).status)
        return 2 == log.read_text().count("Stopped old worker")

    options = ["--respawn-interval", "2"]  # seconds, to be quicker than by default
    with serving(tmp_path, workers=2, options=options, **settings) as (url, process):
        with bookings_made(url, clubs=1) as made:  # several wait too long for each other on a slow disk
            wait_until(lambda: 20 <= len(made.answered), seconds=30)
            (tmp_path / "clubs.json").write_text("[")
            assert 1 == check_and_reload(tmp_path, process, **settings)
            secretary = ServedSecretary(url, "1@example.com")
            write_data(tmp_path, [*clubs, newcomer], [*season, cup])
            assert 0 == check_and_reload(tmp_path, process, **settings)
            wait_until(workers_are_new, seconds=60)
            answered_before = len(made.answered)
            wait_until(lambda: answered_before + 20 <= len(made.answered), seconds=30)
        secretaries = [ServedSecretary(url, "new@example.com") for _ in range(8)]
        new_bookings = [secretary.book("1", "Cup").status for secretary in secretaries]

    kept = {token for (token,) in run_sql(on_sqlite, "SELECT token FROM bookings WHERE competition = 'Open'")}
    assert made.sent == made.answered == kept
    assert [303] * 8 == new_bookings
    assert {200, 503} == answers_about_cup
    assert "Traceback" not in log.read_text()
