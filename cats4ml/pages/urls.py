from django.urls import path

from cats4ml.pages import views

app_name = "pages"
urlpatterns = [
    path("", views.home, name="home"),
    path("healthz/", views.healthz, name="healthz"),
    path("pictures/<uuid:image_uuid>/", views.picture, name="picture"),
    path("challenges/<slug:slug>/", views.challenge, name="challenge"),
    path("challenges/<slug:slug>/join/", views.join, name="join"),
    path("challenges/<slug:slug>/data/", views.data, name="data"),
    path("challenges/<slug:slug>/data/labels.csv", views.labels_csv, name="labels_csv"),
    path("challenges/<slug:slug>/data/images.csv", views.images_csv, name="images_csv"),
    path("challenges/<slug:slug>/explore/", views.explore, name="explore"),
    path("challenges/<slug:slug>/submissions/", views.mine, name="mine"),
]
