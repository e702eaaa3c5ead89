"""Joining with consent, claiming by form, and by CSV, in the browser."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from cats4ml.challenges.models import Challenge, Participation
from cats4ml.submissions.models import Submission, Upload
from cats4ml.submissions.queries import quota_for
from tests.factories import World, make_team, make_user
from tests.web import signed_in

CONSENT = {"role": "finder", "consent": "on", "consent_version": "1"}


def url(world: World, name: str, *args: object) -> str:
    return reverse(name, args=[world.challenge.slug, *args])


def joined() -> list[tuple[str, str, int]]:
    return list(Participation.objects.values_list("user__username", "role", "consent_version"))


@pytest.mark.parametrize(("role", "next_page"), [("finder", "pages:explore"), ("rater", "review:review")])
def test_joining_leads_to_the_work(world, role, next_page) -> None:
    reply = signed_in(make_user("ada")).post(url(world, "pages:join"), {**CONSENT, "role": role})
    assert (reply.status_code, reply.url, joined()) == (302, url(world, next_page), [("ada", role, 1)])


@pytest.mark.parametrize(
    "wrong", [{"consent": ""}, {"role": "organiser"}, {"role": ""}, {"consent_version": "x"}, {"consent_version": ""}]
)
def test_nobody_joins_without_consent_or_as_something_else(world, wrong) -> None:
    assert signed_in(make_user()).post(url(world, "pages:join"), {**CONSENT, **wrong}).status_code == 422
    assert joined() == []


def test_a_text_that_changed_meanwhile_is_shown_anew_and_agreed_to_again(world) -> None:
    client = signed_in(make_user("ada"))
    assert "Your finds are published." in client.get(url(world, "pages:join")).content.decode()
    Challenge.objects.update(consent_version=2, consent_text="Your finds and your name are published.")
    reply = client.post(url(world, "pages:join"), CONSENT)
    html = reply.content.decode()
    assert (reply.status_code, joined()) == (422, [])
    assert ("your name are published" in html, 'name="consent_version" value="2"' in html) == (True, True)
    assert reply.context["form"]["consent"].value() is False
    again = client.post(url(world, "pages:join"), {**CONSENT, "consent_version": "2"})
    assert (again.status_code, joined()) == (302, [("ada", "finder", 2)])


def test_a_finder_cannot_become_a_rater_and_is_told_why(world) -> None:
    client = signed_in(make_user("ada"))
    client.post(url(world, "pages:join"), CONSENT)
    reply = client.post(url(world, "pages:join"), {**CONSENT, "role": "rater"})
    assert reply.status_code == 422
    assert "nobody judges their own finds" in str(reply.context["form"].non_field_errors())
    assert joined() == [("ada", "finder", 1)]


def test_one_takes_part_with_ones_own_team_only(world) -> None:
    ada = make_user("ada")
    own, other = make_team(ada), make_team(make_user())
    client = signed_in(ada)
    for wrong in (other.pk, 10**30, "x", "\x00"):
        assert client.post(url(world, "pages:join"), {**CONSENT, "team": wrong}).status_code == 422
    assert client.post(url(world, "pages:join"), {**CONSENT, "team": own.pk}).status_code == 302
    assert Participation.objects.get().team == own


def test_one_pair_is_claimed_by_form_with_the_picture_in_view(world) -> None:
    finder = world.finder()
    client, image = signed_in(finder.user), world.images[0]
    html = client.get(url(world, "submissions:submit") + f"?image={image.image_id}").content.decode()
    assert (f"/pictures/{image.uuid}/" in html, "100</b> claims left" in html) == (True, True)
    sent = {"image_id": image.image_id, "label_id": "cat", "rationale": "<b>fluffy</b>"}
    assert client.post(url(world, "submissions:submit_pair"), sent).url == url(world, "pages:mine")
    assert list(Submission.objects.values_list("rationale", "charged")) == [("<b>fluffy</b>", True)]
    again = client.post(url(world, "submissions:submit_pair"), sent)
    assert (again.status_code, "You already claimed this pair." in again.content.decode()) == (422, True)
    assert "&lt;b&gt;fluffy&lt;/b&gt;" in client.get(url(world, "pages:mine")).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"image_id": "nope"}, {"image_id": ""}, {"image_id": "a\x00"}, {"label_id": "zebra"}, {"label_id": ""},
     {"rationale": "x" * 1001}, {"rationale": "\x00"}, {"image_id": "x" * 81}],
)  # fmt: skip
def test_a_form_with_something_wrong_claims_nothing(world, wrong) -> None:
    finder = world.finder()
    sent = {"image_id": world.images[0].image_id, "label_id": "cat", "rationale": "", **wrong}
    reply = signed_in(finder.user).post(url(world, "submissions:submit_pair"), sent)
    assert (reply.status_code, Submission.objects.count()) == (422, 0)
    assert reply.context["form"].errors


def send(client, world: World, text: bytes, name: str = "claims.csv"):
    return client.post(url(world, "submissions:upload_file"), {"file": SimpleUploadedFile(name, text)})


def test_a_csv_is_checked_then_charged_then_not_again(world) -> None:
    finder = world.finder()
    client = signed_in(finder.user)
    one, two = (image.image_id for image in world.images[:2])
    text = f"image_id,label_id,rationale\r\n{one},cat,\r\n{two},Dog,why\r\n{two},zebra,=1+1\r\n{one},cat\x00,\r\n"
    reply = send(client, world, text.encode(), "../../=evil\x00.csv")
    upload = Upload.objects.get()
    address = url(world, "submissions:upload", upload.uuid)
    assert (reply.url, quota_for(finder).used) == (address, 0)
    html = client.get(address).content.decode()
    assert ("2 pairs are ready to go" in html, "Nothing has been charged yet." in html) == (True, True)
    for _ in range(2):
        client.post(url(world, "submissions:upload_submit", upload.uuid))
    assert "2 pairs submitted" in client.get(address).content.decode()
    assert (quota_for(finder).used, Submission.objects.count()) == (2, 2)
    bad = client.get(url(world, "submissions:bad_rows", upload.uuid)).getvalue().decode()
    rows = list(csv.reader(io.StringIO(bad)))
    assert [row[:5] for row in rows] == [
        ["line", "image_id", "label_id", "rationale", "reason"],
        ["4", two, "zebra", "'=1+1", "Label is not a target label."],
        ["5", one, "cat�", "", "The row holds a character that can’t be kept."],
    ]


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"a,b\n1,2\n", b"image_id,label_id\n", b'image_id,label_id\n"'])
def test_a_file_that_is_no_csv_of_claims_is_refused_beside_the_field(world, text) -> None:
    reply = send(signed_in(world.finder().user), world, text)
    assert (reply.status_code, Upload.objects.count()) == (422, 0)
    assert reply.context["upload_form"].errors["file"]


def test_bad_rows_are_listed_by_reason_and_paged(world) -> None:
    client = signed_in(world.finder().user)
    text = "image_id,label_id\n" + "".join(f"no-{n},cat\n" for n in range(60)) + ",cat\n"
    address = send(client, world, text.encode()).url
    first = client.get(address)
    assert (len(first.context["page"].rows), first.context["bad"], first.context["good"]) == (50, 61, 0)
    second = client.get(address + first.context["page"].next)
    assert [row.line for row in second.context["page"].rows] == list(range(52, 63))
    chosen = client.get(address + "?reason=missing_image")
    assert [row.line for row in chosen.context["page"].rows] == [62]
