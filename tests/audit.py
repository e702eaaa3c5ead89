"""`python -m tests.audit`: what of the supply chain and of secrets can be looked at without a network.

* what is installed fits together (`pip check`);
* each package that the project needs, itself or by another one, is pinned in constraints.txt, and each pin is needed;
* no tracked file holds a secret that `.secrets.baseline` doesn't know: whoever adds a line to that file says in the
  pull request why it is none.

Known holes of the pinned versions are not looked up here: `python -m tests.audit --online` (`make audit-online`) has
pip-audit ask a server for each of them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from tomllib import loads

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LINES_MOVED = 3  # how the hook ends where known lines stand elsewhere now
PINS, PROJECT, BASELINE = "constraints.txt", "pyproject.toml", ".secrets.baseline"
# Of other systems than this one: their pins can't be seen to be needed here.
ELSEWHERE = re.compile(r"^(nvidia-|cuda-|triton|colorama|pywin32|win32|tzdata|async-timeout|tomli|importlib|typing)")
# Kept by others byte by byte, or written by a program.
# Part of every virtual environment.
OF_PYTHON = {"pip", "setuptools", "wheel"}
NOT_READ = re.compile(
    r"^(constraints\.txt|cats4ml/static/vendor/|models_zoo/data/|docs/images/|\.secrets\.baseline)|\.(svg|png|po)$"
)


def pinned(text: str) -> dict[str, str]:
    """By canonical name, the line of each pin. Raises `ValueError` for a line that pins nothing."""
    found = {}
    for line in text.splitlines():
        bare = line.partition("#")[0].strip()
        if bare:
            one = Requirement(bare)
            if [part.operator for part in one.specifier] != ["=="]:
                raise ValueError(f"{PINS} should pin one version a line, not: {bare}")
            found[canonicalize_name(one.name)] = bare
    return found


def named(project: Mapping[str, object]) -> list[Requirement]:
    """What pyproject.toml asks for, with all its extras."""
    table: dict = project["project"]  # type: ignore[assignment]
    extras = [one for ones in table.get("optional-dependencies", {}).values() for one in ones]
    return [Requirement(one) for one in [*table["dependencies"], *extras]]


def needed(roots: Iterable[Requirement]) -> set[str]:
    """The canonical names of these packages and of all that they need, as installed here."""
    seen: set[tuple[str, str]] = set()
    waiting = [(one, extra) for one in roots for extra in ("", *one.extras)]
    while waiting:
        one, extra = waiting.pop()
        key = (canonicalize_name(one.name), extra)
        if key in seen:
            continue
        seen.add(key)
        try:
            below = [Requirement(text) for text in requires(one.name) or ()]
        except PackageNotFoundError:
            continue
        for other in below:
            if other.marker is None or other.marker.evaluate({"extra": extra}):
                waiting += [(other, asked) for asked in ("", *other.extras)]
    return {name for name, _ in seen}


def wrong_pins(pins: str, project: str) -> list[str]:
    have, want = pinned(pins), needed(named(loads(project)))
    found = [f"{name} is needed and not pinned in {PINS}" for name in sorted(want - set(have) - OF_PYTHON)]
    unused = sorted(name for name in set(have) - want if not ELSEWHERE.match(name))
    return found + [f"{have[name]} in {PINS} is needed by nothing: remove it" for name in unused]


def secrets_in(files: Iterable[str], *, baseline: str = BASELINE) -> str:
    """What looks like a secret in these files and isn't known; '' where there is nothing."""
    read = [name for name in files if not NOT_READ.search(name)]
    with tempfile.NamedTemporaryFile(suffix=".json") as known:  # the hook writes moved lines into it
        known.write((ROOT / baseline).read_bytes())
        known.flush()
        command = ["-m", "detect_secrets.pre_commit_hook", "--baseline", known.name, *read]
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode in (0, LINES_MOVED):
        return ""
    return (done.stdout + done.stderr).strip() or f"detect-secrets ended with {done.returncode}"


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def misfits() -> str:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout.strip()


def known_holes() -> int:
    """0 where pip-audit finds none; its status else. It says itself when no server answers."""
    command = [
        "-m",
        "pip_audit",
        "-r",
        PINS,
        "--no-deps",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "--timeout",
        "20",
    ]
    return subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode


def main() -> int:
    problems = wrong_pins(*((ROOT / name).read_text(encoding="utf-8") for name in (PINS, PROJECT)))
    problems += [text for text in (misfits(), secrets_in(tracked())) if text]
    for problem in problems:
        print(problem, file=sys.stderr)
    status = 1 if problems else 0
    if "--online" in sys.argv[1:]:
        return known_holes() or status
    print("Audit: pins, fit and secrets. Known holes of the versions were not looked up: make audit-online")
    return status


if __name__ == "__main__":
    sys.exit(main())
