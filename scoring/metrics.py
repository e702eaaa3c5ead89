"""What the scoring worker counts, for Prometheus on a port of its own (`SCORING_METRICS_PORT`)."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

PICTURES = Counter("cats4ml_scoring_pictures", "Pictures that went through all classifiers of a message.")
BATCHES = Counter("cats4ml_scoring_batches", "Forward passes.")
FORWARD_SECONDS = Counter("cats4ml_scoring_forward_seconds", "Spent in forward passes.")
WAITED_SECONDS = Counter("cats4ml_scoring_waited_seconds", "Nothing could be done, for pictures were still being read.")
RESULTS = Counter("cats4ml_scoring_results", "Pictures by how they ended.", ["result"])
MESSAGE_SECONDS = Histogram(
    "cats4ml_scoring_message_seconds",
    "What a message took, from its first picture to its answer.",
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
