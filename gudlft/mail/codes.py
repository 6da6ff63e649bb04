"""Codes that prove an address: derived from a key, so that they are stored nowhere, and mailed to it."""

import hashlib
import hmac
import json
import math
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from ..accounts import Account, Accounts
from ..journal.revocations import CLOCKS_DIFFER, Revocations
from ..limits import RateLimit, TooOften
from ..text import normalize_email, plural
from .outbox import SECONDS_VALID, Outbox

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without I, L, O, 0 and 1, which are easily confused
CODE_LENGTH = 8
PURPOSE = "GUDLFT Registration: code by mail, version 2"  # sets codes apart: the key signs other things too

# How many may be asked for while one is valid. A client who asks for all of an address's keeps no other client out
CODES_FOR_A_CLIENT_AND_ADDRESS = 5
CODES_FOR_AN_ADDRESS = 20
CODES_FOR_A_CLIENT = 20
WRONG_CODES = 5  # after which the right one no longer works


class CodeRequest(NamedTuple):
    """A request for a code: a random id, its moment as Unix time in whole seconds, and the address as it was typed."""

    id: str
    at: int
    address: str

    def is_current(self, now: float) -> bool:
        """Tell whether its code may be used at this moment, a Unix time."""
        age = now - self.at
        return -CLOCKS_DIFFER.total_seconds() <= age <= SECONDS_VALID


class MailedCodes:
    """The codes that clubs ask for. Nothing here tells whether a club has an address: all are treated alike.

    A code that no longer works, because it was used, replaced or guessed at too often, is revoked by its id.
    """

    def __init__(self, key: bytes, accounts: Accounts, outbox: Outbox, revocations: Revocations):
        """Derive the codes from the key, mail them to the accounts, and revoke them when they were used."""
        self._key = key
        self._accounts = accounts
        self.outbox = outbox
        self._revocations = revocations
        self._asked_by_client_for_address = RateLimit(CODES_FOR_A_CLIENT_AND_ADDRESS, SECONDS_VALID)
        self._asked_for_address = RateLimit(CODES_FOR_AN_ADDRESS, SECONDS_VALID)
        self._asked_by_client = RateLimit(CODES_FOR_A_CLIENT, SECONDS_VALID)
        self._wrong = RateLimit(WRONG_CODES, SECONDS_VALID)
        self._count_lock = threading.Lock()  # each request, and each wrong code, is counted before the next is judged

    # Codes that are asked for

    def ask(self, typed: str, client: str, now: datetime, asked_before: CodeRequest | None = None) -> CodeRequest:
        """Mail a code to the club with the address, if there is one; raise TooOften.

        Return what the browser keeps of it, which tells nobody the code or whether the club exists. The code that the
        browser asked for before no longer works.
        """
        self._count_request(normalize_email(typed), client)
        if asked_before:
            self._revocations.revoke(asked_before.id, now)

        request = CodeRequest(secrets.token_urlsafe(12), int(now.timestamp()), typed)
        account = self._accounts.find(typed)
        self.outbox.put(account.address if account else None, code_for(request, self._key))
        return request

    def _count_request(self, address: str, client: str) -> None:
        """Count a request for a code; raise TooOften, and count nothing, if it comes too soon."""
        limits = [
            (self._asked_by_client_for_address, f"{client} {address}"),
            (self._asked_for_address, address),
            (self._asked_by_client, client),
        ]
        with self._count_lock:
            seconds = max(limit.seconds_to_wait(key) for limit, key in limits)
            if seconds:
                minutes = math.ceil(seconds / 60)
                raise TooOften(f"Too many codes. Wait {plural(minutes, 'minute')} and try again", seconds)
            for limit, key in limits:
                limit.count(key)

    # Signing in

    def read_request(self, kept: Mapping) -> CodeRequest | None:
        """Return the request that a session kept; None if there is none, or another version of the app kept it."""
        match kept:
            case {"id": str(id), "at": int(at), "address": str(address)}:
                return CodeRequest(id, at, address)
        return None

    def use(self, request: CodeRequest | None, typed: str, now: datetime) -> Account | None:
        """Return the account that the code signs in, once; None if it signs nobody in. Raise JournalError."""
        if request is None or not request.is_current(now.timestamp()):
            return None
        with self._count_lock:
            is_ended = self._wrong.seconds_to_wait(request.id) > 0
            works = not is_ended and is_right(typed, request, self._key)
            if not works:
                self._wrong.count(request.id)
        if not works:
            if self._wrong.seconds_to_wait(request.id):  # too many were wrong: it ends in all processes
                self._revocations.revoke(request.id, now)
            return None

        account = self._accounts.find(request.address)
        if account and self._revocations.revoke_once(request.id, now):
            return account
        return None


# The code


def code_for(request: CodeRequest, key: bytes) -> str:
    """Return the code of a request as it is shown, like 7QKM-2XPD. Nobody can predict it without the key."""
    facts = json.dumps([PURPOSE, request.id, request.at, normalize_email(request.address)])
    number = int.from_bytes(hmac.digest(key, facts.encode(), hashlib.sha256), "big")
    letters = []
    for _ in range(CODE_LENGTH):
        number, index = divmod(number, len(ALPHABET))  # of so large a number, all are equally likely
        letters.append(ALPHABET[index])

    half = CODE_LENGTH // 2
    return f"{''.join(letters[:half])}-{''.join(letters[half:])}"


def is_right(typed: str, request: CodeRequest, key: bytes) -> bool:
    """Tell whether what was typed is the code of the request; only its letters and digits count, in any case."""
    bare = "".join(filter(str.isalnum, typed)).upper()
    code = code_for(request, key).replace("-", "")
    return hmac.compare_digest(bare.encode(), code.encode())
