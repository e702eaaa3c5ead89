"""Following claims until they are scored or settled."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cats4ml_client.api import Api
from cats4ml_client.claims import Report
from cats4ml_client.options import State

# What is waited for, and the states in which a claim is not there yet.
FOLLOWED = {"scored": ("queued",), "settled": ("queued", "in_review")}
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 15.0


class Followed:
    """The pairs of a report, told by picture and label. A row that stood already names its label as the file does: by
    ID or by name."""

    def __init__(self, report: Report) -> None:
        self.wanted = {(row["image_id"], row["label_id"]) for row in (*report.accepted, *report.own_claims)}

    def of(self, claims: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for claim in claims:
            if claim["retracted_at"] is None and self._key(claim) in self.wanted:
                yield claim

    def _key(self, claim: dict[str, Any]) -> tuple[str, str]:
        by_id = (claim["image_id"], claim["label_id"])
        return by_id if by_id in self.wanted else (claim["image_id"], claim["label_name"])


def follow(state: State, api: Api, report: Report, until: str) -> list[dict[str, Any]]:
    """Wait until every claim of the report is as far as `until`, and return them, newest first."""
    followed = Followed(report)
    where = state.edition("submissions/")
    total = len(followed.wanted)
    pause = SHORTEST_PAUSE
    if total:
        with state.out.bar(total=total, what=until.capitalize(), unit="claims") as bar:
            waiting = _waiting(api, where, followed, until)
            while waiting:
                bar.update(total - waiting - bar.n)
                time.sleep(pause)
                pause = min(pause * 1.2, LONGEST_PAUSE)
                waiting = _waiting(api, where, followed, until)
            bar.update(total - bar.n)
    claims = _newest(followed, api, where)
    ends = Counter(claim["outcome"] or claim["state"] for claim in claims)
    if ends:
        state.out.say(", ".join(f"{number:,} {end.replace('_', ' ')}" for end, number in sorted(ends.items())) + ".")
    return claims


def _waiting(api: Api, where: str, followed: Followed, until: str) -> int:
    """How many of the claims are not there yet."""
    return sum(1 for one in FOLLOWED[until] for _ in followed.of(api.pages(where, {"state": one})))


def _newest(followed: Followed, api: Api, where: str) -> list[dict[str, Any]]:
    """The followed claims, read no further than to the last of them."""
    found: list[dict[str, Any]] = []
    if followed.wanted:
        for claim in followed.of(api.pages(where)):
            found.append(claim)
            if len(found) == len(followed.wanted):
                break
    return found
