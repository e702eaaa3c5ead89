"""Who runs the servers, and in which folders: see the package's docstring for the why."""

import hashlib
import os
import pwd
import shlex
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import EmbeddedServerError

CHECKOUT = Path(__file__).resolve().parents[2]
# Not tempfile.gettempdir(): two processes with another TMPDIR must find the same sockets.
SOCKETS_PARENT = Path("/tmp")  # noqa: S108
PASSABLE, CLOSED = 0o711, 0o700


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The OS user that the servers run as."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether this is another user than the one that this process runs as."""
        return self.uid != os.geteuid()

    def popen_options(self) -> dict[str, Any]:
        """What `subprocess` needs to run a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def can(self, *command: str | Path) -> bool:
        """Whether this user can run `command` with success. Asking the kernel beats reading modes and access lists."""
        try:
            done = subprocess.run(  # noqa: S603
                [str(part) for part in command],
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                **self.popen_options(),
            )
        except OSError:
            return False
        return done.returncode == 0


def server_identity() -> Identity:
    """``nobody`` where this process is root, else the user itself."""
    try:
        entry = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL needs an entry for this user in the password file ({error.args[0]}). "
            "Name other servers by DATABASE_URL and REDIS_URL."
        ) from error
    return Identity(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


@dataclass(frozen=True, kw_only=True)
class Places:
    """The folders of one home. Pure: nothing is looked up or made."""

    home: Path

    @classmethod
    def of(cls, home: Path | str | None = None) -> "Places":
        """The places of `home`, else of CATS4ML_HOME, else of ``<checkout>/var``."""
        chosen = home or os.environ.get("CATS4ML_HOME") or CHECKOUT / "var"
        return cls(home=Path(chosen).expanduser().resolve())

    @property
    def tag(self) -> str:
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:12]

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def sockets(self) -> Path:
        return SOCKETS_PARENT / f"cats4ml-{os.geteuid()}-{self.tag}"

    @property
    def outside(self) -> Path:
        """The data's folder where root's servers can't reach the home."""
        return outside_root() / "homes" / self.tag

    def log_of(self, kind: str) -> Path:
        return self.logs / f"{kind}.log"


def outside_root() -> Path:
    """For what ``nobody`` must reach where it can't reach the checkout; survives a restart of the machine."""
    return Path(os.environ.get("CATS4ML_STATE_DIR") or "/var/lib/cats4ml")


def prepare_home(places: Places) -> None:
    """Makes the home and its folders. Refuses a home of another user, whose files this one would mix with its own."""
    try:
        for folder in (places.home, places.run, places.logs):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedServerError(
            f"{places.home} can't be made or used ({error.strerror}). Choose another folder with CATS4ML_HOME."
        ) from error
    owner = places.run.stat().st_uid
    if owner != os.geteuid():
        raise EmbeddedServerError(
            f"{places.run} belongs to the user with id {owner}, this is the user with id {os.geteuid()}. "
            "Run as that user, or choose another folder with CATS4ML_HOME."
        )


def own_folder(path: Path, *, mode: int, identity: Identity | None = None) -> Path:
    """Makes `path` for `identity` (this process's user if none), or checks that the one there is safe to use.

    Its parent must be a folder that nobody else can rename things in: one's own, or one with the sticky bit.
    """
    uid = identity.uid if identity else os.geteuid()
    try:
        path.mkdir(CLOSED)
    except FileExistsError:
        _check_own(path, uid)
        return path
    if identity and identity.is_other:
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)
    path.chmod(mode)
    return path


def _check_own(path: Path, uid: int) -> None:
    found = path.lstat()
    safe = stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o022
    if not safe:
        raise EmbeddedServerError(
            f"{path} is not a folder of the user with id {uid} that only this user can write: somebody else made it. "
            "Remove it and start again."
        )


def state_folder(places: Places, identity: Identity) -> Path:
    """The folder of the data: the home, or the place outside where root's `identity` can't reach the home."""
    if not identity.is_other:
        return places.home
    if places.outside.exists():
        return places.outside
    if identity.can("/bin/sh", "-c", 'test -x "$1"', "sh", places.home):
        return places.home
    if (places.home / "postgres").exists():
        move = shlex.join(["mv", str(places.home / "postgres"), str(places.outside / "postgres")])
        raise EmbeddedServerError(
            f"The user {identity.name} can no longer reach the data in {places.home / 'postgres'}. Either let it pass "
            f"through the folders above, or move the data: mkdir -m 711 -p {shlex.quote(str(places.outside))} && {move}"
        )
    return _make_outside(places)


def _make_outside(places: Places) -> Path:
    folder = outside_folder("homes", places.tag)
    # For whoever wonders, years later, whose data these are.
    (folder / "home.txt").write_text(f"{places.home}\n")
    return folder


def outside_folder(*names: str) -> Path:
    """Makes ``outside_root()/name/name…``, each of them ours and passable, and gives the last."""
    folder = outside_root()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        own_folder(folder, mode=PASSABLE)
        for name in names:
            folder = own_folder(folder / name, mode=PASSABLE)
    except OSError as error:
        raise EmbeddedServerError(
            f"{folder} can't be made ({error.strerror}). Choose another place with CATS4ML_STATE_DIR."
        ) from error
    return folder


def socket_folder(places: Places, name: str, identity: Identity) -> Path:
    """The folder of one server's socket, which only `identity` (and root) may enter."""
    own_folder(places.sockets, mode=PASSABLE if identity.is_other else CLOSED)
    return own_folder(places.sockets / name, mode=CLOSED, identity=identity)
