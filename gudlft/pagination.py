"""Splitting long lists into pages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

ROWS_PER_PAGE = 100


@dataclass(frozen=True)
class Page:
    """The items of a list that one page shows, and their place among all."""

    items: Sequence
    number: int
    start: int
    total: int

    @property
    def stop(self) -> int:
        """Return how many items this page and those before it show."""
        return self.start + len(self.items)

    @property
    def is_one_of_many(self) -> bool:
        """Tell whether there are other pages."""
        return self.total > ROWS_PER_PAGE


def paginate(items: Sequence, asked: str = "1") -> Page | None:
    """Return the page of a list with the number that was asked for; None if there is none."""
    if not re.fullmatch("[1-9][0-9]{0,5}", asked):
        return None
    number = int(asked)
    start = (number - 1) * ROWS_PER_PAGE
    shown = items[start : start + ROWS_PER_PAGE]
    if start > 0 and not shown:
        return None
    return Page(shown, number, start, len(items))


def page_with(index: int) -> int:
    """Return the number of the page that shows the item at an index."""
    return index // ROWS_PER_PAGE + 1
