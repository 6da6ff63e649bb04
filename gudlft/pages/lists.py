"""What the lists on pages show: competitions with their figures, by month, and the rows of the points board."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from ..ledger import BoardRow, Ledger
from ..model import Club, Competition
from ..rules import Limit, Status, what_closes
from ..totals import Occupancy
from .pagination import Page, page_with, paginate
from .search import Choice, Show, find, months_of

NEXT_COMPETITIONS = 5  # on the sign-in page
LATEST_PAST = 5  # competitions below a list of upcoming ones
LONGEST_LIST = 10  # most competitions in a list that needs no form to narrow it
MOST_COUNTED = 200  # most competitions of which is counted where a club can book
SHORT_BOARD = 5  # first clubs on a board that is cut short
LONGEST_BOARD = 10  # most clubs on a board that is not cut short


def months_to_choose(competitions: Sequence[Competition], choice: Choice) -> Sequence[str]:
    """Return the months that the form for finding competitions offers; none if the list is too short to need it."""
    if len(competitions) <= LONGEST_LIST and not choice.is_narrow:
        return ()
    return months_of(competitions, choice.month)


# Competitions, for everybody


class PublicRow(NamedTuple):
    """A competition, how full it is, and what keeps all clubs from booking there, if anything."""

    competition: Competition
    occupancy: Occupancy
    limit: Limit | None


class Listing(NamedTuple):
    """Upcoming competitions, or past ones: a page of those that were chosen, of how many in all."""

    page: Page
    total: int
    months_to_choose: Sequence[str] = ()
    latest_past: Sequence[Competition] = ()
    number_of_past: int = 0


def next_competitions(ledger: Ledger, now: datetime) -> Listing:
    """Return the few competitions that come next."""
    upcoming = ledger.upcoming(now)
    page = public_page(ledger, upcoming[:NEXT_COMPETITIONS], 1, now)
    return Listing(page, len(upcoming))


def programme_of(ledger: Ledger, choice: Choice, page_number: int, now: datetime) -> Listing:
    """Return the upcoming competitions that match a choice, soonest first; raise NoSuchPage."""
    upcoming = ledger.upcoming(now)
    past = ledger.past(now)
    page = public_page(ledger, find(upcoming, choice), page_number, now)
    return Listing(
        page,
        total=len(upcoming),
        months_to_choose=months_to_choose(upcoming, choice),
        latest_past=past[:LATEST_PAST],
        number_of_past=len(past),
    )


def public_page(ledger: Ledger, competitions: Sequence[Competition], page_number: int, now: datetime) -> Page:
    """Return a page of competitions as everybody sees them; raise NoSuchPage."""
    page = paginate(competitions, page_number)
    occupancies = ledger.occupancies(page.items)
    rows = [public_row(*row, now) for row in zip(page.items, occupancies, strict=True)]
    return page._replace(items=rows)


def public_row(competition: Competition, occupancy: Occupancy, now: datetime) -> PublicRow:
    """Return a competition as everybody sees it."""
    full = None if occupancy.left else Limit.PLACES
    return PublicRow(competition, occupancy, what_closes(competition, now) or full)


def past_of(ledger: Ledger, club: Club | None, choice: Choice, page_number: int, now: datetime) -> Listing:
    """Return the past competitions that match a choice, latest first, with what a club held there; raise NoSuchPage."""
    past = ledger.past(now)
    page = paginate(find(past, choice), page_number)
    if club:
        statuses = ledger.statuses(club, page.items, now)
        page = page._replace(items=list(statuses.values()))
    return Listing(page, len(past), months_to_choose(past, choice))


# A club's competitions


class Summary(NamedTuple):
    """What a club's summary shows; all of it that orders change is of one moment."""

    points_left: int
    balance: int  # below 0 if the club's opening points were lowered
    page: Page  # of the upcoming competitions, each with what the club can do there
    counts: Mapping[Show, int]  # of all, bookable and held ones; none where there are many
    months_to_choose: Sequence[str]
    number_of_upcoming: int
    latest_past: Sequence[Status]
    number_of_past: int
    board: Page


