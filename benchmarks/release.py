"""A release of many settled pairs with five answers each: `python -m benchmarks.release`.

Starts PostgreSQL and Redis of its own and prints one JSON object: the seconds of the whole and of each step, what the
building process itself computed of them, and the most memory that it had (`start_mb`: before it began). It does
nothing else, so that this is what a release needs.
"""

from __future__ import annotations

import argparse
import importlib
import json

import django

from benchmarks.stage import machine, own_servers


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.release", description="Seconds and memory of a release."
    )
    parser.add_argument("--pairs", type=int, default=100_000, help="settled pairs")
    parser.add_argument("--build", type=int, help=argparse.SUPPRESS)  # the process that is measured, by release
    return parser.parse_args()


def main() -> None:
    options = read_arguments()
    if options.build is not None:
        django.setup()
        print(json.dumps(importlib.import_module("benchmarks.release_build").build_and_measure(options.build)))
        return
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.release_build").measure(options.pairs)
    print(json.dumps({**figures, "machine": machine()}, indent=1))


if __name__ == "__main__":
    main()
