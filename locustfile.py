"""The swarm: secretaries who look round, book, give back now and then, and a reconciliation when they are done.

Refusals appear as failures of `/purchasePlaces` and `/cancelPlaces` with the app's own sentence. They are expected: the
secretaries ask for too much on purpose. Every other failure begins with "Unexpected:". When a run ends, points and
places on the pages are compared with the bookings that were answered, so nobody else may book meanwhile. The exit
status is 0 when all failures are refusals and no figure is unexplained, otherwise 1.
"""

import json
import os
import random
import re
import secrets
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urljoin

import gevent
import requests
from locust import HttpUser, between, events, task
from locust.exception import RescheduleTask, StopUser
from locust.runners import MasterRunner, WorkerRunner

DATA_DIR = Path(os.environ.get("GUDLFT_DATA_DIR", Path(__file__).parent))
CLUBS = json.loads((DATA_DIR / "clubs.json").read_text("utf-8-sig"))["clubs"]
CLUBS_READ = 20  # of so many clubs the places held are compared too; points and places left are compared for all
TRIES = 3  # a form is sent so often while nobody knows whether it was carried out
TIMEOUT = 20  # seconds for an answer

# Reading pages


class Page(HTMLParser):
    """What a page says: figures as {(class, what it belongs to): number}, links to booking pages, forms, messages."""

    def __init__(self, html):
        super().__init__()
        self.figures, self.links, self.forms = {}, {}, []
        self.problem = self.success = self.impossible = self.next = ""
        self.price = int(match[1]) if (match := re.search(r"at (\d+) points? each", html)) else 0
        self._around = []  # (tag, attributes) of the elements that are open
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        """Note links, forms and their fields."""
        attributes = dict(attributes)
        if tag == "a" and attributes.get("rel") == "next":
            self.next = attributes["href"]
        elif tag == "a" and "/book/" in attributes.get("href", ""):
            self.links[self._nearest("data-competition")] = attributes["href"]
        elif tag == "form":
            self.forms.append({"action": attributes.get("action", "")})
        elif tag == "input" and self.forms:
            self.forms[-1][attributes.get("name")] = attributes.get("value")
        if tag not in ("br", "hr", "img", "input", "link", "meta"):  # these are never closed
            self._around.append((tag, attributes))

    def handle_endtag(self, tag):
        """Leave the element."""
        while self._around and self._around.pop()[0] != tag:
            pass

    def handle_data(self, text):
        """Note figures and messages."""
        tag, attributes = self._around[-1] if self._around else ("", {})
        if tag == "data":
            kind, value = attributes.get("class"), attributes.get("value")
            owner = self._nearest("data-club" if kind == "points-left" else "data-competition")
            if re.fullmatch("[0-9]+", text) and text == value:
                self.figures[kind, owner] = int(text)
            else:
                self.impossible = f"{kind} cannot be {text}, its value being {value}"
        elif tag in ("li", "a") and self._nearest("class", "error-summary"):
            self.problem += text.strip()
        elif tag == "p" and self._nearest("class", "banner success"):
            self.success = text

    def _nearest(self, name, wanted=None):
        values = (attributes[name] for _, attributes in reversed(self._around) if name in attributes)
        return next((value for value in values if wanted in (None, value)), None)


# Judging answers

FORMS = {  # address: what it counts as, the page that shows its result, what that page says, sign of its places
    "/purchasePlaces": ("bookings", "/showSummary", r" booked {} places? in {} for (\d+) points?\. ", 1),
    "/cancelPlaces": ("given back", "/bookings", r"^{} places? in {} given back\. (\d+) points? returned, ", -1),
}


class AnswerError(Exception):
    """What is wrong with an answer, and what it counts as: refusals, faults or lost answers."""

    def __init__(self, counts_as, text):
        super().__init__(text)
        self.counts_as = counts_as

    def __repr__(self):
        return str(self)  # Locust's report shows this


def judge(status, path, page, shown, figure=(), sentence=""):
    """Return what is wrong with an answer that should be the page `shown`, with such a figure and sentence, or None."""
    if status == 0:
        return AnswerError("lost answers", "Unexpected: the connection broke")
    if status == 400 and path in FORMS and page.problem:
        return AnswerError("refusals", page.problem.partition(":")[0])
    faults = {
        f"status {status}": status != 200,
        f"{path} instead of {shown}": path != shown,
        page.impossible: page.impossible,
        "a figure is missing": figure and not any(key[: len(figure)] == figure for key in page.figures),
        "the page does not say what was done": not re.search(sentence, page.success),
    }
    return next((AnswerError("faults", f"Unexpected: {fault}") for fault, found in faults.items() if found), None)


# The swarm

