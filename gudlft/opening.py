"""Opening what the settings name: everything that a process needs, at once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .accounts import Accounts
from .files import NewerNames, read_data
from .health import Health
from .journal import Journal, JournalError, MissingJournal, NoJournal
from .journal.revocations import Revocations
from .ledger import Ledger
from .reader import Reader
from .rules import Terms

if TYPE_CHECKING:  # else imported only with GUDLFT_MAIL
    from .mail.codes import MailedCodes


@dataclass(frozen=True)
class Opened:
    """Everything that a process opens."""

    journal: Journal
    ledger: Ledger
    accounts: Accounts
    revocations: Revocations
    reader: Reader
    health: Health
    newer_names: NewerNames
    mailed_codes: "MailedCodes | None" = None  # None if the email address alone signs in
    unread_fields: Sequence[str] = ()  # a line for each field of the files that resembles one that is read


def open_all(settings: Mapping, makes_journal: bool = True) -> Opened:
    """Open everything, with the bookings that the journal has; raise BadFiles or JournalError.

    No connection is left open: a server may fork. Whoever only looks makes no journal: a missing one is no journal.
    """
    folder = Path(settings["DATA_DIR"])
    data = read_data(folder)
    terms = Terms(settings["COST_PER_PLACE"], settings["MAX_PLACES_PER_CLUB"])
    journal = open_journal(settings, makes_journal)
    ledger = Ledger(data.clubs, data.competitions, terms, journal)
    if makes_journal:
        with suppress(JournalError):  # then the next booking does it
            ledger.give_back_cancelled()
    revocations = Revocations(journal)
    accounts = Accounts(data.clubs, settings["ORGANISERS"])
    reader = Reader(journal, ledger, revocations)
    journal.close()
    health = Health(ledger, reader)
    newer_names = NewerNames(folder, data)
    codes = open_mailed_codes(settings, accounts, revocations)
    return Opened(journal, ledger, accounts, revocations, reader, health, newer_names, codes, data.unread_fields)


def open_journal(settings: Mapping, makes_journal: bool = True) -> Journal:
    """Return the journal; raise JournalError, also if a library for it is missing."""
    if not settings["JOURNAL"]:
        return NoJournal(settings["DATA_DIR"])
    try:
        from .journal.sql import SqlJournal  # brings SQLAlchemy

        return SqlJournal(settings["JOURNAL"], settings["DATA_DIR"], makes_journal)
    except MissingJournal:
        return NoJournal(settings["DATA_DIR"])
    except ImportError as error:
        raise JournalError(str(error)) from None


def open_mailed_codes(settings: Mapping, accounts: Accounts, revocations: Revocations) -> "MailedCodes | None":
    """Return the codes by mail; None if the email address alone signs in."""
    if settings["MAIL"] is None:
        return None
    from .mail.codes import MailedCodes
    from .mail.outbox import Outbox

    outbox = Outbox(settings["MAIL"], settings["MAIL_FROM"])
    return MailedCodes(settings["SECRET_KEY"], accounts, outbox, revocations)
