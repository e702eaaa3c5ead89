"""Becomes the keeper of one server: ``python -P …/cats4ml/embedded KIND HOME``. Started by `use.py`, never by hand.

This package is loaded under the name ``embedded``, without the one around it: importing ``cats4ml`` brings Celery with
it, and a keeper should start at once and stay small. That is why the package's own imports are relative.
"""

import argparse
import importlib
import sys
from pathlib import Path


def main() -> int:
    # Last in the path: a module of ours must not hide one of the standard library.
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    keeper = importlib.import_module("embedded.keeper")
    parser = argparse.ArgumentParser(prog="keeper", description=__doc__)
    parser.add_argument("kind", choices=sorted(keeper.KINDS))
    parser.add_argument("home", type=Path)
    parser.add_argument("--throwaway", action="store_true", help="fast, but the data do not survive a power cut")
    given = parser.parse_args()
    return int(keeper.keep(given.kind, given.home, throwaway=given.throwaway))


if __name__ == "__main__":
    sys.exit(main())
