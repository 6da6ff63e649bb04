"""GÜDLFT Registration: clubs redeem their points for places at competitions.

Reads from top to bottom: what a request is, settings and data, templates, hooks, pages in the order in which a
secretary meets them, errors, commands. gudlft/ holds what knows no Flask: the rules, the ledger, the files.
"""

import hashlib
import logging
import os
import secrets
import sys
import time
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import quote

import click
from flask import Flask, Request, abort, redirect, render_template, request, session, url_for
from flask.cli import FlaskGroup
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter
from werkzeug.sansio.utils import get_host

from gudlft import checking
from gudlft.cookies import CookieSerializer
from gudlft.files import BadFiles, changed_at, read_email
from gudlft.journal import AnotherProcessBooks, CommitInDoubt, JournalError
from gudlft.journal.revocations import SESSION_LASTS
from gudlft.limits import RateLimit, TooOften, client_key
from gudlft.model import BookingError
from gudlft.opening import open_all
from gudlft.pages import calendar, export, lists, sentences
from gudlft.pages.pagination import read_page_number
from gudlft.pages.search import EVERYTHING, Choice, Show
from gudlft.rules import read_places, read_token, why_no_return
from gudlft.settings import BadSettings, read_settings
from gudlft.text import as_seen, clean_email, normalize_email, noun_for, printable, short_month

IDLE_SIGN_IN_LASTS = 30 * 60  # seconds
LARGEST_REQUEST = 16 * 1024  # bytes
LONGEST_IN_LOG = 200  # characters of a text that came from outside
LONGEST_ADDRESS = 1000  # characters of an address that a cookie keeps

# What a request is


class ClubRequest(Request):
    """A request, and what this app finds out about it."""

    entry = None  # what this request booked or gave back, if anything
    journal_error = None  # set while the journal is away: the figures may be old

    def __init__(self, environ, *arguments, **options):
        """Accept any bytes in the query string, which some servers pass on as they are, and a host in capitals."""
        if "HTTP_HOST" in environ:
            environ["HTTP_HOST"] = environ["HTTP_HOST"].lower()
        super().__init__(environ, *arguments, **options)
        self.query_string = self.query_string.decode(errors="replace").encode()

    @cached_property
    def account(self):
        """Return the account of whoever sent the request; None if nobody is signed in."""
        id = kept("id", str)
        since = kept("since", int, 0)
        earliest = opened.ledger.now() - SESSION_LASTS
        if id is None or since <= earliest.timestamp() or opened.revocations.is_revoked(id):
            return None
        return opened.accounts.find(kept("address", str, ""))

    @property
    def is_prefetch(self):
        """Tell whether a browser fetches the page before anybody wants to see it."""
        return "prefetch" in self.headers.get("Sec-Purpose", "")

    @property
    def club(self):
        """Return the club that the request acts for; None if nobody is signed in, or an organiser without a club."""
        return self.account and self.account.club

    @cached_property
    def receipt(self):
        """Return the receipt of the order that led to this page; None if there is none, or it is not known here yet."""
        if self.club is None:
            return None
        return lists.receipt_of(opened.ledger, self.club, kept("receipt", int, 0))

    @cached_property
    def token(self):
        """Return the token of the form, or a new one: with it the same order can be sent again and counts once."""
        return read_token(self.form.get("token", "")) or secrets.token_urlsafe()


class NameConverter(BaseConverter):
    """A converter of names in paths: their slashes go out as %2F, which servers turn into slashes again."""

    regex = ".+"
    part_isolating = False

    def to_url(self, value):
        """Return the name quoted."""
        return quote(value, safe="")


class Sessions(SecureCookieSessionInterface):
    """Flask's own sessions in signed cookies, which each page renews."""

    def get_signing_serializer(self, app):
        """Return the one serializer of the cookies: making it twice a request would add 5 % to a page."""
        return cookie_serializer

    def save_session(self, app, session, response):
        """Set the cookie if anything looked at the session: a HEAD, a prefetch and a static file leave it as it is."""
        is_looked_at = session.accessed or session.modified
        leaves_it = request.method == "HEAD" or request.is_prefetch or request.endpoint == "static"
        if is_looked_at and not leaves_it:
            super().save_session(app, session, response)


