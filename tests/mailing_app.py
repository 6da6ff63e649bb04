"""A tiny web app that mails codes, for servers to start and stop; and a program that ends at once."""

import multiprocessing
import os
import sys

from gudlft.mail import Mailer
from gudlft.settings import MailServer

mailer = Mailer(MailServer("127.0.0.1", int(os.environ["MAIL_PORT"])), "registration@club.example")


def app(environ, start_response):
    """Mail a code to the address that the path names; answer with the id of this process."""
    address = environ["PATH_INFO"].strip("/")
    if address:
        mailer.send_code(address, "7QKM-2XPD")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def mail_from_child(method):
    """Mail a code, then another one from a child process that starts while the first one waits."""
    mailer.send_code("parent@club.example", "7QKM-2XPD")
    arguments = (f"{method}@club.example", "7QKM-2XPD")
    child = multiprocessing.get_context(method).Process(target=mailer_of_child, args=arguments)
    child.start()
    child.join()


def mailer_of_child(address, code):
    """Mail a code from this process."""
    mailer.send_code(address, code)


if __name__ == "__main__":
    mail_from_child(sys.argv[1])
