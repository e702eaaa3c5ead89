"""How a release is made: of one moment, the same bytes again, whole or not at all; and what organisers do with it."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.locking import Lock, alone
from cats4ml.releases import storage
from cats4ml.releases.actions import (
    ReleaseRefused,
    delete_release,
    free_heldout,
    proposed_version,
    publish,
    request_release,
    retry_release,
)
from cats4ml.releases.building import build, build_waiting, sweep
from cats4ml.releases.dispatch import BUILD_RELEASE
from cats4ml.releases.models import Release, ReleasePair, ReleasePart, ReleaseState
from cats4ml.releases.queries import may_read, released
from cats4ml.releases.storage import CopyRefused, check_out, copy_to
from cats4ml.releases.tasks import build_release
from cats4ml.review.actions.discounts import discount_rater
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair
from tests.concurrency import at_once
from tests.factories import START, World, make_world
from tests.messages import drain
from tests.releases.released import organiser_of, release_of, rich_world

YES, NO = Answer.YES, Answer.NO
WEB = "web"


def small_world(slug: str | None = None) -> World:
    """Two settled pairs and one in review."""
    world = make_world(pictures=3, slug=slug)
    world.claim(world.finder(), (0, "cat"), (1, "cat"), (2, "cat"))
    for place in range(3):
        world.score(place, {"cat": 0.9})
    for place in range(2):
        world.rate(world.pair(place, "cat"), *[NO] * 5)
    return world


def stored(challenge: Challenge) -> list[str]:
    """Every file of the edition's releases in the storage."""
    return sorted(storage._names_below(f"releases/{challenge.slug}"))


def digests(release: Release) -> dict[str, str]:
    return dict(release.files.values_list("path", "sha256"))


@pytest.mark.django_db
def test_a_release_is_kept_with_its_pairs_and_the_digests_of_its_files() -> None:
    world = rich_world("kept")
    release = release_of(world.challenge, at=world.pass_time(1))
    assert (release.state, release.frozen_at, release.error, release.number) == ("ready", world.clock, "", 1)
    facts = ("position", "pair__image__image_id", "pair__label__key", "split", "outcome", "machine_yes")
    assert list(ReleasePair.objects.filter(release=release).order_by("position").values_list(*facts))[:2] == [
        (1, "0000000000000000", "cat", "heldout", "agreement", True),
        (2, "0000000000000001", "cat", "public", "false_positive", True),
    ]
    assert stored(world.challenge) == sorted(str(one.file) for one in release.files.all())
    for one in release.files.all():
        with default_storage.open(str(one.file)) as file:
            data = file.read()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (one.bytes, one.sha256)
    assert release.root_digest == digests(release)["MANIFEST.sha256"]


@pytest.mark.django_db
def test_the_same_data_of_the_same_moment_are_the_same_bytes() -> None:
    world = rich_world("twice")
    first = release_of(world.challenge, at=world.pass_time(1))
    found = digests(first)
    delete_release(release=first, by=None, at=world.clock)
    again = release_of(world.challenge, at=world.clock)
    assert (again.pk != first.pk, digests(again)) == (True, found)


@pytest.mark.django_db
def test_what_a_killed_worker_left_is_swept_up_and_built_from_the_start() -> None:
    world = small_world()
    ordered = request_release(challenge=world.challenge, by=None, at=START, ring=False)
    Release.objects.filter(pk=ordered.pk).update(state=ReleaseState.BUILDING, step="Packing", done=850, total=1000)
    default_storage.save(f"releases/{world.challenge.slug}/1/public/half.csv", ContentFile(b"half"))
    drain(WEB)
    assert sweep(at=START + timedelta(seconds=19)) == 0
    assert sweep(at=START + timedelta(seconds=20)) == 1
    assert drain(WEB) == [(BUILD_RELEASE, {"release": ordered.pk})]
    build_release(release=ordered.pk)
    ordered.refresh_from_db()
    assert (ordered.state, ordered.counts["pairs"]) == (ReleaseState.READY, 2)
    assert stored(world.challenge) == sorted(str(one.file) for one in ordered.files.all())
    build_waiting(release_id=ordered.pk, at=START + timedelta(days=1))
    build_waiting(release_id=ordered.pk + 1, at=START)
    assert (Release.objects.get().frozen_at, sweep(at=START + timedelta(days=1))) == (ordered.frozen_at, 0)


@pytest.mark.django_db(transaction=True)
def test_nobody_builds_or_rings_beside_a_worker_that_builds() -> None:
    world = small_world()
    ordered = request_release(challenge=world.challenge, by=None, at=START, ring=False)
    drain(WEB)

    def beside() -> tuple[int, str]:
        return sweep(at=START + timedelta(days=1)), build(ordered, at=START).state

    with alone(Lock.RELEASE, ordered.pk):
        assert at_once([beside]) == [(0, ReleaseState.WAITING)]
    assert drain(WEB) == []


