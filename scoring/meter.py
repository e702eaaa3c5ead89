"""Where the time goes: a line in the log for each minute of work."""

from __future__ import annotations

import logging
import time

from scoring.metrics import BATCHES, FORWARD_SECONDS, PICTURES, WAITED_SECONDS

logger = logging.getLogger(__name__)

EVERY = 60.0  # seconds


class Meter:
    """For use by one thread."""

    def __init__(self, *, every: float = EVERY) -> None:
        self._every = every
        self._since = self._last = time.monotonic()
        self._pictures = self._batches = 0
        self._forward = self._waited = 0.0

    def note(self, *, pictures: int, started: float, waited: float) -> None:
        """One batch that is done: its size, when its forward pass began (`time.monotonic`), and how long nothing could
        be done before it because pictures were still being read, in seconds."""
        now = time.monotonic()
        if not self._pictures:
            self._since = self._last = started - waited  # nothing was asked for before
        forward = now - max(started, self._last)  # passes may overlap
        self._pictures += pictures
        self._batches += 1
        self._forward += forward
        self._waited += waited
        PICTURES.inc(pictures)
        BATCHES.inc()
        FORWARD_SECONDS.inc(max(0.0, forward))
        WAITED_SECONDS.inc(max(0.0, waited))
        self._last = now
        if now - self._since >= self._every:
            self._say(now - self._since)
            self._since = self._last = now
            self._pictures = self._batches = 0
            self._forward = self._waited = 0.0

    def _say(self, seconds: float) -> None:
        logger.info(
            "in the last %.0f s: %.1f pictures a second, %.1f a batch; forward passes took %.0f %% of the time, waiting"
            " for decoded pictures %.0f %%",
            seconds,
            self._pictures / seconds,
            self._pictures / self._batches,
            100 * self._forward / seconds,
            100 * self._waited / seconds,
        )
