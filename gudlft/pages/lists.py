"""What the lists on pages show: competitions with their figures, by month, and the rows of the points board."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlencode

from ..ledger import BoardRow, Ledger
from ..model import Club, Competition
from ..rules import Limit, Standing, Status, Terms, booking_status, what_closes
from .pagination import Page, page_with, paginate
from .search import Choice, Show, find, months_of
from .sentences import VIEWS

NEXT_COMPETITIONS = 5  # on the sign-in page
LATEST_PAST = 5  # competitions below a list of upcoming ones
LONGEST_LIST = 10  # most competitions in a list that needs no form to narrow it
MOST_COUNTED = 200  # most competitions of which is counted where a club can book
SHORT_BOARD = 5  # first clubs on a board that is cut short
LONGEST_BOARD = 10  # most clubs on a board that is not cut short


def months_to_choose(competitions: Sequence[Competition], choice: Choice) -> Sequence[str]:
    """Return the months that the form for finding competitions offers; none if the list is too short to need it.

    The list must be sorted by start, soonest first.
    """
    if len(competitions) <= LONGEST_LIST and not choice.is_narrow:
        return ()
    return months_of(competitions, choice.month)


# The programme, for everybody


class PublicRow(NamedTuple):
    """A competition, how many places are left there, and what keeps all clubs from booking them, if anything."""

    competition: Competition
    places_left: int
    limit: Limit | None


@dataclass(frozen=True)
class Programme:
    """Competitions as everybody sees them."""

    page: Page  # of the upcoming ones
    number_of_upcoming: int
    months_to_choose: Sequence[str] = ()
    latest_past: Sequence[Competition] = ()
    number_of_past: int = 0


def next_competitions(ledger: Ledger, now: datetime) -> Programme:
    """Return the few competitions that come next."""
    upcoming = ledger.upcoming(now)
    page = public_page(ledger, upcoming[:NEXT_COMPETITIONS], 1, now)
    return Programme(page, len(upcoming))


def programme_of(ledger: Ledger, choice: Choice, page_number: int, now: datetime) -> Programme:
    """Return the upcoming competitions that match a choice, soonest first; raise NoSuchPage."""
    upcoming = ledger.upcoming(now)
    past = ledger.past(now)
    page = public_page(ledger, find(upcoming, choice), page_number, now)
    return Programme(
        page,
        number_of_upcoming=len(upcoming),
        months_to_choose=months_to_choose(upcoming, choice),
        latest_past=past[:LATEST_PAST],
        number_of_past=len(past),
    )


def public_page(ledger: Ledger, competitions: Sequence[Competition], page_number: int, now: datetime) -> Page:
    """Return a page of competitions with the places left there; raise NoSuchPage."""
    page = paginate(competitions, page_number)
    places_left = ledger.places_left(page.items)
    rows = [public_row(*row, now) for row in zip(page.items, places_left, strict=True)]
    return replace(page, items=rows)


def public_row(competition: Competition, places_left: int, now: datetime) -> PublicRow:
    """Return a competition as everybody sees it."""
    full = None if places_left else Limit.PLACES
    return PublicRow(competition, places_left, what_closes(competition, now) or full)


@dataclass(frozen=True)
class Past:
    """Past competitions, latest first."""

    page: Page  # of competitions or, for a club, of what it held there
    number_of_past: int
    months_to_choose: Sequence[str]


def past_of(ledger: Ledger, club: Club | None, choice: Choice, page_number: int, now: datetime) -> Past:
    """Return the past competitions that match a choice, for a club or for everybody; raise NoSuchPage."""
    past = ledger.past(now)
    page = paginate(find(past, choice), page_number)
    if club:
        standings = ledger.standings(club, page.items)
        page = replace(page, items=statuses_at(page.items, standings, ledger.terms, now))
    return Past(page, len(past), months_to_choose(past[::-1], choice))


# A club's competitions


class View(NamedTuple):
    """A link to all upcoming competitions, or to those where the club can book or holds places."""

    words: str
    query: str  # of its address, with the question mark
    is_current: bool


@dataclass(frozen=True)
class Summary:
    """What a club's summary shows, all of one moment."""

    points_left: int
    page: Page  # of the upcoming competitions, each with what the club can do there
    views: Sequence[View]
    months_to_choose: Sequence[str]
    number_of_upcoming: int
    latest_past: Sequence[Status]
    number_of_past: int
    board: "Board"


