"""A draft: what the orders of one transaction become."""

from collections.abc import Callable
from datetime import datetime, timezone

from .model import BookingError, Entry, Order
from .rules import Terms, points_of
from .totals import Totals


class Draft:
    """What orders become, each judged after those before it. None of it counts until it is committed."""

    def __init__(self, totals: Totals, last_number: int, terms: Terms, clock: Callable[[], datetime]):
        """Begin after the last entry, with the totals that follow from all entries up to it."""
        self.new_entries: list[Entry] = []
        self._totals = totals.draft()
        self._last_number = last_number
        self._terms = terms
        self._clock = clock

    def carry_out(self, order: Order) -> Entry | BookingError:
        """Return the entry that the order, or an earlier copy of its form, became; the error if a rule forbids it."""
        earlier = self._totals.earlier_entry(order)
        if earlier:
            return earlier
        try:
            entry = self._judge(order)
        except BookingError as refusal:
            return refusal

        self._totals.add(entry)
        self.new_entries.append(entry)
        return entry

    def _judge(self, order: Order) -> Entry:
        """Return the entry that the order becomes; raise BookingError if a rule forbids it."""
        moment = self._clock()
        standing = self._totals.standing(order.club, order.competition)
        points = points_of(order, standing, self._terms, moment)
        return Entry(
            number=self._last_number + len(self.new_entries) + 1,
            at=moment.astimezone(timezone.utc),
            club=order.club.name,
            competition=order.competition.name,
            places=order.kind * order.places,
            points=order.kind * points,
            token=order.token,
        )
