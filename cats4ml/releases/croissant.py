"""A part's `croissant.json`: Croissant 1.1 (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html) with the
vocabulary for responsible AI (https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cats4ml.releases import layout
from cats4ml.releases.card import citation
from cats4ml.releases.facts import Facts
from cats4ml.releases.figures import PartFigures
from cats4ml.releases.frame import Frame
from cats4ml.releases.stored import Written
from cats4ml.releases.words import BIASES, LIMITS, SELECTED, USES, count_of
from cats4ml.ui.policy_words import machines_in_words, verdict_in_words

CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        name: f"cr:{name}"
        for name in (
            "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
            "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
            "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate",
            "separator", "source", "subField", "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}  # fmt: skip
TYPES = {
    "csv": "text/csv",
    "jsonl": "application/jsonlines",
    "json": "application/json",
    "md": "text/markdown",
    "parquet": "application/x-parquet",
}
SHARDS = "pairs-parquet"
TEXT, WHOLE, NUMBER, BOOLEAN, MOMENT, ADDRESS = (
    "sc:Text", "sc:Integer", "sc:Float", "sc:Boolean", "sc:DateTime", "sc:URL"
)  # fmt: skip

PAIR_FIELDS = {
    "position": (WHOLE, "Its row in the table of both parts, from 1."),
    "image_id": (TEXT, "The picture's id in its collection."),
    "label_id": (TEXT, "The label's id in the vocabulary."),
    "label_name": (TEXT, "The label's name."),
    "split": (TEXT, "The part that the pair was drawn into."),
    "verdict": (TEXT, "What people say: yes, no or undecided."),
    "outcome": (TEXT, "People's verdict beside the machines': false_negative, false_positive, agreement or ambiguous."),
    "hum_yes_rating": (WHOLE, "Counted answers that are yes."),
    "hum_no_rating": (WHOLE, "Counted answers that are no."),
    "hum_dont_know_rating": (WHOLE, "Counted answers that are don't know."),
    "machine_score": (WHOLE, "The ensemble's verdict: 1 yes, 0 no."),
    "machine_mean": (NUMBER, "The weighted mean of the classifiers that know the label."),
    "machine_spread": (NUMBER, "The standard deviation around that mean."),
    "machine_voices": (WHOLE, "How many classifiers know the label."),
    "tally_source": (TEXT, "ratings, or imported: counts without single answers."),
    "adjudicated": (BOOLEAN, "Whether the verdict is an expert's or an organiser's decision."),
    "policy": (WHOLE, "The version of the policy that settled it."),
    "roster": (WHOLE, "The version of the roster that scored it."),
    "prior_yes": (NUMBER, "The share of yes assumed before anybody answered."),
    "posterior": (NUMBER, "How likely yes is after the counted answers."),
    "settled_at": (MOMENT, "When it was settled."),
}
RATING_FIELDS = {
    "task": (TEXT, "image_id:label_id of the pair."),
    "worker": (TEXT, "The rater, as a keyed hash."),
    "label": (TEXT, "The answer: yes, no or dont_know."),
    "seconds": (NUMBER, "From the picture in view to the answer."),
    "counted": (WHOLE, "1 where the verdict was read from it."),
    "evidence": (NUMBER, "The log-odds that it was worth under a weighted policy."),
}
IMAGE_FIELDS = {
    "image_id": (TEXT, "The picture's id in its collection."),
    "author": (TEXT, "Who made it."),
    "author_url": (ADDRESS, "The author's page."),
    "title": (TEXT, "Its title."),
    "license": (TEXT, "Its licence."),
    "landing_url": (ADDRESS, "The page where it is shown."),
    "original_url": (ADDRESS, "The file itself, where it was published."),
    "sha256": (TEXT, "Of the file as the platform stores it."),
}
LABEL_FIELDS = {
    "label_id": (TEXT, "The label's id in the vocabulary."),
    "label_name": (TEXT, "The label's name."),
    "question": (TEXT, "What raters were asked."),
    "guidance": (TEXT, "What counts and what doesn't."),
}


def croissant(
    *, facts: Facts, frame: Frame, part: str, figures: PartFigures, files: Sequence[Written]
) -> dict[str, Any]:
    """The metadata of a part. `files`: all others of its folder, by paths relative to it."""
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": f"{facts.name}: {layout.NAMES[part]}",
        "description": (
            f"{count_of(figures.pairs, 'pair')} of a picture and a label on which people and classifiers were "
            f"compared. {SELECTED}"
        ),
        "url": facts.page,
        "version": semantic_version(facts),
        "license": layout.LICENCE,
        "citeAs": citation(facts),
        "creator": {"@type": "sc:Organization", "name": facts.challenge.title, "url": facts.page},
        "publisher": {"@type": "sc:Organization", "name": facts.challenge.title, "url": facts.page},
        "datePublished": f"{facts.frozen_at:%Y-%m-%d}",
        "inLanguage": "en",
        "keywords": ["adversarial test set", "image classification", "human annotation", "unknown unknowns"],
        **_responsible(facts, frame, figures),
        "distribution": [*(_file(one) for one in files), _shards()],
        "recordSet": [
            _records("pairs", "Every pair of the part.", PAIR_FIELDS, fileset=SHARDS, key=("image_id", "label_id")),
            _records("ratings", "Every final answer to these pairs.", RATING_FIELDS, file=layout.RATINGS_CSV),
            _records("images", "Whose the pictures are.", IMAGE_FIELDS, file=layout.IMAGES_CSV, key=("image_id",)),
            _records("labels", "The target labels.", LABEL_FIELDS, file=layout.LABELS_CSV, key=("label_id",)),
        ],
    }


def semantic_version(facts: Facts) -> str:
    """MAJOR.MINOR.PATCH for the release's version where that is made of numbers; else its number counts."""
    found = re.fullmatch(r"(0|[1-9]\d*)(?:\.(0|[1-9]\d*))?(?:\.(0|[1-9]\d*))?", facts.version)
    return ".".join(one or "0" for one in found.groups()) if found else f"{facts.number}.0.0"


