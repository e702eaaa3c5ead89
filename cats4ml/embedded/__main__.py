"""``python -m cats4ml.embedded KIND HOME``: becomes the keeper of one server. Started by `cats4ml.embedded.use`."""

import argparse
import sys
from pathlib import Path

from cats4ml.embedded.keeper import KINDS, keep


def main() -> int:
    parser = argparse.ArgumentParser(prog="cats4ml.embedded", description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("home", type=Path)
    parser.add_argument("--throwaway", action="store_true", help="fast, but the data do not survive a crash")
    given = parser.parse_args()
    return keep(given.kind, given.home, throwaway=given.throwaway)


if __name__ == "__main__":
    sys.exit(main())
