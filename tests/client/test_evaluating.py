"""Testing a classifier by the participants' program."""

from __future__ import annotations

from threading import Event, Thread

from django.db import connection
from django.utils import timezone

from cats4ml.releases.evaluation_runs import advance
from cats4ml.releases.models import Evaluation
from tests.factories import make_user
from tests.releases.tested import NO, YES


def counting(end: Event) -> None:
    """What the web worker does."""
    while not end.wait(0.1):
        for pk in Evaluation.objects.exclude(state__in=["done", "failed"]).values_list("pk", flat=True):
            advance(evaluation_id=pk, at=timezone.now())
    connection.close()


def test_questions_are_answered_and_handed_in(bench, tmp_path) -> None:
    bench.world.settle_elsewhere(*((place, "cat", YES if place % 2 else NO, place < 3) for place in range(6)))
    release = bench.world.release_rows()
    nobody = bench.signed_in("")
    file = tmp_path / "q.csv"
    assert nobody("questions", "-r", release.pk, "-o", file).code == 0
    lines = file.read_text().splitlines()
    assert (lines[0], len(lines), nobody("questions", "-r", f"{bench.url}/api/v1/releases/{release.pk}/").out) == (
        "image_id,label_id,label_name,split",
        7,
        file.read_text(),
    )
    named = (release.version, release.pk, f"{bench.url}/challenges/digits/releases/{release.version}/")
    assert {nobody("questions", "-r", one).out for one in named} == {file.read_text()} == {nobody("questions").out}
    assert nobody("questions", "-r", "no").code == nobody("questions", "-r", 10**9).code == 1
    answers = "image_id,label_id,score\n" + "".join(f"{','.join(line.split(',')[:2])},0.9\n" for line in lines[1:])
    ada = bench.signed_in(bench.key(make_user("ada"), "submit"))
    bad = ada("evaluate", "-", "-r", release.pk, "--name", "yes", sent="image_id,label_id,score\nz,cat,1\n")
    assert (bad.code, bad.err.splitlines()[1]) == (1, "line 2: The pair z, cat is not in this release.")
    end = Event()
    worker = Thread(target=counting, args=(end,))
    worker.start()
    try:
        found = ada("evaluate", "-", "-r", release.pk, "--name", "yes", "--json", sent=answers)
        table = ada("evaluate", "-", "-r", release.pk, "--name", "yes", sent=answers)
    finally:
        end.set()
        worker.join()
    assert (found.code, found.json["state"], found.json["name"], Evaluation.objects.count()) == (0, "done", "yes", 1)
    heads = [line.split("  ")[0] for line in table.out.splitlines()]
    assert heads == [
        "on",
        *(f"{kind}, public" for kind in ("adverse pairs", "agreements", "all pairs")),
        *(f"{kind}, held out" for kind in ("adverse pairs", "agreements")),
    ]
