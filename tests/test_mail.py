"""Codes by mail against real mail servers: encrypted, away, slow, refusing, hanging up; and when the app ends."""

import base64
import logging
import smtplib
import threading
import time
from urllib.parse import urlsplit

import pytest

from gudlft.mail import outbox as outbox_module
from gudlft.mail import smtp
from gudlft.mail.outbox import Outbox
from gudlft.mail.smtp import check_server, what_failed
from gudlft.settings import CONSOLE
from tests.mail_servers import HANG_UP, SILENCE, mail_server, make_certificate
from tests.support import JOHN, KATE, KEY, ServedSecretary, free_port, serving, wait_until

SENDER = "registration@club.example"
CODE = "7QKM-2XPD"
DELAY = outbox_module.DELAY


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Return the file of a certificate for localhost, and the SSL context of a server that has it."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def trust(certificate, monkeypatch):
    file, _ = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.fixture
def end_app(monkeypatch):
    """Let the app have a main thread of its own; return a function that ends it, and waits for the outboxes."""
    ended = threading.Event()
    main_thread = threading.Thread(target=ended.wait)
    main_thread.start()
    monkeypatch.setattr(threading, "main_thread", lambda: main_thread)

    def end():
        ended.set()
        for thread in threading.enumerate():
            if thread.name.endswith("(_work)"):
                thread.join(30)

    yield end
    end()


@pytest.fixture
def outbox_for(end_app, monkeypatch):
    """Return a function that makes an outbox for a server, which waits for little."""
    monkeypatch.setattr(outbox_module, "DELAY", (0.05, 0.05))
    monkeypatch.setattr(outbox_module, "TRIES_AT", (0, 0.1, 0.3))
    monkeypatch.setattr(smtp, "SECONDS_OF_SILENCE", 1)
    monkeypatch.setattr(outbox_module, "SECONDS_AT_THE_END", 2)

    def make(port, host="127.0.0.1", scheme="smtp", credentials=""):
        return Outbox(urlsplit(f"{scheme}://{credentials}{host}:{port}"), SENDER)

    return make


@pytest.fixture
def postbox():
    with mail_server() as server:
        yield server


@pytest.fixture
def outbox(outbox_for, postbox):
    return outbox_for(postbox.port)


def lines_of(caplog, level=logging.DEBUG):
    """Return what the outbox logged, at a level or above it."""
    return [one.getMessage() for one in caplog.records if one.name == "gudlft.mail" and one.levelno >= level]


def errors_of(caplog):
    return lines_of(caplog, logging.ERROR)


# Sending


def test_code_is_mailed_to_the_club_and_nothing_is_logged(outbox, postbox, end_app, caplog):
    caplog.set_level(logging.DEBUG)
    outbox.put(JOHN, CODE)
    outbox.put(None, CODE)
    end_app()

    [mail] = postbox.mails
    assert [f"mail from:<{SENDER}>", f"rcpt to:<{JOHN}>"] == [line.lower() for line in postbox.heard[1:3]]
    assert f"Your code for GÜDLFT Registration: {CODE}" == mail["Subject"]
    assert CODE in mail.get_content()
    assert [] == lines_of(caplog)


def test_mail_goes_one_to_five_seconds_after_it_was_asked_for(outbox, postbox, monkeypatch):
    assert (1, 5) == DELAY
    monkeypatch.setattr(outbox_module, "DELAY", (0.2, 0.3))
    asked_at = time.monotonic()

    outbox.put(JOHN, CODE)
    wait_until(lambda: postbox.mails)

    assert 0.2 <= time.monotonic() - asked_at < 2.0


def test_mails_go_in_the_order_in_which_they_were_asked_for(outbox, postbox, monkeypatch):
    for address, delay in [(JOHN, 0.2), (KATE, 0.05)]:
        monkeypatch.setattr(outbox_module, "DELAY", (delay, delay))
        outbox.put(address, CODE)
    wait_until(lambda: 2 == len(postbox.mails))

    assert [JOHN, KATE] == postbox.asked_for


def test_asking_waits_for_no_mail_server(outbox_for):
    with mail_server(GREETING=[SILENCE]) as server:
        outbox = outbox_for(server.port)
        outbox.put(KATE, CODE)
        time.sleep(0.1)
        started = time.monotonic()

        for address in [JOHN, None] * 20:
            outbox.put(address, CODE)

        assert time.monotonic() - started < 0.5


