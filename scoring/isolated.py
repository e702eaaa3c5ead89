"""A process that scores one picture at a time, and may die of it: `python -m scoring.isolated`.

It reads JSON lines: first what to score with, then a picture a line. It answers with a line each:
`{"ready": true}`, then a list of no or one `ScoreResult`. Its settings are those of the worker's environment.
"""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any

from scoring.contract import ImageRef, ScoreRequest
from scoring.engine import Engine
from scoring.settings import Settings, read_settings
from scoring.setup import make_cache, make_store


def main(requests: IO[str], answers: IO[str], settings: Settings) -> None:
    """Answers until the requests end."""
    head: dict[str, Any] = json.loads(next(requests))
    request = ScoreRequest.from_message(head)
    with Engine(make_store(settings), make_cache(settings), threads=1, batch=1) as engine:
        engine.score(request)  # it has no picture yet: this loads the classifiers
        _say(answers, {"ready": True})
        for line in requests:
            one = ScoreRequest((ImageRef(**json.loads(line)),), request.classifiers, "", request.embed)
            _say(answers, [result.to_message() for result in engine.score(one)])


def _say(answers: IO[str], value: Any) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    # What a library prints must not get between the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    main(sys.stdin, out, read_settings(os.environ))
