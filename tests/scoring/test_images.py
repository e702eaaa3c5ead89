from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from scoring.contract import MISSING_IMAGE, UNREADABLE_IMAGE, ImageRef
from scoring.images import PictureError, PictureStore


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


def test_a_file_that_is_too_large_is_not_read_whole(root: Path) -> None:
    assert failure(PictureStore(str(root), max_bytes=20), ImageRef(1, "a/red.png"))[0] == UNREADABLE_IMAGE


def test_only_the_registered_file_is_scored(root: Path) -> None:
    checksum = hashlib.sha256((root / "a" / "red.png").read_bytes()).hexdigest()
    store = PictureStore(str(root))
    assert store.picture(ImageRef(1, "a/red.png", sha256=checksum)).size == (6, 4)
    expected = (UNREADABLE_IMAGE, "the file isn't the one that was registered: its checksum differs")
    assert failure(store, ImageRef(1, "a/red.png", sha256="0" * 64)) == expected


def test_trouble_with_the_storage_itself_is_a_surprise(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="symbolic links"):
        PictureStore(str(tmp_path)).picture(ImageRef(1, "loop"))
