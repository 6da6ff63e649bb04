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


def read_page_number(text: str) -> int | None:
    """Return the number of a page, from 1 on; None if the text is no such number."""
    if re.fullmatch("[1-9][0-9]{0,5}", text):
        return int(text)
    return None


def paginate(items: Sequence, number: int) -> Page | None:
    """Return the page of a list with a number; None if there is no such page."""
    start = (number - 1) * ROWS_PER_PAGE
    shown = items[start : start + ROWS_PER_PAGE]
    if start > 0 and not shown:
        return None
    return Page(shown, number, start, len(items))


def page_with(index: int) -> int:
    """Return the number of the page that shows the item at an index."""
    return index // ROWS_PER_PAGE + 1
