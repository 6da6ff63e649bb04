"""Long lists in pages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

ROWS_PER_PAGE = 100


@dataclass(frozen=True)
class Page:
    """The rows of a list that one page shows, and their place among all."""

    rows: Sequence
    number: int
    start: int
    total: int

    @property
    def stop(self) -> int:
        """Return how many rows this page and those before it have."""
        return self.start + len(self.rows)

    @property
    def is_one_of_many(self) -> bool:
        """Tell whether there are other pages."""
        return self.total > ROWS_PER_PAGE


def paginate(items: Sequence, asked: str = "1") -> Page | None:
    """Return the page of a list with the number that was asked for; None where there is none."""
    if not re.fullmatch("[1-9][0-9]{0,5}", asked):
        return None
    number = int(asked)
    start = (number - 1) * ROWS_PER_PAGE
    rows = items[start : start + ROWS_PER_PAGE]
    if start > 0 and not rows:
        return None
    return Page(rows, number, start, len(items))
