"""`manage.py messages`: bring the catalogues of translations up to date with the texts of the sources."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from cats4ml import translations
from cats4ml.ui.extraction import collect, update


class Command(BaseCommand):
    help = "Extracts the texts of Python and templates into cats4ml/locale/*/LC_MESSAGES/django.po, and compiles these."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        found = collect()
        for code, _name in settings.LANGUAGES:
            if code == settings.LANGUAGE_CODE:
                continue
            catalogue = update(translations.LOCALE / code / "LC_MESSAGES" / "django.po", found)
            missing = sum(1 for message in catalogue if message.id and not all(_texts(message.string)))
            self.stdout.write(f"{code}: {len(catalogue)} texts, {missing} not translated")
        translations.compile_changed()


def _texts(string: object) -> tuple[object, ...]:
    return string if isinstance(string, tuple) else (string,)
