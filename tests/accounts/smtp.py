"""A mail server as small as one can be, on this machine: it takes mails, refuses some addresses, or says “later”."""

from __future__ import annotations

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self) -> None:
        self.say("220 here")
        recipient = ""
        while line := self.rfile.readline():
            words = line.decode().strip()
            command = words[:4].upper()
            if command == "RCPT":
                recipient = words.partition("<")[2].partition(">")[0]
                self.say(self.server.answers.get(recipient, "250 fine"))
            elif command == "DATA":
                self.say("354 go on")
                self.server.take(recipient, self.read_mail())
                self.say("250 taken")
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")

    def read_mail(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)


class MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, answers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", port), _Talk)
        self.answers = answers
        self.mails: list[tuple[str, Message]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def take(self, recipient: str, content: bytes) -> None:
        self.mails.append((recipient, email.message_from_bytes(content)))


@contextmanager
def mail_server(*, port: int = 0, answers: dict[str, str] | None = None) -> Iterator[MailServer]:
    """`answers`: what is said of a recipient, where it isn't “250”."""
    with MailServer(port, answers or {}) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
