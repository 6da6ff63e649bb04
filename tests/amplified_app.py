"""The app with the amplifier on and a slow journal, for servers of several processes; UNLOCKED takes its lock out."""

import os
import sys
import time

import journal
import sqlalchemy

import server
from tests.amplifier import trace

append = journal.Connection.append


def append_slowly(self, booking):
    """Append as a slow disk does: what is not locked has time to go wrong."""
    time.sleep(0.01)
    append(self, booking)


def append_without_lock(self, booking):
    """Number the booking in the database: taken from memory, the unique number would stop what the lock lets pass."""
    time.sleep(0.05)
    number = sqlalchemy.select(sqlalchemy.func.coalesce(sqlalchemy.func.max(journal.BOOKINGS.c.number), 0) + 1)
    self._execute(journal.BOOKINGS.insert().values(booking | {"number": number.scalar_subquery()}))


journal.Connection.append = append_slowly
if "UNLOCKED" in os.environ:
    journal.Journal.writing, journal.Connection.append = vars(journal.Journal)["reading"], append_without_lock


def app(environ, start_response):
    """Answer in a thread that sleeps now and then; the server makes threads that `threading` does not know."""
    sys.settrace(trace)
    return server.app(environ, start_response)
