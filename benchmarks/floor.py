"""The floor: what a visit asks for, answered by bare Flask with session, flash and headers, without rules and figures.

The other benchmarks print the costs of ours as multiples of these.
"""

import secrets
from urllib.parse import quote

from flask import Flask, flash, redirect, render_template, request, session, url_for
from jinja2 import DictLoader

# as many and as long as ours; the cookie holds as much too
HEADERS = {f"X-Header-{number}": "about as long as ours are on average" for number in range(8)}

app = Flask("floor")
app.secret_key = "floor-floor-floor-floor"
app.jinja_loader = DictLoader({"page.html": "{{ session.club }} {{ get_flashed_messages() }}"})


@app.after_request
def add_headers(response):
    response.headers.update(HEADERS)
    return response


@app.post("/showSummary")
def sign_in():
    session.update(club=request.form["email"], id="1234567890123456", since=1_800_000_000)
    session.permanent = True
    return redirect(url_for("show_summary"), 303)


@app.post("/purchasePlaces")
def purchase_places():
    flash(f"Great-booking complete! {request.form['places']} in {request.form['competition']}")
    return redirect(url_for("show_summary"), 303)


@app.get("/showSummary")
def show_summary():
    return render_template("page.html")


@app.get("/book/<competition>/<club>")
@app.get("/organiser")
@app.get("/organiser/entries")
def other_page(**names):
    return render_template("page.html")


def visit(club, competition):
    """Return the requests of a club's visit: address and form of each."""
    order = {"club": club, "competition": competition, "places": "1", "token": secrets.token_urlsafe(16)}
    return {
        "booking page": (f"/book/{quote(competition)}/{quote(club)}", None),
        "purchase": ("/purchasePlaces", order),
        "summary": ("/showSummary", None),
    }
