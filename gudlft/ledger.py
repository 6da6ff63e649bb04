"""The ledger: all bookings, as an append-only list of entries, and their one writer."""

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from .draft import Draft
from .journal import LARGEST_IN_A_ROW, Journal, JournalError, LastRow, NoJournal, Transaction, check_entries
from .model import Club, Competition, Entry, Kind, Order
from .rules import Standing, Terms
from .text import comparable
from .totals import Totals
from .writer import Writer


def now() -> datetime:
    """Return the time in the server's time zone: the one clock."""
    return datetime.now().astimezone()


def start_and_name(competition: Competition) -> tuple[datetime, str]:
    """Return the key by which competitions are sorted in lists."""
    return competition.starts_at, competition.name


class BoardRow(NamedTuple):
    """A row of the points board. Rows sort as the board shows them: most points first, then by name."""

    rank: tuple[int, str]
    club: str
    points: int


class Holding(NamedTuple):
    """An open competition at which a club holds places, and the club's figures there."""

    competition: Competition
    standing: Standing


class SummaryFigures(NamedTuple):
    """What a summary shows, all of one moment."""

    points_left: int
    standings: dict[str, Standing]  # by the names of the competitions that were asked for
    points_board: list[BoardRow]


class Ledger:
    """The bookings of all clubs. Threads may share it, and processes share it through a journal.

    One writer at a time judges the orders that wait and commits what they become, all in one transaction: it is in the
    journal before it is in memory. Pages read memory and never wait for a writer.
    """

    def __init__(
        self,
        clubs: Iterable[Club],
        competitions: Iterable[Competition],
        terms: Terms | None = None,
        journal: Journal | None = None,
        clock: Callable[[], datetime] = now,
    ):
        """Take over what the journal holds; raise JournalError if it cannot be read."""
        self.clubs = {club.name: club for club in clubs}
        self.clubs_by_email = {comparable(club.email): club for club in self.clubs.values()}
        self.by_start = sorted(competitions, key=start_and_name)
        self.competitions = {competition.name: competition for competition in self.by_start}
        self.terms = terms or Terms()
        self.journal = journal or NoJournal()
        self.now = clock
        self.writer = Writer(self._drafting)

        self.entries: list[Entry] = []
        self.history: dict[str, list[Entry]] = {}  # by club
        self.totals = Totals()
        self.points_board = sorted(self._board_row(club) for club in self.clubs.values())
        self._memory_lock = threading.Lock()  # to change the four above, and to read several figures of one moment
        self.catch_up()

    # Reading

    def points_left(self, club: Club) -> int:
        """Return the points that the club can spend."""
        with self._memory_lock:
            return self.totals.points_left(club)

    def standing(self, club: Club, competition: Competition) -> Standing:
        """Return the club's figures at a competition, read together under one lock."""
        with self._memory_lock:
            return self.totals.standing(club, competition)

    def standings(self, club: Club, competitions: Iterable[Competition]) -> dict[str, Standing]:
        """Return a club's figures at each competition, by its name, all of one moment."""
        with self._memory_lock:
            return self.totals.standings(club, competitions)

    def figures(self, club: Club, competitions: Iterable[Competition]) -> SummaryFigures:
        """Return the club's points, its figures at each competition and the points board."""
        with self._memory_lock:
            standings = self.totals.standings(club, competitions)
            return SummaryFigures(self.totals.points_left(club), standings, self.points_board)

    def upcoming(self, now: datetime) -> list[Competition]:
        """Return the competitions that are open at this moment, soonest first."""
        return self.by_start[self._how_many_started(now) :]

    def past(self, now: datetime) -> list[Competition]:
        """Return the competitions that have started by this moment, latest first."""
        return self.by_start[: self._how_many_started(now)][::-1]

    def _how_many_started(self, now: datetime) -> int:
        return bisect_right(self.by_start, now, key=lambda competition: competition.starts_at)

    def entries_of(self, club: Club) -> list[Entry]:
        """Return the club's bookings and returns, oldest first."""
        with self._memory_lock:
            return list(self.history.get(club.name, ()))

    def holdings(self, club: Club) -> list[Holding]:
        """Return the open competitions at which the club holds places, soonest first."""
        names = {entry.competition for entry in self.entries_of(club)}
        known = [self.competitions[name] for name in names if name in self.competitions]
        now = self.now()
        competitions = [competition for competition in known if not competition.has_started(now)]
        competitions.sort(key=start_and_name)
        standings = self.standings(club, competitions)
        holdings = [Holding(competition, standings[competition.name]) for competition in competitions]
        return [holding for holding in holdings if holding.standing.places_held]

    def mismatches(self) -> list[str]:
        """Return a sentence for each total that does not fit the files and the terms, which may have changed."""
        with self._memory_lock:
            return list(self.totals.mismatches(self.clubs, self.competitions, self.terms))

    def entry_list(self, competition: str) -> list[tuple[str, int]]:
        """Return the clubs that hold places at a competition, and how many, even if the files no longer name them."""
        with self._memory_lock:
            rows = [(club, held.places) for (club, name), held in self.totals.held.items() if name == competition]
        return sorted((club, places) for club, places in rows if places)

    # Changing

    def book(self, club: Club, competition: Competition, places: int, token: str | None = None) -> Entry:
        """Book places, or return what a copy of the form booked; raise BookingError or JournalError."""
        return self.writer.carry_out(Order(Kind.BOOKING, club, competition, places, token))

    def give_back(self, club: Club, competition: Competition, places: int, token: str | None = None) -> Entry:
        """Give places back, or return what a copy of the form gave back; raise BookingError or JournalError."""
        return self.writer.carry_out(Order(Kind.RETURN, club, competition, places, token))

    @contextmanager
    def _drafting(self) -> Iterator[Draft]:
        """Yield a draft to the one writer; what orders become on it is committed at the end, then added to memory."""
        with self.journal.writing() as transaction:
            if self.journal.shared:
                self.take_over(transaction)
            # memory stands still: nobody commits meanwhile, and `take_over` waited for who was still adding
            draft = Draft(self.totals, self._last_number(), self.terms, self.now)
            yield draft
            check_entries(draft.new_entries, previous=self._last_number())
            transaction.append(draft.new_entries)
        self._add(draft.new_entries)

    # Memory

    def catch_up(self) -> None:
        """Take over what other processes wrote; raise JournalError if it cannot be read."""
        if self.journal.shared:
            with self.journal.reading() as transaction:
                self.take_over(transaction)

    def last_row(self) -> LastRow:
        """Return the last row that was taken over, to tell whether the journal has others."""
        return LastRow.of(self.entries[-1] if self.entries else None)

    def take_over(self, transaction: Transaction) -> None:
        """Add what is new in the journal: all of it, or none if something in it cannot be right."""
        with self._memory_lock:  # waits for a thread that is adding entries, until their totals are added too
            last = self.entries[-1] if self.entries else None
        if last:
            new = entries_after(last, transaction)
            check_entries(new, previous=last.number)
        else:
            new = list(transaction.entries(first=-LARGEST_IN_A_ROW))  # a number below 1 is refused, not passed over
            check_entries(new, previous=0)
        self._add(new)

    def _last_number(self) -> int:
        return self.entries[-1].number if self.entries else 0

    def _add(self, entries: list[Entry]) -> None:
        """Add the entries that are not in memory yet: another thread may have taken some over meanwhile."""
        if not entries:
            return
        with self._memory_lock:
            last_number = self._last_number()
            new = [entry for entry in entries if entry.number > last_number]
            names = {entry.club for entry in new}
            clubs = [self.clubs[name] for name in names if name in self.clubs]
            rows_before = [self._board_row(club) for club in clubs]

            for entry in new:
                self.entries.append(entry)
                self.history.setdefault(entry.club, []).append(entry)
                self.totals.add(entry)

            rows_after = [self._board_row(club) for club in clubs]
            self._replace_on_board(rows_before, rows_after)

    def _board_row(self, club: Club) -> BoardRow:
        points = self.totals.points_left(club)
        return BoardRow((-points, club.name.casefold()), club.name, points)

    def _replace_on_board(self, before: list[BoardRow], after: list[BoardRow]) -> None:
        """Move rows on a copy of the board, so that a page which shows the old one is not disturbed."""
        board = list(self.points_board)
        for row in before:
            del board[bisect_left(board, row)]
        for row in after:
            insort(board, row)
        self.points_board = board


def entries_after(last: Entry, transaction: Transaction) -> list[Entry]:
    """Return the journal's entries after one that it had; raise JournalError if it no longer has that one."""
    entries = list(transaction.entries(first=last.number))
    if entries[:1] != [last]:
        raise JournalError("the journal has lost bookings that were made: restart to go on without them")
    return entries[1:]
