from django.urls import path

from cats4ml.review import study_views, views

REVIEW = "challenges/<slug:slug>/review"

app_name = "review"
urlpatterns = [
    path(f"{REVIEW}/", views.review, name="review"),
    path(f"{REVIEW}/answer/", views.answer, name="answer"),
    path(f"{REVIEW}/undo/", views.undo, name="undo"),
    path(f"{REVIEW}/skip/", views.skip, name="skip"),
    path(f"{REVIEW}/kinds/", views.kinds, name="kinds"),
    path(f"{REVIEW}/report/", views.report, name="report"),
    path(f"{REVIEW}/pictures/<uuid:token>/", views.picture, name="picture"),
    path(f"{REVIEW}/examples/<int:example_id>/", views.example, name="example"),
    path("challenges/<slug:slug>/studies/<slug:study>/", study_views.study, name="study"),
]
