"""Reading a file of control questions, for the page and for the command alike."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from cats4ml.console.tables import Problems, Table, TableRefused
from cats4ml.review.actions.controls import ControlRow
from cats4ml.review.models import ControlUse
from cats4ml.ui.words import figure

COLUMNS = ("image_id", "label_id", "truth")
OPTIONAL = ("use", "explanation")


def read_controls(path: Path) -> list[ControlRow]:
    """The rows of a CSV `image_id,label_id,truth[,use,explanation]`, those that are no row with the reason, in their
    order. An empty use is mixed. Raises `TableRefused` for what is no such file."""
    bad: list[ControlRow] = []
    problems = Problems(path, lambda line, text: bad.append(_malformed(line, text)))
    rows = []
    for line, cells in Table(path, COLUMNS, problems, optional=OPTIONAL).rows():
        image_id, label_id, truth, use, explanation = (cell.strip() for cell in cells)
        use = use.lower().replace("-", "_").replace(" ", "_") or ControlUse.MIXED.value
        rows.append(ControlRow(line, image_id, label_id, truth.lower(), use, explanation))
        if len(rows) > settings.UPLOAD_MAX_ROWS:
            raise TableRefused(
                _("%(path)s: has more than %(upload_max_rows)s rows; split it into several files")
                % {"path": path, "upload_max_rows": figure(settings.UPLOAD_MAX_ROWS)}
            )
    if not rows and not bad:
        raise TableRefused(_("%(path)s: has a header and no rows below it") % {"path": path})
    return sorted([*rows, *bad], key=lambda row: row.line)


def _malformed(line: int, text: str) -> ControlRow:
    return ControlRow(line, "", "", "", malformed=_("This line %(text)s.") % {"text": text})
