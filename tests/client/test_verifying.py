"""The verifier: a release that is whole is found to be, and whatever is changed in it is found too."""

from __future__ import annotations

import itertools
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.skill import Odds, Skill
from cats4ml.rules.verdicts import (
    DontKnow,
    Rule,
    Verdict,
    VerdictRule,
    Vote,
    is_enough,
    outcome_of,
    read_votes,
    verdict_of,
)
from cats4ml_client.verifying import Report, Unverifiable, parquet, recounting, verify_release
from scoring.ensemble import machine_score
from tests.client.small_release import PAIRS, Tree, is_everybodys, small_release


@pytest.fixture(scope="module")
def release() -> tuple[Tree, str]:
    return small_release(packed=True)


def verified(tree: Tree, folder: Path, **options: str) -> Report:
    return verify_release(tree.write(folder), **options)


def test_a_whole_release_is_counted_again_and_what_is_not_proven_is_said(release, tmp_path) -> None:
    tree, root = release
    told = verified(tree, tmp_path, root=root).as_dict()
    assert told == {
        "ok": True,
        "path": str(tmp_path),
        "challenge": "small",
        "version": "1",
        "root_digest": root,
        "root_given": root,
        "parts": ["public", "heldout"],
        "checked": {
            "files": len(tree.files) - 3,  # the manifest itself, and the archives
            "bytes": sum(len(tree.files[one]) for one in tree.files if one != "MANIFEST.sha256" and ".zip" not in one),
            "pairs": 12,
            "ratings": 36,
            "tallies": 11,
            "verdicts": 11,
            "outcomes": 12,
            "means": 11,
            "images": 11,
            "labels": 2,
            "parquet_rows": 12,
            "formats": ["CSV", "JSON lines", "Parquet"],
            "archives": ["heldout.zip", "public.zip"],
        },
        "not_proven": [
            "The tallies of 1 imported pairs: their single answers are not known.",
            "The verdicts of 1 adjudicated pairs: they are a decision, not a count.",
            "What the machines said of 1 pairs: their scores are not known, only the side.",
            "The order of first claims, the draw of the parts, and that answers, their order and times, and scores are "
            "those that were given.",
            "What is said in words: names, questions, attribution, the cards of classifiers; and of the datasheets "
            "agreement, dates, and people who are not in the files.",
            "That the release still stands: one with a picture that was taken down is withdrawn. Its page says so, and "
            "which release stands in its stead.",
        ],
        "first_difference": None,
        "differences": [],
    }


@pytest.mark.parametrize("as_zip", [False, True])
def test_the_public_part_is_verified_by_itself_and_the_rest_is_said_to_be_absent(release, tmp_path, as_zip) -> None:
    tree, root = release
    if as_zip:
        path = tmp_path / "release.zip"
        path.write_bytes(tree.files["public.zip"])
    else:
        path = tree.write(tmp_path, only=is_everybodys)
    report = verify_release(path)
    assert (report.ok, report.parts, report.counts.pairs, report.root_digest) == (True, ["public"], 9, root)
    assert [line.partition(":")[0] for line in report.not_proven[:2]] == [
        "That these are the files that were published",
        "Anything about the held-out part",
    ]


