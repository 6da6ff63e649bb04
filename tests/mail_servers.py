"""A mail server for the tests: it keeps the mails that it takes, and answers as it is told."""

import email
import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager
from email.policy import default

USUAL = {  # answers by command; to others "250 OK"
    "GREETING": "220 ready",
    "EHLO": "250-hello\r\n250-STARTTLS\r\n250 AUTH PLAIN",
    "STARTTLS": "220 go on",
    "AUTH": "235 welcome",
    "DATA": "354 go on",
}
SILENCE = ""
HANG_UP = "hang up"


class Conversation(socketserver.StreamRequestHandler):
    def setup(self):
        if self.server.scheme == "smtps":
            self.encrypt()
        else:
            super().setup()

    def encrypt(self):
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        self.answer("GREETING")
        while line := self.rfile.readline():
            self.server.heard.append(line.decode().strip())
            command = line.split()[0].decode().upper()
            answer = self.answer(command)
            if command == "STARTTLS":
                self.encrypt()
            elif answer.startswith("354"):
                self.take_mail()

    def take_mail(self):
        lines = []
        while (line := self.rfile.readline()) not in (b"", b".\r\n"):
            lines.append(line)
        self.server.mails.append(email.message_from_bytes(b"".join(lines), policy=default))
        self.answer("END")

    def answer(self, command):
        """Give the first of the prepared answers that are left, or else the usual one; return it."""
        prepared = self.server.answers.get(command)
        answer = prepared.pop(0) if prepared else USUAL.get(command, "250 OK")
        if answer == HANG_UP:
            raise ConnectionAbortedError
        if answer != SILENCE:
            self.wfile.write(f"{answer}\r\n".encode())
        return answer

    def finish(self):
        super().finish()
        self.request.close()


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, answers, scheme, context):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.port = self.server_address[1]
        self.answers = answers
        self.scheme = scheme
        self.context = context  # for TLS
        self.heard = []  # the lines of all clients, without their mails
        self.mails = []

    @property
    def asked_for(self):
        return [line[len("RCPT TO:<") : -1] for line in self.heard if line.upper().startswith("RCPT")]

    def handle_error(self, request, client_address):
        """Print nothing: the client may have gone."""


@contextmanager
def mail_server(scheme="smtp", context=None, **answers):
    """Run a mail server, which gives each of these answers once; yield it."""
    with MailServer(answers, scheme, context) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def code_in(mail):
    return mail["Subject"].rpartition(" ")[2]


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
