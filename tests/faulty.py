"""The app with a fault that the swarm must find or cope with; the variable FAULT names it."""

import itertools
import os
import socket
import sys
import threading

from flask import request
from werkzeug.exceptions import InternalServerError

from loadtest.reconcile import EMAILS
from server import app
from tests.support import Secretary

first = threading.Lock()  # taken by the first booking that a fault befalls
numbers = itertools.count()


def log_fault():
    """Tell the tests, in the log, that a fault has befallen a booking."""
    print("befallen", file=sys.stderr)


def is_booking(response, status):
    """Tell whether a booking was answered with this status."""
    return request.path == "/purchasePlaces" and response.status_code == status


def lose_a_booking(response):
    """Give the places of the first booking back, though its secretary reads that all went well."""
    if is_booking(response, 303) and first.acquire(blocking=False):
        log_fault()
        secretary = Secretary(EMAILS[request.form["club"]], app)
        secretary.give_back(request.form["places"], request.form["competition"])
    return response


def leave_bookings_in_doubt(response):
    """Close the connection, or answer 503, though the booking was made."""
    if is_booking(response, 303):
        if next(numbers) % 2 == 0:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        else:
            log_fault()
            response.status_code = 503
    return response


match os.environ["FAULT"]:
    case "loses a booking":
        app.after_request(lose_a_booking)
    case "leaves bookings in doubt":
        app.after_request(leave_bookings_in_doubt)
    case "answers 500":
        app.wsgi_app = InternalServerError()