def test_what_is_no_plain_address_gets_nothing_and_stops_nobody(outbox, postbox, end_app, caplog):
    outbox.put(f"{JOHN}\r\nBcc: evil@evil.example", CODE)
    outbox.put(KATE, CODE)
    end_app()

    assert [KATE] == postbox.asked_for
    assert "bcc" not in {name.lower() for name in postbox.mails[0]}
    assert 1 == len(errors_of(caplog))
    assert "\n" not in errors_of(caplog)[0]


# The queue


@pytest.mark.parametrize(("waiting", "late"), [(JOHN, None), (None, JOHN)])
def test_full_queue_takes_no_more_whoever_asks(waiting, late, outbox, postbox, end_app, caplog, monkeypatch):
    monkeypatch.setattr(outbox_module, "DELAY", (60, 60))
    monkeypatch.setattr(outbox_module, "SECONDS_AT_THE_END", 30)
    for _ in range(100):
        outbox.put(waiting, CODE)

    outbox.put(late, CODE)
    end_app()

    assert ["mail: too many codes wait, so one that was asked for is not sent"] == lines_of(caplog)
    assert [waiting] * (100 if waiting else 0) == postbox.asked_for


def test_queue_has_room_again_when_its_mails_are_sent(outbox, postbox, caplog, monkeypatch):
    monkeypatch.setattr(outbox_module, "MOST_JOBS", 1)
    for number, address in enumerate([JOHN, KATE], start=1):
        outbox.put(address, CODE)
        wait_until(lambda number=number: number == len(postbox.mails))

    assert [] == lines_of(caplog)


# Encryption and password


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_mail_goes_encrypted_with_name_and_password(scheme, outbox_for, certificate, trust):
    _, server_context = certificate

    with mail_server(scheme, server_context) as server:
        outbox_for(server.port, "localhost", scheme, "gud%40lft:open%20sesame@").put(JOHN, CODE)
        wait_until(lambda: server.mails)

    secret = base64.b64encode(b"\0gud@lft\0open sesame").decode()
    assert f"AUTH PLAIN {secret}" in server.heard
    assert ("smtps" == scheme) or "STARTTLS" == server.heard[1]
    assert [JOHN] == server.asked_for


@pytest.mark.parametrize(("scheme", "host"), [("smtp+starttls", "127.0.0.1"), ("smtps", "localhost")])
def test_nothing_is_sent_where_the_certificate_is_not_the_servers(scheme, host, outbox_for, request, caplog):
    _, server_context = request.getfixturevalue("certificate")
    if host != "localhost":  # there the certificate is not trusted, here it is another name's
        request.getfixturevalue("trust")

    with mail_server(scheme, server_context) as server:
        outbox_for(server.port, host, scheme, "gudlft:sesame@").put(JOHN, CODE)
        wait_until(lambda: errors_of(caplog))

    assert {"ehlo", "STARTTLS"} >= {line.split()[0] for line in server.heard}
    assert "certificate verify failed" in errors_of(caplog)[0]


def test_neither_password_nor_code_is_sent_where_encryption_is_not_offered(outbox_for, caplog):
    with mail_server(EHLO=["250-hello\r\n250 AUTH PLAIN LOGIN"] * 3) as server:
        outbox = outbox_for(server.port, scheme="smtp+starttls", credentials="gudlft:open%20sesame@")
        outbox.put(JOHN, CODE)
        wait_until(lambda: errors_of(caplog))

    assert ["ehlo"] * 3 == [line.split()[0] for line in server.heard]
    assert "STARTTLS" in errors_of(caplog)[0]


# Failures


def test_server_that_is_away_is_tried_three_times_and_named_in_the_log(outbox_for, caplog):
    outbox_for(free_port()).put(JOHN, CODE)
    wait_until(lambda: errors_of(caplog))

    assert [
        "mail: a try failed, another follows: [Errno 111] Connection refused",
        "mail: a try failed, another follows: [Errno 111] Connection refused",
        f"mail: no code can be sent to {JOHN}: [Errno 111] Connection refused",
    ] == lines_of(caplog)
    assert CODE not in caplog.text


def test_tries_of_a_mail_end_within_half_a_minute_with_growing_pauses():
    first, second, third = outbox_module.TRIES_AT

    assert 0 < second - first < third - second
    assert third + smtp.SECONDS_OF_SILENCE < 30
    assert second + 2 * smtp.SECONDS_OF_SILENCE <= third  # slow tries do not push the last one back


