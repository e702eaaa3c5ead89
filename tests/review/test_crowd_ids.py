"""The ids of a paid crowd: apart from the visit, gone after a while, and nobody twice or after a pause."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from cats4ml.review.crowd_ids import forget_ids
from cats4ml.review.models import CrowdIdentity, PauseCause, RaterPause, StudyPlatform, StudyVisit
from cats4ml.review.studies import StudyRefused, Visitor, begin_visit, create_study, open_study
from tests.factories import World, make_user
from tests.review.test_studies import begin

DAYS = timedelta(days=1)


def make_study(world: World):
    return create_study(
        challenge=world.challenge,
        title="Cats",
        platform=StudyPlatform.OTHER,
        questions=2,
        completion_code="CODE1",
        by=make_user(),
        at=world.clock,
    )


def come(world: World, study, worker: str, at=None) -> StudyVisit:
    return begin_visit(
        study=study,
        visitor=Visitor(worker, "s-1", ""),
        consent_version=1,
        address="",
        signed_in=None,
        at=at or world.clock,
    )


def ids() -> set[str]:
    return set(CrowdIdentity.objects.values_list("external_id", flat=True))


def test_ids_go_after_a_while_and_a_worker_is_known_as_long_as_the_study_is_open(world, settings) -> None:
    study, start = make_study(world), world.clock
    assert settings.CROWD_IDS_KEPT_DAYS == 90
    old = come(world, study, "w-1")
    come(world, study, "w-2", at=start + 60 * DAYS)
    assert "w-1" not in str(StudyVisit.objects.values().get(pk=old.pk))
    assert [forget_ids(at=start + 89 * DAYS), forget_ids(at=start + 91 * DAYS), ids()] == [0, 1, {"w-2"}]
    with pytest.raises(StudyRefused, match="another browser"):
        come(world, study, "w-1", at=start + 92 * DAYS)
    open_study(study=study, is_open=False, at=start + 92 * DAYS)
    open_study(study=study, is_open=True, at=start + 93 * DAYS)
    open_study(study=study, is_open=False, at=start + 94 * DAYS)
    assert [forget_ids(at=start + 183 * DAYS), ids(), StudyVisit.objects.filter(worker=None).count()] == [1, set(), 0]
    forget_ids(at=start + 185 * DAYS)
    assert StudyVisit.objects.filter(worker=None).count() == 2
    with pytest.raises(StudyRefused, match="Make a new study"):
        open_study(study=study, is_open=True, at=start + 186 * DAYS)


def test_whoever_is_paused_does_not_begin_anew_under_another_id_in_the_same_browser(world) -> None:
    study, client, other = make_study(world), Client(), Client()
    address = f"/challenges/{world.challenge.slug}/studies/{study.slug}/?worker="
    begin(client, address + "w-1")
    client.post("/accounts/logout/")
    # A browser that two workers share lets both in, as long as nobody is stopped.
    assert begin(client, address + "w-2").status_code == 302
    rater = StudyVisit.objects.get(identity__external_id="w-2").rater
    RaterPause.objects.create(rater=rater, cause=PauseCause.ORGANISER, created_at=world.clock, note="Look.")
    client.post("/accounts/logout/")
    refused = begin(client, address + "w-3")
    assert (refused.status_code, "is paused" in refused.content.decode()) == (422, True)
    assert begin(other, address + "w-4").status_code == 302
    assert ids() == {"w-1", "w-2", "w-4"}
