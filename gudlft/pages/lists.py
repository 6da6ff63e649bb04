"""What the lists on pages show: competitions with their figures, by month, and the rows of the points board."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from ..ledger import BoardRow, Ledger
from ..model import Club, Competition, Outcome
from ..rules import Limit, Status, what_closes
from ..totals import Occupancy
from .pagination import ROWS_PER_PAGE, Page, paginate
from .search import Choice, Show, find, months_to_choose

NEXT_COMPETITIONS = 5  # on the sign-in page
LATEST_PAST = 5  # competitions below a list of upcoming ones
LATEST_ENTRIES = 10  # bookings and returns on a page that also leads to all of them
MOST_COUNTED = 200  # most competitions of which is counted where a club can book
SHORT_BOARD = 5  # first clubs on a board that is cut short
LONGEST_BOARD = 10  # most clubs on a board that is not cut short

Shown = dict[str, object]  # what a page shows, by the names that its template has for it


# Competitions, for everybody


class PublicRow(NamedTuple):
    """A competition, how full it is, and what keeps all clubs from booking there, if anything."""

    competition: Competition
    occupancy: Occupancy
    limit: Limit | None


def public_rows(ledger: Ledger, competitions: Sequence[Competition]) -> list[PublicRow]:
    """Return competitions as everybody sees them now."""
    now = ledger.now()
    rows = []
    for competition, occupancy in ledger.occupancies(competitions):
        full = None if occupancy.left else Limit.PLACES
        rows.append(PublicRow(competition, occupancy, what_closes(competition, now) or full))
    return rows


def public_page(ledger: Ledger, competitions: Sequence[Competition], page_number: int) -> Page:
    """Return a page of competitions as everybody sees them."""
    page = paginate(competitions, page_number)
    return page._replace(items=public_rows(ledger, page.items))


def next_competitions(ledger: Ledger) -> Shown:
    """Return the few competitions that come next, and how many come in all."""
    upcoming = ledger.upcoming(ledger.now())
    return {
        "page": public_page(ledger, upcoming[:NEXT_COMPETITIONS], 1),
        "total": len(upcoming),
    }


def programme_of(ledger: Ledger, choice: Choice, page_number: int) -> Shown:
    """Return the upcoming competitions that match a choice, soonest first."""
    now = ledger.now()
    upcoming = ledger.upcoming(now)
    past = ledger.past(now)
    return {
        "page": public_page(ledger, find(upcoming, choice), page_number),
        "total": len(upcoming),
        "months_to_choose": months_to_choose(upcoming, choice),
        "latest_past": past[:LATEST_PAST],
        "number_of_past": len(past),
    }


def past_of(ledger: Ledger, club: Club | None, choice: Choice, page_number: int) -> Shown:
    """Return the past competitions that match a choice, latest first, with what a club held there."""
    now = ledger.now()
    past = ledger.past(now)
    page = paginate(find(past, choice), page_number)
    if club:
        page = page._replace(items=ledger.statuses(club, page.items, now))
    return {
        "page": page,
        "total": len(past),
        "months_to_choose": months_to_choose(past, choice),
    }


def overview_of(ledger: Ledger, is_past: bool, page_number: int) -> Shown:
    """Return how full the upcoming competitions are, soonest first, or the past ones."""
    now = ledger.now()
    past = ledger.past(now)
    competitions = past if is_past else ledger.upcoming(now)
    return {
        "is_past": is_past,
        "page": public_page(ledger, competitions, page_number),
        "booked": sum(occupancy.booked for _, occupancy in ledger.occupancies(competitions)),
        "places": sum(competition.places for competition in competitions),
        "number_of_past": len(past),
    }


# A club's competitions


def summary_of(ledger: Ledger, club: Club, choice: Choice, page_number: int) -> Shown:
    """Return a club's summary, with a page of the upcoming competitions that match a choice."""
    now = ledger.now()
    upcoming = ledger.upcoming(now)
    past = ledger.past(now)
    found = find(upcoming, choice)
    page = paginate(found, page_number)
    is_short = len(found) <= MOST_COUNTED
    looks_at_all = is_short or choice.show is not Show.ALL  # else at those on the page alone
    looked_at = found if looks_at_all else page.items

    with ledger.one_moment:
        statuses = ledger.statuses(club, looked_at, now)
        latest_past = ledger.statuses(club, past[:LATEST_PAST], now)
        balance = ledger.totals.balance(club)
        own_row = ledger.board_row(club)
        board = ledger.points_board

    lists = by_show(statuses)
    page = paginate(lists[choice.show], page_number) if looks_at_all else page._replace(items=statuses)
    return {
        "points_left": own_row.points,
        "balance": balance,
        "page": page,
        "counts": {show: len(rows) for show, rows in lists.items()} if is_short else {},
        "months_to_choose": months_to_choose(upcoming, choice),
        "number_of_upcoming": len(upcoming),
        "latest_past": latest_past,
        "number_of_past": len(past),
        "board": short_board(board, own_row),
    }


