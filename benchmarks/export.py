"""How fast every pair of an edition is exported, on one machine with servers of its own.

    python -m benchmarks.export --pairs 100000 1000000

For each number of settled pairs, in the order of their first claims: the rows per second of the API's CSV
(`/api/v1/challenges/SLUG/pairs/?format=csv`, by the site's own code and without a network) beside a bare
`COPY (…) TO STDOUT` of the same rows in the same order, and of the same rows without any order; whether both gave the
same bytes; and how much the export's memory grew at its peak. The best of three runs each.
"""

from __future__ import annotations

import argparse
import importlib
import json

from benchmarks.stage import machine, own_servers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", default=[100_000, 1_000_000], metavar="NUMBER")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.export_figures")
        found = [figures.measure(number, options.runs) for number in sorted(options.pairs)]
    print(json.dumps({"machine": machine(), "exports": found}, indent=1))


if __name__ == "__main__":
    main()
