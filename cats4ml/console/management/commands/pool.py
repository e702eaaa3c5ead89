"""``manage.py pool``: which labels and which pictures of the catalogue a draft challenge is about."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from cats4ml.catalog.models import Image
from cats4ml.catalog.words import refresh_words
from cats4ml.challenges.editions import EditionRefused, create_edition
from cats4ml.challenges.models import Challenge, PoolDraw
from cats4ml.challenges.pool_counts import count_pool
from cats4ml.challenges.pools import ANNOTATIONS, PoolChoice, PoolRefused, draw_pool, remove_target_label
from cats4ml.challenges.presets import PRESETS, Preset
from cats4ml.challenges.queries import target_labels
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables, signals_interrupt
from cats4ml.rules.policy import Policy

OPEN_IMAGES = "openimages"


class Command(BaseCommand):
    help = (
        "Chooses the target labels of a challenge that is a draft, and draws pictures that are annotated with them into"
        " its pool. The same choice, seed and catalogue give the same pictures. Run again it adds what is new, or"
        " nothing. With --title it makes the challenge."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("challenge", metavar="SLUG", help="the challenge's slug")
        add("--title", help="make the challenge, a draft with this title, if there is none of this slug")
        add("--vocabulary", help=f"of a new challenge's labels (default: the preset's, else {OPEN_IMAGES})")
        add("--preset", choices=sorted(PRESETS), help="labels, set and annotations of a challenge that was run before")
        add("--label", action="append", default=[], metavar="ID", help="a target label by its id or name; repeatable")
        add("--remove-label", action="append", default=[], metavar="ID", help="no target label any more; repeatable")
        add("--with-subclasses", action="store_true", help="also pictures of labels below them in the hierarchy")
        add("--subset", help="of this set alone, such as train (default: the preset's, else every set)")
        add(
            "--annotation",
            action="append",
            choices=ANNOTATIONS,
            help="what is said of the label: people said yes or no, a machine found it, any of these, or none of these;"
            " repeatable (default: any)",
        )
        add("--collection", help="the collection of the pictures (default: of the name of the vocabulary)")
        add("--size", type=int, metavar="N", help="at most so many pictures (default: all that fit)")
        add("--per-label", type=int, metavar="N", help="at most so many pictures for each label")
        add("--seed", help="any text (default: that of the last draw, else a new one)")
        add("--dry-run", action="store_true", help="only tell how many pictures fit, by label")
        add("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log = Log(self.stderr)
        ensure_tables(log)
        preset = PRESETS.get(options["preset"] or "")
        drawn = False
        try:
            with signals_interrupt():
                with transaction.atomic():
                    challenge = _edition(options, preset)
                    figures = _work(challenge, options, preset, log)
                    transaction.set_rollback(options["dry_run"])
                drawn = not options["dry_run"]
                if drawn:
                    _refresh(challenge, log)
        except (EditionRefused, PoolRefused) as refusal:
            raise CommandError(str(refusal)) from refusal
        except KeyboardInterrupt:
            came = "the pool is as asked; run the command again for its words" if drawn else "no picture was added"
            raise CommandError(f"Interrupted: {came}.", returncode=130) from None
        self.stdout.write(json.dumps(figures) if options["json"] else _in_words(figures))


def _refresh(challenge: Challenge, log: Log) -> None:
    """What is made of the pool: its counts, and the words by which its pictures are found."""
    log.say("Counting the pool.")
    count_pool(challenge_id=challenge.pk, at=timezone.now())
    log.say("Writing the words by which its pictures are found.")
    refresh_words(images=Image.objects.filter(pk__in=challenge.pool.values("image")))


def _edition(options: dict[str, Any], preset: Preset | None) -> Challenge:
    slug, title = options["challenge"], options["title"]
    challenge = Challenge.objects.filter(slug=slug).first()
    if challenge is None and not title:
        raise CommandError(f"there is no challenge {slug!r}: to make it, give it a --title")
    if challenge is None:
        vocabulary = options["vocabulary"] or (preset.vocabulary if preset else OPEN_IMAGES)
        return create_edition(slug=slug, title=title, summary="", vocabulary=vocabulary, policy=Policy())
    wanted = options["vocabulary"] or (preset and preset.vocabulary)
    if wanted and wanted != challenge.vocabulary:
        raise CommandError(f"{slug} has labels of the vocabulary {challenge.vocabulary}, not {wanted}")
    return challenge


def _work(challenge: Challenge, options: dict[str, Any], preset: Preset | None, log: Log) -> dict[str, Any]:
    at, dry_run = timezone.now(), options["dry_run"]
    removed = [remove_target_label(challenge=challenge, wanted=text).key for text in options["remove_label"]]
    drawn, seed = None, options["seed"] or _last_seed(challenge) or secrets.token_hex(4)
    if not options["remove_label"] or options["label"] or preset:
        choice = _choice(challenge, options, preset)
        log.say("Looking through the catalogue.")
        drawn = draw_pool(challenge=challenge, choice=choice, seed=seed, at=at, dry_run=dry_run)
    return {
        "challenge": challenge.slug,
        "seed": seed,
        "dry_run": dry_run,
        "removed_labels": removed,
        "source": preset.source if preset else None,
        "draw": asdict(drawn) if drawn else None,
        "labels": target_labels(challenge).count(),
        "pool": challenge.pool.count(),
    }


def _last_seed(challenge: Challenge) -> str:
    last = PoolDraw.objects.filter(challenge=challenge).exclude(seed="").order_by("-pk").first()
    return last.seed if last else ""


def _choice(challenge: Challenge, options: dict[str, Any], preset: Preset | None) -> PoolChoice:
    """Without any label named, those that are targets already."""
    labels = [*(preset.labels if preset else ()), *options["label"]]
    subset = options["subset"] if options["subset"] is not None else (preset.subset if preset else "")
    return PoolChoice(
        collection=options["collection"] or challenge.vocabulary,
        labels=tuple(labels or [target.label.key for target in target_labels(challenge)]),
        annotations=tuple(options["annotation"] or (preset.annotations if preset else ("any",))),
        with_subclasses=options["with_subclasses"],
        subset=subset,
        size=options["size"],
        per_label=options["per_label"],
    )


def _in_words(figures: dict[str, Any]) -> str:
    lines = [f"No target label any more: {key}" for key in figures["removed_labels"]]
    if figures["draw"] is not None:
        lines += _draw_in_words(figures, figures["draw"])
    if figures["source"]:
        lines.append(f"The labels are those of: {figures['source']}")
    labels, pool = figures["labels"], figures["pool"]
    lines.append(f"Challenge {figures['challenge']}: {labels:,} target labels, {pool:,} pictures in the pool")
    return "\n".join(lines)


def _draw_in_words(figures: dict[str, Any], drawn: dict[str, Any]) -> list[str]:
    would = "would be new" if figures["dry_run"] else "are new"
    lines = [
        f"{drawn['matching']:,} pictures fit; {drawn['chosen']:,} are drawn by the seed {figures['seed']},"
        f" {drawn['added']:,} of them {would}"
    ]
    lines += [
        f"  {one['pictures']:>11,}  {one['name']}" + (f" ({one['key']})" if one["key"] else "")
        for one in drawn["by_label"]
    ]
    if not drawn["matching"]:
        lines.append("None fits: import the annotations first, or choose another set or annotation")
    return lines
