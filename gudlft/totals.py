"""The totals that follow from the ledger's entries, each of them a look-up."""

from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from .model import Club, Competition, Entry, FormKey, Outcome
from .rules import Standing, Terms


class Occupancy(NamedTuple):
    """How full a competition is."""

    booked: int
    left: int
    clubs: int  # that hold places


@dataclass
class Totals:
    """What follows from the entries. Totals change in one method, and can be computed anew from the entries."""

    clubs: Mapping[str, Club]
    points_spent: MutableMapping[str, int] = field(default_factory=Counter)  # by club
    places_sold: MutableMapping[str, int] = field(default_factory=Counter)  # by competition
    places_held: MutableMapping[tuple[str, str], int] = field(default_factory=Counter)  # by club and competition
    points_paid: MutableMapping[tuple[str, str], int] = field(default_factory=Counter)  # for those
    clubs_holding: MutableMapping[str, int] = field(default_factory=Counter)  # by competition: how many clubs
    outcomes: MutableMapping[FormKey | None, Outcome] = field(default_factory=dict)  # of forms of these clubs

    def add(self, entry: Entry) -> None:
        """Add an entry to every total."""
        club_and_competition = (entry.club, entry.competition)
        self.points_spent[entry.club] += entry.points
        self.places_sold[entry.competition] += entry.places
        was_holding = self.places_held[club_and_competition] > 0
        self.places_held[club_and_competition] += entry.places
        is_holding = self.places_held[club_and_competition] > 0
        self.clubs_holding[entry.competition] += is_holding - was_holding
        self.points_paid[club_and_competition] += entry.points

        form_key = entry.form_key
        club = self.clubs.get(entry.club)
        if form_key and club:
            self.outcomes[form_key] = Outcome(entry, self.balance(club))

    def balance(self, club: Club) -> int:
        """Return the club's points without those that it spent: below 0 if its opening points were lowered since."""
        unspent = club.points - self.points_spent[club.name]
        return min(unspent, club.points)  # rows edited by hand may seem to bring some

    def points_left(self, club: Club) -> int:
        """Return the points that the club can spend."""
        return max(0, self.balance(club))

    def places_left(self, competition: Competition) -> int:
        """Return the places that can still be booked: 0 if its opening places were lowered below what is booked."""
        unsold = competition.places - self.places_sold.get(competition.name, 0)
        return max(0, min(unsold, competition.places))  # rows edited by hand may seem to bring some

    def occupancy(self, competition: Competition) -> Occupancy:
        """Return how full a competition is."""
        booked = self.places_sold.get(competition.name, 0)
        clubs = self.clubs_holding.get(competition.name, 0)
        return Occupancy(booked, self.places_left(competition), clubs)

    def standing(self, club: Club, competition: Competition) -> Standing:
        """Return a club's figures at a competition, by which its orders there are judged."""
        club_and_competition = (club.name, competition.name)
        return Standing(
            self.points_left(club),
            self.places_left(competition),
            max(0, self.places_held.get(club_and_competition, 0)),
            max(0, self.points_paid.get(club_and_competition, 0)),
        )

    # What does not fit the files

    def mismatches(self, competitions: Mapping[str, Competition], terms: Terms) -> Iterator[str]:
        """Iterate over sentences on totals beyond the files' figures and bookings of names no longer in the files."""
        for club in self.clubs.values():
            spent = self.points_spent[club.name]
            if not 0 <= spent <= club.points:
                yield f"{club.name}: {spent} points are spent, of {club.points}"

        for competition in competitions.values():
            sold = self.places_sold[competition.name]
            if not 0 <= sold <= competition.places:
                yield f"{competition.name}: {sold} places are booked, of {competition.places}"

        for (holder, place), held in self.places_held.items():
            if not 0 <= held <= terms.max_places_per_club:
                yield f"{holder}: {held} places are held in {place}, of {terms.max_places_per_club}"

        unknown_clubs = {name for name, spent in self.points_spent.items() if spent and name not in self.clubs}
        unknown_competitions = {name for name, sold in self.places_sold.items() if sold and name not in competitions}
        for name in sorted(unknown_clubs | unknown_competitions):
            yield f"{name}: no longer in the files, its bookings stay"


class Draft(Totals):
    """Totals that go on from others and leave those as they are, and the entries that make the difference."""

    def __init__(self, totals: Totals, last_number: int):
        """Begin with the other totals, which must not change as long as this draft is used."""
        # what this draft adds goes to the empty dictionaries, what they lack is looked up in the totals behind them
        maps = {total.name: ChainMap({}, getattr(totals, total.name)) for total in fields(totals)}
        super().__init__(**maps)
        self.entries: list[Entry] = []
        self.next_number = last_number + 1

    def append(self, entry: Entry) -> None:
        """Add the next entry to every total."""
        self.add(entry)
        self.entries.append(entry)
        self.next_number += 1
