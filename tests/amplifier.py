"""Make races likely: while the amplifier is on, new threads sleep 0.3 ms on one in twenty of the app's lines."""

import random
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

from gudlft.model import BookingError

PROJECT = Path(__file__).parent.parent
APP = {str(PROJECT / "server.py"), *(str(file) for file in (PROJECT / "gudlft").rglob("*.py"))}


def trace(frame, event, argument):
    """Sleep now and then, in the app's own code only."""
    if event == "call" and frame.f_code.co_filename not in APP:
        return None
    if event == "line" and random.random() < 0.05:
        time.sleep(0.0003)
    return trace


@contextmanager
def amplified():
    """Turn the amplifier on for threads that start in this block."""
    before = threading.gettrace()
    threading.settrace(trace)
    try:
        yield
    finally:
        threading.settrace(before)


# Locks taken out on purpose, as negative controls: a race that is won without them proves nothing


def take_no_turns(ledger):
    """Let every thread write at once, without waiting for its turn."""

    def outcome_of(order):
        [outcome] = ledger.carry_out(lambda: [order])
        if isinstance(outcome, BookingError):
            raise outcome
        return outcome

    ledger.writer.outcome_of = outcome_of


def guard_no_memory(ledger):
    ledger.one_moment = nullcontext()
