"""The journal where none is asked for, and what every journal and its ledger need."""

import os
from contextlib import contextmanager, nullcontext, suppress


class JournalError(Exception):
    """The journal is away or busy with another process; it is certain that nothing was written, or it is not."""

    def __init__(self, reason: str, certain: bool = True, busy: bool = False):
        super().__init__(reason)
        self.certain, self.busy = certain, busy


@contextmanager
def locked(lock, seconds):
    """Hold the lock; raise JournalError where it is not free in time."""
    if not lock.acquire(timeout=seconds):
        raise JournalError("another request is still waiting for the journal")
    try:
        yield
    finally:
        lock.release()


class Memory:
    """The journal where none is asked for: nothing to read, and one process alone may book, which locks the folder."""

    shared = False

    def __init__(self, folder: str | None = None):
        self._folder, self._file = folder, None

    def reading(self):
        """Return a context to read in."""
        return nullcontext(self)

    def writing(self):
        """Lock the folder, where there is one, at the first booking; raise JournalError where another process did."""
        with suppress(ImportError):  # Windows has no fcntl
            import fcntl

            try:
                if self._folder:
                    self._file = self._file or os.open(self._folder, os.O_RDONLY)
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JournalError("another process books: set GUDLFT_JOURNAL, and they share their bookings") from None
        return nullcontext(self)

    def read(self, *_) -> tuple:
        """Return nothing."""
        return ()

    append = close = read
