"""The app with a fault, named by GUDLFT_FAULT, that the swarm must find."""

import itertools
import socket
import time

from flask import g, request
from werkzeug.exceptions import InternalServerError

from server import app, ledger

apply, entries, answered = ledger._apply, itertools.count(1), set()


def lose_third(entry):
    """Forget the third entry, though its secretary reads that all went well."""
    if next(entries) != 3:
        apply(entry)


def drop(wanted):
    """Close the connection instead of answering a request that is wanted; it is carried out all the same."""

    @app.after_request
    def answer_or_drop(response):
        if wanted():
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return response


def delay(response):
    """Answer forms two seconds after they were carried out."""
    time.sleep(2 if "entry" in g else 0)
    return response


def answered_first():
    """Tell whether the request booked or gave back, and is the first that would hear of it."""
    first = "entry" in g and g.entry.number not in answered
    if first:
        answered.add(g.entry.number)
    return first


match app.config["FAULT"]:
    case "loses an entry":
        ledger._apply = lose_third
    case "answers 500":
        app.wsgi_app = InternalServerError()
    case "drops connections":
        drop(lambda: request.path != "/pointsBoard")
    case "drops first answers":
        drop(answered_first)
    case "answers forms late":
        app.after_request(delay)
    case "answers no booking":
        drop(lambda: request.path == "/purchasePlaces")
