"""The app with a fault, named by GUDLFT_FAULT, that the swarm must find."""

import itertools
import socket

from server import app, ledger

count, applied, answer = itertools.count(), ledger._apply, app.wsgi_app


def lose(entry):
    """Forget the third entry, though its secretary reads that all went well."""
    if next(count) != 2:
        applied(entry)


def fail(environ, start_response):
    """Answer 500, whatever is asked."""
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [b"Sorry"]


def drop(wanted):
    """Return an app that closes the connection after it carried out a request that is wanted, before the answer."""

    def answer_or_drop(environ, start_response):
        body = answer(environ, start_response)
        if wanted(environ["PATH_INFO"]):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return body

    return answer_or_drop


match app.config["FAULT"]:
    case "loses an entry":
        ledger._apply = lose
    case "answers 500":
        app.wsgi_app = fail
    case "drops connections":
        app.wsgi_app = drop(lambda path: path != "/pointsBoard")
    case "drops every other answer to a form":
        app.wsgi_app = drop(lambda path: path in ("/purchasePlaces", "/cancelPlaces") and next(count) % 2 == 0)
    case "answers no booking":
        app.wsgi_app = drop(lambda path: path == "/purchasePlaces")
