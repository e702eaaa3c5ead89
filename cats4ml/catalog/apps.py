from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "cats4ml.catalog"
