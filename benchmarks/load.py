"""500 people at once: `python -m benchmarks.load [--people 500] [--seconds 180] [--times 10] [--surge-seconds 60]`.

On servers of its own: PostgreSQL, Redis, gunicorn as `cats4ml/serving.py` has it, a web worker and the clock. The
people are locust's, headless, in a process of their own: finders who explore and claim, by page and by API; raters who
answer, by page and by API; watchers who look at boards and queues. They think as long as people do. Nobody scores, so
that claims stay queued.

Then `--times` as many people come. That must degrade by waiting: what gets no answer is counted. Prints p50, p95 and
p99 by page, answers of 5xx, the most connections to the database, and the share of a core that the people took: they
share this machine's cores with the site, which would be faster without them. Exits 1 for any 5xx, any request without
an answer among the first, more than one in a hundred among the many, or exhausted connections.

Only this machine is asked; it stops by itself.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from benchmarks.stage import machine, own_servers


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="Many people at once.")
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--times", type=int, default=10, help="so many times the people in the second part; 0 for none")
    parser.add_argument("--surge-seconds", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=20_000, help="pairs in review when it begins")
    parser.add_argument("--processes", type=int, default=3, help="of the web server")
    parser.add_argument("--threads", type=int, default=2, help="of each of them")
    parser.add_argument(
        "--thumbnails", type=int, default=6, help="fetched for each page of the pool; others are cached"
    )
    options = parser.parse_args()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.load_site").measure(options)
    json.dump({"machine": machine(), **figures}, sys.stdout, indent=1)
    print()
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
