"""The rules of a booking, the ledger that keeps them, and the data files. Nothing here knows of the web."""

import json
import os
import re
import threading
import time
from bisect import bisect_left, bisect_right
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from sys import intern
from typing import NamedTuple

SIGN_IN_LASTS = timedelta(hours=8)


class BookingError(Exception):
    """A broken rule; its text is the sentence that the secretary reads."""


def now() -> datetime:
    """Return the time in the server's time zone: the one clock."""
    return datetime.now().astimezone()


def count(number: int, noun: str, verbs: tuple[str, str] = ("", "")) -> str:
    """Return "1 place" or "2 places", followed by the verb for one or for many where verbs are given."""
    return f"{number} {noun}{verbs[0]}" if number == 1 else f"{number} {noun}s{verbs[1]}"


def whole_number(text: str) -> int:
    """Return the number of places that was typed; raise BookingError unless it is 1 to 6 ASCII digits."""
    text = text.strip(" \t\r\n")
    if not re.fullmatch("[0-9]{1,6}", text):
        raise BookingError("Number of places must be a whole number, like 3" if text else "Enter the number of places")
    return int(text)


def plain(text: str) -> str:
    """Return the form in which names and email addresses are compared."""
    return text.strip().casefold()


@dataclass(frozen=True)
class Club:
    """A club of clubs.json, with its opening points."""

    name: str
    email: str
    points: int


@dataclass(frozen=True)
class Competition:
    """A competition of competitions.json, with its start and its opening places."""

    name: str
    date: datetime
    places: int

    def started(self) -> str:
        """Say when it started, to end the sentence that refuses."""
        return f"{self.name} started on {self.date.day} {self.date:%B %Y} at {self.date:%H:%M}"


def by_date(competition: Competition) -> tuple[datetime, str]:
    """Return what competitions are sorted by."""
    return competition.date, competition.name


class Entry(NamedTuple):
    """A line of the ledger, at a time in UTC: a booking or, with negative places and points, places given back."""

    number: int
    at: datetime
    club: str
    competition: str
    places: int
    points: int
    token: str | None


class Figures(NamedTuple):
    """A club's points and what it can book at a competition, at one moment; what binds is places, cap or points."""

    points_left: int
    places_left: int
    places_held: int
    most: int
    binds: str


# Ledger


class JournalError(Exception):
    """The journal is away or busy; whether it is certain that nothing was written, and whether to try again at once."""

    def __init__(self, reason: str, certain: bool = True, again: bool = False):
        super().__init__(reason)
        self.certain, self.again = certain, again


@contextmanager
def locked(lock, seconds):
    """Hold the lock; raise JournalError where it is not free in time."""
    if not lock.acquire(timeout=seconds):
        raise JournalError("another request is still waiting for the journal")
    try:
        yield
    finally:
        lock.release()


class Memory:
    """The journal where none is asked for: nothing to read, and one process alone may book, which locks the folder."""

    shared = False

    def __init__(self, folder: str | None = None):
        self._folder, self._file, self._booked = folder, None, False

    @contextmanager
    def writing(self, **_):
        """Lock the folder, where there is one, and after a booking for good; raise JournalError where another did."""
        with suppress(ImportError, OSError):  # Windows has no fcntl, and some file systems have no locks
            import fcntl

            try:
                if self._folder:
                    self._file = self._file or os.open(self._folder, os.O_RDONLY)
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JournalError("another process books: set GUDLFT_JOURNAL, and they share their bookings") from None
        try:
            yield self
        finally:
            if self._file and not self._booked:
                os.close(self._file)  # which unlocks it
                self._file = None

    def append(self, booking: dict) -> None:
        """Keep the folder locked."""
        self._booked = True

    def read(self, table: str) -> tuple:
        """Return nothing."""
        return ()

    def close(self) -> None:
        """Do nothing."""


