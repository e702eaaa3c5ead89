"""Pictures under suspicion, scored in a process of their own: whatever dies of them, the worker lives."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from scoring.contract import QUARANTINED, ImageRef, ScoreRequest, ScoreResult
from scoring.quarantine import DEATHS

logger = logging.getLogger(__name__)

START_SECONDS = 600.0  # classifiers are loaded, perhaps exported
# More than the patience with a storage and a remote server that don't answer: that is no death of the picture's.
PICTURE_SECONDS = 300.0
_ONE_AT_A_TIME = threading.Lock()


class IsolationError(RuntimeError):
    """The isolated process can't be started or doesn't load the classifiers: no picture is at fault."""


class _Died(Exception):
    """The process ended, or took longer than it may; the text says which."""


def score_isolated(
    request: ScoreRequest, deaths: Mapping[ImageRef, int], died: Callable[[ImageRef], None]
) -> list[ScoreResult]:
    """The results of the pictures of `request`, each scored alone in a child process; `deaths` that each has seen.

    A picture over which the process dies is tried again until it has seen `DEATHS`, then its result says
    `QUARANTINED`. `died` is called for each death that is seen here. One such process runs at a time.
    Raises `IsolationError`.
    """
    results: list[ScoreResult] = []
    with _ONE_AT_A_TIME:
        child: _Child | None = None
        try:
            for ref in request.images:
                seen, why = deaths.get(ref, 0), ""
                while not why or seen < DEATHS:
                    child = child or _Child(request)
                    try:
                        results += child.score(ref)
                        break
                    except _Died as error:
                        child.close()
                        child = None
                        seen, why = seen + 1, str(error)
                        logger.warning("picture %s: the isolated process %s (%d of %d)", ref.key, why, seen, DEATHS)
                        died(ref)
                else:
                    results.append(_quarantined(ref, seen, why))
        finally:
            if child is not None:
                child.close()
    return results


def _quarantined(ref: ImageRef, seen: int, why: str) -> ScoreResult:
    detail = f"Its worker died over this picture {seen} times; the last time it {why}. It isn't tried any more."
    return ScoreResult(image=ref.image, probabilities={}, error=QUARANTINED, detail=detail)


class _Child:
    """One `python -m scoring.isolated` that has loaded the classifiers of a request."""

    def __init__(self, request: ScoreRequest) -> None:
        one_thread = {"SCORING_THREADS": "1", "OMP_NUM_THREADS": "1"}  # the worker has the others
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scoring.isolated"],
            env=os.environ | one_thread,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="isolated", daemon=True).start()
        try:
            self._ask(dataclasses.replace(request, images=()).to_message(), START_SECONDS)
        except _Died as error:
            self.close()
            raise IsolationError(f"the isolated process {error} before it had loaded the classifiers") from error

    def score(self, ref: ImageRef) -> list[ScoreResult]:
        """Raises `_Died`."""
        return [ScoreResult.from_message(one) for one in self._ask(dataclasses.asdict(ref), PICTURE_SECONDS)]

    def close(self) -> None:
        """Ends it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    logger.debug("the pipe to the isolated process was broken")

    def _listen(self) -> None:
        assert self._process.stdout is not None, "it was opened as a pipe"
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _ask(self, question: Any, seconds: float) -> Any:
        assert self._process.stdin is not None, "it was opened as a pipe"
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=seconds)
        except queue.Empty as error:
            raise _Died(f"took longer than {seconds:.0f} s") from error
        except OSError as error:
            raise _Died(self._end()) from error
        if not line:
            raise _Died(self._end())
        return json.loads(line)

    def _end(self) -> str:
        status = self._process.wait()
        return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
