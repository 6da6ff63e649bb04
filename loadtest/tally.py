"""The tally: how often each answer came, and how the answers must have changed the figures."""

from collections import Counter

from loadtest.orders import Order
from loadtest.pages import Figure


class Tally:
    """What was answered in one run."""

    def __init__(self):
        """Begin closed: no run is under way."""
        self.is_open = False
        self._clear()

    def _clear(self):
        self.counts = Counter()
        self.changes = Counter()  # of figures, by orders that were carried out
        self.least = Counter()  # what orders of unknown outcome take from a figure if they were carried out
        self.most = Counter()  # what they add to it

    def begin(self) -> None:
        """Begin to count a run."""
        self._clear()
        self.is_open = True

    def close(self) -> None:
        """End the run: from now on nothing may be sent."""
        self.is_open = False

    def hand_in(self) -> dict[str, list]:
        """End the run; return all that was counted as a message, and forget it."""
        message = {
            "counts": list(self.counts.items()),
            "changes": list(self.changes.items()),
            "least": list(self.least.items()),
            "most": list(self.most.items()),
        }
        self.close()
        self._clear()
        return message

    def add(self, message: dict[str, list]) -> None:
        """Add what a worker handed in."""
        for what, number in message["counts"]:
            self.counts[what] += number
        add_rows(self.changes, message["changes"])
        add_rows(self.least, message["least"])
        add_rows(self.most, message["most"])

    def count(self, what: str) -> None:
        """Count an answer."""
        self.counts[what] += 1

    def note_sent(self, order: Order) -> None:
        """Note that an order may be carried out from now on."""
        self._note_possible(order, sign=1)

    def note_refused(self, order: Order) -> None:
        """Note that an order was not carried out."""
        self._note_possible(order, sign=-1)

    def note_carried_out(self, order: Order, points: int) -> None:
        """Note that an order was carried out for this many points."""
        self._note_possible(order, sign=-1)
        self.count(order.kind.counts_as)
        self.changes.update(order.changes(points))

    def _note_possible(self, order: Order, sign: int) -> None:
        points = order.places * order.price
        for figure, change in order.changes(points).items():
            bound = self.least if change < 0 else self.most
            bound[figure] += sign * change

    @property
    def points_spent(self) -> int:
        """The points of all bookings, less those that were returned."""
        points = [change for figure, change in self.changes.items() if figure.kind == "points-left"]
        return -sum(points)

    def unexplained(self, before: dict[Figure, int], after: dict[Figure, int]) -> list[str]:
        """Return a line for each figure that orders, carried out or of unknown outcome, do not explain."""
        lines = []
        for figure in sorted(self._figures_to_compare(before, after), key=str):
            was = before.get(figure)
            now = after.get(figure)
            if not self._explains(figure, was, now):
                change = self.changes[figure]
                lines.append(f"unexplained: {figure} was {was}, is {now}, answers say {change:+}")
        return lines

    def _figures_to_compare(self, before, after):
        """Return those that were read, and those that should have been: places held are read for some clubs only."""
        changed = {figure for figure in self.changes if figure.kind != "places-held"}
        return changed | before.keys() | after.keys()

    def _explains(self, figure, was, now):
        if was is None or now is None:
            return False
        unanswered = now - was - self.changes[figure]
        return self.least[figure] <= unanswered <= self.most[figure]


def add_rows(changes: Counter, rows: list) -> None:
    """Add figures and their changes, as they come out of a message."""
    for figure, change in rows:
        changes[Figure(*figure)] += change


tally = Tally()  # of the users of this process, and in a master of all
