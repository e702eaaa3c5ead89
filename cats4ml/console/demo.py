"""The demo challenge: real scans of handwritten digits, classifiers trained on the spot, simulated people.

Half of scikit-learn's 1,797 scans trained the classifiers, the other half are the target images. Everything that a
person would do is done by the ordinary actions; what the simulated people claim and answer is derived from the data
set's own labels, and their names say that they are simulated.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from PIL import Image as Pillow

from cats4ml.accounts.models import User
from cats4ml.catalog.actions import NewLabel, add_annotations, add_classifier, add_images, add_labels, store_picture
from cats4ml.catalog.models import Annotation, AnnotationSource, Image
from cats4ml.catalog.words import refresh_words
from cats4ml.challenges.actions import add_pool_images, add_target_labels, decide_policy, decide_roster, join_challenge
from cats4ml.challenges.edition_settings import Dates, set_dates
from cats4ml.challenges.editions import create_edition, set_queue, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.challenges.queries import target_labels
from cats4ml.console.demo_seeds import FINDERS, RATERS, Seed, Target, example_image, said_of
from cats4ml.leaderboard.actions import recount_board
from cats4ml.review.actions.answering import cast_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.claims import submit_pairs
from cats4ml.submissions.actions.settlement import show_as_examples
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import ClaimRow
from scoring.contract import AHEAD

logger = logging.getLogger(__name__)

SLUG = "digits"
# How long a simulated rater looks at a question: an answer without a look would pause them.
LOOK = timedelta(seconds=3)
# More controls than this don't come before a pair, whatever the policy.
MOST_CONTROLS = 60
VISITORS = (("participant", Role.FINDER), ("rater", Role.RATER), ("organiser", Role.ORGANISER))
DAYS_OPEN = 90

SUMMARY = (
    "The demo of this software. The pictures are 8 × 8 scans of digits that 43 people wrote by hand; three small "
    "classifiers were trained on the other half of them. Finders and raters marked “script” are simulated: "
    "what they claim and answer is derived from the data set’s own labels."
)
CONSENT = (
    "This is a demo. Your claims, your rationales and your user name are shown to whoever uses this copy of the "
    "software. Rationales may be published under CC BY 4.0, answers under a pseudonym. Claim pictures as they are, "
    "and rate what you see."
)


class DemoFailed(Exception):
    """Why the demo can't be set up, in a sentence."""


def password_of(username: str) -> str:
    """A demo account's password: this installation's own, the same at every start, and stored nowhere."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"demo {username}".encode(), hashlib.sha256).digest()
    text = base64.b32encode(digest).decode().lower()
    return f"{text[:4]}-{text[4:8]}-{text[8:12]}"


def credentials() -> list[tuple[str, str, str]]:
    """Role, user name and password of the demo's accounts for visitors."""
    return [(role.label.lower(), name, password_of(name)) for name, role in VISITORS]


def folder() -> Path:
    return settings.HOME / "demo" / "digits"


def _child(*arguments: str) -> str:
    """The standard output of a module that needs torch; its progress goes to the terminal."""
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise DemoFailed(f"{arguments[0]} failed. What it said stands above.")
    return done.stdout


def train() -> None:
    """Pictures and classifiers, trained at the first start; nothing is done where they are complete."""
    _child("models_zoo.demo_digits", "--out", str(folder()))


def _classifier_cards() -> list[dict[str, object]]:
    """The roster's cards; the weights are put where the scoring worker looks for them."""
    shutil.copytree(folder() / "classifiers", settings.CLASSIFIERS_DIR, dirs_exist_ok=True)
    printed = _child(
        "models_zoo.roster", str(folder() / "roster.toml"), "--classifiers-dir", str(settings.CLASSIFIERS_DIR)
    )
    return list(json.loads(printed)["classifiers"])


def _import_pictures(targets: Sequence[Target]) -> list[Image]:
    images = []
    for target in targets:
        key, digest = store_picture(content=target.file.read_bytes(), suffix=".png")
        with Pillow.open(target.file) as picture:
            width, height = picture.size
        images.append(
            Image(
                image_id=target.image_id,
                file=key,
                sha256=digest,
                width=width,
                height=height,
                author="E. Alpaydin and C. Kaynak",
                author_url="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
                license="CC BY 4.0",
                title="Optical Recognition of Handwritten Digits",
            )
        )
    return add_images(collection=SLUG, images=images)


def _new_edition(at: datetime) -> Challenge:
    with transaction.atomic():
        challenge = create_edition(
            slug=SLUG,
            title="Handwritten digits",
            summary=SUMMARY,
            vocabulary=SLUG,
            question="Is this the {label}?",
            consent_text=CONSENT,
            policy=Policy(),
            is_demo=True,
            queue=SLUG,  # Until the set-up is done its own workers serve it; afterwards the ordinary ones.
            at=at,
        )
        dates = Dates(
            opens_at=at,
            closes_at=at + timedelta(days=DAYS_OPEN),
            ratings_close_at=at + timedelta(days=DAYS_OPEN + 14),
            results_at=at + timedelta(days=DAYS_OPEN + 21),
        )
        set_dates(challenge=challenge, dates=dates, reason="", by=None, at=at)
    return challenge


def make_edition(targets: Sequence[Target], at: datetime) -> Challenge:
    """The edition with its labels, pool, policy and roster. What exists stays as it is."""
    challenge = Challenge.objects.filter(slug=SLUG).first() or _new_edition(at)
    labels = [NewLabel(str(digit), f"digit {digit}", f"A {digit}, as a person reads it.") for digit in range(10)]
    add_target_labels(challenge=challenge, labels=add_labels(vocabulary=SLUG, labels=labels))
    add_pool_images(challenge=challenge, images=_import_pictures(targets))
    decide_policy(challenge=challenge, policy=Policy())
    decide_roster(challenge=challenge, classifiers=[add_classifier(card=card) for card in _classifier_cards()])
    if challenge.status == ChallengeStatus.DRAFT:
        set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    return Challenge.objects.select_related("policy", "roster").get(pk=challenge.pk)


