"""The embedded Redis (or Valkey)."""

import signal
import socket
import subprocess

from .binaries import redis_program
from .places import CLOSED, own_folder, socket_folder, state_folder
from .server import Server
from .urls import redis_socket


class Redis(Server):
    """Redis on a Unix socket. It keeps nothing on disk: what must last is in the database."""

    kind = "redis"
    stop_signals = (signal.SIGTERM, signal.SIGKILL)

    def prepare(self) -> None:
        state = state_folder(self.places, self.identity)
        self.folder = own_folder(state / "redis", mode=CLOSED, identity=self.identity)
        socket_folder(self.places, "redis", self.identity)
        self.socket = redis_socket(self.places.sockets)
        self.program = redis_program(self.identity)
        # Where one outlived its keeper, nobody may talk to it any more.
        self._say(b"SHUTDOWN NOSAVE\r\n")
        self.socket.unlink(missing_ok=True)

    def command(self) -> list[str]:
        return [
            str(self.program),
            *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(self.folder), "--save", "", "--appendonly", "no", "--daemonize", "no"),
        ]

    def answers(self, process: subprocess.Popen[bytes]) -> bool:
        return self._say(b"PING\r\n").startswith(b"+PONG")

    def _say(self, command: bytes) -> bytes:
        """Sends one inline command; the answer, or nothing where nobody answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.socket))
                connection.sendall(command)
                return connection.recv(100)
            except OSError:
                return b""
