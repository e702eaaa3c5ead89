from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "cats4ml.console"
