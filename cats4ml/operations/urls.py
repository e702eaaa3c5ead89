"""Named here so that all of the site's addresses are found in one place; `middleware.Probes` answers them first."""

from django.urls import path

from cats4ml.operations import exposition, probes

app_name = "operations"
urlpatterns = [
    path("healthz/", probes.healthz, name="healthz"),
    path("readyz/", probes.readyz, name="readyz"),
    path("metrics", exposition.metrics, name="metrics"),
]
