"""Orders: what the forms of the app ask for, and how the app says that one was carried out."""

import re
from dataclasses import dataclass

from loadtest.pages import Figure, Page


@dataclass(frozen=True)
class Kind:
    """A kind of form."""

    path: str
    shown_on: str  # the page that follows
    sentence: str  # a regular expression for what that page says; its group is the points
    counts_as: str
    sign: int  # of its places and points


BOOKING = Kind(
    path="/purchasePlaces",
    shown_on="/showSummary",
    sentence=r" booked {places} places? in {competition} for (\d+) points?\. ",
    counts_as="bookings",
    sign=1,
)
RETURN = Kind(
    path="/cancelPlaces",
    shown_on="/bookings",
    sentence=r"(?<!\d){places} places? in {competition} given back\. (\d+) points? returned, ",
    counts_as="given back",
    sign=-1,
)


@dataclass(frozen=True)
class Order:
    """A form that was filled in. The price of a place is needed if nobody learns what became of the form."""

    kind: Kind
    club: str
    competition: str
    places: int
    price: int
    token: str

    @property
    def form(self) -> dict[str, str | int]:
        """What is sent."""
        return {"competition": self.competition, "places": self.places, "token": self.token}

    @property
    def sentence(self) -> str:
        """A regular expression for what the app says when it has carried the order out."""
        return self.kind.sentence.format(places=self.places, competition=re.escape(self.competition))

    def points_said_by(self, page: Page) -> int:
        """Return for how many points the order was carried out, as the page that follows says."""
        return int(re.search(self.sentence, page.message)[1])

    def changes(self, points: int) -> dict[Figure, int]:
        """Return how the figures change when the order is carried out for this many points."""
        places = self.kind.sign * self.places
        return {
            Figure("points-left", self.club): -self.kind.sign * points,
            Figure("places-left", competition=self.competition): -places,
            Figure("places-held", self.club, self.competition): places,
        }
