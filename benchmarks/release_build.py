"""The parts of `benchmarks.release` that need Django set up."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.utils import timezone

from benchmarks.settled_edition import make_settled_edition
from cats4ml.releases.actions import request_release
from cats4ml.releases.building import build
from cats4ml.releases.models import Release


def measure(pairs: int) -> dict[str, Any]:
    """Make the edition, have a process of its own build its release, and give that process's figures."""
    began = time.monotonic()
    challenge = make_settled_edition("measured", pairs=pairs)
    print(f"{pairs:,} settled pairs made in {time.monotonic() - began:.0f} s", file=sys.stderr)
    release = request_release(challenge=challenge, by=None, at=timezone.now(), ring=False)
    command = [sys.executable, "-m", "benchmarks.release", "--build", str(release.pk)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
    release.refresh_from_db()
    if release.state != "ready":
        raise RuntimeError(f"the release was not built: {release.error}")
    figures = json.loads(done.stdout)
    tree = sum(release.files.values_list("bytes", flat=True))
    more = {"tree_mb": round(tree / 1e6, 1), "pairs_per_second": round(pairs / figures["seconds"])}
    return {"pairs": pairs, **figures, **more}


def build_and_measure(release_id: int) -> dict[str, Any]:
    """Build it here. A step lasts from the first that is told of it to the first of the next."""
    release = Release.objects.get(pk=release_id)
    at_start, began = _peak_mb(), time.monotonic()
    steps: dict[str, float] = {}
    current, since = "Frame", began

    def tell(step: str, done: int, total: int) -> None:
        nonlocal current, since
        now = time.monotonic()
        steps[current] = steps.get(current, 0.0) + now - since
        current, since = step, now

    build(release, progress=tell, at=timezone.now())
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": round(time.monotonic() - began, 1),
        "own_cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "steps": {step: round(seconds, 1) for step, seconds in steps.items()},
        "start_mb": at_start,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
