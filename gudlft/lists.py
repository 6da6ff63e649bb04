"""What the lists of pages show: rows of a summary, cards of My bookings, the short points board."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from . import search, sentences
from .ledger import BoardRow, Ledger
from .model import Club, Competition, Entry
from .rules import Standing, Terms

LATEST = 5  # past competitions on the summary
SHORT_BOARD = 5  # clubs on a board that is cut short
LONGEST_BOARD = 10  # clubs on a board that is not
LONGEST_LIST = 10  # competitions in a list that needs no form to find some


# Competitions


class Row(NamedTuple):
    """A competition, the figures that a summary shows of it, why nothing can be booked, and which month it begins."""

    competition: Competition
    places_left: int
    places_held: int
    state: str | None
    month: search.Month | None


def rows_of(
    competitions: Iterable[Competition], standings: Iterable[Standing], terms: Terms, now: datetime
) -> list[Row]:
    """Return the rows of competitions, from the club's standing at each."""
    rows = []
    previous = None
    for competition, standing in zip(competitions, standings, strict=True):
        month = search.Month.of(competition)
        row = Row(
            competition=competition,
            places_left=standing.places_left,
            places_held=standing.places_held,
            state=sentences.state(competition, standing.bookable(terms), now),
            month=month if month != previous else None,
        )
        rows.append(row)
        previous = month
    return rows


def narrow(ledger: Ledger, club: Club, competitions: Iterable[Competition], choice: search.Choice) -> list[Competition]:
    """Return the competitions that a choice leaves, by what the club can book and holds there at this moment."""

    def most_places(competition):
        return ledger.standing(club, competition).bookable(ledger.terms).places

    def places_held(competition):
        return ledger.standing(club, competition).places_held

    return search.narrow(competitions, choice, most_places, places_held)


# Holdings


class Card(NamedTuple):
    """What a club holds at an open competition, the numbers of its bookings there, and whether it can book more."""

    competition: Competition
    standing: Standing
    numbers: tuple[int, ...]
    can_book_more: bool

    @property
    def number(self) -> int:
        """Return the number of the latest booking, by which the card is known on its page."""
        return self.numbers[-1]


def cards_of(ledger: Ledger, club: Club) -> list[Card]:
    """Return a card for each open competition at which the club holds places, soonest first."""
    holdings = ledger.holdings(club)
    numbers = {}
    for entry in ledger.entries_of(club):  # read after the holdings: whatever is held was booked by then
        if entry.places > 0:
            numbers.setdefault(entry.competition, []).append(entry.number)
    return [
        Card(
            competition=holding.competition,
            standing=holding.standing,
            numbers=tuple(numbers[holding.competition.name]),
            can_book_more=holding.standing.bookable(ledger.terms).places > 0,
        )
        for holding in holdings
    ]


def entries_at(ledger: Ledger, club: Club, competition: Competition) -> list[Entry]:
    """Return the club's bookings and returns at a competition, oldest first."""
    return [entry for entry in ledger.entries_of(club) if entry.competition == competition.name]


# The points board


def short_board(board: Sequence[BoardRow], club: Club | None) -> tuple[BoardRow, ...]:
    """Return the first rows of a long board, and the club's own: all rows of one that is not long."""
    if len(board) <= LONGEST_BOARD:
        return tuple(board)
    first = tuple(board[:SHORT_BOARD])
    if club is None or any(row.club == club.name for row in first):
        return first
    own = next(row for row in board if row.club == club.name)
    return (*first, own)