def kept(name, kind, default=None):
    """Return a part of the session; the default if it is missing, or another version wrote something else there."""
    value = session.get(name)
    return value if isinstance(value, kind) else default


# Settings and data


def version_of(folder):
    """Return a checksum of the files in a folder: browsers can keep a file for ever if its address has it."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


app = Flask(__name__)
app.request_class = ClubRequest
app.url_map.merge_slashes = False
app.url_map.converters["name"] = NameConverter

logging.Formatter.converter = time.gmtime  # all lines of the process are in UTC, the web server's too
app.logger.setLevel(logging.INFO)
logging.getLogger("gudlft").handlers = app.logger.handlers
logging.getLogger("gudlft").setLevel(logging.INFO)

# Flask loads the app to find one of its own commands, too: those look at a journal, and make none
context = click.get_current_context(silent=True)
only_looks = context is not None and isinstance(context.command, FlaskGroup)

try:
    app.config.update(read_settings(os.environ, folder=app.root_path))
    opened = open_all(app.config, makes_journal=not only_looks)
except (BadSettings, BadFiles) as error:
    raise SystemExit(str(error)) from None
except JournalError as error:
    raise SystemExit(printable(f"GUDLFT_JOURNAL: {error}")) from None

# two copies of the app on one host must not take each other's cookies
fingerprint = hashlib.sha256(b"name of a cookie " + app.config["SECRET_KEY"]).hexdigest()[:8]
prefix = "__Host-" if app.config["HTTPS"] else ""
app.config.update(
    MAX_CONTENT_LENGTH=LARGEST_REQUEST,
    PERMANENT_SESSION_LIFETIME=IDLE_SIGN_IN_LASTS,
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_COOKIE_SECURE=app.config["HTTPS"],
    SESSION_COOKIE_NAME=f"{prefix}session_{fingerprint}",
)
if app.config["PROXIES"]:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=app.config["PROXIES"], x_proto=app.config["PROXIES"])
competitions_changed_at = changed_at(Path(app.config["DATA_DIR"]) / "competitions.json")

if not only_looks:  # a command prints it
    if opened.journal.shared and not opened.ledger.entries:
        app.logger.warning("the journal is new: it holds no bookings yet")  # its name may be mistyped
    for finding in [*opened.ledger.mismatches(), *opened.unread_fields]:
        app.logger.warning(printable(finding))

failed_sign_ins = RateLimit(app.config["FAILED_SIGN_INS_PER_MINUTE"], seconds=60)

# Cookies that were signed with another salt are refused
salt = "session of a known address"
if opened.mailed_codes:
    salt = "session of a proven address"  # a sign-in without a code counts no longer
if not opened.journal.shared:
    salt = secrets.token_hex()  # after a restart, or in another process, nobody knows who signed out
cookie_serializer = CookieSerializer(app.secret_key, salt)
app.session_interface = Sessions()

# Templates

app.jinja_env.trim_blocks = True
app.jinja_env.lstrip_blocks = True
app.jinja_env.filters.update(
    as_seen=as_seen,
    breakable=sentences.breakable,
    by_month=lists.by_month,
    clean_email=clean_email,
    moment=sentences.moment,
    short_month=short_month,
    thousands="{:,}".format,
    untranslated=sentences.untranslated,
)
app.jinja_env.globals.update(
    contact=app.config["CONTACT"],
    new_token=secrets.token_urlsafe,
    noun_for=noun_for,
    sentences=sentences,
    time_zone=calendar.time_zone(),
)
version_at_start = version_of(app.static_folder)


def static_version():
    """Return the version of the static files; in debug mode it follows each edit."""
    return version_of(app.static_folder) if app.debug else version_at_start


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


@app.before_request
def refuse_other_sites():
    """Refuse changes that another site sent, and forms that are too large, before anything looks at the session."""
    is_safe = request.method in ("GET", "HEAD", "OPTIONS")
    changes_something = not is_safe or request.endpoint == "sign_out"
    if changes_something and (request.is_prefetch or not is_same_origin()):
        abort(403, sentences.ANOTHER_SITE)
    if not is_safe:
        request.get_data(parse_form_data=True)  # raises 413, even if the length was not given beforehand


def is_same_origin():
    """Tell whether the request came from a page of this app, or from no page at all."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")

    origin = request.headers.get("Origin")
    if origin is None:
        return True
    scheme, _, named = origin.lower().partition("://")
    host = get_host(scheme, named)
    return host != "" and host == request.host


