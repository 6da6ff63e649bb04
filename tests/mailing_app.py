"""A tiny web app that mails codes, for servers to start and stop; and a program that ends at once."""

import multiprocessing
import os
import sys

from gudlft.mail.outbox import Outbox
from gudlft.settings import MailServer

outbox = Outbox(MailServer("127.0.0.1", int(os.environ["MAIL_PORT"])), "registration@club.example")


def app(environ, start_response):
    """Mail a code to the address that the path names; answer with the id of this process."""
    address = environ["PATH_INFO"].strip("/")
    if address:
        outbox.put(address, "7QKM-2XPD")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def mail_from_child(method):
    """Mail a code from a child process, like the worker of a server, then another one from this process."""
    arguments = (f"{method}@club.example", "7QKM-2XPD")
    child = multiprocessing.get_context(method).Process(target=mail_in_child, args=arguments)
    child.start()
    child.join()
    outbox.put("parent@club.example", "7QKM-2XPD")


def mail_in_child(address, code):
    """Mail a code from this process."""
    outbox.put(address, code)


if __name__ == "__main__":
    mail_from_child(sys.argv[1])
