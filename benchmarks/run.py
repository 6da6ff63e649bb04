"""Print what requests cost, as multiples of a bare Flask view that is measured in the same run.

Run it as `.venv/bin/python benchmarks/run.py`; it takes about a minute and judges nothing.
"""

import io
import logging
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent.parent))
for name in list(os.environ):
    if name.startswith("GUDLFT_") or name == "TZ":
        del os.environ[name]

import flask
import jinja2

import server
from gudlft.model import Club, Competition
from tests.support import make_ledger, serving, write_data

ROUNDS = 150
SIZES = {"demo": (4, 5, 0), "1,000 x 300": (1_000, 300, 10_000), "10,000 x 2,000": (10_000, 2_000, 100_000)}
CUP, EMAIL = "Cup 0", "0@club.example"


class Browser:
    """A client that calls a WSGI app in this process and keeps its cookie."""

    def __init__(self, app):
        self.app, self.cookie = app.wsgi_app, ""

    def send(self, path, form=None):
        """Send a GET, or a POST with a form; return the status and the CPU seconds that it took."""
        body = urlencode(form or {}).encode()
        environ = {
            "REQUEST_METHOD": "GET" if form is None else "POST",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "HTTP_COOKIE": self.cookie,
            "HTTP_SEC_FETCH_SITE": "same-origin",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
        }
        answer = {}
        before = time.process_time()
        with closing(
            self.app(environ, lambda status, headers: answer.update(status=status, headers=headers))
        ) as chunks:
            self.page = b"".join(chunks)
        seconds = time.process_time() - before
        for name, value in answer["headers"]:
            if name == "Set-Cookie":
                self.cookie = value.partition(";")[0]
        return int(answer["status"][:3]), seconds


def bare_app():
    """Return a Flask app with one view that returns a constant."""
    app = flask.Flask("bare")
    app.add_url_rule("/", view_func=lambda: "Hello")
    return app


def floor_app():
    """Return a Flask app with a journey's routes, session, flash, headers, one-line templates, no rules, no figures."""
    app = flask.Flask("floor")
    app.secret_key = "floor-floor-floor-floor"
    app.jinja_loader = jinja2.DictLoader(
        {
            name: "{{ get_flashed_messages() }} {{ session.club }}"
            for name in ("index.html", "summary.html", "booking.html")
        }
    )

    @app.after_request
    def add_headers(response):
        response.headers.update(server.HEADERS)
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def index():
        return flask.render_template("index.html")

    @app.post("/showSummary")
    def sign_in():
        flask.session.clear()
        flask.session.update(club=flask.request.form["email"], id="1234567890123456", since=1)
        flask.session.permanent = True
        return flask.redirect(flask.url_for("show_summary"), 303)

    @app.get("/showSummary")
    def show_summary():
        return flask.render_template("summary.html")

    @app.get("/book/<competition>/<club>")
    def book(competition, club):
        return flask.render_template("booking.html")

    @app.post("/purchasePlaces")
    def purchase_places():
        flask.flash(f"Booked {flask.request.form['places']} in {flask.request.form['competition']}", "success")
        return flask.redirect(flask.url_for("show_summary"), 303)

    return app


def a_ledger(clubs, competitions, entries):
    """Return a ledger of this size, in which the first club can always book."""
    start = datetime(2050, 1, 1).astimezone()
    rich = [Club(f"Club {number}", f"{number}@club.example", 1_000_000 - number) for number in range(clubs)]
    cups = [Competition(f"Cup {number}", start + timedelta(hours=number), 1_000_000) for number in range(competitions)]
    ledger = make_ledger(rich, cups, cap=1_000_000)
    for number in range(entries):
        ledger.book(rich[1 + number % (clubs - 1)], cups[number % competitions], 1, f"token-of-entry-{number:09}")
    return ledger


def journey(browser):
    """Return the CPU seconds of a journey: sign-in page, sign in, summary, booking page, purchase, summary."""
    browser.cookie = ""
    requests = [
        ("/", None, 200),
        ("/showSummary", {"email": EMAIL}, 303),
        ("/showSummary", None, 200),
        (f"/book/{CUP}/Club 0", None, 200),
        ("/purchasePlaces", {"competition": CUP, "places": "1", "token": f"{time.time_ns():032}"}, 303),
        ("/showSummary", None, 200),
    ]
    total = 0
    for path, form, expected in requests:
        status, seconds = browser.send(path, form)
        assert expected == status, (path, status)
        total += seconds
    return total


KINDS = {  # kind: path, form, expected status, whether signed in
    "sign-in page": ("/", None, 200, False),
    "sign in": ("/showSummary", {"email": EMAIL}, 303, False),
    "summary": ("/showSummary", None, 200, True),
    "booking page": (f"/book/{CUP}/Club 0", None, 200, True),
    "purchase": ("/purchasePlaces", {"competition": CUP, "places": "1"}, 303, True),
    "summary after it": ("/showSummary", None, 200, True),
    "refusal": ("/purchasePlaces", {"competition": CUP, "places": "0"}, 400, True),
    "my bookings": ("/bookings", None, 200, True),
    "board": ("/pointsBoard", None, 200, False),
}