@app.before_request
def notice_forgotten_proxies():
    """Name the setting if a proxy says who its client is, and none is trusted: all would share the client's limits."""
    if not app.config["PROXIES"] and "X-Forwarded-For" in request.headers:
        warn_of_forgotten_proxies()


@cache
def warn_of_forgotten_proxies():
    """Log, once, that GUDLFT_PROXIES may have been forgotten."""
    app.logger.warning("X-Forwarded-For came with a request and does not count: set GUDLFT_PROXIES if a proxy sent it")


@app.before_request
def catch_up_with_journal():
    """Read what other processes booked and revoked; while the journal is away, pages come from memory and say so."""
    if request.endpoint in ("static", "health"):
        return
    try:
        opened.reader.catch_up()
    except JournalError as error:
        request.journal_error = error
        log(f"the journal is away: {error}")


@app.after_request
def add_headers(response):
    """Set the security headers; keep pages out of caches, and let them keep this version of a static file."""
    response.headers.extend(HEADERS)
    if app.config["HTTPS"]:
        response.headers["Strict-Transport-Security"] = "max-age=63072000"
    is_current = request.endpoint == "static" and request.args.get("v") == static_version()
    if is_current and response.status_code < 400:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@app.after_request
def forget_what_was_said(response):
    """Let each message be said on one page: a redirect leaves it for the next."""
    is_page = response.mimetype == "text/html" and not 300 <= response.status_code < 400
    if is_page:
        session.pop("message", None)
        if request.receipt:
            session.pop("receipt")
    return response


# What views have in common


def log(event):
    """Write one line: the client's address, the club or organiser who is signed in, the event."""
    name = request.account.name if request.account else "-"
    app.logger.info(printable(f"{client_key(request.remote_addr)} {name}: {event}"))


def refuse(sentence, name="", field="", typed=""):
    """Log that a form or a page was refused, and what was typed; return what its page shows of it.

    That is the sentence, the name in it if any, and the field to blame, by its id, if any.
    """
    in_brackets = f" ({typed[:LONGEST_IN_LOG]})" if typed else ""
    log(f"{request.endpoint} refused: {sentence}{in_brackets}")
    return {"sentence": sentence, "name": name, "field": field}


def render_page(template, code=200, problem=None, **context):
    """Return a response with a page, and with what is to be said on it once."""
    html = render_template(
        template,
        problem=problem,
        receipt=request.receipt,
        message=kept("message", str),
        account=request.account,
        club=request.club,
        terms=opened.ledger.terms,
        root=request.root_path,
        version=static_version(),
        now=opened.ledger.now,
        **context,
    )
    return app.response_class(html.replace("\0", "\ufffd"), code)  # HTML allows no NUL, which a field may have brought


def asked_page_number():
    """Return the number of the page that the address asks for."""
    return read_page_number(request.args.get("page", "1"))


def require_club():
    """Go on for clubs alone: ask the signed-out to sign in, and lead others to their own page."""
    if request.club:
        return
    if request.account is None:
        abort(ask_to_sign_in())
    if request.method == "POST":
        abort(403, sentences.NO_CLUB)
    abort(redirect(home_of(request.account), 303))


