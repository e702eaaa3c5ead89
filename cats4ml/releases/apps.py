from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    name = "cats4ml.releases"
