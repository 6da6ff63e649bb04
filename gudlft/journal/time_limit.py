"""How long a database may take: each thread has a limit of its own."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class TimeLimit(threading.local):
    """The seconds that the database may take for a thread, and the moment at which they are over."""

    seconds = math.inf
    deadline = math.inf


limit_of_this_thread = TimeLimit()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit how long the database may take for this thread in the block; once time is up, its calls fail."""
    limit_of_this_thread.seconds = seconds
    renew_time_limit()
    try:
        yield
    finally:
        limit_of_this_thread.deadline = math.inf


def renew_time_limit() -> None:
    """Give the database the full time again: it has answered."""
    limit_of_this_thread.deadline = time.monotonic() + limit_of_this_thread.seconds


def seconds_left() -> float:
    """Return the seconds that the database has left for this thread; 0 if its time is over."""
    seconds = limit_of_this_thread.deadline - time.monotonic()
    return max(0, min(seconds, threading.TIMEOUT_MAX))
