"""Codes by mail: a queue and a thread that empties it. Imported only with GUDLFT_MAIL."""

import logging
import os
import ssl
import threading
import time
from dataclasses import dataclass, field

from .codes import SECONDS_VALID, code_mail
from .mail_server import MailError, MailServer, check_server, connected, is_final, one_line, reason, without_code


@dataclass(eq=False)
class Job:
    """A code that was asked for; it is mailed to nobody if no club has the address."""

    address: str | None
    code: str = field(repr=False)
    asked_at: float  # by time.monotonic, like the next two
    due_at: float
    first_tried_at: float | None = None
    tries: int = 0
    mail: bytes = field(default=b"", repr=False)


class Outbox:
    """The jobs of one process, up to a maximum; each stays until it is finished."""

    def __init__(self, most: int):
        self.jobs: list[Job] = []
        self.closing = False
        self.thread: threading.Thread | None = None
        self.changed = threading.Condition()  # guards the three above, only for moments
        self._most = most

    def put(self, job: Job) -> bool:
        """Take a job; return False if there are too many, or the outbox is closing."""
        with self.changed:
            if self.closing or len(self.jobs) >= self._most:
                return False
            self.jobs.append(job)
            self.changed.notify_all()
            return True

    def next_due(self) -> Job | None:
        """Wait for a job that is due, the least tried first; return None once the outbox is closing and empty."""
        with self.changed:
            while self.jobs or not self.closing:
                now = time.monotonic()
                due = [job for job in self.jobs if self.closing or job.due_at <= now]
                if due:
                    return min(due, key=lambda job: (job.tries, job.due_at))
                first_at = min((job.due_at for job in self.jobs), default=None)
                self.changed.wait(None if first_at is None else first_at - now)
            return None

    def finish(self, job: Job) -> None:
        """Remove a job."""
        with self.changed:
            self.jobs.remove(job)

    def close(self) -> None:
        """Take no more jobs, and make all that wait due at once."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()


class Mailer:
    """Mails codes from a thread of its own, so that no request waits for the mail server.

    A thread does not survive a fork: each process starts its own with its first job. All times are in seconds.
    """

    most_jobs = 100
    delay = 1.0  # a thread that works at once would slow down the request, and so tell that the club exists
    tries_at = (0.0, 3.0, 20.0)  # after the first try began
    seconds_a_try = 8.0
    seconds_at_the_end = 5.0

    def __init__(
        self,
        server: MailServer,
        sender: str,
        context: ssl.SSLContext | None = None,
        logger: logging.Logger | None = None,
    ):
        """Connect to nothing yet. Certificates are verified as usual if no context is given."""
        self.server = server
        self.sender = sender
        self._context = context or ssl.create_default_context()
        self._logger = logger or logging.getLogger(__name__)
        self._outboxes: dict[int, Outbox] = {}  # by process

    def send_code(self, address: str | None, code: str) -> None:
        """Queue a mail with a code to a club's address; None queues one that is sent to nobody.

        If too many wait it is dropped, and only the log says so.
        """
        now = time.monotonic()
        outbox = self._outbox()
        if outbox.put(Job(address, code, asked_at=now, due_at=now + self.delay)):
            self._start_thread(outbox)
        else:
            self._logger.warning("mail: too many codes wait, so one that was asked for is not sent")

    def check(self) -> str:
        """Say that the server takes mail from the sender; raise MailError if it does not."""
        return check_server(self.server, self.sender, self._context, self.seconds_a_try)

    def waiting(self) -> int:
        """Return how many codes wait in this process, including those for nobody."""
        return len(self._outbox().jobs)

    def close(self) -> None:
        """Take no more jobs, and send what waits, for a few seconds at most."""
        outbox = self._outbox()
        outbox.close()
        if outbox.thread:
            outbox.thread.join(self.seconds_at_the_end)
        if any(job.address for job in outbox.jobs):
            self._logger.error("mail: the app ended before all codes were sent")

    def _outbox(self) -> Outbox:
        return self._outboxes.setdefault(os.getpid(), Outbox(self.most_jobs))

    def _start_thread(self, outbox: Outbox) -> None:
        """Start the thread at the first job, and another one that waits for the app to end."""
        with outbox.changed:
            if outbox.thread is None:
                threading.Thread(target=self._close_at_the_end, daemon=False).start()
                thread = threading.Thread(target=self._work, args=[outbox], daemon=True)
                thread.start()
                outbox.thread = thread

    def _close_at_the_end(self) -> None:
        """Close when the main thread has ended: granian's workers skip atexit, but not this thread."""
        threading.main_thread().join()
        self.close()

    def _work(self, outbox: Outbox) -> None:
        while job := outbox.next_due():
            self._carry_out(job, outbox)

    def _carry_out(self, job: Job, outbox: Outbox) -> None:
        """Send the mail of a job; if that fails, plan its next try or give it up."""
        try:
            if job.address:
                self._send(job)
        except Exception as error:  # whatever it is, other mails must still be sent
            self._put_off(job, error, outbox)
        else:
            outbox.finish(job)

    def _send(self, job: Job) -> None:
        """Hand the mail over; raise an error that says why that failed."""
        job.tries += 1
        now = time.monotonic()
        if job.first_tried_at is None:
            job.first_tried_at = now
        if now > job.asked_at + SECONDS_VALID:
            raise MailError("its code is too old by now")

        if not job.mail:  # each try sends the same, so that copies can be recognised
            job.mail = bytes(code_mail(self.sender, job.address, job.code))
        with connected(self.server, self._context, self.seconds_a_try) as connection:
            connection.sendmail(self.sender, [job.address], job.mail)

    def _put_off(self, job: Job, error: Exception, outbox: Outbox) -> None:
        """Plan the next try of a job, or give it up if none is left or another would be useless."""
        what = one_line(without_code(reason(error), job.code))
        if outbox.closing or is_final(error) or job.tries == len(self.tries_at):
            outbox.finish(job)
            self._logger.error("mail: no code can be sent to %s: %s", one_line(job.address), what)
        else:
            job.due_at = job.first_tried_at + self.tries_at[job.tries]
            self._logger.warning("mail: try %d of %d failed: %s", job.tries, len(self.tries_at), what)
