"""How fast pictures are fetched: `python -m benchmarks.fetch_pictures [--number 500] [--parallel 16]`.

Starts PostgreSQL and an S3 server (moto's) of its own, puts smooth drawn JPEGs of 1024 x 683 into a public bucket, and
prints one JSON object: pictures a second of bare GETs of the same bytes, of the whole run (`fetch_pictures`, into a
folder), their ratio, and of looking at a picture (decode whole, hash, thumbnail) and of its parts on one core.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import boto3
import django
import numpy as np
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from django.core.management import call_command
from PIL import Image as Pillow

from cats4ml import embedded

BUCKET = "open-images-dataset"
SIZE = (1024, 683)


def drawn(seed: int) -> bytes:
    """A JPEG with details at several scales, of about the bytes of a photograph."""
    draw = np.random.default_rng(seed)
    values = np.zeros((SIZE[1], SIZE[0], 3), dtype=np.float32)
    for side, weight in ((6, 110), (30, 70), (140, 40), (480, 18)):
        layer = Pillow.fromarray(draw.integers(0, 256, (side * 2 // 3, side, 3), dtype=np.uint8))
        values += np.asarray(layer.resize(SIZE, Pillow.Resampling.BICUBIC), dtype=np.float32) * (weight / 240)
    buffer = io.BytesIO()
    Pillow.fromarray(values.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@contextmanager
def s3_server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def fill(url: str, contents: Sequence[bytes]) -> list[str]:
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket=BUCKET)
    keys = [f"train/{number:016x}.jpg" for number in range(len(contents))]
    for key, content in zip(keys, contents, strict=True):
        client.put_object(Bucket=BUCKET, Key=key, Body=content, ACL="public-read")
    return keys


def bare_gets(url: str, keys: Sequence[str], parallel: int) -> float:
    """Pictures a second."""
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=Config(signature_version=UNSIGNED))
    addresses = [client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}) for key in keys]
    http = urllib3.PoolManager(maxsize=parallel)
    began = time.perf_counter()
    with ThreadPoolExecutor(parallel) as pool:
        sizes = list(pool.map(lambda address: len(http.request("GET", address).data), addresses))
    assert min(sizes) > 1000
    return len(keys) / (time.perf_counter() - began)


def whole_run(contents: Sequence[bytes], parallel: int) -> float:
    """Pictures a second."""
    from cats4ml.catalog.actions import add_images  # noqa: PLC0415 - needs Django set up
    from cats4ml.catalog.models import Image  # noqa: PLC0415
    from cats4ml.challenges.actions import add_pool_images  # noqa: PLC0415
    from cats4ml.challenges.editions import create_edition  # noqa: PLC0415
    from cats4ml.rules.policy import Policy  # noqa: PLC0415

    challenge = create_edition(slug="pool", title="Pool", summary="", vocabulary="openimages", policy=Policy())
    images = [Image(image_id=f"{number:016x}", subset="train") for number in range(len(contents))]
    add_pool_images(challenge=challenge, images=add_images(collection="openimages", images=images))
    out = io.StringIO()
    call_command("fetch_pictures", "pool", "--json", "--parallel", str(parallel), stdout=out, stderr=io.StringIO())
    came = json.loads(out.getvalue())
    assert came["there"] == len(contents), came
    return len(contents) / float(came["seconds"])


def on_one_core(contents: Sequence[bytes]) -> dict[str, float]:
    """Pictures a second of each part, one after the other in this thread."""
    from cats4ml.catalog.pictures import examine, presentable  # noqa: PLC0415 - needs Django set up
    from models_zoo.pictures import decode  # noqa: PLC0415

    def rate(work: Callable[[bytes], object]) -> float:
        began = time.perf_counter()
        for content in contents:
            work(content)
        return round(len(contents) / (time.perf_counter() - began), 1)

    return {"decode": rate(decode), "examine": rate(examine), "strip_metadata": rate(presentable)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=500)
    parser.add_argument("--parallel", type=int, default=16)
    asked = parser.parse_args()
    contents = [drawn(seed) for seed in range(asked.number)]
    with embedded.temporary_servers() as urls, tempfile.TemporaryDirectory() as home, s3_server() as s3:
        place = {"CATS4ML_HOME": home, "IMAGES_URL": str(Path(home) / "pictures"), "OPEN_IMAGES_ENDPOINT": s3}
        os.environ.update(
            place, DATABASE_URL=urls.database_url, REDIS_URL=urls.redis_url, DJANGO_SETTINGS_MODULE="cats4ml.settings"
        )
        django.setup()
        call_command("migrate", verbosity=0)
        keys = fill(s3, contents)
        bare = bare_gets(s3, keys, asked.parallel)
        whole = whole_run(contents, asked.parallel)
        print(
            json.dumps(
                {
                    "pictures": len(contents),
                    "mean_bytes": sum(map(len, contents)) // len(contents),
                    "bare_gets_per_s": round(bare, 1),
                    "whole_run_per_s": round(whole, 1),
                    "ratio": round(whole / bare, 2),
                    "one_core_per_s": on_one_core(contents[:200]),
                }
            )
        )


if __name__ == "__main__":
    main()
