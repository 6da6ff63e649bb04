"""The sign-ins that were ended, so that a copy of their cookie is refused too.

A mailed code that works no longer is kept here too, by its id: `end_unless_ended` lets only one use of it succeed.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from .journal import SECONDS_FOR_A_SIGN_OUT, Journal, JournalError, LastRow, SignOut, Transaction, check_sign_out

SIGN_IN_LASTS = timedelta(hours=8)
CLOCKS_DIFFER = timedelta(minutes=1)  # the most that the clocks of two machines may differ
COOKIE_CAN_LIVE = SIGN_IN_LASTS + CLOCKS_DIFFER
SECONDS_BETWEEN_TRIES = 1

log = logging.getLogger("gudlft.sign_outs")


class SignOuts:
    """The sign-ins that were ended, each kept as long as a copy of its cookie could live. Threads may share it.

    A shared journal tells other processes of them, and tells this one what others ended.
    """

    def __init__(self, journal: Journal):
        """Take over what the journal holds; raise JournalError if it cannot be read."""
        self._journal = journal
        self._writer = LateWriter(journal)
        self._ended: dict[str, datetime] = {}
        self._last: SignOut | None = None  # the last that was taken over
        self._lock = threading.Lock()  # guards the two above, for moments only
        self.catch_up()

    def has_ended(self, sign_in: str) -> bool:
        """Tell whether the sign-in with this id was ended."""
        return sign_in in self._ended

    def end(self, sign_in: str, moment: datetime, journal_is_away: bool = False) -> None:
        """End a sign-in: here at once, and in other processes as soon as the journal takes it.

        Nobody waits for a journal that is known to be away.
        """
        with self._lock:
            self._remember(sign_in, moment)
        if self._journal.shared:
            self._writer.write(sign_in, moment, journal_is_away)

    def end_unless_ended(self, sign_in: str, moment: datetime) -> bool:
        """End a sign-in unless any process has ended it before; return whether this call did. Raise JournalError."""
        if self._journal.shared:
            return self._write_unless_ended(sign_in, moment)
        with self._lock:
            if self.has_ended(sign_in):
                return False
            self._remember(sign_in, moment)
        return True

    def _write_unless_ended(self, sign_in: str, moment: datetime) -> bool:
        """End it in one transaction of the journal, so that no other process ends it in between."""
        with self._writer.turn() as seconds, self._journal.writing(seconds) as transaction:
            self.take_over(transaction)
            if self.has_ended(sign_in):
                return False
            transaction.end_sign_ins({sign_in: moment}, forget_before=moment - COOKIE_CAN_LIVE)
        with self._lock:
            self._remember(sign_in, moment)
        return True

    def catch_up(self) -> None:
        """Take over what other processes wrote; raise JournalError if it cannot be read."""
        if self._journal.shared:
            with self._journal.reading() as transaction:
                self.take_over(transaction)

    def last_row(self) -> LastRow:
        """Return the last row that was taken over, to tell whether the journal has others."""
        return LastRow.of(self._last)

    def take_over(self, transaction: Transaction) -> None:
        """Remember what is new in the journal; raise JournalError if a row cannot be right."""
        sign_outs = self._new_in(transaction)
        for sign_out in sign_outs:
            check_sign_out(sign_out)
        with self._lock:
            for sign_out in sign_outs:
                self._remember(sign_out.sign_in, sign_out.at)
                self._last = sign_out

    def _new_in(self, transaction: Transaction) -> list[SignOut]:
        """Return what follows the last row that was taken over; all rows if the journal has lost that one."""
        last = self._last
        if last:
            sign_outs = transaction.sign_outs(first=last.number)
            if sign_outs[:1] == [last]:
                return sign_outs[1:]
        return transaction.sign_outs(first=1)

    def _remember(self, sign_in: str, ended_at: datetime) -> None:
        """Remember that a sign-in was ended, and forget those whose cookies can no longer live."""
        self._ended[sign_in] = ended_at
        oldest = next(iter(self._ended))
        while self._ended[oldest] < ended_at - COOKIE_CAN_LIVE:
            del self._ended[oldest]
            oldest = next(iter(self._ended))


class LateWriter:
    """A writer of sign-outs to a journal: at once if the journal takes them, and otherwise a little later.

    One thread at a time asks the journal. What the journal does not take is written by a thread in the background: it
    tries once a second, and while it runs, no thread waits for another. What is unwritten at the end of the process is
    lost.
    """

    def __init__(self, journal: Journal):
        """Write to this journal; there is nothing to write yet."""
        self._journal = journal
        self._unwritten: dict[str, datetime] = {}
        self._runs_in_background = False
        self._lock = threading.Lock()  # guards the two above, for moments only
        self._write_lock = threading.Lock()

    def write(self, sign_in: str, moment: datetime, journal_is_away: bool) -> None:
        """Write a sign-out, with all that is unwritten; leave that to the background if the journal is away."""
        with self._lock:
            self._unwritten[sign_in] = moment
        if journal_is_away:
            self._start_background()
            return
        try:
            self._write_all()
        except JournalError as error:
            log.warning("other processes will know of a sign-out later: %s", error)
            self._start_background()

    @contextmanager
    def turn(self) -> Iterator[float]:
        """Wait until no other thread writes, and yield the seconds left for the journal. Raise JournalError."""
        deadline = time.monotonic() + SECONDS_FOR_A_SIGN_OUT
        patience = 0 if self._runs_in_background else SECONDS_FOR_A_SIGN_OUT
        if not self._write_lock.acquire(timeout=patience):
            raise JournalError("another sign-out is still waiting for the journal")
        try:
            yield deadline - time.monotonic()
        finally:
            self._write_lock.release()

    def _write_all(self) -> None:
        """Write what is unwritten, if anything; raise JournalError if the journal does not take it in time."""
        with self.turn() as seconds:
            with self._lock:
                unwritten = dict(self._unwritten)
            if not unwritten:
                return
            with self._journal.writing(seconds) as transaction:
                transaction.end_sign_ins(unwritten, forget_before=min(unwritten.values()) - COOKIE_CAN_LIVE)
            with self._lock:
                for sign_in in unwritten:
                    del self._unwritten[sign_in]

    def _start_background(self) -> None:
        """Start the thread that tries again, unless it runs."""
        with self._lock:
            if self._runs_in_background:
                return
            self._runs_in_background = True
        threading.Thread(target=self._try_until_written, daemon=True).start()

    def _try_until_written(self) -> None:
        """Try once a second until nothing is unwritten; a later sign-out may start such a thread again."""
        while True:
            time.sleep(SECONDS_BETWEEN_TRIES)
            with suppress(JournalError):
                self._write_all()
            with self._lock:
                if not self._unwritten:
                    self._runs_in_background = False
                    return
