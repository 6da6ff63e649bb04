"""The reader: one thread at a time reads what other processes wrote, for all pages that wait for it."""

import threading

from .journal import SECONDS_FOR_ANOTHER_READER, Journal, JournalError
from .ledger import Ledger
from .sign_outs import SignOuts


class Reader:
    """The reader, by which pages take over what other processes wrote. They share readings: that halves a rush's time.

    While the journal is away, one thread at a time tries it, and the others do not wait for it.
    """

    def __init__(self, journal: Journal, ledger: Ledger, sign_outs: SignOuts):
        """Read nothing yet. What the journal has goes to the ledger and the sign-outs."""
        self._journal = journal
        self._ledger = ledger
        self._sign_outs = sign_outs
        self._read_lock = threading.Lock()
        self._begun = 0  # how many readings were begun
        self._last_done = 0  # the number of the last of them that succeeded
        self._is_away = False

    def catch_up(self) -> None:
        """Take over what others wrote before this call; raise JournalError, within about a second, if that fails."""
        if not self._journal.shared:
            return
        reads_before = self._begun
        patience = 0 if self._is_away else SECONDS_FOR_ANOTHER_READER
        if not self._read_lock.acquire(timeout=patience):
            raise JournalError("another page is still waiting for the journal")
        try:
            another_thread_has_read = self._last_done > reads_before  # in a reading that began after this call
            if not another_thread_has_read:
                self._read()
        finally:
            self._read_lock.release()

    def _read(self) -> None:
        """Ask the journal, and take over what is new, if anything."""
        self._begun += 1
        try:
            with self._journal.reading() as transaction:
                if transaction.last_entry != self._ledger.last_row():
                    self._ledger.take_over(transaction)
                if transaction.last_sign_out != self._sign_outs.last_row():
                    self._sign_outs.take_over(transaction)
        except JournalError:
            self._is_away = True
            raise
        self._is_away = False
        self._last_done = self._begun
