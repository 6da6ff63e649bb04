"""GÜDLFT Registration: clubs redeem their points for places at competitions.

Reads from top to bottom: application and settings, hooks, pages in the order in which a secretary meets them, errors,
commands. The rules of a booking, the ledger and the reading of the data files are in rules.py.
"""

import gc
import logging
import math
import os
import re
import secrets
import sys
import threading
import time
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import quote, urlsplit
from zlib import crc32

import click
from flask import Flask, Request, abort, flash, g, redirect, render_template, request, session, url_for
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter
from werkzeug.sansio.utils import get_host

import rules
from rules import SIGN_IN_LASTS, BookingError, JournalError, Ledger, count, printable

ROWS_PER_PAGE = 100
SIGN_IN_LASTS_IDLE = timedelta(minutes=30)
COOKIE_RENEWED_AFTER = 30  # seconds: to sign a cookie anew for each page would be 7 % of a page's cost
CLIENTS_REMEMBERED = 10_000
STARTED = int(time.time())  # without a journal nobody knows which earlier sign-ins were ended

# Application and settings


def is_host(value):
    """Tell whether the value is a host name, perhaps with a dot before it to mean all below it."""
    return isinstance(value, str) and re.fullmatch(r"\.?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", value) is not None


WHOLE = (lambda value: type(value) is int and value >= 0, "a whole number, 0 or more")
POSITIVE = (lambda value: type(value) is int and value >= 1, "a whole number, 1 or more")
SETTINGS = {  # default, check, what the value must be
    "COST_PER_PLACE": (3, *POSITIVE),
    "MAX_PLACES_PER_CLUB": (12, *POSITIVE),
    "DATA_DIR": (str(Path(__file__).parent), bool, "a folder"),
    "SECRET_KEY": (secrets.token_hex(), lambda value: len(value) >= 16, "a text of 16 characters or more"),
    "HTTPS": (False, lambda value: value is not None, "true or false"),
    "PROXIES": (0, *WHOLE),
    "TRUSTED_HOSTS": ([], lambda value: all(map(is_host, value)), "a host name in lower case or a JSON list of them"),
    "FAILED_SIGN_INS_PER_MINUTE": (10, *WHOLE),
    "JOURNAL": ("", lambda url: not url or "GUDLFT_SECRET_KEY" in os.environ, "set together with GUDLFT_SECRET_KEY"),
}


