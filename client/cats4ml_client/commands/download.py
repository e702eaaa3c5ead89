"""A challenge's data files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cats4ml_client.errors import Exit, Refused
from cats4ml_client.fetching import Fetched, Fetcher, list_files
from cats4ml_client.options import State, common, pass_state
from cats4ml_client.output import counted, moment, warn

ALL = "all"


@click.command(short_help="A challenge’s data files.")
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False), metavar="DIR",
    help="Into this folder instead of one that is named as the challenge.",
)  # fmt: skip
@common
@pass_state
def download(state: State, kinds: tuple[str, ...], folder: str | None) -> None:
    """Download a challenge's data: labels, images, annotations, ids, pictures, or all. Without a KIND, list them.

    A file that the site must build first is waited for. A download that was cut off goes on where it was. Each file is
    checked against its SHA-256; one that is here already is left as it is.
    """
    api = state.api()
    offered = list_files(api, state.edition)
    if not kinds:
        _show(state, offered)
        return
    names = [one["kind"] for one in offered]
    unknown = [kind for kind in kinds if kind not in (*names, ALL)]
    if unknown:
        raise Refused(f"There is no “{unknown[0]}” to download.", f"There are: {', '.join(names) or 'none'}.")
    into = Path(folder or state.slug)
    into.mkdir(parents=True, exist_ok=True)
    fetcher = Fetcher(api=api, out=state.out, folder=into, slug=state.slug, edition=state.edition)
    done: list[Fetched] = []
    refused = False
    for kind in names if ALL in kinds else dict.fromkeys(kinds):
        try:
            found = fetcher.fetch(kind)
        except Refused as refusal:  # one that this challenge can't give; the others may be had
            warn(f"{kind}: {refusal}")
            refused = True
            continue
        done.append(found)
        state.out.say(f"{found.file}: {'here already' if not found.came else counted(found.size, 'byte')}.")
    if state.out.as_json:
        state.out.documents(_told(one) for one in done)
    if refused:
        raise click.exceptions.Exit(Exit.REFUSED)


def _told(found: Fetched) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "file": str(found.file),
        "bytes": found.size,
        "sha256": found.sha256,
        "received": found.came,
    }


def _show(state: State, offered: list[dict[str, Any]]) -> None:
    if state.out.as_json:
        state.out.documents(offered)
        return
    state.out.table(
        ["kind", "state", "bytes", "built", "sha256"],
        [
            (one["kind"], one["state"], one["bytes"], moment(one["built_at"]), one["sha256"] or one.get("error"))
            for one in offered
        ],
    )
    if not offered:
        raise Refused("There is nothing to download yet.")
