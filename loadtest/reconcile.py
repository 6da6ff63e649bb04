"""Reconciling: the figures before and after a run must differ by what was answered in between."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import requests

from loadtest.orders import BOOKING, RETURN, Figure, Kind, Order
from loadtest.pages import Page

PROJECT = Path(__file__).parent.parent
TIMEOUT = 60  # seconds for an answer


@dataclass
class Tally:
    """What was answered in a run."""

    figures_before: Counter[Figure] | None  # None if they could not be read
    carried_out: list[Order] = field(default_factory=list)
    in_doubt: list[Order] = field(default_factory=list)  # without an answer that says whether they were carried out
    refused: int = 0
    unexpected: int = 0

    def count(self, kind: Kind) -> int:
        return len([order for order in self.carried_out if order.kind == kind])

    @property
    def points(self) -> int:
        """The points of all bookings, less those that were returned."""
        return sum(order.kind.sign * order.points for order in self.carried_out)

    def unexplained(self, figures: Counter[Figure]) -> list[str]:
        """Return a line for each figure that the answers do not explain; orders in doubt explain any change."""
        changes = Counter()
        for order in self.carried_out:
            changes.update(order.changes)

        compared = self.figures_before.keys() | figures.keys() | changes.keys()
        for order in self.in_doubt:
            compared -= order.changes.keys()

        lines = []
        for figure in sorted(compared):
            change = figures[figure] - self.figures_before[figure]
            if change != changes[figure]:
                name = " of ".join(figure)
                lines.append(f"unexplained: {name} changed by {change:+}, answers say {changes[figure]:+}")
        return lines


# Figures


def read_emails() -> dict[str, str]:
    """Return an address with which each club signs in, by the club's name, from the file that the app reads too."""
    folder = Path(os.environ.get("GUDLFT_DATA_DIR", PROJECT))
    text = (folder / "clubs.json").read_text("utf-8-sig")
    emails = {}
    for club in json.loads(text)["clubs"]:
        email = club["email"]
        addresses = [email] if isinstance(email, str) else email
        if addresses:
            emails[club["name"]] = addresses[0]
    return emails


EMAILS = read_emails()


def read_figures(host: str, emails: dict[str, str]) -> Counter[Figure]:
    """Return the figures of the clubs' summaries; raise RequestException if they cannot be read."""
    figures = Counter()
    for club, email in emails.items():
        response = requests.post(f"{host}/showSummary", {"email": email}, timeout=TIMEOUT)
        response.raise_for_status()
        summary = Page(response.text)
        figures["points-left", club] = summary.figure("points-left")
        for row in summary.rows:
            figures["places-left", row.competition] = row.places_left
            figures["places-held", club, row.competition] = row.places_held
    return figures


# Runs


def begin(environment, **_):
    """Read the figures before a run."""
    environment.process_exit_code = 1  # until all is explained
    environment.host = environment.host.rstrip("/")
    environment.tally = Tally(try_to_read_figures(environment.host))


def end(environment, **_):
    """Print what was done in a run, and the figures that this does not explain."""
    tally = environment.tally
    figures = try_to_read_figures(environment.host)
    if figures is None or tally.figures_before is None:
        print("not reconciled")
        return

    unexplained = tally.unexplained(figures)
    print(
        f"reconciled: {tally.count(BOOKING)} bookings, {tally.count(RETURN)} given back, "
        f"{tally.points} points, {len(unexplained)} unexplained"
    )
    print(f"{tally.refused} refused, {tally.unexpected} unexpected, {len(tally.in_doubt)} in doubt")
    for line in unexplained:
        print(line)
    if not (unexplained or tally.unexpected or tally.in_doubt or environment.runner.exceptions):
        environment.process_exit_code = 0


def try_to_read_figures(host):
    """Return the figures of now; None if they cannot be read."""
    try:
        return read_figures(host, EMAILS)
    except requests.RequestException as error:
        print("the figures cannot be read:", error)
        return None


def finish(environment, **_):
    """End the run that a signal has interrupted."""
    environment.runner.quit()