def require_organiser():
    """Go on for organisers alone, if there are any: ask the signed-out to sign in, and tell others who may."""
    if not app.config["ORGANISERS"]:
        abort(404)
    if request.account is None:
        abort(ask_to_sign_in())
    if not request.account.is_organiser:
        abort(403, sentences.only_for_organisers(request.club))


def ask_to_sign_in():
    """Show the sign-in page, and remember what was asked for."""
    require_no_newer(normalize_email(kept("address", str, "")))
    keep_next_page()
    if request.method == "POST":
        is_booking = request.endpoint == "purchase_places"
        sentence = sentences.SIGN_IN_TO_BOOK if is_booking else sentences.SIGN_IN_TO_GIVE_BACK
        return render_sign_in(403, refuse(sentence))
    session["message"] = sentences.SIGN_IN_TO_CONTINUE
    return redirect(url_for("index"), 303)


def home_of(account, **fields):
    """Return the address of an account's first page: a club's summary, or the organiser's page."""
    return url_for("show_summary" if account.club else "organiser", **fields)


def keep_next_page():
    """Keep in the session where to go after signing in.

    That is the page that was asked for or, for a form and for a calendar file, the page of their competition. For
    other files it is the page that links to them. Its path is built anew, so that it cannot lead elsewhere.
    """
    session.pop("next_competition", None)
    session.pop("next_address", None)
    if request.endpoint in ("purchase_places", "cancel_places", "competition_file"):
        competition = request.view_args.get("competition") or request.form.get("competition")
        if competition in opened.ledger.competitions_by_any_name:
            session["next_competition"] = competition  # its address needs the club, not known yet
        return

    if request.endpoint == "table_file":
        address = url_for("entries" if "competition" in request.args else "organiser")
    else:
        address = url_for(request.endpoint, **request.view_args)
    query = request.query_string.decode()
    if query:
        address += f"?{query}"
    if len(address) <= LONGEST_ADDRESS:
        session["next_address"] = address


def next_page(account):
    """Return the address to go to after signing in: what was kept, or else the account's first page."""
    competition = opened.ledger.competitions_by_any_name.get(kept("next_competition", str))
    if account.club and competition and not competition.has_started(opened.ledger.now()):
        return url_for("book", competition=competition.name, club=account.club.name)
    return kept("next_address", str, home_of(account))


def require_no_newer(name):
    """Answer 503 if the files hold a name by now that this process does not know: others do, and soon all."""
    if opened.newer_names.stand_last_in(name):
        abort(503, "the files were changed since this process read them, and it waits for a reload", retry_after=2)


def require_journal():
    """Raise JournalError if the journal is away: what is decided by old figures may be wrong."""
    if request.journal_error:
        raise request.journal_error


def find_competition(name):
    """Return the competition that has or had a name; if there is none, answer 404 with a list to choose from."""
    competition = opened.ledger.competitions_by_any_name.get(name)
    if competition is None:
        require_no_newer(name)
        abort(render_list(404, refuse(sentences.UNKNOWN_COMPETITION)))
    return competition


def render_list(status, problem):
    """Show the list from which the competition of the request is chosen."""
    if request.endpoint == "cancel_places":
        return render_bookings(status, problem)
    if request.endpoint in ("entries", "table_file"):
        return render_organiser(status, problem)
    return render_summary(status, problem)


def present_competition(name):
    """Return the competition of a name in an address; a former name leads on to the present one."""
    competition = find_competition(name)
    if competition.name != name:
        names = request.view_args | {"competition": competition.name}
        abort(redirect(url_for(request.endpoint, **names), 303))
    return competition


def let_caches_ask(response):
    """Let caches keep a page of the signed-out, and ask each time whether it has changed."""
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


# Pages


@app.get("/")
def index():
    """Show the sign-in form, the next competitions and the points board; send the signed-in on to their own page."""
    if request.account:
        return redirect(home_of(request.account), 303)
    return render_sign_in()


def render_sign_in(status=200, problem=None):
    """Show the sign-in form, the next competitions and the points board."""
    shown = lists.next_competitions(opened.ledger)
    board = lists.short_board(opened.ledger.points_board)
    return render_page("index.html", status, problem, board=board, **shown)


