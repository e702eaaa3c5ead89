from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "cats4ml.ui"
    label = "ui"
