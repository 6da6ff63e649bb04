"""A program that mails a code from a child process, like the worker of a server, then one itself, and ends at once."""

import multiprocessing
import os
import sys

from gudlft.mail.outbox import Outbox
from gudlft.settings import MailServer

outbox = Outbox(MailServer("127.0.0.1", int(os.environ["MAIL_PORT"])), "registration@club.example")


def mail_code(address):
    outbox.put(address, "7QKM-2XPD")


if __name__ == "__main__":
    method = sys.argv[1]
    child = multiprocessing.get_context(method).Process(target=mail_code, args=[f"{method}@club.example"])
    child.start()
    child.join()
    mail_code("parent@club.example")
