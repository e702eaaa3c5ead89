"""Files as Open Images publishes them, small, and what is in the catalogue of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.catalog.models import Annotation, Image, Label
from tests.console.commands import command_json

IMAGE_HEADER = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
    "Thumbnail300KURL,Rotation"
)
LABEL_HEADER = "ImageID,Source,LabelName,Confidence"
KERZE = (
    "4fa8054781a4c382,train,https://farm3.staticflickr.com/5310/5898076654_51085e157c_o.jpg,"
    "https://www.flickr.com/photos/michael-beat/5898076654,https://creativecommons.org/licenses/by/2.0/,"
    "https://www.flickr.com/people/michael-beat/,Michael Beat,...die FNF-Kerze,4405052,KFukvivpCM5QXl5SqKe41g==,"
    "https://c1.staticflickr.com/6/5310/5898076654_00643a940c_z.jpg,0.0"
)


def image_row(number: int, **cells: str) -> str:
    """A row with nothing but an id and a subset, and what is given."""
    names = IMAGE_HEADER.split(",")
    return ",".join({"ImageID": f"{number:016x}", "Subset": "train", **cells}.get(name, "") for name in names)


def write(path: Path, *lines: str | bytes, end: bytes = b"\n") -> Path:
    path.write_bytes(b"".join((line.encode() if isinstance(line, str) else line) + end for line in lines))
    return path


def images() -> dict[str, dict[str, Any]]:
    """What the files say of the pictures, by their ids."""
    names = (
        "subset", "original_url", "landing_url", "license", "author_url", "author", "title", "original_bytes",
        "original_md5", "thumbnail_url", "rotation",
    )  # fmt: skip
    return {row.pop("image_id"): row for row in Image.objects.order_by("image_id").values("image_id", *names)}


def labels() -> dict[str, str]:
    return dict(Label.objects.filter(vocabulary="openimages").order_by("key").values_list("key", "name"))


def annotations() -> list[tuple[str, str, int, float, int]]:
    rows = Annotation.objects.order_by("image__image_id", "label__key", "source")
    return list(rows.values_list("image__image_id", "label__key", "source", "confidence", "kind"))


def imported(path: Path, *options: object) -> tuple[int, int, int, int]:
    """Imports a file; its rows that were new, changed, unchanged and bad."""
    answer = command_json("import_openimages", path, *options)
    figures = tuple(answer[name] for name in ("new", "changed", "unchanged", "bad"))
    assert answer["rows"] == sum(figures) + answer["passed_over"]
    return figures  # type: ignore[return-value]


def some_labels(*keys: str) -> None:
    add_labels(vocabulary="openimages", labels=[NewLabel(key, key) for key in keys])
