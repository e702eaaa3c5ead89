"""Whatever people write, wherever it is shown: it becomes no element, no attribute and no formula."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.db.models import Value
from django.db.models.functions import Left

from cats4ml.accounts.models import ApiToken, Team, TeamMembership, User
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.models import Announcement, Challenge, Participation, TargetLabel
from cats4ml.releases.models import Evaluation, Release
from cats4ml.review.models import ControlQuestion, LabelExample, PictureReport, Study
from cats4ml.submissions.models import Dispute, Submission, Upload, UploadRow
from tests.security.asking import ask
from tests.security.people import Everybody, build_everybody
from tests.security.routes import all_routes

HOSTILE = "=1+1'\"><img src=x onerror=alert(7)><script>alert(7)</script>{{7*7}}{% now %}\u202eevil\u2066<b data-evil=1>"
TEXTS = (
    (Challenge, "title summary consent_text"),
    (Label, "name"),
    (TargetLabel, "question guidance"),
    (Image, "title author"),
    (User, "username"),
    (Team, "name"),
    (Submission, "rationale"),
    (Dispute, "reason answer"),
    (Upload, "filename"),
    (UploadRow, "image_id label_id rationale detail"),
    (Announcement, "title text"),
    (Study, "title completion_code"),
    (Evaluation, "name description"),
    (ApiToken, "name"),
    (PictureReport, "note"),
    (ControlQuestion, "explanation"),
    (LabelExample, "caption"),
    (Release, "notes"),
)
PEOPLE = ("visitor", "finder", "rater", "organiser", "superuser")


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.evil: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "script" and not names.get("src") and names.get("type") != "application/json":
            self.evil.append("a script")
        if any(name.startswith("on") or name == "data-evil" for name in names) or names.get("src") == "x":
            self.evil.append(f"{tag} {sorted(names)}")


@pytest.fixture
def here(db, settings) -> Iterator[Everybody]:
    settings.PAGE_RATES = dict.fromkeys(settings.PAGE_RATES)
    logging.disable(logging.CRITICAL)
    found = build_everybody()
    team = Team.objects.create(name="x")
    TeamMembership.objects.create(team=team, user=found.people["finder"])
    Participation.objects.filter(pk=found.finder.pk).update(team=team)
    for model, fields in TEXTS:
        for name in fields.split():
            field = model._meta.get_field(name)
            keys = list(model.objects.order_by("pk").values_list("pk", flat=True))
            for number, pk in enumerate(keys[:3]):  # some names must stay different
                text = f"={number}{HOSTILE}"
                model.objects.filter(pk=pk).update(**{name: Left(Value(text), field.max_length or 10_000)})
    yield found
    logging.disable(logging.NOTSET)


def test_nothing_that_people_wrote_becomes_part_of_a_page_or_a_formula(here) -> None:
    wrong, met, tables = [], 0, 0
    for role in PEOPLE:
        client = here.client(role)
        for route in all_routes():
            if route.name.startswith(("api:", "admin:")) and not route.name.endswith("_changelist"):
                continue
            answer = ask(client, "GET", route.address(here))
            kind = answer.headers.get("Content-Type", "")
            text = answer.body.decode("utf-8", "replace")
            assert answer.word[0] != "5", route.name
            if kind.startswith("text/html"):
                seen = _Seen()
                seen.feed(text)
                met += "alert(7)" in text
                wrong += [f"{route.name} as {role}: {one}" for one in seen.evil]
            elif kind.startswith("text/csv"):
                tables += 1
                cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
                wrong += [f"{route.name}: {cell[:20]}" for cell in cells if cell.startswith(("=", "@", "\t", "+"))]
    assert (wrong, met > 40, tables > 8) == ([], True, True)
