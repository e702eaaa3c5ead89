"""Which label is a kind of which, or a part of it: Open Images' nested JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.catalog.models import Label, LabelEdge, LabelEdgeKind
from cats4ml.catalog.openimages.files import FileRefused
from cats4ml.catalog.openimages.records import BadRow, Lines
from cats4ml.catalog.openimages.rows import UNKNOWN_LABEL, Batch, is_label_id

MOST_BYTES = 1 << 25
# The root of Open Images' own hierarchy, which no file of descriptions has.
NAMES_OF_ROOTS = {"/m/0bl9f": "Entity"}
_BRANCHES = {"Subcategory": LabelEdgeKind.SUBCATEGORY.value, "Part": LabelEdgeKind.PART.value}


class Edge(NamedTuple):
    """One step down. `number` counts the steps in the order of the file."""

    parent: str
    child: str
    kind: str
    number: int


def read_hierarchy(lines: Lines) -> Batch:
    """All of the file, which is small: a row is a label that stands below another one.

    Raises `FileRefused` where it is no hierarchy at all.
    """
    content = bytearray()
    while line := lines.next():
        content += line
        if len(content) > MOST_BYTES:
            raise FileRefused(f"more than {MOST_BYTES:,} bytes; a hierarchy is far smaller")
    if not content:
        return Batch()
    try:
        root = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"not proper JSON: {error}") from error
    if not isinstance(root, dict) or not is_label_id(root.get("LabelName")):
        raise FileRefused("no hierarchy: its root has no LabelName, such as /m/0bl9f")
    batch = Batch()
    for found in _edges(root):
        batch.read += 1
        if isinstance(found, Edge):
            batch.good.append(found)
        else:
            batch.bad.append(found)
    return batch


def _edges(root: dict[str, Any]) -> Iterator[Edge | BadRow]:
    """Downwards, without recursion. What stands below a bad label is not looked at."""
    number = 0
    waiting = [(root, frozenset([root["LabelName"]]))]
    while waiting:
        node, above = waiting.pop()
        for branch, kind in _BRANCHES.items():
            children = node.get(branch, [])
            for child in children if isinstance(children, list) else [children]:
                number += 1
                key = str(child.get("LabelName")) if isinstance(child, dict) else ""
                if not is_label_id(key):
                    yield BadRow(number, "no LabelName, such as /m/015p6", _shown(child))
                elif key in above:
                    yield BadRow(number, "a label below itself", _shown({"LabelName": key}))
                else:
                    yield Edge(node["LabelName"], key, kind, number)
                    waiting.append((child, above | {key}))


def write_hierarchy(batch: Batch, *, vocabulary: str) -> tuple[int, list[BadRow]]:
    """Adds the steps that are new; none is taken away, for a smaller hierarchy denies nothing of the larger one.

    A root that is not described is made a label. Returns the number of new steps, and those with unknown labels.
    """
    edges: list[Edge] = batch.good
    if edges and edges[0].number == 1:
        root = edges[0].parent
        add_labels(vocabulary=vocabulary, labels=[NewLabel(root, NAMES_OF_ROOTS.get(root, root))])
    ids = dict(Label.objects.filter(vocabulary=vocabulary).values_list("key", "id"))
    bad = [
        BadRow(edge.number, UNKNOWN_LABEL, f"{edge.child} below {edge.parent}")
        for edge in edges
        if edge.parent not in ids or edge.child not in ids
    ]
    wanted = {
        (ids[edge.parent], ids[edge.child], edge.kind) for edge in edges if edge.parent in ids and edge.child in ids
    }
    known = LabelEdge.objects.filter(parent__vocabulary=vocabulary).values_list("parent_id", "child_id", "kind")
    new = wanted.difference(known)
    LabelEdge.objects.bulk_create(
        [LabelEdge(parent_id=parent, child_id=child, kind=kind) for parent, child, kind in sorted(new)],
        ignore_conflicts=True,
    )
    return len(new), bad


def _shown(node: object) -> str:
    return json.dumps(node)[:200]