def test_slow_try_does_not_push_the_next_one_back(outbox_for, monkeypatch):
    monkeypatch.setattr(outbox_module, "TRIES_AT", (0, 0.6))
    tries = []

    def fail_slowly(*arguments):
        tries.append(time.monotonic())
        time.sleep(0.5)
        raise OSError("busy")

    monkeypatch.setattr(outbox_module, "send", fail_slowly)

    outbox_for(1).put(JOHN, CODE)
    wait_until(lambda: 2 == len(tries))

    assert tries[1] - tries[0] < 1  # and not 1.1


@pytest.mark.parametrize("command", ["GREETING", "MAIL", "RCPT", "DATA", "END"])
def test_refusal_is_one_at_every_step_and_the_server_is_quoted(command, outbox_for, caplog):
    with mail_server(**{command: ["554 no"] * 3}) as server:
        outbox_for(server.port).put(JOHN, CODE)
        wait_until(lambda: errors_of(caplog))

    assert "(554, b'no'" in errors_of(caplog)[0]


def test_mail_is_sent_again_where_the_server_hangs_up_in_the_middle(outbox, postbox):
    postbox.answers["END"] = [HANG_UP]

    outbox.put(JOHN, CODE)
    wait_until(lambda: 2 == len(postbox.mails))

    assert [JOHN] * 2 == postbox.asked_for


@pytest.mark.parametrize("answer", ["421 bye", SILENCE])
def test_mail_that_was_taken_is_not_sent_again_whatever_follows(answer, outbox_for, caplog, monkeypatch):
    monkeypatch.setattr(smtp, "SECONDS_OF_SILENCE", 0.1)
    with mail_server(QUIT=[answer]) as server:
        outbox_for(server.port).put(JOHN, CODE)
        wait_until(lambda: server.mails)
        time.sleep(0.4)

    assert 1 == len(server.mails)
    assert [] == lines_of(caplog)


@pytest.mark.parametrize("command", ["GREETING", "END"])
def test_silent_server_holds_a_try_for_seconds_only(command, outbox_for, caplog, monkeypatch):
    monkeypatch.setattr(smtp, "SECONDS_OF_SILENCE", 0.1)
    with mail_server(**{command: [SILENCE] * 3}) as server:
        started = time.monotonic()
        outbox_for(server.port).put(JOHN, CODE)
        wait_until(lambda: errors_of(caplog))

    assert time.monotonic() - started < 1.5
    assert "timed out" in errors_of(caplog)[0]


def test_address_that_is_refused_for_now_stops_nobody(outbox, postbox, monkeypatch):
    monkeypatch.setattr(outbox_module, "TRIES_AT", (0, 0.3))
    postbox.answers["RCPT"] = ["451 later"]
    outbox.put(JOHN, CODE)
    outbox.put(KATE, CODE)
    wait_until(lambda: 2 == len(postbox.mails))

    assert [JOHN, KATE, JOHN] == postbox.asked_for


@pytest.mark.parametrize("before", [0, 175])  # in the middle of the line, and where the line is cut
def test_what_a_server_says_is_logged_in_one_short_line_without_the_code(before, outbox_for, caplog):
    with mail_server(END=[f"554-spam\r\n554 \x1b[31m{'x' * before} {CODE} {'b' * 5000}"] * 3) as server:
        outbox_for(server.port).put(JOHN, CODE)
        wait_until(lambda: errors_of(caplog))

    [line] = errors_of(caplog)
    assert "554, b'spam" in line
    assert "7qkm" not in caplog.text.lower()
    assert line.isprintable()
    assert len(line) < 300


def test_fault_of_this_app_stops_no_other_mail(outbox, postbox, caplog, monkeypatch):
    build = outbox_module.code_mail

    def faulty(sender, address, code):
        if address == JOHN:
            raise RecursionError
        return build(sender, address, code)

    monkeypatch.setattr(outbox_module, "code_mail", faulty)
    outbox.put(JOHN, CODE)
    outbox.put(KATE, CODE)
    wait_until(lambda: errors_of(caplog))

    assert [KATE] == postbox.asked_for
    assert [f"mail: no code can be sent to {JOHN}: RecursionError"] == errors_of(caplog)


# The check


