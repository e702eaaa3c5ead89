from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from django.test import Client


@pytest.fixture
def visitor() -> Callable[[], Client]:
    """Makes browsers at an address that no other test is counted by."""
    address = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
    return lambda: Client(REMOTE_ADDR=address)


@pytest.fixture
def outbox(settings) -> None:
    """Mails as the site sends them, in place of Django's list of tests."""
    settings.EMAIL_BACKEND = "cats4ml.accounts.mail.Outbox"