@app.get("/competitions")
def competitions():
    """Show everybody the upcoming competitions, or all past ones; send the signed-in on to their own page."""
    if request.account:
        return redirect(home_of(request.account, **Choice.read(request.args).fields()), 303)
    choice = Choice.read(request.args).for_everybody()
    if choice.show is Show.PAST:
        return let_caches_ask(render_past(choice))
    shown = lists.programme_of(opened.ledger, choice, asked_page_number())
    return let_caches_ask(render_page("competitions.html", choice=choice, **shown))


def render_past(choice):
    """Show the past competitions that match a choice and, to a club, what it held there."""
    shown = lists.past_of(opened.ledger, request.club, choice, asked_page_number())
    return render_page("past.html", choice=choice, **shown)


@app.get("/competitions.ics")
def competitions_feed():
    """Return all upcoming competitions as a calendar that can be subscribed to."""
    upcoming = tuple(opened.ledger.upcoming(opened.ledger.now()))
    response = file_response(calendar.feed(upcoming, competitions_changed_at), "competitions.ics", "calendar")
    return let_caches_ask(response)


def file_response(content, name, kind):
    """Return a response with a file to be kept: a text of a kind."""
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return app.response_class(content, headers=headers, content_type=f"text/{kind}; charset=utf-8")


@app.post("/showSummary")
def sign_in():
    """Sign a secretary in by the club's email address, or mail a code there; say what is wrong with the address."""
    require_few_failures()
    typed = clean_email(request.form.get("email", ""))
    if not typed:
        return render_sign_in(400, refuse(sentences.EMAIL_EMPTY, field="email"))
    try:
        email = read_email(typed)
    except ValueError:
        return render_sign_in(400, refuse(sentences.EMAIL_MALFORMED, field="email", typed=typed))
    if opened.mailed_codes:
        return mail_code(email)

    account = opened.accounts.find(email)
    if account is None:
        require_no_newer(normalize_email(email))
        failed_sign_ins.count(client_key(request.remote_addr))
        unknown = sentences.email_unknown(app.config["CONTACT"])
        return render_sign_in(404, refuse(unknown, field="email", typed=typed))

    return begin_sign_in(account)


def require_few_failures():
    """Raise TooOften while a client has too many failed sign-ins behind it."""
    seconds = failed_sign_ins.seconds_to_wait(client_key(request.remote_addr))
    if seconds:
        raise TooOften(sentences.TOO_MANY_ATTEMPTS, seconds)


def begin_sign_in(account):
    """Begin a session for an account, and redirect to the page that was asked for."""
    page = next_page(account)  # before the session, which keeps it, is cleared
    end_sign_in()
    session.update(address=account.address, id=secrets.token_urlsafe(12), since=int(opened.ledger.now().timestamp()))
    session.permanent = True
    request.account = account
    log("signed in")
    return redirect(page, 303)


def end_sign_in():
    """End the session, so that a copy of its cookie is refused too."""
    if request.account:
        opened.revocations.revoke(session["id"], opened.ledger.now())
        log("signed out")
    session.clear()


def mail_code(email):
    """Mail a code, and redirect to the page where it is entered; raise TooOften."""
    client = client_key(request.remote_addr)
    code_request = opened.mailed_codes.ask(email, client, opened.ledger.now(), asked_code())
    session["code"] = code_request._asdict()
    log("a code was asked for")
    return redirect(url_for("enter_code"), 303)


def asked_code():
    """Return what the session keeps of a code that was asked for; None if there is nothing."""
    return opened.mailed_codes.read_request(kept("code", dict, {}))


def enter_code():
    """Show the form for a mailed code; send the signed-in on, unless they asked for one."""
    code_request = asked_code()
    if request.account and not code_request:
        return redirect(home_of(request.account), 303)
    is_awaited = code_request is not None and code_request.is_current(opened.ledger.now().timestamp())
    return render_page("code.html", is_awaited=is_awaited)


