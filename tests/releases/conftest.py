from __future__ import annotations

from pathlib import Path

import pytest
from django.db import transaction

from cats4ml.releases.storage import copy_to
from tests.releases.released import release_of, rich_world


@pytest.fixture(scope="session")
def released(django_db_setup: None, django_db_blocker, tmp_path_factory) -> Path:
    """The tree of a release of `rich_world`, for whoever only reads it: its edition is gone again."""
    folder = tmp_path_factory.mktemp("released") / "rich"
    with django_db_blocker.unblock(), transaction.atomic():
        world = rich_world()
        copy_to(release_of(world.challenge, at=world.pass_time(60), notes="The first."), folder)
        transaction.set_rollback(True)
    return folder
