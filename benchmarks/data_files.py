"""How fast data files are written and pools are drawn, on one machine with servers of its own.

    python -m benchmarks.data_files --pictures 200000
    python -m benchmarks.data_files --pool 1000000 --annotations 3000000

The first compares `images.csv` and `annotations.csv` with a bare `COPY … TO STDOUT` of the same rows, without order,
and prints how much memory the build takes beyond what the process had. The second draws pools from a catalogue of that
size, and times the data page of the largest.
"""

from __future__ import annotations

import argparse
import importlib
import json

from benchmarks.stage import own_servers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, help="write the files of a pool of so many pictures")
    parser.add_argument("--pool", type=int, metavar="IMAGES", help="draw from a catalogue of so many pictures")
    parser.add_argument("--annotations", type=int, help="so many of them (default: three for each picture)")
    options = parser.parse_args()
    with own_servers():
        # Django's models can be imported only now that it knows its database.
        figures = importlib.import_module("benchmarks.data_figures")
        if options.pictures:
            print(json.dumps(figures.measure_files(options.pictures), indent=1))
        if options.pool:
            number = options.annotations or figures.ANNOTATIONS_A_PICTURE * options.pool
            print(json.dumps(figures.measure_pool(options.pool, number), indent=1))


if __name__ == "__main__":
    main()
