"""How long one claim waits for its score: `python -m benchmarks.latency`.

Starts PostgreSQL, Redis, the web server, a web worker and a scoring worker of its own, and prints one JSON object:
the seconds from the click (a POST to the API over HTTP) to the recorded machine score of a single pair, p50 and p95,
first on an idle machine, then while another participant's CSV of `--rows` rows is being scored. `interactive_share`
is the p95 under load over the time that the whole CSV takes: without priorities a click waits for what was sent
before it, and it is near 1.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from pathlib import Path

from benchmarks.stage import ARCHITECTURES, Weights, machine, own_servers, untrained_roster


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description="Click to score, p50 and p95.")
    parser.add_argument("--clicks", type=int, default=30, help="single claims in each of the two conditions")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the CSV that is scored meanwhile")
    parser.add_argument("--size", default="640x480", help="of the pictures, which are made for it")
    parser.add_argument("--architectures", default=",".join(ARCHITECTURES), help="of torchvision, freshly initialised")
    parser.add_argument("--roster", type=Path, help="a roster file instead")
    parser.add_argument("--classifiers-dir", type=Path)
    parser.add_argument("--classes", type=Path)
    return parser.parse_args()


def main() -> None:
    options = read_arguments()
    with tempfile.TemporaryDirectory() as folder, own_servers():
        if options.roster:
            weights = Weights(options.roster, options.classifiers_dir, options.classes)
        else:
            weights = untrained_roster(Path(folder), options.architectures.split(","))
        # Django's models can be imported only now that it knows its database.
        clicks = importlib.import_module("benchmarks.clicks")
        figures = clicks.measure(options, weights)
    print(json.dumps({**figures, "machine": machine()}, indent=1))


if __name__ == "__main__":
    main()
