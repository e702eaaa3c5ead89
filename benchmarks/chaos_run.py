"""The part of `benchmarks.chaos` that needs Django set up."""

from __future__ import annotations

import argparse
import json
import logging
import random
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from benchmarks import chaos_check
from benchmarks.chaos_faults import Chaos, Messages
from benchmarks.chaos_load import Accepted, Client, Finder, Rater
from benchmarks.chaos_site import Site, running
from cats4ml.accounts.actions import create_token
from cats4ml.accounts.models import User
from cats4ml.challenges.actions import decide_policy, join_challenge
from cats4ml.challenges.editions import set_queue
from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.console import demo
from cats4ml.console.demo_seeds import read_targets
from cats4ml.console.models import Standstill
from cats4ml.embedded.places import Places, server_identity, state_folder
from cats4ml.embedded.urls import redis_socket
from cats4ml.leaderboard.replaying import replay_credits
from cats4ml.releases.actions import ReleaseRefused, request_release, retry_release
from cats4ml.releases.models import Release, ReleaseState
from cats4ml.review.models import Rating, RatingState
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair

POLICY = {
    "quorum": 3, "provisional_seconds": 5, "lease_seconds": 30, "fast_seconds": 0, "same_answers": 0, "warm_up": 0,
    "control_percent": 0, "control_percent_least": 0, "base_quota": 300, "skips_per_hundred": 50,
}  # fmt: skip
# So many pictures a minute, with every digit, are what the finders choose from: few enough that they meet each other,
# and enough that raters have pairs to the end.
PICTURES_A_MINUTE = 20
BOARD_SECONDS = 90.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class People:
    """Those who take part, with the keys of their programs."""

    finders: Sequence[tuple[Participation, str]]
    raters: Sequence[tuple[Participation, str]]


def run(options: argparse.Namespace, home: Path) -> int:
    """Status 0 where all holds."""
    if options.digits:
        shutil.copytree(options.digits, demo.folder(), dirs_exist_ok=True)
    challenge = _edition()
    people = People(
        _people(challenge, "finder", Role.FINDER, options.finders),
        _people(challenge, "rater", Role.RATER, options.raters),
    )
    chaos_check.watch_pairs()
    scoring = {"IMAGES_URL": settings.IMAGES_URL, "CLASSIFIERS_DIR": str(settings.CLASSIFIERS_DIR)}
    try:
        with running(home / "logs", scoring) as site:
            report, breaches = _play(options, home, site, challenge, people)
    finally:
        if options.logs:
            shutil.copytree(home / "logs", options.logs, dirs_exist_ok=True)
    print(json.dumps(report, indent=1))
    for breach in breaches:
        print(f"BREACH: {breach}", file=sys.stderr)
    return 1 if breaches else 0


def _play(
    options: argparse.Namespace, home: Path, site: Site, challenge: Challenge, people: People
) -> tuple[dict[str, object], list[str]]:
    accepted, no_more_claims, no_more_answers = Accepted(), threading.Event(), threading.Event()
    finders, raters = _threads(options, site, challenge, people, accepted, no_more_claims, no_more_answers)
    chaos = _chaos(options, home, site, challenge)
    for thread in (*finders, *raters):
        thread.start()
    time.sleep(options.calm)
    until = time.monotonic() + options.minutes * 60
    for name in chaos.in_turn(until, calm=options.calm):
        say(
            f"{name}: {accepted.counts['claims accepted']} claims, {accepted.counts['answers accepted']} answers so far"
        )
    no_more_claims.set()
    quiet = _await_quiet(site, challenge, options.settle)
    no_more_answers.set()
    for thread in (*finders, *raters):
        thread.join(timeout=200)
    _await_board(site, challenge)
    found = chaos_check.check(
        challenge,
        claims=accepted.claims,
        answers=accepted.answers,
        shown=_shown(site, challenge, people, accepted),
        at=timezone.now(),
    )
    found.breaches += [f"{thread.name} gave up: {thread.failed}" for thread in (*finders, *raters) if thread.failed]
    report: dict[str, object] = {
        "seed": options.seed,
        "faults": {name: chaos.done.count(name) for name in sorted(set(chaos.done))},
        "messages sent again": chaos.repeated,
        "starts": {name: process.starts for name, process in site.processes.items()},
        "load": dict(sorted(accepted.counts.items())),
        "seconds": chaos_check.times() | {"until quiet": round(quiet, 1)},
        "standstills noticed": sorted(Standstill.objects.values_list("kind", flat=True)),
        "releases": list(Release.objects.order_by("number").values_list("state", flat=True)),
        "left": dict(sorted(found.counts.items())),
        "breaches": len(found.breaches),
    }
    return report, found.breaches


