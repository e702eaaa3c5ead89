"""The figures on 7,010 recorded answers of 71 people, beside the same counted from the file in another way."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict

import pytest

from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.actions import add_pool_images, add_target_labels
from cats4ml.challenges.models import Challenge
from cats4ml.console.agreement import agreement_of
from cats4ml.console.agreement_raters import confusions
from cats4ml.releases.rating_rows import Wanted, rating_rows
from cats4ml.review.models import Lease, LeaseEnd, Rating, RatingState
from cats4ml.rules.agreement import krippendorff_alpha
from cats4ml.rules.answers import Tally
from cats4ml.submissions.models import Pair
from tests.console.commands import shared_data
from tests.factories import START, make_user, make_world

Answers = dict[tuple[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def recorded() -> Answers:
    """By picture and class, what each rater answered."""
    answers: Answers = defaultdict(dict)
    with (shared_data("imagenet") / "ratings.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            answers[row["image_id"], row["class_index"]][row["rater"]] = row["answer"]
    return answers


@pytest.fixture
def edition(recorded, db) -> Challenge:
    world = make_world()
    challenge = world.challenge
    collection = challenge.slug
    images = Image.objects.bulk_create(
        Image(collection=collection, image_id=key) for key in sorted({image for image, _ in recorded})
    )
    labels = Label.objects.bulk_create(
        Label(vocabulary=challenge.vocabulary, key=key, name=f"class {key}")
        for key in sorted({label for _, label in recorded})
    )
    add_pool_images(challenge=challenge, images=images)
    add_target_labels(challenge=challenge, labels=labels)
    by_image, by_label = ({one.image_id: one for one in images}, {one.key: one for one in labels})
    raters = {
        name: world.rater(make_user(f"recorded-{name}"))
        for name in sorted({rater for answers in recorded.values() for rater in answers})
    }
    pairs = Pair.objects.bulk_create(
        Pair(
            challenge=challenge,
            image=by_image[image],
            label=by_label[label],
            state="in_review",
            machine_yes=False,
            machine_mean=0.1,
            state_changed_at=START,
            created_at=START,
            split="public",
        )
        for image, label in recorded
    )
    given = [
        (pair, raters[rater], answer)
        for pair, answers in zip(pairs, recorded.values(), strict=True)
        for rater, answer in answers.items()
    ]
    leases = Lease.objects.bulk_create(
        Lease(
            pair=pair, rater=rater, created_at=START, expires_at=START.replace(year=2027), closed_at=START,
            ended=LeaseEnd.ANSWERED,
        )
        for pair, rater, _ in given
    )  # fmt: skip
    Rating.objects.bulk_create(
        Rating(
            pair=pair, rater=rater, lease=lease, answer=answer, state=RatingState.FINAL, created_at=START,
            final_at=START, seconds=2.0,
        )
        for (pair, rater, answer), lease in zip(given, leases, strict=True)
    )  # fmt: skip
    return challenge


def test_recorded_answers_come_to_the_same_by_two_ways(edition, recorded) -> None:
    tallies = [Tally.of(answers.values()) for answers in recorded.values()]
    found = agreement_of(edition)
    assert (found.pairs, found.answers) == (1402, 7010)
    assert found.alpha is not None
    assert found.known is not None
    assert found.alpha.value == pytest.approx(krippendorff_alpha(tallies))
    assert found.known.value == pytest.approx(krippendorff_alpha(tallies, dont_know=False))
    assert found.alpha.interval is not None
    assert found.alpha.interval.low < found.alpha.value < found.alpha.interval.high
    assert sum(one.pairs for one in found.labels) == sum(one.pairs for one in found.entropies) == 1402

    beside = {one.rater: one.others for one in confusions(edition)}
    names = {
        part.pk: part.user.username.removeprefix("recorded-") for part in edition.participations.select_related("user")
    }
    counted = {
        names[rater]: (one.if_yes.yes, one.if_yes.no, one.if_no.yes, one.if_no.no) for rater, one in beside.items()
    }
    assert counted == {rater: one for rater, one in by_hand(recorded).items() if rater in counted}
    assert len(counted) == 71

    exported = Counter((task, label) for task, _, label in rating_rows(edition, Wanted()))
    assert exported == Counter(
        (f"{image}:{label}", answer) for (image, label), answers in recorded.items() for answer in answers.values()
    )


def by_hand(recorded: Answers) -> dict[str, tuple[int, int, int, int]]:
    """By rater: yes and no where the others mostly say yes, yes and no where they mostly say no."""
    found: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for answers in recorded.values():
        for rater, own in answers.items():
            others = Counter(answer for name, answer in answers.items() if name != rater)
            if others["yes"] != others["no"]:
                found[rater]["yes" if others["yes"] > others["no"] else "no", own] += 1
    return {
        rater: (one["yes", "yes"], one["yes", "no"], one["no", "yes"], one["no", "no"]) for rater, one in found.items()
    }
