"""Where the site is and who is asking: the environment, over what `login` saved."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

from cats4ml_client.errors import WrongUse


@dataclass(frozen=True)
class Saved:
    """What the configuration file keeps. `insecure`: its owner agreed to plain http to this address."""

    url: str = ""
    token: str = ""
    challenge: str = ""
    insecure: bool = False


@dataclass(frozen=True)
class Settings:
    """What holds for this run. An empty text stands for what is not known."""

    url: str
    token: str
    challenge: str


def config_file() -> Path:
    """`$XDG_CONFIG_HOME/cats4ml/config.json`, or its like on other systems."""
    return Path(click.get_app_dir("cats4ml")) / "config.json"


def load_saved() -> Saved:
    """What was saved last, or nothing. Raises `WrongUse` for a file that is no such configuration."""
    path = config_file()
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Saved()
    except (OSError, ValueError) as error:
        raise WrongUse(f"{path} can’t be read: {error}.", "Remove it, and sign in again: cats4ml login") from None
    known = {"url": str, "token": str, "challenge": str, "insecure": bool}
    if not isinstance(read, dict) or any(not isinstance(read.get(name, kind()), kind) for name, kind in known.items()):
        raise WrongUse(f"{path} is not a configuration of this program.", "Remove it, and sign in again: cats4ml login")
    return Saved(**{name: read[name] for name in known if name in read})


def save(saved: Saved) -> Path:
    """Keep this for later runs, in a file that its owner alone can read: written aside, then put in place."""
    path = config_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(saved), file, indent=2)
            file.write("\n")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def clean_url(text: str) -> str:
    """The address of a site, whole and without a slash at its end. Raises `WrongUse` for what is none."""
    text = text.strip().rstrip("/")
    if "://" not in text:
        text = f"{'http' if is_local(urlsplit(f'//{text}').hostname) else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise WrongUse(f"“{text[:80]}” is no address of a site.", "It looks like https://cats4ml.example.org")
    if parts.username is not None or parts.password is not None:
        raise WrongUse("An address with a name or a password in it is not taken.", "The token says who you are.")
    return text


def clean_token(text: str) -> str:
    """A token as it can be sent. Raises `WrongUse` for what can't be one."""
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise WrongUse("This is no token: it is one word of letters and digits.", "Copy it whole from “API tokens”.")
    return token


def check_is_private(url: str, *, insecure: bool) -> None:
    """Raises `WrongUse` where a token would travel in the open and nobody agreed to that."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not insecure and not is_local(parts.hostname):
        raise WrongUse(
            f"{url} is plain http: anybody on the way could read your token.",
            "Use https, or say --insecure where you trust the network.",
        )


def is_local(host: str | None) -> bool:
    """Whether nobody is on the way to this host."""
    if host is None:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def settle(
    saved: Saved, environment: Mapping[str, str], *, url: str = "", challenge: str = "", insecure: bool = False
) -> Settings:
    """Options go before the environment, and that before what was saved. A saved token is for its own site only.

    Raises `WrongUse` for an address that can't be, or one to which the token would travel in the open.
    """
    named = url or environment.get("CATS4ML_URL", "")
    where = clean_url(named) if named else saved.url
    is_saved_one = where == saved.url
    token = environment.get("CATS4ML_TOKEN", "") or (saved.token if is_saved_one else "")
    if where:
        check_is_private(where, insecure=insecure or (saved.insecure and is_saved_one))
    return Settings(
        url=where,
        token=clean_token(token) if token else "",
        challenge=challenge or environment.get("CATS4ML_CHALLENGE", "") or (saved.challenge if is_saved_one else ""),
    )
