"""Whether bookings are taken: what monitors ask."""

from .journal import SECONDS_FOR_A_TRIAL, JournalError
from .ledger import Ledger
from .limits import RateLimit
from .reader import Reader

SECONDS_BETWEEN_TRIES = 1


class Health:
    """Whether bookings are taken: no longer once the journal failed to take one, until it takes one again.

    In between, whoever asks tries the journal, at most once a second: nobody may want to book for hours.
    """

    def __init__(self, ledger: Ledger, reader: Reader):
        """Trust the journal."""
        self._ledger = ledger
        self._reader = reader
        self._failed_after: int | None = None  # how many bookings were taken before one that was not
        self._tries = RateLimit(most=1, seconds=SECONDS_BETWEEN_TRIES)

    def note_failure(self) -> None:
        """Remember that a booking was not taken."""
        self._failed_after = len(self._ledger.entries)

    def problem(self) -> str | None:
        """Say what is wrong with the journal; None if it can be read and takes bookings."""
        try:
            self._reader.catch_up()
        except JournalError:
            return "the journal is away"
        if self._failed_after == len(self._ledger.entries) and not self._can_be_written():
            return "the journal takes no bookings"
        return None

    def _can_be_written(self) -> bool:
        if self._tries.count("journal") > 0:
            return False
        try:
            self._ledger.journal.try_to_write(SECONDS_FOR_A_TRIAL)
        except JournalError:
            return False
        self._failed_after = None
        return True
