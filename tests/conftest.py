from __future__ import annotations

import pytest

from tests.factories import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """Hash the passwords of test people quickly: a slow hash proves nothing here and takes most of the time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
