"""The ledger: all bookings, as an append-only list of entries; it judges orders and commits what they become."""

import logging
import sys
import threading
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from operator import attrgetter
from typing import NamedTuple

from .journal import LARGEST_IN_A_ROW, Journal, JournalError, NoJournal, Transaction, checked_entries
from .model import CANCELLED, BookingError, Club, Competition, Entry, Kind, Order, Outcome, PresentNames
from .rules import Status, Terms, booking_status, points_of
from .text import fold, plural, printable
from .totals import Draft, Occupancy, Totals
from .writer import Outcomes, TakeOrders, Writer

log = logging.getLogger("gudlft.ledger")

START_AND_NAME = attrgetter("starts_at", "folded_name", "name")  # of competitions, by which lists sort them


def now() -> datetime:
    """Return the time in the server's time zone: the one clock."""
    return datetime.now().astimezone()


class BoardRow(NamedTuple):
    """A row of the points board. Rows sort as it shows them: most points first, then by name as people look for it."""

    minus_points: int
    folded_name: str
    club: str

    @property
    def points(self) -> int:
        """Return the points that the club has left."""
        return -self.minus_points


class EntryListRow(NamedTuple):
    """What a club holds at a competition, and when it booked there first and booked or gave back last, in UTC."""

    club: str
    places: int
    first_booked: datetime
    last_change: datetime


class CompetitionFigures(NamedTuple):
    """What a competition's page shows a club, all of one moment."""

    status: Status
    balance: int
    places_booked: int  # by all clubs
    latest_entries: list[Entry]  # of the club there
    number_of_entries: int


