"""Releases: which there are, having one here, and verifying it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from cats4ml_client.errors import Exit, Refused, WrongUse
from cats4ml_client.options import State, common, pass_state
from cats4ml_client.output import counted, moment
from cats4ml_client.releasing import ALL, HOW_NAMED, PUBLIC, Found, ReleaseFetcher, find_release, list_releases
from cats4ml_client.verifying import Report, Unverifiable, verify_release

SAME_SITE = (
    "That the site itself didn’t rewrite files and root digest together: both came from {site}. Compare {root} with a "
    "copy of the digest that was made before."
)


@click.command()
@common
@pass_state
def releases(state: State) -> None:
    """The releases of a challenge, newest first, each with its root digest."""
    rows = list_releases(state)
    if state.out.as_json:
        state.out.documents(rows)
        return
    found = list(rows)
    if not found:
        raise Refused("Nothing is released yet.")
    state.out.table(
        ["version", "published", "public pairs", "held out", "root digest"],
        [
            (o["version"], moment(o["published_at"]), o["public_pairs"], o["heldout_pairs"], o["root_digest"])
            for o in found
        ],
    )


def _fetched(state: State, release: Found, folder: Path, part: str) -> dict[str, Any]:
    """Fetch a release. Returns what came."""
    fetcher = ReleaseFetcher(release, state=state, folder=folder)
    files = fetcher.files(part)
    if not files:
        raise Refused("This release has no file that you may have.")
    folder.mkdir(parents=True, exist_ok=True)
    found = [fetcher.fetch(row) for row in files]
    fetcher.check_root()
    return {
        "challenge": release.about["challenge"],
        "version": release.about["version"],
        "folder": str(folder),
        "files": len(found),
        "bytes": sum(one.size for one in found),
        "received": sum(one.came for one in found),
        "root_digest": release.root,
    }


@click.command(name="download-release", short_help="A release’s files.")
@click.argument("release", required=False, metavar="[RELEASE]")
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Into this folder instead of one that is named as the challenge and the version.",
)  # fmt: skip
@click.option(
    "--part", type=click.Choice([PUBLIC, ALL]), default=PUBLIC, show_default=True,
    help="“all” takes the held-out part too, once it is freed, or for organisers.",
)  # fmt: skip
@common
@pass_state
def download_release(state: State, release: str | None, folder: Path | None, part: str) -> None:
    """Download a release, named by its version, its address or its id in the API; or the newest. Each file is compared
    with its checksum, and the manifest with the root digest. A download that was cut off goes on where it was.
    """
    found = find_release(state, release)
    told = _fetched(state, found, folder or Path(found.folder), part)
    if state.out.as_json:
        state.out.document(told)
        return
    state.out.say(f"{counted(told['files'], 'file')} in {told['folder']}, {told['bytes']:,} bytes.")
    state.out.say(f"Verify it: cats4ml verify {told['folder']} --root {told['root_digest']}")


@click.command(short_help="Whether a release is what it says.")
@click.argument("release", metavar="PATH|RELEASE")
@click.option("--root", metavar="DIGEST", help="The root digest, from a place apart from the files.")
@common
@pass_state
def verify(state: State, release: str, root: str | None) -> None:
    """Verify a release: a folder, a zip, or one on the site (named by its version, its
    address or its id in the API), which is downloaded first.

    Every checksum is compared, every outcome is counted again from the answers and scores, and the formats are compared
    with each other. Exit code 1 where something is wrong, with the first difference.
    """
    path = Path(release)
    if path.exists():
        report = _verified(state, path, root)
    else:
        with tempfile.TemporaryDirectory(prefix="cats4ml-release-") as folder:
            if "/" in release and "://" not in release:
                raise WrongUse(f"There is no {release}.", f"Name a folder, a zip, or a release by {HOW_NAMED}.")
            found = find_release(state, release)
            _fetched(state, found, Path(folder), ALL)
            report = _verified(state, Path(folder), root or found.root)
            report.path = release
            if root is None:
                report.not_proven.insert(0, SAME_SITE.format(site=found.api.site, root=found.root))
    if state.out.as_json:
        state.out.document(report.as_dict())
    else:
        for line in report.lines():
            click.echo(line)
    if not report.ok:
        raise click.exceptions.Exit(Exit.REFUSED)


def _verified(state: State, path: Path, root: str | None) -> Report:
    bars: dict[str, Any] = {}

    def progress(what: str, done: int) -> None:
        if what not in bars:
            bars[what] = state.out.bar(total=None, what=what, in_bytes=what == "Checksums")
        bars[what].update(done - bars[what].n)

    try:
        return verify_release(path, root=root, progress=progress)
    except Unverifiable as error:
        raise WrongUse(str(error)) from None
    finally:
        for bar in bars.values():
            bar.close()
