"""The totals that follow from the ledger's entries, each of them a look-up."""

from collections import ChainMap, Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .model import Club, Competition, Entry, FormKey, Order, Outcome
from .rules import Standing, Terms


class FormEntry(NamedTuple):
    """The entry that a form became, and the points that its club had spent as of it."""

    entry: Entry
    points_spent: int


class Occupancy(NamedTuple):
    """How full a competition is."""

    booked: int
    left: int
    clubs: int  # that hold places


@dataclass
class Totals:
    """What follows from the entries. Totals change in one method, and can be computed anew from the entries."""

    points_spent: MutableMapping[str, int] = field(default_factory=Counter)  # by club
    places_sold: MutableMapping[str, int] = field(default_factory=Counter)  # by competition
    places_held: MutableMapping[tuple[str, str], int] = field(default_factory=Counter)  # by club and competition
    points_paid: MutableMapping[tuple[str, str], int] = field(default_factory=Counter)  # for those
    clubs_holding: MutableMapping[str, int] = field(default_factory=Counter)  # by competition: how many clubs
    entries_by_form: MutableMapping[FormKey, FormEntry] = field(default_factory=dict)

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
        if form_key:
            self.entries_by_form[form_key] = FormEntry(entry, self.points_spent[entry.club])

    def outcome_of_copy(self, order: Order) -> Outcome | None:
        """Return what an earlier copy of the order's form became; None if nothing."""
        return self.outcome_of_form(order.form_key, order.club)

    def outcome_of_form(self, form_key: FormKey | None, club: Club) -> Outcome | None:
        """Return what a club's form became, with the points left as of then; None if nothing."""
        earlier = self.entries_by_form.get(form_key) if form_key else None
        if earlier is None:
            return None
        return Outcome(earlier.entry, balance(club, earlier.points_spent))

    def balance(self, club: Club) -> int:
        """Return the club's points without those that it spent: below 0 if its opening points were lowered since."""
        return balance(club, self.points_spent[club.name])

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

    def oversold_by(self, competition: Competition) -> int:
        """Return how many more places are booked than there are: its opening places were lowered meanwhile."""
        return max(0, self.places_sold[competition.name] - competition.places)

    def others_hold_places(self, club: Club, competition: Competition) -> bool:
        """Tell whether other clubs hold places at a competition, which they might give back."""
        return self.places_sold[competition.name] > self.places_held[club.name, competition.name]

    def standing(self, club: Club, competition: Competition) -> Standing:
        """Return a club's figures at a competition, by which its orders there are judged."""
        return self._standing(club, competition, self.points_left(club))

    def _standing(self, club: Club, competition: Competition, points_left: int) -> Standing:
        club_and_competition = (club.name, competition.name)
        places_held = self.places_held.get(club_and_competition, 0)
        points_paid = self.points_paid.get(club_and_competition, 0)
        return Standing(points_left, self.places_left(competition), max(0, places_held), max(0, points_paid))

    def standings(self, club: Club, competitions: Iterable[Competition]) -> dict[str, Standing]:
        """Return a club's figures at each competition, by its name."""
        points_left = self.points_left(club)
        return {competition.name: self._standing(club, competition, points_left) for competition in competitions}

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
            spent = self.points_spent[club.name]
            if not 0 <= spent <= club.points:
                yield f"{club.name}: {spent} points are spent, of {club.points}"

    def _oversold(self, competitions: Mapping[str, Competition]) -> Iterator[str]:
        for competition in competitions.values():
            sold = self.places_sold[competition.name]
            if not 0 <= sold <= competition.places:
                yield f"{competition.name}: {sold} places are booked, of {competition.places}"

    def _over_the_cap(self, most: int) -> Iterator[str]:
        for (club, competition), held in self.places_held.items():
            if not 0 <= held <= most:
                yield f"{club}: {held} places are held in {competition}, of {most}"

    def _no_longer_named(self, clubs: Mapping[str, Club], competitions: Mapping[str, Competition]) -> Iterator[str]:
        unknown_clubs = {name for name, spent in self.points_spent.items() if spent and name not in clubs}
        unknown_competitions = {name for name, sold in self.places_sold.items() if sold and name not in competitions}
        for name in sorted(unknown_clubs | unknown_competitions):
            yield f"{name}: no longer in the files, its bookings stay"


class Draft(Totals):
    """Totals that go on from others and leave those as they are, and the entries that make the difference."""

    def __init__(self, totals: Totals):
        """Begin with the other totals, which must not change as long as this draft is used."""
        super().__init__(
            points_spent=ChainMap({}, totals.points_spent),
            places_sold=ChainMap({}, totals.places_sold),
            places_held=ChainMap({}, totals.places_held),
            points_paid=ChainMap({}, totals.points_paid),
            clubs_holding=ChainMap({}, totals.clubs_holding),
            entries_by_form=ChainMap({}, totals.entries_by_form),
        )
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Add an entry to every total, and remember it."""
        super().add(entry)
        self.entries.append(entry)


def balance(club: Club, spent: int) -> int:
    """Return a club's points without those that it spent; rows edited by hand may seem to bring it some."""
    return min(club.points - spent, club.points)
