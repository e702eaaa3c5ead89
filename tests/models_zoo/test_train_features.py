"""Features of a backbone, kept on disk."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from models_zoo.pictures import decode
from models_zoo.preprocess import Pixels
from models_zoo.training.features import CHUNK, Array, extract


class MeanColour:
    """A backbone whose features are a picture's mean colours, and which counts what it looked at."""

    digest = "0" * 64

    def __init__(self, dies_after: int | None = None) -> None:
        self.looked = 0
        self._dies_after = dies_after

    def read(self, data: bytes) -> Pixels:
        return np.asarray(decode(data))

    def see(self, batch: Sequence[Pixels]) -> tuple[Array, Array]:
        if self._dies_after is not None and self.looked >= self._dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        self.looked += len(batch)
        means = np.stack([picture.mean(axis=(0, 1)) for picture in batch]).astype(np.float32)
        return means, means[:, :1] / 255


def picture(path: Path, colour: int) -> Path:
    Image.new("RGB", (4, 4), (colour % 256, colour // 256, 7)).save(path)
    return path


def test_a_picture_is_looked_at_once_whatever_it_is_called(tmp_path: Path) -> None:
    pictures = {str(n): picture(tmp_path / f"{n}.png", n) for n in range(40)}
    pictures["twin"] = picture(tmp_path / "twin.png", 5)
    first = extract(MeanColour(), pictures, tmp_path / "kept")
    assert (first.computed, len(first.rows), first.features.shape) == (40, 41, (41, 3))
    assert first.features[first.rows["twin"]].tolist() == first.features[first.rows["5"]].tolist() == [5, 0, 7]
    assert first.sha256[first.rows["twin"]] == first.sha256[first.rows["5"]]
    again = MeanColour()
    moved = {"moved": (tmp_path / "3.png").rename(tmp_path / "moved.png")}
    second = extract(again, {**{key: pictures[key] for key in "0124"}, **moved}, tmp_path / "kept")
    assert (again.looked, second.computed) == (0, 0)
    assert second.features[second.rows["moved"]].tolist() == [3, 0, 7]


def test_a_changed_picture_is_looked_at_again(tmp_path: Path) -> None:
    pictures = {"one": picture(tmp_path / "one.png", 1)}
    extract(MeanColour(), pictures, tmp_path / "kept")
    picture(tmp_path / "one.png", 300)
    os.utime(tmp_path / "one.png", ns=(1, 1))
    found = extract(MeanColour(), pictures, tmp_path / "kept")
    assert (found.computed, found.features.tolist()) == (1, [[44, 1, 7]])


def test_another_backbone_never_meets_these_features(tmp_path: Path) -> None:
    pictures = {"one": picture(tmp_path / "one.png", 1)}
    extract(MeanColour(), pictures, tmp_path / "kept")
    other = MeanColour()
    other.digest = "1" * 64
    assert extract(other, pictures, tmp_path / "kept").computed == 1


def test_what_cannot_be_read_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    good = picture(tmp_path / "good.png", 1)
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:50])
    (tmp_path / "empty.png").write_bytes(b"")
    pictures = {name: tmp_path / f"{name}.png" for name in ("good", "cut", "empty", "gone")}
    found = extract(MeanColour(), pictures, tmp_path / "kept")
    assert list(found.rows) == ["good"]
    assert set(found.unreadable) == {"cut", "empty", "gone"}
    assert found.unreadable["empty"] == "the file is empty"
    assert found.unreadable["gone"] == "can't be read: No such file or directory"


def test_a_run_that_was_killed_is_taken_up_where_it_was(tmp_path: Path) -> None:
    pictures = {f"{n:03d}": picture(tmp_path / f"{n}.png", n) for n in range(CHUNK + 40)}
    child = multiprocessing.get_context("fork").Process(
        target=extract, args=(MeanColour(dies_after=CHUNK), pictures, tmp_path / "kept")
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    again = MeanColour()
    found = extract(again, pictures, tmp_path / "kept")
    assert (again.looked, found.computed, len(found.rows)) == (40, 40, CHUNK + 40)
    whole = extract(MeanColour(), pictures, tmp_path / "at once")
    assert found.features.tobytes() == whole.features.tobytes()


def test_a_damaged_chunk_is_made_again(tmp_path: Path) -> None:
    pictures = {"one": picture(tmp_path / "one.png", 1)}
    extract(MeanColour(), pictures, tmp_path / "kept")
    [chunk] = (tmp_path / "kept").glob("*/*.npz")
    chunk.write_bytes(chunk.read_bytes()[:100])
    assert extract(MeanColour(), pictures, tmp_path / "kept").computed == 1
