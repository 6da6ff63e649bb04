"""The mail server: how a mail is handed over to it, and what can go wrong."""

import smtplib
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage

from ..settings import CONSOLE, MailServer
from ..text import printable

SECONDS_OF_SILENCE = 8  # after which a server is given up
LONGEST_LINE = 200  # characters of what a server said


def send(server: MailServer, address: str, mail: EmailMessage) -> None:
    """Hand a mail over to the server, or print it for people; raise OSError if the server does not take it."""
    if server is CONSOLE:
        readable = f"To: {mail['To']}\nSubject: {mail['Subject']}\n\n{mail.get_content()}"
        print(readable, file=sys.stderr, flush=True)
        return
    with connected(server) as connection:
        connection.send_message(mail, to_addrs=[address])


def check_server(server: MailServer, sender: str) -> None:
    """Ask the server whether it takes mail from the sender; raise OSError if it does not."""
    with connected(server) as connection:
        connection.ehlo_or_helo_if_needed()
        number, text = connection.mail(sender)
        if number != 250:
            raise smtplib.SMTPResponseException(number, text)


@contextmanager
def connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    """Yield a connection to the server, encrypted and signed in as the settings say; raise OSError if that fails."""
    host_name = socket.gethostname()
    own_name = host_name if "." in host_name else "[127.0.0.1]"  # smtplib would ask the DNS, which may take long
    context = ssl.create_default_context()
    connection: smtplib.SMTP
    if server.scheme == "smtps":
        connection = smtplib.SMTP_SSL(server.host, server.port, own_name, timeout=SECONDS_OF_SILENCE, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, own_name, timeout=SECONDS_OF_SILENCE)

    with closing(connection):
        if server.scheme == "smtp+starttls":
            connection.starttls(context=context)
        if server.name and server.password:
            connection.login(server.name, server.password)
        yield connection
        with suppress(OSError):  # whatever it answers, the work is done
            connection.quit()


def what_failed(error: Exception) -> str:
    """Say in one line what failed: what the server said, but for its answer to a password, which it may quote."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refuses the name or the password ({error.smtp_code})"
    return printable(str(error) or type(error).__name__)
