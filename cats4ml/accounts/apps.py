from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "cats4ml.accounts"
