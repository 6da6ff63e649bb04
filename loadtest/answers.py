"""Judging answers: which are refusals, and what is wrong with the others."""

import re
from dataclasses import dataclass

from loadtest.orders import BOOKING, RETURN
from loadtest.pages import Figure, Page

REFUSALS = "refusals"
FAULTS = "faults"
LOST_ANSWERS = "lost answers"

TIMEOUT = 20  # seconds for an answer


@dataclass(frozen=True)
class Answer:
    """The last answer, after redirects were followed. Its status is 0 if the connection broke."""

    status: int
    path: str
    page: Page


@dataclass(frozen=True)
class Expected:
    """What an answer should be."""

    path: str
    figure: Figure | None = None  # one that the page shows
    sentence: str = ""  # a regular expression that the banner matches
    ending: str = "</html>"


class AnswerError(Exception):
    """What is wrong with an answer, and what it counts as."""

    def __init__(self, counts_as: str, text: str):
        """Name what it counts as, and the text of the failure."""
        super().__init__(text)
        self.counts_as = counts_as

    def __repr__(self):
        return str(self)  # Locust's report shows this


def judge(answer: Answer, expected: Expected) -> AnswerError | None:
    """Return what is wrong with an answer; None if it is the expected one."""
    if answer.status == 0:
        return AnswerError(LOST_ANSWERS, "Unexpected: the connection broke")
    if is_refusal(answer):
        return AnswerError(REFUSALS, answer.page.problem.partition(":")[0])
    fault = find_fault(answer, expected)
    if fault:
        return AnswerError(FAULTS, f"Unexpected: {fault}")
    return None


def is_refusal(answer: Answer) -> bool:
    """Tell whether the app refuses an order and says why."""
    is_form = answer.path in (BOOKING.path, RETURN.path)
    return is_form and answer.status == 400 and answer.page.problem != ""


def find_fault(answer: Answer, expected: Expected) -> str | None:
    """Return the first thing that is not as expected; None if all is."""
    page = answer.page
    if answer.status != 200:
        return f"status {answer.status}"
    if answer.path != expected.path:
        return f"{answer.path} instead of {expected.path}"
    if not page.html.rstrip().endswith(expected.ending):
        return f"the answer does not end with {expected.ending}"
    if page.impossible_figure:
        return page.impossible_figure
    if expected.figure and not page.shows(expected.figure):
        return "a figure is missing"
    if not re.search(expected.sentence, page.message):
        return "the page does not say what was done"
    return None