def sign_in_by_code():
    """Sign a secretary in by a mailed code."""
    require_few_failures()
    require_journal()
    account = opened.mailed_codes.use(asked_code(), request.form.get("code", ""), opened.ledger.now())
    if account is None:
        failed_sign_ins.count(client_key(request.remote_addr))
        return render_page("code.html", 400, refuse(sentences.CODE_WRONG, field="code"))
    return begin_sign_in(account)


if opened.mailed_codes:
    app.add_url_rule("/code", view_func=enter_code)
    app.add_url_rule("/code", view_func=sign_in_by_code, methods=["POST"])


# The organiser's pages: nothing here changes anything


@app.get("/organiser")
def organiser():
    """Show how full the upcoming competitions are, or all past ones."""
    require_organiser()
    return render_organiser()


def render_organiser(status=200, problem=None):
    """Show how full the upcoming competitions are, or all past ones."""
    is_past = request.args.get("show") == "past"
    shown = lists.overview_of(opened.ledger, is_past, asked_page_number())
    return render_page("organiser.html", status, problem, **shown)


@app.get("/organiser/entries")
def entries():
    """Show who comes to a competition."""
    require_organiser()
    competition = present_competition(request.args.get("competition", ""))
    [row] = lists.public_rows(opened.ledger, [competition])
    return render_page("entries.html", row=row, entries=opened.ledger.entry_list(competition.name))


@app.get("/organiser/<any(entries, competitions, clubs):table>.csv")
def table_file(table):
    """Return who comes to a competition, or the totals of all competitions or clubs, as a file for spreadsheets."""
    require_organiser()
    if table == "entries":
        competition = present_competition(request.args.get("competition", ""))
        rows = export.entry_list(opened.ledger, competition.name)
        day = competition.starts_at.date()
    else:
        rows = export.table_of(opened.ledger, totals=table)
        day = opened.ledger.now().date()
    return file_response(export.csv_file(rows), f"{day}-{table}.csv", "csv")


# The pages of clubs


@app.get("/showSummary")
def show_summary():
    """Show the club's points and the competitions, or all past ones."""
    require_club()
    choice = Choice.read(request.args)
    if choice.show is Show.PAST:
        return render_past(choice)
    return render_summary(choice=choice)


def render_summary(status=200, problem=None, choice=EVERYTHING):
    """Show the club's points, the upcoming competitions that match a choice, the latest past ones and the board."""
    shown = lists.summary_of(opened.ledger, request.club, choice, asked_page_number())
    return render_page("summary.html", status, problem, choice=choice, **shown)


@app.get("/book/<name:competition>/<name:club>")
def book(competition, club):
    """Show a competition's page; lead on to it from former names."""
    require_club()
    names = f"{competition}/{club}"  # slashes of both may have split them elsewhere
    known = find_competition(name_before_club(names))
    if names != f"{known.name}/{request.club.name}":
        return redirect(url_for("book", competition=known.name, club=request.club.name), 303)
    figures = figures_at(known)
    if figures.status.is_past:
        return render_summary(400, refuse(figures.status.reason, known.name))
    return render_competition(figures)


def name_before_club(names):
    """Return what stands before a name of the signed-in club at the end of a path, rather a competition's name."""
    before_own = [names.removesuffix(f"/{name}") for name in request.club.names if names.endswith(f"/{name}")]
    for name in before_own:
        if name in opened.ledger.competitions_by_any_name:
            return name
    if before_own:
        return before_own[0]

    require_no_newer(names)
    endings = tuple(f"/{name}" for name in opened.ledger.clubs_by_any_name)
    if names.endswith(endings):
        abort(403, sentences.another_club(request.club))
    abort(404)


def figures_at(competition):
    """Return what a competition's page shows the signed-in club."""
    return opened.ledger.figures_at(request.club, competition, lists.LATEST_ENTRIES)


def render_competition(figures, problem=None):
    """Show an upcoming competition's page: its figures, what the club can do there, and its latest bookings there."""
    return render_page("competition.html", 400 if problem else 200, problem, figures=figures)