def test_without_pyarrow_the_report_says_that_parquet_was_not_compared(release, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(parquet, "parquet", None)
    report = verified(release[0], tmp_path, root=release[1])
    assert (report.ok, report.counts.parquet_rows, report.formats) == (True, 0, ["CSV", "JSON lines"])
    assert report.not_proven[0].startswith("That Parquet holds the same as CSV and JSON")


def damaged(path: str, content: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Ways in which one file can come to harm."""
    for at in sorted({0, len(content) // 3, len(content) // 2, len(content) - 1}):
        yield f"bit flipped at {at}", content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
    yield "truncated", content[:-1]
    yield "gone", None
    lines = content.splitlines(keepends=True)
    if not path.endswith((".parquet", ".zip")) and len(lines) > 2:
        yield "a row dropped", b"".join([*lines[:1], *lines[2:]])
        yield "two rows swapped", b"".join([*lines[:-2], lines[-1], lines[-2]])


def test_whatever_harm_comes_to_one_file_is_found(release, tmp_path) -> None:
    tree, _ = release
    verified(tree, tmp_path)
    missed = []
    for path, content in tree.files.items():
        for harm, changed in damaged(path, content):
            if (path.endswith(".zip") and harm == "gone") or changed == content:
                continue
            if changed is None:
                (tmp_path / path).unlink()
            else:
                (tmp_path / path).write_bytes(changed)
            if verify_release(tmp_path).ok:
                missed.append((path, harm))
        (tmp_path / path).write_bytes(content)
    assert missed == []
    for stray in ("extra.txt", "public/data/public-00001-of-00002.parquet", "heldout/more.csv"):
        (tmp_path / stray).write_bytes(b"")
        assert verify_release(tmp_path).differences[0].as_dict() == {
            "file": stray, "line": None, "what": "No manifest lists this file.", "expected": None, "found": None,
        }  # fmt: skip
        (tmp_path / stray).unlink()
    (tmp_path / "public" / "link").symlink_to("pairs.csv")
    assert "no plain file" in str(verify_release(tmp_path).differences[0])


def replaced(path: str, old: str, new: str) -> Callable[[Tree], None]:
    def change(tree: Tree) -> None:
        text = tree.files[path].decode()
        assert text.count(old) >= 1, (path, old)
        tree.put(path, text.replace(old, new, 1))

    return change


def dropped(path: str, line: int) -> Callable[[Tree], None]:
    def change(tree: Tree) -> None:
        lines = tree.files[path].decode().splitlines(keepends=True)
        del lines[line - 1]
        tree.put(path, "".join(lines))

    return change


PAIR_3 = "0000000000000003:cat,0000000000000000"
FORGED = {
    "a changed vote": (replaced("public/ratings.csv", f"{PAIR_3},yes", f"{PAIR_3},no"), "public/pairs.jsonl", 2),
    "a vote that counts no more": (
        replaced("public/ratings.csv", f"{PAIR_3},yes,1.500,1", f"{PAIR_3},yes,1.500,0"), "public/pairs.jsonl", 2,
    ),
    "a vote twice": (
        replaced("public/ratings.csv", "3:cat,0000000000000001", "3:cat,0000000000000000"), "public/ratings.csv", 3,
    ),
    "a dropped vote": (dropped("public/ratings.csv", 2), "public/pairs.jsonl", 2),
    "a dropped late vote": (dropped("public/ratings.csv", 7), "release.json", None),
    "an answer of no pair": (replaced("public/ratings.csv", "4:cat", "4:owl"), "public/pairs.jsonl", 3),
    "other evidence": (replaced("public/ratings.csv", "-2.25", "-2.2500001"), "public/pairs.jsonl", 7),
    "a verdict": (replaced("public/pairs.jsonl", '"undecided"', '"yes"'), "public/pairs.jsonl", 3),
    "an outcome": (
        replaced("public/pairs.jsonl", '"outcome": "ambiguous"', '"outcome": "agreement"'), "public/pairs.jsonl", 3,
    ),
    "a mean": (replaced("public/pairs.jsonl", '"machine_mean": 0.15', '"machine_mean": 0.16'), "public/scores.csv", 3),
    "a score of one classifier": (
        lambda tree: [
            replaced("public/pairs.jsonl", '"=one": 0.25', '"=one": 0.5')(tree),
            replaced("public/scores.csv", "0.15625,0.25", "0.15625,0.5")(tree),
        ],
        "public/pairs.jsonl", 2,
    ),
    "a weight": (replaced("public/classifiers.json", "3.0", "2.0"), "public/pairs.jsonl", 2),
    "a threshold": (replaced("heldout/policies.json", "0.5", "0.8"), "heldout/pairs.jsonl", 1),
    "a policy more": (replaced("heldout/policies.json", "{", '{"9": {"threshold": 0.5, "verdict_rule": "lead", '
        '"dont_know": "answer", "min_ratings": 1, "min_lead": 1}, '), "heldout/policies.json", None),
    "a tally in pairs.csv": (replaced("public/pairs.csv", ",4,1,0,0", ",3,1,0,0"), "public/pairs.csv", 3),
    "the whole table": (replaced("pairs.csv", ",4,1,0,0", ",3,1,0,0"), "pairs.csv", 3),
    "a row of the whole table": (dropped("pairs.csv", 5), "pairs.csv", 5),
    "the last row of the whole table": (dropped("pairs.csv", 13), "pairs.csv", None),
    "a row of a part": (dropped("heldout/pairs.csv", 3), "heldout/pairs.csv", 3),
    "a picture": (dropped("public/images.csv", 2), "public/images.csv", None),
    "a picture of no pair": (
        replaced("public/images.csv", "0000000000000002", "0000000000000001"), "public/images.csv", 2,
    ),
    "a label": (dropped("heldout/labels.csv", 2), "heldout/labels.csv", None),
    "a position": (replaced("heldout/pairs.jsonl", '"position": 3', '"position": 4'), None, None),
    "a split": (replaced("heldout/pairs.jsonl", '"split": "heldout"', '"split": "public"'), "heldout/pairs.jsonl", 1),
    "a number that is none": (replaced("public/pairs.jsonl", "0.15625", "NaN"), "public/pairs.jsonl", 2),
    "a key more": (replaced("public/pairs.jsonl", "{", '{"more": 1, '), "public/pairs.jsonl", 1),
    "a count": (replaced("release.json", '"raters": 6', '"raters": 5'), "release.json", None),
    "a version that is no number": (
        replaced("release.json", '"policies": [', '"policies": [[], '), "release.json", None,
    ),
    "a release before it that is none": (
        replaced("release.json", '"former": null', '"former": {"version": "0", "root_digest": "x"}'),
        "release.json", None,
    ),
    "a moment before the last settled": (
        replaced("release.json", "2026-11-03T09", "2026-11-01T09"), "release.json", None,
    ),
    "a key of the release more": (replaced("release.json", "{", '{"more": 1, '), "release.json", None),
    "a number of finders": (replaced("release.json", '"finders": 1', '"finders": "many"'), "release.json", None),
    "other ends of lines": (
        lambda tree: tree.put("public/pairs.csv", tree.files["public/pairs.csv"].replace(b"\n", b"\r\n")),
        "public/pairs.csv", 1,
    ),
    "a last line that does not end": (
        lambda tree: tree.put("heldout/labels.csv", tree.files["heldout/labels.csv"][:-1]), "heldout/labels.csv", 3,
    ),
    "needless quotes": (replaced("public/images.csv", "'=Ada", '"\'=Ada"'), "public/images.csv", 2),
    "a longer number": (replaced("public/scores.csv", "0.15625", "0.156250"), "public/scores.csv", 3),
    "longer evidence": (replaced("public/ratings.csv", ",-2.25", ",-2.250"), None, None),
    "needless spaces": (replaced("public/pairs.jsonl", ": ", ":  "), "public/pairs.jsonl", 1),
    "half a character": (
        replaced("public/classifiers.json", '"two"', '"\\ud800"'), "public/classifiers.json", None,
    ),
    "a version of thousands of digits": (
        replaced("public/policies.json", '"1"', f'"{"1" * 5000}"'), "public/policies.json", None,
    ),
    "a row without an end": (
        lambda tree: tree.put("public/ratings.csv", tree.files["public/ratings.csv"] + b"a" * (5 * 1024 * 1024)),
        None, None,
    ),
    "a digest of the description": (
        lambda tree: tree.put("public/croissant.json", tree.files["heldout/croissant.json"]),
        "public/croissant.json", None,
    ),
    "a table in Parquet": (
        lambda tree: tree.put(
            "public/data/public-00000-of-00001.parquet", tree.files["heldout/data/heldout-00000-of-00001.parquet"]
        ),
        "public/data/public-00000-of-00001.parquet", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGED)
def test_who_rewrites_a_file_and_the_manifests_too_is_found_by_counting_again(forgery, tmp_path) -> None:
    tree, root = small_release()
    change, file, line = FORGED[forgery]
    change(tree)
    _describe_anew(tree)
    assert tree.sign() != root
    report = verified(tree, tmp_path)
    first = report.differences[0]
    assert report.ok is False
    if file is not None:
        assert (first.file, first.line) == (file, line), str(first)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_any_kind_is_read_and_one_that_is_broken_is_said_to_be(release, tmp_path, method) -> None:
    path = tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in release[0].files.items():
            if is_everybodys(name):
                archive.writestr(name, content)
    assert verify_release(path).ok
    data = path.read_bytes()
    for at in range(40, len(data), len(data) // 12):
        path.write_bytes(data[:at] + bytes(16) + data[at + 16 :])
        assert json.dumps(verify_release(path).as_dict())


def test_what_is_found_can_be_said_in_any_terminal(release, tmp_path) -> None:
    release[0].write(tmp_path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).write_bytes(b"")
    report = verify_release(tmp_path)
    assert report.differences[0].file == "\\udcff.txt"
    assert "\n".join(report.lines()).encode()
    (tmp_path / "public" / "croissant.json").write_text(f"{'[' * 900}1{']' * 900}".join(('{"a": ', "}")))
    assert "public/croissant.json" in {one.file for one in verify_release(tmp_path).differences}
    with pytest.raises(Unverifiable, match="can’t be read"):
        verify_release(Path("a" * 5000))


def _describe_anew(tree: Tree) -> None:
    """As a careful forger does: the Croissant files too get the digests of what stands there now."""
    for part in ("public", "heldout"):
        path = f"{part}/croissant.json"
        told = json.loads(tree.files[path])
        if any(one["contentUrl"] == f"data/{part}-00000-of-00001.parquet" for one in told["distribution"]):
            for one in told["distribution"]:
                one["sha256"] = tree.digest(f"{part}/{one['contentUrl']}")
            tree.put(path, json.dumps(told))


def test_a_forgery_without_a_flaw_is_found_by_the_root_digest_alone(tmp_path) -> None:
    _, root = small_release()
    forged, other = small_release(PAIRS[:-1])
    folder = forged.write(tmp_path)
    assert verify_release(folder).ok
    assert "whoever rewrote files and manifest together" in verify_release(folder).not_proven[0]
    assert verify_release(folder, root=root).as_dict()["first_difference"] == {
        "file": "MANIFEST.sha256",
        "line": None,
        "what": "It is not the release of this root digest: a file, or the manifest itself, was rewritten.",
        "expected": root,
        "found": other,
    }


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (f"{'0' * 64}  ../../etc/passwd\n", "A path leads out of the release."),
        (f"{'0' * 64}  /etc/passwd\n", "A path leads out of the release."),
        (f"{'0' * 63}  x\n", "A line should be a SHA-256, two spaces and a path."),
        (f"{'0' * 64}  x\n" * 2, "Its paths should be in order, each once."),
        (f"{'0' * 64}  x", "Its last line does not end."),
        ("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "Its last line does not end."),
    ],
)
def test_a_manifest_that_can_not_be_is_found(tmp_path, line, what) -> None:
    (tmp_path / "MANIFEST.sha256").write_text(line)
    assert [one.what for one in verify_release(tmp_path).differences] == [what]


def test_what_is_no_release_is_said_plainly(tmp_path) -> None:
    with pytest.raises(Unverifiable, match="neither a folder nor a file"):
        verify_release(tmp_path / "nothing")
    with pytest.raises(Unverifiable, match="64 digits"):
        verify_release(tmp_path, root="abc")
    (tmp_path / "x.zip").write_bytes(b"PK no zip")
    assert verify_release(tmp_path / "x.zip").as_dict()["first_difference"]["file"] == "x.zip"
    (tmp_path / "x.zip").unlink()
    assert str(verify_release(tmp_path).differences[0]) == "MANIFEST.sha256: The file is missing."


TALLIES = [Tally(*counts) for counts in itertools.product(range(6), repeat=3)]


@pytest.mark.parametrize("rule", VerdictRule)
def test_every_tally_is_read_as_the_platform_reads_it(rule) -> None:
    for tally in TALLIES:
        ours = recounting.Tally(tally.yes, tally.no, tally.dont_know)
        verdict = recounting.verdict_of(ours, rule.value)
        assert verdict == verdict_of(tally, rule=rule).value, tally
        for machine_yes, ratings, lead in itertools.product((True, False), (1, 4), (1, 3)):
            policy = Policy(verdict_rule=rule, min_ratings=ratings, min_lead=lead)
            for carried in (True, False):
                enough = not carried or is_enough(tally, verdict=Verdict(verdict), rule=policy.rule)
                again = recounting.outcome_of(
                    machine_yes=machine_yes,
                    verdict=verdict,
                    tally=ours,
                    policy=recounting.Policy(0.5, rule.value, "answer", ratings, lead),
                    carried=carried,
                )
                assert again == outcome_of(machine_yes=machine_yes, verdict=Verdict(verdict), enough=enough).value


shares = st.tuples(*[st.floats(0.01, 1.0)] * 3).map(lambda parts: Odds(*parts).shares())
votes = st.builds(Vote, st.sampled_from(Answer), st.builds(Skill, shares, shares))


@given(st.lists(votes, min_size=2, max_size=9), st.floats(0.05, 0.95), st.sampled_from(DontKnow))
def test_weighted_answers_are_read_as_the_platform_reads_them(given_votes, prior, dont_know) -> None:
    reads = dont_know is DontKnow.EVIDENCE
    evidence = [one.skill.evidence(one.answer, dont_know=reads) for one in given_votes]
    rule = Rule(kind=VerdictRule.WEIGHTED, max_ratings=len(given_votes), bound=0.999, dont_know=dont_know)
    reading = read_votes(given_votes, rule=rule, prior_yes=prior)
    odds = recounting.log_odds(prior, evidence)
    assert math.isclose(recounting.share_of(odds), reading.posterior, rel_tol=1e-12)
    if abs(abs(odds) - recounting.NEAR) > 1e-12:  # at the very edge the last binary digit says
        assert recounting.verdict_of(recounting.Tally(), "weighted", odds) == reading.verdict


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 10)), min_size=1, max_size=8))
def test_machine_scores_are_those_of_the_platform(voices) -> None:
    scores, weights = map(list, zip(*voices, strict=True))
    theirs = machine_score(scores, weights)
    mean, spread = recounting.mean_and_spread(scores, weights)
    assert (math.isclose(mean, theirs.mean), math.isclose(spread, theirs.spread, abs_tol=1e-12)) == (True, True)
