"""The board at a million pairs: `python -m benchmarks.standings`.

    .venv/bin/python -m benchmarks.standings [--pairs 1000000] [--finders 1000] [--raters 300] [--looks 60]
        [--settling 100] [--seconds 60] [--draws 2000]

On servers of its own, with data made by SQL: `--pairs` settled pairs with five answers each, and 6% more that wait.
Prints one JSON object: seconds of a count of the board and of a drawing of the ranks with the memory it took; the
milliseconds, p50 and p95, of the page (cold: nothing kept of it; warm), of its renewal where nothing changed, of the
API's first page and of the CSV; and the same while `--settling` pairs a second are settled and the board is counted
as often as the platform would. Requests go through Django's test client: all but the network and the web server.
"""

from __future__ import annotations

import argparse
import importlib
import json

import django

from benchmarks.stage import machine, own_servers


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.standings", description="The board at a million pairs.")
    parser.add_argument("--pairs", type=int, default=1_000_000, help="settled pairs")
    parser.add_argument("--finders", type=int, default=1_000)
    parser.add_argument("--raters", type=int, default=300)
    parser.add_argument("--looks", type=int, default=60, help="requests of each kind")
    parser.add_argument("--settling", type=float, default=100.0, help="pairs settled in a second meanwhile")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long pairs are settled")
    parser.add_argument("--draws", type=int, default=2_000)
    return parser.parse_args()


def in_a_process(name: str, *values: object) -> None:
    """Call a function of the figures in a fresh process, which must set Django up before it imports any of it."""
    django.setup()
    getattr(importlib.import_module("benchmarks.standings_figures"), name)(*values)


def main() -> None:
    options = read_arguments()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.standings_figures").measure(options)
    print(json.dumps({"machine": machine(), **figures}, indent=1))


if __name__ == "__main__":
    main()
