"""What is kept of a picture's bytes, and what is refused."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from PIL import Image

from cats4ml.catalog.actions import store_picture
from cats4ml.catalog.pictures import PictureRefused, examine, presentable
from cats4ml.catalog.recording import signed_hash
from cats4ml.catalog.storage import UNFINISHED, PictureFolder
from models_zoo.pictures import decode, perceptual_hash
from tests.catalog.picture_files import SECRETS, bomb, encoded, jpeg, opened, photo, with_notes

ROOT = Path(__file__).resolve().parents[2]
TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


def pixels(content: bytes) -> list[int]:
    return np.asarray(decode(content)).tolist()


def test_looking_at_pictures_needs_no_torch() -> None:
    code = "import sys; import models_zoo.pictures; sys.exit(any('torch' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_picture_is_kept_to_the_byte_with_its_digest_and_hash() -> None:
    content = jpeg(size=(640, 480))
    kept = examine(content)
    assert (kept.content, kept.suffix, kept.width, kept.height, kept.upright) == (content, ".jpg", 640, 480, None)
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    # As the scoring worker says it of the same file.
    assert kept.perceptual_hash == signed_hash(perceptual_hash(decode(content)))
    assert opened(kept.thumbnail).size == (320, 240)


@pytest.mark.parametrize(
    ("form", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp"), ("GIF", ".gif"), ("TIFF", ".tif")]
)
def test_a_picture_is_stored_under_what_it_is(form: str, suffix: str) -> None:
    assert examine(encoded(photo(), form)).suffix == suffix


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not_a_picture"),
        (b"<!doctype html><title>429</title>", "not_a_picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not_a_picture"),
        (jpeg()[:-400], "damaged"),
        (encoded(photo(), "PNG")[:-200], "damaged"),
        (bomb(), "too_large"),
        (bomb(9000, 9000), "too_large"),
        (bytes(50 * 1024 * 1024 + 1), "too_large"),
    ],
    ids=["empty", "page", "EPS", "half a JPEG", "half a PNG", "gigapixels", "81 megapixels", "51 MB"],
)
def test_what_is_no_whole_picture_of_a_fair_size_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(PictureRefused) as caught:
        examine(content)
    assert caught.value.reason == reason


def test_a_picture_on_its_side_gets_a_version_for_people_without_notes() -> None:
    content = with_notes(orientation=6)
    kept = examine(content)
    assert (kept.content, kept.width, kept.height) == (content, 64, 96)
    assert kept.upright is not None
    shown = opened(kept.upright)
    assert (shown.size, dict(shown.getexif())) == ((64, 96), {})
    assert opened(kept.thumbnail).size == (64, 96)
    assert [secret in kept.upright + kept.thumbnail for secret in SECRETS] == [False, False]
    assert np.abs(np.asarray(shown, dtype=int) - np.asarray(decode(content))).mean() < 3


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_what_the_collection_says_is_turned_counterclockwise_for_classifiers_and_people(degrees: int) -> None:
    content = jpeg()
    kept = examine(content, rotation=degrees)
    turned = opened(content).transpose(TURNS[degrees])
    assert (kept.width, kept.height) == turned.size
    # The scoring worker gets the file and nothing else. The pixels are those that were published.
    assert pixels(kept.content) == np.asarray(turned).tolist()
    assert np.asarray(opened(kept.content)).tolist() == np.asarray(opened(content)).tolist()
    assert kept.sha256 == hashlib.sha256(kept.content).hexdigest()
    assert kept.perceptual_hash == signed_hash(perceptual_hash(turned))
    assert kept.upright is not None
    assert np.abs(np.asarray(opened(kept.upright), dtype=int) - np.asarray(turned)).mean() < 3


def test_a_picture_with_a_note_of_its_own_is_not_turned_twice() -> None:
    content = with_notes(orientation=6)
    assert examine(content, rotation=270) == examine(content)


def test_a_picture_without_such_a_note_is_turned_itself() -> None:
    kept = examine(encoded(photo(), "WEBP", lossless=True), rotation=90)
    assert (kept.suffix, kept.upright) == (".png", None)
    assert pixels(kept.content) == np.asarray(photo().transpose(Image.Transpose.ROTATE_90)).tolist()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_shown_without_its_notes_as_it_is_to_be_seen(orientation: int) -> None:
    content = with_notes(orientation)
    shown, kind = presentable(content)
    assert kind == "image/jpeg"
    assert [secret in content for secret in SECRETS] == [True, True]
    assert [secret in shown for secret in SECRETS] == [False, False]
    assert set(opened(shown).getexif()) <= {0x0112}
    assert pixels(shown) == pixels(content)


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}, {"dpi": (72, 72)}]
)
def test_a_jpeg_of_any_making_is_shown_to_the_pixel(options: dict[str, object]) -> None:
    content = jpeg(comment=SECRETS[0], icc_profile=b"profile" * 20, **options)
    shown, _ = presentable(content + b"after the end: " + SECRETS[1])
    assert pixels(shown) == pixels(content)
    assert opened(shown).info["icc_profile"] == b"profile" * 20
    assert [secret in shown for secret in SECRETS] == [False, False]


def test_a_grey_and_a_cmyk_jpeg_are_shown_to_the_pixel() -> None:
    for mode in ("L", "CMYK"):
        content = encoded(photo().convert(mode), "JPEG", comment=SECRETS[0])
        assert pixels(presentable(content)[0]) == pixels(content)


def test_a_png_and_a_webp_are_shown_without_their_texts() -> None:
    exif = Image.Exif()
    exif[0x013B] = SECRETS[1].decode()
    for form, kind in (("PNG", "image/png"), ("WEBP", "image/webp")):
        content = encoded(photo(), form, exif=exif, xmp=SECRETS[0])
        shown, said = presentable(content)
        assert (said, SECRETS[0] in shown, SECRETS[1] in shown) == (kind, False, False)
        assert pixels(shown) == pixels(content)


def test_a_file_without_notes_is_shown_to_the_byte() -> None:
    for content in (jpeg(), encoded(photo(), "PNG"), encoded(photo(), "WEBP")):
        assert presentable(content)[0] == content


def test_people_see_the_frame_of_an_animation_that_classifiers_see() -> None:
    frames = [photo(1), photo(2)]
    for form in ("GIF", "PNG", "WEBP"):
        content = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100)
        kept = examine(content)
        assert kept.upright is not None
        assert np.abs(np.asarray(opened(kept.upright), dtype=int) - np.asarray(decode(content))).mean() < 4
        shown, kind = presentable(content)
        assert (kind, getattr(opened(shown), "n_frames", 1), pixels(shown)) == ("image/png", 1, pixels(content))


def test_a_format_that_browsers_do_not_show_is_shown_as_another() -> None:
    content = encoded(photo(), "TIFF")
    assert examine(content).upright is not None
    shown, kind = presentable(content)
    assert (kind, pixels(shown)) == ("image/png", pixels(content))


class FullDisk(ContentFile):
    """Half of it can be written."""

    def chunks(self, chunk_size=None):
        yield b"half"
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_no_half_file_behind(tmp_path) -> None:
    folder = PictureFolder(location=tmp_path)
    with pytest.raises(OSError, match="No space left"):
        folder.save("ab/picture.jpg", FullDisk(b""))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert folder.exists("ab/picture.jpg") is False


def test_a_picture_whose_writing_was_cut_short_is_written_when_it_comes_again(tmp_path, settings) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path}},
    }
    (tmp_path / UNFINISHED).mkdir()
    (tmp_path / UNFINISHED / "killed").write_bytes(b"half")
    key, digest = store_picture(content=b"whole", suffix=".jpg")
    again = store_picture(content=b"whole", suffix=".jpg")
    assert (again, (tmp_path / key).read_bytes()) == ((key, digest), b"whole")