def _responsible(facts: Facts, frame: Frame, figures: PartFigures) -> Mapping[str, Any]:
    policies = [policy for version, policy in sorted(frame.policies.values(), key=lambda one: one[0])
                if version in figures.policies]  # fmt: skip
    alpha = figures.alpha()
    agreement = (
        "is not defined" if alpha.value is None else f"is {alpha.value:.3f} over {count_of(alpha.pairs, 'pair')}"
    )
    classifiers = sorted({one.classifier.name for version in figures.rosters for one in frame.members[version]})
    frame_of_time = (figures.first_settled, figures.last_settled)
    values: dict[str, Any] = {
        "rai:dataCollection": (
            f"{count_of(facts.finders, 'finder')} searched a pool of pictures for pairs of a picture and a label that "
            "an ensemble of "
            "classifiers gets wrong without knowing it, and claimed them. All settled pairs are released, whatever "
            "came of them."
        ),
        "rai:dataCollectionType": ["Crowdsourcing", "Human annotation", "Machine annotation"],
        "rai:dataCollectionMissingData": (
            f"Pairs that were not settled are not released: {facts.left_out.in_review:,} in review, "
            f"{facts.left_out.queued:,} not scored, "
            f"{facts.left_out.unscorable:,} that can't be scored, {facts.left_out.withdrawn:,} withdrawn."
        ),
        "rai:dataCollectionRawData": (
            "Pictures of the collection, which keep their own licences and are not part of the set."
        ),
        "rai:dataCollectionTimeframe": [f"{at:%Y-%m-%dT%H:%M:%S}" for at in frame_of_time if at],
        "rai:dataAnnotationProtocol": [
            "Raters see one picture and one question, and no score, no claimant and no other answer. Nobody rates a "
            "pair of their own.",
            *(" ".join([machines_in_words(policy), verdict_in_words(policy)]) for policy in policies),
        ],
        "rai:dataAnnotationPlatform": ["CATS4ML", *facts.studies],
        "rai:dataAnnotationAnalysis": [f"Krippendorff's alpha of all answers {agreement}.", *_decided(figures)],
        "rai:annotationsPerItem": _answers(figures),
        "rai:annotatorDemographics": [
            f"Unknown: the platform asks nothing of the kind. {count_of(len(figures.workers), 'rater')} answered."
        ],
        "rai:machineAnnotationTools": classifiers,
        "rai:dataBiases": [SELECTED, *BIASES],
        "rai:dataUseCases": list(USES),
        "rai:dataLimitations": list(LIMITS),
        "rai:personalSensitiveInformation": [
            "Pictures may show people. Raters are keyed hashes; finders are not named. Authors of pictures are named "
            "as their licences ask."
        ],
        "rai:dataReleaseMaintenancePlan": (
            "A release never changes. Corrections are in the next one, whose changelog names them."
        ),
    }
    return {name: value for name, value in values.items() if value}


def _decided(figures: PartFigures) -> list[str]:
    if not figures.adjudicated:
        return []
    return [f"Verdicts decided by an expert or an organiser, and marked: {figures.adjudicated:,}."]


def _answers(figures: PartFigures) -> str:
    numbers = sorted(figures.answers_a_pair)
    if not numbers:
        return "None: the part is empty."
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _file(one: Written) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": one.path,
        "name": one.path.rpartition("/")[2],
        "contentUrl": one.path,
        "contentSize": f"{one.size} B",
        "encodingFormat": TYPES.get(one.path.rpartition(".")[2], "text/plain"),
        "sha256": one.sha256,
    }


def _shards() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": SHARDS,
        "name": SHARDS,
        "description": "The pairs as Parquet, in shards.",
        "encodingFormat": TYPES["parquet"],
        "includes": f"{layout.DATA}/*.parquet",
    }


def _records(
    name: str,
    description: str,
    fields: Mapping[str, tuple[str, str]],
    *,
    file: str = "",
    fileset: str = "",
    key: Sequence[str] = (),
) -> dict[str, Any]:
    source = {"fileObject": {"@id": file}} if file else {"fileSet": {"@id": fileset}}
    described = {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": meaning,
                "dataType": kind,
                "source": {**source, "extract": {"column": column}},
            }
            for column, (kind, meaning) in fields.items()
        ],
    }
    return described | ({"key": [{"@id": f"{name}/{column}"} for column in key]} if key else {})