run = SimpleNamespace(over=True, before=None, workers=set(), reported=set(), sound=[])
tally = Counter()  # ("bookings",): how many; a figure's key: its change; ("least" or "most", *key): see note_unknown


def changes(club, competition, places, points):
    """Return how a booking changes the figures."""
    held = ("places-held", club, competition)
    return {("points-left", club): -points, ("places-left", competition): -places, held: places}


def note_unknown(possible, sign):
    """Note what a form may change from when it is sent; with sign -1, that its outcome is known."""
    for figure, change in possible.items():
        tally[("least" if change < 0 else "most", *figure)] += sign * change


class Secretary(HttpUser):
    """A secretary who visits again and again, each time of another club."""

    wait_time = between(0.1, 0.5)
    sending = None

    def on_stop(self):
        """Wait for an answer: a secretary may be stopped at any moment, a form under way may not."""
        if self.sending:
            self.sending.join()

    @task
    def visit(self):
        """Sign in, read the summary and the board, book, give back now and then, sign out."""
        if run.over:  # the master may still send secretaries to a worker that has reported
            raise StopUser
        club = random.choice(CLUBS)
        figure = ("points-left", club["name"])
        self.open("POST", "/showSummary", figure=figure, data={"email": club["email"]})
        summary = self.open("GET", "/showSummary", figure=figure)
        self.open("GET", "/pointsBoard", figure=("points-left",))
        if any(kind == "places-left" for kind, _ in summary.figures):
            summary = self.book(club["name"], summary) or summary
        if random.random() < 0.4:
            self.give_back(club["name"], summary)
        self.open("POST", "/logout", shown="/")

    def book(self, club, summary):
        """Book a few places, now and then too many or where no link leads; return the summary that follows."""
        unlinked = [name for kind, name in summary.figures if kind == "places-left" and name not in summary.links]
        competition = random.choice((random.random() < 0.1 and unlinked) or list(summary.links) or unlinked)
        most, token = 0, None
        if link := summary.links.get(competition):
            page = self.open("GET", link, name="/book/...", shown=unquote(link), figure=("places-left", competition))
            most = page.figures.get(("most-places", None), 0)
            token = next((form["token"] for form in page.forms if "token" in form), None)
        places = most + 1 if random.random() < 0.2 else random.randint(1, max(1, min(3, most)))
        return self.send("/purchasePlaces", club, competition, places, summary.price, token)

    def give_back(self, club, summary):
        """Give back some of the places at one competition, now and then too many."""
        forms = [form for form in self.open("GET", "/bookings").forms if form["action"].endswith("/cancelPlaces")]
        if forms:
            form = random.choice(forms)
            held = summary.figures.get(("places-held", form["competition"]), 0)
            places = held + 1 if random.random() < 0.1 else random.randint(1, max(1, held))
            self.send("/cancelPlaces", club, form["competition"], places, summary.price, form["token"])

    def open(self, method, path, **expected):
        """Return a page and read it for a moment; end the visit where it is not the expected one."""
        page, problem = self.ask(method, path, **expected)
        if problem:
            raise RescheduleTask
        self.wait()
        return page

    def send(self, *form):
        """Send a form from a greenlet that outlives the secretary; return the page that follows, None if refused."""
        self.sending = gevent.spawn(self.settle, *form)
        page = self.sending.get()
        self.wait()
        return page

    def settle(self, path, club, competition, places, price, token):
        """Send a form, and again while its outcome is unknown: the app carries out the same form once."""
        name, shown, sentence, sign = FORMS[path]
        sentence = sentence.format(places, re.escape(competition))
        data = {"competition": competition, "places": places, "token": token or secrets.token_urlsafe(16)}
        possible = changes(club, competition, sign * places, sign * places * price)
        note_unknown(possible, 1)
        for pause in range(TRIES):
            gevent.sleep(pause / 2)
            page, problem = self.ask("POST", path, shown=shown, sentence=sentence, data=data)
            if problem is None:
                points = int(re.search(sentence, page.success)[1])
                tally.update({(name,): 1, **changes(club, competition, sign * places, sign * points)})
            if problem is None or problem.counts_as == "refusals":
                note_unknown(possible, -1)
                break
        return None if problem else page

    def ask(self, method, path, name=None, shown=None, figure=(), sentence="", data=None):
        """Send a request and count its answer; return the page and what is wrong with it."""
        options = {"name": name or path, "data": data, "timeout": TIMEOUT, "catch_response": True}
        with self.client.request(method, path, **options) as response:
            page, path_shown = Page(response.text), unquote((response.url or "").removeprefix(self.host))
            problem = judge(response.status_code, path_shown, page, shown or path, figure, sentence)
            if problem:
                tally[problem.counts_as,] += 1
                response.failure(problem)
        return page, problem


# Reconciliation


