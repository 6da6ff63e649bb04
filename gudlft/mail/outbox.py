"""The outbox: mails with codes, sent by a thread of its own, so that no request waits for the mail server."""

import logging
import re
import sched
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from random import SystemRandom

from ..settings import MailServer
from ..text import printable
from .smtp import LONGEST_LINE, MailError, send

MOST_JOBS = 100
DELAY = (1, 5)  # seconds, at random: what a mail costs must not tell whoever asked that a club has the address
TRIES_AT = (0, 3, 20)  # seconds after a mail is due
SECONDS_VALID = 600  # of a code: after that it is not mailed
SECONDS_AT_THE_END = 5  # for what waits when the app ends

SUBJECT = "Your code for GÜDLFT Registration: {code}"
TEXT = """\
Your code for GÜDLFT Registration is

    {code}

It works once, for {minutes} minutes, in the browser that asked for it.

If you did not ask for it, ignore it. Nobody can sign in without it.
"""

log = logging.getLogger("gudlft.mail")


@dataclass
class Job:
    """A code to be mailed to an address."""

    address: str  # "" if nothing is to be sent
    code: str = field(repr=False)
    due_at: float  # by time.monotonic
    tries: int = 0
    mail: bytes = field(default=b"", repr=False)


class Outbox:
    """The jobs of a process, each done by one thread when it is due. The thread starts with the first of them."""

    def __init__(self, server: MailServer, sender: str):
        """Connect to nothing yet."""
        self._server = server
        self._sender = sender
        self._jobs = sched.scheduler(time.monotonic)
        self._changed = threading.Event()  # a job came, or the app ends
        self._last_due_at = 0.0
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # while a job is put

    def put(self, address: str | None, code: str) -> None:
        """Mail a code to an address, a little later; for None wait as long, and send nothing. Too many are dropped."""
        with self._lock:
            if len(self._jobs.queue) >= MOST_JOBS:
                log.warning("mail: too many codes wait, so one that was asked for is not sent")
                return
            moment = time.monotonic() + SystemRandom().uniform(*DELAY)
            # not before the one asked for earlier: of two codes in a mailbox, only the newer one works
            self._last_due_at = max(self._last_due_at, moment)
            self._plan(Job(address or "", code, self._last_due_at))
            if self._thread is None:
                self._start()

    def close(self) -> None:
        """Send what waits, for a few seconds at most; what fails is not tried again."""
        self._is_closing = True
        self._changed.set()
        if self._thread:
            self._thread.join(SECONDS_AT_THE_END)
            if self._thread.is_alive():
                log.error("mail: the app ended before all codes were sent")

    # The thread

    def _start(self) -> None:
        """Start the thread, and another one that waits for the app to end."""
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        threading.Thread(target=self._close_at_the_end, daemon=False).start()

    def _close_at_the_end(self) -> None:
        """Close when the main thread has ended: granian's workers skip atexit, but not this thread."""
        threading.main_thread().join()
        self.close()

    def _work(self) -> None:
        while not self._is_closing:
            seconds_until_next = self._jobs.run(blocking=False)
            self._changed.wait(seconds_until_next)
            self._changed.clear()
        for event in self._jobs.queue:
            self._do(*event.argument)

    # Jobs

    def _plan(self, job: Job) -> None:
        """Let the thread make the next try of a job in time."""
        self._jobs.enterabs(job.due_at + TRIES_AT[job.tries], 0, self._do, (job,))
        self._changed.set()

    def _do(self, job: Job) -> None:
        """Send a mail; if that fails, plan its next try or give it up."""
        if not job.address:
            return
        job.tries += 1
        try:
            if time.monotonic() > job.due_at + SECONDS_VALID:
                raise MailError("its code is too old by now", is_final=True)
            if not job.mail:  # each try sends the same, so that copies can be recognised
                job.mail = bytes(code_mail(self._sender, job.address, job.code))
            send(self._server, self._sender, job.address, job.mail)
        except MailError as error:
            self._put_off(job, error)
        except Exception as error:  # a bug: other mails must still be sent
            self._put_off(job, MailError(type(error).__name__, is_final=True))

    def _put_off(self, job: Job, error: MailError) -> None:
        """Plan the next try of a job, or give it up if none is left or another would be useless."""
        what = printable(without_code(str(error), job.code))[:LONGEST_LINE]
        if error.is_final or self._is_closing or job.tries == len(TRIES_AT):
            log.error("mail: no code can be sent to %s: %s", printable(job.address), what)
        else:
            log.warning("mail: try %d of %d failed: %s", job.tries, len(TRIES_AT), what)
            self._plan(job)


def without_code(text: str, code: str) -> str:
    """Return the text with dots in place of the code: a server may quote what it refuses."""
    return re.sub(code.replace("-", "-?"), "...", text, flags=re.IGNORECASE)


# The mail


def code_mail(sender: str, address: str, code: str) -> EmailMessage:
    """Return the mail that brings a code; raise MailError if an address cannot stand in it."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = mail_address(sender)
    mail["To"] = mail_address(address)
    mail["Subject"] = SUBJECT.format(code=code)
    mail["Date"] = datetime.now(timezone.utc)
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    text = TEXT.format(code=code, minutes=SECONDS_VALID // 60)
    mail.set_content(text, cte="quoted-printable")  # not every server takes 8-bit text
    return mail


def mail_address(text: str) -> Address:
    """Return the address for a mail's header; raise MailError unless the text is exactly one address."""
    try:
        address = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):  # IndexError: an empty part, before Python 3.13
        address = None
    if address is None or address.addr_spec != text:
        raise MailError("mail servers take no such address", is_final=True)
    return address
