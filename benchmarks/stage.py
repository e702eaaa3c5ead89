"""What the benchmarks of scoring share: servers of their own, pictures, a roster, and an edition made of them.

Import `own_servers` and enter it before anything of Django's is imported.
"""

from __future__ import annotations

import io
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
import numpy as np
from django.core.management import call_command
from PIL import Image

from cats4ml.embedded import temporary_servers

ARCHITECTURES = ("mobilenet_v3_large", "shufflenet_v2_x1_0", "efficientnet_b0")
CLASSES = 1000
VOCABULARY = "benchmark"


@contextmanager
def own_servers() -> Iterator[Path]:
    """PostgreSQL and Redis of this run's own with the tables made; Django is set up. Gives the home folder."""
    with temporary_servers() as urls, tempfile.TemporaryDirectory(prefix="cats4ml-benchmark-") as home:
        os.environ.update(DATABASE_URL=urls.database_url, REDIS_URL=urls.redis_url, CATS4ML_HOME=home)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")
        django.setup()
        call_command("migrate", verbosity=0)
        yield Path(home)


@dataclass(frozen=True)
class Weights:
    """A roster file, the folder of its weights, and its table of classes where it needs one."""

    roster: Path
    folder: Path
    classes: Path | None = None


def untrained_roster(folder: Path, architectures: Sequence[str] = ARCHITECTURES, *, size: int = 224) -> Weights:
    """A roster of torchvision's networks with fresh weights: as much work as trained ones, and nothing to download."""
    tables = [_table(name, seed, size) for seed, name in enumerate(architectures)]
    roster = folder / "roster.toml"
    roster.write_text("\n".join(tables), encoding="utf-8")
    return Weights(roster, folder)


def _table(architecture: str, seed: int, size: int) -> str:
    keys = json.dumps([str(number) for number in range(CLASSES)])
    return f"""
[[classifier]]
name = "{architecture}"
family = "torchvision"
architecture = "{architecture}"
weights = ""
seed = {seed}
activation = "softmax"
source = "freshly initialised, for a benchmark"
licence = "none"

[classifier.input]
resize = {size * 8 // 7}
size = [{size}, {size}]
interpolation = "bilinear"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]

[classifier.labels]
vocabulary = "{VOCABULARY}"
keys = {keys}
"""


def make_pictures(number: int, *, size: tuple[int, int], seed: int = 0) -> Iterator[bytes]:
    """JPEGs with as much detail as photographs have: a smooth field with noise on it, each another one."""
    random = np.random.default_rng(seed)
    for _ in range(number):
        coarse = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        field = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
        noise = random.integers(-24, 25, field.shape, dtype=np.int16)
        buffer = io.BytesIO()
        Image.fromarray(np.clip(field + noise, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
        yield buffer.getvalue()


def read_pictures(folder: Path, number: int) -> Iterator[bytes]:
    """The first pictures of a folder, by name, over again from the start where there are too few.

    A repeated one gets a byte after its end, which no decoder reads, so that it is another file.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    for place in range(number):
        yield paths[place % len(paths)].read_bytes() + b"\0" * (place // len(paths))


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    model = next(names, platform.machine())
    return {"processor": model, "cores": len(os.sched_getaffinity(0)), "python": platform.python_version()}