def kinds_of_request(bare):
    """Print a table of the median cost of each kind of request at each size, in bare views."""
    costs = {size: {kind: [] for kind in KINDS} for size in SIZES}
    ledgers = {size: a_ledger(*numbers) for size, numbers in SIZES.items()}
    bares = []
    for _ in range(ROUNDS):
        for size, ledger in ledgers.items():
            server.ledger = ledger
            stranger, signed_in = Browser(server.app), Browser(server.app)
            signed_in.send("/showSummary", {"email": EMAIL})
            for kind, (path, form, expected, inside) in KINDS.items():
                status, seconds = (signed_in if inside else stranger).send(path, form)
                assert expected == status, (kind, status)
                costs[size][kind].append(seconds)
                stranger.cookie = ""
                bares.append(bare.send("/")[1])
    unit = median(bares)
    print(f"\nCPU time of a request, in bare Flask views of {unit * 1e6:.0f} us each; sizes are clubs x competitions\n")
    print(f"{'':18}" + "".join(f"{size:>16}" for size in SIZES) + "   last : middle")
    for kind in KINDS:
        row = [median(costs[size][kind]) / unit for size in SIZES]
        print(f"{kind:18}" + "".join(f"{cost:16.1f}" for cost in row) + f"{row[2] / row[1]:15.2f}")


def journeys(bare):
    """Print what a whole journey costs, beside one on the floor app."""
    server.ledger = a_ledger(4, 5, 0)
    ours, floor = Browser(server.app), Browser(floor_app())
    costs = {"ours": [], "floor": [], "bare": []}
    for _ in range(ROUNDS * 2):
        costs["ours"].append(journey(ours))
        costs["floor"].append(journey(floor))
        costs["bare"].append(bare.send("/")[1])
        server.ledger = a_ledger(4, 5, 0)
    unit, ours, floor = (median(costs[name]) for name in ("bare", "ours", "floor"))
    print(
        "\nJourney: sign-in page, sign in, summary, booking page, purchase, summary. The floor is the same in a Flask"
    )
    print("app with session, flash, headers and one-line templates, but without rules and figures")
    print(f"ours {ours / unit:.1f} bare views, floor {floor / unit:.1f}; ours : floor = {ours / floor:.2f}")


def requests_a_second(url, path, cookie="", seconds=4, threads=8):
    """Return the answers a second that this many kept-alive connections get."""
    host, port = url.removeprefix("http://").split(":")
    lines = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
    counts, end = [], time.monotonic() + seconds

    def run():
        number = 0
        with socket.create_connection((host, int(port))) as connection:
            while time.monotonic() < end:
                connection.sendall(lines)
                answer = connection.recv(65536)
                head, _, body = answer.partition(b"\r\n\r\n")
                length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
                while len(body) < length:
                    body += connection.recv(65536)
                assert b" 200 " in head.split(b"\r\n")[0], head
                number += 1
        counts.append(number)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(counts) / seconds


def over_http():
    """Print requests a second under granian, beside a bare view on the same server."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_data(folder, [("Club 0", EMAIL, 13)], [(CUP, "2050-03-27 11:11:00", 20)])
        (folder / "bare.py").write_text(
            "import flask\napp = flask.Flask('bare')\napp.add_url_rule('/pointsBoard', view_func=lambda: 'Hello')\n"
        )
        os.environ["PYTHONPATH"] = str(folder)
        with serving(folder, workers=1) as (url, _), serving(folder, "bare:app", workers=1) as (bare, _):
            rates = [
                (requests_a_second(bare, "/pointsBoard"), requests_a_second(url, "/pointsBoard")) for _ in range(3)
            ]
        ratio = median(ours / bare for bare, ours in rates)
        bare, ours = (median(column) for column in zip(*rates, strict=True))
        print(f"\nOver HTTP (granian, 8 threads): bare view {bare:.0f}/s, points board {ours:.0f}/s, ratio {ratio:.2f}")


def start_up():
    """Print the time to import the app, with the demo data and with much data, beside that to import Flask."""

    def seconds(code, **variables):
        before = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | variables)
        return time.perf_counter() - before

    with tempfile.TemporaryDirectory() as folder:
        clubs = [(f"Club {number}", f"{number}@club.example", 99) for number in range(10_000)]
        cups = [(f"Cup {number}", "2050-03-27 11:11:00", 20) for number in range(2_000)]
        write_data(Path(folder), clubs, cups)
        runs = [
            (
                seconds("pass"),
                seconds("import flask"),
                seconds("import server"),
                seconds("import server", GUDLFT_DATA_DIR=folder),
            )
            for _ in range(7)
        ]
    nothing, alone, demo, large = (median(column) for column in zip(*runs, strict=True))
    print(f"\nStart-up: import flask {alone - nothing:.3f} s, demo app {demo - nothing:.3f} s")
    print(f"10,000 clubs x 2,000 competitions: {large - demo:.3f} s more")


if __name__ == "__main__":
    logging.disable(logging.INFO)
    bare = Browser(bare_app())
    journeys(bare)
    kinds_of_request(bare)
    start_up()
    over_http()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nMemory of this process, with all ledgers: {memory:.0f} MB")
