"""What can go wrong with a mail server, in words, and whether another try is worth while."""

import smtplib
import ssl

import pytest

from gudlft.mail.outbox import without_code
from gudlft.mail.smtp import mail_error


def untrusted(sentence="self-signed certificate"):
    """Return the error about a certificate that is not trusted."""
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] ...")
    error.verify_message = sentence
    return error


@pytest.mark.parametrize(
    ("error", "text", "is_final"),
    [
        (smtplib.SMTPDataError(499, b"later"), "it answers 499 later", False),
        (smtplib.SMTPDataError(500, b"never"), "it answers 500 never", True),
        (smtplib.SMTPDataError(554, "tête".encode("latin-1")), "it answers 554 t\ufffdte", True),
        (smtplib.SMTPSenderRefused(451, "later", "a@b.example"), "it answers 451 later", False),
        (smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"nobody")}), "it answers 550 nobody", True),
        (smtplib.SMTPAuthenticationError(535, b"no: sesame"), "it refuses the name or the password (535)", True),
        (smtplib.SMTPAuthenticationError(454, b"later"), "it refuses the name or the password (454)", False),
        (smtplib.SMTPNotSupportedError("no STARTTLS"), "no STARTTLS", True),
        (smtplib.SMTPServerDisconnected("gone"), "gone", False),
        (untrusted(), "its certificate is not trusted: self-signed certificate", True),
        (ssl.SSLError("broken"), "('broken',)", False),
        (ConnectionRefusedError(111, "Connection refused"), "[Errno 111] Connection refused", False),
        (TimeoutError(), "TimeoutError", False),
        (ValueError("sesame"), "the name or the password has characters that mail servers do not take", True),
    ],
)
def test_failure_is_told_in_words_with_nothing_that_the_server_was_told(error, text, is_final):
    failure = mail_error(error)

    assert (text, is_final) == (str(failure), failure.is_final)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("554 spam 7QKM-2XPD here", "554 spam ... here"),
        ("7qkm2xpd", "..."),
        ("7QKM 2XPD", "7QKM 2XPD"),
    ],
)
def test_code_in_a_text_becomes_dots(text, expected):
    assert expected == without_code(text, "7QKM-2XPD")
