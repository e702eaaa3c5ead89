"""How a release is cited, and where it is to be found for ever."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from cats4ml.challenges.models import Challenge
from cats4ml.releases import layout
from cats4ml.releases.models import Release


def permanent_address(challenge: Challenge, version: str, *, site: str = "") -> str:
    """`site`: the beginning of the address by which it is looked at, for a site that was told none of its own."""
    return (settings.SITE_URL or site) + reverse("pages:release", args=[challenge.slug, version])


def _authors(challenge: Challenge) -> str:
    return f"The participants, raters and organisers of {challenge.title}"


def citation_text(release: Release, *, site: str = "") -> str:
    """As a sentence, of a release that is frozen. The root digest says which bytes are meant."""
    assert release.frozen_at is not None, "only what is frozen can be cited"
    challenge = release.challenge
    return (
        f"{_authors(challenge)} ({release.frozen_at:%Y}). {challenge.title}, release {release.version}. "
        f"{permanent_address(challenge, release.version, site=site)} (root digest {release.root_digest})."
    )


def bibtex(challenge: Challenge, version: str, frozen_at: datetime, *, root: str = "", site: str = "") -> str:
    """`root`: the root digest, where it is known: it is not in the release's own files, which it is the digest of.
    Where the site was told no address of its own, these have none either."""
    address = permanent_address(challenge, version, site=site)
    fields = {
        "title": f"{{{_braced(f'{challenge.title}, release {version}')}}}",
        "author": f"{{{_braced(_authors(challenge))}}}",
        "year": f"{frozen_at:%Y}",
        **({"howpublished": f"\\url{{{address}}}"} if "://" in address else {}),
        "note": f"Root digest {root}. {layout.LICENCE_NAME}" if root else layout.LICENCE_NAME,
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{{challenge.slug}-{version},\n{lines}\n}}"


def full_bibtex(release: Release, *, site: str = "") -> str:
    """With the root digest, of a release that is frozen."""
    assert release.frozen_at is not None, "only what is frozen can be cited"
    return bibtex(release.challenge, release.version, release.frozen_at, root=release.root_digest, site=site)


def _braced(text: str) -> str:
    """A text that can't end BibTeX's braces early."""
    return " ".join(text.replace("\\", "").replace("{", "(").replace("}", ")").split())
