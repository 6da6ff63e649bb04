"""A journal in lists, which fails wherever a database can, as often as a history wants."""

from contextlib import contextmanager
from enum import Enum

from gudlft.journal import CommitInDoubt, JournalError, Revocation
from tests.support import last_rows_of


class Commit(Enum):
    MADE = "commits"
    REFUSED = "fails in the commit"
    MADE_UNHEARD = "commits, and the connection breaks before it hears of it"
    LOST_UNHEARD = "does not commit, and the connection breaks before it hears of it"
    LATE_UNHEARD = "commits later, and the connection breaks before it hears of it"


class Disk:
    """What all processes share: committed rows, and the lock of the one writer."""

    def __init__(self, entries):
        self.entries = list(entries)
        self.turns = []  # (number of entries, competitions that were cancelled for the process), after each turn
        self.revoked = []
        self.is_locked = False
        self.late = None  # the transaction that its process gave up, but that is yet to be committed

    def commit(self, transaction):
        self.entries.extend(transaction.new_entries)
        self.revoked.extend(transaction.new_revocations)
        if transaction.cancelled is not None:
            self.turns.append((len(self.entries), transaction.cancelled))

    def finish_late_commit(self):
        """Commit the late transaction, if any, for which no process waits any more, and unlock."""
        if self.late:
            self.commit(self.late)
            self.late = None
            self.is_locked = False


class Transaction:
    """A transaction: what a process reads from the disk and, if it is the writer, writes."""

    def __init__(self, journal):
        self._journal = journal
        self._disk = journal.disk
        self.new_entries = []
        self.cancelled = None  # until it is known to be a writer's turn: which competitions are cancelled for it
        self.new_revocations = []
        self._last_rows = last_rows_of(self._disk.entries, self._disk.revoked)

    def last_rows(self):
        return self._last_rows

    def entries(self, first):
        self._journal.pause()
        return [entry for entry in self._disk.entries if entry.number >= first]

    def append(self, entries):
        now = self._journal.history.now
        assert all(entry.at == now for entry in entries), "an order was judged by a clock of another moment"
        self.cancelled = self._journal.process.cancelled
        given_back = [entry for entry in entries if entry.is_of_cancelled]
        self._journal.entries_before = len(self._disk.entries) + len(given_back)
        self._journal.judged_at = now
        self.new_entries.extend(entries)

    def revocations(self, first):
        """Return the revocations from a number on. No history lasts long enough for one to be forgotten."""
        self._journal.pause()
        return [row for row in self._disk.revoked if row.number >= first]

    def revoke(self, revoked, forget_before):
        number = len(self._disk.revoked)
        for id, revoked_at in revoked.items():
            number += 1
            self.new_revocations.append(Revocation(number, revoked_at, id))


class SimulatedJournal:
    """A process's way to the disk. Wherever it waits, other moves of the history may come between."""

    shared = True

    def __init__(self, history, process):
        self.history = history
        self.process = process
        self.disk = history.disk
        self.entries_before = 0  # how many entries there were when this process last judged orders
        self.judged_at = None

    def pause(self):
        """Let others move; the process may be killed meanwhile."""
        self.history.interrupt(self.process)

    def note(self, event):
        self.history.note(self.process, event)

    @contextmanager
    def reading(self):
        self.pause()
        if self.history.fails():
            self.note("cannot read")
            raise JournalError("away")
        yield Transaction(self)

    @contextmanager
    def writing(self, seconds=None):
        self._lock()
        try:
            self.pause()
            transaction = Transaction(self)
            yield transaction
            self.pause()
            self._commit(transaction)
        finally:
            self.disk.is_locked = self.disk.late is not None
        self.pause()

    def _lock(self):
        self.pause()
        if self.history.happens(0.5):
            self.disk.finish_late_commit()
        if self.disk.is_locked or self.history.fails():
            self.note("gets no lock")
            raise JournalError("busy")
        self.disk.is_locked = True

    def _commit(self, transaction):
        end = self.history.end_of_commit()
        self.note(end.value)
        if end is Commit.REFUSED:
            raise JournalError("disk full")
        if end in (Commit.MADE, Commit.MADE_UNHEARD):
            self.disk.commit(transaction)
        if end is Commit.LATE_UNHEARD:
            self.disk.late = transaction
        if end is not Commit.MADE:
            raise CommitInDoubt("connection lost")
