"""`python -m models_zoo.demo_digits --out DIR`: real data and real classifiers for a demo, in half a minute, offline.

DIR then holds `classifiers/` and `roster.toml`, `images/<image_id>.png`, `targets.csv` (image_id,file,digit),
`scores.csv` (image_id,label_id,machine_mean) and, as the last one written, `complete`. The folder appears whole or
not at all; where it is complete, nothing is done.

This module is standard library only, so that the second run is quick; the work is done by `models_zoo.digits_build`
in a child process.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

MARKER = "complete"
VERSION = 1  # raise it when the same seed gives other files
SEED = 2021


class DemoError(RuntimeError):
    """The demo's data can't be made; the text says why and how to mend it."""


def read_marker(folder: Path) -> dict[str, Any] | None:
    """What `complete` says, or `None` where it isn't there or isn't whole."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def is_complete(folder: Path, *, seed: int) -> bool:
    """True where the marker is of this version and seed, and every file that it lists has its size."""
    marker = read_marker(folder)
    if marker is None or marker.get("version") != VERSION or marker.get("seed") != seed:
        return False
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == size for name, size in marker["files"].items()
    )


def make_demo(folder: Path, *, seed: int = SEED) -> bool:
    """Makes the demo's data in `folder` unless it is complete there; says whether it had to.

    Raises `DemoError` if `folder` has something else in it, or the child process fails.
    """
    if is_complete(folder, seed=seed):
        return False
    if folder.exists() and read_marker(folder) is None and (not folder.is_dir() or any(folder.iterdir())):
        raise DemoError(f"{folder} has other files in it; name a new or an empty folder with --out")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was interrupted
    partial.mkdir(parents=True)
    command = [sys.executable, "-m", "models_zoo.digits_build", "--out", str(partial), "--seed", str(seed)]
    done = subprocess.run(command, check=False)  # noqa: S603  (our own module, no shell)
    if done.returncode:
        raise DemoError("the demo's data could not be made; the messages above say why")
    _mark(partial, seed=seed)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return True


def _mark(folder: Path, *, seed: int) -> None:
    """Writes `complete`, the last of the files: their sizes and the build's statistics."""
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()
    }
    statistics = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))
    marker = {"version": VERSION, "seed": seed, "statistics": statistics, "files": sizes}
    (folder / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 when the data is there; 1, with the reason on stderr, when it can't be made."""
    parser = argparse.ArgumentParser(
        prog="python -m models_zoo.demo_digits", description="Make pictures, classifiers and scores for a demo."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where; a new or an empty folder")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of all that is drawn (default: {SEED})")
    options = parser.parse_args(arguments)
    try:
        made = make_demo(options.out.absolute(), seed=options.seed)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.out}: {'made' if made else 'complete, nothing to do'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
