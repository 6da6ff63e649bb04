"""Splitting long lists into pages."""

import re
from collections.abc import Sequence
from typing import NamedTuple

ROWS_PER_PAGE = 100


class Page(NamedTuple):
    """The items of a list that one page shows, and their place among all."""

    items: Sequence
    number: int
    start: int
    total: int

    @property
    def is_one_of_many(self) -> bool:
        """Tell whether there are other pages."""
        return len(self.items) < self.total


def read_page_number(text: str) -> int:
    """Return the number of a page, from 1 on; a text that is no such number counts as absent."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,5}", text) else 1


def paginate(items: Sequence, number: int) -> Page:
    """Return the page of a list with a number, or the last one; an empty list has one page."""
    last = 1 + max(0, len(items) - 1) // ROWS_PER_PAGE
    shown_number = min(number, last)
    start = (shown_number - 1) * ROWS_PER_PAGE
    return Page(items[start : start + ROWS_PER_PAGE], shown_number, start, len(items))
