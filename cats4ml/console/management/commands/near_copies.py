"""``manage.py near_copies``: which pictures of a draft's pool may be near-copies of each other."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.challenges.alike import HASH_BITS
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.near_copies import SIMILARITY, NearCopyRefused, Proposed, propose
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables


class Command(BaseCommand):
    help = (
        "Proposes pairs of pictures of a challenge's pool that may be near-copies, for its organisers to decide on the"
        " console's page “Near-copies” before it opens. Score the pool first: manage.py score_catalog."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("challenge", metavar="SLUG", help="the challenge's slug")
        parser.add_argument(
            "--similarity",
            type=float,
            default=SIMILARITY,
            metavar="X",
            help=f"least cosine of two embeddings, up to 1 (default: {SIMILARITY})",
        )
        parser.add_argument(
            "--hash-bits",
            type=int,
            default=HASH_BITS,
            metavar="N",
            help=f"most bits of 64 in which two perceptual hashes differ, 0 to {HASH_BITS} (default: {HASH_BITS})",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        ensure_tables(Log(self.stderr))
        challenge = Challenge.objects.filter(slug=options["challenge"]).first()
        if challenge is None:
            raise CommandError(f"there is no challenge {options['challenge']!r}")
        try:
            came = propose(challenge, timezone.now(), similarity=options["similarity"], hash_bits=options["hash_bits"])
        except NearCopyRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(json.dumps(asdict(came)) if options["json"] else _in_words(challenge, came))


def _in_words(challenge: Challenge, came: Proposed) -> str:
    by = f" under {came.classifier}" if came.classifier else ""
    lines = [
        f"Challenge {challenge.slug}: {came.proposals:,} pairs of its {came.images:,} pictures may be near-copies,"
        f" {came.new:,} of them new",
        f"  same bytes         {came.same_bytes:>9,}",
        f"  near hashes        {came.alike_hash:>9,}",
        f"  near embeddings    {came.similar:>9,}{by}",
    ]
    if came.capped:
        lines.append(f"{came.capped:,} pictures are like more others than are proposed: tiny or flat ones often are")
    if came.unhashed or came.unembedded:
        lines.append(
            f"{came.unhashed:,} pictures have no perceptual hash and {came.unembedded:,} no embedding:"
            " score the pool first (manage.py score_catalog)"
        )
    if came.proposals:
        lines.append(
            f"Decide about them at /challenges/{challenge.slug}/console/near-copies/ before the challenge opens"
        )
    return "\n".join(lines)
