"""One pair as `pairs.jsonl` has it, beside the same pair in the other files of its part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cats4ml_client.verifying.reading import Line, Record, harmless
from cats4ml_client.verifying.recounting import OUTCOMES, VERDICTS, Policy, Tally
from cats4ml_client.verifying.tables import Member, Tables

RELEASED_COLUMNS = (
    "image_id",
    "label_id",
    "label_name",
    "hum_yes_rating",
    "hum_no_rating",
    "hum_dont_know_rating",
    "machine_score",
)
PAIR_KEYS = (
    "position", "image_id", "label_id", "label_name", "split", "verdict", "outcome", "hum_yes_rating",
    "hum_no_rating", "hum_dont_know_rating", "machine_score", "machine_mean", "machine_spread", "machine_voices",
    "tally_source", "adjudicated", "policy", "roster", "prior_yes", "posterior", "settled_at", "scores",
)  # fmt: skip
TALLY_SOURCES = ("ratings", "imported")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass(frozen=True)
class Row:
    """A pair with the policy that settled it and the roster that scored it. `record` says where it stands."""

    record: Record
    position: int
    image_id: str
    label_id: str
    label_name: str
    verdict: str
    outcome: str
    tally: Tally
    machine_yes: bool
    mean: float | None
    spread: float | None
    voices: int | None
    imported: bool
    adjudicated: bool
    policy: Policy
    members: Sequence[Member]
    prior_yes: float | None
    posterior: float | None
    scores: dict[str, float | None]

    @property
    def task(self) -> str:
        return f"{self.image_id}:{self.label_id}"


def check_terms(record: Record, tables: Tables) -> Row:
    """The pair of a line. Raises `Difference` where it is not in the words of the format, or refers to nothing."""
    if list(record.values) != list(PAIR_KEYS):
        raise record.differs("Its keys are others.", expected=",".join(PAIR_KEYS), found=",".join(record.values))
    words = {"split": (tables.part,), "verdict": VERDICTS, "outcome": OUTCOMES, "tally_source": TALLY_SOURCES}
    for name, known in words.items():
        if record.text(name) not in known:
            raise record.differs(
                f"{name} is none that there is here.", expected=" or ".join(known), found=record.text(name)
            )
    if record.whole("machine_score") > 1:
        raise record.differs("machine_score should be 0 or 1.", found=record.whole("machine_score"))
    if not MOMENT.fullmatch(record.text("settled_at")):
        raise record.differs("settled_at is no time in UTC.", found=record.text("settled_at"))
    policy, roster = record.whole("policy"), record.whole_or_none("roster")
    if policy not in tables.policies:
        raise record.differs("Its policy is not in policies.json.", found=policy)
    if roster is not None and roster not in tables.rosters:
        raise record.differs("Its roster is not in classifiers.json.", found=roster)
    tables.used_policies.add(policy)
    if roster is not None:
        tables.used_rosters.add(roster)
    return Row(
        record=record,
        position=record.whole("position"),
        image_id=record.text("image_id"),
        label_id=record.text("label_id"),
        label_name=record.text("label_name"),
        verdict=record.text("verdict"),
        outcome=record.text("outcome"),
        tally=Tally(*(record.whole(f"hum_{answer}_rating") for answer in ("yes", "no", "dont_know"))),
        machine_yes=record.whole("machine_score") == 1,
        mean=record.number_or_none("machine_mean"),
        spread=record.number_or_none("machine_spread"),
        voices=record.whole_or_none("machine_voices"),
        imported=record.text("tally_source") == "imported",
        adjudicated=record.flag("adjudicated"),
        policy=tables.policies[policy],
        members=tables.rosters[roster] if roster is not None else (),
        prior_yes=record.number_or_none("prior_yes"),
        posterior=record.number_or_none("posterior"),
        scores=_scores(record),
    )


def _scores(record: Record) -> dict[str, float | None]:
    scores = record.object("scores")
    found = {key: scores.number_or_none(key) for key in scores.values}
    for key, value in found.items():
        if value is not None and not 0.0 <= value <= 1.0:
            raise record.differs(f"The score of {key} is no probability.", found=value)
    return found


def check_label(row: Row, tables: Tables) -> None:
    """Its label is listed, by this name."""
    name = tables.labels.get(row.label_id)
    if name != harmless(row.label_name):
        raise row.record.differs("labels.csv has another name for its label.", expected=name, found=row.label_name)


def check_released_cells(row: Row, line: Line) -> None:
    """`pairs.csv` has the same pair."""
    tally = row.tally
    expected = (
        row.image_id, row.label_id, row.label_name, str(tally.yes), str(tally.no), str(tally.dont_know),
        str(int(row.machine_yes)),
    )  # fmt: skip
    for column, said, found in zip(RELEASED_COLUMNS, expected, line.cells):  # noqa: B905  (equally long)
        if said != found:
            raise line.differs(
                f"{column} is not that of {row.record.file}, line {row.record.line}.", expected=said, found=found
            )


def check_scores_cells(row: Row, line: Line, classifiers: Sequence[str]) -> None:
    """`scores.csv` has the same pair, and the same scores in its columns."""
    by_column = {harmless(key): value for key, value in row.scores.items()}
    unknown = [key for key in by_column if key not in classifiers]
    if unknown:
        raise line.differs("It has no column for a classifier of this pair.", expected=unknown[0])
    numbers = [row.mean, *map(by_column.get, classifiers)]
    expected = [row.image_id, row.label_id, *("" if one is None else repr(one) for one in numbers)]
    columns = ("image_id", "label_id", "machine_mean", *classifiers)
    for column, said, found in zip(columns, expected, line.cells):  # noqa: B905  (equally long)
        if said != found:
            raise line.differs(
                f"{column} is not that of {row.record.file}, line {row.record.line}.", expected=said, found=found
            )
