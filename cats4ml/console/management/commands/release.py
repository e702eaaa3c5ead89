"""``manage.py release``: everything that an edition has settled, as a release."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cats4ml.challenges.models import Challenge
from cats4ml.console.progress import Log, Progress
from cats4ml.console.readiness import ensure_tables, signals_interrupt
from cats4ml.releases.actions import ReleaseRefused, request_release
from cats4ml.releases.building import build
from cats4ml.releases.models import FROZEN, Release
from cats4ml.releases.progress import TOTAL
from cats4ml.releases.serving import ReleaseWithdrawn, check_served
from cats4ml.releases.storage import CopyRefused, check_out, copy_to


class Command(BaseCommand):
    help = (
        "Freezes everything that a challenge has settled as a release, keeps it, and writes it with both parts to a"
        " folder. It is not published by that: the console does it. docs/releases.md says what is in it."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Every command of Django's has a --version of its own, which tells Django's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("challenge", metavar="SLUG", help="the challenge's slug")
        parser.add_argument(
            "--version",
            "--release-version",
            dest="release_version",
            metavar="V",
            help="its name (default: the next number)",
        )
        parser.add_argument("--notes", default="", help="a word about it, for its changelog")
        parser.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="a folder that is empty or not there"
        )
        parser.add_argument("--copy", action="store_true", help="make none: write the release of this version")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        log, out = Log(self.stderr), options["out"]
        ensure_tables(log)
        began = time.monotonic()
        challenge = Challenge.objects.filter(slug=options["challenge"]).first()
        if challenge is None:
            raise CommandError(f"There is no challenge {options['challenge']!r}.")
        try:
            check_out(out)
            with signals_interrupt():
                release = _copied(challenge, options, out) if options["copy"] else _built(challenge, options, out, log)
        except (ReleaseRefused, CopyRefused) as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(f"{out} could not be written: {error.strerror or error}.") from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted. A release that was begun is built by a worker.", returncode=130) from None
        self._tell(release, out, time.monotonic() - began, as_json=options["json"])

    def _tell(self, release: Release, out: Path, seconds: float, *, as_json: bool) -> None:
        counts = release.counts
        found = {
            "release": release.pk,
            "version": release.version,
            "pairs": counts["pairs"],
            "public": counts["public"]["pairs"],
            "heldout": counts["heldout"]["pairs"],
            "root": release.root_digest,
            "out": str(out),
            "seconds": round(seconds, 3),
        }
        if as_json:
            self.stdout.write(json.dumps(found))
            return
        self.stdout.write(
            f"Release {release.version}: {counts['pairs']:,} pairs, {found['public']:,} public and {found['heldout']:,}"
            f" held out, in {out}\nroot {release.root_digest}"
        )


def _built(challenge: Challenge, options: dict[str, Any], out: Path, log: Log) -> Release:
    version, notes = options["release_version"], options["notes"]
    ordered = request_release(challenge=challenge, version=version, notes=notes, by=None, at=timezone.now(), ring=False)
    with ExitStack() as context:
        bar = context.enter_context(Progress(TOTAL, f"Release {ordered.version}", log)) if log.isatty() else None

        def tell(step: str, done: int, total: int) -> None:
            if bar is not None:
                bar.to(TOTAL * done // total)

        release = build(ordered, out=out, progress=tell, at=timezone.now())
    if release.state not in FROZEN:
        raise ReleaseRefused(release.error or f"Release {release.version} is being built by a worker.")
    return release


def _copied(challenge: Challenge, options: dict[str, Any], out: Path) -> Release:
    version = options["release_version"]
    found = Release.objects.filter(challenge=challenge, version=version, state__in=FROZEN).first()
    if found is None:
        raise ReleaseRefused(
            f"{challenge.slug} has no release {version or '(say which with --version)'} that is ready."
        )
    try:
        check_served(found)
    except ReleaseWithdrawn as gone:
        raise ReleaseRefused(str(gone)) from gone
    copy_to(found, out)
    return found
