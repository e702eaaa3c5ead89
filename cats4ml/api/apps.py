from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "cats4ml.api"
