"""The mail server: how a mail is handed over to it, and what can go wrong."""

import smtplib
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email import message_from_bytes
from email.policy import SMTP

from ..settings import CONSOLE, MailServer
from ..text import printable

SECONDS_OF_SILENCE = 8  # after which a server is given up
LONGEST_LINE = 200  # characters of what a server said


class MailError(Exception):
    """No mail can be sent. The text holds no password; what the server said may be long, and not printable."""

    def __init__(self, text: str, is_final: bool = False):
        """Say what failed, and whether another try would end like this one."""
        super().__init__(text)
        self.is_final = is_final


def send(server: MailServer, sender: str, address: str, mail: bytes) -> None:
    """Hand a mail over to the server, or print it for people; raise MailError if the server does not take it."""
    if server is CONSOLE:
        message = message_from_bytes(mail, policy=SMTP)
        readable = f"To: {message['To']}\nSubject: {message['Subject']}\n\n{message.get_content()}"
        print(readable, file=sys.stderr, flush=True)
        return
    with connected(server) as connection:
        connection.sendmail(sender, [address], mail)


def check_server(server: MailServer, sender: str) -> str:
    """Say that the server takes mail from the sender; raise MailError, with one line, if it does not."""
    if server is CONSOLE:
        return "mail: printed to standard error"
    try:
        with connected(server) as connection:
            connection.ehlo_or_helo_if_needed()
            number, text = connection.mail(sender)
            if number != 250:
                raise smtplib.SMTPResponseException(number, text)
            connection.rset()
    except MailError as error:
        line = printable(f"mail: {server.host}: {error}")
        raise MailError(line[:LONGEST_LINE]) from None
    return f"mail: {server.host} takes mail from {sender}"


@contextmanager
def connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    """Yield a connection to the server, encrypted and signed in as the settings say; raise MailError if that fails."""
    try:
        with closing(connect(server)) as connection:
            if server.scheme == "smtp+starttls":
                connection.starttls(context=ssl.create_default_context())
            if server.name and server.password:
                connection.login(server.name, server.password)
            yield connection
            with suppress(OSError):  # whatever it answers, the work is done
                connection.quit()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
        raise mail_error(error) from None


def connect(server: MailServer) -> smtplib.SMTP:
    """Return a connection to the server, which has greeted."""
    host_name = socket.gethostname()
    own_name = host_name if "." in host_name else "[127.0.0.1]"  # smtplib would ask the DNS, which may take long
    if server.scheme != "smtps":
        return smtplib.SMTP(server.host, server.port, own_name, SECONDS_OF_SILENCE)

    context = ssl.create_default_context()
    return smtplib.SMTP_SSL(server.host, server.port, own_name, timeout=SECONDS_OF_SILENCE, context=context)


# What can go wrong


def mail_error(error: Exception) -> MailError:
    """Return what failed in words: what the server said, and nothing that was said to it."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return MailError(f"it refuses the name or the password ({error.smtp_code})", error.smtp_code >= 500)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        [(number, text)] = error.recipients.values()
        return refusal(number, text)
    if isinstance(error, smtplib.SMTPResponseException):
        return refusal(error.smtp_code, error.smtp_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return MailError(f"its certificate is not trusted: {error.verify_message}", is_final=True)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return MailError(str(error), is_final=True)
    if isinstance(error, OSError):
        return MailError(str(error) or type(error).__name__)
    return MailError("the name or the password has characters that mail servers do not take", is_final=True)


def refusal(number: int, text: bytes | str) -> MailError:
    """Return what the server answered."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return MailError(f"it answers {number} {text}", is_final=number >= 500)
