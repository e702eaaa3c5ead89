"""Where things lie in a release and what the columns of its tables are: `docs/releases.md` as names."""

from __future__ import annotations

from cats4ml.releases.models import ReleasePart
from cats4ml.releases.rows import RELEASED_COLUMNS
from cats4ml.rules.split import Split

FORMAT = 1
PUBLIC, HELDOUT = Split.PUBLIC.value, Split.HELDOUT.value
PARTS = (PUBLIC, HELDOUT)
NAMES = {PUBLIC: "public part", HELDOUT: "held-out part"}

RELEASE_JSON = "release.json"
README = "README.md"
CHANGELOG = "CHANGELOG.md"
MANIFEST = "MANIFEST.sha256"
PAIRS_CSV = "pairs.csv"
PAIRS_JSONL = "pairs.jsonl"
RATINGS_CSV = "ratings.csv"
SCORES_CSV = "scores.csv"
IMAGES_CSV = "images.csv"
LABELS_CSV = "labels.csv"
TOMBSTONES_CSV = "tombstones.csv"
POLICIES_JSON = "policies.json"
CLASSIFIERS_JSON = "classifiers.json"
CROISSANT = "croissant.json"
DATASHEET = "datasheet.md"
NONCE = "nonce"
DATA = "data"
ARCHIVES = {PUBLIC: "public.zip", HELDOUT: "heldout.zip"}

RATING_COLUMNS = ("task", "worker", "label", "seconds", "counted", "evidence")
SCORE_COLUMNS = ("image_id", "label_id", "machine_mean")
IMAGE_COLUMNS = ("image_id", "author", "author_url", "title", "license", "landing_url", "original_url", "sha256")
LABEL_COLUMNS = ("label_id", "label_name", "question", "guidance")
# Only where a picture of an earlier release was taken down, so that it is no part of `release.json`.
TOMBSTONE_COLUMNS = ("release", "position", "image_sha256", "row_sha256", "kind", "taken_down_at")
CSV_COLUMNS = {
    PAIRS_CSV: RELEASED_COLUMNS,
    RATINGS_CSV: RATING_COLUMNS,
    SCORES_CSV: SCORE_COLUMNS,
    IMAGES_CSV: IMAGE_COLUMNS,
    LABELS_CSV: LABEL_COLUMNS,
}

LICENCE = "https://creativecommons.org/licenses/by/4.0/"
LICENCE_NAME = "CC BY 4.0"
PAIRS_A_SHARD = 100_000


def part_of(path: str) -> ReleasePart:
    """Whose a file of the tree is, archives too."""
    if path == PAIRS_CSV:
        return ReleasePart.WHOLE
    if path == ARCHIVES[HELDOUT] or path.startswith(f"{HELDOUT}/"):
        return ReleasePart.HELDOUT
    if path == ARCHIVES[PUBLIC] or path.startswith(f"{PUBLIC}/"):
        return ReleasePart.PUBLIC
    return ReleasePart.COMMON


def is_everybodys(path: str) -> bool:
    """Whether a file may be read by everybody as soon as its release is published."""
    return part_of(path) in (ReleasePart.COMMON, ReleasePart.PUBLIC)


def shard_names(part: str, pairs: int) -> list[str]:
    """The Parquet files of a part, under its folder; one for an empty part too."""
    number = max(1, -(-pairs // PAIRS_A_SHARD))
    return [f"{DATA}/{part}-{place:05d}-of-{number:05d}.parquet" for place in range(number)]
