from django.apps import AppConfig


class SubmissionsConfig(AppConfig):
    name = "cats4ml.submissions"
