"""A site from its backup shows what it showed; a backup that isn't whole restores nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from moto.server import ThreadedMotoServer

from cats4ml.challenges.models import Challenge
from cats4ml.console.workers import database_url
from cats4ml.heartbeats import BACKUP, last_beats
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.replaying import replay_credits
from cats4ml.operations.backup import make_backup
from cats4ml.operations.backup_files import DUMP, BackupRefused, prune, read_manifest, seal, verify
from cats4ml.operations.backup_restore import restore
from cats4ml.releases.models import Release
from cats4ml.releases.storage import copy_to
from cats4ml_client.verifying import verify_release
from tests.factories import START, World, make_world
from tests.releases.small_world import published, settle_some

pytestmark = pytest.mark.django_db(transaction=True)

# What a restored site shows, asked of it by a process of its own.
ASK = """
import json, sys
import django
django.setup()
from pathlib import Path
from django.core.management import call_command
from tests.operations.test_backup import shown
call_command("restore", sys.argv[1])
print("SHOWN " + json.dumps(shown(sys.argv[2], Path(sys.argv[3]))))
"""


def shown(slug: str, out: Path) -> dict[str, object]:
    """Board, data and release of an edition as anybody sees them; the release is verified from a copy in `out`."""
    client = Client(headers={"host": "localhost"})
    paths = [f"/challenges/{slug}/leaderboard/", f"/challenges/{slug}/leaderboard.csv"]
    paths += [f"/api/v1/challenges/{slug}/standings/", f"/api/v1/challenges/{slug}/releases/"]
    answers = {path: client.get(path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    texts = {path: b"".join(answer).decode() for path, answer in answers.items()}
    release = Release.objects.get(challenge__slug=slug)
    copy_to(release, out)
    verified = verify_release(out, root=release.root_digest)
    replay = replay_credits(Challenge.objects.get(slug=slug))
    secret = re.compile(r'(name="csrfmiddlewaretoken" value=|"x-csrftoken": ?)"[^"]*"', re.IGNORECASE)
    return {
        "pages": {path: secret.sub("", text) for path, text in texts.items()},
        "root": release.root_digest,
        "differences": [str(one) for one in verified.differences],
        "replay": [replay.equal, replay.credits, replay.pairs, replay.standings],
    }


@contextmanager
def empty_database() -> Iterator[str]:
    """The address of a database without any table."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}"')
    try:
        yield database_url().replace(f"/{connection.settings_dict['NAME']}", f"/{name}", 1)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def site(settings, tmp_path) -> World:
    """A live edition with pictures and a release, in folders of its own."""
    folder = tmp_path / "site"
    settings.IMAGES_URL = str(folder / "pictures")
    settings.CLASSIFIERS_DIR = folder / "classifiers"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "cats4ml.catalog.storage.PictureFolder",
            "OPTIONS": {"location": settings.IMAGES_URL, "base_url": None},
        },
    }
    settings.CLASSIFIERS_DIR.mkdir(parents=True)
    (settings.CLASSIFIERS_DIR / "one.safetensors").write_bytes(b"weights")
    return live_edition()


