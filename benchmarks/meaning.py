"""How long a search by meaning waits for its words: `python -m benchmarks.meaning`.

Starts PostgreSQL, Redis, a web worker and a scoring worker of its own, and prints one JSON object, for a text encoder
of the shape of CLIP ViT-B/32's: `texts_per_second` of the encoder alone (medians, in batches of 16 and one by one), and
seconds from the request on the web side to the vector being known there, p50 and p95, and of the first one, for which
the encoder is loaded. `share` is one text by the encoder alone over the p50: what isn't queues and messages.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import clip_shape
from benchmarks.stage import machine, own_servers
from models_zoo.joint import BATCH, TextEncoder, load_texts
from models_zoo.roster import read_joint

ROUNDS = 8


def encoder_alone(folder: Path) -> dict[str, float]:
    encoder = load_texts(read_joint(folder / "joint.toml", folder), folder)
    texts = [f"w{number} w{number + 1}" for number in range(BATCH)]
    sizes = {"batched": texts, "one_by_one": texts[:1]}
    return {name: len(some) / _median_seconds(encoder, some) for name, some in sizes.items()}


def _median_seconds(encoder: TextEncoder, texts: list[str]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        encoder.embed(texts)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def whole_way(folder: Path, number: int) -> list[float]:
    """Seconds from asking to knowing, of `number` texts, one after the other."""
    # Django's models can be imported only now that it knows its database.
    cards = importlib.import_module("cats4ml.console.joint_cards")
    editions = importlib.import_module("cats4ml.challenges.editions")
    workers = importlib.import_module("cats4ml.console.workers")
    meaning = importlib.import_module("cats4ml.submissions.meaning")
    policy = importlib.import_module("cats4ml.rules.policy").Policy()
    timezone = importlib.import_module("django.utils.timezone")
    challenge = editions.create_edition(
        slug="meaning", title="Meaning", summary="", vocabulary="none", policy=policy, queue="meaning"
    )
    card = cards.read_joint_card(folder / "joint.toml", classifiers_dir=folder)
    editions.set_joint_classifier(challenge=challenge, classifier=cards.joint_classifier(card))
    seconds: list[float] = []
    with workers.edition_workers(challenge, classifiers_dir=folder):
        for text in (f"w{place} w7" for place in range(number)):
            began = time.perf_counter()
            while meaning.meaning_of(challenge=challenge, text=text, at=timezone.now()).vector is None:
                time.sleep(0.005)
            seconds.append(time.perf_counter() - began)
            time.sleep(1)  # so many new texts a minute are taken
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.meaning", description="Request to vector, p50 and p95.")
    parser.add_argument("--texts", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, own_servers():
        folder = Path(place)
        clip_shape.write(folder)
        alone = encoder_alone(folder)
        first, *others = whole_way(folder, options.texts + 1)
    p50, p95 = (float(np.percentile(others, share)) for share in (50, 95))
    figures: dict[str, Any] = {
        "texts_per_second": alone,
        "seconds": {"first": first, "p50": p50, "p95": p95},
        "share": 1 / alone["one_by_one"] / p50,
        "machine": machine(),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
