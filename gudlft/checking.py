"""What the command `check` says of the files, the journal and the mail server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .journal import JournalError
from .ledger import Ledger
from .opening import Opened
from .pages.calendar import time_zone
from .settings import CONSOLE
from .text import plural


@dataclass
class Report:
    """A line for each thing that is there, for each that is rarely meant, and for each that does not work."""

    lines: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def check_all(opened: Opened, settings: Mapping) -> Report:
    """Return what there is to say; change nothing."""
    report = Report(what_was_read(opened.ledger, settings["DATA_DIR"]))
    check_journal(opened, settings, report)
    check_mail(settings, report)
    report.lines += returns_to_come(opened.ledger)
    report.findings += opened.ledger.mismatches()
    report.findings += [f"note: {note}" for note in notes(opened, settings)]
    return report


def what_was_read(ledger: Ledger, folder: str) -> list[str]:
    """Return where the data files lie, what they hold, and in which time zone their dates are."""
    points = sum(club.points for club in ledger.clubs.values())
    places = sum(competition.places for competition in ledger.by_start)
    return [
        f"data folder: {folder}",
        f"time zone: {time_zone()}",
        f"clubs.json: {plural(len(ledger.clubs), 'club')}, {plural(points, 'point')}",
        f"competitions.json: {plural(len(ledger.by_start), 'competition')}, {plural(places, 'place')}",
    ]


def check_journal(opened: Opened, settings: Mapping, report: Report) -> None:
    """Report what the journal holds, and whether it can be written."""
    if not opened.journal.shared:
        why = "missing, it will be made at the start" if settings["JOURNAL"] else "none, a restart resets all bookings"
        report.lines.append(f"journal: {why}")
        return

    entries = opened.ledger.entries
    lines = plural(len(entries), "line") if entries else "new"
    report.lines.append(f"journal: {lines}")
    try:
        opened.journal.try_to_write()
        report.lines[-1] += ", and it can be written"
    except JournalError as error:
        report.problems.append(f"GUDLFT_JOURNAL: it cannot be written: {error}")


def check_mail(settings: Mapping, report: Report) -> None:
    """Report whether the mail server, if there is one, takes mail."""
    if settings["MAIL"] is None:
        return
    from .mail.smtp import MailError, check_server

    try:
        report.lines.append(check_server(settings["MAIL"], settings["MAIL_FROM"]))
    except MailError as error:
        report.problems.append(str(error))


def returns_to_come(ledger: Ledger) -> Iterator[str]:
    """Iterate over a line for each cancelled competition at which clubs hold places: the next start returns them."""
    cancelled = [competition for competition in ledger.by_start if competition.is_cancelled]
    for competition, occupancy in zip(cancelled, ledger.occupancies(cancelled), strict=True):
        if occupancy.clubs:
            places = plural(occupancy.booked, "place")
            clubs = plural(occupancy.clubs, "club")
            yield f"{competition.name}: cancelled, {places} of {clubs} would be given back"


def notes(opened: Opened, settings: Mapping) -> Iterator[str]:
    """Iterate over what is allowed, and rarely meant."""
    yield from opened.unread_fields
    if settings["CONTACT"] is None:
        yield "no CONTACT is set"
    if settings["MAIL"] is CONSOLE:
        yield "MAIL prints codes to standard error, which is for trying it out alone"
