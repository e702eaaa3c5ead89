from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from scoring.contract import MISSING_IMAGE, UNREADABLE_IMAGE, ImageRef
from scoring.images import PictureError, PictureStore, StorageTroubleError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "a").mkdir(parents=True)
    Image.new("RGB", (6, 4), "red").save(folder / "a" / "red.png")
    Image.new("RGB", (6, 4), "blue").save(tmp_path / "outside.png")
    (folder / "empty.jpg").touch()
    return folder


def failure(store: PictureStore, ref: ImageRef) -> tuple[str, str]:
    with pytest.raises(PictureError) as caught:
        store.picture(ref)
    return caught.value.code, caught.value.detail


@pytest.mark.parametrize("form", ["{}", "{}/", "file://{}"])
def test_a_picture_is_read_by_its_key(root: Path, form: str) -> None:
    picture = PictureStore(form.format(root)).picture(ImageRef(1, "a/red.png"))
    assert (picture.mode, picture.size, picture.getpixel((0, 0))) == ("RGB", (6, 4), (255, 0, 0))


@pytest.mark.parametrize(
    "key",
    [
        "../outside.png",
        "a/../../outside.png",
        "{}/outside.png",
        "file://{}/outside.png",
        "https://example.org/x.png",
        "simplecache::file://{}/outside.png",
        "..\\outside.png",
        "~/outside.png",
        "a/red.png\0",
        "",
        ".",
    ],
)
def test_a_key_that_leads_out_of_the_storage_is_refused(root: Path, key: str) -> None:
    code, detail = failure(PictureStore(str(root)), ImageRef(1, key.format(root.parent)))
    assert code == MISSING_IMAGE
    assert detail.endswith("is no plain path below the root of the picture storage")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("none.png", (MISSING_IMAGE, "there is no file 'none.png' in the picture storage")),
        ("a/red.png/x", (MISSING_IMAGE, "there is no file 'a/red.png/x' in the picture storage")),
        ("a", (MISSING_IMAGE, "'a' is a folder in the picture storage, not a file")),
        ("empty.jpg", (UNREADABLE_IMAGE, "the file is empty")),
    ],
)
def test_what_is_wrong_with_one_picture_is_said(root: Path, key: str, expected: tuple[str, str]) -> None:
    assert failure(PictureStore(str(root)), ImageRef(1, key)) == expected


def test_a_file_is_what_it_holds_whatever_its_name_says(root: Path) -> None:
    (root / "red.jpg").write_bytes((root / "a" / "red.png").read_bytes())
    assert PictureStore(str(root)).picture(ImageRef(1, "red.jpg")).getpixel((0, 0)) == (255, 0, 0)


def test_a_file_that_is_too_large_is_not_read_whole(root: Path) -> None:
    assert failure(PictureStore(str(root), max_bytes=20), ImageRef(1, "a/red.png"))[0] == UNREADABLE_IMAGE


def test_only_the_registered_file_is_scored(root: Path) -> None:
    checksum = hashlib.sha256((root / "a" / "red.png").read_bytes()).hexdigest()
    store = PictureStore(str(root))
    assert store.picture(ImageRef(1, "a/red.png", sha256=checksum)).size == (6, 4)
    expected = (UNREADABLE_IMAGE, "the file isn't the one that was registered: its checksum differs")
    assert failure(store, ImageRef(1, "a/red.png", sha256="0" * 64)) == expected


def test_trouble_with_the_storage_itself_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(StorageTroubleError, match=r"'loop' can't be read: OSError: .* symbolic links"):
        PictureStore(str(tmp_path), pauses=(0.01, 0.01)).picture(ImageRef(1, "loop"))


def test_a_storage_that_comes_back_in_time_is_read(root: Path, tmp_path: Path) -> None:
    late = root / "late.png"
    late.symlink_to(late)

    def mend() -> None:
        late.unlink()
        (root / "a" / "red.png").rename(late)

    timer = threading.Timer(0.1, mend)
    timer.start()
    assert PictureStore(str(root), pauses=(0.5,)).picture(ImageRef(1, "late.png")).size == (6, 4)
    timer.join()


def test_a_storage_in_the_net_that_does_not_answer_is_not_waited_for_long() -> None:
    """A listening port that never answers: the driver's own patience would be minutes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        code = (
            "from scoring import images; from scoring.contract import ImageRef\n"
            "images.S3_PATIENCE['config_kwargs']['read_timeout'] = 1\n"
            "try: images.PictureStore('s3://bucket/x', pauses=()).read(ImageRef(1, 'a.png'))\n"
            "except images.StorageTroubleError as error: print(error)"
        )
        address = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "x"}
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=False,
            env=os.environ | address | keys,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.startswith("'a.png' can't be read: "), done.stderr