def summary_of(ledger: Ledger, club: Club, choice: Choice, page_number: int, now: datetime) -> Summary:
    """Return a club's summary, with a page of the upcoming competitions that match a choice; raise NoSuchPage."""
    upcoming = ledger.upcoming(now)
    past = ledger.past(now)
    latest = past[:LATEST_PAST]
    found = find(upcoming, choice)
    are_counted = len(found) <= MOST_COUNTED
    only_one_page = choice.show is Show.ALL and not are_counted
    looked_at = paginate(found, page_number).items if only_one_page else found

    figures = ledger.figures(club, [*looked_at, *latest])
    statuses = statuses_at(looked_at, figures.standings, ledger.terms, now)
    by_show = {
        Show.ALL: statuses,
        Show.BOOKABLE: [status for status in statuses if status.most],
        Show.MINE: [status for status in statuses if status.standing.places_held],
    }
    if only_one_page:
        page = replace(paginate(found, page_number), items=statuses)
    else:
        page = paginate(by_show[choice.show], page_number)

    months = months_to_choose(upcoming, choice)
    return Summary(
        points_left=figures.points_left,
        page=page,
        views=views_of(choice, by_show if are_counted else {}) if months else (),
        months_to_choose=months,
        number_of_upcoming=len(upcoming),
        latest_past=statuses_at(latest, figures.standings, ledger.terms, now),
        number_of_past=len(past),
        board=short_board(figures.points_board, club, figures.points_left),
    )


def views_of(choice: Choice, counted: Mapping[Show, Sequence]) -> list[View]:
    """Return the links to all, bookable and held competitions, within the name and the month that were chosen."""
    views = []
    for show, words in VIEWS.items():
        if show in counted:
            words = f"{words} {len(counted[show])}"
        fields = replace(choice, show=show).fields()
        query = f"?{urlencode(fields)}" if fields else ""
        views.append(View(words, query, show is choice.show))
    return views


@dataclass(frozen=True)
class Holdings:
    """Where a club holds places, soonest first."""

    page: Page  # of the competitions, each with what the club can do there
    places: int  # in all
    next: Competition | None


def holdings_of(ledger: Ledger, club: Club, page_number: int, now: datetime) -> Holdings:
    """Return where a club holds places at upcoming competitions; raise NoSuchPage."""
    holdings = ledger.holdings(club, now)
    page = paginate(holdings, page_number)
    statuses = [booking_status(holding.competition, holding.standing, ledger.terms, now) for holding in page.items]
    return Holdings(
        page=replace(page, items=statuses),
        places=sum(holding.standing.places_held for holding in holdings),
        next=holdings[0].competition if holdings else None,
    )


def statuses_at(
    competitions: Iterable[Competition], standings: Mapping[str, Standing], terms: Terms, now: datetime
) -> list[Status]:
    """Return what a club can do at competitions, from its standing at each."""
    return [booking_status(competition, standings[competition.name], terms, now) for competition in competitions]


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


@dataclass(frozen=True)
class Board:
    """The points board as a page shows it beside something else: its rows, and how many clubs there are in all."""

    rows: Sequence[RankedRow]
    number_of_clubs: int


def short_board(board: Sequence[BoardRow], club: Club | None = None, points: int = 0) -> Board:
    """Return the first rows of a long board, and a club's own, which it has by its points; all rows of a short one."""
    if len(board) <= LONGEST_BOARD:
        return Board(ranked(board, board), len(board))
    rows = list(board[:SHORT_BOARD])
    if club:
        own = BoardRow.of(club, points)
        if own > rows[-1]:
            rows.append(own)
    return Board(ranked(board, rows), len(board))


@dataclass(frozen=True)
class BoardPage:
    """A page of the whole points board and, of a long one, where the club's own row is."""

    page: Page
    own: RankedRow | None = None
    own_page_number: int = 1


def board_page(ledger: Ledger, club: Club | None, page_number: int) -> BoardPage:
    """Return a page of the points board; raise NoSuchPage."""
    board = ledger.points_board
    points = 0
    if club:
        figures = ledger.figures(club, ())
        board = figures.points_board
        points = figures.points_left
    page = paginate(board, page_number)

    page = replace(page, items=ranked(board, page.items))
    if club is None or len(board) <= LONGEST_BOARD:
        return BoardPage(page)
    row = BoardRow.of(club, points)
    [own] = ranked(board, [row])
    return BoardPage(page, own, page_with(bisect_left(board, row)))


def ranked(board: Sequence[BoardRow], rows: Iterable[BoardRow]) -> list[RankedRow]:
    """Return rows of the board with their ranks."""
    return [RankedRow(rank_of(board, row.points), row.club, row.points) for row in rows]


def rank_of(board: Sequence[BoardRow], points: int) -> int:
    """Return the rank of a club with this many points: how many have more, and one."""
    before_its_equals = ((-points,),)
    return 1 + bisect_left(board, before_its_equals)
