"""An edition's releases: the list, the page of each, and its files under their permanent addresses."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_safe

from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.releases.citing import citation_text, full_bibtex, permanent_address
from cats4ml.releases.layout import ARCHIVES, CHANGELOG, DATA, PUBLIC, README
from cats4ml.releases.models import Release, ReleaseFile
from cats4ml.releases.serving import (
    ReleaseWithdrawn,
    find_file,
    readable_files,
    seen_by,
    served,
    withdrawn_in_words,
)
from cats4ml.releases.withdrawing import replacement_of
from cats4ml.ui.served_files import AN_HOUR, ASK_AGAIN, file_response
from cats4ml.ui.words import Translated

RELEASES_SHOWN = 100
LONGEST_CHANGELOG = 20_000
ABOUT = Translated(
    {
        "pairs.csv": gettext_noop("The pairs in the published columns of 2021"),
        "pairs.jsonl": gettext_noop("Everything that is known of each pair"),
        "ratings.csv": gettext_noop("Every answer, as crowd-kit reads it"),
        "scores.csv": gettext_noop("What each classifier said"),
        "images.csv": gettext_noop("Whose the pictures are"),
        "tombstones.csv": gettext_noop("Rows of earlier releases whose picture was taken down"),
        "labels.csv": gettext_noop("The labels, and what raters were asked"),
        "policies.json": gettext_noop("The rules that settled the pairs"),
        "classifiers.json": gettext_noop("The classifiers and their weights"),
        "croissant.json": gettext_noop("Croissant: a description that programs read"),
        "datasheet.md": gettext_noop("Who, how, and with which limits"),
        README: gettext_noop("A card, as the Hugging Face hub shows it"),
        CHANGELOG: gettext_noop("What differs from the release before"),
        "release.json": gettext_noop("Counts, columns and versions"),
        "MANIFEST.sha256": gettext_noop("The SHA-256 of every file, for sha256sum --check"),
    }
)


@require_safe
def releases(request: HttpRequest, slug: str) -> HttpResponse:
    """The releases, newest first, and how to use the newest."""
    edition, viewer = challenge_and_viewer(request, slug)
    rows = list(seen_by(viewer, edition)[:RELEASES_SHOWN])
    newest = next((one for one in rows if one.published_at is not None and one.withdrawn_at is None), None)
    about = _how_to_use(newest, readable_files(newest, Viewer()), _site(request)) if newest is not None else {}
    context = page_context(edition, viewer, "releases", releases=rows, newest=newest, **about)
    return render(request, "pages/releases.html", context)


def _site(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


def _found(request: HttpRequest, slug: str, version: str) -> tuple[Challenge, Viewer, Release]:
    edition, viewer = challenge_and_viewer(request, slug)
    release = None if "\x00" in version else seen_by(viewer, edition).filter(version=version).first()
    if release is None:
        raise Http404(gettext("This challenge has no such release."))
    return edition, viewer, release


@require_safe
def release(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    """One release, under its permanent address."""
    edition, viewer, found = _found(request, slug, version)
    files = readable_files(found, viewer)
    context = page_context(
        edition,
        viewer,
        "releases",
        release=found,
        outcomes=_outcomes(found),
        groups=_groups(found, files),
        changelog="" if found.withdrawn_at is not None else _changelog(files),
        withdrawn=withdrawn_in_words(found),
        instead=replacement_of(found) if found.withdrawn_at is not None else None,
        **(_how_to_use(found, files, _site(request)) if found.withdrawn_at is None else {}),
    )
    return render(request, "pages/release.html", context)


@require_safe
def release_file(request: HttpRequest, slug: str, version: str, path: str) -> HttpResponseBase:
    """A file of a release, whole or in parts, under its permanent address."""
    edition, viewer, found = _found(request, slug, version)
    try:
        file = find_file(found, path, viewer)
    except ReleaseWithdrawn as gone:
        return _gone(request, edition, viewer, gone, found)
    return file_response(request, served(file))


def _gone(
    request: HttpRequest, edition: Challenge, viewer: Viewer, gone: ReleaseWithdrawn, found: Release
) -> HttpResponse:
    """410, with the address of the release that stands in its stead: a page to a browser, two lines to a program."""
    instead = replacement_of(found)
    if "text/html" in request.headers.get("Accept", ""):
        context = page_context(edition, viewer, "releases", said=str(gone), found=found, instead=instead)
        response = render(request, "pages/release_gone.html", context, status=410)
    else:
        response = HttpResponse(f"{gone}\n", status=410, content_type="text/plain; charset=utf-8")
    if instead is not None:
        page = permanent_address(found.challenge, instead.version, site=settings.SITE_URL)
        if response["Content-Type"].startswith("text/plain"):
            response.write(f"{page}\n")
        response["Link"] = f'<{page}>; rel="successor-version"'
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def release_root(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    """The root digest, as `sha256sum --check` reads it."""
    _, _, found = _found(request, slug, version)
    response = HttpResponse(f"{found.root_digest}  MANIFEST.sha256\n", content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = AN_HOUR if found.published_at is not None else ASK_AGAIN
    return response


def _outcomes(found: Release) -> list[tuple[str, int]]:
    """Of the public part: of the other one nothing is told but how large it is."""
    public = found.counts["public"]
    return [(name, public[name]) for name in ("false_negative", "false_positive", "agreement", "ambiguous")]


def _groups(found: Release, files: list[ReleaseFile]) -> list[dict[str, Any]]:
    """The files by the part that they are of, archives apart."""
    names = {
        "public": gettext("The public part"),
        "common": gettext("About the release"),
        "whole": gettext("Both parts"),
        "heldout": gettext("Held out"),
    }
    rows = [_row(found, file) for file in files if not file.is_archive]
    groups = [{"name": name, "files": [row for row in rows if row["part"] == part]} for part, name in names.items()]
    return [group for group in groups if group["files"]]


def _row(found: Release, file: ReleaseFile) -> dict[str, Any]:
    name = file.path.rpartition("/")[2]
    about = ABOUT.get(name, gettext("The pairs as Parquet") if name.endswith(".parquet") else "")
    return {
        "path": file.path,
        "part": file.part,
        "about": about,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "url": "" if found.withdrawn_at is not None else _address(found, file.path),
    }


def _address(found: Release, path: str) -> str:
    return reverse("pages:release_file", args=[found.challenge.slug, found.version, path])


def _how_to_use(found: Release, files: list[ReleaseFile], site: str) -> dict[str, Any]:
    """How it is cited, loaded, downloaded and verified."""
    page = permanent_address(found.challenge, found.version, site=site)
    shards = [file.path for file in files if file.path.startswith(f"{PUBLIC}/{DATA}/")]
    archives = [
        {"name": name, "part": part, "bytes": file.bytes, "url": _address(found, name)}
        for part, name in ARCHIVES.items()
        for file in files
        if file.path == name
    ]
    return {
        "page_address": page,
        "root_address": f"{page}root.txt",
        "citation": citation_text(found, site=site),
        "bibtex": full_bibtex(found, site=site),
        "archives": archives,
        "with_datasets": _with_datasets(f"{page}files/", shards),
        "with_pandas": f'import pandas\npairs = pandas.read_csv("{page}files/{PUBLIC}/pairs.csv")',
        "with_client": f"cats4ml download-release {page} -o {found.challenge.slug}-{found.version}",
        "verified": f"cats4ml verify {found.challenge.slug}-{found.version} --root {found.root_digest}",
    }


def _with_datasets(files: str, shards: list[str]) -> str:
    if len(shards) == 1:
        source = f'"{files}{shards[0]}"'
    else:
        name = f"{files}{PUBLIC}/{DATA}/{PUBLIC}-{{n:05}}-of-{len(shards):05}.parquet"
        source = f'[f"{name}" for n in range({len(shards)})]'
    return f'import datasets\npairs = datasets.load_dataset("parquet", data_files={source})["train"]'


def _changelog(files: list[ReleaseFile]) -> str:
    """The text of CHANGELOG.md, its beginning where it is long."""
    file = next((one for one in files if one.path == CHANGELOG), None)
    if file is None:
        return ""
    try:
        with default_storage.open(str(file.file), "rb") as content:
            text = content.read(LONGEST_CHANGELOG + 1).decode("utf-8", "ignore")
    except FileNotFoundError:
        return ""
    return text if len(text) <= LONGEST_CHANGELOG else f"{text[:LONGEST_CHANGELOG]}\n…\n"
