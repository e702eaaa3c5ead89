"""``manage.py roster``: another roster for an edition, proposed, previewed and applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.challenges.actions import decide_roster, propose_roster
from cats4ml.challenges.models import Challenge, RosterVersion
from cats4ml.challenges.rosters import coverage, target_keys
from cats4ml.console.progress import Log
from cats4ml.console.readiness import ensure_tables
from cats4ml.console.rosters import Entry, RosterRefused, new_members, read_entries
from cats4ml.submissions.actions.rescoring import RescoringRefused, apply_roster, ask_for_missing
from cats4ml.submissions.previews import Preview, preview_roster, scored_pairs


class Command(BaseCommand):
    help = (
        "Proposes the roster in FILE as a new version, asks the scoring workers for what its classifiers have not seen,"
        " and says what it would change. --decide puts it in force in an edition without scored pairs; --apply VERSION"
        " puts a proposed one in force and scores every pair anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="the challenge")
        parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the classifiers, a TOML file")
        parser.add_argument(
            "--classifiers-dir", type=Path, metavar="DIR", help="the folder of weights (default: CLASSIFIERS_DIR)"
        )
        parser.add_argument("--classes", type=Path, metavar="CSV", help="classes, for classifiers that name a column")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--propose", action="store_true", help="propose it and preview it; this is the default")
        what.add_argument("--decide", action="store_true", help="put it in force at once, before pairs are scored")
        what.add_argument("--apply", type=int, metavar="VERSION", help="put this version in force and score anew")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why; kept with the decision")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        ensure_tables(Log(self.stderr))
        challenge = Challenge.objects.select_related("policy", "roster").filter(slug=options["slug"]).first()
        if challenge is None or challenge.policy is None:
            raise CommandError(f"there is no challenge {options['slug']!r} with a policy: create it first")
        try:
            figures = self._apply(challenge, options) if options["apply"] else self._read(challenge, options)
        except (RosterRefused, RescoringRefused, ValueError) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(json.dumps(figures) if options["json"] else _in_words(figures))

    def _apply(self, challenge: Challenge, options: dict[str, Any]) -> dict[str, Any]:
        if options["file"]:
            raise CommandError("--apply takes the number of a version that was proposed, and no FILE")
        roster = RosterVersion.objects.filter(challenge=challenge, version=options["apply"]).first()
        if roster is None:
            known = ", ".join(str(one.version) for one in challenge.rosters.order_by("version")) or "none"
            raise CommandError(f"{challenge.slug} has no roster version {options['apply']}; it has: {known}")
        done = apply_roster(challenge=challenge, roster=roster, reason=options["reason"], by=None, at=timezone.now())
        return _figures(challenge, done, missing=0, in_force=True)

    def _read(self, challenge: Challenge, options: dict[str, Any]) -> dict[str, Any]:
        if not options["file"]:
            raise CommandError("name the roster's FILE, or a version that was proposed with --apply")
        members = new_members(self._entries(challenge, options))
        if options["decide"]:
            if scored_pairs(challenge).exists():
                raise CommandError("pairs of this challenge are scored: propose the roster, and then --apply it")
            roster = decide_roster(
                challenge=challenge, classifiers=members, reason=options["reason"], at=timezone.now()
            )
        else:
            roster = propose_roster(challenge=challenge, members=members)
        missing = ask_for_missing(challenge=challenge, roster=roster)
        preview = preview_roster(challenge=challenge, roster=roster)
        return _figures(challenge, preview, missing=missing, in_force=challenge.roster_id == roster.pk)

    def _entries(self, challenge: Challenge, options: dict[str, Any]) -> list[Entry]:
        return read_entries(
            options["file"],
            classifiers_dir=options["classifiers_dir"] or Path(settings.CLASSIFIERS_DIR),
            classes=options["classes"],
            vocabulary=challenge.vocabulary,
            labels=target_keys(challenge),
        )


def _figures(challenge: Challenge, preview: Preview, *, missing: int, in_force: bool) -> dict[str, Any]:
    unknown = [one.label.key for one in coverage(challenge, preview.roster) if not one.enough]
    return {
        "challenge": challenge.slug,
        "version": preview.roster.version,
        "in_force": in_force,
        "labels_not_scored": unknown,
        "pictures_missing": missing,
        "pairs": preview.counts,
        "balances": [
            {"name": one.participation.public_name, "lost": one.lost, "gained": one.gained} for one in preview.balances
        ],
    }


_FATES = (
    ("ends_otherwise", "end otherwise"),
    ("score_changes", "change their score alone"),
    ("same", "stay as they are"),
    ("unscorable", "keep their score: too few classifiers know the label, or one failed at the picture"),
    ("not_predicted", "wait for classifiers that have not seen their picture"),
    ("imported", "were imported and stay as they are"),
)


def _in_words(figures: dict[str, Any]) -> str:
    state = "in force" if figures["in_force"] else "proposed"
    lines = [f"Challenge {figures['challenge']}: roster version {figures['version']}, {state}"]
    lines += [f"  {figures['pairs'][fate]:>9,} pairs {words}" for fate, words in _FATES if figures["pairs"][fate]]
    for one in figures["balances"]:
        lines.append(f"  {one['name']}: loses {one['lost']:,}, gains {one['gained']:,}")
    if figures["labels_not_scored"]:
        lines.append(f"Labels that too few classifiers know: {', '.join(figures['labels_not_scored'])}")
    if figures["pictures_missing"]:
        lines.append(f"{figures['pictures_missing']:,} pictures are asked for; look again when they are scored")
    elif not figures["in_force"]:
        lines.append(f"Apply it with: manage.py roster {figures['challenge']} --apply {figures['version']} --reason …")
    return "\n".join(lines)
