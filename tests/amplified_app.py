"""The app with the amplifier on, for a server of several processes; UNLOCKED takes the journal's lock out."""

import os
import sys

import sqlalchemy
from amplifier import trace

import journal
import server


def append_without_lock(self, booking):
    """Number the booking in the database: taken from memory, the unique number would stop what the lock lets pass."""
    number = sqlalchemy.select(sqlalchemy.func.coalesce(sqlalchemy.func.max(journal.BOOKINGS.c.number), 0) + 1)
    self._execute(journal.BOOKINGS.insert().values(booking | {"number": number.scalar_subquery()}))


if "UNLOCKED" in os.environ:
    journal.Journal.writing, journal.Connection.append = journal.Journal.reading, append_without_lock


def app(environ, start_response):
    """Answer in a thread that sleeps now and then; the server makes threads that `threading` does not know."""
    sys.settrace(trace)
    return server.app(environ, start_response)