@app.get("/calendar/<name:competition>")
def competition_file(competition):
    """Return a competition as a file for a calendar."""
    require_club()
    known = present_competition(competition)
    now = opened.ledger.now()
    content = calendar.calendar_file(request.club, figures_at(known), competitions_changed_at, now)
    return file_response(content, f"{known.starts_at.date()}-competition.ics", "calendar")


@app.get("/purchasePlaces", defaults={"page": "show_summary"})
@app.get("/cancelPlaces", defaults={"page": "bookings"})
def leave_form(page):
    """Redirect a browser that goes back to a form it sent."""
    return redirect(url_for(page), 303)


@app.post("/purchasePlaces")
def purchase_places():
    """Book places if the rules allow it, or show the competition's page with the reason why not."""
    require_club()
    competition = ordered_competition()
    try:
        places = read_places(request.form.get("places", ""))
        outcome = opened.ledger.book(request.club, competition, places, request.token)
    except BookingError as error:
        figures = figures_at(competition)
        return refuse_order(error, figures, figures.status.reason)

    announce(outcome)
    return redirect(url_for("show_summary"), 303)


def ordered_competition():
    """Return the competition that an order is for; raise JournalError if the figures to judge it by may be old."""
    payer = request.form.get("club", request.club.name)
    if payer not in request.club.names:  # only the signed-in one pays
        require_no_newer(payer)
        abort(403, sentences.another_club(request.club))
    require_journal()
    return find_competition(request.form.get("competition", ""))


def refuse_order(error, figures, reason, id_ending=""):
    """Say beside the field why nothing was changed or, if there is a reason why nothing can be, say that."""
    competition = figures.status.competition
    if figures.status.is_past:
        return render_list(400, refuse(reason, competition.name))
    if reason:  # the page has no such form
        return render_competition(figures, refuse(reason, competition.name))
    typed = as_seen(request.form.get(error.field, ""))
    problem = refuse(str(error), competition.name, f"{error.field}{id_ending}", typed)
    return render_competition(figures, problem)


def announce(outcome):
    """Say on the next page, and in the log, what the request did."""
    entry = outcome.entry
    request.entry = entry
    log(f"{sentences.what_was_done(outcome)} (number {entry.number})")
    session["receipt"] = entry.number


@app.get("/bookings")
def bookings():
    """Show where the club holds places, and its latest bookings and returns, or all of these."""
    require_club()
    if request.args.get("show") == "all":
        shown = lists.history_of(opened.ledger, request.club, asked_page_number())
        return render_page("history.html", **shown)
    return render_bookings()


def render_bookings(status=200, problem=None):
    """Show where the club holds places, and its latest bookings and returns."""
    shown = lists.bookings_of(opened.ledger, request.club, asked_page_number())
    return render_page("bookings.html", status, problem, **shown)


@app.post("/cancelPlaces")
def cancel_places():
    """Give places back if the rules allow it, or show the competition's page with the reason why not."""
    require_club()
    competition = ordered_competition()
    try:
        places = read_places(request.form.get("places", ""))
        outcome = opened.ledger.give_back(request.club, competition, places, request.token)
    except BookingError as error:
        figures = figures_at(competition)
        reason = None if figures.status.returnable else why_no_return(figures.status)
        return refuse_order(error, figures, reason, id_ending="-back")

    announce(outcome)
    return redirect(url_for("bookings"), 303)


@app.get("/pointsBoard")
def points_board():
    """Show every club's points, and a club its own rank; caches of the signed-out may keep it."""
    shown = lists.board_page(opened.ledger, request.club, asked_page_number())
    response = render_page("board.html", **shown)
    if request.account:
        return response
    return let_caches_ask(response)


@app.route("/logout", methods=["GET", "POST"])
def sign_out():
    """End the session."""
    if request.method != "HEAD":  # a HEAD changes nothing
        end_sign_in()
        session["message"] = sentences.SIGNED_OUT
    return redirect(url_for("index"), 303)


