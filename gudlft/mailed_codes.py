"""Signing in by a mailed code: who may ask for one how often, and which one signs in. Only with GUDLFT_MAIL."""

import secrets
import threading
from collections.abc import Mapping
from datetime import datetime

from .codes import SECONDS_VALID, Asking, code_for, is_right
from .limits import RateLimit, TooOften
from .mail import Mailer
from .model import Club, comparable
from .sign_outs import SignOuts

CODES_FOR_AN_ADDRESS = 5
CODES_FOR_A_CLIENT = 20
WRONG_CODES = 5  # end a code


class MailedCodes:
    """The codes that clubs ask for. Nothing here tells whether a club has an address: all go the same way."""

    def __init__(self, key: bytes, clubs_by_email: Mapping[str, Club], mailer: Mailer, sign_outs: SignOuts):
        """Derive codes from the key; end them, once they were used, as sign-ins are ended."""
        self._key = key
        self._clubs_by_email = clubs_by_email
        self.mailer = mailer
        self._sign_outs = sign_outs
        self._asked_for_address = RateLimit(CODES_FOR_AN_ADDRESS, SECONDS_VALID)
        self._asked_by_client = RateLimit(CODES_FOR_A_CLIENT, SECONDS_VALID)
        self._wrong = RateLimit(WRONG_CODES, SECONDS_VALID)
        self._one_counts = threading.Lock()  # what was judged is counted before the next is judged

    def check(self) -> str:
        """Say that the mail server takes mail; raise MailError where it does not."""
        return self.mailer.check()

    def ask(self, typed: str, client: str, now: datetime, asked_before: dict | None = None) -> dict:
        """Let a code be mailed to the club with the address, if there is one; raise TooOften.

        Return what the browser keeps of it, which tells nobody the code or whether the club exists: id, moment and what
        was typed. Of several codes for a browser only the latest works.
        """
        address = comparable(typed)
        self._count_asking(address, client)
        if asked_before:
            self._sign_outs.end(asked_before["id"], now)

        asking = Asking(secrets.token_urlsafe(12), int(now.timestamp()), address)
        club = self._clubs_by_email.get(address)
        self.mailer.send_code(club.email if club else None, code_for(asking, self._key))
        return {"id": asking.id, "at": asking.at, "address": typed}

    def use(self, asked: dict | None, typed: str, now: datetime) -> Club | None:
        """Return the club that the code signs in, once; None where it does not. Raise JournalError."""
        if asked is None:
            return None
        asking = Asking(asked["id"], asked["at"], comparable(asked["address"]))
        if not asking.is_current(now.timestamp()) or self._sign_outs.has_ended(asking.id):
            return None
        if not self._judge(typed, asking):
            self._end_after_too_many(asking, now)
            return None

        club = self._clubs_by_email.get(asking.address)
        if club and self._sign_outs.end_first(asking.id, now):
            return club
        return None

    def _count_asking(self, address: str, client: str) -> None:
        """Count that a code is asked for, unless it is too often: then raise TooOften."""
        with self._one_counts:
            seconds = max(
                self._asked_for_address.seconds_to_wait(address),
                self._asked_by_client.seconds_to_wait(client),
            )
            if seconds:
                raise TooOften(seconds)
            self._asked_for_address.count(address)
            self._asked_by_client.count(client)

    def _judge(self, typed: str, asking: Asking) -> bool:
        """Tell whether the code is right, and count it where it is not; after too many wrong ones none is right."""
        with self._one_counts:
            if self._wrong.seconds_to_wait(asking.id):
                return False
            if is_right(typed, asking, self._key):
                return True
            self._wrong.count(asking.id)
            return False

    def _end_after_too_many(self, asking: Asking, now: datetime) -> None:
        """Let all processes know where too many wrong codes were tried."""
        if self._wrong.seconds_to_wait(asking.id):
            self._sign_outs.end(asking.id, now)
