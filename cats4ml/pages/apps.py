from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "cats4ml.pages"
