"""Adding control questions, checked row by row, and retiring them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.models import ActKind, Challenge, TargetLabel
from cats4ml.review.models import ControlQuestion, ControlUse
from cats4ml.rules.answers import Answer
from cats4ml.ui.words import figure, inside

logger = logging.getLogger(__name__)

MOST_EXPLANATION = 500
TRUTHS = (Answer.YES.value, Answer.NO.value)


@dataclass(frozen=True)
class ControlRow:
    """A control question as somebody wrote it. `line`: where it stands in their file. `malformed`: why it is no row."""

    line: int
    image_id: str
    label_id: str
    truth: str
    use: str = ControlUse.MIXED.value
    explanation: str = ""
    malformed: str = ""


@dataclass(frozen=True)
class CheckedControl:
    """A row with what is wrong with it, in a sentence that says how to mend it ('' if nothing). `exists`: the same
    control question is there already."""

    row: ControlRow
    problem: str = ""
    exists: bool = False
    image: int | None = None
    label: int | None = None


@dataclass(frozen=True)
class AddedControls:
    """How many were added, how many were there before, and the rows that were left out."""

    added: int
    present: int
    left_out: list[CheckedControl]


class ControlsRefused(Exception):
    """Why nothing was written; `rows` are the bad ones."""

    def __init__(self, rows: Sequence[CheckedControl]) -> None:
        self.rows = list(rows)
        number = len(self.rows)
        words = "1 row is" if number == 1 else f"{number:,} rows are"
        super().__init__(f"{words} bad, so that nothing was written.")


def check_controls(*, challenge: Challenge, rows: Sequence[ControlRow]) -> list[CheckedControl]:
    """What would become of these rows, in their order. A few queries, however many rows there are."""
    images = _images(challenge, {row.image_id for row in rows})
    labels = _labels(challenge)
    known = _known(challenge, set(images.values()))
    seen: dict[tuple[int, int], ControlRow] = {}
    checked = []
    for row in rows:
        image, label = images.get(row.image_id), labels.get(row.label_id)
        problem = _problem(row, image, label)
        if problem or image is None or label is None:
            checked.append(CheckedControl(row, problem))
            continue
        before = seen.setdefault((image, label), row)
        problem = "" if before is row else _repeated(row, before)
        existing = known.get((image, label))
        if not problem and existing is not None:
            problem = _against(row, existing)
        exists = existing is not None or before is not row
        checked.append(CheckedControl(row, problem, exists, None if problem else image, None if problem else label))
    return checked


def add_controls(
    *, challenge: Challenge, rows: Sequence[ControlRow], by: User | None, at: datetime, only_good: bool = False
) -> AddedControls:
    """Add control questions. One that is there already, with the same truth and use, stays as it is: twice is once.

    Nothing is written where a row is bad, unless `only_good` says to leave such rows out. Raises `ControlsRefused`.
    """
    with transaction.atomic():
        # Two files at once are checked one after the other.
        Challenge.objects.select_for_update(of=("self",), no_key=True).get(pk=challenge.pk)
        checked = check_controls(challenge=challenge, rows=rows)
        bad = [one for one in checked if one.problem]
        if bad and not only_good:
            raise ControlsRefused(bad)
        new = [(one, one.image, one.label) for one in checked if not one.exists and one.image and one.label]
        ControlQuestion.objects.bulk_create(
            [
                ControlQuestion(
                    challenge=challenge,
                    image_id=image,
                    label_id=label,
                    truth=one.row.truth,
                    use=one.row.use,
                    explanation=one.row.explanation,
                    created_by=by,
                    created_at=at,
                )
                for one, image, label in new
            ],
            batch_size=2000,
        )
        if new:
            said = f"Added {len(new):,} control question{'' if len(new) == 1 else 's'}"
            record_act(challenge=challenge, kind=ActKind.CONTROLS, summary=said, by=by, at=at)
    logger.info("%d control questions for %s", len(new), challenge.slug)
    return AddedControls(len(new), len(checked) - len(bad) - len(new), bad)


def retire_control(*, control: ControlQuestion, by: User | None = None, at: datetime) -> ControlQuestion:
    """Ask a control question no more, and count no answer to it for anybody's skill. Twice is once, and the first time
    stands. Whoever holds it now answers it as if nothing had happened."""
    with transaction.atomic():
        if ControlQuestion.objects.filter(pk=control.pk, retired_at=None).update(retired_at=at):
            _record(control, "Retired", by, at)
    control.refresh_from_db(fields=["retired_at"])
    return control


def restore_control(*, control: ControlQuestion, by: User | None = None, at: datetime) -> ControlQuestion:
    """Ask a retired control question again, and count the answers to it as before. Twice is once."""
    with transaction.atomic():
        if ControlQuestion.objects.filter(pk=control.pk, retired_at__isnull=False).update(retired_at=None):
            _record(control, "Brought back", by, at)
    control.retired_at = None
    return control


def _record(control: ControlQuestion, said: str, by: User | None, at: datetime) -> None:
    record_act(
        challenge=control.challenge,
        kind=ActKind.CONTROLS,
        summary=f"{said} the control question about {control.label.name} in picture {control.image.image_id}"[:300],
        details={"control": control.pk},
        by=by,
        at=at,
    )


def _images(challenge: Challenge, ids: Iterable[str]) -> dict[str, int]:
    asked = [one for one in ids if "\0" not in one]
    pool = shown_pool(challenge).filter(image_key__in=asked)
    return dict(pool.values_list("image_key", "image_id"))


def _labels(challenge: Challenge) -> dict[str, int]:
    return dict(TargetLabel.objects.filter(challenge=challenge).values_list("label__key", "label_id"))


def _known(challenge: Challenge, images: set[int]) -> dict[tuple[int, int], ControlQuestion]:
    rows = ControlQuestion.objects.filter(challenge=challenge, image__in=images)
    return {(one.image_id, one.label_id): one for one in rows}


def _problem(row: ControlRow, image: int | None, label: int | None) -> str:
    if row.malformed:
        return row.malformed
    if "\0" in row.explanation:
        return _("The explanation holds a NUL character. Save the file as “CSV UTF-8”.")
    either = " " + _("or") + " "
    uses = either.join(ControlUse.values)
    checks = (
        (not row.image_id, _("The picture’s ID is missing. Fill it in.")),
        (
            image is None,
            _("This picture is not among the target images. Check its ID; spreadsheets drop leading zeros."),
        ),
        (not row.label_id, _("The label’s ID is missing. Fill it in.")),
        (label is None, _("This is no target label. Use the ID of one of them.")),
        (row.truth not in TRUTHS, _("The truth should be yes or no: of a control question experts are sure.")),
        (
            row.use not in ControlUse.values,
            _("The use should be %(uses)s.") % {"uses": uses},
        ),
        (
            len(row.explanation) > MOST_EXPLANATION,
            _("The explanation has %(length)s characters. Shorten it to %(most)s.")
            % {"length": figure(len(row.explanation)), "most": MOST_EXPLANATION},
        ),
    )
    return next((words for wrong, words in checks if wrong), "")


def _repeated(row: ControlRow, before: ControlRow) -> str:
    if (row.truth, row.use) == (before.truth, before.use):
        return ""
    return _("Line %(line)s has the same picture and label with another truth or use. Keep one of the two.") % {
        "line": figure(before.line)
    }


def _against(row: ControlRow, existing: ControlQuestion) -> str:
    """Why a row can't stand beside the control question that is there."""
    if existing.retired_at is not None:
        return _("This control question was retired. Bring it back on its page in the console, or leave the row out.")
    if existing.truth != row.truth:
        truth = {"yes": _("yes"), "no": _("no")}[existing.truth]
        return _(
            "This picture and label are a control question already, and its truth is %(truth)s. Answers were "
            "judged by that: if it is wrong, retire it."
        ) % {"truth": truth}
    if existing.use != row.use:
        kind = inside(existing.get_use_display())
        return _(
            "This picture and label are a control question already, for another use (%(kind)s). Leave the row out."
        ) % {"kind": kind}
    return ""
