"""Finds a Chromium for the browser tests; ``python -m tests.chromium --install`` tries to have one installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
INSTALL_SECONDS = 900
NONE_FOUND = (
    "No Chromium was found, so the browser tests are SKIPPED. Install one (Debian: apt-get install chromium; "
    "elsewhere: python -m playwright install chromium), or name one with CHROMIUM=/path/to/chromium."
)


def find_chromium() -> Path | None:
    """The executable: CHROMIUM's if set, else one on the PATH, else Playwright's own, else None."""
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise FileNotFoundError(f"CHROMIUM={named} is not a program")
        return Path(found)
    for name in ON_PATH:
        if found := shutil.which(name):
            return Path(found)
    return playwrights_own()


def playwrights_own() -> Path | None:
    """The newest Chromium that ``playwright install`` fetched."""
    folders = [Path.home() / ".cache" / "ms-playwright", Path.home() / "Library" / "Caches" / "ms-playwright"]
    if chosen := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        folders.insert(0, Path(chosen))
    patterns = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")
    for folder in folders:
        programs = sorted(program for pattern in patterns for program in folder.glob(pattern))
        if programs:
            return programs[-1]
    return None


def install() -> None:
    """Debian's packages for root, else Playwright's download. What fails is told, and is no error."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
        attempts = [[*apt, "update"], [*apt, "install", "--no-install-recommends", "chromium", "fonts-dejavu-core"]]
        if all(succeeds(command) for command in attempts):
            return
    succeeds([sys.executable, "-m", "playwright", "install", "chromium"])


def succeeds(command: list[str]) -> bool:
    """Runs a command without asking anybody anything; on failure shows the end of what it said."""
    print("+", *command, flush=True)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return False
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-10:]), file=sys.stderr)
    return done.returncode == 0


def main() -> None:
    if find_chromium() is None and "--install" in sys.argv[1:]:
        install()
    found = find_chromium()
    if found:
        print(f"Chromium for the browser tests: {found}")
        return
    rule = "!" * 100
    print(f"\n{rule}\n{NONE_FOUND}\n{rule}\n", file=sys.stderr)


if __name__ == "__main__":
    main()
