"""The pictures that explain a label: what counts, and what doesn't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.actions import describe_label
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.models import ActKind, Challenge, TargetLabel
from cats4ml.review.models import LabelExample

MOST_EXAMPLES = 12
MOST_CAPTION = 200


@dataclass(frozen=True)
class ExampleRow:
    """An example as an organiser wrote it."""

    image_id: str
    fits: bool
    caption: str = ""


class ExamplesRefused(Exception):
    """Why the examples can't be kept, in a sentence that says how to mend it. Nothing was written."""


def set_examples(*, target: TargetLabel, rows: Sequence[ExampleRow]) -> list[LabelExample]:
    """Make these the label's examples, in this order, in place of those it had. Twice is once.

    Raises `ExamplesRefused` for a picture that is not among the target images, one that is named twice, a caption that
    is too long, and for more examples than somebody would look at.
    """
    if len(rows) > MOST_EXAMPLES:
        raise ExamplesRefused(
            _("Choose up to %(most)s examples: nobody looks at more before they begin.") % {"most": MOST_EXAMPLES}
        )
    ids = [row.image_id for row in rows]
    for image_id in ids:
        if ids.count(image_id) > 1:
            raise ExamplesRefused(_("Picture %(id)s is named twice. Keep one of the two.") % {"id": image_id})
    for row in rows:
        if len(row.caption) > MOST_CAPTION or "\0" in row.caption:
            raise ExamplesRefused(
                _("Shorten the caption of picture %(id)s to %(most)s characters.")
                % {"id": row.image_id, "most": MOST_CAPTION}
            )
    asked = [image_id for image_id in ids if "\0" not in image_id]
    pool = shown_pool(target.challenge).filter(image_key__in=asked)
    images = dict(pool.values_list("image_key", "image_id"))
    missing = [image_id for image_id in ids if image_id not in images]
    if missing:
        raise ExamplesRefused(
            _("Picture %(id)s is not among the target images. Check its ID.") % {"id": repr(missing[0][:80])}
        )
    with transaction.atomic():
        TargetLabel.objects.select_for_update(of=("self",), no_key=True).get(pk=target.pk)
        LabelExample.objects.filter(target=target).delete()
        return LabelExample.objects.bulk_create(
            LabelExample(
                target=target, image_id=images[row.image_id], fits=row.fits, caption=row.caption, position=place
            )
            for place, row in enumerate(rows)
        )


def explain_label(
    *,
    target: TargetLabel,
    question: str,
    guidance: str,
    rows: Sequence[ExampleRow],
    by: User | None = None,
    at: datetime,
) -> None:
    """Say what raters are asked about a label, what counts as it, and by which examples. All of it or nothing, and what
    changes goes into the log; raises `ExamplesRefused`."""
    with transaction.atomic():
        before = _as_told(target)
        set_examples(target=target, rows=rows)
        describe_label(target=target, question=question, guidance=guidance)
        changed = difference(before, _as_told(target))
        if changed:
            record_act(
                challenge=target.challenge,
                kind=ActKind.GUIDANCE,
                summary=f"Changed what raters are told about {target.label.name}"[:300],
                details={"label_id": target.label.key, **changed},
                by=by,
                at=at,
            )


def _as_told(target: TargetLabel) -> dict[str, object]:
    """The examples by the numbers of their pictures' rows: an id would stay in the log when its picture is taken
    down."""
    rows = LabelExample.objects.filter(target=target).order_by("position", "pk")
    examples = [list(row) for row in rows.values_list("image_id", "fits", "caption")]
    return {"question": target.question, "guidance": target.guidance, "examples": examples}


def copy_examples(*, source: Challenge, target: Challenge) -> int:
    """Explain the labels of an edition by the pictures of another one, where they are target images of both and the
    label has no examples yet. How many were copied; twice is once."""
    labels = {one.label_id: one for one in target.target_labels.filter(examples=None)}
    rows = LabelExample.objects.filter(target__challenge=source, target__label__in=list(labels)).select_related(
        "target"
    )
    shown = rows.filter(image__in=shown_pool(target).values("image")).order_by("pk")
    copies = [
        LabelExample(
            target=labels[row.target.label_id],
            image_id=row.image_id,
            fits=row.fits,
            caption=row.caption,
            position=row.position,
        )
        for row in shown
    ]
    return len(LabelExample.objects.bulk_create(copies))
