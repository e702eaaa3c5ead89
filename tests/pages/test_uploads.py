"""A file of claims after it was submitted: how far it is, on its page and among one's claims."""

from __future__ import annotations

import csv
import io

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Submission, Upload
from cats4ml.ui.meters import Part
from tests.factories import World, make_world
from tests.web import HTMX, queries_of, signed_in


def url(world: World, name: str, *args: object) -> str:
    return reverse(name, args=[world.challenge.slug, *args])


def sent(world: World, client, *places: int, more: str = "") -> Upload:
    rows = "".join(f"{world.images[place].image_id},cat\n" for place in places)
    file = SimpleUploadedFile("a.csv", f"image_id,label_id\n{rows}{more}".encode())
    client.post(url(world, "submissions:upload_file"), {"file": file})
    upload = Upload.objects.latest("pk")
    client.post(url(world, "submissions:upload_submit", upload.uuid))
    return upload


def test_the_page_of_a_file_shows_how_far_its_claims_are_and_htmx_gets_that_alone(db) -> None:
    world = make_world(policy=Policy(quorum=1))
    client = signed_in(world.finder().user)
    upload = sent(world, client, 0, 1, 2)
    world.score(0, {"cat": 0.1})
    world.score(1, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), Answer.YES)
    address = url(world, "submissions:upload", upload.uuid)
    page, fragment = client.get(address), client.get(address, headers=HTMX)
    parts = [Part("settled", 1, "text"), Part("in review", 1, "ag"), Part("in line for a score", 1, "rest")]
    assert page.context["parts"] == fragment.context["parts"] == parts
    html = fragment.content.decode()
    assert ("<html" in html, f'href="{address}"' in html, f'hx-get="{address}"' in html) == (False, True, True)
    assert html.partition("<form")[0] in page.content.decode()  # the token in the form differs each time
    world.score(2, {"cat": 0.1})
    for place in (1, 2):
        world.rate(world.pair(place, "cat"), Answer.YES)
    done = client.get(address, headers=HTMX).content.decode()
    assert ("3 of 3 scored, 3 settled" in done, "hx-get" in done, "Take back" in done) == (True, False, False)


def test_the_claims_of_one_file_are_looked_at_alone(world) -> None:
    finder = world.finder()
    client = signed_in(finder.user)
    upload = sent(world, client, 0, 1)
    world.claim(finder, (2, "cat"))
    stranger = sent(world, signed_in(world.finder().user), 3)
    mine = url(world, "pages:mine")

    def shown(query: str) -> list[str]:
        return [view.pair.image.image_id[-1] for view in client.get(mine + query).context["views"]]

    assert shown("") == ["2", "1", "0"]
    assert shown(f"?file={upload.uuid}") == ["1", "0"]
    assert shown(f"?file={upload.uuid}&state=queued") == ["1", "0"]
    assert shown(f"?file={upload.uuid}&state=settled") == []
    assert shown("?file=nonsense") == shown(f"?file={stranger.uuid}") == ["2", "1", "0"]


def test_what_has_no_score_yet_is_taken_back_by_one_button_and_only_once(world) -> None:
    client = signed_in(world.finder().user)
    upload = sent(world, client, 0, 1, 2)
    world.score(0, {"cat": 0.1})
    for _ in range(2):
        reply = client.post(url(world, "submissions:upload_retract", upload.uuid))
        assert reply.url == url(world, "submissions:upload", upload.uuid)
    assert Submission.objects.filter(retracted_at=None).count() == 1
    assert client.get(reply.url).context["parts"] == [
        Part("settled", 0, "text"),
        Part("in review", 1, "ag"),
        Part("in line for a score", 0, "rest"),
        Part("taken back", 2, "none"),
    ]


def test_the_list_of_bad_rows_can_be_mended_and_sent_as_it_is(world) -> None:
    client = signed_in(world.finder().user)
    upload = sent(world, client, 0, more=f"{world.images[1].image_id},zebra\n{world.images[2].image_id},=cat\n")
    reply = client.get(url(world, "submissions:bad_rows", upload.uuid))
    assert reply.streaming
    rows = list(csv.reader(io.StringIO(reply.getvalue().decode())))
    assert [row[2] for row in rows] == ["label_id", "zebra", "'=cat"]
    rows[1][2] = "cat"
    mended = io.StringIO()
    csv.writer(mended).writerows(rows)
    client.post(
        url(world, "submissions:upload_file"), {"file": SimpleUploadedFile("b.csv", mended.getvalue().encode())}
    )
    again = Upload.objects.latest("pk").rows.order_by("line").values_list("line", "label_id", "problem")
    assert list(again) == [(2, "cat", ""), (3, "=cat", "unknown_label")]


def test_a_file_beyond_the_limit_is_not_kept_while_it_is_received(world, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1024 * 1024
    client = signed_in(world.finder().user)
    file = SimpleUploadedFile("a.csv", b"image_id,label_id\n" * 500_000)
    reply = client.post(url(world, "submissions:upload_file"), {"file": file})
    form = reply.context["upload_form"]
    assert (reply.status_code, Upload.objects.count()) == (422, 0)
    assert form.errors["file"] == ["The file is larger than 1 MB. Split it into several files."]
    assert form.cleaned_data == {}
    assert reply.wsgi_request.FILES["file"].size < 2 * 1024 * 1024


def test_no_file_is_taken_without_the_token_of_the_form(world) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.finder().user)
    file = SimpleUploadedFile("a.csv", f"image_id,label_id\n{world.images[0].image_id},cat\n".encode())
    assert client.post(url(world, "submissions:upload_file"), {"file": file}).status_code == 403
    page = client.get(url(world, "submissions:submit"))
    file.seek(0)
    sent_with = {"file": file, "csrfmiddlewaretoken": str(page.context["csrf_token"])}
    assert client.post(url(world, "submissions:upload_file"), sent_with).status_code == 302


def test_the_page_of_a_file_costs_the_same_for_three_claims_as_for_one(db) -> None:
    costs = []
    for number in (1, 3):
        world = make_world()
        client = signed_in(world.finder().user)
        upload = sent(world, client, *range(number), more="x,cat\n" * number)
        costs.append(queries_of(client, url(world, "submissions:upload", upload.uuid)))
    assert (costs[0] == costs[1], costs[0] <= 20) == (True, True)
