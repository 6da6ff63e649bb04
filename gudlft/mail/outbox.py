"""The outbox: mails with codes, sent by a thread of its own, so that no request waits for the mail server."""

import logging
import sched
import threading
import time
from datetime import datetime, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from random import SystemRandom
from urllib.parse import SplitResult

from ..text import printable
from .smtp import send, what_failed

MOST_JOBS = 100
DELAY = (1, 5)  # seconds, at random: what a mail costs must not tell whoever asked that a club has the address
TRIES_AT = (0, 3, 20)  # seconds after a mail is due
SECONDS_VALID = 600  # of a code
SECONDS_BETWEEN_LOOKS = 0.1  # at what is due
SECONDS_AT_THE_END = 5  # for what waits when the app ends
LONGEST_LINE = 200  # characters of what a server said, in the log

SUBJECT = "Your code for GÜDLFT Registration: {code}"
TEXT = """\
Your code for GÜDLFT Registration is

    {code}

It works once, for {minutes} minutes, in the browser that asked for it.

If you did not ask for it, ignore it. Nobody can sign in without it.
"""

log = logging.getLogger("gudlft.mail")


class Outbox:
    """The mails of a process, each sent by one thread when it is due. The thread starts with the first of them."""

    def __init__(self, server: SplitResult, sender: str):
        """Connect to nothing yet."""
        self._server = server
        self._sender = sender
        self._jobs = sched.scheduler(time.monotonic)
        self._last_due_at = 0.0
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
            self._plan(address, code, [self._last_due_at + seconds for seconds in TRIES_AT])
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=False)
                self._thread.start()

    def _work(self) -> None:
        """Send what is due until the main thread has ended, and then what waits, for a few seconds at most.

        The workers of granian skip atexit, but they wait for a thread that is no daemon.
        """
        main_thread = threading.main_thread()
        while main_thread.is_alive():
            self._jobs.run(blocking=False)
            main_thread.join(SECONDS_BETWEEN_LOOKS)

        until = time.monotonic() + SECONDS_AT_THE_END
        for event in self._jobs.queue:
            if time.monotonic() > until:
                log.error("mail: the app ended before all codes were sent")
                break
            address, code, _ = event.argument
            self._try(address, code, [])

    def _plan(self, address: str | None, code: str, moments: list[float]) -> None:
        """Let the thread try to mail a code at the first of these moments, and at the others while that fails."""
        first, *others = moments
        self._jobs.enterabs(first, 0, self._try, (address, code, others))

    def _try(self, address: str | None, code: str, later: list[float]) -> None:
        """Mail a code; if that fails, plan to try it later, or give it up if that is no more planned."""
        if address is None:
            return
        try:
            send(self._server, address, code_mail(self._sender, address, code))
        except Exception as error:  # a bug of this app, too: other mails must still be sent
            what = what_failed(error).replace(code, "...")[:LONGEST_LINE]  # a server may quote what it refuses
            if later:
                log.warning("mail: a try failed, another follows: %s", what)
                self._plan(address, code, later)
            else:
                log.error("mail: no code can be sent to %s: %s", printable(address), what)


def code_mail(sender: str, address: str, code: str) -> EmailMessage:
    """Return the mail that brings a code."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = address
    mail["Subject"] = SUBJECT.format(code=code)
    mail["Date"] = datetime.now(timezone.utc)
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    text = TEXT.format(code=code, minutes=SECONDS_VALID // 60)
    mail.set_content(text, cte="quoted-printable")  # not every server takes 8-bit text
    return mail
