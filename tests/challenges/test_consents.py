"""What people agree to: every version kept, asked for anew, taken back."""

from __future__ import annotations

import pytest
from django.urls import reverse

from cats4ml.accounts.models import Notice
from cats4ml.challenges.actions import JoinRefused, join_challenge
from cats4ml.challenges.consents import FINDER_TERMS, RATER_TERMS, Confirmed, leave_challenge
from cats4ml.challenges.edition_settings import set_consent
from cats4ml.challenges.models import ChallengeStatus, Consent, ConsentText, Participation, Role
from cats4ml.review.actions.leasing import close_leases, hold_leases
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.models import Lease
from cats4ml.rules.answers import Answer
from cats4ml.submissions.actions.claims import ClaimRefused
from cats4ml.submissions.models import Submission
from tests.api.clients import program
from tests.factories import World, make_user
from tests.web import HTMX, signed_in


def change(world: World, text: str, **more: object) -> None:
    set_consent(challenge=world.challenge, text=text, by=None, at=world.pass_time(1), **more)
    world.challenge.refresh_from_db()


def agree(world: World, part: Participation, **said: bool) -> Participation:
    return join_challenge(
        challenge=world.challenge,
        user=part.user,
        role=Role(part.role),
        consent_version=world.challenge.consent_version,
        confirmed=Confirmed(**said),
        at=world.pass_time(1),
    )


def test_every_version_is_kept_with_who_agreed_to_what_and_when(world) -> None:
    finder, rater = world.finder(), world.rater()
    change(world, "Second.", minimum_age=16, eligibility="I am no organiser.")
    agree(world, finder, old_enough=True, eligible=True)
    assert list(
        ConsentText.objects.order_by("version").values_list("version", "text", "minimum_age", "eligibility")
    ) == [
        (1, "Your finds are published.", None, ""),
        (2, "Second.", 16, "I am no organiser."),
    ]
    kept = Consent.objects.order_by("pk").values_list(
        "participation", "text__version", "age_confirmed", "eligibility_confirmed", "also_agreed"
    )
    assert list(kept) == [
        (finder.pk, 1, None, "", FINDER_TERMS),
        (rater.pk, 1, None, "", RATER_TERMS),
        (finder.pk, 2, 16, "I am no organiser.", FINDER_TERMS),
    ]
    told = Notice.objects.filter(what="consent_changed").order_by("user")
    assert [(one.user_id, one.values["version"]) for one in told] == [(finder.user_id, 2), (rater.user_id, 2)]
    # Nobody but the finder has agreed to the second: a third follows it all the same, and an age alone makes one.
    change(world, "Second.", minimum_age=18, eligibility="I am no organiser.")
    assert world.challenge.consent_version == 3


def test_a_text_that_nobody_agreed_to_is_replaced_in_its_version(world) -> None:
    change(world, "Draft.")
    change(world, "Final.")
    assert list(ConsentText.objects.values_list("version", "text")) == [(1, "Final.")]


def test_whoever_agreed_to_another_text_goes_on_once_they_agree_and_loses_nothing(world) -> None:
    finder, rater = world.finder(), world.rater()
    world.claim(finder, (0, "cat"))
    world.score(0, {"cat": 0.1})
    change(world, "Second.")
    page = reverse("pages:join", args=[world.challenge.slug])
    with pytest.raises(ClaimRefused, match=page):
        world.claim(finder, (0, "dog"))
    with pytest.raises(RatingRefused, match=page):
        hold_leases(rater=Participation.objects.get(pk=rater.pk), at=world.pass_time(1))
    client, slug = signed_in(finder.user), world.challenge.slug
    sent = {"image_id": world.images[0].image_id, "label_id": "dog"}
    assert client.post(reverse("submissions:submit_pair", args=[slug]), sent).url == page
    moved = client.post(reverse("submissions:basket_put", args=[slug]), sent, headers=HTMX)
    assert (moved.status_code, moved.headers["HX-Redirect"]) == (200, page)
    assert client.get(reverse("pages:mine", args=[slug])).status_code == 200
    refused = program(finder.user).post(f"/api/v1/challenges/{slug}/submissions/", sent)
    assert (refused.status_code, page in refused.json()["detail"]) == (403, True)
    html = client.get(page).content.decode()
    assert ("The text you agreed to has changed" in html, "Second." in html) == (True, True)
    assert client.post(page, {"role": "finder", "consent": "on", "consent_version": "2"}).status_code == 302
    fresh = Participation.objects.get(pk=finder.pk)
    assert [one.problem for one in world.claim(fresh, (0, "dog"))] == [None]
    assert Submission.objects.filter(participation=finder).count() == 2
    parts = program(rater.user).get(f"/api/v1/challenges/{slug}/participations/").json()["results"]
    assert [(one["consent_version"], page in one["asked_anew"]) for one in parts] == [(1, True)]


