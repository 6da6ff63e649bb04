"""Revocations: sessions that were ended and codes that were used, so that a copy of either is refused too."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from . import (
    FORGOTTEN_AT_ONCE,
    SECONDS_FOR_A_REVOCATION,
    Journal,
    JournalError,
    Revocation,
    Transaction,
    check_revocation,
)

SESSION_LASTS = timedelta(hours=8)
CLOCKS_DIFFER = timedelta(minutes=1)  # the most that the clocks of two machines may differ
COOKIE_CAN_LIVE = SESSION_LASTS + CLOCKS_DIFFER
SECONDS_BETWEEN_TRIES = 1  # while the journal takes nothing

log = logging.getLogger("gudlft.revocations")


class Revocations:
    """The revoked ids, each kept as long as a copy of its cookie could live. Threads may share them.

    A revocation counts here at once, and in other processes as soon as the journal takes it: at once too, or else it
    stays pending, and pages write it once the journal is back.
    """

    def __init__(self, journal: Journal):
        """Take over what the journal holds; raise JournalError if it cannot be read."""
        self._journal = journal
        self._revoked: OrderedDict[str, datetime] = OrderedDict()  # the times by id, as they came
        self._last: Revocation | None = None  # the last row that was read
        self._pending: dict[str, datetime] = {}  # not in the journal yet
        self._next_try_at = 0.0  # by time.monotonic: later than now if the journal took nothing lately
        self._memory_lock = threading.Lock()  # to change what is revoked, for moments only
        self._write_lock = threading.Lock()  # of the one thread that writes
        with journal.reading() as transaction:
            self.catch_up_with(transaction)

    def is_revoked(self, id: str) -> bool:
        """Tell whether the session or the code was revoked."""
        return id in self._revoked

    def revoke(self, id: str, moment: datetime) -> None:
        """Revoke an id; wait a little for the journal to take it, unless it took nothing lately."""
        is_new = self._remember(id, moment)
        if is_new and self._journal.shared:
            self._pending[id] = moment
        self._write()

    def revoke_once(self, id: str, moment: datetime) -> bool:
        """Revoke an id; return whether no process had revoked it before. Raise JournalError if that is not certain."""
        if not self._journal.shared:
            return self._remember(id, moment)
        with self._turn() as seconds, self._journal.writing(seconds) as transaction:
            self.catch_up_with(transaction)
            if self.is_revoked(id):
                return False
            transaction.revoke({id: moment}, forget_before=moment - COOKIE_CAN_LIVE)
        self._remember(id, moment)
        return True

    # Writing

    def write_pending(self) -> None:
        """Write what the journal did not take before, once a second: every page calls this."""
        if self._pending and not self._write_lock.locked():  # else another thread is at it, and a page waits for none
            self._write()

    def _write(self) -> None:
        """Write what is pending, unless the journal took nothing lately; what it does not take is left to pages."""
        try:
            with self._turn() as seconds:
                pending = dict(self._pending)  # others may come meanwhile
                if not pending or time.monotonic() < self._next_try_at:
                    return
                with self._journal.writing(seconds) as transaction:
                    transaction.revoke(pending, forget_before=min(pending.values()) - COOKIE_CAN_LIVE)
                for id in pending:
                    del self._pending[id]
        except JournalError as error:
            log.warning("other processes will know of a revocation later: %s", error)
            self.put_off()

    def put_off(self) -> None:
        """Leave what is pending to pages for a second: the journal is away."""
        self._next_try_at = time.monotonic() + SECONDS_BETWEEN_TRIES

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """Wait until no other thread writes, and yield the seconds left for the journal; raise JournalError."""
        deadline = time.monotonic() + SECONDS_FOR_A_REVOCATION
        if not self._write_lock.acquire(timeout=SECONDS_FOR_A_REVOCATION):
            raise JournalError("another revocation is still waiting for the journal")
        try:
            yield deadline - time.monotonic()
        finally:
            self._write_lock.release()

    # Reading

    def last_row(self) -> tuple:
        """Return number and time of the last row that was read, to tell whether the journal has others."""
        return (self._last.number, self._last.at) if self._last else (None, None)

    def catch_up_with(self, transaction: Transaction) -> None:
        """Remember what is new in the journal; raise JournalError if a row cannot be right."""
        last = self._last
        rows = transaction.revocations(first=last.number if last else 1)
        if last and rows[:1] != [last]:  # the journal has lost that row, and others may have its number
            rows = transaction.revocations(first=1)
        for row in rows:
            check_revocation(row)
        for row in rows:  # only if all of them can be right
            self._remember(row.id, row.at)
        self._last = rows[-1] if rows else None

    # Memory

    def _remember(self, id: str, moment: datetime) -> bool:
        """Remember an id, and forget up to two whose cookies can no longer live; return whether the id is new."""
        with self._memory_lock:
            if id in self._revoked:
                return False
            self._revoked[id] = moment
            for _ in range(FORGOTTEN_AT_ONCE):
                oldest = next(iter(self._revoked))
                if self._revoked[oldest] < moment - COOKIE_CAN_LIVE:
                    del self._revoked[oldest]
            return True
