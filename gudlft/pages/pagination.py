"""Splitting long lists into pages."""

import re
from collections.abc import Sequence
from typing import NamedTuple

ROWS_PER_PAGE = 100


class NoSuchPage(Exception):
    """A list has no page of this number."""


class Page(NamedTuple):
    """The items of a list that one page shows, and their place among all."""

    items: Sequence
    number: int
    start: int
    total: int


def read_page_number(text: str) -> int:
    """Return the number of a page, from 1 on; raise NoSuchPage if the text is no such number."""
    if not re.fullmatch("[1-9][0-9]{0,5}", text):
        raise NoSuchPage
    return int(text)


def paginate(items: Sequence, number: int) -> Page:
    """Return the page of a list with a number; an empty list has one page. Raise NoSuchPage."""
    start = (number - 1) * ROWS_PER_PAGE
    shown = items[start : start + ROWS_PER_PAGE]
    if start > 0 and not shown:
        raise NoSuchPage
    return Page(shown, number, start, len(items))
