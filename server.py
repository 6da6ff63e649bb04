"""GÜDLFT Registration: clubs redeem their points for places at competitions.

Reads from top to bottom: data files, application and settings, hooks, pages in the order in which a secretary meets
them, errors, commands. The rules of a booking are in rules.py.
"""

import gc
import json
import logging
import os
import re
import secrets
import sys
import threading
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit
from zlib import crc32

import click
from flask import Flask, abort, flash, g, make_response, redirect, render_template, request, session, url_for
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter
from werkzeug.sansio.utils import get_host

import rules
from memory import JournalError, Memory
from rules import SIGN_IN_LASTS, BookingError, Club, Competition, Ledger, count, plain, whole_number

ROWS_PER_PAGE = 100
SIGN_IN_LASTS_IDLE = timedelta(minutes=30)
CLIENTS_REMEMBERED = 10_000

# Data files

NAME = [
    (r"(?s)(?=.*\S).{1,200}", "a text of 1 to 200 characters"),  # longer ones would not fit a browser's 4 kB cookie
    (r"(?!\.{1,2}\Z)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+", 'without control characters and not "." or ".."'),
]
EMAIL = [(r"[\x00-\x7f]*@[\x00-\x7f]*", "an email address, with an @ and in ASCII")]
NUMBER = [("[0-9]+", "a whole number of 0 or more"), ("0{0,9}(1000000|[0-9]{1,6})", "at most 1,000,000")]
DATE = [(r"[0-9]{4}(-[0-9]{2}){2} (?!24)[0-9]{2}(:[0-9]{2}){2}", "a date and time like 2050-03-27 11:11:00")]


def printable(text):
    """Return the text as one line for a terminal or a log."""
    return text if text.isprintable() else ascii(text)[1:-1]


def read_value(form, value):
    """Return a field's value as the app keeps it; raise ValueError with what it must be."""
    text = str(value) if form is NUMBER and type(value) is int else value
    for pattern, meaning in form:
        if not isinstance(text, str) or not re.fullmatch(pattern, text):
            raise ValueError(f"must be {meaning}, not {printable(json.dumps(value, ensure_ascii=False))[:80]}")
    try:
        return int(text) if form is NUMBER else datetime.fromisoformat(text).astimezone() if form is DATE else text
    except (ValueError, OverflowError):
        raise ValueError(f"must be in the calendar, not {text}") from None


def read_file(file, noun, fields, problems):
    """Return each entry's values in the order of the fields; add a line to the problems for each that is wrong."""
    entries, seen = [], {}
    try:
        data = json.loads(file.read_bytes().decode("utf-8-sig"))
        if not isinstance(data, dict) or not isinstance(data.get(f"{noun}s"), list):
            raise ValueError(f'there is no list "{noun}s"')
    except (OSError, ValueError, RecursionError) as error:
        problems.append(printable(f"{file.name}: cannot be read as JSON in UTF-8: {error}"))
        return entries
    for number, item in enumerate(data[f"{noun}s"], start=1):
        where = f"{file.name}: {noun} {number}"
        if not isinstance(item, dict):
            problems.append(f"{where}: must be an object")
            continue
        where += f" ({printable(item['name'])[:80]})" if isinstance(item.get("name"), str) else ""
        entries.append([])
        for field, form in fields.items():
            try:
                entries[-1].append(read_value(form, item[field]))
                if form in (NAME, EMAIL) and (first := seen.setdefault((field, plain(item[field])), number)) != number:
                    raise ValueError(f"must not be that of {noun} {first} again")
            except KeyError:
                problems.append(f"{where}: {field} is missing")
            except ValueError as error:
                problems.append(f"{where}: {field} {error}")
    return entries


def read_data(folder):
    """Return the clubs and the competitions; exit with one line for each problem of both files."""
    problems = []
    clubs = read_file(folder / "clubs.json", "club", {"name": NAME, "email": EMAIL, "points": NUMBER}, problems)
    fields = {"name": NAME, "date": DATE, "numberOfPlaces": NUMBER}
    competitions = read_file(folder / "competitions.json", "competition", fields, problems)
    if problems:
        raise SystemExit("\n".join(problems))
    return [Club(*values) for values in clubs], [Competition(*values) for values in competitions]


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


