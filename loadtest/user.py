"""A user for Locust who judges each answer: what is refused, and what is unexpected, appears as a failure."""

from dataclasses import replace
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser
from locust.exception import RescheduleTask

from loadtest.orders import Kind, Order
from loadtest.pages import Page


class CheckingUser(FastHttpUser):
    """A user who opens pages and sends forms."""

    abstract = True

    def open(self, path: str, name: str | None = None) -> Page:
        """Return a page; end the task if the answer is another."""
        return self.ask("GET", path, shown_on=path, name=name)

    def submit(self, path: str, form: dict, shown_on: str) -> Page:
        """Send a form that books nothing; return the page that follows, as `open` does."""
        return self.ask("POST", path, shown_on=shown_on, data=form)

    def ask(self, method, path, shown_on, **options):
        """Send a request; return the page that it leads to."""
        with self.client.request(method, path, catch_response=True, **options) as response:
            is_expected = response.status_code == 200 and path_of(response) == shown_on
            if not is_expected:
                self.fail(response)
        if not is_expected:
            raise RescheduleTask
        self.pause()
        return Page(response.text)

    def send(self, kind: Kind, form: dict) -> None:
        """Send a form that books or gives back; what becomes of it is in doubt until an answer says it."""
        order = Order(kind, form["club"], form["competition"], form["places"])
        self.environment.tally.in_doubt.append(order)
        with self.client.post(kind.path, form, catch_response=True) as response:
            self.settle(order, response)
        self.pause()

    def pause(self):
        """Take a moment as between tasks; unlike `wait`, this lets nobody stop the user before the task is done."""
        gevent.sleep(self.wait_time())

    def settle(self, order, response):
        """Note what the answer says of an order."""
        tally = self.environment.tally
        page = Page(response.text or "")
        points = order.points_said(page.message)
        if response.status_code == 400 and page.problem:
            tally.in_doubt.remove(order)
            tally.refused += 1
            response.failure(page.problem.partition(":")[0])
        elif response.status_code == 200 and points is not None:
            tally.in_doubt.remove(order)
            tally.carried_out.append(replace(order, points=points))
        else:
            self.fail(response)

    def fail(self, response):
        """Count an unexpected answer, and let Locust report it."""
        self.environment.tally.unexpected += 1
        if response.status_code == 0:
            response.failure("Unexpected: the connection broke")
        else:
            response.failure(f"Unexpected: status {response.status_code} on {path_of(response)}")


def path_of(response):
    """Return the path of the last answer, after redirects were followed."""
    return urlsplit(response.url).path
