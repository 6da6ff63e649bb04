"""The totals that follow from the ledger's entries."""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .model import Club, Competition, Entry, FormKey, Order
from .rules import Standing, Terms


class Held(NamedTuple):
    """What a club holds at a competition."""

    places: int = 0
    points_paid: int = 0


@dataclass
class Totals:
    """What follows from the entries. Totals change in one method, and can be computed anew from the entries."""

    points_spent: MutableMapping[str, int] = field(default_factory=dict)  # by club
    places_sold: MutableMapping[str, int] = field(default_factory=dict)  # by competition
    held: MutableMapping[tuple[str, str], Held] = field(default_factory=dict)  # by club and competition
    entries_by_form: MutableMapping[FormKey, Entry] = field(default_factory=dict)

    def draft(self) -> "Totals":
        """Return totals that start from these, and that can change without changing these."""
        return Totals(
            ChainMap({}, self.points_spent),
            ChainMap({}, self.places_sold),
            ChainMap({}, self.held),
            ChainMap({}, self.entries_by_form),
        )

    def add(self, entry: Entry) -> None:
        """Add an entry to every total."""
        spent = self.points_spent.get(entry.club, 0)
        self.points_spent[entry.club] = spent + entry.points

        sold = self.places_sold.get(entry.competition, 0)
        self.places_sold[entry.competition] = sold + entry.places

        key = (entry.club, entry.competition)
        held = self.held.get(key, Held())
        self.held[key] = Held(held.places + entry.places, held.points_paid + entry.points)

        form_key = entry.form_key
        if form_key:
            self.entries_by_form[form_key] = entry

    def earlier_entry(self, order: Order) -> Entry | None:
        """Return the entry that an earlier copy of the order's form became; None if there is none."""
        return self.entries_by_form.get(order.form_key)

    def points_left(self, club: Club) -> int:
        """Return the points that the club can spend: 0 if its opening points were lowered below what it spent."""
        spent = self.points_spent.get(club.name, 0)
        return within(0, club.points - spent, club.points)

    def standing(self, club: Club, competition: Competition) -> Standing:
        """Return a club's figures at a competition, by which its orders there are judged."""
        sold = self.places_sold.get(competition.name, 0)
        held = self.held.get((club.name, competition.name), Held())
        return Standing(
            points_left=self.points_left(club),
            places_left=within(0, competition.places - sold, competition.places),
            places_held=max(0, held.places),
            points_paid=max(0, held.points_paid),
        )

    def standings(self, club: Club, competitions: Iterable[Competition]) -> dict[str, Standing]:
        """Return a club's figures at each competition, by its name."""
        return {competition.name: self.standing(club, competition) for competition in competitions}

    # What does not fit the files

    def mismatches(
        self, clubs: Mapping[str, Club], competitions: Mapping[str, Competition], terms: Terms
    ) -> Iterator[str]:
        """Iterate over sentences on totals beyond the files' figures and bookings of names no longer in the files."""
        yield from self._overspent(clubs)
        yield from self._oversold(competitions)
        yield from self._over_the_cap(terms.max_places_per_club)
        yield from self._no_longer_named(clubs, competitions)

    def _overspent(self, clubs: Mapping[str, Club]) -> Iterator[str]:
        for club in clubs.values():
            spent = self.points_spent.get(club.name, 0)
            if not 0 <= spent <= club.points:
                yield f"{club.name}: {spent} points are spent, of {club.points}"

    def _oversold(self, competitions: Mapping[str, Competition]) -> Iterator[str]:
        for competition in competitions.values():
            sold = self.places_sold.get(competition.name, 0)
            if not 0 <= sold <= competition.places:
                yield f"{competition.name}: {sold} places are booked, of {competition.places}"

    def _over_the_cap(self, most: int) -> Iterator[str]:
        for key, held in self.held.items():
            club, competition = key
            if not 0 <= held.places <= most:
                yield f"{club}: {held.places} places are held in {competition}, of {most}"

    def _no_longer_named(self, clubs: Mapping[str, Club], competitions: Mapping[str, Competition]) -> Iterator[str]:
        unknown_clubs = self.points_spent.keys() - clubs.keys()
        unknown_competitions = self.places_sold.keys() - competitions.keys()
        for name in sorted(unknown_clubs | unknown_competitions):
            yield f"{name}: no longer in the files, its bookings stay"


def within(least: int, number: int, most: int) -> int:
    """Return the number, or the bound that it is beyond: changed files and rows edited by hand may exceed both."""
    return max(least, min(number, most))