def test_check_asks_the_server_and_sends_nothing():
    with mail_server() as server:
        check_server(urlsplit(f"smtp://127.0.0.1:{server.port}"), SENDER)

    assert ["ehlo", "mail", "quit"] == [line.split()[0].lower() for line in server.heard]


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        ({"MAIL": ["550 not yours"]}, "(550, b'not yours')"),
        ({"GREETING": [SILENCE]}, "Connection unexpectedly closed: timed out"),
    ],
)
def test_check_says_in_one_line_why_the_server_takes_nothing(answers, what, monkeypatch):
    monkeypatch.setattr(smtp, "SECONDS_OF_SILENCE", 0.2)
    with mail_server(**answers) as server, pytest.raises(OSError) as error:
        check_server(urlsplit(f"smtp://127.0.0.1:{server.port}"), SENDER)

    assert what == what_failed(error.value)


@pytest.mark.parametrize(("scheme", "port"), [("smtp", 25), ("smtp+starttls", 587), ("smtps", 465)])
def test_server_without_a_port_is_asked_at_the_usual_one(scheme, port, monkeypatch):
    for connection in ("SMTP", "SMTP_SSL"):
        monkeypatch.setattr(smtplib, connection, refuse)

    with pytest.raises(OSError, match=f"^mail.club.example {port}$"):
        check_server(urlsplit(f"{scheme}://mail.club.example"), SENDER)


def refuse(host, port, *_, **__):
    raise OSError(f"{host} {port}")


def test_without_a_server_mails_are_printed_as_people_read_them(capsys):
    smtp.send(CONSOLE, JOHN, outbox_module.code_mail(SENDER, JOHN, CODE))

    lines = capsys.readouterr().err.splitlines()
    assert [f"To: {JOHN}", f"Subject: Your code for GÜDLFT Registration: {CODE}"] == lines[:2]
    assert f"    {CODE}" in lines


def test_check_shows_no_password():
    quoting = ["535 wrong: sesame AGd1ZGxmdABzZXNhbWU="]
    with mail_server(AUTH=quoting) as server, pytest.raises(OSError) as error:
        check_server(urlsplit(f"smtp://gudlft:sesame@127.0.0.1:{server.port}"), SENDER)

    assert "it refuses the name or the password (535)" == what_failed(error.value)


# Processes and their end


def test_what_waits_is_sent_when_the_main_thread_ends(outbox, postbox, end_app, monkeypatch):
    monkeypatch.setattr(outbox_module, "DELAY", (60, 60))
    outbox.put(JOHN, CODE)

    end_app()

    assert [JOHN] == postbox.asked_for


def test_what_fails_at_the_end_is_not_tried_again(outbox_for, end_app, caplog, monkeypatch):
    monkeypatch.setattr(outbox_module, "DELAY", (60, 60))
    outbox_for(free_port()).put(JOHN, CODE)

    end_app()

    assert [f"mail: no code can be sent to {JOHN}: [Errno 111] Connection refused"] == lines_of(caplog)


def test_end_waits_for_a_silent_server_for_seconds_only(outbox_for, end_app, caplog, monkeypatch):
    monkeypatch.setattr(outbox_module, "DELAY", (60, 60))
    monkeypatch.setattr(outbox_module, "SECONDS_AT_THE_END", 0.1)
    monkeypatch.setattr(smtp, "SECONDS_OF_SILENCE", 0.2)
    with mail_server(GREETING=[SILENCE] * 20) as server:
        outbox = outbox_for(server.port)
        for _ in range(20):
            outbox.put(JOHN, CODE)
        started = time.monotonic()

        end_app()

        assert 0.1 <= time.monotonic() - started < 0.9
        assert "mail: the app ended before all codes were sent" == lines_of(caplog)[-1]


def test_no_thread_runs_before_a_code_is_asked_for(outbox):
    assert [] == [thread for thread in threading.enumerate() if "(_work)" in thread.name]  # a fork would not keep it


def test_code_that_waits_is_mailed_when_granian_is_stopped(folder, postbox):
    mail = {"MAIL": f"smtp://127.0.0.1:{postbox.port}", "MAIL_FROM": SENDER}
    with serving(folder, workers=1, SECRET_KEY=KEY, **mail) as (url, _):
        assert 303 == ServedSecretary(url).sign_in("1@example.com").status
        assert [] == postbox.mails

    assert ["1@example.com"] == postbox.asked_for
