"""The mail server: how a mail is handed over to it, and what can go wrong."""

import smtplib
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote

from ..settings import CONSOLE
from ..text import printable

SECONDS_OF_SILENCE = 8  # after which a server is given up
USUAL_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


def send(server: SplitResult, address: str, mail: EmailMessage) -> None:
    """Hand a mail over to the server, or print it for people; raise OSError if the server does not take it."""
    if server == CONSOLE:
        readable = f"To: {mail['To']}\nSubject: {mail['Subject']}\n\n{mail.get_content()}"
        print(readable, file=sys.stderr, flush=True)
        return
    with connected(server) as connection:
        connection.send_message(mail, to_addrs=[address])


def check_server(server: SplitResult, sender: str) -> None:
    """Ask the server whether it takes mail from the sender; raise OSError if it does not."""
    with connected(server) as connection:
        connection.ehlo_or_helo_if_needed()
        number, text = connection.mail(sender)
        if number != 250:
            raise smtplib.SMTPResponseException(number, text)


@contextmanager
def connected(server: SplitResult) -> Iterator[smtplib.SMTP]:
    """Yield a connection to the server, encrypted and signed in as the settings say; raise OSError if that fails."""
    host_name = socket.gethostname()
    own_name = host_name if "." in host_name else "[127.0.0.1]"  # smtplib would ask the DNS, which may take long
    context = ssl.create_default_context()
    host = str(server.hostname)
    port = server.port or USUAL_PORTS[server.scheme]
    connection: smtplib.SMTP
    if server.scheme == "smtps":
        connection = smtplib.SMTP_SSL(host, port, own_name, timeout=SECONDS_OF_SILENCE, context=context)
    else:
        connection = smtplib.SMTP(host, port, own_name, timeout=SECONDS_OF_SILENCE)

    with closing(connection):
        if server.scheme == "smtp+starttls":
            connection.starttls(context=context)
        if server.username and server.password:
            connection.login(unquote(server.username), unquote(server.password))
        yield connection
        with suppress(OSError):  # whatever it answers, the work is done
            connection.quit()


def what_failed(error: Exception) -> str:
    """Say in one line what failed: what the server said, but for its answer to a password, which it may quote."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refuses the name or the password ({error.smtp_code})"
    return printable(str(error) or type(error).__name__)