class Ledger:
    """All bookings, as an append-only list of entries, and the totals that follow from them.

    Threads may share it: every change is checked and made in one step, under one lock. So may processes by a journal:
    it is written first, under its own lock, and what others wrote is taken over before.
    """

    def __init__(self, clubs: list[Club], competitions: list[Competition], cost: int = 3, cap: int = 12, journal=None):
        self.journal = journal or Memory()
        self.cost, self.cap = cost, cap  # points a place, places a club and competition
        self.clubs = {club.name: club for club in clubs}
        self.emails = {plain(club.email): club for club in clubs}
        self.by_date = sorted(competitions, key=by_date)
        self.competitions = {competition.name: competition for competition in self.by_date}
        self.entries: list[Entry] = []
        self.history: dict[str, list[Entry]] = {name: [] for name in self.clubs}
        self.ended: dict[str, datetime] = {}  # sign-ins that were signed out, and when
        self._unwritten: dict[str, datetime] = {}  # those that the journal does not have yet
        self._last_ended = 0  # the journal's number of the last
        self._lock = threading.Lock()  # one booking at a time
        self._reading = threading.Lock()  # one that takes over at a time: pages do not wait for bookings
        self._ending = threading.Lock()  # one that writes ended sign-ins at a time
        self._read_at = 0.0
        self._spent: dict[str, int] = {}
        self._sold: dict[str, int] = {}
        self._holdings: dict[str, dict[str, tuple[int, int]]] = {}  # club, competition: places held, points paid
        self._forms: dict[tuple, Entry] = {}
        self._under_way: list = []  # forms that are being carried out now
        self._doubtful: set[tuple] = set()  # those that may have been carried out, though nobody could say so
        self._ranks: dict[str, tuple] = {}
        self.catch_up()  # before there are ranks, which each entry would move
        self.journal.close()  # a connection that is open must not be forked, and opens again
        self._ranks = {club.name: self._rank(club) for club in clubs}
        self.board = sorted(self._ranks.values())  # (-points left, folded name, name): most points first, then by name

    def points_left(self, club: Club) -> int:
        """Return the points that the club can spend."""
        return max(0, club.points - self._spent.get(club.name, 0))

    def places_left(self, competition: Competition) -> int:
        """Return the places that the competition can sell."""
        return max(0, competition.places - self._sold.get(competition.name, 0))

    def places_held(self, club: Club, competition: Competition) -> int:
        """Return the places that the club has booked there and not given back."""
        return self._holding(club, competition)[0]

    def holdings(self, club: Club) -> list[tuple[Competition, int, int]]:
        """Return (competition, places held, points paid) for the open competitions with places held, soonest first."""
        held = list(self._holdings.get(club.name, {}).items())
        known = [(self.competitions[name], *figures) for name, figures in held if name in self.competitions]
        return sorted((row for row in known if row[1] and row[0].date > now()), key=lambda row: by_date(row[0]))

    def figures(self, club: Club, competition: Competition) -> Figures:
        """Return what decides about a booking at an open competition; each total is read once, so that they agree."""
        points, left, held = self.points_left(club), self.places_left(competition), self.places_held(club, competition)
        limits = {"places": left, "cap": max(0, self.cap - held), "points": points // self.cost}
        binds = min(limits, key=limits.__getitem__)
        return Figures(points, left, held, limits[binds], binds)

    def most_places(self, club: Club, competition: Competition) -> tuple[int, str]:
        """Return the most places the club can book at an open competition, and what binds: places, cap or points."""
        figures = self.figures(club, competition)
        return figures.most, figures.binds

    def refusal(self, figures: Figures, places: int = 1) -> str | None:
        """Say why so many places cannot be booked where these are the figures; None where they can."""
        most, held, cap = figures.most, figures.places_held, count(self.cap, "place")
        cost, price = count(self.cost, "point"), count(places * self.cost, "point")
        points = figures.points_left
        nothing, too_many = {
            "points": (
                "Your club does not have enough points to book a place: "
                f"a place costs {cost} and your club has {points}",
                f"You don't have enough points available: {count(places, 'place')} cost {price} "
                f"and your club has {points}, enough for {most}",
            ),
            "places": (
                "There are no places left in this competition",
                f"You can't book more places than available: only {count(most, 'place', (' is', ' are'))} left",
            ),
            "cap": (
                f"Your club holds the maximum of {cap} in this competition",
                f"You can't book more than {cap} per competition: your club holds {held}, so at most {most} more",
            ),
        }[figures.binds]
        return None if places <= most else too_many if most else nothing

    def open_and_past(self) -> tuple[list[Competition], list[Competition]]:
        """Return the open competitions, soonest first, and the past ones, latest first."""
        first_open = bisect_right(self.by_date, now(), key=lambda competition: competition.date)
        return self.by_date[first_open:], self.by_date[:first_open][::-1]

    def book(self, club: Club, competition: Competition, places: int, token: str | None = None) -> Entry:
        """Book places, or return what the same form booked before; raise BookingError and change nothing."""
        return self._record(club, competition, places, token, 1)

    def give_back(self, club: Club, competition: Competition, places: int, token: str | None = None) -> Entry:
        """Give places back, or return what the same form gave back before; raise BookingError and change nothing."""
        return self._record(club, competition, places, token, -1)

    def end(self, sign_in: str) -> None:
        """Remember that a sign-in was signed out, for as long as a copy of its cookie could live."""
        moment = now().astimezone(timezone.utc)
        with self._reading:
            self._remember_ended(sign_in, moment)
        if self.journal.shared:
            self._unwritten[sign_in] = moment
            self._write_ended(seconds=10)

    def catch_up(self) -> None:
        """Take over what other processes wrote; raise JournalError where that cannot be read within about a second."""
        asked = time.monotonic()
        if not self.journal.shared:
            return
        with locked(self._reading, 1):
            if self._read_at <= asked:  # else another thread did, in the meantime
                began = time.monotonic()
                self._read(until=asked + 1)
                self._read_at = began
        if self._unwritten:
            with suppress(JournalError):  # what a sign-out could not write while the journal was away
                self._write_ended(seconds=0)

    def _read(self, until):
        while True:
            try:
                with self.journal.reading(ended_sign_ins=self._last_ended, bookings=self._last_number()) as journal:
                    for self._last_ended, at, sign_in in journal.read("ended_sign_ins"):
                        self._remember_ended(sign_in, at.replace(tzinfo=timezone.utc))
                    return self._take_over(journal)
            except JournalError as error:
                if not error.again or time.monotonic() > until:
                    raise
                time.sleep(0.001)  # SQLite's own wait grows to 100 ms and misses the gaps between commits

    def misfits(self) -> list[str]:
        """Return a sentence for each total that is above a figure of the files, which was lowered since."""
        spent = [("points are spent", one, self._spent.get(one.name, 0), one.points) for one in self.clubs.values()]
        sold = [("places are booked", one, self._sold.get(one.name, 0), one.places) for one in self.by_date]
        return [f"{one.name}: {total} {what}, of {most}" for what, one, total, most in spent + sold if total > most]

    def vanished(self) -> list[str]:
        """Return a sentence for each club and competition that has bookings and is no longer in the files."""
        names = (self._spent.keys() - self.clubs.keys()) | (self._sold.keys() - self.competitions.keys())
        return [f"{name}: no longer in the files, its bookings stay" for name in sorted(names)]

    def entry_list(self, competition: str) -> list[tuple[str, int]]:
        """Return the clubs that hold places at a competition, which may be gone from the files, and how many."""
        held = ((club, places.get(competition, (0,))[0]) for club, places in self._holdings.items())
        return sorted(row for row in held if row[1])

    def _record(self, club, competition, places, token, sign):
        """Carry a form out once; that nothing was booked is certain where no copy of it may still be carried out."""
        form = (club.name, competition.name, sign * places, token) if token else object()
        self._under_way.append(form)
        try:
            return self._forms.get(form) or self._record_new(club, competition, places, token, sign)
        except JournalError as error:
            if form in self._forms:
                return self._forms[form]
            if not error.certain or self._under_way.count(form) > 1:
                self._doubtful.add(form)
            error.certain = form not in self._doubtful
            raise
        finally:
            self._under_way.remove(form)

    def _record_new(self, *wish):
        with locked(self._lock, 10):
            if self.journal.shared:
                self._refuse_early(*wish)
            try:
                with self.journal.writing(bookings=self._last_number()) as journal:
                    with locked(self._reading, 1):
                        self._take_over(journal)
                    self._doubtful.clear()  # whoever holds the lock knows what was carried out before
                    entry = self._draft(*wish)
                    if self._is_new(entry):
                        journal.append(entry._asdict())
            except JournalError as error:
                if error.certain:
                    raise
                self._settle(entry, error)
            with self._reading:  # a page may have taken it over by now
                if self._is_new(entry):
                    self._apply(entry)
        return entry

    def _refuse_early(self, *wish):
        """Refuse without the lock what memory, once caught up, refuses; what it accepts is judged under the lock."""
        try:
            self._draft(*wish)
        except BookingError:
            with suppress(JournalError):
                self.catch_up()
            self._draft(*wish)

    def _is_new(self, entry):
        return entry.number > self._last_number()

    def _draft(self, club, competition, places, token, sign):
        form = (club.name, competition.name, sign * places, token)
        if form in self._forms:
            return self._forms[form]
        moment = now()
        points = self._judge(club, competition, places, moment, booking=sign == 1)
        return Entry(self._last_number() + 1, moment.astimezone(timezone.utc), *form[:3], sign * points, token)

    def _settle(self, entry, error):
        """Find out whether a commit that failed was made; raise JournalError unless it was."""
        certain = False
        with suppress(JournalError), self.journal.writing(bookings=self._last_number()) as journal:
            with locked(self._reading, 1):
                self._take_over(journal)
            certain = True
        if entry not in self.history[entry.club]:
            raise JournalError(str(error), certain)

    def _judge(self, club, competition, places, moment, booking):
        if competition.date <= moment:
            closed = "Booking is closed" if booking else "Places can no longer be given back"
            raise BookingError(f"{closed}: {competition.started()}")
        held, paid = self._holding(club, competition)
        if booking and (refusal := self.refusal(self.figures(club, competition), max(places, 1))):
            raise BookingError(refusal)
        if places < 1:
            raise BookingError("Number of places must be 1 or more")
        if not booking and places > held:
            raise BookingError(f"Your club holds {count(held, 'place')} in {competition.name}: enter at most {held}")
        return places * self.cost if booking else paid * places // held

    def _last_number(self):
        return self.entries[-1].number if self.entries else 0

    def _take_over(self, journal):
        known = self._last_number()  # a page may have taken some over while a booking waited for the lock
        for number, at, club, competition, places, points, token in journal.read("bookings"):
            if number > known:
                club, competition = intern(club), intern(competition)  # one copy of each name
                self._apply(Entry(number, at.replace(tzinfo=timezone.utc), club, competition, places, points, token))

    def _remember_ended(self, sign_in, at):
        self.ended[sign_in] = at
        while self.ended[oldest := next(iter(self.ended))] < at - SIGN_IN_LASTS:
            del self.ended[oldest]

    def _write_ended(self, seconds):
        with locked(self._ending, seconds):
            if unwritten := dict(self._unwritten):
                with self.journal.writing() as journal:
                    for sign_in, at in unwritten.items():
                        journal.end(sign_in, at, at - SIGN_IN_LASTS)
                for sign_in in unwritten:
                    del self._unwritten[sign_in]

    def _apply(self, entry):
        _, _, club, competition, places, points, token = entry
        self.entries.append(entry)
        self.history.setdefault(club, []).append(entry)
        if token:
            self._forms[club, competition, places, token] = entry
        self._spent[club] = self._spent.get(club, 0) + points
        self._sold[competition] = self._sold.get(competition, 0) + places
        holdings = self._holdings.setdefault(club, {})
        held, paid = holdings.get(competition, (0, 0))
        holdings[competition] = (held + places, paid + points)
        if old := self._ranks.get(club):
            new = self._ranks[club] = self._rank(self.clubs[club])
            low, high = sorted((bisect_left(self.board, old), bisect_left(self.board, new)))
            between = [row for row in self.board[low : high + 1] if row != old]
            self.board[low : high + 1] = sorted([new, *between])  # one step: no page sees a board without the club

    def _holding(self, club, competition):
        return self._holdings.get(club.name, {}).get(competition.name, (0, 0))

    def _rank(self, club):
        return -self.points_left(club), club.name.casefold(), club.name


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


def read_list(file, key):
    """Return the list that a JSON file holds under a key; raise ValueError with what is wrong."""
    try:
        data = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(printable(f"cannot be read as JSON in UTF-8: {error}")) from None
    if not isinstance(data, dict) or not isinstance(data.get(key), list):
        raise ValueError(f'must hold a list named "{key}"')
    return data[key]


def read_entry(item, fields, seen):
    """Return the values of the fields, and what is wrong with them; each name and email may be seen once."""
    values, problems = [], []
    for field, form in fields.items():
        try:
            values.append(read_value(form, item[field]))
            if form in (NAME, EMAIL) and (field, plain(item[field])) in seen:
                raise ValueError(f"must not be the same twice, like {printable(item[field])}")
            seen.add((field, plain(str(item[field]))))
        except KeyError:
            problems.append(f"{field} is missing")
        except ValueError as error:
            problems.append(f"{field} {error}")
    return values, problems


def read_file(file, noun, fields, problems):
    """Return the values of each entry; add a line to the problems for each thing that is wrong."""
    entries, seen = [], set()
    try:
        items = read_list(file, f"{noun}s")
    except ValueError as error:
        problems.append(f"{file.name}: {error}")
        return entries
    for number, item in enumerate(items, start=1):
        values, wrong = read_entry(item, fields, seen) if isinstance(item, dict) else ([], ["must be an object"])
        name = item.get("name") if isinstance(item, dict) else None
        shown = f" ({printable(name)[:80]})" if isinstance(name, str) else ""
        problems += [f"{file.name}: {noun} {number}{shown}: {what}" for what in wrong]
        entries.append(values)
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
