from django.apps import AppConfig


class ChallengesConfig(AppConfig):
    name = "cats4ml.challenges"