@pytest.mark.django_db(transaction=True)
def test_a_pair_that_settles_while_a_release_is_written_is_not_in_it_and_the_bar_moves() -> None:
    world = small_world()
    ordered = request_release(challenge=world.challenge, by=None, at=START, ring=False)
    seen: list[tuple[str, int]] = []

    def meanwhile(step: str, done: int, total: int) -> None:
        seen.append((step, done))
        if len(seen) == 1:
            last = world.pair(2, "cat")
            at_once([lambda: world.rate(last, *[YES] * 5)])
            at_once([lambda: Pair.objects.filter(pk=world.pair(0, "cat").pk).update(yes_ratings=4, no_ratings=1)])

    release = build(ordered, progress=meanwhile, at=world.clock)
    assert world.pair(2, "cat").state == PairState.SETTLED
    assert (release.state, release.error, release.counts["pairs"]) == ("ready", "", 2)
    with default_storage.open(f"releases/{world.challenge.slug}/1/pairs.csv") as file:
        assert file.read().decode().splitlines()[1:] == [
            "0000000000000000,cat,Cat,0,5,0,1",
            "0000000000000001,cat,Cat,0,5,0,1",
        ]
    assert [step for step, _ in seen[:2]] == ["Writing pairs", "Describing"]
    assert [done for _, done in seen[:-1]] == sorted(done for _, done in seen[:-1])
    assert seen[-1] == ("", 1)


@pytest.mark.django_db
def test_a_release_that_fails_says_why_leaves_no_file_and_can_be_tried_again() -> None:
    world = small_world()
    Pair.objects.filter(pk=world.pair(1, "cat").pk).update(yes_ratings=1)
    failed = release_of(world.challenge, at=world.clock)
    assert (failed.state, failed.error) == (
        ReleaseState.FAILED,
        "The pair 0000000000000001, cat has the tally 1 yes, 5 no, 0 don’t know, and its answers are 0 yes, 5 no, 0 "
        "don’t know. Mend it, and try again.",
    )
    assert (stored(world.challenge), failed.files.count()) == ([], 0)
    Pair.objects.filter(pk=world.pair(1, "cat").pk).update(yes_ratings=0)
    with pytest.raises(ReleaseRefused, match="is not whole yet"):
        publish(release=failed, by=None, at=world.clock)
    retry_release(release=failed, by=None, at=world.clock)
    assert build(failed, at=world.clock).state == ReleaseState.READY
    with pytest.raises(ReleaseRefused, match="did not fail"):
        retry_release(release=failed, by=None, at=world.clock)


@pytest.mark.django_db
def test_the_changelog_says_what_was_added_went_and_changed_and_names_no_held_out_pair() -> None:
    world = rich_world("changes")
    first = release_of(world.challenge, at=world.pass_time(1), version="2026.1")
    unread = release_of(world.challenge, at=world.pass_time(1), version="draft")
    first = publish(release=first, by=None, at=world.pass_time(1))
    for place, label in ((0, "cat"), (1, "cat")):  # one of each part
        Pair.objects.filter(pk=world.pair(place, label).pk).update(
            state=PairState.IN_REVIEW, outcome="", verdict="", settled_at=None, policy=None
        )
    undecided = Pair.objects.filter(pk=world.pair(2, "dog").pk)
    undecided.update(verdict="undecided", outcome="ambiguous", reopened_reason="A dispute after the end.")
    second = release_of(world.challenge, at=world.pass_time(1), notes="Corrections.")
    assert (second.former, unread.former) == (first, None), "compared with what others could read"
    with default_storage.open(second.files.get(path="CHANGELOG.md").file.name) as file:
        text = file.read().decode()
    assert text.split("## Since release 2026.1")[1] == (
        f"\n\nIts root digest is `{first.root_digest}`.\n\n"
        "| | added | gone | changed |\n|---|---:|---:|---:|\n"
        "| public part | 0 | 1 | 1 |\n| held-out part | 0 | 1 | 0 |\n\n"
        "### Gone from the public part\n\n* `0000000000000001`, `cat` is being rated again\n\n"
        "### Changed in the public part\n\n"
        "* `0000000000000002`, `dog`: false negative → ambiguous; people yes → undecided\n\n"
        "Pairs of the held-out part are counted and not named, so that nothing is told of their answers.\n"
    )
    with default_storage.open(second.files.get(path="release.json").file.name) as file:
        assert json.load(file)["former"] == {"version": "2026.1", "root_digest": first.root_digest}
    with default_storage.open(second.files.get(path="public/pairs.jsonl").file.name) as file:
        decided = [json.loads(line) for line in file.read().decode().splitlines()]
    assert [(one["image_id"][-1], one["adjudicated"]) for one in decided] == [
        ("2", True), ("3", False), ("4", True), ("7", False),
    ]  # fmt: skip
    Release.objects.filter(pk=second.pk).update(former=unread)  # as releases were compared before
    with pytest.raises(ReleaseRefused, match="says what changed since this one"):
        delete_release(release=unread, by=None, at=world.clock)


