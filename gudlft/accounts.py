"""Accounts: who may sign in with an email address, and for whom."""

from collections.abc import Iterable
from dataclasses import dataclass

from .model import Club
from .text import normalize_email


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
        self._by_address = {normalize_email(address): Account(address, is_organiser=True) for address in organisers}
        for club in clubs:
            for address in club.emails:
                key = normalize_email(address)
                is_organiser = key in self._by_address
                self._by_address[key] = Account(address, club, is_organiser)  # the club's spelling: mails go there

    def find(self, address: str) -> Account | None:
        """Return the account of an address, whatever its case; None if it has none."""
        return self._by_address.get(normalize_email(address))
