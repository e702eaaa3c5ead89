"""`manage.py demo`: the demo challenge, set up once; a second call finds it and takes no time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from cats4ml.challenges.models import Challenge
from cats4ml.console import demo
from cats4ml.console.demo_controls import add_demo_controls
from cats4ml.console.demo_seeds import choose_seeds, read_targets
from cats4ml.console.progress import Log, Progress
from cats4ml.console.replaying import await_scores
from cats4ml.console.workers import WorkersFailed, edition_workers


class Command(BaseCommand):
    help = "Sets up the demo challenge “Handwritten digits”: trains its classifiers, imports its pictures, seeds it."

    def handle(self, **options: Any) -> None:
        try:
            if not demo.is_complete():
                self._set_up()
            demo.train()  # a site from its backup has the rows, and not yet these files
            targets = read_targets(demo.folder())
            demo.prepare_gallery(targets)
            # A demo that was set up by an earlier version gets them now.
            challenge = Challenge.objects.select_related("policy").get(slug=demo.SLUG)
            seeds = choose_seeds(targets, challenge.rules)
            add_demo_controls(challenge=challenge, targets=targets, seeds=seeds, at=timezone.now())
        except (demo.DemoFailed, WorkersFailed) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The demo challenge is ready: {demo.SLUG}")

    def _set_up(self) -> None:
        log = Log(self.stderr)
        log.say("Setting up the demo challenge: training three small classifiers, under a minute.")
        demo.train()
        targets = read_targets(demo.folder())
        challenge = demo.make_edition(targets, timezone.now())
        people = demo.make_people(challenge, timezone.now())
        seeds = choose_seeds(targets, challenge.rules)
        add_demo_controls(challenge=challenge, targets=targets, seeds=seeds, at=timezone.now())
        digits = {target.image_id: target.digit for target in targets}
        with edition_workers(challenge, classifiers_dir=settings.CLASSIFIERS_DIR) as workers:
            demo.claim_seeds(people, seeds, timezone.now())
            await_scores(challenge, workers, total=len(seeds), log=log)
        with Progress(len(seeds), "Rating pairs", log) as progress:
            demo.rate_seeds(people, seeds, digits, timezone.now, progress.add)
        demo.finish(challenge, targets, timezone.now())
