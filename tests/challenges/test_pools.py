"""A pool is drawn from the catalogue: the same choice, seed and catalogue give the same pictures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import transaction

from cats4ml.catalog.models import Image
from cats4ml.challenges.models import Challenge, ChallengeStatus, PoolDraw, PoolImage
from cats4ml.challenges.pool_words import draws_in_words
from cats4ml.challenges.pools import (
    Drawn,
    Fitting,
    PoolChoice,
    PoolRefused,
    draw_pool,
    find_labels,
    remove_target_label,
)
from cats4ml.challenges.presets import PRESETS
from tests.concurrency import at_once
from tests.factories import START
from tests.open_images import (
    ANIMAL,
    APP,
    BIRD,
    BUN,
    MACHINE,
    OTHER_BUN,
    OWL,
    make_draft,
    make_labels,
    make_pictures,
    say,
)

BIRDS = PoolChoice(collection="openimages", labels=(BIRD,))


@pytest.fixture
def draft(db: None) -> Challenge:
    return make_draft()


@pytest.fixture
def catalogue(db: None) -> dict[int, Image]:
    """1 people: bird; 2 people: no bird; 3 a machine: bird; 4 people: owl; 5 people: no owl; 6 nothing; 7 bun; 8 bird,
    in the validation set; 9 bird by the app, and no bird by the annotators."""
    labels = make_labels()
    pictures = make_pictures([1, 2, 3, 4, 5, 6, 7, 9]) | make_pictures([8], subset="validation")
    say(pictures[1], labels[BIRD])
    say(pictures[2], labels[BIRD], confidence=0)
    say(pictures[3], labels[BIRD], MACHINE, 0.7)
    say(pictures[4], labels[OWL])
    say(pictures[5], labels[OWL], confidence=0)
    say(pictures[7], labels[BUN])
    say(pictures[8], labels[BIRD])
    say(pictures[9], labels[BIRD], APP)
    say(pictures[9], labels[BIRD], confidence=0)
    return pictures


def draw(challenge: Challenge, choice: PoolChoice = BIRDS, seed: str = "s", **more) -> Drawn:
    return draw_pool(challenge=challenge, choice=choice, seed=seed, at=START, **more)


def pool(challenge: Challenge) -> list[int]:
    return sorted(int(key, 16) for key in challenge.pool.values_list("image_key", flat=True))


@pytest.mark.parametrize(
    ("annotations", "subclasses", "subset", "expected"),
    [
        (("any",), False, "", [1, 2, 3, 8, 9]),
        (("any",), False, "train", [1, 2, 3, 9]),
        (("human_yes",), False, "", [1, 8, 9]),
        (("human_no",), False, "", [2, 9]),
        (("machine",), False, "", [3]),
        (("human_yes", "machine"), False, "train", [1, 3, 9]),
        (("none",), False, "", [4, 5, 6, 7]),
        (("machine", "none"), False, "", [3, 4, 5, 6, 7]),
        (("human_yes",), True, "", [1, 4, 8, 9]),
        # That there is no owl doesn't say that there is no bird.
        (("human_no",), True, "", [2, 9]),
        (("none",), True, "", [6, 7]),
    ],
)
def test_what_is_said_of_the_label_decides_what_fits(draft, catalogue, annotations, subclasses, subset, expected):
    choice = replace(BIRDS, annotations=annotations, with_subclasses=subclasses, subset=subset)
    drawn = draw(draft, choice)
    assert (pool(draft), drawn.matching, drawn.chosen, drawn.added) == (expected, *[len(expected)] * 3)


def test_a_circle_in_the_hierarchy_ends_where_it_began(draft, catalogue) -> None:
    draw(draft, replace(BIRDS, labels=(ANIMAL,), annotations=("human_yes",), with_subclasses=True))
    assert pool(draft) == [1, 4, 8, 9]
    assert [target.label.key for target in draft.target_labels.select_related("label")] == [ANIMAL]


def test_each_label_says_how_many_pictures_fit_it(draft, catalogue) -> None:
    choice = replace(BIRDS, labels=("owl", BIRD), annotations=("human_yes", "none"))
    fitting = [Fitting(OWL, "Owl", 1), Fitting(BIRD, "Bird", 3), Fitting("", "none of them", 2)]
    assert draw(draft, choice, dry_run=True) == Drawn(6, 6, 6, fitting, recorded=False)
    assert (pool(draft), PoolDraw.objects.count(), draft.target_labels.count()) == ([], 0, 0)


def test_the_same_seed_draws_the_same_pictures_whatever_the_order_of_import(draft) -> None:
    label = make_labels()[BIRD]
    seen = []
    for numbers in (range(60), reversed(range(60)), [*range(0, 60, 2), *range(1, 60, 2)]):
        sure = transaction.atomic()
        with sure:
            for image in make_pictures(list(numbers)).values():
                say(image, label)
            draw(draft, replace(BIRDS, size=20))
            seen.append(pool(draft))
            transaction.set_rollback(True)
    assert seen[0] == seen[1] == seen[2]
    assert (len(seen[0]), seen[0] == list(range(20))) == (20, False)


def test_another_seed_draws_other_pictures_and_a_larger_draw_holds_the_smaller(draft) -> None:
    label = make_labels()[BIRD]
    for image in make_pictures(range(60)).values():
        say(image, label)
    other = make_draft("other")
    draw(draft, replace(BIRDS, size=20))
    draw(other, replace(BIRDS, size=20), seed="t")
    small = pool(draft)
    assert pool(other) != small
    larger = draw(draft, replace(BIRDS, size=30))
    assert (larger.chosen, larger.added, set(small) < set(pool(draft))) == (30, 10, True)


def test_so_many_for_each_label(draft) -> None:
    labels = make_labels()
    pictures = make_pictures(range(40))
    for number, image in pictures.items():
        say(image, labels[BIRD if number < 30 else OWL])
        if number == 0:
            say(image, labels[OWL])
    choice = replace(BIRDS, labels=(BIRD, OWL), annotations=("human_yes",), per_label=5)
    drawn = draw(draft, choice)
    said = Image.objects.filter(pk__in=draft.pool.values("image"))
    of = {key: said.filter(annotations__label=labels[key]).count() for key in (BIRD, OWL)}
    assert (drawn.matching, min(of.values()) >= 5, len(pool(draft)) in (9, 10)) == (40, True, True)
    assert draw(make_draft("less"), replace(choice, size=3)).added == 3


def test_the_same_draw_again_adds_nothing_and_records_nothing_new(draft, catalogue) -> None:
    first = draw(draft)
    again = draw(draft, replace(BIRDS, annotations=("any", "any")))
    assert ((first.added, first.recorded), (again.added, again.recorded)) == ((5, True), (0, False))
    assert PoolDraw.objects.count() == 1
    say(catalogue[6], make_labels()[BIRD])  # the catalogue has grown
    assert (draw(draft).added, PoolDraw.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_two_draws_at_once_wait_for_each_other() -> None:
    draft, label = make_draft(), make_labels()[BIRD]
    for image in make_pictures(range(30)).values():
        say(image, label)
    drawn = at_once([lambda: draw(draft, replace(BIRDS, size=20))] * 4)
    assert sorted(one.added for one in drawn) == [0, 0, 0, 20]
    assert (PoolImage.objects.count(), PoolDraw.objects.count()) == (20, 1)


@pytest.mark.parametrize("status", [one for one in ChallengeStatus if one != ChallengeStatus.DRAFT])
def test_only_a_draft_is_drawn_for(draft, catalogue, status) -> None:
    Challenge.objects.update(status=status)
    for act in (lambda: draw(draft), lambda: remove_target_label(challenge=draft, wanted=BIRD)):
        with pytest.raises(PoolRefused, match="has left the draft"):
            act()
    assert (pool(draft), draft.target_labels.count()) == ([], 0)


def test_a_name_that_several_labels_have_is_refused_with_their_ids(db) -> None:
    labels = make_labels()
    with pytest.raises(PoolRefused, match=rf"several labels have the name 'bun'.*{BUN}, {OTHER_BUN}"):
        find_labels(vocabulary="openimages", wanted=["bun"])
    assert find_labels(vocabulary="openimages", wanted=[OTHER_BUN, "bird", BIRD]) == [labels[OTHER_BUN], labels[BIRD]]
    with pytest.raises(PoolRefused, match="no label of the vocabulary openimages has the id or name 'Unicorn'"):
        find_labels(vocabulary="openimages", wanted=["Unicorn"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"labels": ()}, "no label is chosen"),
        ({"annotations": ("perhaps",)}, "an annotation should be one of"),
        ({"annotations": ()}, "an annotation should be one of"),
        ({"size": 0}, "the size should be a whole number from 1"),
        ({"per_label": -1}, "the number for each label should be a whole number from 1"),
    ],
)
def test_a_senseless_choice_is_refused(draft, catalogue, fields, words) -> None:
    with pytest.raises(PoolRefused, match=words):
        draw(draft, replace(BIRDS, **fields))


def test_a_refused_draw_leaves_no_target_label(draft, catalogue) -> None:
    with pytest.raises(PoolRefused):
        draw(draft, replace(BIRDS, labels=(BIRD, "Unicorn")))
    assert draft.target_labels.count() == 0


def test_a_label_that_is_taken_off_leaves_its_pictures(draft, catalogue) -> None:
    draw(draft, replace(BIRDS, labels=(BIRD, OWL)))
    assert remove_target_label(challenge=draft, wanted="Owl").key == OWL
    assert ([one.label.key for one in draft.target_labels.all()], len(pool(draft))) == ([BIRD], 7)
    with pytest.raises(PoolRefused, match="is no target label of birds"):
        remove_target_label(challenge=draft, wanted="Owl")


def test_a_draw_is_told_in_words(draft, catalogue) -> None:
    draw(draft, replace(BIRDS, labels=(BIRD, OWL), annotations=("human_yes", "machine"), subset="train", size=2))
    draw(draft, replace(BIRDS, annotations=("none",), with_subclasses=True, per_label=1), seed="t")
    assert draws_in_words(draft) == [
        "2 of 4 pictures of the train set in which people said yes to or a machine found any of the 2 target labels;"
        " seed s",
        "1 of 2 pictures without any word on Bird, or a label below it in the hierarchy, at most 1 for each label;"
        " seed t",
    ]


def test_the_preset_of_2021_has_23_labels_under_ids_of_open_images() -> None:
    preset = PRESETS["cats4ml-2021"]
    assert (len(preset.labels), len(set(preset.labels.values())), preset.subset) == (23, 23, "train")
    assert [key for key in preset.labels if not key.startswith("/m/")] == []
