"""The app with the amplifier on, for servers of several processes; $UNLOCKED removes its lock."""

import os
import sys
import time
from functools import partial

import sqlalchemy

import server
from gudlft.journal.sql import bookings
from gudlft.totals import Draft
from tests.amplifier import trace


def carry_out_without_lock(ledger, take_orders):
    """Judge and append orders as the ledger does, but in no transaction; pages take them over later.

    The database numbers the bookings: numbers from memory would clash, and so stop what the missing lock lets pass.
    """
    number = sqlalchemy.select(sqlalchemy.func.coalesce(sqlalchemy.func.max(bookings.c.number), 0) + 1)
    with ledger.journal.reading() as transaction:
        ledger.catch_up_with(transaction)
        draft = Draft(ledger.totals, last_number=0)
        outcomes = [ledger._judge(order, draft) for order in take_orders()]
        time.sleep(0.05)
        for entry in draft.entries:
            values = entry._asdict() | {"number": number.scalar_subquery()}
            transaction.connection.execute(bookings.insert().values(values))
    return outcomes


if "UNLOCKED" in os.environ:
    server.opened.ledger.writer._carry_out_all = partial(carry_out_without_lock, server.opened.ledger)


def app(environ, start_response):
    """Answer in a thread that sleeps now and then; `threading` does not know the server's threads, so set that here."""
    sys.settrace(trace)
    return server.app(environ, start_response)