@pytest.fixture
def site_in_a_bucket(settings, tmp_path, monkeypatch) -> Iterator[World]:
    """The same, with its pictures, releases and data files in an object storage that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}"}.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="cats")
    settings.IMAGES_URL = "s3://cats/pool"
    options = {"bucket_name": "cats", "location": "pool", "file_overwrite": False}
    storage = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    settings.CLASSIFIERS_DIR = tmp_path / "classifiers"
    settings.CLASSIFIERS_DIR.mkdir()
    (settings.CLASSIFIERS_DIR / "one.safetensors").write_bytes(b"weights")
    yield live_edition()
    server.stop()


def live_edition() -> World:
    world = settle_some(make_world(slug="kept"))
    published(world)
    recount_board(challenge=world.challenge, at=world.pass_time(1))
    return world


def images_url_of(home: Path) -> str:
    """Of a site in another home: another folder, or the same bucket."""
    return settings.IMAGES_URL if "://" in settings.IMAGES_URL else str(home / "pictures")


@pytest.mark.parametrize("where", ["site", "site_in_a_bucket"])
def test_a_site_from_its_backup_shows_the_same_board_and_the_same_release(where, request, tmp_path) -> None:
    request.getfixturevalue(where)
    made = make_backup(tmp_path / "backups", at=START)
    assert last_beats()[BACKUP] == START
    before = shown("kept", tmp_path / "before")
    other = tmp_path / "other"
    with empty_database() as url:
        environment = {**os.environ, "DATABASE_URL": url, "CATS4ML_HOME": str(other)}
        environment |= {"DJANGO_SETTINGS_MODULE": "cats4ml.settings", "REDIS_URL": settings.REDIS_URL}
        environment |= {"IMAGES_URL": images_url_of(other)}
        environment = {key: value for key, value in environment.items() if key != "CLASSIFIERS_DIR"}
        command = [sys.executable, "-c", ASK, str(made.folder), "kept", str(tmp_path / "after")]
        asked = subprocess.run(
            command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
        )
    assert asked.returncode == 0, asked.stdout + asked.stderr
    [after] = re.findall(r"^SHOWN (.*)$", asked.stdout, re.MULTILINE)
    assert json.loads(after) == json.loads(json.dumps(before))
    assert (before["replay"][0], before["differences"], made.missing) == (True, [], [])
    assert (other / "classifiers" / "one.safetensors").read_bytes() == b"weights"
    assert f"{sum(made.manifest['rows'].values()):,} rows and" in asked.stdout
    in_bucket = where == "site_in_a_bucket"
    kept = {entry.name for entry in verify(made.folder)[1] if entry.kept}
    assert (kept == {"one.safetensors"}, "files are in the object storage" in asked.stdout) == (in_bucket, in_bucket)


def test_what_is_not_whole_or_not_meant_restores_nothing_and_a_failed_backup_leaves_none(site, tmp_path) -> None:
    folder = make_backup(tmp_path / "backups", at=START).folder
    rows = Challenge.objects.count()

    def refusal(changed: Path) -> str:
        with pytest.raises(BackupRefused) as refused:
            restore(changed)
        assert Challenge.objects.count() == rows
        return str(refused.value)

    assert "This database is not empty: accounts_user has rows." in refusal(folder)
    assert refusal(folder.parent) == f"{folder.parent} holds 1 backup. Name it: {folder}."
    assert refusal(tmp_path / "nowhere") == f"There is no folder {tmp_path / 'nowhere'}."
    cut = tmp_path / "cut"
    shutil.copytree(folder, cut)
    (cut / DUMP).write_bytes((folder / DUMP).read_bytes()[:-1])
    assert refusal(cut) == f"The backup is damaged: {cut / DUMP} is not as it was written."
    newer = tmp_path / "newer"
    shutil.copytree(folder, newer)
    manifest = read_manifest(newer)
    seal(newer, {**manifest, "migrations": [*manifest["migrations"], "review.9999_not_yet"]})
    assert "of a newer version of this software" in refusal(newer)
    (newer / "manifest.json").write_text("{}")
    assert refusal(newer) == f"{newer / 'manifest.json'} is not as it was written."
    gone = tmp_path / "gone"
    shutil.copytree(folder, gone)
    picture = next((gone / "pictures").rglob("*.png"))
    picture.unlink()
    with pytest.raises(CommandError, match=f"{picture} is missing"):
        call_command("backup", str(gone), "--verify")

    # What failed leaves nothing, and old ones are removed.
    folder = tmp_path / "others"
    first = make_backup(folder, at=site.pass_time(1)).folder
    second = make_backup(folder, at=site.pass_time(1), keep=1)
    assert (second.pruned, verify(second.folder)[0]["format"]) == ([first], 1)
    stored = next(Path(settings.IMAGES_URL).rglob("*.png"))
    stored.unlink()
    stored.write_bytes(b"another picture")
    with pytest.raises(BackupRefused, match="is not as it was stored"):
        make_backup(folder, at=site.pass_time(1))
    (folder / ".partial-of-a-killed-run").mkdir()
    assert [path.name for path in folder.iterdir()].count(second.folder.name) == 1
    assert (prune(folder, keep=1), list(folder.iterdir())) == ([folder / ".partial-of-a-killed-run"], [second.folder])


def test_of_a_database_with_nobody_in_it_no_backup_is_made(tmp_path) -> None:
    with pytest.raises(BackupRefused, match="There is nobody in this database, so it is hardly the site’s"):
        make_backup(tmp_path, at=START)
    assert list(tmp_path.iterdir()) == []
