"""The part of `benchmarks.claims_csv` that needs Django set up."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from benchmarks.edition import new_finder
from cats4ml.catalog.actions import NewLabel, add_classifier, add_images, add_labels
from cats4ml.catalog.models import Image
from cats4ml.challenges.actions import add_pool_images, add_target_labels, decide_roster
from cats4ml.challenges.editions import create_edition, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Submission, Upload

PATIENCE_SECONDS = 600.0
HEADER = ("image_id", "label_id", "rationale")
Row = tuple[str, str, str]


def measure(*, rows: int, bad: float, runs: int) -> dict[str, object]:
    """The figures of files with every row good, and of files with this share of bad rows."""
    settings.ALLOWED_HOSTS = ["*"]
    labels = [f"label-{number}" for number in range(2 * runs)]
    challenge = _edition(rows, labels)
    everything = iter(labels)
    return {
        "all_good": _figures(challenge, [_rows(rows, next(everything), 0.0) for _ in range(runs)]),
        f"{bad:.0%}_bad": _figures(challenge, [_rows(rows, next(everything), bad) for _ in range(runs)]),
    }


def _edition(pictures: int, labels: Sequence[str]) -> Challenge:
    challenge = create_edition(
        slug="files",
        title="Files",
        summary="",
        vocabulary="files",
        policy=Policy(base_quota=10_000_000),
        queue="files",
        consent_text="A benchmark.",
    )
    card = {"digest": "files", "name": "one", "vocabulary": "files", "labels": list(labels)}
    decide_roster(challenge=challenge, classifiers=[add_classifier(card=card)])
    added = add_labels(vocabulary="files", labels=[NewLabel(key, key) for key in labels])
    add_target_labels(challenge=challenge, labels=added)
    # No picture is opened here: the files need not be there.
    images = [Image(image_id=f"{place:016x}", file=f"{place}.jpg", sha256=f"{place:064x}") for place in range(pictures)]
    add_pool_images(challenge=challenge, images=add_images(collection="files", images=images))
    set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    return challenge


def _rows(number: int, label: str, bad: float) -> list[Row]:
    """As people send them: every tenth with a rationale. Bad rows are of four kinds, spread over the whole file."""
    rows: list[Row] = []
    for place in range(number):
        image, named, why = f"{place:016x}", label, "Looks like something else." if place % 10 == 0 else ""
        if int((place + 1) * bad) > int(place * bad):
            spoilt = [("f" + image[1:], named), (image, "no such label"), (image, ""), (rows[0][0], rows[0][1])]
            image, named = spoilt[place % 4]
        rows.append((image, named, why))
    return rows


def _figures(challenge: Challenge, files: Sequence[list[Row]]) -> dict[str, object]:
    seconds = [_send(challenge, file) for file in files]
    copied = [_copy(file) for file in files]
    parts = {name: round(median(one[name] for one in seconds), 3) for name in seconds[0]}
    bare = median(copied)
    return {**parts, "bare_copy": round(bare, 4), "ratio": round(parts["upload_to_accepted"] / bare, 1)}


def _send(challenge: Challenge, rows: Sequence[Row]) -> dict[str, float]:
    """Upload, look at what was found, submit, look until every good row is a claim."""
    finder = new_finder(challenge, f"finder-{time.monotonic_ns()}")
    client = Client()
    client.force_login(finder.user)
    file = SimpleUploadedFile("claims.csv", _text(rows))
    checked, reply = _timed(
        lambda: client.post(reverse("submissions:upload_file", args=[challenge.slug]), {"file": file})
    )
    shown, _ = _timed(lambda: client.get(reply["Location"]))
    upload = Upload.objects.get(participation=finder)
    good = upload.rows.filter(problem="").count()
    address = reverse("submissions:upload_submit", args=[challenge.slug, upload.uuid])
    taken, _ = _timed(lambda: _submit(client, address, upload))
    found = Submission.objects.filter(participation=finder).count()
    if found != good or not good:
        raise RuntimeError(f"{found} claims were made of {good} good rows")
    return {"check": checked, "show": shown, "submit": taken, "upload_to_accepted": checked + shown + taken}


def _submit(client: Client, address: str, upload: Upload) -> None:
    client.post(address)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not Upload.objects.filter(pk=upload.pk, state="submitted").exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not accepted within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.01)


def _text(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    return text.getvalue().encode()


def _copy(rows: Sequence[Row]) -> float:
    """Seconds of a bare COPY of the same bytes."""
    content = _text(rows)

    def copy() -> None:
        with connection.cursor() as cursor:
            cursor.copy_expert("COPY bare FROM STDIN (FORMAT csv, HEADER)", io.BytesIO(content))

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute("CREATE TABLE bare (image_id text, label_id text, rationale text)")
    seconds, _ = _timed(copy)
    return seconds


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result
