"""What the organiser's pages show. Imported only with GUDLFT_ORGANISERS."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from ..ledger import Ledger
from ..model import Competition
from ..rules import Limit
from ..totals import Occupancy
from .lists import public_row
from .pagination import Page, paginate


class Row(NamedTuple):
    """A competition, how full it is, and what keeps all clubs from booking there, if anything."""

    competition: Competition
    occupancy: Occupancy
    limit: Limit | None


@dataclass(frozen=True)
class Overview:
    """How full the upcoming or the past competitions are."""

    is_past: bool
    page: Page  # of rows
    booked: int  # at all of them
    places: int
    number_of_past: int


def overview_of(ledger: Ledger, is_past: bool, page_number: int, now: datetime) -> Overview:
    """Return how full the upcoming competitions are, soonest first, or the past ones; raise NoSuchPage."""
    past = ledger.past(now)
    competitions = past if is_past else ledger.upcoming(now)
    page = paginate(competitions, page_number)
    return Overview(
        is_past=is_past,
        page=replace(page, items=rows_of(ledger, page.items, now)),
        booked=ledger.places_booked(competitions),
        places=sum(competition.places for competition in competitions),
        number_of_past=len(past),
    )


def rows_of(ledger: Ledger, competitions: Sequence[Competition], now: datetime) -> list[Row]:
    """Return how full competitions are."""
    occupancies = ledger.occupancies(competitions)
    return [
        Row(competition, occupancy, public_row(competition, occupancy.left, now).limit)
        for competition, occupancy in zip(competitions, occupancies, strict=True)
    ]
