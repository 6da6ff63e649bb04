"""Reconciling: the figures before and after a run must differ by what was answered in between."""

from collections.abc import Iterator
from urllib.parse import urljoin

import requests

from loadtest.answers import FAULTS, LOST_ANSWERS, REFUSALS, TIMEOUT
from loadtest.orders import BOOKING, RETURN
from loadtest.pages import Figure, Page
from loadtest.tally import Tally

CLUBS_READ = 20  # clubs whose places held are compared; points and places left are compared for all
LISTS = ("/showSummary", "/showSummary?show=past")


def read_figures(host: str, clubs: list[dict]) -> dict[Figure, int]:
    """Return the figures of the points board and of the clubs' summaries; raise RequestException if that fails."""
    figures = {}
    with requests.Session() as session:
        session.hooks["response"].append(lambda response, **_: response.raise_for_status())
        for page in pages_of_list(session, f"{host}/pointsBoard"):
            figures.update(page.figures)
        for club in clubs[:CLUBS_READ]:
            figures.update(read_club(session, host, club))
    return figures


def read_club(session: requests.Session, host: str, club: dict) -> dict[Figure, int]:
    """Return the figures that a club's secretary sees."""
    figures = {}
    session.post(f"{host}/showSummary", {"email": club["email"]}, timeout=TIMEOUT)
    for path in LISTS:
        for page in pages_of_list(session, host + path):
            for figure, number in page.figures.items():
                if figure.kind == "places-held":
                    figure = figure._replace(club=club["name"])
                figures[figure] = number
    session.post(f"{host}/logout", timeout=TIMEOUT)
    return figures


def pages_of_list(session: requests.Session, address: str) -> Iterator[Page]:
    """Iterate over the pages of a list, from the first to the last."""
    while True:
        page = Page(session.get(address, timeout=TIMEOUT).text)
        yield page
        if page.next_link is None:
            return
        address = urljoin(address, page.next_link)


def report(tally: Tally, before: dict[Figure, int], after: dict[Figure, int]) -> bool:
    """Print what was done, and the figures that this does not explain; tell whether all is well."""
    counts = tally.counts
    unexplained = tally.unexplained(before, after)
    print(
        f"reconciled: {counts[BOOKING.counts_as]} bookings, {counts[RETURN.counts_as]} given back, "
        f"{tally.points_spent} points, {len(unexplained)} unexplained"
    )
    print(
        f"not booked: {counts[REFUSALS]} refusals, {counts[FAULTS]} faults, {counts[LOST_ANSWERS]} lost answers",
        *unexplained,
        sep="\n",
        flush=True,
    )
    return not unexplained and counts[FAULTS] == 0 and counts[LOST_ANSWERS] == 0
