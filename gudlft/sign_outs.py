"""Which sign-ins were ended, so that a copy of their cookie is refused too."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from .journal import Journal, JournalError, Transaction, check_sign_out

SIGN_IN_LASTS = timedelta(hours=8)
CLOCKS_DIFFER = timedelta(minutes=1)  # at most, between two machines
COOKIE_CAN_LIVE = SIGN_IN_LASTS + CLOCKS_DIFFER
SECONDS_TO_WRITE = 0.5  # that a sign-out itself waits, for its turn and for the journal; then the background writes it
SECONDS_BETWEEN_TRIES = 1

log = logging.getLogger("gudlft.sign_outs")


class SignOuts:
    """The sign-ins that were ended, as long as a copy of their cookie could live. Threads may share it.

    A journal tells other processes. While it is away or busy one thread at a time tries it, and the others do not wait
    for that: a thread in the background writes what could not be written as soon as it can be. What is still unwritten
    when the process ends is lost.
    """

    def __init__(self, journal: Journal):
        """Take over what the journal holds; raise JournalError where it cannot be read."""
        self._journal = journal
        self._ended: dict[str, datetime] = {}
        self._unwritten: dict[str, datetime] = {}
        self._last_row: tuple = (None, None)  # of the journal's that were taken over: number, time, sign-in
        self._runs_in_background = False
        self._lock = threading.Lock()  # guards the above, for moments only
        self._one_writes = threading.Lock()
        self.catch_up()

    def has_ended(self, sign_in: str) -> bool:
        """Tell whether the sign-in with this id was ended."""
        return sign_in in self._ended

    def catch_up(self) -> None:
        """Take over what other processes wrote; raise JournalError where it cannot be read."""
        if self._journal.shared:
            with self._journal.reading() as transaction:
                self.take_over(transaction)

    def last_row(self) -> tuple[int | None, datetime | None]:
        """Return number and time of the last row that was taken over, to tell whether the journal has others."""
        return self._last_row[:2]

    def take_over(self, transaction: Transaction) -> None:
        """Remember what is new in the journal, or all of it where it lost what was new before."""
        last_number, _ = self.last_row()
        rows = transaction.sign_outs(first=last_number or 1)
        has_lost_rows = last_number is not None and rows[:1] != [self._last_row]
        if has_lost_rows:
            rows = transaction.sign_outs(first=1)
        for row in rows:
            check_sign_out(*row)

        with self._lock:
            for _, ended_at, sign_in in rows:
                self._remember(sign_in, ended_at)
            if rows:
                self._last_row = rows[-1]

    def end(self, sign_in: str, moment: datetime, journal_is_away: bool = False) -> None:
        """End a sign-in, here at once and in other processes as soon as the journal takes it.

        Where the journal is known to be away, nobody waits until that is found out again.
        """
        with self._lock:
            self._remember(sign_in, moment)
            if not self._journal.shared:
                return
            self._unwritten[sign_in] = moment
        if journal_is_away:
            self._write_in_background()
        else:
            self._write_now_or_later()

    def end_first(self, sign_in: str, moment: datetime) -> bool:
        """End it unless it was ended before, in whatever process; return whether it was not. Raise JournalError."""
        if not self._journal.shared:
            with self._lock:
                is_first = sign_in not in self._ended
                self._remember(sign_in, moment)
            return is_first

        with self._turn() as seconds, self._journal.writing(seconds) as transaction:
            self.take_over(transaction)
            if self.has_ended(sign_in):
                return False
            transaction.end_sign_ins({sign_in: moment}, forget_before=moment - COOKIE_CAN_LIVE)
        with self._lock:
            self._remember(sign_in, moment)
        return True

    def _remember(self, sign_in: str, ended_at: datetime) -> None:
        """Remember a sign-out, and forget those whose cookies can no longer live."""
        self._ended[sign_in] = ended_at
        oldest = next(iter(self._ended))
        while self._ended[oldest] < ended_at - COOKIE_CAN_LIVE:
            del self._ended[oldest]
            oldest = next(iter(self._ended))

    def _write_now_or_later(self) -> None:
        """Write what is unwritten, in the background where the journal does not take it at once."""
        try:
            self._write()
        except JournalError as error:
            log.warning("other processes will know of a sign-out later: %s", error)
            self._write_in_background()

    def _write_in_background(self) -> None:
        """Start the thread that writes, unless it runs."""
        with self._lock:
            if not self._runs_in_background:
                self._runs_in_background = True
                threading.Thread(target=self._keep_writing, daemon=True).start()

    def _keep_writing(self) -> None:
        """Try once a second until everything is written."""
        while self._something_is_unwritten():
            time.sleep(SECONDS_BETWEEN_TRIES)
            with suppress(JournalError):
                self._write()

    def _something_is_unwritten(self) -> bool:
        """Tell the background whether to go on; where it need not, a later sign-out may start it again."""
        with self._lock:
            self._runs_in_background = bool(self._unwritten)
            return self._runs_in_background

    def _write(self) -> None:
        """Write what is unwritten; raise JournalError where the journal does not take it in time."""
        with self._turn() as seconds:
            with self._lock:
                unwritten = dict(self._unwritten)
            if unwritten:
                with self._journal.writing(seconds) as transaction:
                    transaction.end_sign_ins(unwritten, forget_before=min(unwritten.values()) - COOKIE_CAN_LIVE)
            with self._lock:
                for sign_in in unwritten:
                    del self._unwritten[sign_in]

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """Let one thread at a time write, and yield the seconds that it has; raise JournalError where it has none."""
        began = time.monotonic()
        patience = 0 if self._runs_in_background else SECONDS_TO_WRITE
        if not self._one_writes.acquire(timeout=patience):
            raise JournalError("another sign-out is still waiting for the journal")
        try:
            yield SECONDS_TO_WRITE - (time.monotonic() - began)
        finally:
            self._one_writes.release()
