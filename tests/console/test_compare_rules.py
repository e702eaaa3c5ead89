"""``manage.py compare_rules``: figures from files, no database, and each bad row named with its line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from cats4ml.console.rule_data import read_recordings
from cats4ml.console.rule_references import REFERENCES, is_installed, reference_name
from cats4ml.rules.comparison import CONTENDERS, Question, compare_on, results_of
from cats4ml.rules.verdicts import VerdictRule

ROOT = Path(settings.BASE_DIR)
DATA = Path(os.environ.get("CATS4ML_SHARED_DATA") or ROOT.parent / "shared" / "data") / "imagenet"
NAMES = [one.name for one in CONTENDERS] + [reference_name(method) for method in REFERENCES]

FILES = {
    "ratings.csv": "image_id,class_index,rater,answer\n"
    + "".join(
        f"p{picture},1,r{rater},{'yes' if picture % 2 else 'no'}\n" for picture in range(6) for rater in range(5)
    ),
    "gold.csv": "image_id,class_index,expert_no,expert_dont_know,expert_yes\n"
    + "".join(f"g{picture},1,{0 if picture % 2 else 5},0,{5 if picture % 2 else 0}\n" for picture in range(8)),
    "gold_ratings.csv": "image_id,class_index,rater,answer\n"
    + "".join(
        f"g{picture},1,r{rater},{'yes' if picture % 2 else 'no'}\n" for picture in range(8) for rater in range(5)
    ),
}


def folder(path: Path, **changed: str) -> Path:
    for name, text in {**FILES, **{f"{name}.csv": text for name, text in changed.items()}}.items():
        (path / name).write_text(text)
    return path


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """With addresses of servers that aren't there: whoever asked them anything would fail."""
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}
    return subprocess.run(
        [sys.executable, "manage.py", "compare_rules", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_figures_of_every_rule_without_a_database(tmp_path: Path) -> None:
    done = run(folder(tmp_path), "--replicates=20", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert list(figures) == ["pairs", "controls"]
    for part in figures.values():
        assert list(part) == NAMES
        # All agree: nobody is ever wrong, and a lead of two takes two.
        found = {
            rule.value: (part[rule]["ratings"], part[rule]["error"], part[rule]["undecided"]) for rule in VerdictRule
        }
        assert found["majority"] == found["majority_of_known"] == (5.0, 0.0, 0.0)
        assert found["lead"] == (2.0, 0.0, 0.0)
        assert found["weighted"][1:] == (0.0, 0.0)
        assert sorted(part["lead"]["ci95"]) == ["credited_error", "error", "ratings", "undecided"]
        references = [part[reference_name(method)] for method in REFERENCES]
        assert [one is None for one in references] == [not is_installed()] * len(REFERENCES)
    assert "Comparing" in done.stderr


def test_in_words_there_is_a_line_for_each_rule_and_with_machines_the_credits_that_the_reference_denies(
    tmp_path: Path,
) -> None:
    machine = tmp_path / "machine.csv"
    machine.write_text("image_id,class_index,machine_mean\n" + "".join(f"p{number},1,0.1\n" for number in range(6)))
    even_and_unanswered = FILES["gold.csv"] + "g2,7,2,1,2\ng9,1,0,1,2\n"
    out, err = io.StringIO(), io.StringIO()
    asked = (str(folder(tmp_path, gold=even_and_unanswered)), "--replicates=20", f"--machine={machine}")
    call_command("compare_rules", *asked, "--without-references", stdout=out, stderr=err)
    assert "2 questions of gold.csv are left out" in err.getvalue()
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["pairs", *NAMES, "controls", *NAMES]
    assert lines[1].split()[-1] == "0.000"  # of the false negatives by majority none is denied
    assert lines[len(NAMES) + 2].split()[-1] == "–"  # nothing is known of what machines say of the controls


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ratings": "image_id,class_index,rater\n"}, "ratings.csv line 1: no column answer"),
        (
            {"ratings": "image_id,class_index,rater,answer\np,1,r,maybe\n"},
            "line 2: answer should be one of yes, no, dont_know",
        ),
        (
            {"ratings": "image_id,class_index,rater,answer\np,1,r,no\np,1,r,no\n"},
            "line 3: rater r answered this question before",
        ),
        ({"ratings": "image_id,class_index,rater,answer\n"}, "has a header and no rows"),
        (
            {"gold": FILES["gold.csv"] + "g9,1,x,1,2\n"},
            "line 10: expert_yes, expert_no, expert_dont_know should be whole",
        ),
        ({"gold": FILES["gold.csv"] + "g1,1,0,1,2\n"}, "line 10: this question stands there twice"),
        (
            {
                "gold": "image_id,class_index,expert_no,expert_dont_know,expert_yes\n"
                + "".join(f"g{n},1,2,1,2\n" for n in range(8))
            },
            "holds no question that experts decided",
        ),
        (
            {"gold_ratings": FILES["gold_ratings.csv"] + "h,1,r,no\n"},
            "line 42: image 'h' with class '1' is not in gold.csv",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, changed: dict[str, str], words: str) -> None:
    assert words in refusal(folder(tmp_path, **changed))


def refusal(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("compare_rules", *map(str, arguments))
    return str(caught.value)


def test_other_refusals_say_what_to_give(tmp_path: Path) -> None:
    machine = tmp_path / "machine.csv"
    machine.write_text("image_id,class_index,machine_mean\np1,1,1.5\n")
    other = tmp_path / "other.csv"
    other.write_text("image_id,class_index,machine_mean\nq1,1,0.5\n")
    folder(tmp_path)
    refusals = {
        "there is no such folder": refusal(tmp_path / "none"),
        "--replicates must be 20 or more": refusal(tmp_path, "--replicates=5"),
        "line 2: machine_mean should be a number from 0 to 1": refusal(tmp_path, f"--machine={machine}"),
        "names no pair of ratings.csv": refusal(tmp_path, f"--machine={other}"),
    }
    assert [words in told for words, told in refusals.items()] == [True] * 4


PROMISED = {"majority_of_known", "lead", "weighted", "weighted_5_controls", "weighted_surer"}


def figures_of(questions: Sequence[Question], *, controls: Sequence[Question], base_rate_of_controls: bool) -> Any:
    """As the command computes them, of the rules in `PROMISED`."""
    contenders = [one for one in CONTENDERS if one.name in PROMISED]
    *_, played = compare_on(
        questions,
        controls=controls,
        contenders=contenders,
        replicates=20,
        seed=0,
        base_rate_of_controls=base_rate_of_controls,
    )
    return {one.name: results_of(played, one.name, seed=0) for one in contenders}


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the recorded answers are not at {DATA}")
def test_on_recorded_answers_the_rules_keep_what_the_documentation_promises() -> None:
    """The five rules that it promises something of: all eighteen take four times as long."""
    recordings = read_recordings(DATA, machine=None)
    controls, pairs = (
        figures_of(questions, controls=recordings.controls, base_rate_of_controls=questions is recordings.controls)
        for questions in (recordings.controls, recordings.pairs)
    )

    def bad(figures: dict[str, Any]) -> float:
        return figures["error"] + figures["undecided"]

    assert 0.09 < bad(controls["majority_of_known"]) < 0.112  # .101, standard error .011
    assert controls["lead"]["ratings"] <= 2.6
    assert bad(controls["lead"]) <= bad(controls["majority_of_known"])
    assert controls["weighted"]["ratings"] <= 2.7
    assert bad(controls["weighted"]) < 0.084
    assert controls["weighted_5_controls"]["ratings"] <= 2.7
    assert bad(controls["weighted_5_controls"]) < 0.087
    assert controls["weighted_surer"]["ratings"] <= 3.8
    assert bad(controls["weighted_surer"]) < 0.076
    assert pairs["lead"]["ratings"] <= 2.6
    assert pairs["lead"]["error"] <= 0.02
