from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "cats4ml.review"
