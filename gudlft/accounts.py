"""Accounts: who may sign in with an email address, and for whom."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .model import Club
from .text import comparable


@dataclass(frozen=True)
class Account:
    """What an address, as files and settings have it, may sign in for: a club, the organiser's pages, or both."""

    address: str
    club: Club | None = None
    is_organiser: bool = False

    @property
    def name(self) -> str:
        """Return whom pages and log lines name: the club or, where there is none, the address."""
        return self.club.name if self.club else self.address


class Accounts:
    """The accounts, found by their addresses. A club may have several, and an organiser's may be a club's too."""

    def __init__(self, clubs: Iterable[Club], organisers: Iterable[str] = ()):
        """Make an account of each address."""
        accounts = [Account(address, club) for club in clubs for address in club.emails]
        self._by_address = {comparable(account.address): account for account in accounts}
        for address in organisers:
            account = self.find(address) or Account(address)
            self._by_address[comparable(address)] = replace(account, is_organiser=True)

    def find(self, address: str) -> Account | None:
        """Return the account of an address, whatever its case; None if it has none."""
        return self._by_address.get(comparable(address))
