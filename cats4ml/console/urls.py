from django.urls import path

from cats4ml.console import views

app_name = "console"
urlpatterns = [
    path("challenges/<slug:slug>/console/", views.overview, name="overview"),
    path("challenges/<slug:slug>/console/pairs/", views.pairs, name="pairs"),
    path("challenges/<slug:slug>/console/requeue/", views.requeue, name="requeue"),
]
