"""Many raters at once over HTTP: `python -m benchmarks.raters [--raters 64] [--ratings 3200] [--rule majority]`.

On servers of its own, with the web server as `make run` starts it. Every rater asks for a question and answers it,
over the API, until nothing waits; `--ratings` answers settle every pair under `majority`. Prints ratings per second,
the milliseconds of "next" and "answer", and what the database says afterwards: pairs with more answers than the rule
asks for, raters asked twice about a pair, and pairs that were not settled: 0 of each. The limits were measured in the
same run: the same clients at an address that answers at once, and bare transactions that lock and write one row.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from benchmarks.stage import machine, own_servers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.raters", description="Many raters at once over HTTP.")
    parser.add_argument("--raters", type=int, default=64)
    parser.add_argument("--ratings", type=int, default=3_200, help="answers that fill every quorum of five")
    parser.add_argument("--rule", choices=["majority", "lead"], default="majority")
    parser.add_argument("--workers", type=int, default=2, help="processes of the web server, four threads each")
    options = parser.parse_args()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.rating_crowd").measure(options)
    json.dump({"machine": machine(), **figures}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
