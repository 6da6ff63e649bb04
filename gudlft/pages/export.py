"""Tables for spreadsheets: what the command `bookings` prints, and organisers download."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO

from ..ledger import Ledger
from ..text import resembling

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # with these a cell begins that spreadsheets carry out
TO_FILL_IN = ("last name", "first name", "birth", "category")

# Tables: iterators over rows, a header first


def table_of(
    ledger: Ledger, competition: str | None = None, totals: str | None = None, places: bool = False
) -> Iterator[tuple]:
    """Return the table that the options of the command `bookings` ask for."""
    if totals == "competitions":
        return totals_of_competitions(ledger)
    if totals == "clubs":
        return totals_of_clubs(ledger)
    if places:
        return places_to_fill_in(ledger, [competition] if competition else ledger.competitions)
    if competition:
        return entry_list(ledger, competition)
    return all_bookings(ledger)


def all_bookings(ledger: Ledger) -> Iterator[tuple]:
    """Iterate over a row for each booking and return, oldest first."""
    yield "number", "time", "club", "competition", "places", "points"
    for entry in ledger.entries:
        yield entry.number, local_time(entry.at), entry.club, entry.competition, entry.places, entry.points


def entry_list(ledger: Ledger, competition: str) -> Iterator[tuple]:
    """Iterate over a row for each club that holds places at a competition, by name."""
    yield "club", "email address", "places", "first booked", "last change"
    for club, places, first_booked, last_change in ledger.entry_list(competition):
        yield club, first_address(ledger, club), places, local_time(first_booked), local_time(last_change)


def totals_of_competitions(ledger: Ledger) -> Iterator[tuple]:
    """Iterate over a row for each competition, soonest first."""
    yield "competition", "date", "places", "booked", "left", "clubs"
    competitions = ledger.by_start
    for competition, occupancy in zip(competitions, ledger.occupancies(competitions), strict=True):
        yield competition.name, date_of(ledger, competition.name), competition.places, *occupancy


def totals_of_clubs(ledger: Ledger) -> Iterator[tuple]:
    """Iterate over a row for each club, by name."""
    yield "club", "email address", "points", "spent", "left"
    for club in sorted(ledger.clubs.values(), key=lambda club: (club.folded_name, club.name)):
        spent = ledger.totals.points_spent[club.name]
        yield club.name, first_address(ledger, club.name), club.points, spent, ledger.totals.points_left(club)


def places_to_fill_in(ledger: Ledger, competitions: Iterable[str]) -> Iterator[tuple]:
    """Iterate over a row for each place that is held, with cells that its club fills in for the meet's software."""
    yield "competition", "date", "club", *TO_FILL_IN
    for competition in competitions:
        for row in ledger.entry_list(competition):
            place = (competition, date_of(ledger, competition), row.club, *[""] * len(TO_FILL_IN))
            yield from [place] * row.places


def present_name(ledger: Ledger, competition: str) -> str:
    """Return the name that a competition has now; raise LookupError, which names what resembles it, if there is none.

    The journal may hold bookings of a competition that the file no longer names.
    """
    known = ledger.competitions_by_any_name.get(competition)
    if known:
        return known.name
    names = ledger.competitions.keys() | ledger.totals.places_sold.keys()
    if competition in names:
        return competition
    similar = resembling(competition, sorted(names))
    hint = f", did you mean {similar}?" if similar else ""
    raise LookupError(f"There is no competition {competition}{hint}")


# Cells


def local_time(moment: datetime) -> str:
    """Return a moment in the server's time zone, with its offset: a time that occurs twice can be told apart."""
    return moment.astimezone().isoformat(" ", "seconds")


def date_of(ledger: Ledger, competition: str) -> str:
    """Return a competition's date as its file has it; nothing if the file no longer names it."""
    known = ledger.competitions.get(competition)
    return known.starts_at.replace(tzinfo=None).isoformat(" ") if known else ""


def first_address(ledger: Ledger, club: str) -> str:
    """Return the email address that the file names first for a club; nothing if there is none."""
    known = ledger.clubs.get(club)
    if known is None or known.email is None:
        return ""
    return known.email


def defused(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(cell, str) and cell.startswith(FORMULAS):
        return f"'{cell}"
    return cell


# Files


def csv_file(rows: Iterable[tuple], delimiter: str = ",") -> bytes:
    """Return rows as a CSV file in UTF-8, with the byte order mark that spreadsheets expect."""
    file = StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows([defused(cell) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")
