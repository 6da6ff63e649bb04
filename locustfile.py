"""The swarm: secretaries who book, give places back and look round, and a reconciliation when they are done.

Refusals appear as failures of `/purchasePlaces` and `/cancelPlaces` with the app's own sentence. They are expected: the
secretaries ask for too much on purpose. Every other failure begins with "Unexpected:". When a run ends, points and
places on the pages are compared with the bookings that were answered, so nobody else may book meanwhile. The exit
status is 0 when all failures are refusals and no figure is unexplained, otherwise 1.

`CheckingUser` is Locust's FastHttpUser that also judges each answer, and ends the task if a page is unexpected.
"""

import random
import secrets
from urllib.parse import urlencode

from locust import between, events, task

from loadtest.clubs import CLUBS
from loadtest.orders import BOOKING, RETURN, Order
from loadtest.pages import Figure
from loadtest.runs import reconcile_each_run, stop_where_codes_are_mailed
from loadtest.user import CheckingUser

stop_where_codes_are_mailed()
events.init.add_listener(reconcile_each_run)


class Secretary(CheckingUser):
    """A secretary who visits again and again, each time for a club chosen at random."""

    wait_time = between(0.1, 0.5)  # seconds, after each page and after each task
    club = None  # this and the next two are set at each sign-in
    own_points = None  # the figure of its points that pages show
    price = None

    @task(6)
    def book_places(self):
        """Book a few places at a competition, now and then too many."""
        summary = self.sign_in()
        self.open("/pointsBoard", showing=Figure("points-left"))

        links = summary.booking_links
        if links:
            competition = random.choice(list(links))
            page = self.open(
                links[competition],
                name="/book/...",
                showing=Figure("places-left", competition=competition),
            )
            most = page.most_places
            if most > 0:  # others may have been faster
                places = self.number_of_places(at_most=min(3, most), too_many=most + 1)
                [form] = page.forms(BOOKING.path)
                self.send_order(BOOKING, competition, places, form["token"])

        self.sign_out()

    @task(3)
    def give_places_back(self):
        """Give back some of the places at a competition, now and then too many."""
        summary = self.sign_in()
        page = self.open("/bookings")

        forms = page.forms(RETURN.path)
        if forms:
            form = random.choice(forms)
            competition = form["competition"]
            figure = Figure("places-held", competition=competition)
            held = summary.figures.get(figure, 1)  # a summary shows 100 competitions only
            places = self.number_of_places(at_most=held, too_many=held + 1)
            self.send_order(RETURN, competition, places, form["token"])

        self.sign_out()

    @task(1)
    def book_where_no_link_leads(self):
        """Ask for a place at a competition that is over or full, or with too few points."""
        summary = self.sign_in()

        competitions = set(summary.competitions) - set(summary.booking_links)
        if competitions:
            competition = random.choice(list(competitions))
            token = secrets.token_urlsafe(16)
            self.send_order(BOOKING, competition, 1, token)

        self.sign_out()

    @task(2)
    def look_round(self):
        """Narrow the summary, look at the bookings, and open a calendar file if one is offered."""
        summary = self.sign_in()
        self.open("/showSummary?show=bookable", showing=self.own_points)

        if summary.competitions:
            name = random.choice(summary.competitions)
            word = random.choice(name.split())
            address = "/showSummary?" + urlencode({"q": word})
            self.open(address, name="/showSummary?q=...", showing=self.own_points)

        bookings = self.open("/bookings")
        links = summary.calendar_links + bookings.calendar_links
        if links:
            self.download_calendar(random.choice(links))

        self.sign_out()

    # Steps of these tasks

    def sign_in(self):
        """Sign in for one of the clubs; return its summary."""
        club = random.choice(CLUBS)
        self.club = club["name"]
        self.own_points = Figure("points-left", club=self.club)

        form = {"email": club["email"]}
        self.submit("/showSummary", form, shown_on="/showSummary", showing=self.own_points)
        summary = self.open("/showSummary", showing=self.own_points)  # once more, to time this page by itself
        self.price = summary.price
        return summary

    def number_of_places(self, at_most, too_many):
        """Choose a number that is allowed, or one time in six one that is not."""
        if random.randint(1, 6) == 6:
            return too_many
        return random.randint(1, max(1, at_most))

    def send_order(self, kind, competition, places, token):
        """Book or give back."""
        order = Order(
            kind=kind,
            club=self.club,
            competition=competition,
            places=places,
            price=self.price,
            token=token,
        )
        self.send(order)

    def sign_out(self):
        """Sign out, which leads to the sign-in page."""
        self.submit("/logout", {}, shown_on="/")
