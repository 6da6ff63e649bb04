"""Bookings as CSV, for spreadsheets."""

import sys
from collections.abc import Iterable, Iterator

from ..model import Entry


def bookings_table(entries: Iterable[Entry]) -> Iterator[tuple]:
    """Iterate over the rows of all entries, a header first."""
    yield "number", "time in UTC", "club", "competition", "places", "points"
    for entry in entries:
        moment = f"{entry.at:%Y-%m-%d %H:%M:%S}"
        yield entry.number, moment, entry.club, entry.competition, entry.places, entry.points


def write_csv(rows: Iterable[tuple]) -> None:
    """Write rows to the standard output, in UTF-8 as spreadsheets expect it; no cell can run as a formula."""
    from defusedcsv import csv

    sys.stdout.reconfigure(encoding="utf-8-sig", newline="")  # type: ignore[union-attr]
    csv.writer(sys.stdout).writerows(rows)
