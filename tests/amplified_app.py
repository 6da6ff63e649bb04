"""The app with the amplifier on and a slow journal, for servers of several processes; UNLOCKED takes its lock out."""

import os
import sys
import time

import sqlalchemy

import server
from gudlft.sql_journal import Writing, bookings
from tests.amplifier import trace

append = Writing.append


def append_slowly(transaction, entries):
    """Append as a slow disk does: what is not locked has time to go wrong."""
    time.sleep(0.01)
    append(transaction, entries)


def write_without_lock(ledger, take_orders):
    """Judge and append as the ledger does, but in no transaction; memory takes it over with the next page.

    The database numbers the bookings: taken from memory, the unique number would stop what the lock lets pass.
    """
    number = sqlalchemy.select(sqlalchemy.func.coalesce(sqlalchemy.func.max(bookings.c.number), 0) + 1)
    with ledger.journal.reading() as transaction:
        ledger.take_over(transaction)
        outcomes, new = ledger._judge_all(take_orders())
        time.sleep(0.05)
        for entry in new:
            values = entry._asdict() | {"number": number.scalar_subquery()}
            transaction.connection.execute(bookings.insert().values(values))
    return outcomes


Writing.append = append_slowly
if "UNLOCKED" in os.environ:
    server.ledger.writer._write = lambda take_orders: write_without_lock(server.ledger, take_orders)


def app(environ, start_response):
    """Answer in a thread that sleeps now and then; the server makes threads that `threading` does not know."""
    sys.settrace(trace)
    return server.app(environ, start_response)
