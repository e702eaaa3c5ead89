"""A CSV of claims from the upload to the last accepted row: `python -m benchmarks.claims_csv`.

Starts PostgreSQL and Redis of its own and prints one JSON object: the seconds that the site's own views take to check a
file of `--rows` rows, to show what they found, and to accept its good rows, with every row good and with `--bad` of
them bad; and `ratio`, their sum over a bare COPY of the same rows into a table without an index on the same server.
The median of `--runs` files each, every one with claims that nobody made before.
"""

from __future__ import annotations

import argparse
import importlib
import json

from benchmarks.stage import machine, own_servers


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims_csv", description="Upload to accepted.")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of each file")
    parser.add_argument("--bad", type=float, default=0.3, help="the share of bad rows in the second kind of file")
    parser.add_argument("--runs", type=int, default=3, help="files of each kind")
    return parser.parse_args()


def main() -> None:
    options = read_arguments()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        files = importlib.import_module("benchmarks.csv_files")
        figures = files.measure(rows=options.rows, bad=options.bad, runs=options.runs)
    print(json.dumps({"rows": options.rows, **figures, "machine": machine()}, indent=1))


if __name__ == "__main__":
    main()
