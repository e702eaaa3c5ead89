from django.urls import path

from cats4ml.releases import evaluation_views as views

HERE = "challenges/<slug:slug>/releases/<str:version>/classifiers/"

app_name = "evaluations"
urlpatterns = [
    path(HERE, views.board, name="board"),
    path(f"{HERE}questions.csv", views.questions, name="questions"),
    path(f"{HERE}<uuid:evaluation_id>/", views.evaluation, name="evaluation"),
    path(f"{HERE}<uuid:evaluation_id>/listing/", views.listing, name="listing"),
]
