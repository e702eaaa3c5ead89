"""By whom people may sign in here other than by a password: what is set in the environment, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

OIDC = "oidc"


def sign_in_providers(*, oidc_server: str, oidc_name: str, **keys: tuple[str, str]) -> Mapping[str, Any]:
    """allauth's `SOCIALACCOUNT_PROVIDERS` of the pairs of client id and secret; an empty pair switches one off."""
    found: dict[str, Any] = {}
    for name, (client, secret) in keys.items():
        if bool(client) != bool(secret):
            raise ImproperlyConfigured(f"{name.upper()}_CLIENT_ID and {name.upper()}_CLIENT_SECRET belong together")
        if not client:
            continue
        if name != OIDC:
            found[name] = {"APPS": [{"client_id": client, "secret": secret, "key": ""}], **EXTRAS.get(name, {})}
            continue
        if not (oidc_server and oidc_name):
            raise ImproperlyConfigured("OIDC_CLIENT_ID is set: OIDC_SERVER_URL and OIDC_NAME must be, too")
        app = {"provider_id": OIDC, "name": oidc_name, "client_id": client, "secret": secret}
        settings = {"server_url": oidc_server, "oauth_pkce_enabled": True}
        found["openid_connect"] = {"APPS": [{**app, "settings": settings}]}
    return found


EXTRAS: Mapping[str, Mapping[str, Any]] = {
    "github": {"SCOPE": ["user:email"]},
    "google": {"SCOPE": ["profile", "email"], "OAUTH_PKCE_ENABLED": True},
}

_ORIGINS: Mapping[str, str] = {
    "github": "https://github.com",
    "google": "https://accounts.google.com",
    "orcid": "https://orcid.org",
}


def origins_of(providers: Mapping[str, Any]) -> list[str]:
    """Where the buttons of these providers lead: browsers let a form's answer lead to no other place."""
    found = [_ORIGINS[name] for name in providers if name in _ORIGINS]
    for app in providers.get("openid_connect", {}).get("APPS", ()):
        place = urlsplit(app["settings"]["server_url"])
        found.append(f"{place.scheme}://{place.netloc}")
    return found
