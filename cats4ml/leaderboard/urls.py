from django.urls import path

from cats4ml.leaderboard import views

app_name = "leaderboard"
urlpatterns = [
    path("challenges/<slug:slug>/leaderboard/", views.board, name="board"),
    path("challenges/<slug:slug>/leaderboard.csv", views.board_csv, name="csv"),
]
