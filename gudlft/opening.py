"""Opening what the settings name: the journal, the ledger and, if addresses are to be proven, the codes."""

import gc
from collections.abc import Mapping
from pathlib import Path

from .accounts import Accounts
from .files import read_data
from .journal import Journal, JournalError, NoJournal
from .journal.revocations import Revocations
from .ledger import Ledger
from .rules import Terms


def open_journal(settings: Mapping) -> Journal:
    """Return the journal; raise JournalError, also if a library for it is missing."""
    if not settings["JOURNAL"]:
        return NoJournal(settings["DATA_DIR"])
    try:
        from .journal.sql import SqlJournal  # brings SQLAlchemy

        return SqlJournal(settings["JOURNAL"], settings["DATA_DIR"])
    except ImportError as error:
        raise JournalError(str(error)) from None


def open_ledger(settings: Mapping, journal: Journal) -> Ledger:
    """Return the ledger with the bookings that the journal has; raise BadFiles or JournalError."""
    clubs, competitions = read_data(Path(settings["DATA_DIR"]))
    terms = Terms(settings["COST_PER_PLACE"], settings["MAX_PLACES_PER_CLUB"])
    gc.disable()  # without garbage collection a million bookings are read in a third less time
    try:
        return Ledger(clubs, competitions, terms, journal)
    finally:
        gc.enable()


def open_mailed_codes(settings: Mapping, accounts: Accounts, revocations: Revocations):
    """Return the codes by mail; None if the email address alone signs in."""
    if settings["MAIL"] is None:
        return None
    from .mail.codes import MailedCodes
    from .mail.outbox import Outbox

    outbox = Outbox(settings["MAIL"], settings["MAIL_FROM"])
    return MailedCodes(settings["SECRET_KEY"], accounts, outbox, revocations)
