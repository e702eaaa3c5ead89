from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def imagenet_folder() -> Path:
    """Photographs, human votes and classifiers that aren't part of the project; skips where they aren't there."""
    shared = Path(os.environ.get("CATS4ML_SHARED_DATA", ROOT.parent / "shared" / "data"))
    folder = shared / "imagenet"
    if not (folder / "ratings.csv").is_file():
        pytest.skip(f"no {folder}: set CATS4ML_SHARED_DATA to the folder that has it")
    return folder
