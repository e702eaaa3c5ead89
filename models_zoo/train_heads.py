"""`python -m models_zoo.train_heads …`: logistic heads for an edition's labels, on a frozen backbone out of a roster.

The labels are what people verified: Open Images' image-level labels (`--labels`), or recorded ratings (`--ratings`).
Each picture goes through the backbone once (its features are kept in `--features-dir`, so that a run that was
interrupted goes on where it was); each label gets a logistic regression on the cells that are annotated for it, is
calibrated on pictures that it wasn't fitted on, measured on others again, and compared with the backbone's own
probability where the backbone knows the label. Written are NAME.pt (a state dict) and NAME.toml (a roster of one). The
same inputs and the same `--seed` give the same bytes on one machine.

Progress goes to standard error. With `--json` standard output is one object: the result, or `{"refused": reason}`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from models_zoo.classifier import best_device
from models_zoo.errors import ClassifierError
from models_zoo.fields import FieldError
from models_zoo.roster import RosterError, read_roster
from models_zoo.spec import ClassifierSpec
from models_zoo.training import study
from models_zoo.training.backbone import FrozenBackbone
from models_zoo.training.labels import LabelsRefused, read_targets
from models_zoo.training.words import as_json
from models_zoo.training.work import LEAST_EACH, Order, TrainingRefused, train

REFUSALS = (TrainingRefused, LabelsRefused, RosterError, FieldError, ClassifierError, OSError)
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """0 when the head is written; 1 with the reason when it can't be; 130 when it was interrupted."""
    options = _parser().parse_args(arguments)
    try:
        spec = chosen_backbone(options.backbone, options.classifiers_dir, classes=options.classes)
        order = _order(options)
        backbone = FrozenBackbone(spec, options.classifiers_dir, best_device())
        result = as_json(train(order, backbone))
    except REFUSALS as error:
        print(
            json.dumps({"refused": str(error)}) if options.json else error,
            file=sys.stdout if options.json else sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("Interrupted: no card was written; features that were kept are used by the next run.", file=sys.stderr)
        return INTERRUPTED
    print(json.dumps(result) if options.json else result["in_words"])
    return 0


def chosen_backbone(roster: str, classifiers_dir: Path, *, classes: Path | None) -> ClassifierSpec:
    """The card that `ROSTER.toml` or `ROSTER.toml:NAME` means.

    Raises `RosterError`, or `TrainingRefused` with the names that there are.
    """
    path, _, name = (roster, "", "") if Path(roster).is_file() else roster.rpartition(":")
    specs = {spec.name: spec for spec in read_roster(Path(path or roster), classifiers_dir, classes=classes)}
    if not name and len(specs) == 1:
        return next(iter(specs.values()))
    if name not in specs:
        problem = f"has no classifier {name!r}" if name else "has several classifiers"
        example = f"{path or roster}:{next(iter(specs))}"
        raise TrainingRefused(
            f"--backbone: {path or roster} {problem}; name one of {', '.join(specs)}, as in {example}"
        )
    return specs[name]


def _order(options: argparse.Namespace) -> Order:
    if not options.labels and options.ratings is None:
        raise TrainingRefused("no labels: name Open Images' CSVs with --labels, or a folder of ratings with --ratings")
    pictures = options.pictures or options.ratings
    if pictures is None:
        raise TrainingRefused("no pictures: name their folder with --pictures")
    if options.min_each < LEAST_EACH:
        raise TrainingRefused(f"--min-each must be at least {LEAST_EACH}: with fewer, nothing could be held out")
    out_dir = options.out_dir or options.classifiers_dir
    return Order(
        name=options.name,
        pictures=pictures,
        classifiers_dir=options.classifiers_dir,
        out_dir=out_dir,
        features_dir=options.features_dir or out_dir / "features",
        labels_files=tuple(options.labels or ()),
        ratings=options.ratings,
        agreeing=options.agreeing,
        machine_at=options.machine_labels,
        targets=read_targets(options.target_labels) if options.target_labels else None,
        vocabulary=options.vocabulary,
        min_each=options.min_each,
        way="" if options.measure == "auto" else options.measure,
        iterations=options.iterations,
        seed=options.seed,
        licence=options.licence,
        replace=options.replace,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models_zoo.train_heads", description="Train heads on a backbone.")
    add = parser.add_argument
    add("--backbone", required=True, metavar="ROSTER.toml[:NAME]", help="the frozen network, a classifier of a roster")
    add("--classifiers-dir", type=Path, required=True, metavar="DIR", help="the folder of the backbone's weights")
    add("--classes", type=Path, metavar="CSV", help="the CSV of classes, for a roster that names its column")
    add("--pictures", type=Path, metavar="DIR", help="IMAGEID.jpg, or images.csv (image_id,file)")
    add("--labels", type=Path, nargs="+", metavar="FILE", help="ImageID,Source,LabelName,Confidence")
    add("--ratings", type=Path, metavar="DIR", help="a folder with ratings.csv, as manage.py replay takes it")
    add("--agreeing", type=int, default=3, metavar="N", help="answers of one kind that a rated pair needs")
    add("--machine-labels", type=float, metavar="T", help="a machine's label of this confidence counts as yes")
    add("--target-labels", type=Path, metavar="FILE", help="one label's key on each line, or a CSV of key and name")
    add("--vocabulary", default="openimages", help="the vocabulary of the labels")
    add("--name", required=True, help="of the new classifier and its files")
    add("--out-dir", type=Path, metavar="DIR", help="where the head goes (default: the folder of classifiers)")
    add("--features-dir", type=Path, metavar="DIR", help="where features are kept (default: features in --out-dir)")
    add("--min-each", type=int, default=20, metavar="N", help="yes, and no, that a label needs (default: 20)")
    add("--measure", choices=("auto", study.PARTS, study.FOLDS), default="auto", help="on a part, or cross-fitted")
    add("--iterations", type=int, default=1000, metavar="N", help="at most, of the solver")
    add("--licence", default="", help="of the head's weights")
    add("--seed", type=int, default=0)
    add("--replace", action="store_true", help="overwrite a card of this name")
    add("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
