from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string


class OperationsConfig(AppConfig):
    name = "cats4ml.operations"

    def ready(self) -> None:
        """Starts traces and reports where they are switched on: by name, for importing them takes a while."""
        if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
            import_string("cats4ml.operations.tracing.start")()
        if settings.SENTRY_DSN:
            import_string("cats4ml.operations.reports.start")()
