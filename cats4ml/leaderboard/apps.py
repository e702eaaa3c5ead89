from django.apps import AppConfig


class LeaderboardConfig(AppConfig):
    name = "cats4ml.leaderboard"