def configure(config):
    """Set the defaults, overridden by GUDLFT_ variables; exit with one line for each wrong value."""
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


def open_ledger(config):
    """Return the ledger with the bookings that the journal has; exit with one line where that cannot be read."""
    data, journal = read_data(Path(config["DATA_DIR"])), Memory(config["DATA_DIR"])
    try:
        if config["JOURNAL"]:
            from journal import Journal  # brings SQLAlchemy

            journal = Journal(config["JOURNAL"], config["DATA_DIR"])
        gc.disable()  # a replay makes millions of objects and no garbage
        ledger = Ledger(*data, config["COST_PER_PLACE"], config["MAX_PLACES_PER_CLUB"], journal)
        gc.enable()
        return ledger
    except (ImportError, JournalError) as error:
        raise SystemExit(printable(f"GUDLFT_JOURNAL: {error}")) from None


class NameConverter(BaseConverter):
    """A name in a path: its slashes go out as %2F, which servers turn into slashes again."""

    regex, part_isolating = ".+", False

    def to_url(self, value):
        """Return the name quoted."""
        return quote(value, safe="")


app = Flask(__name__)
configure(app.config)
ledger = open_ledger(app.config)
failed_sign_ins = {}  # client IP address: times of its failures in the last minute
failed_sign_ins_lock = threading.Lock()
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=app.config["PROXIES"], x_proto=app.config["PROXIES"])
app.url_map.merge_slashes = False
app.url_map.converters["name"] = NameConverter
app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
app.jinja_env.filters["count"] = count
app.jinja_env.globals["form_token"] = partial(secrets.token_urlsafe, 16)
app.jinja_env.globals["version"] = crc32(b"".join(file.read_bytes() for file in Path(app.static_folder).iterdir()))
logging.Formatter.converter = time.gmtime
app.logger.setLevel(logging.INFO)
for misfit in ledger.misfits():
    app.logger.warning("%s", printable(misfit))

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
SIGNED_IN_ONLY = ("show_summary", "book", "purchase_places", "bookings", "give_back")


def log(event):
    """Write one line: the client's address, the signed-in club, the event."""
    app.logger.info("%s", printable(f"{request.remote_addr} {g.club.name if g.get('club') else '-'}: {event}"))


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
def catch_up():
    """Take over what other processes booked; while the journal is away pages come from memory."""
    if request.endpoint != "static":
        try:
            ledger.catch_up()
        except JournalError as error:
            log(f"the journal is away: {error}")


@app.before_request
def check_request():
    """Refuse what another site sent, what is too large, and what only the signed-in may see or send."""
    if (request.method not in ("GET", "HEAD", "OPTIONS") or request.endpoint == "sign_out") and not same_origin():
        abort(403, "This form was sent from another site and nothing was changed. Open the page here and try again")
    if (request.content_length or 0) > app.config["MAX_CONTENT_LENGTH"]:
        abort(413)
    if request.endpoint not in SIGNED_IN_ONLY or signed_in_club():
        return None
    if request.method == "POST":
        undone = "changed" if request.endpoint == "give_back" else "booked"
        return index(403, f"You are not signed in and nothing was {undone}. Sign in to book")
    flash("You are not signed in. Sign in to continue", "problem")
    return redirect(url_for("index"), 303)


def signed_in_club():
    """Return the club whose secretary sent the request, or None."""
    if "club" not in g:
        alive = (
            session.get("since", 0) > (rules.now() - SIGN_IN_LASTS).timestamp() and session["id"] not in ledger.ended
        )
        g.club = ledger.clubs.get(session["club"]) if alive else None
        session.modified |= g.club is not None  # the cookie is sent anew and lives 30 more minutes
    return g.club


