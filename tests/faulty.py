"""The app with a fault that the swarm must cope with or find; the variable FAULT names it."""

import itertools
import os
import socket
import time

from flask import request
from werkzeug.exceptions import InternalServerError

from server import app, ledger

# What the faults know of the app's inside


def entry_made():
    """Return the entry that this request made, None if it made none."""
    return request.entry


def lose_entries(is_lost):
    """Keep entries out of the figures if `is_lost` says so, though their secretaries read that all went well."""
    add = ledger.totals.add

    def add_or_lose(entry):
        if not is_lost(entry):
            add(entry)

    ledger.totals.add = add_or_lose


# Faults


def drop_answers(is_dropped):
    """Close the connection instead of answering if `is_dropped` says so; the request is carried out all the same."""

    @app.after_request
    def answer_or_drop(response):
        if is_dropped():
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return response


def is_not_the_board():
    """Tell whether any page but the points board is asked for."""
    return request.path != "/pointsBoard"


def is_booking():
    """Tell whether the request is a booking, refused or not."""
    return request.path == "/purchasePlaces"


entries = itertools.count(1)
answered = set()


def is_third(entry):
    """Tell whether this is the third entry that was asked about."""
    return next(entries) == 3


def is_first_answer():
    """Tell whether the request made an entry, and its answer is the first about that entry."""
    entry = entry_made()
    if entry is None or entry.number in answered:
        return False
    answered.add(entry.number)
    return True


def answer_forms_late(response):
    """Answer two seconds after a form was carried out."""
    if entry_made() is not None:
        time.sleep(2)
    return response


match os.environ["FAULT"]:
    case "loses an entry":
        lose_entries(is_third)
    case "answers 500":
        app.wsgi_app = InternalServerError()
    case "drops connections":
        drop_answers(is_not_the_board)
    case "drops first answers":
        drop_answers(is_first_answer)
    case "answers forms late":
        app.after_request(answer_forms_late)
    case "answers no booking":
        drop_answers(is_booking)
