"""How long a rater waits for the next question, by how many pairs wait.

    .venv/bin/python -m benchmarks.queue_depth [--sizes 1000 100000 1000000] [--looks 200] [--answers 10000] [--plans]
        [--sensitive SHARE]

On servers of its own. At each size: a rater who never answered, and one with `--answers` answers, half of whose pairs
(at most half of the queue) are begun by them alone and stand at its head. Each takes a question and answers it,
`--looks` times. Prints the milliseconds of "next" and "answer" by the actions, without HTTP, and the ratio of the
largest size to the smallest: 1 is flat.

`--sensitive 0.9`: the first nine tenths of the queue, begun ones and fresh ones alike, are of a kind that none of the
two chose to see; a third rater, who chose every kind, is asked too.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from benchmarks.stage import machine, own_servers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue_depth", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000], help="pairs that wait")
    parser.add_argument("--looks", type=int, default=200, help="questions of each rater")
    parser.add_argument("--answers", type=int, default=10_000, help="answers that the experienced rater gave before")
    parser.add_argument("--plans", action="store_true", help="also print the plan of the statement that finds the next")
    parser.add_argument("--sensitive", type=float, default=0.0, help="the share of the queue's head that is so")
    options = parser.parse_args()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.queue_looks").measure(options)
    json.dump({"machine": machine(), **figures}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