def by_show(statuses: list[Status]) -> dict[Show, list[Status]]:
    """Return the statuses of each list: of all competitions, of those that can be booked, of those with places held."""
    return {
        Show.ALL: statuses,
        Show.BOOKABLE: [status for status in statuses if status.most],
        Show.MINE: [status for status in statuses if status.standing.places_held],
    }


def by_month(rows: Iterable) -> list[tuple[str, list]]:
    """Return rows of competitions, which must be sorted by their starts, in groups by month."""
    groups = groupby(rows, key=lambda row: row.competition.start.month)
    return [(month, list(rows_of_month)) for month, rows_of_month in groups]


def bookings_of(ledger: Ledger, club: Club, page_number: int) -> Shown:
    """Return where a club holds places, and its latest bookings and returns."""
    holdings = ledger.holdings(club, ledger.now())
    return {
        "holdings": holdings,
        "page": paginate(holdings, page_number),
        "entries": ledger.latest_entries(club, most=LATEST_ENTRIES),
        "number_of_entries": ledger.number_of_entries(club),
    }


class Receipt(NamedTuple):
    """What an order did, for the page after it."""

    outcome: Outcome
    status: Status  # what the club can do there now


def receipt_of(ledger: Ledger, club: Club, number: int) -> Receipt | None:
    """Return the receipt of the club's order with a number; None if there is none, or it is not known here yet."""
    outcome = ledger.outcome(club, number)
    if outcome is None or outcome.entry.competition not in ledger.competitions:
        return None
    competition = ledger.competitions[outcome.entry.competition]
    [status] = ledger.statuses(club, [competition], ledger.now())
    return Receipt(outcome, status)


def history_of(ledger: Ledger, club: Club, page_number: int) -> Shown:
    """Return all bookings and returns of a club, newest first."""
    page = paginate(range(ledger.number_of_entries(club)), page_number)
    return {
        "page": page,
        "entries": ledger.latest_entries(club, skip=page.start, most=len(page.items)),
    }


# The points board


class RankedRow(NamedTuple):
    """A row of the points board as pages show it; clubs with equal points share a rank."""

    rank: int
    club: str
    points: int


def ranked(rows: Iterable[BoardRow], board: Sequence[BoardRow]) -> list[RankedRow]:
    """Return rows of the board with their ranks: how many clubs have more points, and one."""
    ranked_rows = []
    for row in rows:
        clubs_ahead = bisect_left(board, row.minus_points, key=attrgetter("minus_points"))
        ranked_rows.append(RankedRow(clubs_ahead + 1, row.club, row.points))
    return ranked_rows


def short_board(board: Sequence[BoardRow], own_row: BoardRow | None = None) -> Page:
    """Return the first rows of a long board, and a club's own; all rows of a short one."""
    rows = board[:LONGEST_BOARD]
    if len(board) > LONGEST_BOARD:
        rows = board[:SHORT_BOARD]
        if own_row and own_row > rows[-1]:
            rows = [*rows, own_row]
    return Page(ranked(rows, board), number=1, start=0, total=len(board))


def board_page(ledger: Ledger, club: Club | None, page_number: int) -> Shown:
    """Return a page of the points board and, of a long one, where a club's own row is."""
    with ledger.one_moment:
        board = ledger.points_board
        own_row = ledger.board_row(club) if club else None

    page = paginate(board, page_number)
    shown: Shown = {"page": page._replace(items=ranked(page.items, board))}
    if own_row and len(board) > LONGEST_BOARD:
        [shown["own"]] = ranked([own_row], board)
        shown["own_page_number"] = bisect_left(board, own_row) // ROWS_PER_PAGE + 1
    return shown
