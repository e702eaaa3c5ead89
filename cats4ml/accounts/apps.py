from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    name = "cats4ml.accounts"
    default = True


class AdminBehindSecondFactor(admin_apps.AdminConfig):
    """Django's admin with this site's door."""

    default_site = "cats4ml.accounts.admin_site.SecondFactorSite"
    default = False
