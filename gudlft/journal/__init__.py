"""What a journal and its transactions must do, how a journal fails, and the journal of an app that keeps none."""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import NamedTuple, Protocol

from ..model import Entry

# How long anybody waits: a page 1 second in all, an order 6, a revocation half a second
SECONDS_FOR_ANOTHER_READER = 0.5  # a page waits for this first,
SECONDS_FOR_A_PAGE = 0.5  # then for the journal
SECONDS_FOR_A_TURN = 1  # an order waits so long for another thread's turn to end,
SECONDS_FOR_BOOKINGS = 4  # then, in its own turn, for the journal
SECONDS_FOR_A_REVOCATION = 0.5  # for other threads and the journal
SECONDS_FOR_A_TRIAL = 0.25  # a monitor waits so long for the journal, after a page's time

FORGOTTEN_AT_ONCE = 2  # for each revocation that comes: their number falls, and nobody waits for many at once
LARGEST_IN_A_ROW = 1_000_000_000  # in a row of the journal: fits an INTEGER of any database, with room for more rows


class JournalError(Exception):
    """The journal is away, busy or wrong. Nothing was written, unless this is a CommitInDoubt."""


class CommitInDoubt(JournalError):
    """Nobody knows whether a commit was made: the connection broke meanwhile, or it takes too long."""


class AnotherProcessBooks(JournalError):
    """Nothing is kept, and another process takes the bookings, so this one cannot."""


class MissingJournal(JournalError):
    """There is no journal yet, and nobody asked for one to be made."""


# What a journal must do


class Revocation(NamedTuple):
    """A row that tells of a revoked session or code, by its id. The time is in UTC."""

    number: int
    at: datetime
    id: str


class Transaction:
    """What a process reads while others may write, or the transaction of the one writer of all processes.

    No snapshot: each call sees what was committed before it. That is enough, as new rows always stand behind the last.
    This one has nothing to read, and keeps nothing.
    """

    def last_rows(self) -> Sequence:
        """Return number and time of the last entry, and of the last revocation: others show that something is new."""
        return ()

    def entries(self, first: int) -> Iterable[Entry]:
        """Return the entries from a number on, in order."""
        return []

    def revocations(self, first: int) -> list[Revocation]:
        """Return the revocations from a number on, in order."""
        return []

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries."""

    def revoke(self, revoked: Mapping[str, datetime], forget_before: datetime) -> None:
        """Add revocations, by id; for each, forget up to two of the oldest if they are from before a moment."""


class Journal(Protocol):
    """Where bookings and revocations are kept. Unless shared, it is never read, and one process writes to it."""

    shared: bool  # among processes: each catches up with what the others wrote

    def reading(self) -> AbstractContextManager[Transaction]:
        """Yield what reads; raise JournalError soon if the journal is away or busy."""

    def writing(self, seconds: float = SECONDS_FOR_BOOKINGS) -> AbstractContextManager[Transaction]:
        """Yield the transaction of the one writer, which is durable when the block has ended, and undone if it raises.

        Raise JournalError if nothing was written in time, CommitInDoubt if that is not certain.
        """

    def try_to_write(self, seconds: float = SECONDS_FOR_BOOKINGS) -> None:
        """Do what a booking does, and undo it; raise JournalError if that fails, or takes too long."""

    def close(self) -> None:
        """Close all that is open and must not be forked; it opens again when it is needed."""


# What a row must be


def checked_entries(entries: Iterable[Entry], first: int) -> Iterator[Entry]:
    """Iterate over entries whose numbers grow from the first possible one on; raise JournalError if one is wrong."""
    least = max(first, 1)
    for entry in entries:
        if not (can_be_right(entry) and entry.number >= least):
            raise JournalError(f"booking {entry.number} cannot be right, where {least} may come next: {tuple(entry)}")
        least = entry.number + 1
        yield entry


def can_be_right(entry: Entry) -> bool:
    """Tell whether a row can tell of a booking or a return."""
    if not (is_figure(entry.number) and is_figure(entry.places) and is_figure(entry.points)):
        return False
    is_booking = entry.places > 0 and entry.points > 0
    is_return = entry.places < 0 and entry.points <= 0  # 0 where rows were edited by hand, and paid too little
    has_names = is_name(entry.club) and is_name(entry.competition)
    return isinstance(entry.at, datetime) and has_names and (is_booking or is_return)


def check_revocation(revocation: Revocation) -> None:
    """Raise JournalError unless the row can tell of a revoked session or code."""
    number, at, id = revocation
    if not (is_figure(number) and isinstance(at, datetime) and is_name(id)):
        raise JournalError(f"revocation {number} cannot be right: it lacks its time or its id")


def is_figure(value: object) -> bool:
    """Tell whether the value is a whole number that is not absurdly large."""
    return type(value) is int and -LARGEST_IN_A_ROW <= value <= LARGEST_IN_A_ROW


def is_name(value: object) -> bool:
    """Tell whether the value can be a name."""
    return isinstance(value, str) and value != ""


# The journal of an app that keeps none


class NoJournal:
    """A journal that keeps nothing. Only one process may book then: the first that tries to locks the data folder."""

    shared = False

    def __init__(self, folder: str | None = None):
        """Lock nothing yet. The folder is the one to lock for bookings; without one, none is locked."""
        self._folder = folder
        self._descriptor: int | None = None
        self._lock = threading.Lock()  # a trial must not meet the lock of a booking

    def reading(self) -> AbstractContextManager[Transaction]:
        """Yield what has nothing to read."""
        return nullcontext(Transaction())

    def writing(self, seconds: float = SECONDS_FOR_BOOKINGS) -> AbstractContextManager[Transaction]:
        """Yield the transaction of the one writer; raise AnotherProcessBooks if another process is the writer."""
        self.try_to_write()
        return nullcontext(Transaction())

    def try_to_write(self, seconds: float = SECONDS_FOR_BOOKINGS) -> None:
        """Raise AnotherProcessBooks if another process is the writer; else be it from now on."""
        with self._lock:
            if self._folder and self._descriptor is None:
                self._descriptor = lock_folder(self._folder)

    def close(self) -> None:
        """Unlock the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_folder(folder: str) -> int | None:
    """Lock the folder for this process, if it can be locked; return its descriptor, None on Windows.

    Raise AnotherProcessBooks if another process has locked it, JournalError if it cannot be read.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise JournalError(f"{folder} cannot be locked: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AnotherProcessBooks("another process books: set GUDLFT_JOURNAL, and they share their bookings") from None
    except OSError:  # a file system without locks
        pass
    return descriptor