class Ledger:
    """The bookings of all clubs. Threads may share it, and processes share it through a journal.

    Orders that wait are carried out together by one thread: what they become is in the journal before it is in memory.
    Pages read memory, where each figure is a look-up, and never wait for a writer.
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
        self.by_start = sorted(competitions, key=START_AND_NAME)
        self._latest_first = sorted(self.by_start, key=attrgetter("starts_at"), reverse=True)
        self.competitions = {competition.name: competition for competition in self.by_start}
        self.clubs_by_any_name = {name: club for club in self.clubs.values() for name in club.names}
        self.competitions_by_any_name = {
            name: competition for competition in self.by_start for name in competition.names
        }
        self._cancelled = [competition.name for competition in self.by_start if competition.is_cancelled]
        self._present_clubs = PresentNames(self.clubs.values())
        self._present_competitions = PresentNames(self.by_start)
        self.terms = terms or Terms()
        self.journal: Journal = journal or NoJournal()
        self.now = clock
        self.writer = Writer(self.carry_out)

        self.entries: list[Entry] = []  # with the present names
        self.entries_by_club: dict[str, list[Entry]] = defaultdict(list)
        self.entries_at: dict[str, dict[str, list[Entry]]] = defaultdict(dict)  # by competition, then by club
        self.competitions_of: dict[str, set[str]] = defaultdict(set)  # by club: where it ever booked
        self.totals = Totals(self.clubs)
        self.points_board = sorted(self.board_row(club) for club in self.clubs.values())
        self.one_moment = threading.RLock()  # to change the above, and to read several figures of one moment
        self.catch_up()

    # Changing

    def book(self, club: Club, competition: Competition, places: int, token: str | None = None) -> Outcome:
        """Book places, or return what a copy of the form booked; raise BookingError or JournalError."""
        return self.writer.outcome_of(Order(Kind.BOOKING, club, competition, places, token))

    def give_back(self, club: Club, competition: Competition, places: int, token: str | None = None) -> Outcome:
        """Give places back, or return what a copy of the form gave back; raise BookingError or JournalError."""
        return self.writer.outcome_of(Order(Kind.RETURN, club, competition, places, token))

    def carry_out(self, take_orders: TakeOrders) -> Outcomes:
        """Judge orders one after another, and commit all that they become; return what became of each.

        The orders are taken once the journal is locked: those that come while it is not share the commit. One thread at
        a time calls this. Raise JournalError if nothing was written, CommitInDoubt if that is not certain.
        """
        with self.journal.writing() as transaction:
            self.catch_up_with(transaction)
            draft = Draft(self.totals, self._last_number())  # which stand still: nobody else commits meanwhile
            self._give_back_at_cancelled(draft)
            outcomes = [self._judge(order, draft) for order in take_orders()]
            rows = [self._row_of(entry) for entry in draft.entries]
            transaction.append(list(checked_entries(rows, self._last_number() + 1)))
        self._add(draft.entries)
        for entry in draft.entries:
            if entry.is_of_cancelled:
                places = plural(-entry.places, "place")
                what = f"{entry.club}: {places} in {entry.competition} given back: cancelled (number {entry.number})"
                log.info(printable(what))
        return outcomes

    def _judge(self, order: Order, draft: Draft) -> Outcome | BookingError:
        """Return what becomes of an order after those before it; a copy of a form becomes what the first one did."""
        earlier = draft.outcomes.get(order.form_key)
        if earlier:
            return earlier
        moment = self.now()
        standing = draft.standing(order.club, order.competition)
        try:
            points = points_of(order, standing, self.terms, moment)
        except BookingError as refusal:
            return refusal

        entry = Entry(
            number=draft.next_number,
            at=moment.astimezone(timezone.utc),
            club=order.club.name,
            competition=order.competition.name,
            places=order.kind * order.places,
            points=order.kind * points,
            token=order.token,
        )
        draft.append(entry)
        return Outcome(entry, draft.balance(order.club))

    # Cancelled competitions

    def give_back_cancelled(self) -> None:
        """Give back what clubs hold at cancelled competitions, if they hold anything; raise JournalError."""
        if any(self.totals.clubs_holding.get(competition) for competition in self._cancelled):
            self.carry_out(list)

    def _give_back_at_cancelled(self, draft: Draft) -> None:
        """Draft an entry for what each club holds at a cancelled competition, which returns the points that it paid."""
        for competition in self._cancelled:
            if not self.totals.clubs_holding.get(competition):  # mostly so: this is asked at each turn
                continue
            for club, places, *_ in self.entry_list(competition):
                points = draft.points_paid[club, competition]
                if points >= 0:  # else rows were edited by hand
                    moment = self.now().astimezone(timezone.utc)
                    token = f"{CANCELLED}{draft.next_number}"
                    draft.append(Entry(draft.next_number, moment, club, competition, -places, -points, token))

    # Memory

    def catch_up(self) -> None:
        """Catch up with what other processes wrote; raise JournalError if it cannot be read."""
        with self.journal.reading() as transaction:
            self.catch_up_with(transaction)

    def catch_up_with(self, transaction: Transaction) -> None:
        """Add what is new in the journal: all of it, or none if something in it cannot be right."""
        if not self.journal.shared:
            return
        with self.one_moment:  # waits for a thread that is adding entries, until their totals are added too
            last = self.entries[-1] if self.entries else None
        first = last.number if last else -LARGEST_IN_A_ROW  # a number below 1 is refused, not passed over
        entries = [self._entry_in(row) for row in checked_entries(transaction.entries(first), first)]
        if last and entries[:1] != [last]:
            raise JournalError("the journal has lost bookings that were made: restart to go on without them")
        self._add(entries)

    def last_row(self) -> tuple:
        """Return number and time of the last row that was read, to tell whether the journal has others."""
        return self.entries[-1][:2] if self.entries else (None, None)

    def _last_number(self) -> int:
        return self.entries[-1].number if self.entries else 0

    def _entry_in(self, row: Entry) -> Entry:
        """Return what a row of the journal holds, with the names that its club and its competition have now."""
        return row._replace(
            club=self._present_clubs[row.club],
            competition=self._present_competitions[row.competition],
        )

    def _row_of(self, entry: Entry) -> Entry:
        """Return an entry as the journal keeps it: with original names, which processes with older files know too."""
        club = self.clubs.get(entry.club)  # None if a club that is gone gives back at a cancelled competition
        return entry._replace(
            club=club.original_name if club else entry.club,
            competition=self.competitions[entry.competition].original_name,
        )

    def _add(self, entries: Sequence[Entry]) -> None:
        """Add the entries that are not in memory yet: another thread may have taken some over meanwhile."""
        with self.one_moment:
            last_number = self._last_number()
            new = [entry for entry in entries if entry.number > last_number]
            if not new:
                return
            names = {entry.club for entry in new}
            clubs = [self.clubs[name] for name in names & self.clubs.keys()]
            board = list(self.points_board)  # a copy: a page that shows the old one is not disturbed
            for club in clubs:
                del board[bisect_left(board, self.board_row(club))]
            for entry in new:
                self.entries.append(entry)
                self.entries_by_club[entry.club].append(entry)
                self.entries_at[entry.competition].setdefault(entry.club, []).append(entry)
                self.competitions_of[entry.club].add(entry.competition)
                self.totals.add(entry)
            for club in clubs:
                insort(board, self.board_row(club))
            self.points_board = board

    def board_row(self, club: Club) -> BoardRow:
        """Return a club's row of the points board."""
        return BoardRow(-self.totals.points_left(club), club.folded_name, club.name)

    # Reading

    def statuses(self, club: Club, competitions: Sequence[Competition], now: datetime) -> list[Status]:
        """Return what a club can do at each competition."""
        standing = self.totals.standing
        with self.one_moment:
            return [booking_status(one, standing(club, one), self.terms, now) for one in competitions]

    def figures_at(self, club: Club, competition: Competition, most_entries: int) -> CompetitionFigures:
        """Return what a club can do at a competition now, with the figures there and its latest entries."""
        with self.one_moment:
            return CompetitionFigures(
                status=self.statuses(club, [competition], self.now())[0],
                balance=self.totals.balance(club),
                places_booked=self.totals.places_sold[competition.name],
                latest_entries=self.latest_entries(club, competition, most=most_entries),
                number_of_entries=self.number_of_entries(club, competition),
            )

    def holdings(self, club: Club, now: datetime) -> list[Status]:
        """Return what a club can do at each upcoming competition where it holds places, soonest first."""
        with self.one_moment:
            names = [name for name in self.competitions_of.get(club.name, ()) if name in self.competitions]
            there = sorted([self.competitions[name] for name in names], key=START_AND_NAME)
            statuses = self.statuses(club, there, now)
            return [status for status in statuses if status.standing.places_held and not status.is_past]

    def outcome(self, club: Club, number: int) -> Outcome | None:
        """Return the club's entry with a number, and the points left as of it; None if there is none."""
        entries = self.entries_by_club.get(club.name, [])
        index = bisect_left(entries, number, key=attrgetter("number"))
        if index == len(entries) or entries[index].number != number:
            return None
        return self.totals.outcomes.get(entries[index].form_key)

    def latest_entries(
        self, club: Club, competition: Competition | None = None, skip: int = 0, most: int = sys.maxsize
    ) -> list[Entry]:
        """Return the club's bookings and returns, of all competitions or of one, newest first."""
        entries = self._entries_of(club, competition)
        end = max(0, len(entries) - skip)
        return entries[max(0, end - most) : end][::-1]

    def number_of_entries(self, club: Club, competition: Competition | None = None) -> int:
        """Return how many bookings and returns the club has made, at all competitions or at one."""
        return len(self._entries_of(club, competition))

    def _entries_of(self, club: Club, competition: Competition | None) -> list[Entry]:
        if competition is None:
            return self.entries_by_club.get(club.name, [])
        return self.entries_at.get(competition.name, {}).get(club.name, [])

    def upcoming(self, now: datetime) -> list[Competition]:
        """Return the upcoming competitions, soonest first."""
        return self.by_start[self._how_many_started(now) :]

    def past(self, now: datetime) -> list[Competition]:
        """Return the competitions that have started by this moment, latest first."""
        return self._latest_first[len(self.by_start) - self._how_many_started(now) :]

    def _how_many_started(self, now: datetime) -> int:
        return bisect_right(self.by_start, now, key=lambda competition: competition.starts_at)

    def mismatches(self) -> list[str]:
        """Return a sentence for each total that does not fit the files and the terms, which may have changed."""
        with self.one_moment:
            return list(self.totals.mismatches(self.competitions, self.terms))

    def occupancies(self, competitions: Iterable[Competition]) -> list[tuple[Competition, Occupancy]]:
        """Return each competition with how full it is, all at one moment."""
        with self.one_moment:
            return [(competition, self.totals.occupancy(competition)) for competition in competitions]

    def entry_list(self, competition: str) -> list[EntryListRow]:
        """Return what each club holds at a competition, by the clubs' names, even if the files no longer name them."""
        with self.one_moment:
            rows = [
                EntryListRow(club, self.totals.places_held[club, competition], entries[0].at, entries[-1].at)
                for club, entries in self.entries_at.get(competition, {}).items()
            ]
        holding = [row for row in rows if row.places > 0]
        return sorted(holding, key=lambda row: (self._folded_name(row.club), row.club))

    def _folded_name(self, club: str) -> str:
        known = self.clubs.get(club)
        return known.folded_name if known else fold(club)
