"""From labels and pictures to a head and its card: the steps of `models_zoo.train_heads` in their order."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models_zoo.fields import FieldError
from models_zoo.label_map import label_map_for
from models_zoo.spec import ClassifierSpec
from models_zoo.training import card, study
from models_zoo.training.backbone import FrozenBackbone
from models_zoo.training.features import Extracted, extract
from models_zoo.training.files import find_pictures
from models_zoo.training.labels import Annotations, Cell, merged, read_open_images, read_ratings
from models_zoo.training.progress import Progress
from models_zoo.training.quality import Quality, assess, backbone_probabilities, figures, table
from models_zoo.training.splitting import Cells

LEAST_EACH = 2  # with one yes only, nothing could be held out


class TrainingRefused(Exception):
    """Heads can't be trained with what was given; the text says why and how to mend it."""


@dataclass(frozen=True)
class Order:
    """What is asked for. `targets`: name by label key, or `None` for every label that has enough cells.

    `labels_files`: Open Images' CSVs. `ratings`: a folder of recorded ratings. `way`: `study.PARTS`, `study.FOLDS` or
    empty for what the number of cells allows. The other fields are the options of the command line.
    """

    name: str
    pictures: Path
    classifiers_dir: Path
    out_dir: Path
    features_dir: Path
    labels_files: tuple[Path, ...] = ()
    ratings: Path | None = None
    agreeing: int = 3
    machine_at: float | None = None
    targets: Mapping[str, str] | None = None
    vocabulary: str = "openimages"
    min_each: int = 20
    way: str = ""
    iterations: int = 1000
    seed: int = 0
    licence: str = ""
    replace: bool = False


@dataclass(frozen=True)
class Material:
    """The cells to learn from, as arrays; `keys`: the label of each row of the head. `left_out`: how many yes and no
    a label with fewer than `min_each` of one of them has. `names`: of labels, by key, as far as they were given."""

    extracted: Extracted
    cells: Cells
    keys: tuple[str, ...]
    left_out: dict[str, str]
    min_each: int
    names: Mapping[str, str]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """What was written, and how good it is."""

    spec: ClassifierSpec
    card: Path
    weights: Path
    copied: bool
    material: Material
    study: study.Study
    quality: Quality


def train(order: Order, backbone: FrozenBackbone) -> Made:
    """Reads, looks, fits, measures and writes; progress goes to standard error.

    Raises `TrainingRefused`, `LabelsRefused`, `FieldError` and `OSError`.
    """
    path = _target(order)
    material = gather(order, backbone)
    way = order.way or study.usual_way(material.cells, len(material.keys))
    with Progress("fitting", study.steps(way, len(material.keys)), unit="heads") as progress:
        learnt = study.learn(
            material.extracted.features,
            material.cells,
            len(material.keys),
            way=way,
            seed=order.seed,
            most=order.iterations,
            tick=progress.add,
        )
    print("measuring", file=sys.stderr, flush=True)
    quality = _assess(order, backbone, material, learnt)
    return _write(order, backbone, path, material, learnt, quality)


def gather(order: Order, backbone: FrozenBackbone) -> Material:
    """The verified cells of the labels that have enough, and the features of their pictures."""
    found = _annotations(order)
    ids = {image_id for image_id, _ in found.cells}
    pictures = find_pictures(order.pictures, ids)
    cells = {cell: yes for cell, yes in found.cells.items() if cell[0] in pictures}
    enough, _ = _enough(cells, order)
    wanted = {image_id: pictures[image_id] for image_id in sorted({image for image, label in cells if label in enough})}
    if not wanted:
        _refuse_few(order, found, pictures)
    with Progress("features", len(wanted), unit="pictures") as progress:
        extracted = extract(backbone, wanted, order.features_dir, tick=progress.add)
    readable = {cell: yes for cell, yes in cells.items() if cell[0] not in extracted.unreadable}
    keys, left_out = _enough(readable, order)
    if not keys:
        _refuse_few(order, found, pictures)
    return Material(
        extracted=extracted,
        cells=_as_arrays(readable, keys, extracted),
        keys=keys,
        left_out=left_out,
        min_each=order.min_each,
        names=order.targets or {},
        missing=tuple(sorted(ids - pictures.keys())),
        notes=found.notes,
    )


def _target(order: Order) -> Path:
    """The card's path. Raises `TrainingRefused` where the name can't be a file's, or is taken."""
    if not card.NAME.fullmatch(order.name):
        raise TrainingRefused(f"--name {order.name!r} should be letters, digits, dots and dashes: files are called so")
    path = order.out_dir / f"{order.name}.toml"
    if path.exists() and not order.replace:
        raise TrainingRefused(f"{path}: is there already; choose another --name, or overwrite it with --replace")
    return path


def _annotations(order: Order) -> Annotations:
    parts = []
    if order.labels_files:
        with Progress("reading labels", None, unit="rows") as progress:
            parts.append(
                read_open_images(
                    order.labels_files, wanted=order.targets, machine_at=order.machine_at, tick=progress.add
                )
            )
    if order.ratings is not None:
        parts.append(read_ratings(order.ratings, wanted=order.targets, agreeing=order.agreeing))
    return merged(parts)


