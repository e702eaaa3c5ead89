from django.urls import path

from cats4ml.pages import data, explore, meaning, releases, views

app_name = "pages"
urlpatterns = [
    path("", views.home, name="home"),
    path("healthz/", views.healthz, name="healthz"),
    path("pictures/<uuid:image_uuid>/", views.picture, name="picture"),
    path("challenges/<slug:slug>/", views.challenge, name="challenge"),
    path("challenges/<slug:slug>/join/", views.join, name="join"),
    path("challenges/<slug:slug>/data/", data.data, name="data"),
    path("challenges/<slug:slug>/data/CHECKSUMS", data.data_checksums, name="data_checksums"),
    path("challenges/<slug:slug>/data/<str:name>", data.data_file, name="data_file"),
    path("challenges/<slug:slug>/releases/", releases.releases, name="releases"),
    path("challenges/<slug:slug>/releases/<str:version>/", releases.release, name="release"),
    path("challenges/<slug:slug>/releases/<str:version>/root.txt", releases.release_root, name="release_root"),
    path("challenges/<slug:slug>/releases/<str:version>/files/<path:path>", releases.release_file, name="release_file"),
    path("challenges/<slug:slug>/explore/", explore.explore, name="explore"),
    path("challenges/<slug:slug>/explore/like/<uuid:image_uuid>/", explore.like, name="explore_like"),
    path("challenges/<slug:slug>/explore/picture/<uuid:image_uuid>/", explore.picture, name="explore_picture"),
    path("challenges/<slug:slug>/explore/meaning/", meaning.meaning, name="meaning"),
    path("challenges/<slug:slug>/submissions/", views.mine, name="mine"),
]
