from django.urls import path

from cats4ml.console import agreement_views, near_copy_views, roster_views, views

app_name = "console"
urlpatterns = [
    path("challenges/<slug:slug>/console/", views.overview, name="overview"),
    path("challenges/<slug:slug>/console/pairs/", views.pairs, name="pairs"),
    path("challenges/<slug:slug>/console/pairs/<int:pk>/", agreement_views.pair, name="pair"),
    path("challenges/<slug:slug>/console/agreement/", agreement_views.agreement, name="agreement"),
    path("challenges/<slug:slug>/console/agreement/answers/", agreement_views.answers, name="agreement_answers"),
    path("challenges/<slug:slug>/console/requeue/", views.requeue, name="requeue"),
    path("challenges/<slug:slug>/console/classifiers/", roster_views.classifiers, name="classifiers"),
    path("challenges/<slug:slug>/console/classifiers/<int:version>/", roster_views.roster, name="roster"),
    path("challenges/<slug:slug>/console/classifiers/<int:version>/ask/", roster_views.roster_ask, name="roster_ask"),
    path(
        "challenges/<slug:slug>/console/classifiers/<int:version>/apply/",
        roster_views.roster_apply,
        name="roster_apply",
    ),
    path("challenges/<slug:slug>/console/near-copies/", near_copy_views.near_copies, name="near_copies"),
    path(
        "challenges/<slug:slug>/console/near-copies/<int:pk>/",
        near_copy_views.near_copy_decide,
        name="near_copy_decide",
    ),
]
