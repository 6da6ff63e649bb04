"""Tables for spreadsheets: what the command `bookings` prints, and organisers download."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO

from ..ledger import Ledger
from ..model import Competition
from ..text import resembling

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # with these a cell begins that spreadsheets carry out

# Tables: iterators over rows, a header first


def table_of(
    ledger: Ledger, competition: str | None = None, totals: str | None = None, places: bool = False
) -> Iterator[tuple]:
    """Return the table that the options of the command `bookings` ask for; raise LookupError as present_name does."""
    if competition is not None:
        competition = present_name(ledger, competition)
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
    for competition, occupancy in ledger.occupancies(ledger.by_start):
        yield competition.name, date_of(competition), competition.places, *occupancy


def totals_of_clubs(ledger: Ledger) -> Iterator[tuple]:
    """Iterate over a row for each club, by name."""
    yield "club", "email address", "points", "spent", "left"
    for club in sorted(ledger.clubs.values(), key=lambda club: (club.folded_name, club.name)):
        spent = ledger.totals.points_spent[club.name]
        yield club.name, club.email, club.points, spent, ledger.totals.points_left(club)


def places_to_fill_in(ledger: Ledger, competitions: Iterable[str]) -> Iterator[tuple]:
    """Iterate over a row for each place that is held, with cells that its club fills in for the meet's software."""
    yield "competition", "date", "club", "last name", "first name", "birth", "category"
    for name in competitions:
        date = date_of(ledger.competitions[name])
        for row in ledger.entry_list(name):
            place = (name, date, row.club, "", "", "", "")
            yield from [place] * row.places


def present_name(ledger: Ledger, name: str) -> str:
    """Return the name that a competition has now; raise LookupError, which names one that resembles it, if none has."""
    known = ledger.competitions_by_any_name.get(name)
    if known:
        return known.name
    similar = resembling(name, ledger.competitions)
    hint = f", did you mean {similar}?" if similar else ""
    raise LookupError(f"There is no competition {name}{hint}")


# Cells


def local_time(moment: datetime) -> str:
    """Return a moment in the server's time zone, with its offset: a time that occurs twice can be told apart."""
    return moment.astimezone().isoformat(" ", "seconds")


def date_of(competition: Competition) -> str:
    """Return a competition's date as its file has it."""
    return competition.starts_at.replace(tzinfo=None).isoformat(" ")


def first_address(ledger: Ledger, club: str) -> str | None:
    """Return the email address that the file names first for a club; None if there is none."""
    known = ledger.clubs.get(club)
    return known.email if known else None


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
