"""How fast Open Images comes in: `python -m benchmarks.import_openimages`.

Makes files of image ids and image-level labels (seeded, as long and as mixed as the published ones), imports them with
`manage.py import_openimages` into a PostgreSQL of its own, and prints one JSON object: rows a second, `ratio_to_copy`
(against a bare `COPY` of the same bytes into a table of texts without an index, on the same server), the seconds of a
second import that changes nothing, and the highest resident memory of the importing process in MiB, for a fifth of the
labels and for all. The seconds include the start of the command.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.stage import machine, own_servers

CLASSES = 20_000
LOOK_SECONDS = 0.05
IMAGE_HEADER = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
    "Thumbnail300KURL,Rotation"
)
WORDS = (
    "summer",
    "Berlin",
    "dsc",
    "my",
    "dog",
    "at",
    "the",
    "lake",
    "wedding",
    "IMG",
    "2012",
    "Zürich",
    "night",
    "old",
)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_openimages", description="Rows a second.")
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def image_ids(number: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    return sorted({f"{chance.getrandbits(64):016x}" for _ in range(number)})


def image_rows(ids: list[str], seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    for image in ids:
        photo, farm, person = chance.randrange(10**10), chance.randrange(1, 10), chance.randrange(10**5)
        title = " ".join(chance.choices(WORDS, k=chance.randrange(1, 6)))
        title = f'"{title}, ""{person}"""' if chance.random() < 0.05 else title
        host = f"https://farm{farm}.staticflickr.com/{photo % 9973}/{photo}_{person:010x}"
        thumbnail = "" if chance.random() < 0.025 else f"{host}_z.jpg"
        yield (
            f"{image},train,{host}_o.jpg,https://www.flickr.com/photos/person{person}/{photo},"
            f"https://creativecommons.org/licenses/by/2.0/,https://www.flickr.com/people/person{person}/,"
            f"Person {person},{title},{photo % 10**7},{photo:022d}==,{thumbnail},{chance.choice(['0.0', '', '90.0'])}\n"
        )


def label_rows(ids: list[str], number: int, seed: int) -> Iterator[str]:
    """By picture, as in the published files; some labels are in very many pictures, most in few."""
    chance = random.Random(seed)
    keys = [f"/m/0{place:05x}" for place in range(CLASSES)]
    weights = list(accumulate(1 / (place + 10) for place in range(CLASSES)))
    each = -(-number // len(ids))
    left = number
    for image in ids:
        drawn = dict.fromkeys(chance.choices(keys, cum_weights=weights, k=each + 3))
        for key in list(drawn)[: min(each, left)]:
            source, confidence = chance.choice(
                [("verification", "1"), ("verification", "0"), ("crowdsource-verification", "1")]
                + [("machine", f"0.{tenth}") for tenth in (5, 6, 7, 8, 9)]
            )
            yield f"{image},{source},{key},{confidence}\n"
            left -= 1


def write(path: Path, header: str, rows: Iterator[str]) -> int:
    """Returns the number of rows."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(header + "\n")
        for row in rows:
            file.write(row)
            number += 1
    return number


def imported(path: Path) -> dict[str, Any]:
    """Runs the command in a process of its own: its answer, its seconds and its memory."""
    began = time.monotonic()
    peak = 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, "manage.py", "import_openimages", str(path), "--json"], stdout=said)
        # Not the kernel's count at the end (ru_maxrss): that one has the memory of the parent in it.
        while process.poll() is None:
            peak = max(peak, peak_of(process.pid))
            time.sleep(LOOK_SECONDS)
        seconds = time.monotonic() - began
        if process.returncode:
            raise SystemExit(f"the import of {path} failed")
        said.seek(0)
        answer = json.loads(said.read())
    return {**answer, "seconds": round(seconds, 1), "peak_mib": round(peak / 1024)}


def peak_of(process: int) -> int:
    """The highest resident memory of a process since its beginning, in KiB; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def copied(path: Path, columns: int) -> float:
    """Seconds of a bare COPY of the file."""
    connection = importlib.import_module("django.db").connection
    with connection.cursor() as cursor, path.open("rb") as file:
        cursor.execute(f"CREATE TABLE bare ({', '.join(f'column{place} text' for place in range(columns))})")
        began = time.monotonic()
        cursor.copy_expert("COPY bare FROM STDIN WITH (FORMAT csv, HEADER)", file, size=1 << 16)
        seconds = time.monotonic() - began
        cursor.execute("DROP TABLE bare")
    return seconds


def measured(path: Path, rows: int, columns: int) -> dict[str, Any]:
    bare = copied(path, columns)
    first = imported(path)
    again = imported(path)
    if (first["new"], first["bad"], again["new"], again["changed"]) != (rows, 0, 0, 0):
        raise SystemExit(f"not what was to be imported: {first}, {again}")
    return {
        "rows": rows,
        "bytes": path.stat().st_size,
        "seconds": first["seconds"],
        "rows_per_second": round(rows / first["seconds"]),
        "copy_seconds": round(bare, 1),
        "copy_rows_per_second": round(rows / bare),
        "ratio_to_copy": round(first["seconds"] / bare, 1),
        "again_seconds": again["seconds"],
        "peak_mib": first["peak_mib"],
    }


def main() -> None:
    options = read_arguments()
    with tempfile.TemporaryDirectory(prefix="cats4ml-benchmark-") as folder, own_servers():
        files = {name: Path(folder) / f"{name}.csv" for name in ("classes", "images", "labels", "some")}
        ids = image_ids(options.images, options.seed)
        write(files["classes"], "LabelName,DisplayName", (f"/m/0{n:05x},Label {n}\n" for n in range(CLASSES)))
        images = write(files["images"], IMAGE_HEADER, image_rows(ids, options.seed))
        header = "ImageID,Source,LabelName,Confidence"
        labels = write(files["labels"], header, label_rows(ids, options.labels, options.seed))
        some = write(files["some"], header, label_rows(ids[: len(ids) // 5], options.labels // 5, options.seed))
        del ids
        imported(files["classes"])
        figures = {
            "images": measured(files["images"], images, 12),
            "a fifth of the labels": measured(files["some"], some, 4),
        }
        connection = importlib.import_module("django.db").connection
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE catalog_annotation")
        figures["labels"] = measured(files["labels"], labels, 4)
    print(json.dumps({**figures, "machine": machine()}, indent=1))


if __name__ == "__main__":
    main()
