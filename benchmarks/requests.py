"""What each page costs: CPU, statements and the database, per request.

    .venv/bin/python -m benchmarks.requests [--pairs 4000] [--looks 40] [--only review] [--statements] [--profile]

On servers of its own, with the edition of `benchmarks.load`. The requests of its people are handed to the site's WSGI
application in this process, one after the other and all of them warm, so that what is counted is the site and no
server or client. CPU is this process's own, the lower quartile of `--looks` requests, for where others use the machine
too even CPU is dearer at times; the database's is that of the one process of PostgreSQL that answers, on average.
`--statements` shows what was asked of the database by one request, `--profile` where the time of this process went.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from benchmarks.stage import machine, own_servers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.requests", description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=4_000, help="pairs in review when it begins")
    parser.add_argument("--looks", type=int, default=40, help="requests of each kind")
    parser.add_argument("--only", nargs="+", default=[], help="only the pages whose name has one of these words")
    parser.add_argument("--statements", action="store_true", help="also print the statements of one request")
    parser.add_argument("--profile", action="store_true", help="also print where the CPU went, by function")
    options = parser.parse_args()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.request_costs").measure(options)
    json.dump({"machine": machine(), "pages": figures}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
