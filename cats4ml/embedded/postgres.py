"""The embedded PostgreSQL."""

import os
import pwd
import signal
import subprocess
import time
from pathlib import Path

import psutil

from .binaries import postgres_programs
from .errors import EmbeddedServerError, log_tail
from .places import CLOSED, own_folder, socket_folder, state_folder
from .server import Server
from .urls import DATABASE, ROLE

PORT = 5432  # of the socket's name only: nothing listens on TCP
MAX_CONNECTIONS = 200
ORPHAN_SECONDS = 15.0
THROWAWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


class Postgres(Server):
    """PostgreSQL with pgvector, on a Unix socket."""

    kind = "postgres"
    stop_signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def prepare(self) -> None:
        state = state_folder(self.places, self.identity)
        self.folder = own_folder(state / "postgres", mode=CLOSED, identity=self.identity)
        self.data = self.folder / "data"
        self.sockets = socket_folder(self.places, "pg", self.identity)
        self.programs = postgres_programs(self.identity, major=self._major_of_data())
        self._write_access_rules()
        if not self.data.exists():
            self._create_data()
        self._clear_leftovers()

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": self.sockets,
            "unix_socket_permissions": "0700",
            "hba_file": self._hba_file,
            "ident_file": self._ident_file,
            "max_connections": MAX_CONNECTIONS,
            "timezone": "UTC",
            "log_timezone": "UTC",
            **(THROWAWAY_SETTINGS if self.throwaway else {}),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.data), *options]

    def answers(self, process: subprocess.Popen[bytes]) -> bool:
        lines = self._pid_file_lines()
        # The format is PostgreSQL's own; pg_ctl reads the same lines.
        return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"

    @property
    def _hba_file(self) -> Path:
        return self.places.sockets / "pg_hba.conf"

    @property
    def _ident_file(self) -> Path:
        return self.places.sockets / "pg_ident.conf"

    def _write_access_rules(self) -> None:
        """Only the user who started us may log in, which the kernel attests.

        The files lie in the outer folder of the sockets, which is ours: root writes nothing where `nobody` could
        have put a link.
        """
        user = pwd.getpwuid(os.geteuid()).pw_name
        rules = {
            self._hba_file: "local all all peer map=cats4ml\n",
            self._ident_file: f'cats4ml "{user}" {ROLE}\n',
        }
        for path, text in rules.items():
            path.write_text(text)
            path.chmod(0o644 if self.identity.is_other else 0o600)

    def _major_of_data(self) -> int | None:
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def _create_data(self) -> None:
        """Makes the cluster and the database beside their place and renames: they are whole, or not there."""
        scratch = self.folder / "data.new"
        self._run("rm", "-rf", str(scratch))
        self._run(
            str(self.programs / "initdb"),
            *("-D", str(scratch), "--username", ROLE, "--auth=peer", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            *(["--no-sync"] if self.throwaway else []),
        )
        single = [str(self.programs / "postgres"), "--single", "-D", str(scratch), "postgres"]
        self._run(*single, text=f"CREATE DATABASE {DATABASE};\n")
        scratch.rename(self.data)

    def _run(self, *command: str, text: str = "") -> None:
        process = self.run_as_server(list(command), stdin=subprocess.PIPE)
        process.communicate(text.encode())
        if process.returncode:
            name = Path(command[0]).name
            raise EmbeddedServerError(f"{name} failed with status {process.returncode}.\n{log_tail(self.log)}")

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _clear_leftovers(self) -> None:
        """Stops a PostgreSQL that outlived its keeper, and removes a pid file whose number is now another program's.

        PostgreSQL itself recovers from a pid file whose process is gone. It refuses, though, where the number was given
        to another process of the same user: another home's PostgreSQL, for one.
        """
        lines = self._pid_file_lines()
        if not lines or not lines[0].isdigit():
            return
        pid = int(lines[0])
        deadline = time.monotonic() + ORPHAN_SECONDS
        while self._is_ours(pid):
            signal_now = signal.SIGINT if time.monotonic() < deadline - ORPHAN_SECONDS / 3 else signal.SIGKILL
            _send(pid, signal_now)
            time.sleep(0.1)
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"PostgreSQL with the process id {pid}, left from an earlier run, does not stop."
                )
        if psutil.pid_exists(pid):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            (self.sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        return str(self.data) in _command_line(pid)


def _command_line(pid: int) -> str:
    """The command line of a process; empty where there is none (any more)."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def _send(pid: int, sent: signal.Signals) -> None:
    try:
        os.kill(pid, sent)
    except ProcessLookupError:
        return
