"""What was learnt, told to the organiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models_zoo.training.measuring import Comparison, Figure
from models_zoo.training.quality import BEATS, EVEN, ROUNDING, WORSE, Quality, Result
from models_zoo.training.work import Made

SHOWN = 10
FEW = 10


def as_json(made: Made) -> dict[str, Any]:
    """One object for programs; `in_words` is what a person reads."""
    material = made.material
    return {
        "name": made.spec.name,
        "card": str(made.card),
        "weights": str(made.weights),
        "sha256": made.spec.sha256,
        "digest": made.spec.digest,
        "labels": list(material.keys),
        "left_out": material.left_out,
        "pictures": len(material.extracted.rows),
        "cells": len(material.cells),
        "missing": _counted(material.missing),
        "unreadable": {
            "count": len(material.extracted.unreadable),
            "first": dict(_first(material.extracted.unreadable)),
        },
        "features_computed": material.extracted.computed,
        "calibration": made.study.correction.method,
        "notes": list(material.notes),
        "quality": dict(made.spec.quality),
        "in_words": in_words(made),
    }


def in_words(made: Made) -> str:
    material = made.material
    computed = material.extracted.computed
    lines = [
        f"{made.spec.name}: heads for {len(material.keys):,} labels, from {len(material.cells):,} verified cells of"
        f" {len(material.extracted.rows):,} pictures ({computed:,} of them looked at now)",
        *(f"  {note}" for note in material.notes),
        *_trouble("pictures were not found", list(material.missing)),
        *_trouble(
            "pictures can't be read", [f"{image} ({why})" for image, why in material.extracted.unreadable.items()]
        ),
        *_trouble(
            f"labels have fewer than {material.min_each} yes or {material.min_each} no and were left out: the head"
            " knows nothing about them",
            [f"{_shown(key, material.names)}: {why}" for key, why in material.left_out.items()],
        ),
        f"Measured: {made.study.way}",
        f"Calibration: {made.study.correction.method}, chosen by its log loss on pictures that it wasn't fitted on",
        "",
        *_lines(made.quality, material.names),
        "",
        *_verdict(made.quality),
        "",
        f"Written: {made.weights} and {made.card}"
        + (", and beside them a copy of the backbone's weights" if made.copied else ""),
    ]
    return "\n".join(lines)


def _shown(key: str, names: Mapping[str, str]) -> str:
    name = names.get(key, key)
    return key if name == key else f"{name} {key}"


def _lines(quality: Quality, names: Mapping[str, str]) -> list[str]:
    """One line a label: average precision and calibration error, the backbone's, and the gain."""
    labels = {_shown(key, names): result for key, result in quality.labels.items()}
    width = max(len(shown) for shown in [*labels, "those it knows"])
    head = (
        f"{'label':<{width}} {'yes':>7} {'no':>7}  {'average precision':<22} {'backbone':<22} {'gain':<24}"
        f" {'calibration error':<22} {'backbone':<22}"
    )
    rows = [*labels.items(), ("all together", quality.overall)]
    if quality.compared is not None and quality.compared is not quality.overall:
        rows.append(("those it knows", quality.compared))
    return [head.rstrip(), *(_line(key, result, width) for key, result in rows)]


def _line(key: str, result: Result, width: int) -> str:
    ours, theirs, gain = _three(result.precision)
    error, their_error, _ = _three(result.error)
    return (
        f"{key:<{width}} {result.yes:>7,} {result.no:>7,}  {ours:<22} {theirs:<22} {gain:<24}"
        f" {error:<22} {their_error:<22}"
    ).rstrip()


def _three(figure: Figure | Comparison) -> tuple[str, str, str]:
    if isinstance(figure, Figure):
        return _number(figure), "unknown to it", ""
    return _number(figure.ours), _number(figure.theirs), _number(figure.gain, sign="+")


def _number(figure: Figure, *, sign: str = "") -> str:
    value, low, high = (f"{round(one, 3) + 0.0:{sign}.3f}" for one in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"


def _verdict(quality: Quality) -> list[str]:
    if quality.compared is None or quality.compared_mean is None:
        return ["The backbone itself knows none of these labels: there is nothing to compare with."]
    precision, error = quality.compared.precision, quality.compared.error
    lines = []
    if isinstance(precision, Comparison):
        lines.append(f"Over all cells of the labels that both know, {_sentence(precision, 'average precision')}")
    lines.append(f"In the mean over these labels, {_sentence(quality.compared_mean, 'average precision')}")
    if isinstance(error, Comparison):
        lines.append(f"Over all cells, {_sentence(error, 'calibration error', less=True)}")
    compared = [result for result in quality.labels.values() if isinstance(result.precision, Comparison)]
    each = {verdict: sum(one.verdict == verdict for one in compared) for verdict in (BEATS, EVEN, WORSE)}
    lines.append(
        f"By label: {each[BEATS]} beat the backbone, {each[EVEN]} are not shown to differ, {each[WORSE]} are worse"
        f" (each with 95 %, so that about one in twenty is by chance)."
    )
    fewest = min(min(one.yes, one.no) for one in quality.labels.values())
    if fewest < FEW:
        lines.append(f"Some labels were measured on {fewest} yes or no: no interval of so few can be trusted.")
    return lines


def _sentence(comparison: Comparison, what: str, *, less: bool = False) -> str:
    """`less`: the smaller figure is the better one."""
    gain = comparison.gain
    above, below = gain.low > ROUNDING, gain.high < -ROUNDING
    better, worse = (below, above) if less else (above, below)
    verdict = "the heads beat the backbone" if better else "the heads do NOT beat the backbone"
    tail = "" if better else ", they are worse" if worse else ", no difference is shown"
    return (
        f"{verdict}{tail}: {what} {_number(comparison.ours)} against {_number(comparison.theirs)},"
        f" difference {_number(gain, sign='+')}."
    )


def _trouble(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return [f"  {len(names):,} {what}: {'; '.join(names[:SHOWN])}{more}"]


def _counted(names: Sequence[str]) -> dict[str, Any]:
    return {"count": len(names), "first": list(names[:SHOWN])}


def _first(reasons: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(reasons.items())[:SHOWN]
