from django.urls import path

from cats4ml.review import study_views, views

app_name = "review"
urlpatterns = [
    path("challenges/<slug:slug>/review/", views.review, name="review"),
    path("challenges/<slug:slug>/review/answer/", views.answer, name="answer"),
    path("challenges/<slug:slug>/review/undo/", views.undo, name="undo"),
    path("challenges/<slug:slug>/review/report/", views.report, name="report"),
    path("challenges/<slug:slug>/review/pictures/<uuid:token>/", views.picture, name="picture"),
    path("challenges/<slug:slug>/studies/<slug:study>/", study_views.study, name="study"),
]
