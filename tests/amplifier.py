"""Make races likely: while the amplifier is on, new threads sleep 0.3 ms on one in twenty of the app's lines."""

import random
import threading
import time
from contextlib import contextmanager

APP = ("server.py", "rules.py", "journal.py")


def trace(frame, event, argument):
    """Sleep now and then, in the app's own code only."""
    if event == "call" and not frame.f_code.co_filename.endswith(APP):
        return None
    if event == "line" and random.random() < 0.05:
        time.sleep(0.0003)
    return trace


class NoLock:
    """A lock that locks nothing, for negative controls."""

    def acquire(self, timeout=-1):
        """Let everyone in."""
        return True

    def release(self):
        """Let everyone in still."""


@contextmanager
def amplified():
    """Turn the amplifier on for threads that start in this block."""
    before = threading.gettrace()
    threading.settrace(trace)
    try:
        yield
    finally:
        threading.settrace(before)
