"""Claiming pairs: checked first, asked, sent, and perhaps followed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cats4ml_client.api import Api
from cats4ml_client.claims import Report, rationales, write_bad_rows
from cats4ml_client.errors import Exit, Refused, WrongUse
from cats4ml_client.following import FOLLOWED, follow
from cats4ml_client.options import SUBMIT, State, common, pass_state
from cats4ml_client.output import counted, is_terminal, printable, warn

Sent = dict[str, Any]


def _read(file: str | None, image: str | None, label: str | None, rationale: str) -> tuple[Sent, dict[int, str]]:
    """What is sent to the API, and the rationale of each row. Raises `WrongUse` for options that don't fit."""
    if file is None and image and label:
        return {"json": [{"image_id": image, "label_id": label, "rationale": rationale}]}, {1: rationale}
    if file is None or image or label or rationale:
        raise WrongUse(
            "Say what to submit: a CSV file with image_id,label_id[,rationale] (- for standard input), "
            "or --image and --label."
        )
    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    if not data:  # an empty body would be taken for JSON
        raise Refused("The file is empty. Its first line should be image_id,label_id,rationale.")
    return {"csv": data}, rationales(data)


@click.command(short_help="Claim pairs: a CSV file, or one.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, exists=True, allow_dash=True))
@click.option("--image", metavar="IMAGE_ID", help="Claim this one picture …")
@click.option("--label", metavar="LABEL", help="… for this label, by ID or by name.")
@click.option("--rationale", metavar="TEXT", default="", help="Why machines may err.")
@click.option("--check", is_flag=True, help="Only check: claim nothing.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask on a terminal before claiming.")
@click.option("--bad-rows", type=click.Path(dir_okay=False), metavar="FILE", help="Write the rows to mend to this CSV.")
@click.option("--wait", is_flag=True, help="Follow the claims until they are scored.")
@click.option("--until", type=click.Choice(list(FOLLOWED)), help="Follow them until then. (Implies --wait.)")
@common
@pass_state
def submit(
    state: State,
    *,
    file: str | None,
    image: str | None,
    label: str | None,
    rationale: str,
    bad_rows: str | None,
    until: str | None,
    check: bool,
    yes: bool,
    wait: bool,
) -> None:
    """Claim the pairs of a CSV FILE (image_id,label_id[,rationale]; - for standard input), or one pair.

    Every row is checked before anything is claimed; good rows are claimed whatever is wrong with others. Sending a
    file again is safe: what stands already is left as it is, and costs nothing. (Scope “submit”.)
    """
    sent, why = _read(file, image, label, rationale)
    if bad_rows and file not in (None, "-") and Path(bad_rows).resolve() == Path(str(file)).resolve():
        raise WrongUse("--bad-rows would write over the file itself.", "Name another file.")
    api = state.api(scope=SUBMIT)
    where = state.edition("submissions/")
    report = Report(api.post(where, params={"check": "true"}, **sent))
    _tell_check(state, report)
    goes_on = bool(report.accepted) and not check
    if goes_on and not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        goes_on = click.confirm(f"Claim {counted(len(report.accepted), 'pair')}?", err=True)
    declined = bool(report.accepted) and not check and not goes_on
    if goes_on:
        report = _claim(state, api, where, sent, report)
    if bad_rows:
        number = write_bad_rows(Path(bad_rows), report, why)
        state.out.say(f"{counted(number, 'row')} to mend in {bad_rows}")
    shown = dict(report.sent)
    if (wait or until) and not check and not declined:
        shown["claims"] = follow(state, api, report, until or "scored")
    if state.out.as_json:
        state.out.document(shown)
    if report.bad or declined:
        raise click.exceptions.Exit(Exit.REFUSED)


def _tell_check(state: State, report: Report) -> None:
    """What the check found: the good rows, and the others by reason and line."""
    good = f"{counted(len(report.accepted), 'good row')}"
    later = report.sent["later"]
    if later:
        good += f", {later:,} of them of pairs that somebody claimed before: kept, and they cost nothing"
    state.out.say(f"{good}.")
    copies = sum(row["near_copy"] for row in report.accepted)
    if copies:
        state.out.say(f"{counted(copies, 'row')} of near-copies of claimed pictures: rated, but they earn nothing.")
    if report.own_claims:
        state.out.say(f"{counted(len(report.own_claims), 'row')} that you claimed before: fine, the claim stands.")
    repeated = len(report.standing) - len(report.own_claims)
    if repeated:
        state.out.say(f"{counted(repeated, 'row')} said twice in the file: fine, the first of them counts.")
    if report.bad:
        warn(f"{counted(len(report.bad), 'row')} refused:")
    for number, _, message, lines, remedy in report.reasons():
        click.echo(f"  {number:>6,}  {printable(message)} ({lines})", err=True)
        click.echo(f"          {printable(remedy)}", err=True)


def _claim(state: State, api: Api, where: str, sent: Sent, checked: Report) -> Report:
    """Claim what the check found good. Where a first attempt was cut off after it was heard, its claims stand: so say
    both numbers together."""
    try:
        report = Report(api.post(where, **sent))
    except KeyboardInterrupt:
        warn("Cut off: the claims may have been made.", "Run the same command again: it is safe.")
        raise
    stood = {row["line"] for row in checked.own_claims}
    heard_before = [row for row in report.own_claims if row["line"] not in stood]
    state.out.say(f"Claimed {counted(len(report.accepted) + len(heard_before), 'pair')}.")
    if len(report.bad) > len(checked.bad):
        warn(f"{counted(len(report.bad) - len(checked.bad), 'row')} more refused than in the check.")
    return report