def _enough(cells: Mapping[Cell, bool], order: Order) -> tuple[tuple[str, ...], dict[str, str]]:
    """(labels with enough yes and no, in the order of the targets, else sorted; how many the others have)."""
    counts = Counter((label, yes) for (_, label), yes in cells.items())
    known = list(order.targets) if order.targets is not None else sorted({label for label, _ in counts})
    few = {key: (counts[key, True], counts[key, False]) for key in known}
    left_out = {key: f"{yes:,} yes, {no:,} no" for key, (yes, no) in few.items() if min(yes, no) < order.min_each}
    return tuple(key for key in known if key not in left_out), left_out


def _refuse_few(order: Order, found: Annotations, pictures: Collection[str]) -> None:
    raise TrainingRefused(
        f"no label has {order.min_each} yes and {order.min_each} no: {len(found.cells):,} verified cells were read,"
        f" {sum(image in pictures for image, _ in found.cells):,} of them of pictures that are in {order.pictures}."
        " Name more files of labels or more pictures, check that the keys of the target labels are those of the files,"
        " or ask for fewer with --min-each"
    )


def _as_arrays(cells: Mapping[Cell, bool], keys: Sequence[str], extracted: Extracted) -> Cells:
    row_of = {key: row for row, key in enumerate(keys)}
    mine = sorted(
        (row_of[label], extracted.rows[image], yes) for (image, label), yes in cells.items() if label in row_of
    )
    _, group = np.unique(np.array(extracted.sha256), return_inverse=True)
    picture = np.array([row for _, row, _ in mine], dtype=np.int64)
    return Cells(
        picture=picture,
        label=np.array([label for label, _, _ in mine], dtype=np.int64),
        yes=np.array([yes for _, _, yes in mine], dtype=np.bool_),
        group=group[picture].astype(np.int64),
    )


def _assess(order: Order, backbone: FrozenBackbone, material: Material, learnt: study.Study) -> Quality:
    spec = backbone.spec
    try:
        known = label_map_for(spec.vocabulary, spec.labels, order.vocabulary, material.keys)
    except FieldError:  # no table from its vocabulary to this one: it knows none of these labels
        known = {}
    if known is None:
        known = {key: [spec.labels.index(key)] for key in material.keys if key in spec.labels}
    places = [known.get(key, []) for key in material.keys]
    theirs = backbone_probabilities(
        material.extracted.probabilities, learnt.tested, places, adds=spec.activation == "softmax"
    )
    return assess(learnt.tested, learnt.probabilities, theirs, material.keys, seed=order.seed)


def quality_table(material: Material, learnt: study.Study, quality: Quality, *, targets: bool) -> dict[str, object]:
    """The card's table of measured figures: texts, numbers, lists `[value, low, high]` and tables."""
    plain: dict[str, object] = {
        "measured": learnt.way,
        "intervals": "[value, low, high]: 95 %, 1000 bootstrap draws of pictures",
        "overall": table(quality.overall),
    }
    if quality.compared is not None and quality.compared is not quality.overall:
        plain["labels_the_backbone_knows"] = table(quality.compared)
    if quality.compared_mean is not None:
        plain["mean_over_labels"] = figures("average_precision", quality.compared_mean)
    plain["labels"] = {
        key: {**table(result), "penalty": strength}
        for (key, result), strength in zip(quality.labels.items(), learnt.strengths, strict=True)
    }
    if targets and material.left_out:
        plain["left_out"] = material.left_out
    return plain


def _write(
    order: Order, backbone: FrozenBackbone, path: Path, material: Material, learnt: study.Study, quality: Quality
) -> Made:
    """The weights first and the card last, each whole or not at all: a card that is there can be used."""
    data = card.state_bytes(learnt.heads)
    weights = order.out_dir / f"{order.name}.pt"
    folder, inside = _folder_of_classifiers(order)
    spec = card.card_of(
        name=order.name,
        weights=f"{inside}{order.name}.pt",
        sha256=hashlib.sha256(data).hexdigest(),
        backbone=backbone.card,
        picture=backbone.input,
        correction=learnt.correction,
        vocabulary=order.vocabulary,
        labels=material.keys,
        source=f"logistic heads on {backbone.spec.name} ({backbone.spec.source}), from {len(material.cells):,} verified"
        f" cells of {len(material.extracted.rows):,} pictures, seed {order.seed}",
        licence=order.licence or f"as the labels, the pictures and the backbone allow ({backbone.spec.licence})",
        quality=quality_table(material, learnt, quality, targets=order.targets is not None),
    )
    copied = card.copy_beside(backbone.spec.weights, backbone.spec.sha256, order.classifiers_dir, folder)
    card.write_whole(weights, data)
    card.write_whole(path, card.roster_text(spec).encode())
    return Made(spec, path, weights, copied, material, learnt, quality)


def _folder_of_classifiers(order: Order) -> tuple[Path, str]:
    """(the folder that the card's paths are relative to, and the way from there to `out_dir`, ending in a slash)."""
    base, out = order.classifiers_dir.resolve(), order.out_dir.resolve()
    if not out.is_relative_to(base):
        return order.out_dir, ""
    inside = out.relative_to(base).as_posix()
    return order.classifiers_dir, "" if inside == "." else f"{inside}/"
