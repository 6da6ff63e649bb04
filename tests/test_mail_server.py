"""What a mail server's answers mean, and how they are reported in a line."""

import smtplib
import socket
import ssl

import pytest

from gudlft.mail_server import MailError, is_final, one_line, own_name, reason, refusal, shut, without_code


def untrusted(sentence="self-signed certificate"):
    """Return the error about a certificate that is not trusted."""
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] ...")
    error.verify_message = sentence
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (smtplib.SMTPDataError(554, b"spam"), (554, "spam")),
        (smtplib.SMTPSenderRefused(451, "later", "a@b.example"), (451, "later")),
        (smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"nobody")}), (550, "nobody")),
        (smtplib.SMTPDataError(554, "tête".encode("latin-1")), (554, "t\ufffdte")),
        (smtplib.SMTPServerDisconnected("gone"), None),
        (TimeoutError("timed out"), None),
    ],
)
def test_refusal_has_the_servers_number_and_text(error, expected):
    assert expected == refusal(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (smtplib.SMTPDataError(499, b"later"), False),
        (smtplib.SMTPDataError(500, b"never"), True),
        (smtplib.SMTPNotSupportedError("no STARTTLS"), True),
        (smtplib.SMTPServerDisconnected("gone"), False),
        (untrusted(), True),
        (ssl.SSLError("broken"), False),
        (ConnectionRefusedError(111, "Connection refused"), False),
        (ValueError("an address"), True),
        (MailError("too old"), True),
        (RecursionError(), True),
    ],
)
def test_error_is_final_where_another_try_would_end_as_this_one(error, expected):
    assert expected is is_final(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (smtplib.SMTPAuthenticationError(535, b"no: sesame"), "it refuses the name or the password (535)"),
        (smtplib.SMTPDataError(554, b"spam"), "it answers 554 spam"),
        (untrusted(), "its certificate is not trusted: self-signed certificate"),
        (smtplib.SMTPServerDisconnected("gone"), "gone"),
        (MailError("its code is too old by now"), "its code is too old by now"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("sesame"), "an address, the name or the password has characters that mail servers do not take"),
        (RecursionError("sesame"), "RecursionError"),
    ],
)
def test_reason_says_what_the_server_said_and_nothing_that_it_was_told(error, expected):
    assert expected == reason(error)


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\r\nb\x1b[31m", "a  b [31m"), ("x" * 201, "x" * 200)],
)
def test_line_has_blanks_for_what_is_not_printable_and_200_characters(text, expected):
    assert expected == one_line(text)


@pytest.mark.parametrize(("name", "expected"), [("mail.club.example", "mail.club.example"), ("laptop", "[127.0.0.1]")])
def test_machine_introduces_itself_by_its_full_name_or_its_address(name, expected, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: name)

    assert expected == own_name()


def test_whoever_reads_from_a_socket_that_is_shut_reads_its_end():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        shut(ours)

        assert b"" == ours.recv(1)


def test_socket_that_was_closed_meanwhile_is_no_error():
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()

    shut(ours)
