"""``manage.py joint_card``: lets an edition's pool be searched by meaning, with a joint text-image card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cats4ml.catalog.models import Embedding
from cats4ml.challenges.editions import set_joint_classifier
from cats4ml.challenges.models import Challenge
from cats4ml.console.joint_cards import JointCardRefused, joint_classifier, read_joint_card
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables


class Command(BaseCommand):
    help = (
        "Puts the joint text-image card in FILE on a challenge, so that its pool can be searched by meaning; loads and"
        " tries it first. The pictures' embeddings are asked for by: manage.py score_catalog SLUG --embeddings."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="the challenge")
        parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the card, a TOML file")
        parser.add_argument(
            "--classifiers-dir",
            type=Path,
            default=settings.CLASSIFIERS_DIR,
            metavar="DIR",
            help="the folder of the card's three files (default: CLASSIFIERS_DIR)",
        )
        parser.add_argument("--remove", action="store_true", help="take the card off; embeddings are kept")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        if bool(options["file"]) == options["remove"]:
            raise CommandError("name the card's FILE, or say --remove")
        ensure_tables(Log(self.stderr))
        challenge = Challenge.objects.filter(slug=options["slug"]).first()
        if challenge is None:
            raise CommandError(f"there is no challenge {options['slug']!r}")
        classifier = None
        if options["file"]:
            try:
                card = read_joint_card(options["file"], classifiers_dir=Path(options["classifiers_dir"]))
                classifier = joint_classifier(card)
            except JointCardRefused as refusal:
                raise CommandError(str(refusal)) from refusal
        set_joint_classifier(challenge=challenge, classifier=classifier)
        figures = _figures(challenge)
        self.stdout.write(json.dumps(figures) if options["json"] else _in_words(figures))


def _figures(challenge: Challenge) -> dict[str, Any]:
    classifier = challenge.joint_classifier
    pool = challenge.pool.values("image")
    embedded = Embedding.objects.filter(classifier=classifier, image__in=pool).count() if classifier else 0
    return {
        "challenge": challenge.slug,
        "card": classifier.name if classifier else "",
        "digest": classifier.digest if classifier else "",
        "dimensions": classifier.card["dimensions"] if classifier else 0,
        "images": challenge.pool.count(),
        "embedded": embedded,
    }


def _in_words(figures: dict[str, Any]) -> str:
    if not figures["card"]:
        return f"Challenge {figures['challenge']} has no joint card: its pool can't be searched by meaning"
    lines = [
        f"Challenge {figures['challenge']}: {figures['card']}, {figures['dimensions']} dimensions;"
        f" it has seen {figures['embedded']:,} of {figures['images']:,} pictures"
    ]
    if figures["embedded"] < figures["images"]:
        lines.append(f"Ask for the others with: manage.py score_catalog {figures['challenge']} --embeddings")
    return "\n".join(lines)
