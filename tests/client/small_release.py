"""A small release written by hand, file by file as docs/releases.md says: every rule, both parts, an imported and an
adjudicated pair. It shares no code with the platform's builder, nor with the verifier."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

RELEASED = (
    "image_id", "label_id", "label_name", "hum_yes_rating", "hum_no_rating", "hum_dont_know_rating", "machine_score",
)  # fmt: skip
RATINGS = ("task", "worker", "label", "seconds", "counted", "evidence")
IMAGES = ("image_id", "author", "author_url", "title", "license", "landing_url", "original_url", "sha256")
LABELS = ("label_id", "label_name", "question", "guidance")
SEED = "0" * 64
ROSTER = [("=one", 1.0), ("two", 3.0)]
RULES = {
    1: {"verdict_rule": "majority"},
    2: {"verdict_rule": "majority_of_known", "min_lead": 2, "dont_know": "replaced"},
    3: {"verdict_rule": "lead", "min_ratings": 3},
    4: {"verdict_rule": "weighted"},
    5: {"verdict_rule": "weighted", "dont_know": "evidence", "threshold": 0.3},
}


@dataclass(frozen=True)
class Given:
    """One pair as its author wants it: answers as letters (capital: it counts), with their evidence."""

    split: str
    image: int
    label: str
    policy: int
    answers: str
    verdict: str
    outcome: str
    scores: tuple[float | None, float | None] | None
    evidence: Sequence[float] = ()
    imported: tuple[int, int, int] | None = None
    adjudicated: bool = False


PAIRS = (
    Given("public", 9, "cat", 1, "", "yes", "false_negative", None, imported=(2, 1, 0)),
    Given("public", 3, "cat", 1, "YYYYNy", "yes", "false_negative", (0.25, 0.125)),
    Given("heldout", 3, "owl", 1, "YYD", "yes", "agreement", (0.75, None)),
    Given("public", 4, "cat", 1, "YND", "undecided", "ambiguous", (0.5, 0.5)),
    Given("public", 5, "owl", 2, "YYND", "yes", "ambiguous", (0.125, 0.0)),
    Given("heldout", 6, "cat", 2, "NNND", "no", "false_positive", (0.875, 1.0)),
    Given("public", 6, "owl", 3, "YY", "yes", "ambiguous", (0.0, 0.25)),
    Given("public", 7, "cat", 3, "NNn", "no", "agreement", (0.0, 0.25)),
    Given("public", 7, "owl", 4, "YNDN", "no", "false_positive", (0.75, 0.5), evidence=(1.5, -2.25, 0.0, -1.0)),
    Given("heldout", 8, "cat", 4, "YY", "yes", "agreement", (0.75, 0.5), evidence=(1.5, 2.0)),
    Given("public", 8, "owl", 5, "DYN", "yes", "agreement", (0.25, 0.5), evidence=(1.5, 2.0, -1.0)),
    Given("public", 2, "cat", 3, "NN", "yes", "false_negative", (0.25, 0.25), adjudicated=True),
)
ANSWERS = {"y": "yes", "n": "no", "d": "dont_know"}
NAMES = {"cat": "-cat", "owl": 'Owl, "tawny"'}
KEYS = [name for name, _ in ROSTER]


def image_id(number: int) -> str:
    return f"{number:016x}"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()


def harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "-")) else text


def line_of(position: int, given: Given) -> dict[str, Any]:
    """A pair as a line of `pairs.jsonl`."""
    tally = given.imported or [given.answers.count(letter) for letter in "YND"]
    weighs = RULES[given.policy]["verdict_rule"] == "weighted"
    threshold = RULES[given.policy].get("threshold", 0.5)
    known = [
        (score, weight) for score, (_, weight) in zip(given.scores or (), ROSTER, strict=False) if score is not None
    ]
    mean = sum(s * w for s, w in known) / sum(w for _, w in known) if known else None
    spread = math.sqrt(sum(w * (s - mean) ** 2 for s, w in known) / sum(w for _, w in known)) if known else None
    odds = math.log(0.25 / 0.75) + sum(given.evidence)
    return {
        "position": position,
        "image_id": image_id(given.image),
        "label_id": given.label,
        "label_name": NAMES[given.label],
        "split": given.split,
        "verdict": given.verdict,
        "outcome": given.outcome,
        **dict(zip(("hum_yes_rating", "hum_no_rating", "hum_dont_know_rating"), tally, strict=True)),
        "machine_score": int(mean is not None and mean >= threshold),
        "machine_mean": mean,
        "machine_spread": spread,
        "machine_voices": len(known) if known else None,
        "tally_source": "imported" if given.imported else "ratings",
        "adjudicated": given.adjudicated,
        "policy": given.policy,
        "roster": 1 if given.scores else None,
        "prior_yes": 0.25 if weighs else None,
        "posterior": 1 / (1 + math.exp(-odds)) if weighs else None,
        "settled_at": f"2026-11-02T09:00:{position % 60:02}.000000Z",
        "scores": dict(zip(KEYS, given.scores, strict=True)) if given.scores else {},
    }


@dataclass
class Tree:
    """The files of a release by path, and how they are written to a folder."""

    files: dict[str, bytes] = field(default_factory=dict)

    def put(self, path: str, content: str | bytes) -> None:
        self.files[path] = content.encode() if isinstance(content, str) else content

    def digest(self, path: str) -> str:
        return hashlib.sha256(self.files[path]).hexdigest()

    def sign(self) -> str:
        """Write both manifests anew. Returns the root digest."""
        inner = [path for path in self.files if path.startswith("heldout/") and not path.endswith("MANIFEST.sha256")]
        names = {path.removeprefix("heldout/"): path for path in inner} | {"../pairs.csv": "pairs.csv"}
        self.put("heldout/MANIFEST.sha256", self._sums(names))
        outer = [
            path for path in self.files
            if (not path.startswith("heldout/") or path == "heldout/MANIFEST.sha256")
            and path not in ("pairs.csv", "MANIFEST.sha256", "public.zip", "heldout.zip")
        ]  # fmt: skip
        self.put("MANIFEST.sha256", self._sums({path: path for path in outer}))
        return self.digest("MANIFEST.sha256")

    def _sums(self, paths: dict[str, str]) -> str:
        return "".join(f"{self.digest(paths[name])}  {name}\n" for name in sorted(paths))

    def pack(self) -> None:
        """Both archives."""
        self.put("heldout.zip", self._zip(lambda path: path.startswith("heldout/") or path == "pairs.csv"))
        self.put("public.zip", self._zip(lambda path: not path.startswith("heldout") and path != "pairs.csv"))

    def _zip(self, holds: Callable[[str], bool]) -> bytes:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for path in sorted(self.files):
                if holds(path) and not path.endswith(".zip"):
                    archive.writestr(zipfile.ZipInfo(path), self.files[path])
        return data.getvalue()

    def write(self, folder: Path, *, only: Callable[[str], bool] = lambda path: True) -> Path:
        for path, content in self.files.items():
            if only(path):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        return folder


def is_everybodys(path: str) -> bool:
    return not path.startswith("heldout") and path not in ("pairs.csv", "public.zip")


def small_release(pairs: Sequence[Given] = PAIRS, *, packed: bool = False) -> tuple[Tree, str]:
    """The tree, signed, and its root digest."""
    tree = Tree()
    lines = [line_of(position, given) for position, given in enumerate(pairs, start=1)]
    tree.put("pairs.csv", table(RELEASED, [[line[name] for name in RELEASED] for line in lines]))
    for part in ("public", "heldout"):
        both = [(line, given) for line, given in zip(lines, pairs, strict=True) if given.split == part]
        _write_part(tree, part, both)
    tree.put("heldout/nonce", "ab" * 32)
    tree.put("release.json", json.dumps(_about(lines, pairs)))
    tree.put("README.md", "A card.\n")
    tree.put("CHANGELOG.md", "The first.\n")
    root = tree.sign()
    if packed:
        tree.pack()
    return tree, root


def _write_part(tree: Tree, part: str, pairs: list[tuple[dict[str, Any], Given]]) -> None:
    lines = [line for line, _ in pairs]
    ratings = [row for line, given in pairs for row in _ratings(line, given)]
    images = sorted({line["image_id"] for line in lines})
    scores = [
        [line["image_id"], line["label_id"], line["machine_mean"], *(line["scores"].get(key) for key in KEYS)]
        for line in lines
    ]
    policies = sorted({line["policy"] for line in lines})
    defaults = {"threshold": 0.5, "dont_know": "answer", "min_ratings": 1, "min_lead": 1}
    rosters = {line["roster"] for line in lines} - {None}
    tree.put(f"{part}/pairs.csv", table(RELEASED, [[line[name] for name in RELEASED] for line in lines]))
    tree.put(f"{part}/pairs.jsonl", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    tree.put(f"{part}/ratings.csv", table(RATINGS, ratings))
    columns = ("image_id", "label_id", "machine_mean", *map(harmless, KEYS))
    tree.put(f"{part}/scores.csv", table(columns, scores))
    tree.put(f"{part}/images.csv", table(IMAGES, [[one, "'=Ada", "", "", "", "", "", "f" * 64] for one in images]))
    tree.put(f"{part}/labels.csv", table(LABELS, [[key, harmless(name), "Is it?", ""] for key, name in NAMES.items()]))
    tree.put(f"{part}/policies.json", json.dumps({str(one): {**defaults, **RULES[one]} for one in policies}))
    roster = [{"key": key, "name": key, "digest": "d", "weight": weight} for key, weight in ROSTER]
    tree.put(f"{part}/classifiers.json", json.dumps({str(one): roster for one in sorted(rosters)}))
    tree.put(f"{part}/README.md", "A card.\n")
    tree.put(f"{part}/datasheet.md", "A sheet.\n")
    tree.put(f"{part}/data/{part}-00000-of-00001.parquet", _parquet(lines))
    tree.put(f"{part}/croissant.json", json.dumps({"distribution": _named(tree, part)}))


def _ratings(line: dict[str, Any], given: Given) -> list[list[object]]:
    worth = iter(given.evidence)
    return [
        [
            f"{line['image_id']}:{line['label_id']}", f"{at:016x}", ANSWERS[letter.lower()], "1.500",
            int(letter.isupper()), next(worth, "") if letter.isupper() else "",
        ]
        for at, letter in enumerate(given.answers)
    ]  # fmt: skip


def _named(tree: Tree, part: str) -> list[dict[str, str]]:
    inside = [path for path in tree.files if path.startswith(f"{part}/")]
    return [{"contentUrl": path.removeprefix(f"{part}/"), "sha256": tree.digest(path)} for path in inside]


def _parquet(lines: list[dict[str, Any]]) -> bytes:
    scores = pa.list_(pa.struct([("classifier", pa.string()), ("score", pa.float64())]))
    floats = ("machine_mean", "machine_spread", "prior_yes", "posterior")
    rows = [
        {
            **line,
            "settled_at": datetime.fromisoformat(line["settled_at"].replace("Z", "+00:00")),
            "scores": [{"classifier": key, "score": value} for key, value in line["scores"].items()],
        }
        for line in lines
    ]
    whole = ("position", "hum_yes_rating", "hum_no_rating", "hum_dont_know_rating", "machine_score", "policy")
    kinds: dict[str, pa.DataType] = {
        **dict.fromkeys(floats, pa.float64()),
        **dict.fromkeys((*whole, "machine_voices", "roster"), pa.int32()),
        "adjudicated": pa.bool_(),
        "scores": scores,
        "settled_at": pa.timestamp("us", tz="UTC"),
    }
    columns = list(line_of(1, PAIRS[0]))
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns])
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), data)
    return data.getvalue()


def _about(lines: list[dict[str, Any]], pairs: Sequence[Given]) -> dict[str, Any]:
    public = [(line, given) for line, given in zip(lines, pairs, strict=True) if given.split == "public"]
    outcomes = ("false_negative", "false_positive", "agreement", "ambiguous")
    answers = max(len(given.answers) for _, given in public)
    return {
        "format": 1,
        "challenge": "small",
        "title": "Small",
        "vocabulary": "small",
        "version": "1",
        "frozen_at": "2026-11-03T09:00:00.000000Z",
        "counts": {
            "pairs": len(pairs),
            "public": {
                "pairs": len(public),
                **{one: sum(given.outcome == one for _, given in public) for one in outcomes},
                "adjudicated": sum(given.adjudicated for _, given in public),
                "imported": sum(given.imported is not None for _, given in public),
                "ratings": sum(len(given.answers) for _, given in public),
                "counted": sum(sum(map(str.isupper, given.answers)) for _, given in public),
                "images": len({given.image for _, given in public}),
            },
            "heldout": {"pairs": len(pairs) - len(public)},
            "ratings": sum(len(given.answers) for _, given in public),
            "raters": answers,
            "finders": 1,
        },
        "policies": sorted({given.policy for given in pairs}),
        "rosters": [1],
        "split": {"heldout_percent": 40, "seed_sha256": SEED},
        "columns": {
            "pairs.csv": RELEASED,
            "ratings.csv": RATINGS,
            "scores.csv": ("image_id", "label_id", "machine_mean", *map(harmless, KEYS)),
            "images.csv": IMAGES,
            "labels.csv": LABELS,
        },
        "former": None,
        "hash": "sha256",
    }
