"""What the command `check` says of the files, the journal and the mail server."""

from collections.abc import Iterator, Mapping

from .journal import JournalError
from .ledger import Ledger
from .opening import Opened
from .pages.calendar import time_zone
from .settings import CONSOLE
from .text import plural


def problems(opened: Opened, settings: Mapping) -> Iterator[str]:
    """Iterate over a line for each thing that does not work: try to write to the journal, and the mail server."""
    if opened.journal.shared:
        try:
            opened.journal.try_to_write()
        except JournalError as error:
            yield f"GUDLFT_JOURNAL: it cannot be written: {error}"
    server = settings["MAIL"]
    if server and server != CONSOLE:
        from .mail.smtp import check_server, what_failed

        try:
            check_server(server, settings["MAIL_FROM"])
        except OSError as error:
            yield f"mail: {server.hostname}: {what_failed(error)}"


def what_is_there(opened: Opened, settings: Mapping) -> Iterator[str]:
    """Iterate over a line for each thing that was read and tried, if nothing was wrong with it."""
    ledger = opened.ledger
    points = sum(club.points for club in ledger.clubs.values())
    places = sum(competition.places for competition in ledger.by_start)
    yield f"data folder: {settings['DATA_DIR']}"
    yield f"time zone: {time_zone()}"
    yield f"clubs.json: {plural(len(ledger.clubs), 'club')}, {plural(points, 'point')}"
    yield f"competitions.json: {plural(len(ledger.by_start), 'competition')}, {plural(places, 'place')}"
    yield f"journal: {state_of_journal(opened, settings)}"
    if settings["MAIL"] == CONSOLE:
        yield "mail: printed to standard error"
    elif settings["MAIL"]:
        yield f"mail: {settings['MAIL'].hostname} takes mail from {settings['MAIL_FROM']}"
    yield from returns_to_come(ledger)


def state_of_journal(opened: Opened, settings: Mapping) -> str:
    """Say what the journal holds, if there is one."""
    if opened.journal.shared:
        entries = opened.ledger.entries
        lines = plural(len(entries), "line") if entries else "new"
        return f"{lines}, and it can be written"
    if settings["JOURNAL"]:
        return "missing, it will be made at the start"
    return "none, a restart resets all bookings"


def returns_to_come(ledger: Ledger) -> Iterator[str]:
    """Iterate over a line for each cancelled competition at which clubs hold places: the next start returns them."""
    for competition, occupancy in ledger.occupancies(ledger.by_start):
        if competition.is_cancelled and occupancy.clubs:
            places = plural(occupancy.booked, "place")
            clubs = plural(occupancy.clubs, "club")
            yield f"{competition.name}: cancelled, {places} of {clubs} would be given back"


def findings(opened: Opened, settings: Mapping) -> Iterator[str]:
    """Iterate over a line for each mismatch, and for each thing that is allowed, and rarely meant."""
    yield from opened.ledger.mismatches()
    for unread in opened.unread_fields:
        yield f"note: {unread}"
    if settings["CONTACT"] is None:
        yield "note: no CONTACT is set"
    if settings["MAIL"] == CONSOLE:
        yield "note: MAIL prints codes to standard error, which is for trying it out alone"
