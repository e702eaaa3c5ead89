"""Pictures per second of the whole path: `python -m benchmarks.scoring`.

From the claim through the message, the storage, the decoder and the ensemble to the score that PostgreSQL holds, by
real workers with servers of their own; beside it, in the same run and in turns with it,

* `forward`: the bare forward passes of the same ensemble on pictures in memory, by the faster of torch and ONNX
  Runtime;
* `decode`: reading, decoding and resizing alone, by as many threads;
* `loop`: the loop that one would write with Pillow, torchvision and torch, one picture after the other.

On a processor decoder and classifiers share the cores, so that the whole path can at best reach `shared_limit`: what
the cores give when they do nothing but decode and compute, 1 / (1 / forward + 1 / decode). On CUDA the limit is the
slower of the two. Ratios are medians over the repeats. `--curves` adds the figures over batch size, picture size,
number of classifiers and number of scoring workers. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from pathlib import Path

from benchmarks.stage import ARCHITECTURES, machine, own_servers


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description="Pictures per second, in ratios.")
    parser.add_argument("--number", type=int, default=256, help="pictures in each repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1, help="scoring workers")
    parser.add_argument("--size", default="640x480", help="of the pictures that are made where no folder is given")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures")
    parser.add_argument("--architectures", default=",".join(ARCHITECTURES), help="of torchvision, freshly initialised")
    parser.add_argument("--roster", type=Path, help="a roster file instead")
    parser.add_argument("--classifiers-dir", type=Path)
    parser.add_argument("--classes", type=Path)
    parser.add_argument("--curves", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = read_arguments()
    with tempfile.TemporaryDirectory() as folder, own_servers():
        # Django's models can be imported only now that it knows its database.
        path = importlib.import_module("benchmarks.scoring_path")
        figures = path.run(options, Path(folder))
    print(json.dumps({**figures, "machine": machine()}, indent=1))


if __name__ == "__main__":
    main()