def configure(app):
    """Set the app up with the defaults, overridden by GUDLFT_ variables; exit with one line for each wrong value."""
    config = app.config
    config.update({name: default for name, (default, _, _) in SETTINGS.items()})
    config.from_prefixed_env("GUDLFT")  # reads JSON
    for name in ("DATA_DIR", "SECRET_KEY", "JOURNAL"):
        config[name] = os.environ.get(f"GUDLFT_{name}", config[name])  # as it is written
    config["HTTPS"] = {"true": True, "1": True, "false": False, "0": False}.get(str(config["HTTPS"]).lower())
    config["TRUSTED_HOSTS"] = hosts if isinstance(hosts := config["TRUSTED_HOSTS"], list) else [hosts]
    wrong = [f"GUDLFT_{name} must be {must}" for name, (_, check, must) in SETTINGS.items() if not check(config[name])]
    if wrong:
        raise SystemExit("\n".join(wrong))
    config.update(
        SECRET_KEY=os.fsencode(config["SECRET_KEY"]),
        MAX_CONTENT_LENGTH=16 * 1024,
        PERMANENT_SESSION_LIFETIME=SIGN_IN_LASTS_IDLE,
        SESSION_REFRESH_EACH_REQUEST=False,  # `signed_in_club` does it, and leaves static files without a cookie
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config["HTTPS"],
        SESSION_COOKIE_NAME="__Host-session" if config["HTTPS"] else "session",
    )
    if config["PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config["PROXIES"], x_proto=config["PROXIES"])


def open_ledger(config):
    """Return the ledger with the bookings that the journal has; exit with one line where that cannot be read."""
    data, journal = rules.read_data(Path(config["DATA_DIR"])), rules.Memory(config["DATA_DIR"])
    try:
        if config["JOURNAL"]:
            from journal import Journal  # brings SQLAlchemy

            journal = Journal(config["JOURNAL"], config["DATA_DIR"])
        gc.disable()  # a replay makes millions of objects and no garbage
        ledger = Ledger(*data, config["COST_PER_PLACE"], config["MAX_PLACES_PER_CLUB"], journal)
    except (ImportError, JournalError) as error:
        raise SystemExit(printable(f"GUDLFT_JOURNAL: {error}")) from None
    finally:
        gc.enable()
    for misfit in ledger.misfits():
        app.logger.warning(printable(misfit))
    return ledger


class NameConverter(BaseConverter):
    """A name in a path: its slashes go out as %2F, which servers turn into slashes again."""

    regex, part_isolating = ".+", False

    def to_url(self, value):
        """Return the name quoted."""
        return quote(value, safe="")


class AnyRequest(Request):
    """A request whose query string may hold any bytes: some servers pass them on as they are."""

    def __init__(self, environ):
        super().__init__(environ)
        self.query_string = self.query_string.decode(errors="replace").encode()


app = Flask(__name__)
app.request_class = AnyRequest


@lru_cache(maxsize=10_000)
def address(root, endpoint, **values):
    """Return what url_for returns, for templates: to build each address anew would be 5 % of a page's cost."""
    return url_for(endpoint, **values)


configure(app)
logging.Formatter.converter = time.gmtime
app.logger.setLevel(logging.INFO)
ledger = open_ledger(app.config)
failed_sign_ins = {}  # client IP address: times of its failures in the last minute
failed_sign_ins_lock = threading.Lock()
app.url_map.merge_slashes = False
app.url_map.converters["name"] = NameConverter
app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
app.jinja_env.filters["count"] = count
app.jinja_env.globals["url_for"] = lambda endpoint, **values: address(request.root_path, endpoint, **values)
app.jinja_env.globals["form_token"] = partial(secrets.token_urlsafe, 16)
static_files = sorted(Path(app.static_folder).iterdir())
app.jinja_env.globals["version"] = crc32(b"".join(file.read_bytes() for file in static_files))


def parts():
    """Return the macros of _parts.html, which is compiled for the first page and not at the start."""
    return app.jinja_env.get_template("_parts.html").module


@app.template_global()
@lru_cache(maxsize=10_000)
def part(name, *figures):
    """Return the HTML of a macro of _parts.html, made once for the same figures: saves a fifth of the CPU time."""
    return getattr(parts(), name)(*figures)


# Hooks

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
LISTS = ("show_summary", "bookings", "points_board")
SIGNED_IN_ONLY = ("show_summary", "book", "purchase_places", "bookings", "give_back")


def log(event):
    """Write one line: the client's address, the signed-in club, the event."""
    club = signed_in_club()
    app.logger.info(printable(f"{request.remote_addr} {club.name if club else '-'}: {event}"))


def same_origin():
    """Tell whether a page of this app, or no browser at all, sent the request."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None or origin is None:
        return site in ("same-origin", "none", None)
    try:
        scheme, host, *_ = urlsplit(origin.lower())
        return get_host(scheme, host) == request.host.lower() != ""
    except ValueError:
        return False


@app.before_request
def check_request():
    """Refuse what another site sent and what is too large, before anything looks at the session."""
    safe = request.method in ("GET", "HEAD", "OPTIONS")
    if (not safe or request.endpoint == "sign_out") and not same_origin():
        abort(403, "This form was sent from another site and nothing was changed. Open the page here and try again")
    if not safe:
        request.get_data(parse_form_data=True)  # raises 413, also where the length was not told beforehand


@app.before_request
def catch_up():
    """Take over what other processes booked; while the journal is away pages come from memory."""
    if request.endpoint not in ("static", "health"):
        try:
            ledger.catch_up()
        except JournalError as error:
            log(f"the journal is away: {error}")


@app.before_request
def check_sign_in():
    """Send the signed-out to the sign-in page where only the signed-in may see or send something."""
    if request.endpoint not in SIGNED_IN_ONLY or request.method == "OPTIONS" or signed_in_club():
        return None
    if request.method == "POST":
        undone = "changed" if request.endpoint == "give_back" else "booked"
        return index(403, f"You are not signed in and nothing was {undone}. Sign in to book")
    flash("You are not signed in. Sign in to continue", "problem")
    return redirect(url_for("index"), 303)


def signed_in_club():
    """Return the club whose secretary sent the request, or None."""
    if "club" not in g:
        cookie, moment = dict(session), rules.now().timestamp()
        alive = (
            "since" in cookie
            and cookie["since"] > moment - SIGN_IN_LASTS.total_seconds()
            and (cookie["since"] >= STARTED or ledger.journal.shared)
            and cookie["id"] not in ledger.ended
        )
        g.club = ledger.clubs.get(cookie["club"]) if alive else None
        if g.club and cookie["seen"] < moment - COOKIE_RENEWED_AFTER:
            session["seen"] = int(moment)  # sends the cookie again, which lives on for half an hour
    return g.club


@app.after_request
def add_headers(response):
    """Set the security headers; keep pages out of caches, and a version of a static file in them."""
    response.headers.extend(HEADERS)
    if app.config["HTTPS"]:
        response.headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    if request.endpoint == "static" and "v" in request.args and response.status_code < 400:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


# Pages


def page(template, status=200, message=None, **context):
    """Return a response with the page; the message says why something was refused, and is logged."""
    if message:
        log(f"{request.endpoint} refused: {message}" + (f" ({context['typed']})" if context.get("typed") else ""))
    context |= {"message": message, "club": signed_in_club(), "ledger": ledger, "parts": parts()}
    return app.response_class(render_template(template, **context), status)


def page_of(items, latest_first=False):
    """Return the rows that the address asks for and their place among all; answer 404 where there are none."""
    asked, total = request.args.get("page", "1") if request.endpoint in LISTS else "1", len(items)
    number = int(asked) if re.fullmatch("[1-9][0-9]{0,5}", asked) else 0
    start, stop = (number - 1) * ROWS_PER_PAGE, min(number * ROWS_PER_PAGE, total)
    if not 0 <= start < max(total, 1):
        abort(404)
    rows = items[total - stop : total - start][::-1] if latest_first else items[start:stop]
    return {"rows": rows, "number": number, "start": start, "stop": stop, "total": total}


@app.get("/")
def index(status=200, message=None, **context):
    """Show the sign-in form with the points board; send the signed-in on to their summary."""
    if status == 200 and signed_in_club():
        return redirect(url_for("show_summary"), 303)
    return page("index.html", status, message, **context)


@app.post("/showSummary")
def sign_in():
    """Sign a secretary in by the club's email address, or say what is wrong with it."""
    typed = request.form.get("email", "")
    refuse = partial(index, field="email", typed=typed)
    if not typed.strip():
        return refuse(400, "Enter your email address")
    try:
        rules.read_value(rules.EMAIL, typed.strip())
    except ValueError:
        return refuse(400, "Enter an email address in the correct format, like name@example.com")
    club = ledger.emails.get(rules.plain(typed))
    if club is None and (wait := seconds_to_wait(request.remote_addr)):
        response = refuse(429, "Too many attempts. Wait a minute and try again")
        response.headers["Retry-After"] = wait
        return response
    if club is None:
        return refuse(404, "We cannot find a club with this email address. Check the address and try again")
    end_sign_in()
    moment = int(rules.now().timestamp())
    session.update(club=club.name, id=secrets.token_urlsafe(12), since=moment, seen=moment)
    session.permanent = True
    g.club = club
    log("signed in")
    return redirect(url_for("show_summary"), 303)


def seconds_to_wait(client):
    """Count a failed sign-in of the client; return the seconds after which it may try again, or 0."""
    most, moment = app.config["FAILED_SIGN_INS_PER_MINUTE"], time.monotonic()
    with failed_sign_ins_lock:
        recent = [at for at in failed_sign_ins.pop(client, []) if at > moment - 60]
        wait = math.ceil(recent[0] + 60 - moment) if 0 < most <= len(recent) else 0
        failed_sign_ins[client] = recent if wait or not most else [*recent, moment]
        if len(failed_sign_ins) > CLIENTS_REMEMBERED:
            del failed_sign_ins[next(iter(failed_sign_ins))]
    return wait


def end_sign_in():
    """End the session, so that a copy of its cookie is refused too."""
    if signed_in_club():
        try:
            ledger.end(session["id"])
        except JournalError as error:
            log(f"other processes will know later: {error}")
        log("signed out")
    session.clear()


@app.get("/showSummary")
def show_summary(status=200, message=None):
    """Show the club's points and the competitions."""
    upcoming, past = ledger.open_and_past()
    paged = page_of(upcoming + past)
    split = max(0, len(upcoming) - paged["start"])
    rows = [competition_row(g.club, one, index < split) for index, one in enumerate(paged["rows"])]
    return page("summary.html", status, message, page=paged, upcoming=rows[:split], past=rows[split:])


def competition_row(club, competition, is_open):
    """Return what a row of the summary shows."""
    _, left, held, most, binds = ledger.figures(club, competition)
    most, binds = (most, binds) if is_open else (0, "closed")
    link = address(request.root_path, "book", competition=competition.name, club=club.name) if most else None
    return competition, left, held, binds, ledger.cap, link


def find_competition(name, club, otherwise):
    """Return the competition; answer 403 where another club is named, 404 on the other page where it is unknown."""
    if club != g.club.name:
        abort(403, f"This page belongs to another club. You are signed in as {g.club.name}")
    if name not in ledger.competitions:
        abort(otherwise(404, "We cannot find this competition. Choose one from the list"))
    return ledger.competitions[name]


@app.get("/book/<name:competition>/<name:club>")
def book(competition, club):
    """Show the booking form; names may hold slashes, so the club is the signed-in one at the end of the path."""
    names, mine = f"{competition}/{club}", f"/{g.club.name}"
    if names.endswith(mine):
        competition, club = names.removesuffix(mine), g.club.name
    return booking_page(find_competition(competition, club, show_summary))


def booking_page(competition, message=None):
    """Show the booking form, or why nothing can be booked: on the summary where the competition has started."""
    if competition.date <= rules.now():
        return show_summary(400, f"Booking is closed: {competition.started()}")
    figures = ledger.figures(g.club, competition)
    obstacle = ledger.refusal(figures)
    context = {"competition": competition, "figures": figures, "obstacle": obstacle}
    if message and not obstacle:
        context |= {"field": "places", "typed": request.form.get("places", "")}
    return page("booking.html", 400 if message else 200, message and (obstacle or message), **context)


def carry_out(change, shown_on, refuse):
    """Book or give back what the form says and say so on the next page, or show why not."""
    form = request.form
    competition = find_competition(form.get("competition"), form.get("club", g.club.name), shown_on)
    token = token if re.fullmatch("[A-Za-z0-9_-]{16,64}", token := form.get("token", "")) else None
    try:
        places = rules.whole_number(form.get("places", ""))
    except BookingError as error:
        if competition.date > rules.now():
            return refuse(competition, str(error))
        places = 0  # what has started is closed, whatever was typed
    try:
        entry = g.entry = change(g.club, competition, places, token)
    except BookingError as error:
        return refuse(competition, str(error))
    places, points = count(abs(entry.places), "place"), count(abs(entry.points), "point")
    left = ledger.points_left(g.club)
    message = (
        f"Great-booking complete! Your club has booked {places} in {competition.name} for {points}. "
        f"{count(left, 'point', (' is', ' are'))} left"
        if entry.places > 0
        else f"{places} in {competition.name} given back. {points} returned, {count(left, 'point')} available"
    )
    log(f"{message} (number {entry.number})")
    flash(message, "success")
    return redirect(url_for(shown_on.__name__), 303)


@app.post("/purchasePlaces")
def purchase_places():
    """Book places."""
    return carry_out(ledger.book, show_summary, booking_page)


@app.get("/bookings")
def bookings(status=200, message=None, refused=None):
    """Show the club's entries, newest first, and the forms that give its places back."""
    paged = page_of(ledger.history[g.club.name], latest_first=True)
    held = ledger.holdings(g.club)[paged["start"] :][:ROWS_PER_PAGE]
    field = next((f"places-{index}" for index, row in enumerate(held, start=1) if row[0] == refused), None)
    typed = request.form.get("places", "")
    return page("bookings.html", status, message, page=paged, held=held, field=field, typed=typed)


@app.post("/cancelPlaces")
def give_back():
    """Give places back."""
    return carry_out(ledger.give_back, bookings, lambda competition, message: bookings(400, message, competition))


@app.get("/pointsBoard")
def points_board():
    """Show every club's points; the signed-out get an ETag, so that an unchanged board is not sent again."""
    response = page("board.html", page=page_of(ledger.board))
    if not g.club:
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        response.make_conditional(request)
    return response


@app.route("/logout", methods=["GET", "POST"])
def sign_out():
    """End the session."""
    if request.method != "HEAD":
        end_sign_in()
    return redirect(url_for("index"), 303)


@app.get("/health")
def health():
    """Tell a proxy or a monitor whether the app can take bookings."""
    try:
        ledger.catch_up()
    except JournalError:
        return "the journal is away", 503, {"Content-Type": "text/plain; charset=utf-8"}
    return "ok", 200, {"Content-Type": "text/plain; charset=utf-8"}


# Errors and commands


@app.errorhandler(HTTPException)
def show_error(error, **context):
    """Show an error on a page of the app's own."""
    if request_ctx.url_adapter is None:  # the Host was refused, and links need an adapter
        request_ctx.url_adapter = app.url_map.bind("", script_name=request.root_path)
    log(f"{error.code} {request.method} {request.path}: {error.description}")
    response = error.get_response()
    context |= {"code": error.code, "description": error.description, "done": "entry" in g}
    response.data = page("error.html", error.code, **context).data
    return response


@app.errorhandler(JournalError)
def show_journal_error(error):
    """Say that nothing was booked or, where that is not certain, to check."""
    app.logger.error(printable(f"{request.endpoint} failed: {error}"))
    return show_error(ServiceUnavailable(), certain=error.certain)


@app.cli.command("check")
def check():
    """Check settings, data files and journal, and say what they hold."""
    points, places = sum(club.points for club in ledger.clubs.values()), sum(one.places for one in ledger.by_date)
    print(f"clubs.json: {count(len(ledger.clubs), 'club')}, {count(points, 'point')}")
    print(f"competitions.json: {count(len(ledger.by_date), 'competition')}, {count(places, 'place')}")
    if app.config["JOURNAL"]:
        sentences = [printable(sentence) for sentence in ledger.misfits() + ledger.vanished()]
        print(f"journal: {count(len(ledger.entries), 'line')}", *sentences, sep="\n")


@app.cli.command("bookings")
@click.option("--competition", help="Only this one's entry list: its clubs and the places they hold.")
def export_bookings(competition):
    """Write all bookings, or a competition's entry list, as CSV in UTF-8 to the standard output."""
    from defusedcsv import csv  # a spreadsheet runs no cell of it

    if not ledger.journal.shared:
        click.echo("GUDLFT_JOURNAL is not set: no bookings are kept", err=True)
    rows = [("number", "time in UTC", "club", "competition", "places", "points")]
    if competition is None:
        rows += [(one.number, f"{one.at:%Y-%m-%d %H:%M:%S}", *one[2:6]) for one in ledger.entries]
    elif competition in ledger.competitions or any(one.competition == competition for one in ledger.entries):
        rows = [("club", "places held"), *ledger.entry_list(competition)]
    else:
        raise SystemExit(f"There is no competition {printable(competition)}")
    sys.stdout.reconfigure(encoding="utf-8-sig", newline="")
    csv.writer(sys.stdout).writerows(rows)