def test_age_and_condition_are_confirmed_wherever_somebody_joins(world) -> None:
    change(world, "First.", minimum_age=18, eligibility="I <b>don’t</b> organise.")
    user, slug = make_user(), world.challenge.slug
    form, client = {"role": "finder", "consent": "on", "consent_version": "1"}, signed_in(user)
    html = client.get(reverse("pages:join", args=[slug])).content.decode()
    assert ("I am at least 18 years old." in html, "I &lt;b&gt;don’t" in html) == (True, True)
    for said in ({}, {"old_enough": "on"}, {"eligible": "on"}):
        assert client.post(reverse("pages:join", args=[slug]), {**form, **said}).status_code == 422
    sent = {"role": "finder", "consent_version": 1, "old_enough": True}
    api = program(user)
    assert api.post(f"/api/v1/challenges/{slug}/participations/", sent).status_code == 403
    assert api.post(f"/api/v1/challenges/{slug}/participations/", {**sent, "eligible": True}).status_code == 201
    assert Consent.objects.values_list("age_confirmed", "eligibility_confirmed").get() == (
        18,
        world.challenge.eligibility,
    )
    with pytest.raises(JoinRefused, match="at least 18"):
        world.finder()


def test_who_leaves_keeps_what_they_did_and_comes_back_in_the_same_role(world) -> None:
    finder, rater = world.finder(), world.rater()
    world.claim(finder, (0, "cat"))
    world.score(0, {"cat": 0.1})
    hold_leases(rater=rater, at=world.pass_time(1))
    assert [leave_challenge(participation=one, at=world.pass_time(1)) for one in (finder, finder, rater)] == [
        True,
        False,
        True,
    ]
    with pytest.raises(ClaimRefused, match="You left this challenge"):
        world.claim(finder, (0, "dog"))
    with pytest.raises(RatingRefused, match="You left this challenge"):
        hold_leases(rater=rater, at=world.pass_time(1))
    assert Consent.objects.filter(withdrawn_at=None).count() == 0
    with pytest.raises(JoinRefused, match="as a participant"):
        world.rater(finder.user)
    world.finder(finder.user)
    fresh = Participation.objects.get(pk=finder.pk)
    assert (fresh.left_at, [one.problem for one in world.claim(fresh, (0, "dog"))]) == (None, [None])
    assert Consent.objects.filter(participation=finder).count() == 2
    close_leases(at=world.pass_time(10_000))
    assert Lease.objects.filter(rater=rater, closed_at=None).count() == 0


def test_the_page_of_consents_shows_ones_own_and_leaves_by_a_second_page(world) -> None:
    finder, other = world.finder(), world.finder()
    client, leave = signed_in(finder.user), reverse("pages:leave", args=[world.challenge.slug])
    assert "Your finds are published." in client.get(reverse("pages:consents")).content.decode()
    assert client.get(leave).status_code == 200
    assert signed_in(make_user()).get(leave).status_code == 404
    assert client.post(leave).url == reverse("pages:consents")
    assert list(Participation.objects.filter(left_at=None).values_list("pk", flat=True)) == [other.pk]
    assert "taken back" in client.get(reverse("pages:consents")).content.decode()


def test_a_final_edition_asks_nobody_anew(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[Answer.YES] * 5)
    change(world, "Second.")
    world.challenge.status = ChallengeStatus.FINAL
    world.challenge.save(update_fields=["status"])
    assert signed_in(finder.user).get(reverse("submissions:submit", args=[world.challenge.slug])).status_code == 200


def test_who_agreed_to_another_text_is_told_where_they_look_for_pictures(world) -> None:
    finder, slug = world.finder(), world.challenge.slug
    pages = [reverse(name, args=[slug]) for name in ("pages:explore", "leaderboard:board", "submissions:basket")]
    link = f'<a href="{reverse("pages:join", args=[slug])}">'

    def told() -> list[int]:
        client = signed_in(finder.user)
        return [client.get(page).text.count(link) for page in pages]

    assert told() == [0, 0, 0]
    change(world, "Another text.")
    assert told() == [1, 1, 1]
    agree(world, finder)
    leave_challenge(participation=finder, at=world.pass_time(1))
    assert told() == [1, 0, 1]