@app.get("/health")
def health():
    """Tell a proxy or a monitor whether the app can take bookings."""
    problem = opened.health.problem()
    return app.response_class(problem or "ok", 503 if problem else 200, content_type="text/plain; charset=utf-8")


# Errors


@app.errorhandler(HTTPException)
def show_error(error):
    """Show an error on a page of the app's own."""
    asked = f"{request.method[:LONGEST_IN_LOG]} {request.path[:LONGEST_IN_LOG]}"
    log(f"{error.code} {asked}: {error.description}")

    unnamed = sentences.ErrorText("This is not possible", error.description.removesuffix("."))
    text = sentences.ERRORS.get(error.code, unnamed)
    if error.code == 500 and request.entry:
        text = sentences.CARRIED_OUT
    response = error.get_response()  # for its headers, like Allow
    response.data = render_page("error.html", text=text).data
    return response


@app.errorhandler(TooOften)
def show_too_often(error):
    """Show the form again, and say after how many seconds to try again."""
    if request.endpoint == "sign_in":
        response = render_sign_in(429, refuse(str(error), field="email", typed=request.form.get("email", "")))
    else:
        response = render_page("code.html", 429, refuse(str(error)))
    response.headers["Retry-After"] = error.seconds
    return response


@app.errorhandler(JournalError)
def show_journal_error(error):
    """Say whether this try booked anything, if that is known, and show the form again if that can help."""
    app.logger.error(printable(f"{request.endpoint} failed: {error}"))
    if request.endpoint == "sign_in_by_code":
        return render_page("code.html", 503, refuse(sentences.CODE_CANNOT_BE_CHECKED))
    opened.health.note_failure()
    if isinstance(error, AnotherProcessBooks):
        return render_page("error.html", 503, text=sentences.ANOTHER_COPY)
    text = sentences.IN_DOUBT if isinstance(error, CommitInDoubt) else sentences.NOT_BOOKED
    return render_page("error.html", 503, text=text, form=request.form)


# Commands


@contextmanager
def output_may_fail():
    """Say in one line that the output cannot be written: the disk is full, or nobody reads the pipe any more."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError):
            sys.stdout.close()  # what is left in its buffer would fail once more at the end
        raise SystemExit(f"The output cannot be written: {error.strerror}") from None


@app.cli.command("check")
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a mismatch or a note, too.")
@output_may_fail()
def check(strict):
    """Check settings, data files, journal and mail server, say what they hold, and change nothing."""
    problems = list(checking.problems(opened, app.config))
    if problems:
        raise SystemExit("\n".join(map(printable, problems)))

    findings = list(checking.findings(opened, app.config))
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal, or a pipe on Windows, may know few letters
    for line in [*checking.what_is_there(opened, app.config), *findings]:
        click.echo(printable(line))
    if strict and findings:
        raise SystemExit(1)


@app.cli.command("bookings")
@click.option("--competition", metavar="NAME", help="Its entry list or, with --places, the places there.")
@click.option("--totals", type=click.Choice(["competitions", "clubs"]), help="What is booked and what is left.")
@click.option("--places", is_flag=True, help="A row for each place that is held, to be filled in.")
@click.option("--delimiter", type=click.Choice([",", ";"]), default=",", help="European spreadsheets want a semicolon.")
@output_may_fail()
def export_bookings(competition, totals, places, delimiter):
    """Write all bookings, or another table, as CSV in UTF-8 to the standard output."""
    if totals and (places or competition is not None):
        raise click.UsageError("--totals cannot be combined with --competition or --places")
    if not opened.journal.shared and app.config["JOURNAL"]:
        raise SystemExit("GUDLFT_JOURNAL: this database is missing or empty, so it holds no bookings")
    if not opened.journal.shared:
        click.echo("GUDLFT_JOURNAL is not set: no bookings are kept", err=True)
    try:
        rows = export.table_of(opened.ledger, competition, totals, places)
    except LookupError as error:
        raise SystemExit(printable(str(error))) from None

    click.echo(export.csv_file(rows, delimiter), nl=False)
