"""The cards by which the Hugging Face hub, and `datasets`, know a release and each of its parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cats4ml.releases import layout
from cats4ml.releases.citing import bibtex
from cats4ml.releases.facts import Facts
from cats4ml.releases.figures import PartFigures
from cats4ml.releases.words import SELECTED, count_of
from cats4ml.rules.verdicts import Outcome
from cats4ml.ui.words import OUTCOMES

# The hub's own names.
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "1M<n<10M"
TAGS = ("adversarial", "human-annotated", "crowdsourcing", "unknown-unknowns", "croissant")


def citation(facts: Facts) -> str:
    """How the release is cited, as BibTeX. The root digest comes after its files, and is not in it."""
    return bibtex(facts.challenge, facts.version, facts.frozen_at)


def whole_card(facts: Facts, figures: Mapping[str, PartFigures]) -> str:
    """`README.md` over both parts. Of the held-out part it tells the size alone."""
    parts = [part for part in layout.PARTS if facts.pairs.get(part, 0)] or [layout.PUBLIC]
    head = _head(facts, facts.total, {part: f"{part}/{layout.DATA}/{part}-*.parquet" for part in parts})
    public, heldout = facts.pairs.get(layout.PUBLIC, 0), facts.pairs.get(layout.HELDOUT, 0)
    body = [
        f"# {facts.name}",
        facts.challenge.summary.strip(),
        f"{count_of(facts.total, 'pair')} of a picture and a label on which people and classifiers were compared: "
        f"{public:,} in the public part and "
        f"{heldout:,} in the held-out part, which is kept back so that classifiers can be judged on answers that "
        "none of them has seen.",
        "Who has the public part alone loads the folder `public/`:",
        '```python\nimport datasets\n\npublic = datasets.load_dataset("public")["public"]\n```',
        "With both parts `datasets.load_dataset(os.getcwd())`, in this folder, has one split for each that has pairs.",
        _outcomes(figures[layout.PUBLIC]),
        SELECTED,
        *_ending(facts),
    ]
    return _markdown(head, body)


def part_card(facts: Facts, part: str, figures: PartFigures) -> str:
    """`README.md` of a part."""
    head = _head(facts, figures.pairs, {part: f"{layout.DATA}/{part}-*.parquet"})
    body = [
        f"# {facts.name}: {layout.NAMES[part]}",
        facts.challenge.summary.strip(),
        f"{count_of(figures.pairs, 'pair')} of {facts.total:,}. The columns are told in `docs/releases.md` of the "
        "platform; `datasheet.md` says who made "
        "the set, how, and what it is not good for.",
        f'In the folder above:\n\n```python\nimport datasets\n\npairs = datasets.load_dataset("{part}")["{part}"]\n```',
        _outcomes(figures),
        SELECTED,
        *_ending(facts),
    ]
    return _markdown(head, body)


def _outcomes(figures: PartFigures) -> str:
    lines = ["| outcome | pairs |", "|---|---:|"]
    lines += [f"| {OUTCOMES[one.value].word} | {figures.outcomes[one.value]:,} |" for one in Outcome]
    return "\n".join(lines)


def _ending(facts: Facts) -> list[str]:
    return [
        "## Licence",
        f"{layout.LICENCE_NAME} ({layout.LICENCE}). Pictures are not part of the set and keep their own licences, "
        "which `images.csv` names.",
        "## Citation",
        f"```bibtex\n{citation(facts)}\n```",
    ]


def _head(facts: Facts, pairs: int, files: Mapping[str, str]) -> dict[str, Any]:
    return {
        "pretty_name": facts.name,
        "license": "cc-by-4.0",
        "task_categories": ["image-classification"],
        "annotations_creators": ["crowdsourced"],
        "size_categories": [next((name for limit, name in SIZES if pairs < limit), LARGEST)],
        "tags": list(TAGS),
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": path} for split, path in files.items()],
            }
        ],
    }


def _markdown(head: Mapping[str, Any], body: Iterable[str]) -> str:
    # JSON values are YAML too, and none of a title's letters can end them early.
    yaml = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in head.items())
    return f"---\n{yaml}\n---\n\n" + "\n\n".join(one for one in body if one) + "\n"
