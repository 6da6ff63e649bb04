"""What the lists on pages show: rows of a summary, cards of My bookings, the short points board."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from . import pagination, search
from .ledger import BoardRow, Ledger
from .model import Club, Competition
from .rules import Standing, Terms, booking_status

LATEST_PAST = 5  # competitions on the summary
SHORT_BOARD = 5  # first clubs on a board that is cut short
LONGEST_BOARD = 10  # most clubs on a board that is not cut short
LONGEST_LIST = 10  # most competitions in a list that needs no form to narrow it


# Competitions


class Row(NamedTuple):
    """A competition, the figures that a summary shows of it, and why nothing can be booked, if so."""

    competition: Competition
    places_left: int
    places_held: int
    state: str | None


class MonthOfRows(NamedTuple):
    """The rows of competitions that start in a month."""

    month: search.Month
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Summary:
    """What a club's summary shows, all of one moment."""

    upcoming: Sequence[Competition]
    rows_by_month: Sequence[MonthOfRows]  # of the upcoming competitions on this page
    past: Sequence[Competition]
    latest_rows: Sequence[Row]  # of the past competitions that started last
    points_left: int
    points_board: Sequence[BoardRow]


def summary_of(ledger: Ledger, club: Club, competitions: Sequence[Competition], now: datetime) -> Summary:
    """Return the summary of a club, with the rows of these upcoming competitions."""
    past = ledger.past(now)
    latest = past[:LATEST_PAST]
    figures = ledger.figures(club, [*competitions, *latest])
    rows = make_rows(competitions, figures.standings, ledger.terms, now)
    return Summary(
        upcoming=ledger.upcoming(now),
        rows_by_month=by_month(rows),
        past=past,
        latest_rows=tuple(make_rows(latest, figures.standings, ledger.terms, now)),
        points_left=figures.points_left,
        points_board=figures.points_board,
    )


def rows_at(ledger: Ledger, club: Club, competitions: Sequence[Competition], now: datetime) -> list[Row]:
    """Return the rows of competitions, with a club's figures at each."""
    standings = ledger.standings(club, competitions)
    return make_rows(competitions, standings, ledger.terms, now)


def make_rows(
    competitions: Iterable[Competition], standings: Mapping[str, Standing], terms: Terms, now: datetime
) -> list[Row]:
    """Return the rows of competitions, from the club's standing at each."""
    rows = []
    for competition in competitions:
        standing = standings[competition.name]
        status = booking_status(competition, standing, terms, now)
        rows.append(Row(competition, standing.places_left, standing.places_held, status.state))
    return rows


def by_month(rows: Iterable[Row]) -> list[MonthOfRows]:
    """Return rows, which must be sorted by their starts, in groups by month."""
    groups = groupby(rows, key=lambda row: search.Month.of(row.competition))
    return [MonthOfRows(month, tuple(rows_of_month)) for month, rows_of_month in groups]


def months_to_choose(competitions: Sequence[Competition], choice: search.Choice) -> tuple[search.Month, ...] | None:
    """Return the months that the form for finding competitions offers; None if the list is too short to need it.

    The list must be sorted by start, soonest first.
    """
    if len(competitions) <= LONGEST_LIST and not choice.is_narrow:
        return None
    return search.months_of(competitions, choice.month)


def upcoming_to_show(ledger: Ledger, club: Club, choice: search.Choice, now: datetime) -> list[Competition]:
    """Return the upcoming competitions that match a choice: in name, month and the club's figures there."""
    found = search.find(ledger.upcoming(now), choice)
    if choice.show is search.Show.ALL:
        return found
    standings = ledger.standings(club, found)
    if choice.show is search.Show.MINE:
        return [competition for competition in found if standings[competition.name].places_held]
    return [one for one in found if booking_status(one, standings[one.name], ledger.terms, now).most]


# Holdings


class Card(NamedTuple):
    """What a club holds at an open competition, and the page of My bookings that shows it."""

    competition: Competition
    standing: Standing
    numbers: tuple[int, ...]  # of the club's bookings there
    can_book_more: bool
    page_number: int

    @property
    def number(self) -> int:
        """Return the number of the latest booking, which identifies the card on its page."""
        return self.numbers[-1]

    @property
    def field(self) -> str:
        """Return the id of the card's field for the places to give back."""
        return f"places-{self.number}"


def cards_of(ledger: Ledger, club: Club) -> list[Card]:
    """Return a card for each open competition at which the club holds places, soonest first."""
    now = ledger.now()
    holdings = ledger.holdings(club)
    numbers = {}
    for entry in reversed(ledger.latest_entries(club)):  # read after the holdings: whatever is held was booked by then
        if entry.places > 0:
            numbers.setdefault(entry.competition, []).append(entry.number)
    return [
        Card(
            competition=holding.competition,
            standing=holding.standing,
            numbers=tuple(numbers[holding.competition.name]),
            can_book_more=booking_status(*holding, ledger.terms, now).most > 0,
            page_number=pagination.page_with(index),
        )
        for index, holding in enumerate(holdings)
    ]


def card_of(ledger: Ledger, club: Club, competition: str) -> Card | None:
    """Return the club's card of a competition; None if it holds no places there, or the competition has started."""
    for card in cards_of(ledger, club):
        if card.competition.name == competition:
            return card
    return None


def card_page_number(ledger: Ledger, club: Club, competition: str) -> int:
    """Return the number of the page of My bookings that shows a competition's card; 1 if there is no such card."""
    if ledger.number_of_entries(club) <= pagination.ROWS_PER_PAGE:
        return 1  # as nearly always: there are no more cards than entries
    card = card_of(ledger, club, competition)
    return card.page_number if card else 1


# The points board


def short_board(board: Sequence[BoardRow], club: Club | None) -> tuple[BoardRow, ...]:
    """Return the first rows of a long board, and the club's own; all rows of a board that is not long."""
    if len(board) <= LONGEST_BOARD:
        return tuple(board)
    first = tuple(board[:SHORT_BOARD])
    if club is None or any(row.club == club.name for row in first):
        return first
    own = next(row for row in board if row.club == club.name)
    return (*first, own)
