"""What a page of Explore costs in a large pool, and how "more like this" by the index compares with brute force.

    .venv/bin/python -m benchmarks.explore [--images 1000000] [--vectors 200000] [--dimensions 512] [--looks 20]

On servers of its own. The pages are asked of the real views by Django's test client, as a signed-in participant: the
first and the hundredth page of each filter. The vectors lie in clusters of very different sizes, as photographs do.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from benchmarks.stage import machine, own_servers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=1_000_000, help="pictures in the pool, three annotations each")
    parser.add_argument("--vectors", type=int, default=200_000, help="pictures with an embedding")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--looks", type=int, default=20, help="how often each page is asked for")
    parser.add_argument("--plans", action="store_true", help="also print the plans of the queries that take longest")
    options = parser.parse_args()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.exploring").measure(options)
    json.dump({"machine": machine(), **figures}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
