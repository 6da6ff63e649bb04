"""What the organiser's pages show. Imported only with GUDLFT_ORGANISERS."""

from datetime import datetime
from typing import NamedTuple

from ..ledger import Ledger
from .lists import public_page
from .pagination import Page


class Overview(NamedTuple):
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
    return Overview(
        is_past=is_past,
        page=public_page(ledger, competitions, page_number, now),
        booked=sum(occupancy.booked for occupancy in ledger.occupancies(competitions)),
        places=sum(competition.places for competition in competitions),
        number_of_past=len(past),
    )
