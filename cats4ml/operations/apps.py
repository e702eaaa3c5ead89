from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "cats4ml.operations"
