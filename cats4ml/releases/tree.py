"""The tree of a release in a folder, written from one snapshot of the database."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cats4ml.locking import one_snapshot
from cats4ml.releases import layout
from cats4ml.releases.card import part_card, whole_card
from cats4ml.releases.changelog import changelog, changes_since, in_short
from cats4ml.releases.croissant import croissant
from cats4ml.releases.datasheet import datasheet
from cats4ml.releases.facts import (
    Facts,
    facts_of,
    label_rows,
    licences_of,
    picture_rows,
    pictures_of,
    stored_pictures,
    tombstone_rows,
)
from cats4ml.releases.figures import PartFigures
from cats4ml.releases.frame import Frame, frame_of
from cats4ml.releases.models import Release
from cats4ml.releases.progress import Meter
from cats4ml.releases.reading import ReleasedPair, read_pairs
from cats4ml.releases.rows import RELEASED_COLUMNS
from cats4ml.releases.stored import archived, digest_of, files_below, manifest, nonce_of, pack, written
from cats4ml.releases.tables import Csv, PartTables, released_cells, stamp
from cats4ml.ui.spreadsheets import harmless

# Rows for `COPY releases_releasepair`, beside the tree and not part of it.
SPOOL = "released.copy"
SPOOLED = ("pair_id", "position", "split", "verdict", "outcome", "machine_yes", "machine_mean")
TICK = 500


@dataclass(frozen=True)
class Tree:
    """What was written: `counts` as in `release.json`, and the root digest."""

    counts: dict[str, Any]
    root_digest: str


def write_tree(release: Release, *, root: Path, spool: Path, at: datetime, meter: Meter) -> Tree:
    """Write every file of a release below `root`, a folder that is empty, and what the database shall keep to `spool`.

    Raises `BuildRefused` where the edition can't be released as it is.
    """
    with one_snapshot():
        frame, facts = frame_of(release.challenge), facts_of(release, at=at)
        figures = _write_rows(root, spool, frame, facts, meter)
        for part in layout.PARTS:
            figures[part].images = pictures_of(facts.challenge, part).order_by().count()
        counts = _counts(facts, figures)
        since = _write_common(root, release, frame, facts, figures, counts)
        for part in layout.PARTS:
            meter.to("Describing", layout.PARTS.index(part), len(layout.PARTS))
            _write_about(root / part, part, frame, facts, figures[part], since)
    (root / layout.HELDOUT / layout.NONCE).write_text(nonce_of(facts.challenge, facts.version) + "\n", encoding="ascii")
    _write_manifests(root)
    root_digest = digest_of(root / layout.MANIFEST)
    paths = files_below(root)
    for place, part in enumerate(layout.PARTS):
        meter.to("Packing", place, len(layout.PARTS))
        pack(root, layout.ARCHIVES[part], archived(part, paths))
    return Tree(counts=counts, root_digest=root_digest)


def _write_rows(root: Path, spool: Path, frame: Frame, facts: Facts, meter: Meter) -> dict[str, PartFigures]:
    """Everything that has a row a pair, in one pass."""
    figures = {part: PartFigures() for part in layout.PARTS}
    keys = list(frame.keys.values())
    with ExitStack() as files:
        tables = {
            part: files.enter_context(
                PartTables(root / part, part=part, pairs=facts.pairs.get(part, 0), classifiers=keys)
            )
            for part in layout.PARTS
        }
        whole = Csv(root / layout.PAIRS_CSV, RELEASED_COLUMNS, files)
        kept = csv.writer(files.enter_context(spool.open("w", encoding="utf-8", newline="")), lineterminator="\n")
        meter.to("Writing pairs", 0, facts.total)
        for pair in read_pairs(frame.challenge, frame):
            figures[pair.split].add(pair)
            tables[pair.split].add(pair)
            whole.add(released_cells(pair))
            kept.writerow(_spooled(pair))
            if pair.position % TICK == 0:
                meter.to("Writing pairs", pair.position, facts.total)
    return figures


def _spooled(pair: ReleasedPair) -> tuple[object, ...]:
    yes = "t" if pair.machine_yes else "f"
    return pair.pk, pair.position, pair.split, pair.verdict, pair.outcome, yes, pair.machine_mean


def _counts(facts: Facts, figures: Mapping[str, PartFigures]) -> dict[str, Any]:
    """Of the held-out part only the size: the rest would tell of its answers. Of both parts' answers too: beside the
    release before, which had one pair less, their number would tell how many that pair needed."""
    public, heldout = figures[layout.PUBLIC], figures[layout.HELDOUT]
    return {
        "pairs": public.pairs + heldout.pairs,
        layout.PUBLIC: public.counts(),
        layout.HELDOUT: {"pairs": heldout.pairs},
        "ratings": public.ratings,
        "raters": len(public.workers),
        "finders": facts.finders,
    }


def _write_common(
    root: Path,
    release: Release,
    frame: Frame,
    facts: Facts,
    figures: Mapping[str, PartFigures],
    counts: Mapping[str, Any],
) -> str:
    """The files about the release. Gives what changed since the one before it, in short."""
    former = release.former
    changes = changes_since(former, release.challenge) if former is not None else {}
    _write_json(root / layout.RELEASE_JSON, _about(release, frame, facts, counts))
    _write_text(root / layout.README, whole_card(facts, figures))
    _write_text(root / layout.CHANGELOG, changelog(facts, former, changes))
    return in_short(changes) if former is not None else ""


def _about(release: Release, frame: Frame, facts: Facts, counts: Mapping[str, Any]) -> dict[str, Any]:
    challenge, former = facts.challenge, release.former
    seed = hashlib.sha256(challenge.split_seed.encode()).hexdigest()
    columns = {name: list(those) for name, those in layout.CSV_COLUMNS.items()}
    columns[layout.SCORES_CSV] += [harmless(key) for key in frame.keys.values()]
    return {
        "format": layout.FORMAT,
        "challenge": challenge.slug,
        "title": challenge.title,
        "vocabulary": challenge.vocabulary,
        "version": facts.version,
        "frozen_at": stamp(facts.frozen_at),
        "counts": counts,
        "policies": sorted(version for version, _ in frame.policies.values()),
        "rosters": sorted(frame.rosters.values()),
        "split": {"heldout_percent": challenge.rules.heldout_percent, "seed_sha256": seed},
        "columns": columns,
        "former": {"version": former.version, "root_digest": former.root_digest} if former is not None else None,
        "hash": "sha256",
    }


def _write_about(folder: Path, part: str, frame: Frame, facts: Facts, figures: PartFigures, since: str) -> None:
    """The files of a part that have no row a pair; `croissant.json`, which names all others, last."""
    challenge = facts.challenge
    _write_csv(folder / layout.IMAGES_CSV, layout.IMAGE_COLUMNS, picture_rows(challenge, part))
    _write_csv(folder / layout.LABELS_CSV, layout.LABEL_COLUMNS, label_rows(challenge))
    tombstones = list(tombstone_rows(challenge, part))
    if tombstones:
        _write_csv(folder / layout.TOMBSTONES_CSV, layout.TOMBSTONE_COLUMNS, iter(tombstones))
    _write_json(folder / layout.POLICIES_JSON, frame.policies_of(figures.policies))
    _write_json(folder / layout.CLASSIFIERS_JSON, frame.classifiers_of(figures.rosters))
    _write_text(folder / layout.README, part_card(facts, part, figures))
    sheet = datasheet(
        facts=facts,
        frame=frame,
        part=part,
        figures=figures,
        licences=licences_of(challenge, part),
        stored=stored_pictures(challenge, part),
        since=since,
    )
    _write_text(folder / layout.DATASHEET, sheet)
    files = [written(folder, path) for path in files_below(folder)]
    about = croissant(facts=facts, frame=frame, part=part, figures=figures, files=files)
    _write_json(folder / layout.CROISSANT, about)


def _write_manifests(root: Path) -> None:
    heldout = root / layout.HELDOUT
    inner = [written(heldout, path) for path in [*files_below(heldout), f"../{layout.PAIRS_CSV}"]]
    _write_text(heldout / layout.MANIFEST, manifest(inner))
    everybodys = [path for path in files_below(root) if layout.is_everybodys(path)]
    outer = [written(root, path) for path in [*everybodys, f"{layout.HELDOUT}/{layout.MANIFEST}"]]
    _write_text(root / layout.MANIFEST, manifest(outer))


def _write_csv(path: Path, columns: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    with ExitStack() as files:
        table = Csv(path, columns, files)
        for row in rows:
            table.add(row)


def _write_json(path: Path, value: object) -> None:
    _write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
