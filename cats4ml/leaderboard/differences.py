"""What is not as its evidence says, named."""

from __future__ import annotations

from typing import Any, NoReturn

from cats4ml.leaderboard.evidence import Evidence
from cats4ml.leaderboard.models import Standing


class Different(Exception):
    """The first thing that is not what its evidence says. `facts` can be written as JSON."""

    def __init__(self, what: str, words: str, **facts: Any) -> None:
        super().__init__(words)
        self.facts = {"what": what, "message": words, **facts}


def names_of(one: Evidence) -> dict[str, Any]:
    return {"pair": one.pair.pk, "image_id": one.pair.image.image_id, "label_id": one.pair.label.key}


def differ(what: str, one: Evidence, *, expected: Any, found: Any, **more: Any) -> NoReturn:
    names = names_of(one)
    words = f"{what} of pair {one.pair.pk} ({names['image_id']}, {names['label_id']}): {found!r}, not {expected!r}"
    raise Different(what, words, expected=expected, found=found, **names, **more)


def differ_on_board(line: Standing, name: str, *, expected: Any, found: Any, words: str = "") -> NoReturn:
    said = f"{name} of {line.name} on the board: {found!r}, not {expected!r}.{words}"
    owner = {"participation": line.participation_id, "team": line.team_id}
    raise Different("standing", said, name=line.name, field=name, expected=expected, found=found, **owner)