@pytest.mark.django_db
def test_what_an_expert_decided_stands_and_a_discounted_raters_answer_to_it_is_in_no_file() -> None:
    world = rich_world("discounted")
    pair = world.pair(4, "owl")
    liar = pair.ratings.order_by("pk")[0].rater
    discount_rater(rater=liar, reason="Answers at random.", by=organiser_of(world), at=world.pass_time(1))
    release = release_of(world.challenge, at=world.pass_time(1))
    with default_storage.open(release.files.get(path="public/pairs.jsonl").file.name) as file:
        told = {one["image_id"][-1]: one for one in map(json.loads, file.read().decode().splitlines())}
    counts = ("verdict", "adjudicated", "hum_yes_rating", "hum_no_rating", "hum_dont_know_rating")
    assert tuple(told["4"][key] for key in counts) == ("yes", True, 0, 1, 1)
    with default_storage.open(release.files.get(path="public/ratings.csv").file.name) as file:
        rows = [line.split(",") for line in file.read().decode().splitlines()]
    assert [(row[2], row[4]) for row in rows if row[0].endswith("4:owl")] == [("no", "1"), ("dont_know", "1")]


@pytest.mark.django_db
def test_who_may_read_which_file_at_which_time() -> None:
    world = small_world()
    organiser, nobody = Viewer(is_organiser=True), Viewer()
    release = release_of(world.challenge, at=world.clock)

    def readable(viewer: Viewer) -> set[str]:
        files = release.files.select_related("release")
        return {one.part for one in files if may_read(one, viewer)}

    every, common = set(ReleasePart.values), {ReleasePart.COMMON, ReleasePart.PUBLIC}
    assert (readable(organiser), readable(nobody), list(released(world.challenge))) == (every, set(), [])
    with pytest.raises(ReleaseRefused, match="Publish release 1 first"):
        free_heldout(release=release, by=None, at=world.clock)
    publish(release=release, by=None, at=world.clock)
    publish(release=release, by=None, at=world.pass_time(60))
    assert (readable(organiser), readable(nobody), list(released(world.challenge))) == (every, common, [release])
    with pytest.raises(ReleaseRefused, match="what others build on stays"):
        delete_release(release=release, by=None, at=world.clock)
    free_heldout(release=release, by=None, at=world.clock)
    free_heldout(release=release, by=None, at=world.clock)
    assert readable(nobody) == every
    Release.objects.filter(pk=release.pk).update(state="failed", error="x", published_at=None, freed_at=None)
    assert readable(organiser) == set()
    assert list(world.acts().values_list("kind", "summary")) == [
        ("released", "Froze release 1."),
        ("released", f"Published release 1: the {release.counts['public']['pairs']} pair"
                     f"{'' if release.counts['public']['pairs'] == 1 else 's'} of its public part."),
        ("released", f"Freed the held-out part of release 1: {release.counts['heldout']['pairs']} pair"
                     f"{'' if release.counts['heldout']['pairs'] == 1 else 's'}."),
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_version_that_is_taken_or_no_part_of_a_path_is_refused() -> None:
    world = small_world()
    release_of(world.challenge, at=world.clock, version="first")
    for version in ("", "../up", "a/b", "v" * 33, "1.", "é"):
        with pytest.raises(ReleaseRefused, match="can’t be a version"):
            request_release(challenge=world.challenge, version=version, by=None, at=world.clock)
    with pytest.raises(ReleaseRefused, match="There is a release FIRST already"):
        request_release(challenge=world.challenge, version="FIRST", by=None, at=world.clock)
    assert (Release.objects.count(), proposed_version(world.challenge)) == (1, "2")


@pytest.mark.django_db
def test_one_release_is_made_at_a_time_and_none_of_nothing() -> None:
    world = small_world()
    empty = make_world(pictures=1)
    with pytest.raises(ReleaseRefused, match="Nothing is settled yet"):
        request_release(challenge=empty.challenge, by=None, at=START)
    request_release(challenge=world.challenge, by=None, at=START)
    with pytest.raises(ReleaseRefused, match="Release 1 is being made"):
        request_release(challenge=world.challenge, by=None, at=START)


@pytest.mark.django_db
def test_a_copy_is_written_only_where_nothing_is_and_compared_on_the_way(tmp_path: Path) -> None:
    world = small_world()
    release = release_of(world.challenge, at=world.clock)
    copy_to(release, tmp_path / "new" / "folder")
    assert sorted(path.relative_to(tmp_path / "new" / "folder").as_posix()
                  for path in tmp_path.rglob("*") if path.is_file()) == sorted(digests(release))  # fmt: skip
    with pytest.raises(CopyRefused, match="is not empty"):
        copy_to(release, tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CopyRefused, match="is no folder"):
        check_out(tmp_path / "file")
    one = release.files.get(path="release.json")
    default_storage.delete(str(one.file))
    with pytest.raises(CopyRefused, match=r"release\.json of .* is missing"):
        copy_to(release, tmp_path / "second")
    default_storage.save(str(one.file), ContentFile(b"{}"))
    with pytest.raises(CopyRefused, match=r"release\.json of .* is not as it was written"):
        copy_to(release, tmp_path / "third")