def _edition() -> Challenge:
    say("training three small classifiers")
    demo.train()
    challenge = demo.make_edition(read_targets(demo.folder()), timezone.now())
    set_queue(challenge=challenge, queue="")
    decide_policy(challenge=challenge, policy=replace(challenge.rules, **POLICY))
    return Challenge.objects.select_related("policy", "roster").get(pk=challenge.pk)


def _people(challenge: Challenge, name: str, role: Role, number: int) -> list[tuple[Participation, str]]:
    found = []
    for place in range(number):
        address = f"{name}-{place}@example.org"
        user = User.objects.create_user(f"{name}-{place}", address, vouched_at=timezone.now())
        part = join_challenge(
            challenge=challenge, user=user, role=role, consent_version=challenge.consent_version, at=timezone.now()
        )
        scopes = ["submit"] if role == Role.FINDER else ["rate"]
        found.append((part, create_token(user=user, name="chaos", scopes=scopes, at=timezone.now())[1]))
    return found


def _threads(
    options: argparse.Namespace,
    site: Site,
    challenge: Challenge,
    people: People,
    accepted: Accepted,
    no_more_claims: threading.Event,
    no_more_answers: threading.Event,
) -> tuple[list[Finder], list[Rater]]:
    images = challenge.pool.order_by("image__image_id").values_list("image__image_id", flat=True)
    number = round(PICTURES_A_MINUTE * options.minutes)
    pairs = [(image, str(digit)) for image, digit in product(images[:number], range(10))]
    finders = [
        Finder(
            Client(site.address, key, accepted), part.pk, challenge.slug, pairs, options.seed + place, no_more_claims
        )
        for place, (part, key) in enumerate(people.finders)
    ]
    raters = [
        Rater(Client(site.address, key, accepted), part.pk, challenge.slug, options.seed + 100 + place, no_more_answers)
        for place, (part, key) in enumerate(people.raters)
    ]
    return finders, raters


def _chaos(options: argparse.Namespace, home: Path, site: Site, challenge: Challenge) -> Chaos:
    places = Places.of(home)
    messages = Messages(settings.REDIS_URL)
    messages.start()
    return Chaos(
        site,
        home,
        messages,
        random.Random(options.seed),
        freeze_seconds=options.freeze,
        order_release=lambda: _order_release(challenge),
        redis_socket=redis_socket(places.sockets),
        postgres_data=state_folder(places, server_identity()) / "postgres" / "data",
        only=frozenset(name.strip() for name in options.only.split(",") if name.strip()),
    )


def _order_release(challenge: Challenge) -> None:
    """A release that could not be built is tried again; else a new one is ordered."""
    with surviving(), suppress(ReleaseRefused):
        newest = Release.objects.filter(challenge=challenge).order_by("-number").first()
        if newest is not None and newest.state == ReleaseState.FAILED:
            retry_release(release=newest, by=None, at=timezone.now())
        elif newest is None:
            request_release(challenge=challenge, version="1", by=None, at=timezone.now())


def _await_quiet(site: Site, challenge: Challenge, seconds: float) -> float:
    """Seconds until no pair waits for a score or for raters, no answer may still be undone, no release is on order."""
    began = time.monotonic()
    moving = (PairState.QUEUED, PairState.IN_REVIEW)
    while time.monotonic() - began < seconds:
        site.mend()
        with surviving():
            pairs = Pair.objects.filter(challenge=challenge, state__in=moving).exists()
            answers = Rating.objects.filter(state=RatingState.PROVISIONAL).exists()
            releases = Release.objects.filter(state__in=[ReleaseState.WAITING, ReleaseState.BUILDING]).exists()
            if not (pairs or answers or releases):
                break
        time.sleep(1)
    return time.monotonic() - began


def _await_board(site: Site, challenge: Challenge) -> None:
    """The boards are counted twice a minute; one that never becomes equal is found by the check."""
    deadline = time.monotonic() + BOARD_SECONDS
    connection.close()
    time.sleep(15)  # leases that nobody answers run out, and are closed
    while time.monotonic() < deadline:
        site.mend()
        if replay_credits(challenge).equal:
            return
        time.sleep(3)


def _shown(site: Site, challenge: Challenge, people: People, accepted: Accepted) -> dict[int, int]:
    """What the site shows each finder as left of their quota."""
    shown, path = {}, f"/api/v1/challenges/{challenge.slug}/quota/"
    for part, key in people.finders:
        status, content, _ = Client(site.address, key, accepted).ask("GET", path)
        shown[part.pk] = json.loads(content)["remaining"] if status == 200 else -1
    return shown


@contextmanager
def surviving() -> Iterator[None]:
    """A database that was stopped meanwhile is connected to anew the next time."""
    try:
        yield
    except Error:
        connection.close()


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
