"""The mail server: how a mail is handed over to it, and what can go wrong."""

import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .codes import mail_address
from .settings import MailSecurity, MailServer

SHORTEST_TIMEOUT = 0.001  # seconds: 0 would mean not to wait at all
SECONDS_OF_GRACE = 0.05  # so that silence ends in a time-out, and only a reply that trickles in is cut off


class MailError(Exception):
    """No mail can be sent; the text is one line that holds no password."""


# The conversation


class Connection(smtplib.SMTP):
    """An SMTP connection with one time limit for all replies: smtplib alone limits only each wait for a byte."""

    def __init__(self, host: str, port: int, *, timeout: float, **options):
        """Connect, and take the server's greeting."""
        self._ends_at = time.monotonic() + timeout
        super().__init__(host, port, own_name(), timeout=timeout, **options)

    def getreply(self):
        """Read a reply in the time that is left, even if it comes a byte at a time."""
        seconds_left = max(self._ends_at - time.monotonic(), SHORTEST_TIMEOUT)
        self.sock.settimeout(seconds_left)
        end_of_bytes = threading.Timer(seconds_left + SECONDS_OF_GRACE, shut, [self.sock])
        end_of_bytes.start()
        try:
            return super().getreply()
        finally:
            end_of_bytes.cancel()


class EncryptedConnection(Connection, smtplib.SMTP_SSL):
    """A connection that is encrypted from the first byte."""


def shut(sock: socket.socket) -> None:
    """Shut a socket down: whoever reads from it finds its end."""
    with suppress(OSError):  # it was closed meanwhile
        sock.shutdown(socket.SHUT_RDWR)


def own_name() -> str:
    """Return the name by which this machine introduces itself; smtplib would ask the DNS, which may take long."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


@contextmanager
def connected(server: MailServer, context: ssl.SSLContext, seconds: float) -> Iterator[Connection]:
    """Yield a connection to the server, encrypted and signed in as the settings say."""
    if server.security is MailSecurity.TLS:
        connection = EncryptedConnection(server.host, server.port, timeout=seconds, context=context)
    else:
        connection = Connection(server.host, server.port, timeout=seconds)

    try:
        if server.security is MailSecurity.STARTTLS:
            connection.starttls(context=context)
        if server.name:
            connection.login(server.name, server.password)
        yield connection
        with suppress(OSError):  # whatever it answers, the work is done
            connection.quit()
    finally:
        connection.close()


def check_server(server: MailServer, sender: str, context: ssl.SSLContext, seconds: float) -> str:
    """Say that the server takes mail from the sender; raise MailError if it does not."""
    try:
        mail_address(sender)
        with connected(server, context, seconds) as connection:
            connection.ehlo_or_helo_if_needed()
            number, text = connection.mail(sender)
            if number != 250:
                raise smtplib.SMTPResponseException(number, text)
            connection.rset()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
        raise MailError(one_line(f"mail: {server.host}: {reason(error)}")) from None
    return f"mail: {server.host} takes mail from {sender}"


# What can go wrong


def refusal(error: Exception) -> tuple[int, str] | None:
    """Return the number and the text with which the server refused; None if it did not."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        [(number, text)] = error.recipients.values()
    elif isinstance(error, smtplib.SMTPResponseException):
        number = error.smtp_code
        text = error.smtp_error
    else:
        return None

    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return number, text


def is_final(error: Exception) -> bool:
    """Tell whether another try would end like this one: it was refused for good, or the settings are wrong."""
    refused = refusal(error)
    if refused:
        number, _ = refused
        return number >= 500
    if isinstance(error, (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError)):
        return True
    return not isinstance(error, OSError)


def reason(error: Exception) -> str:
    """Say what failed: what the server said, and nothing that was said to it."""
    refused = refusal(error)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refuses the name or the password ({error.smtp_code})"
    if refused:
        number, text = refused
        return f"it answers {number} {text}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, (OSError, MailError)):
        return str(error) or type(error).__name__
    if isinstance(error, ValueError):
        return "an address, the name or the password has characters that mail servers do not take"
    return type(error).__name__


def without_code(text: str, code: str) -> str:
    """Return the text with dots in place of the code: a server may quote what it refuses."""
    pattern = "-?".join(re.escape(part) for part in code.split("-"))
    return re.sub(pattern, "...", text, flags=re.IGNORECASE)


def one_line(text: str) -> str:
    """Return the text with blanks in place of what is not printable, cut to 200 characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable[:200]
