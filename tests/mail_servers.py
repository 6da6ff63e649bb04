"""Mail servers for the tests: a real one that keeps what it takes, and one that answers by a script."""

import email
import socketserver
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.support import free_port


class Postbox:
    """What a mail server took, and what it answers instead of taking it."""

    def __init__(self, *answers):
        self.answers = list(answers)  # to the first RCPT commands
        self.hang_ups = 0  # the number of mails to take without an answer
        self.asked_for = []  # the addresses of all RCPT commands
        self.sign_ins = []
        self.mails = []
        self.times = []  # when the mails came
        self.handle_RCPT = self.take_address  # the names that aiosmtpd calls
        self.handle_DATA = self.take_mail

    async def take_address(self, server, session, envelope, address, options):
        """Take an address, or answer as prepared."""
        self.asked_for.append(address)
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def take_mail(self, server, session, envelope):
        """Take a mail, and perhaps hang up."""
        self.mails.append(envelope)
        self.times.append(time.monotonic())
        if self.hang_ups:
            self.hang_ups -= 1
            server.transport.abort()
        return "250 OK"

    def sign_in(self, server, session, envelope, mechanism, credentials):
        """Let in whoever knows the password."""
        self.sign_ins.append((credentials.login, credentials.password))
        return AuthResult(success=credentials.password == b"open sesame", handled=False)


def read_mail(envelope):
    return email.message_from_bytes(envelope.content, policy=default)


def code_in(envelope):
    return read_mail(envelope)["Subject"].rpartition(" ")[2]


class PatientController(Controller):
    """aiosmtpd's server, but it gives open conversations a moment to end before it stops."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.conversations = set()

    def factory(self):
        """Return the protocol of a new conversation, and notice when that is over."""
        conversation = super().factory()
        connection_lost = conversation.connection_lost

        def end(error):
            self.conversations.discard(conversation)
            connection_lost(error)

        conversation.connection_lost = end
        self.conversations.add(conversation)
        return conversation

    def stop(self, *arguments, **options):
        """Wait a moment for conversations to end, and stop."""
        deadline = time.monotonic() + 0.5
        while self.conversations and time.monotonic() < deadline:
            time.sleep(0.005)
        super().stop(*arguments, **options)


@contextmanager
def mail_server(postbox, port=None, **options):
    """Run a mail server that fills the postbox; yield its port. Options are those of aiosmtpd."""
    controller = PatientController(postbox, hostname="127.0.0.1", port=port or free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def make_certificate(folder, host="localhost"):
    """Make key.pem and certificate.pem for a host; return the latter, and the SSL context of a server that has it."""
    key = folder / "key.pem"
    certificate = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "2"]
    names = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    files = ["-keyout", key, "-out", certificate]
    subprocess.run([*command, *names, *files], check=True, capture_output=True, timeout=60)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return certificate, context


class Script(socketserver.StreamRequestHandler):
    """A conversation by the server's script: an answer to each command, in pieces with a pause between them."""

    def handle(self):
        self.say("GREETING", "220 ready")
        for line in self.rfile:
            self.server.heard.append(line.decode().strip())
            command = line[:4].decode().strip().upper()
            if command == ".":
                self.say("END", "250 taken")
            elif command in ("EHLO", "AUTH", "MAIL", "RCPT", "RSET", "QUIT"):
                self.say(command, "250 OK")
            elif command == "DATA":
                self.say("DATA", "354 go on")

    def say(self, command, otherwise):
        pieces = self.server.answers.get(command, [otherwise + "\r\n"])
        for index, piece in enumerate(pieces):
            if index:
                self.server.stopping.wait(self.server.pause)
            self.wfile.write(piece.encode())


class ScriptedServer(socketserver.ThreadingTCPServer):
    """A mail server that answers by a script; an answer without pieces is silence."""

    daemon_threads = True

    def __init__(self, answers, pause):
        super().__init__(("127.0.0.1", 0), Script)
        self.answers = answers
        self.pause = pause
        self.heard = []
        self.stopping = threading.Event()
        self.port = self.server_address[1]

    def handle_error(self, request, client_address):
        """Print nothing: the client may have gone."""


@contextmanager
def scripted_server(pause=0.1, **answers):
    """Run a server that answers these commands with these pieces of text, and all other commands as usual."""
    with ScriptedServer(answers, pause) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