def pages(session, address):
    """Return the pages of a list, from the first to the last."""
    while address:
        page = Page(session.get(address, timeout=TIMEOUT).text)
        yield page
        address = page.next and urljoin(address, page.next)


def read_figures(host):
    """Return the figures of the board and of the clubs' summaries; raise RequestException where that fails."""
    figures = {}
    with requests.Session() as session:
        session.hooks["response"] = lambda response, **_: response.raise_for_status()
        for page in pages(session, f"{host}/pointsBoard"):
            figures.update(page.figures)
        for club in CLUBS[:CLUBS_READ]:
            session.post(f"{host}/showSummary", {"email": club["email"]}, timeout=TIMEOUT)
            for page in pages(session, f"{host}/showSummary"):
                for (kind, name), number in page.figures.items():
                    figures[(kind, club["name"], name) if kind == "places-held" else (kind, name)] = number
            session.post(f"{host}/logout", timeout=TIMEOUT)
    return figures


def unexplained(before, after):
    """Return a line for each figure that forms answered, and those of unknown outcome, do not explain."""
    lines = []
    changed = [key for key in tally if key[0] in ("points-left", "places-left")]
    for figure in sorted({*before, *after, *changed}, key=str):
        was, now, change = before.get(figure), after.get(figure), tally[figure]
        least, most = (change + tally[(bound, *figure)] for bound in ("least", "most"))
        if was is None or now is None or not least <= now - was <= most:
            lines.append(f"unexplained: {' of '.join(figure)} was {was}, is {now}, answers say {change:+}")
    return lines


def reconcile(host):
    """Compare the figures with those before the run, and print the result; tell whether all is well."""
    try:
        if run.before is None:
            raise requests.RequestException("the figures before the run could not be read")
        if run.workers - run.reported:
            raise requests.RequestException("a worker did not report")
        lines = unexplained(run.before, read_figures(host))
    except requests.RequestException as error:
        print("not reconciled:", error, flush=True)
        return False
    points = -sum(change for key, change in tally.items() if key[0] == "points-left")
    print(
        f"reconciled: {tally['bookings',]} bookings, {tally['given back',]} given back, {points} points, "
        f"{len(lines)} unexplained",
        f"not booked: {tally['refusals',]} refusals, {tally['faults',]} faults, {tally['lost answers',]} lost answers",
        *lines,
        sep="\n",
        flush=True,
    )
    return not (lines or tally["faults",] or tally["lost answers",])


@events.init.add_listener
def hear(environment, runner, **_):
    """Let workers hear that the run is over, and the master what they counted."""
    if isinstance(runner, WorkerRunner):
        runner.register_message("finish", lambda environment, msg: runner.stop())
        environment.events.quitting.add_listener(lambda **_: runner.stop())  # before the master hears that it quits
    elif isinstance(runner, MasterRunner):
        runner.register_message("tally", add_tally)


def add_tally(environment, msg):
    """Add what a worker counted."""
    tally.update({tuple(key): number for key, number in msg.data})
    run.reported.add(msg.node_id)


@events.user_error.add_listener
def count_error(**_):
    """Count an error of the swarm itself as a fault."""
    tally["faults",] += 1


@events.test_start.add_listener
def begin(environment, **_):
    """Read the figures before the first booking."""
    tally.clear()
    run.over = False
    if not isinstance(environment.runner, WorkerRunner):
        environment.host = (environment.host or "").rstrip("/")
        run.before, run.workers, run.reported = None, set(), set()
        run.sound.append(False)
        try:
            run.before = read_figures(environment.host)
        except requests.RequestException as error:
            print("the figures cannot be read:", error, flush=True)


@events.test_stopping.add_listener
def note_workers(environment, **_):
    """Note which workers take part, before they are told to stop."""
    run.workers = set(getattr(environment.runner, "clients", ()))


@events.test_stop.add_listener
def end(environment, **_):
    """Reconcile; a worker tells the master what it counted."""
    runner, over, run.over = environment.runner, run.over, True
    if isinstance(runner, WorkerRunner):
        runner.send_message("tally", list(tally.items()))
        tally.clear()
    elif not over:
        if isinstance(runner, MasterRunner):
            runner.send_message("finish")  # a headless master calls the run ended while its workers still book
            with gevent.Timeout(60, False):
                while run.workers - run.reported:
                    gevent.sleep(0.05)
        run.sound[-1] = reconcile(environment.host)


@events.quitting.add_listener
def set_exit_code(environment, **_):
    """Exit with 0 when every run was sound, else with 1."""
    if not isinstance(environment.runner, WorkerRunner):
        environment.runner.quit()  # after Ctrl-C the run is still to be ended
        environment.process_exit_code = 0 if all(run.sound) else 1