def summary_of(ledger: Ledger, club: Club, choice: Choice, page_number: int, now: datetime) -> Summary:
    """Return a club's summary, with a page of the upcoming competitions that match a choice; raise NoSuchPage."""
    upcoming = ledger.upcoming(now)
    past = ledger.past(now)
    found = find(upcoming, choice)
    are_counted = len(found) <= MOST_COUNTED
    looked_at = found
    if choice.show is Show.ALL and not are_counted:
        looked_at = list(paginate(found, page_number).items)  # of thousands, only those that are shown

    latest_past = past[:LATEST_PAST]
    figures = ledger.figures(club, [*looked_at, *latest_past], now)
    statuses = figures.statuses
    lists = by_show(found, [statuses[competition.name] for competition in looked_at])
    page = paginate(lists[choice.show], page_number)
    return Summary(
        points_left=figures.own_row.points,
        balance=figures.balance,
        page=page._replace(items=[statuses[competition.name] for competition in page.items]),
        counts={show: len(competitions) for show, competitions in lists.items()} if are_counted else {},
        months_to_choose=months_to_choose(upcoming, choice),
        number_of_upcoming=len(upcoming),
        latest_past=[statuses[competition.name] for competition in latest_past],
        number_of_past=len(past),
        board=short_board(figures.points_board, figures.own_row),
    )


def by_show(found: Sequence[Competition], statuses: Sequence[Status]) -> dict[Show, Sequence[Competition]]:
    """Return the competitions of each list: all that were found, bookable and held ones as far as statuses tell."""
    return {
        Show.ALL: found,
        Show.BOOKABLE: [status.competition for status in statuses if status.most],
        Show.MINE: [status.competition for status in statuses if status.standing.places_held],
    }


def by_month(rows: Iterable) -> list[tuple[str, list]]:
    """Return rows of competitions, which must be sorted by their starts, in groups by month."""
    groups = groupby(rows, key=lambda row: row.competition.start.month)
    return [(month, list(rows_of_month)) for month, rows_of_month in groups]


# The points board


class RankedRow(NamedTuple):
    """A row of the points board as pages show it; clubs with equal points share a rank."""

    rank: int
    club: str
    points: int


def short_board(board: Sequence[BoardRow], own_row: BoardRow | None = None) -> Page:
    """Return the first rows of a long board, and a club's own; all rows of a short one."""
    rows = board[:LONGEST_BOARD]
    if len(board) > LONGEST_BOARD:
        rows = board[:SHORT_BOARD]
        if own_row and own_row > rows[-1]:
            rows = [*rows, own_row]
    return Page([ranked(row, board) for row in rows], number=1, start=0, total=len(board))


class BoardPage(NamedTuple):
    """A page of the whole points board and, of a long one, where the club's own row is."""

    page: Page
    own: RankedRow | None = None
    own_page_number: int = 1


def board_page(ledger: Ledger, club: Club | None, page_number: int) -> BoardPage:
    """Return a page of the points board; raise NoSuchPage."""
    if club is None:
        return BoardPage(ranked_page(ledger.points_board, page_number))

    figures = ledger.figures(club, (), ledger.now())
    board = figures.points_board
    page = ranked_page(board, page_number)
    if len(board) <= LONGEST_BOARD:
        return BoardPage(page)
    own_index = bisect_left(board, figures.own_row)
    return BoardPage(page, ranked(figures.own_row, board), page_with(own_index))


def ranked_page(board: Sequence[BoardRow], page_number: int) -> Page:
    """Return a page of the board with the rank of each row; raise NoSuchPage."""
    page = paginate(board, page_number)
    return page._replace(items=[ranked(row, board) for row in page.items])


def ranked(row: BoardRow, board: Sequence[BoardRow]) -> RankedRow:
    """Return a row of the board with its rank: how many clubs have more points, and one."""
    first_with_its_points = bisect_left(board, (row.minus_points,))  # which sorts before all rows that begin with it
    return RankedRow(1 + first_with_its_points, row.club, row.points)