def prepare_gallery(targets: Sequence[Target]) -> None:
    """What makes the pool easy to search: annotations and words at once; embeddings by the ordinary workers, before
    anybody claims the pictures. What is there is not done again.

    Of every second picture the data set's own label is given as an annotator's yes, as in Open Images, where most
    labels of most pictures are not annotated.
    """
    challenge = Challenge.objects.select_related("roster").get(slug=SLUG)
    pool = Image.objects.filter(pk__in=challenge.pool.values("image"))
    images = {image.image_id: image for image in pool}
    labels = {target.label.key: target.label for target in target_labels(challenge)}
    add_annotations(
        Annotation(
            image=images[target.image_id],
            label=labels[target.digit],
            source=AnnotationSource.VERIFICATION,
            confidence=1,
        )
        for target in targets[::2]
        if target.image_id in images  # not taken down since
    )
    refresh_words(images=pool)
    dispatch.request_scores(challenge, [image.pk for image in images.values()], priority=AHEAD)


def _person(name: str, *, simulated: bool, password: str = "", superuser: bool = False) -> User:
    user, created = User.objects.get_or_create(
        username=name,
        defaults={
            "email": f"{name}@demo.invalid",
            "is_simulated": simulated,
            "is_staff": superuser,
            "is_superuser": superuser,
        },
    )
    if created:
        # A simulated person has no password and can't sign in.
        user.set_password(password or None)
        user.save(update_fields=["password"])
    if not simulated:
        # Nobody can open a link that is sent to a visitor's address, which is made up.
        EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True, "verified": True})
    return user


def make_people(challenge: Challenge, at: datetime) -> dict[str, Participation]:
    """The simulated people and the visitors' accounts, each with their part in the edition."""
    parts = [*((name, Role.FINDER) for name in FINDERS), *((name, Role.RATER) for name in RATERS)]
    people = {}
    for name, role in [*parts, *VISITORS]:
        simulated = (name, role) in parts
        user = _person(
            name,
            simulated=simulated,
            password="" if simulated else password_of(name),
            superuser=role == Role.ORGANISER,
        )
        people[name] = join_challenge(
            challenge=challenge, user=user, role=role, consent_version=challenge.consent_version, at=at
        )
    return people


def is_complete() -> bool:
    """The last thing that the set-up does is to put the example on the challenge page and to leave the edition to the
    ordinary workers. Organisers may do otherwise with either since."""
    example = Pair.objects.filter(challenge__slug=SLUG, is_example=True)
    return example.exists() or Challenge.objects.filter(slug=SLUG, queue="").exists()


def claim_seeds(people: dict[str, Participation], seeds: Sequence[Seed], at: datetime) -> None:
    """The simulated claims, by the ordinary action; those made before an interruption are refused as one's own."""
    for finder in FINDERS:
        rows = [
            ClaimRow(line, seed.image_id, seed.label_id, "Chosen by the demo’s script.")
            for line, seed in enumerate((seed for seed in seeds if seed.finder == finder), start=1)
        ]
        submit_pairs(participation=people[finder], rows=rows, at=at)


def rate_seeds(
    people: dict[str, Participation],
    seeds: Sequence[Seed],
    digits: dict[str, str],
    now: Callable[[], datetime],
    tick: Callable[[], None],
) -> None:
    """The simulated answers, by the ordinary actions. `tick` is called once for each pair."""
    for seed in seeds:
        pair = Pair.objects.get(challenge__slug=SLUG, image__image_id=seed.image_id, label__key=seed.label_id)
        said = said_of(seed, digits[seed.image_id], pair.challenge.rules)
        for name, answer in zip(RATERS, said, strict=False):
            rate_one(people[name], pair, answer, now())
        tick()


def rate_one(rater: Participation, pair: Pair, answer: Answer, at: datetime) -> None:
    """One answer to one pair, and to the control questions that come before it; nothing where the rater has given it,
    or the pair needs none."""
    only = Pair.objects.filter(pk=pair.pk, state=PairState.IN_REVIEW)
    for _ in range(MOST_CONTROLS):
        for lease in hold_leases(rater=rater, at=at - LOOK, count=1, only=only):
            if lease.control is not None:
                cast_rating(rater=rater, token=lease.token, answer=Answer(lease.control.truth), at=at)
                break
            if lease.pair_id == pair.pk:
                cast_rating(rater=rater, token=lease.token, answer=answer, at=at)
            return
        else:
            return


def finish(challenge: Challenge, targets: Sequence[Target], at: datetime) -> None:
    """Count the board, and show the example on the challenge page. Each rater's last answer is still provisional.

    Raises `DemoFailed` where the example did not settle as the training foretold.
    """
    recount_board(challenge=challenge, at=at)
    example = example_image(targets, challenge.rules.threshold)
    if example is None:
        raise DemoFailed("The classifiers made no mistake that shows both kinds. Train them again with another seed.")
    image_id, seen, missed = example
    pairs = Pair.objects.filter(challenge=challenge, image__image_id=image_id, label__key__in=[seen, missed])
    if show_as_examples(pairs=pairs) != 2:
        raise DemoFailed("The example did not settle as the training foretold: training and scoring disagree.")
    set_queue(challenge=challenge, queue="")