@app.after_request
def add_headers(response):
    """Set the security headers; keep pages out of caches, and a version of a static file in them."""
    response.headers.update(HEADERS)
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
        log(f"{request.endpoint} refused: {message} ({context.get('typed', '')})")
    html = render_template(template, message=message, club=signed_in_club(), ledger=ledger, **context)
    return make_response(html, status)


def page_of(items, latest_first=False):
    """Return the rows that the address asks for and their place among all; answer 404 where there are none."""
    asked, total = request.args.get("page", "1") if request.method != "POST" else "1", len(items)
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
        read_value(EMAIL, typed.strip())
    except ValueError:
        return refuse(400, "Enter an email address in the correct format, like name@example.com")
    club = ledger.emails.get(plain(typed))
    if club is None and (wait := seconds_to_wait(request.remote_addr)):
        response = refuse(429, "Too many attempts. Wait a minute and try again")
        response.headers["Retry-After"] = wait
        return response
    if club is None:
        return refuse(404, "We cannot find a club with this email address. Check the address and try again")
    end_sign_in()
    session.update(club=club.name, id=secrets.token_urlsafe(12), since=int(rules.now().timestamp()))
    session.permanent = True
    g.club = club
    log("signed in")
    return redirect(url_for("show_summary"), 303)


def seconds_to_wait(client):
    """Count a failed sign-in of the client; return the seconds after which it may try again, or 0."""
    most, moment = app.config["FAILED_SIGN_INS_PER_MINUTE"], time.monotonic()
    with failed_sign_ins_lock:
        recent = [at for at in failed_sign_ins.pop(client, []) if at > moment - 60]
        wait = int(recent[0] + 61 - moment) if 0 < most <= len(recent) else 0
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
    upcoming, past = paged["rows"][: (split := max(0, len(upcoming) - paged["start"]))], paged["rows"][split:]
    return page("summary.html", status, message, page=paged, upcoming=upcoming, past=past)


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
    most, binds = ledger.most_places(g.club, competition)
    context = {
        "competition": competition,
        "most": most,
        "binds": binds,
        "obstacle": ledger.refusal(g.club, competition),
    }
    context |= {"field": "places", "typed": request.form.get("places", "")} if message and most else {}
    return page("booking.html", 400 if message else 200, message, **context)


def carry_out(change, shown_on, refuse):
    """Book or give back what the form says and say so on the next page, or show why not."""
    form = request.form
    competition = find_competition(form.get("competition"), form.get("club", g.club.name), shown_on)
    token = form.get("token", "") if re.fullmatch("[A-Za-z0-9_-]{16,64}", form.get("token", "")) else None
    try:
        entry = g.entry = change(g.club, competition, whole_number(form.get("places", "")), token)
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
    field = f"places-{held.index(refused) + 1}" if refused in held else None
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


# Errors and commands


@app.errorhandler(HTTPException)
def show_error(error, **context):
    """Show an error on a page of the app's own."""
    if request_ctx.url_adapter is None:  # the Host was refused, and links need an adapter
        request_ctx.url_adapter = app.url_map.bind("", script_name=request.root_path)
    response = error.get_response()
    context |= {"code": error.code, "description": error.description, "done": "entry" in g}
    response.data = page("error.html", error.code, **context).data
    return response


@app.errorhandler(JournalError)
def show_journal_error(error):
    """Say that nothing was booked or, where that is not certain, to check."""
    app.logger.error("%s", printable(f"{request.endpoint} failed: {error}"))
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

    rows = [("number", "time in UTC", "club", "competition", "places", "points")]
    if competition is None:
        rows += [(one.number, f"{one.at:%Y-%m-%d %H:%M:%S}", *one[2:6]) for one in ledger.entries]
    elif competition in ledger.competitions or any(one.competition == competition for one in ledger.entries):
        rows = [("club", "places held"), *ledger.entry_list(competition)]
    else:
        raise SystemExit(f"There is no competition {printable(competition)}")
    sys.stdout.reconfigure(encoding="utf-8-sig", newline="")
    csv.writer(sys.stdout).writerows(rows)
