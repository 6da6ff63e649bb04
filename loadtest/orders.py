"""Orders: what the forms of the app ask for, and how the app says that one was carried out."""

import re
from dataclasses import dataclass

Figure = tuple[str, ...]  # a number on pages: its kind, and the club or the competition or both that it belongs to


@dataclass(frozen=True)
class Kind:
    """A kind of form."""

    path: str
    sentence: str  # a regular expression for what the page that follows says; its group is the points
    sign: int  # of its places and points


BOOKING = Kind(
    path="/purchasePlaces",
    sentence=r" for (\d+) points?\. \d+ points? (is|are) left",
    sign=1,
)
RETURN = Kind(
    path="/cancelPlaces",
    sentence=r" given back\. (\d+) points? returned",
    sign=-1,
)


@dataclass(frozen=True)
class Order:
    kind: Kind
    club: str
    competition: str
    places: int
    points: int = 0  # for which it was carried out, as the answer said

    def points_said(self, message: str) -> int | None:
        """Return for how many points it was carried out; None if the message does not say that it was."""
        match = re.search(self.kind.sentence, message)
        return int(match[1]) if match else None

    @property
    def changes(self) -> dict[Figure, int]:
        """How the figures change when it is carried out."""
        places = self.kind.sign * self.places
        points = self.kind.sign * self.points
        return {
            ("points-left", self.club): -points,
            ("places-left", self.competition): -places,
            ("places-held", self.club, self.competition): places,
        }
