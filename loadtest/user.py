"""A user for Locust who judges every answer, and sends a form again while its outcome is unknown."""

from urllib.parse import unquote

import gevent
from locust import FastHttpUser
from locust.exception import RescheduleTask, StopUser

from loadtest.answers import REFUSALS, TIMEOUT, Answer, AnswerError, Expected, judge
from loadtest.orders import Order
from loadtest.pages import Figure, Page
from loadtest.tally import tally

TRIES = 3  # how often a form is sent, at most, while nobody knows whether it was carried out


class CheckingUser(FastHttpUser):
    """A user who opens pages and sends forms; what is unexpected, and what is refused, appears as a failure."""

    abstract = True
    connection_timeout = TIMEOUT
    network_timeout = TIMEOUT

    sending = None  # the greenlet that sends an order

    def on_start(self):
        """Stop at once if the run is over: a master may still send users to a worker that has reported."""
        if not tally.is_open:
            raise StopUser

    def on_stop(self):
        """Wait for an answer: a user may be stopped at any moment, an order under way may not."""
        if self.sending is not None:
            self.sending.join()

    # For tasks

    def open(self, path: str, *, name: str | None = None, showing: Figure | None = None) -> Page:
        """Return a page after a moment of reading; end the task if it does not show what it should."""
        expected = Expected(unquote(path), figure=showing)
        page, problem = self.ask("GET", path, expected, name=name)
        return self.read(page, problem)

    def download_calendar(self, path: str) -> None:
        """Open a calendar file; end the task if it is not one."""
        expected = Expected(unquote(path), ending="END:VCALENDAR")
        page, problem = self.ask("GET", path, expected, name="/calendar/...")
        self.read(page, problem)

    def submit(self, path: str, form: dict, *, shown_on: str, showing: Figure | None = None) -> Page:
        """Send a form that books nothing; return the page that follows, as `open` does."""
        expected = Expected(shown_on, figure=showing)
        page, problem = self.ask("POST", path, expected, form=form)
        return self.read(page, problem)

    def send(self, order: Order) -> None:
        """Send an order, from a greenlet that outlives the user."""
        self.sending = gevent.spawn(self.settle, order)
        self.sending.get()
        self.wait()

    # Requests

    def read(self, page: Page, problem: AnswerError | None) -> Page:
        """Return a page after a moment; end the task if there is a problem."""
        if problem:
            raise RescheduleTask
        self.wait()
        return page

    def settle(self, order: Order) -> None:
        """Send an order, and again while its outcome is unknown: the app carries out the same form only once."""
        expected = Expected(order.kind.shown_on, sentence=order.sentence)
        tally.note_sent(order)
        for pause in range(TRIES):
            gevent.sleep(pause / 2)
            page, problem = self.ask("POST", order.kind.path, expected, form=order.form)
            if problem is None:
                tally.note_carried_out(order, order.points_said_by(page))
                return
            if problem.counts_as == REFUSALS:
                tally.note_refused(order)
                return

    def ask(self, method, path, expected, name=None, form=None) -> tuple[Page, AnswerError | None]:
        """Send a request and follow redirects; return the page and what is wrong with it, which is counted."""
        request = self.client.request(method, path, name=name, data=form, catch_response=True)
        with request as response:
            page = Page(response.text or "")
            path_shown = unquote(response.url.removeprefix(self.host))
            problem = judge(Answer(response.status_code, path_shown, page), expected)
            if problem:
                tally.count(problem.counts_as)
                response.failure(problem)
        return page, problem
