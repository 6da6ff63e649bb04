"""Signing in by a mailed code: how often one may be asked for, and which one signs in. Only with GUDLFT_MAIL."""

import secrets
import threading
from collections.abc import Mapping
from datetime import datetime

from .accounts import Account, Accounts
from .codes import SECONDS_VALID, Asking, code_for, is_right
from .journal.revocations import Revocations
from .limits import RateLimit, TooOften
from .mail import Mailer
from .text import comparable

CODES_FOR_AN_ADDRESS = 5
CODES_FOR_A_CLIENT = 20
WRONG_CODES = 5  # after which the right one no longer works


class MailedCodes:
    """The codes that clubs ask for. Nothing here tells whether a club has an address: all are treated alike.

    A code that no longer works, because it was used, replaced or guessed at too often, is revoked by its id.
    """

    def __init__(self, key: bytes, accounts: Accounts, mailer: Mailer, revocations: Revocations):
        """Derive the codes from the key, mail them to the clubs, and revoke them when they were used."""
        self._key = key
        self._accounts = accounts
        self.mailer = mailer
        self._revocations = revocations
        self._asked_for_address = RateLimit(CODES_FOR_AN_ADDRESS, SECONDS_VALID)
        self._asked_by_client = RateLimit(CODES_FOR_A_CLIENT, SECONDS_VALID)
        self._wrong = RateLimit(WRONG_CODES, SECONDS_VALID)
        self._count_lock = threading.Lock()  # each judgement is counted before the next is made

    def check(self) -> str:
        """Say that the mail server takes mail; raise MailError if it does not."""
        return self.mailer.check()

    def ask(self, typed: str, client: str, now: datetime, asked_before: Asking | None = None) -> Asking:
        """Mail a code to the club with the address, if there is one; raise TooOften.

        Return what the browser keeps of it, which tells nobody the code or whether the club exists. The code that the
        browser asked for before no longer works.
        """
        self._count_asking(comparable(typed), client)
        if asked_before:
            self._revocations.revoke(asked_before.id, now)

        asking = Asking(secrets.token_urlsafe(12), int(now.timestamp()), typed)
        account = self._accounts.find(typed)
        self.mailer.send_code(account.address if account else None, code_for(asking, self._key))
        return asking

    def read_asking(self, kept: Mapping) -> Asking | None:
        """Return the asking that a session kept; None if there is none, or another version of the app kept it."""
        kinds = {name: type(value) for name, value in kept.items()}
        return Asking(**kept) if kinds == Asking.__annotations__ else None

    def use(self, asking: Asking | None, typed: str, now: datetime) -> Account | None:
        """Return the account that the code signs in, once; None if it signs nobody in. Raise JournalError."""
        if asking is None or not asking.is_current(now.timestamp()):
            return None
        if not self._judge(typed, asking):
            self._end_after_too_many(asking, now)
            return None

        account = self._accounts.find(asking.address)
        if account is None:
            return None
        is_first_use = self._revocations.revoke_once(asking.id, now)
        return account if is_first_use else None

    def _count_asking(self, address: str, client: str) -> None:
        """Count a request for a code; raise TooOften, and count nothing, if it comes too soon."""
        with self._count_lock:
            seconds = max(
                self._asked_for_address.seconds_to_wait(address),
                self._asked_by_client.seconds_to_wait(client),
            )
            if seconds:
                raise TooOften(seconds)
            self._asked_for_address.count(address)
            self._asked_by_client.count(client)

    def _judge(self, typed: str, asking: Asking) -> bool:
        """Tell whether the code is right, and count it if it is not; after too many wrong ones, none is right."""
        with self._count_lock:
            if self._wrong.seconds_to_wait(asking.id):
                return False
            if is_right(typed, asking, self._key):
                return True
            self._wrong.count(asking.id)
            return False

    def _end_after_too_many(self, asking: Asking, now: datetime) -> None:
        """End the code in all processes if too many wrong ones were tried for it."""
        if self._wrong.seconds_to_wait(asking.id):
            self._revocations.revoke(asking.id, now)
