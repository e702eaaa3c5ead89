"""How a release is cited, and where it is to be found for ever."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from cats4ml.releases import layout
from cats4ml.releases.models import Release


def permanent_address(release: Release) -> str:
    return settings.SITE_URL + reverse("pages:release", args=[release.challenge.slug, release.version])


def _name(release: Release) -> str:
    return f"{release.challenge.title}, release {release.version}"


def _authors(release: Release) -> str:
    return f"The participants, raters and organisers of {release.challenge.title}"


def _year(release: Release) -> str:
    return f"{release.frozen_at:%Y}" if release.frozen_at else ""


def citation_text(release: Release) -> str:
    """As a sentence. The root digest says which bytes are meant."""
    return (
        f"{_authors(release)} ({_year(release)}). {_name(release)}. {permanent_address(release)} "
        f"(root digest {release.root_digest})."
    )


def bibtex(release: Release) -> str:
    fields = {
        "title": f"{{{_braced(_name(release))}}}",
        "author": f"{{{_braced(_authors(release))}}}",
        "year": _year(release),
        "howpublished": f"\\url{{{permanent_address(release)}}}",
        "note": f"Root digest {release.root_digest}. {layout.LICENCE_NAME}",
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{{release.challenge.slug}-{release.version},\n{lines}\n}}"


def _braced(text: str) -> str:
    """A text that can't end BibTeX's braces early."""
    return " ".join(text.replace("\\", "").replace("{", "(").replace("}", ")").split())
