"""The swarm: secretaries who book places and give them back, and a reconciliation when they are done.

Refusals appear as failures with the app's own sentence: secretaries ask for too much on purpose. Every other failure
begins with "Unexpected:". When a run ends, points and places on the pages are compared with what was answered, so
nobody else may book meanwhile, and one process swarms. The exit status is 0 if nothing is unexpected or unexplained.
"""

import random

from locust import between, events, task

from loadtest.orders import BOOKING, RETURN
from loadtest.reconcile import EMAILS, begin, end, finish
from loadtest.user import CheckingUser

events.test_start.add_listener(begin)
events.test_stop.add_listener(end)
events.quitting.add_listener(finish)


class Secretary(CheckingUser):
    """A secretary who visits again and again, each time for a club chosen at random."""

    wait_time = between(0.1, 0.5)  # seconds, after each page and after each task
    club = None  # set at each sign-in

    @task(6)
    def book_places(self):
        """Book a few places at a competition, now and then too many."""
        summary = self.sign_in()
        self.order(BOOKING, [row for row in summary.rows if row.link], of="most-places")
        self.sign_out()

    @task(3)
    def give_places_back(self):
        """Give back some of the places at a competition, now and then too many."""
        summary = self.sign_in()
        self.order(RETURN, [row for row in summary.rows if row.link and row.places_held > 0], of="places-held")
        self.sign_out()

    @task(1)
    def book_where_no_link_leads(self):
        """Ask for a place at a competition that is over or full, or with too few points."""
        summary = self.sign_in()
        others = [row for row in summary.rows if not row.link]

        if others:
            row = random.choice(others)
            form = {"club": self.club, "competition": row.competition, "places": 1}
            self.send(BOOKING, form)

        self.sign_out()

    @task(2)
    def look_round(self):
        """Look what the club holds, and how many points others have."""
        self.sign_in()
        self.open("/bookings")
        self.open("/pointsBoard")
        self.sign_out()

    # Steps of these tasks

    def sign_in(self):
        """Sign in for one of the clubs; return its summary."""
        self.club = random.choice(list(EMAILS))
        form = {"email": EMAILS[self.club]}
        return self.submit("/showSummary", form, shown_on="/showSummary")

    def order(self, kind, rows, of):
        """Choose a competition, and send its page's form of a kind, with a number of places out of a figure there."""
        if rows:
            row = random.choice(rows)
            page = self.open(row.link, name="/book/...")
            form = page.form(kind.path)
            if form:  # others may have been faster
                form["places"] = number_of_places(page.figure(of))
                self.send(kind, form)

    def sign_out(self):
        """Sign out, which leads to the sign-in page."""
        self.submit("/logout", {}, shown_on="/")


def number_of_places(most):
    """Choose a number that is allowed, or one time in six one that is not."""
    if random.randint(1, 6) == 6:
        return most + 1
    return random.randint(1, min(3, most))
