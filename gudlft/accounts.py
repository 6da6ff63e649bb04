"""Accounts: who may sign in with an email address, and for whom."""

from collections.abc import Iterable
from dataclasses import dataclass

from .model import Club
from .text import comparable


@dataclass(frozen=True)
class Account:
    """What an address, as the file has it, may sign in for."""

    address: str
    club: Club


class Accounts:
    """The accounts, found by their addresses."""

    def __init__(self, clubs: Iterable[Club]):
        """Make an account of each club's addresses."""
        accounts = [Account(address, club) for club in clubs for address in club.emails]
        self._by_address = {comparable(account.address): account for account in accounts}

    def find(self, address: str) -> Account | None:
        """Return the account of an address, whatever its case; None if it has none."""
        return self._by_address.get(comparable(address))
